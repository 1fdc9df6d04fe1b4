"""What must hold between the parts of an answer, beyond the types of its fields.

1. Each level has a probability for each of its known codes, and they sum to one.
2. Levels agree: a node is as likely as the nodes below it together.
3. Every node has an interval, which holds its probability.
4. The conclusion names a node of its level, with that node's probability.
5. A prediction set names known codes of its level, at least one, none twice.
6. Shares are of known components, none twice, sum to one, and lie within their intervals.
7. Painted chromosomes rise, and so do the segments of each copy, which do not overlap
   and are not too many.
8. The SNPs add up: what was used and what was missing is no more than the panel has.

Each step is a function that returns what is wrong, or nothing; all that is wrong is said at once.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

from confide.errors import Finding, Refused
from palabs.populations import COMPONENTS, CONTINENTS, POPULATIONS, REGIONS

if TYPE_CHECKING:
    from palabs.answer import Admixture, Answer, Painting, Segment

TOLERANCE = 0.001  # of sums: 26 numbers rounded to four places may be off by as much
ROUNDING = 1e-4  # of a number that stands in the answer twice
WORLD = "world"
SEGMENTS = 4_400  # of a painting: one in 1.3 million base pairs; more would make the report larger than it may be
COUNTED = ("in_file", "panel", "used", "missing", "strand_flipped")
REMEDY = "Check that the bundle is the ancestry workload of this version."


def check_answer(answer: Answer) -> None:
    """Raises Refused with a finding for each step that fails."""
    steps = (
        ("answer.probabilities", probabilities_amiss(answer), "the known codes of each level, summing to 1"),
        ("answer.levels", levels_amiss(answer), "levels that agree"),
        ("answer.intervals", intervals_amiss(answer), "an interval round each of the probabilities"),
        ("answer.conclusion", conclusion_amiss(answer), "a node of the tree with its own probability"),
        ("answer.sets", sets_amiss(answer), "known codes at each level, at least one, none twice"),
        ("answer.admixture", admixture_amiss(answer.admixture), "known components, shares that sum to 1"),
        ("answer.painting", painting_amiss(answer.painting), "known components in rising order"),
        ("answer.snps", snps_amiss(answer.snps), f"the counts {', '.join(COUNTED)}, which fit the panel"),
    )
    findings = [Finding(code, got, wanted, REMEDY) for code, got, wanted in steps if got]
    if findings:
        raise Refused(findings)


def probabilities_amiss(answer: Answer) -> str:
    """Step 1."""
    levels: tuple[tuple[str, Mapping[str, float], Collection[str]], ...] = (
        ("continents", answer.superpopulations, CONTINENTS),
        ("regions", answer.regions, REGIONS),
        ("populations", answer.populations, POPULATIONS),
    )
    for level, table, names in levels:
        if set(table) != set(names) or abs(sum(table.values()) - 1) > TOLERANCE:
            return f"{len(table)} probabilities of {level} that sum to {sum(table.values()):.4f}"
    return ""


def levels_amiss(answer: Answer) -> str:
    """Step 2."""
    below = dict.fromkeys([*CONTINENTS, *REGIONS], 0.0)
    for code, region in REGIONS.items():
        below[region.continent] += answer.regions.get(code, 0)
    for code, population in POPULATIONS.items():
        below[population.region] += answer.populations.get(code, 0)
    above = {**answer.superpopulations, **answer.regions}
    apart = [code for code in below if abs(above.get(code, 0) - below[code]) > TOLERANCE]
    return f"{apart[0]} at {above.get(apart[0], 0):.4f}, and {below[apart[0]]:.4f} below it" if apart else ""


def intervals_amiss(answer: Answer) -> str:
    """Step 3."""
    values = {**answer.superpopulations, **answer.regions, **answer.populations}
    if set(answer.intervals) != set(values):
        return f"{len(answer.intervals)} intervals for {len(values)} probabilities"
    outside = [code for code, value in values.items() if not _holds(answer.intervals[code], value)]
    return f"an interval of {outside[0]} that does not hold its probability" if outside else ""


def _holds(interval: tuple[float, float], value: float) -> bool:
    return interval[0] - ROUNDING <= value <= interval[1] + ROUNDING


def conclusion_amiss(answer: Answer) -> str:
    """Step 4."""
    conclusion = answer.conclusion
    tables: dict[str, Mapping[str, float]] = {
        "world": {WORLD: 1.0},
        "continent": answer.superpopulations,
        "region": answer.regions,
        "population": answer.populations,
    }
    value = tables[conclusion.level].get(conclusion.code)
    if value is None:
        return f"a {conclusion.level} of an unknown code"
    if abs(value - conclusion.probability) > ROUNDING:
        return f"{conclusion.probability:.4f} for a node of {value:.4f}"
    return ""


def sets_amiss(answer: Answer) -> str:
    """Step 5."""
    sets = answer.prediction_sets
    levels: tuple[tuple[str, Sequence[str], Collection[str]], ...] = (
        ("continents", sets.continent, CONTINENTS),
        ("regions", sets.region, REGIONS),
        ("populations", sets.population, POPULATIONS),
    )
    wrong = [level for level, codes, names in levels if not codes or not _distinct(codes, names)]
    return f"a set of {wrong[0]} that is empty or has unknown or repeated codes" if wrong else ""


def _distinct(codes: Sequence[str], names: Collection[str]) -> bool:
    return len(set(codes)) == len(codes) and set(codes) <= set(names)


def admixture_amiss(admixture: Admixture | None) -> str:
    """Step 6."""
    if admixture is None:
        return ""
    rows = admixture.components
    total = sum(row.share for row in rows)
    if not _distinct([row.code for row in rows], COMPONENTS) or abs(total - 1) > TOLERANCE:
        return f"{len(rows)} shares that sum to {total:.4f}"
    outside = [row.code for row in rows if not _holds((row.low, row.high), row.share)]
    return f"an interval of {outside[0]} that does not hold its share" if outside else ""


def painting_amiss(painting: Painting | None) -> str:
    """Step 7."""
    if painting is None:
        return ""
    numbers = [row.chromosome for row in painting.chromosomes]
    if any(later <= earlier for earlier, later in pairwise(numbers)):
        return "chromosomes that do not rise"
    copies = [copy for row in painting.chromosomes for copy in row.haplotypes]
    if sum(map(len, copies)) > SEGMENTS:
        return f"{sum(map(len, copies))} segments, more than {SEGMENTS}"
    return next((wrong for copy in copies for wrong in _segments_amiss(copy)), "")


def _segments_amiss(segments: Sequence[Segment]) -> Iterator[str]:
    if any(segment.component not in COMPONENTS for segment in segments):
        yield "a segment of an unknown component"
    if any(segment.end <= segment.start for segment in segments):
        yield "a segment that ends where it starts, or before"
    if any(later.start < earlier.end for earlier, later in pairwise(segments)):
        yield "segments that overlap"


def snps_amiss(snps: Mapping[str, int]) -> str:
    """Step 8."""
    absent = [name for name in COUNTED if name not in snps]
    if absent:
        return f"no count `{absent[0]}`"
    if snps["used"] + snps["missing"] > snps["panel"]:
        return f"{snps['used']} used and {snps['missing']} missing of a panel of {snps['panel']}"
    return ""
