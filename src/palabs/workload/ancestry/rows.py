"""What a file holds of the panel, before builds, strands and duplicates are settled."""

from __future__ import annotations

from dataclasses import dataclass

from .hits import Hits


@dataclass(frozen=True)
class Rows:
    """The format of a file, its number of rows, and its rows at panel SNPs.

    `variants_only` is true of a VCF that lists no genotype without a variant; `blocks` of one that says in blocks
    where there is none (gVCF). `phased` is true where heterozygous genotypes tell which letter is on which haplotype
    of a whole chromosome. `people` is how many people the file holds.
    """

    format: str
    count: int
    hits: Hits
    variants_only: bool = False
    blocks: bool = False
    phased: bool = False
    people: int = 1
