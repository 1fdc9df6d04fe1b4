"""Building HTML and SVG without a way to forget escaping: text is escaped, only what `tag` made is markup."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

VOID = {"meta", "rect", "circle", "path", "line"}  # elements that never have content here


class Html(str):
    """Text that is markup already. Putting it into an f-string makes it plain text again, which is safe."""

    __slots__ = ()


def tag(element: str, /, *children: str, **attributes: str | float | None) -> Html:
    """An element. Attributes are named as in Python (`class_`, `aria_label`); one that is None is left out."""
    named = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(_text(value))}"'
        for key, value in attributes.items()
        if value is not None
    )
    if element in VOID:
        return Html(f"<{element}{named}/>")
    return Html(f"<{element}{named}>{join(children)}</{element}>")


def join(parts: Iterable[str], between: str = "") -> Html:
    """Parts one after another: markup as it is, text escaped."""
    return Html(escape(between).join(part if isinstance(part, Html) else escape(part) for part in parts))


def _text(value: str | float) -> str:
    return value if isinstance(value, str) else f"{value:g}"


def section(title: str, *children: str, class_: str | None = None) -> Html:
    """A section of the report with its heading."""
    return tag("section", tag("h2", title), *children, class_=class_)


def items(rows: Iterable[str]) -> Html:
    """A bulleted list."""
    return tag("ul", *(tag("li", row) for row in rows))


def table(rows: Iterable[tuple[str, ...]], *, head: tuple[str, ...] = (), class_: str | None = None) -> Html:
    """A table whose first column names the rows; `head` names the columns."""
    body = (tag("tr", tag("th", row[0], scope="row"), *(tag("td", cell) for cell in row[1:])) for row in rows)
    top = (tag("thead", tag("tr", *(tag("th", cell, scope="col") for cell in head))),) if head else ()
    return tag("table", *top, tag("tbody", *body), class_=class_)


def bar(code: str, share: float, *, low: float | None = None, high: float | None = None) -> Html:
    """A bar of `share` in the colour of a continental group or component, with its interval or, where `high` is None,
    a mark at `low`. For the eye only: the numbers stand beside it.
    """
    mark = () if low is None else (_mark(low, low if high is None else high),)
    fill = tag("div", class_=f"fill {code}", style=f"width:{100 * share:.1f}%")
    return tag("div", fill, *mark, class_="track", aria_hidden="true")


def _mark(low: float, high: float) -> Html:
    return tag("div", class_="range", style=f"left:{100 * low:.1f}%;width:{100 * (high - low):.1f}%")


def bar_row(name: str, drawn: Html, number: str, detail: str = "") -> Html:
    """A name, its bar, its number, and a detail in small print after it."""
    small = (tag("span", detail, class_="soft"),) if detail else ()
    words = tag("span", number, " " if small else "", *small, class_="number")
    return tag("div", tag("span", name, class_="name"), drawn, words, class_="row")
