"""The tree of probabilities: continental groups, their regions, their populations, as far as the evidence goes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from palabs.answer import Answer
from palabs.populations import CONTINENTS, POPULATIONS, REGIONS, continent_of, name_of
from palabs.report_html import Html, bar, bar_row, join, section, table, tag
from palabs.report_words import (
    SUPPOSED,
    below,
    interval,
    is_doubted,
    percent,
    ranked,
    sets_in_words,
    tree_title,
    where_it_ends,
)

SHOWN = 0.01  # nodes less likely than this stand together in one row
OPENED = 0.05  # only nodes as likely as this show what is below them; the table of all has the rest


def tree_section(answer: Answer) -> Html:
    """The section with the tree, the prediction sets and the table of all nodes."""
    promise, sets = sets_in_words(answer)
    return section(
        tree_title(answer),
        tag("p", _how(answer), class_="soft"),
        _note(answer, "world"),
        _branch(answer, answer.superpopulations),
        *((tag("h3", promise), table(sets, class_="facts")) if sets else (tag("p", promise),)),
        _all_nodes(answer),
    )


def _how(answer: Answer) -> str:
    return (
        f"{SUPPOSED if is_doubted(answer) else ''}How likely each group is as the closest one; at each level the "
        f"numbers sum to 100 %. The thin line is the {100 * answer.interval_level:.0f} % interval: how far the number "
        "moves when other stretches of the genome are drawn."
    )


def split(table_: Mapping[str, float], least: float = SHOWN) -> tuple[list[str], list[tuple[str, float]]]:
    """The nodes of a table that are shown each, the likeliest first and at least one, and the others."""
    order = ranked(table_)
    likely = [code for code, probability in order if probability >= least] or [order[0][0]]
    return likely, order[len(likely) :]


def _branch(answer: Answer, table_: Mapping[str, float]) -> Html:
    """The likely nodes below one node, each with what is below it, and the unlikely ones in one row."""
    likely, rest = split(table_)
    rows = [tag("li", _node(answer, code), class_="settled" if is_settled(answer, code) else "open") for code in likely]
    if rest:
        rows.append(tag("li", _together(rest), class_="rest"))
    return tag("ul", *rows, class_="tree")


def _node(answer: Answer, code: str) -> Html:
    probability = answer.probability_of(code)
    low, high = answer.intervals[code]
    drawn = bar(continent_of(code), probability, low=low, high=high)
    row = bar_row(name_of(code), drawn, percent(probability), f"({interval((low, high))})")
    under = below(answer, code) if probability >= OPENED else {}
    more = (_note(answer, code), _branch(answer, under)) if len(under) > 1 else (_only_one(under),)
    return join([row, *(more if under else ())])


def _only_one(under: Mapping[str, float]) -> Html:
    """A region of one population is that population."""
    return tag("p", f"one population: {', '.join(name_of(code) for code in under)}", class_="soft only")


def _together(rest: list[tuple[str, float]]) -> Html:
    total = sum(probability for _, probability in rest)
    name = name_of(rest[0][0]) if len(rest) == 1 else f"{len(rest)} others together"
    return bar_row(name, bar(continent_of(rest[0][0]), total), percent(total))


def _note(answer: Answer, code: str) -> Html:
    """Where the evidence ends, said at the node where it ends."""
    words = where_it_ends(answer)
    return tag("p", words, class_="ends") if words and code == answer.conclusion.code else Html()


def is_settled(answer: Answer, code: str) -> bool:
    """Whether a node is the conclusion or above it."""
    return code in _path(answer.conclusion.code)


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
    listing = table(rows, head=("Group", "Probability", "Interval"), class_="numbers")
    return tag("details", tag("summary", f"All {len(rows)} numbers"), listing)


def _in_order() -> Iterator[tuple[str, str]]:
    """Every node with its indentation, each below its parent."""
    for continent in CONTINENTS:
        yield continent, ""
        for region in (code for code in REGIONS if REGIONS[code].continent == continent):
            yield region, "– "
            yield from ((code, "– – ") for code in POPULATIONS if POPULATIONS[code].region == region)
