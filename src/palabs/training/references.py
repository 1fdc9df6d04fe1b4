"""HGDP's allele frequencies as counts at the panel's sites: further reference populations that are no answer."""

from __future__ import annotations

import lzma
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from palabs.training.sources import rs_number, table
from palabs.workload.ancestry.model import Counts, Sites

MISSING = 255
FULL = 254
LETTERS = np.frombuffer(b"ACGT", np.uint8)
COMPLEMENT = np.zeros(256, dtype=np.uint8)
COMPLEMENT[LETTERS] = np.frombuffer(b"TGCA", np.uint8)

# The continents of HGDP's populations, where they are one of the five; the others support none of them.
CONTINENTS = {
    "AFR": "Bandu_Kenya Bandu_SouthAfrica Mandenka_Senegal Yoruba_Nigeria",
    "AMR": "Colombian_Colombia Karitiana_Brazil Mayan_Mexico Pima_Mexico Surui_Brazil",
    "EAS": "Cambodian_Cambodia Dai_China Daur_China Han_China Hezhen_China Japanese_Japan Lahu_China Miao_China "
    "Mongolian_China Naxi_China Northern_Han_China Oroqen_China She_China Tu_China Tujia_China Xibo_China Yi_China",
    "EUR": "Adygei_russia Basque_France Bergamo_Italy French_France Orcadian_Orkney Russian_Russia Sardinian_Italy "
    "Tuscan_Italy",
    "SAS": "Balochi_Pakistan Brahui_Pakistan Burusho_Pakistan Makrani_Pakistan Pathan_Pakistan Sindhi_Pakistan",
}
CONTINENT_OF = {name: continent for continent, names in CONTINENTS.items() for name in names.split()}


@dataclass(frozen=True)
class References:
    """HGDP at the panel's sites: names, the continent each supports or "", counts and totals (sites x names)."""

    names: tuple[str, ...]
    continents: tuple[str, ...]
    counts: Counts
    totals: Counts


def read_references(genomes: Path, sites: Sites) -> References:
    """HGDP's frequencies at the sites, on their strand; a total of 0 where HGDP has no data or other letters."""
    folder = genomes / "hgdp_af"
    people = {row[0]: int(row[1]) for row in table(folder / "populations.tsv")}
    with lzma.open(folder / "sites.tsv.xz", "rt") as file:
        rows = [line.split() for line in file][1:]
    raw = lzma.decompress((folder / "af_u8_54x660905.bin.xz").read_bytes())
    values = np.frombuffer(raw, np.uint8).reshape(len(people), len(rows))
    at = {rs_number(row[0]): number for number, row in enumerate(rows) if row[0].startswith("rs")}
    found = np.array([at.get(rs, -1) if rs else -1 for rs in sites.rs.tolist()])
    letters = np.array([[ord(row[1][0]), ord(row[2][0])] for row in rows], dtype=np.uint8)[found]
    turned = orientation(letters, sites) * (found >= 0)
    chromosomes = 2 * np.array(list(people.values()))
    there = (values[:, found].T != MISSING) & (turned != 0)[:, None]
    share = values[:, found].T / FULL
    share = np.where((turned < 0)[:, None], 1 - share, share)
    totals = np.where(there, chromosomes, 0).astype(np.uint8)
    counts = np.where(there, np.rint(share * chromosomes), 0).astype(np.uint8)
    return References(tuple(people), tuple(CONTINENT_OF.get(name, "") for name in people), counts, totals)


def orientation(letters: NDArray[np.uint8], sites: Sites) -> NDArray[np.int8]:
    """How pairs of letters (sites x 2) stand to the sites': 1 the first is the counted one, -1 the second is, on
    whichever strand; 0 where they are other letters. No site is palindromic, so the strand does no harm.
    """
    pair = np.stack([sites.counted, sites.other], axis=1)
    result = np.zeros(len(sites), dtype=np.int8)
    for strand in (letters, COMPLEMENT[letters]):
        result[(strand == pair).all(axis=1)] = 1
        result[(strand == pair[:, ::-1]).all(axis=1)] = -1
    return np.where(sites.counted > 0, result, 0).astype(np.int8)
