"""The tree of probabilities: continental groups, their regions, their populations, as far as the evidence goes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from palabs.answer import Answer
from palabs.populations import CONTINENTS, POPULATIONS, REGIONS, continent_of, name_of
from palabs.report_html import Html, bar, bar_row, join, section, table, tag
from palabs.report_words import interval, percent, ranked, sets_in_words

SHOWN = 0.01  # nodes less likely than this stand together in one row

UNSETTLED = {
    "world": "Not settled: the evidence does not choose between the continental groups.",
    "continent": "Not settled below this: the evidence does not choose between the regions.",
    "region": "Not settled below this: the evidence does not choose between the populations.",
}


def tree_section(answer: Answer) -> Html:
    """The section with the tree, the prediction sets and the table of all nodes."""
    level = f"{100 * answer.interval_level:.0f} %"
    how = (
        "How likely each node is as the closest match; at each level the numbers sum to 100 %. The thin line is the "
        f"{level} interval: how far the number moves when other stretches of the genome are drawn."
    )
    return section(
        "How likely is which?",
        tag("p", how, class_="soft"),
        _note(answer, "world"),
        _branch(answer, answer.superpopulations),
        tag("div", *(tag("p", text) for text in sets_in_words(answer)), class_="sets"),
        _all_nodes(answer),
    )


def _branch(answer: Answer, table_: Mapping[str, float]) -> Html:
    """The likely nodes below one node, each with what is below it, and the unlikely ones in one row."""
    order = ranked(table_)
    likely = [code for code, probability in order if probability >= SHOWN] or [order[0][0]]
    rest = [(code, probability) for code, probability in order if code not in likely]
    rows = [tag("li", _node(answer, code), class_=_state(answer, code)) for code in likely]
    if rest:
        rows.append(tag("li", _together(rest), class_="rest"))
    return tag("ul", *rows, class_="tree")


def _node(answer: Answer, code: str) -> Html:
    probability = answer.probability_of(code)
    low, high = answer.intervals[code]
    drawn = bar(continent_of(code), probability, low=low, high=high)
    row = bar_row(name_of(code), drawn, percent(probability), f"({interval((low, high))})")
    below = _below(answer, code)
    more = (_note(answer, code), _branch(answer, below)) if len(below) > 1 else (_only_one(below),)
    return join([row, *(more if below else ())])


def _only_one(below: Mapping[str, float]) -> Html:
    """A region of one population is that population."""
    return tag("p", f"one population: {', '.join(name_of(code) for code in below)}", class_="soft only")


def _below(answer: Answer, code: str) -> dict[str, float]:
    """The probabilities of the nodes right below a node; none below a population."""
    if code in CONTINENTS:
        return {region: p for region, p in answer.regions.items() if REGIONS[region].continent == code}
    return {name: p for name, p in answer.populations.items() if POPULATIONS[name].region == code}


def _together(rest: list[tuple[str, float]]) -> Html:
    total = sum(probability for _, probability in rest)
    name = name_of(rest[0][0]) if len(rest) == 1 else f"{len(rest)} others together"
    return bar_row(name, bar(continent_of(rest[0][0]), total), percent(total))


def _note(answer: Answer, code: str) -> Html:
    """Where the evidence ends, said at the node where it ends."""
    if code != answer.conclusion.code or answer.conclusion.level not in UNSETTLED:
        return Html()
    return tag("p", UNSETTLED[answer.conclusion.level], class_="ends")


def _state(answer: Answer, code: str) -> str:
    """`settled` for the conclusion and what is above it, `open` for all else."""
    return "settled" if code in _path(answer.conclusion.code) else "open"


def _path(code: str) -> Iterator[str]:
    """A node and the nodes above it."""
    yield code
    if code in POPULATIONS:
        yield POPULATIONS[code].region
    if code in POPULATIONS or code in REGIONS:
        yield continent_of(code)


def _all_nodes(answer: Answer) -> Html:
    rows = [
        (f"{indent}{name_of(code)}", percent(answer.probability_of(code)), interval(answer.intervals[code]))
        for code, indent in _in_order()
    ]
    listing = table(rows, head=("Node", "Probability", "Interval"), class_="numbers")
    return tag("details", tag("summary", f"All {len(rows)} numbers"), listing)


def _in_order() -> Iterator[tuple[str, str]]:
    """Every node with its indentation, each below its parent."""
    for continent in CONTINENTS:
        yield continent, ""
        for region in (code for code in REGIONS if REGIONS[code].continent == continent):
            yield region, "– "
            yield from ((code, "– – ") for code in POPULATIONS if POPULATIONS[code].region == region)
