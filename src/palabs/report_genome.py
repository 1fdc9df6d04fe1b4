"""What the genome is made of: shares of the components with their intervals, and their places along the chromosomes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from palabs.answer import Admixture, Answer, PaintedChromosome, Painting, Segment
from palabs.populations import COMPONENTS
from palabs.report_html import Html, bar, bar_row, section, table, tag
from palabs.report_words import (
    TOO_FEW,
    interval,
    listed,
    percent,
    shares_are_told,
    shares_in_order,
    shares_in_words,
)

LIKELY, SURE = 0.6, 0.8  # stretches less probable than these are drawn paler

# Lengths of the autosomes in millions of base pairs (Genome Reference Consortium, GRCh37; other builds differ by less
# than the pictures show).
LENGTHS = (
    249, 243, 198, 191, 181, 171, 159, 146, 141, 136, 135, 134, 115, 107, 103, 90, 81, 78, 59, 63, 48, 51,
)  # fmt: skip
MILLION = 1_000_000
HIGH, GAP = 8, 2  # of a chromosome copy, and between the two

# What is drawn over the colour, so that components differ without it: SVG path data in a tile of TILE units.
TILE = 6
PATTERNS = {
    "AFR": "M0 6L6 0M-1 1L1 -1M5 7L7 5",
    "AMR": "M3 0V6",
    "EAS": "M0 3H6",
    "EUR": "",
    "SAS": "M0 0L6 6M-1 5L1 7M5 -1L7 1",
    "OCE": "M3 0V6M0 3H6",
}


def shares_section(answer: Answer) -> Html:
    """The section on shares."""
    why = (
        "This is another question than the closest population: how much of your DNA comes from each of six old "
        "groups of ancestors."
    )
    title = "What your DNA is made of"
    if answer.admixture is None:
        return section(title, tag("p", why, class_="soft"), tag("p", shares_in_words(answer)))
    doubt = () if shares_are_told(answer.admixture) else (tag("p", TOO_FEW, class_="ends"),)
    rows, basis = _share_rows(answer.admixture), _basis(answer.admixture)
    return section(title, tag("p", why, class_="soft"), *doubt, *rows, basis)


def _share_rows(admixture: Admixture) -> Iterator[Html]:
    told = shares_are_told(admixture)
    for row in shares_in_order(admixture):
        drawn = bar(row.code, row.share if told else 0, low=row.low, high=row.high)
        reach = interval((row.low, row.high))
        words = (percent(row.share), f"({reach})") if told else (reach, "")
        yield bar_row(COMPONENTS[row.code], drawn, *words)


def _basis(admixture: Admixture) -> Html:
    return tag(
        "p",
        f"From {admixture.snps:,} SNPs in {admixture.blocks:,} independent stretches. The thin line is the "
        f"{100 * admixture.level:.0f} % interval; where it touches zero, the share may be nothing at all.",
        class_="soft",
    )


def painting_section(answer: Answer) -> Html:
    """The section with the painted chromosomes; nothing where the file is not phased."""
    if answer.painting is None:
        return Html()
    painting = answer.painting
    lengths = [lengths_of(row) for row in painting.chromosomes]
    whole = sum(lengths, Counter[str]())
    words = f"Painted chromosomes: {in_words(whole)}."
    return section(
        "Along your chromosomes",
        tag("p", "Your file tells the two copies of each chromosome apart, one from each parent.", class_="soft"),
        _patterns(),
        _legend(whole),
        tag("div", *(_pair(row) for row in painting.chromosomes), class_="painting", role="img", aria_label=words),
        tag(
            "p",
            f"The paler, the less sure: full colour from a probability of {100 * SURE:.0f} %, palest under "
            f"{100 * LIKELY:.0f} %. Copies may be swapped along a chromosome: phasing makes mistakes. Positions in "
            f"GRCh{painting.build}.",
            class_="soft",
        ),
        _as_table(painting, lengths),
    )


def lengths_of(row: PaintedChromosome) -> Counter[str]:
    """Base pairs of each component on both copies of a chromosome."""
    total: Counter[str] = Counter()
    for segment in (segment for copy in row.haplotypes for segment in copy):
        total[segment.component] += segment.end - segment.start
    return total


def in_words(lengths: Counter[str]) -> str:
    """Components and their shares of what was painted, the largest first."""
    whole = lengths.total()
    parts = [f"{COMPONENTS[code]} {percent(length / whole)}" for code, length in lengths.most_common()]
    return listed(parts) if parts else "nothing"


def _patterns() -> Html:
    tiles = (
        tag(
            "pattern",
            tag("rect", class_=code, width=TILE, height=TILE),
            tag("path", class_="hatch", d=lines),
            id=code,
            width=TILE,
            height=TILE,
            patternUnits="userSpaceOnUse",
        )
        for code, lines in PATTERNS.items()
    )
    return tag("svg", tag("defs", *tiles), class_="defs", width=0, height=0, aria_hidden="true", focusable="false")


def _legend(whole: Counter[str]) -> Html:
    rows = (tag("li", _swatch(code), COMPONENTS[code]) for code, _ in whole.most_common())
    return tag("ul", *rows, class_="legend")


def _swatch(code: str) -> Html:
    return tag(
        "svg",
        tag("rect", width=22, height=12, fill=f"url(#{code})"),
        width=22,
        height=12,
        aria_hidden="true",
        focusable="false",
    )


def _pair(row: PaintedChromosome) -> Html:
    """The two copies of a chromosome, one above the other, on the scale of the longest."""
    length = LENGTHS[row.chromosome - 1] * MILLION
    copies = (
        tag("svg", *_copy(copy, length), y=number * (HIGH + GAP), height=HIGH)
        for number, copy in enumerate(row.haplotypes)
    )
    drawn = tag("svg", *copies, width="100%", height=2 * HIGH + GAP, aria_hidden="true", focusable="false")
    across = 100 * LENGTHS[row.chromosome - 1] / max(LENGTHS)
    return tag(
        "div",
        tag("span", str(row.chromosome), class_="name"),
        tag("div", tag("div", drawn, style=f"width:{across:.1f}%")),
        class_="pair",
    )


def _copy(copy: Sequence[Segment], length: int) -> Iterator[Html]:
    yield tag("rect", class_="blank", width="100%", height=HIGH)
    for segment in copy:
        start, end = min(1.0, segment.start / length), min(1.0, segment.end / length)
        yield tag(
            "rect",
            x=f"{100 * start:.1f}%",
            width=f"{max(0.1, 100 * (end - start)):.1f}%",
            height=HIGH,
            fill=f"url(#{segment.component})",
            opacity=_opacity(segment.probability),
        )


def _opacity(probability: float) -> float | None:
    if probability >= SURE:
        return None
    return 0.7 if probability >= LIKELY else 0.4


def _as_table(painting: Painting, lengths: Sequence[Counter[str]]) -> Html:
    rows = [(str(row.chromosome), in_words(total)) for row, total in zip(painting.chromosomes, lengths, strict=True)]
    listing = table(rows, head=("Chromosome", "Both copies together"))
    return tag("details", tag("summary", "The same in words"), listing)
