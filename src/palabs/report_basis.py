"""What the answer rests on: the file and its SNPs, how often the model is right, the people it was made from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from palabs.answer import Answer
from palabs.figures import Bin, Evaluation, Row
from palabs.populations import CONTINENTS, POPULATIONS, REGIONS
from palabs.report_html import Html, bar, bar_row, section, table, tag
from palabs.report_words import NAMES, is_doubted, listed, of_100, reliability, sets_in_words, span, told
from palabs.versions import Version

REASONS = {
    "missing": "not in the file",
    "no_call": "in the file, but without a result",
    "low_quality": "marked as low quality by the laboratory",
    "not_single_nucleotide": "shown as an insertion, deletion or single letter",
    "allele_mismatch": "with letters that this SNP does not have",
    "conflicting_duplicate": "twice in the file, with different results",
    "nucleotides_unknown": "with letters that only a VCF can settle",
}
NO_REASON = {"in_file", "panel", "used", "strand_flipped"}


def file_section(answer: Answer) -> Html:
    """The section on the file: what it had, what was used, what was not and why, what was put right."""
    snps = answer.snps
    lost = [(f"not used: {text}", f"{number:,}") for text, number in reasons(snps)]
    elsewhere = snps["in_file"] - (snps["panel"] - snps["missing"])
    beside = [("of these at other SNPs, or repeated", f"{elsewhere:,}")] if elsewhere > 0 else []
    rows = [
        ("rows in the file", f"{snps['in_file']:,}"),
        *beside,
        ("SNPs that the model looks at", f"{snps['panel']:,}"),
        ("used", f"{snps['used']:,}"),
        *lost,
    ]
    return section(
        "What it rests on",
        tag("p", f"{answer.file.format} file, {build(answer)}{strand(snps)}"),
        *(tag("p", text) for text in kind_of_file(answer)),
        table(rows, class_="numbers"),
        tag(
            "p",
            f"The SNPs used hold {answer.evidence.information:,.0f} nats of information in "
            f"{answer.evidence.blocks:,} independent stretches of the genome.",
            class_="soft",
        ),
    )


def reasons(snps: Mapping[str, int]) -> list[tuple[str, int]]:
    """Why SNPs were not used, in words, the commonest first."""
    lost = {key: number for key, number in snps.items() if key not in NO_REASON and number}
    return [(REASONS.get(key, key.replace("_", " ")), number) for key, number in sorted(lost.items(), key=_commonest)]


def _commonest(item: tuple[str, int]) -> tuple[int, str]:
    return -item[1], item[0]


def build(answer: Answer) -> str:
    """How the positions were read."""
    if answer.file.build == "unknown":
        return "read by the names of its SNPs (rs numbers): its positions fit no known build of the genome."
    return f"positions in build {answer.file.build}, found from the data and not from the header."


def strand(snps: Mapping[str, int]) -> str:
    """What was done about the strand."""
    turned = snps["strand_flipped"]
    return f" {turned:,} of the SNPs used stood on the other strand and {'was' if turned == 1 else 'were'} turned."


def kind_of_file(answer: Answer) -> Iterator[str]:
    """What else is to be known of the file."""
    if answer.file.variants_only:
        yield "It lists only places where you differ from the reference genome; the calculation allows for it."
    if answer.file.phased:
        yield "It is phased: it tells the two copies of each chromosome apart."


def reliability_section(answer: Answer, evaluation: Evaluation) -> Html:
    """The section on how often people who were told as much were right."""
    row, what = evaluation.nearest(answer.evidence.information), told(answer)
    quality = row.quality(what.level)
    your_bin = None if is_doubted(answer) else quality.bin_of(what.probability)
    about = (
        f"The model answered for {row.people:,} people of the 26 populations whom it had not seen, from files that "
        f"show about as much as yours ({row.snps:,} SNPs)."
    )
    return section(
        "How often is it right?",
        tag("p", reliability(answer, row), class_="big"),
        tag("p", about, *_other_version(answer, evaluation), class_="soft"),
        tag("h3", f"People told a probability for their closest {NAMES[what.level]}, and how many were right"),
        *(_bin_row(found, yours=found == your_bin) for found in reversed(quality.bins)),
        tag("p", "The mark is where the bar would end were the numbers exactly right.", class_="soft"),
        _accuracies(row),
        *(_coverage(evaluation.sets.get(row.name, {})) if sets_in_words(answer)[1] else ()),
    )


def _other_version(answer: Answer, evaluation: Evaluation) -> Iterator[str]:
    if answer.model.digest != evaluation.model:
        yield " These figures were measured on another version of the model than the one that answered here."


def _bin_row(found: Bin, *, yours: bool) -> Html:
    name = f"told {span(found)}{', as you were' if yours else ''}"
    words = f"{of_100(found.right)} of 100"
    return bar_row(
        name,
        bar("people", found.right, low=found.told),
        words,
        f"({found.people:,} {'person' if found.people == 1 else 'people'})",
    )


def _accuracies(row: Row) -> Html:
    levels = (("continental group", row.continents), ("region", row.regions), ("population", row.populations))
    rows = [(name, f"{100 * q.accuracy:.1f} %", f"{100 * q.top3:.1f} %", f"{q.ece:.3f}") for name, q in levels]
    return table(rows, head=("First choice", "right", "among three", "calibration error"), class_="numbers")


def _coverage(sets: Mapping[str, float]) -> Iterator[Html]:
    """How often the prediction sets held the truth, where that was measured."""
    if sets:
        found = listed([f"{of_100(share)} ({level})" for level, share in sets.items()])
        yield tag("p", f"The sets of groups held the truth for this many of 100 people: {found}.", class_="soft")


def references_section(answer: Answer, people: Mapping[str, int]) -> Html:
    """The section on the reference populations: whom the model was made from. `people` may lack a count."""
    rows = [
        (POPULATIONS[code].name, REGIONS[POPULATIONS[code].region].name, f"{people[code]:,}" if code in people else "–")
        for code in sorted(POPULATIONS, key=_in_tree)
    ]
    return section(
        "Whom you were compared with",
        tag(
            "p",
            f"{answer.model.people:,} people of the {answer.model.populations} populations of the 1000 Genomes "
            f"Project, at {answer.model.snps:,} SNPs. They consented to open publication. The five continental groups "
            "are that project's own; “Mixed American” means people of Colombia, Mexico, Peru and Puerto Rico. For "
            "shares and the painting of chromosomes, people of the Human Genome Diversity Panel stand for Indigenous "
            "American and Oceanian ancestors.",
        ),
        tag(
            "details", tag("summary", "All reference populations"), table(rows, head=("Population", "Region", "People"))
        ),
    )


def reference_people(digest: str) -> dict[str, int]:
    """People of each population behind the packaged model: those typed at its best-covered SNP. Empty where the answer
    came from a model of another digest.
    """
    from palabs.workload.ancestry.model import load  # noqa: PLC0415 - commands start without numpy

    model, packaged = load()
    if digest != packaged:
        return {}
    return dict(zip(model.populations, (model.totals.max(axis=0) // 2).tolist(), strict=True))


def _in_tree(code: str) -> tuple[int, str, str]:
    region = POPULATIONS[code].region
    return list(CONTINENTS).index(REGIONS[region].continent), region, code


def model_footer(answer: Answer, version: Version | None) -> Html:
    """Which model answered, and what changed since the one before."""
    digest = tag("p", "Model ", tag("span", answer.model.digest, class_="digest"))
    if version is None:
        return tag("footer", digest, tag("p", "This program does not know what changed in it."), class_="soft")
    return tag(
        "footer",
        digest,
        tag("p", f"Of {version.date}. What changed since the version before: {version.changes}"),
        class_="soft",
    )
