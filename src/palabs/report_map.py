"""The map of the report, as inline SVG: where the probability lies, as an area rather than a dot."""

from __future__ import annotations

from collections.abc import Iterator

from palabs.answer import Answer
from palabs.populations import POPULATIONS
from palabs.report_html import Html, section, tag
from palabs.report_words import interval, is_doubted, percent, ranked
from palabs.world import CREDIT, HEIGHT, SPREAD, WIDTH, Point, land, likely_area, place_of

HALF, MOST = 0.5, 0.9
NAMED, NAMED_AT_MOST = 0.05, 6
SURE = 0.9
LETTER, LINE = 4.9, 7.0  # width of a letter and height of a line of the labels, in the map's units

Box = tuple[float, float, float, float]


def map_section(answer: Answer) -> Html:
    """The section with the map and the list of the populations named on it."""
    how = (
        f"Half of the probability lies in the darker area, {100 * MOST:.0f} % of it in the darker and the lighter "
        f"one together, with each population spread over some {SPREAD:.0f} km around its place. Rings are the 26 "
        "reference populations, where they live or, for four sampled abroad, where their families came from."
    )
    return section(
        "On the map",
        *(tag("p", text, class_="ends") for text in _caution(answer)),
        _picture(answer),
        tag("ul", *(_named(answer, code) for code in named_on_map(answer)), class_="legend"),
        tag("p", how, " ", CREDIT, class_="soft"),
        class_="map",
    )


def _caution(answer: Answer) -> Iterator[str]:
    if answer.reference.verdict == "outside":
        yield "Your DNA fits none of these places. The map shows which are least unlike you."
    elif answer.reference.verdict == "uncertain":
        yield "Your DNA may fit none of these places: see the verdict at the top."


def _named(answer: Answer, code: str) -> Html:
    value, reach = percent(answer.populations[code]), interval(answer.intervals[code])
    return tag(
        "li", tag("strong", code), f" {POPULATIONS[code].name}, {value} ", tag("span", f"({reach})", class_="soft")
    )


def named_on_map(answer: Answer) -> list[str]:
    """The populations likely enough to be named, the likeliest first; at least one."""
    order = ranked(answer.populations)
    return [code for code, p in order if p >= NAMED][:NAMED_AT_MOST] or [order[0][0]]


def area_colour(answer: Answer) -> str:
    """The code of the one continental group that the area is of, or `mixed`."""
    code, probability = ranked(answer.superpopulations)[0]
    return code if probability >= SURE and not is_doubted(answer) else "mixed"


def labels(codes: list[str]) -> Iterator[tuple[str, Point]]:
    """Where the codes stand (left end of the baseline): beside their places, without covering each other."""
    taken: list[Box] = []
    for code in codes:
        x, y = place_of(code)
        width = LETTER * len(code)
        offers = [(x + 2.5, y + dy) for dy in (2, -2, 6, -6)] + [(x - 2.5 - width, y + dy) for dy in (2, -2, 6, -6)]
        spot = next((spot for spot in offers if _is_free(spot, width, taken)), offers[0])
        taken.append((*spot, width, LINE))
        yield code, spot


def _is_free(spot: Point, width: float, taken: list[Box]) -> bool:
    x, y = spot
    return 0 <= x <= WIDTH - width and all(
        x + width <= left or left + wide <= x or abs(y - base) >= high for left, base, wide, high in taken
    )


def path(rings: list[list[Point]] | tuple[tuple[Point, ...], ...]) -> str:
    """Rings as the data of an SVG path."""
    return "".join("M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in ring) + "Z" for ring in rings)


def _picture(answer: Answer) -> Html:
    best = ", ".join(f"{POPULATIONS[code].name} {percent(p)}" for code, p in ranked(answer.populations)[:3])
    colour = area_colour(answer)
    rings = (
        tag("circle", class_="place", cx=round(x, 1), cy=round(y, 1), r=1.2) for x, y in map(place_of, POPULATIONS)
    )
    return tag(
        "svg",
        tag("title", "Map of the world with the reference populations", id="map-title"),
        tag("desc", f"Most of the probability lies around: {best}.", id="map-text"),
        tag("path", class_="land", fill_rule="evenodd", d=path(land())),
        tag("path", class_=f"area {colour}", fill_rule="evenodd", d=path(likely_area(answer.populations, MOST))),
        tag("path", class_=f"area {colour}", fill_rule="evenodd", d=path(likely_area(answer.populations, HALF))),
        *rings,
        *(_label(code, spot) for code, spot in labels(named_on_map(answer))),
        viewBox=f"0 0 {WIDTH:.0f} {HEIGHT:.0f}",
        role="img",
        aria_labelledby="map-title map-text",
    )


def _label(code: str, spot: Point) -> Html:
    return tag("text", code, x=round(spot[0], 1), y=round(spot[1], 1))
