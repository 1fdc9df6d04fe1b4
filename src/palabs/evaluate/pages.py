"""Tables and pictures of the evaluation as Markdown: for the terminal, and for the page of the docs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

Cell = str | int | float


@dataclass(frozen=True)
class Table:
    """A table with its heads; floats are shown with three decimals, thousands with commas."""

    heads: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    caption: str = ""

    def lines(self) -> Iterator[str]:
        """The Markdown lines."""
        if self.caption:
            yield from (self.caption, "")
        yield "| " + " | ".join(self.heads) + " |"
        yield "|" + "---|" * len(self.heads)
        yield from ("| " + " | ".join(_shown(cell) for cell in row) + " |" for row in self.rows)


def _shown(cell: Cell) -> str:
    if isinstance(cell, float):
        return f"{cell:.3f}"
    return f"{cell:,}" if isinstance(cell, int) else cell


@dataclass(frozen=True)
class Picture:
    """A picture's file name in the folder `images`, and what it shows, for those who do not see it."""

    file: str
    words: str

    def lines(self) -> Iterator[str]:
        """The Markdown lines."""
        yield f"![{self.words}](images/{self.file})"


@dataclass(frozen=True)
class Section:
    """A part of the evaluation: its heading, what was done in words, its tables and pictures in order, and what a
    program reads of it.
    """

    heading: str
    words: str
    parts: Sequence[Table | Picture]
    data: Mapping[str, object] = field(default_factory=dict)

    def lines(self) -> Iterator[str]:
        """The Markdown lines."""
        yield from ("", f"## {self.heading}", "", self.words)
        for part in self.parts:
            yield ""
            yield from part.lines()


def page(introduction: str, sections: Sequence[Section]) -> str:
    """The whole page."""
    lines = [introduction.strip(), *(line for section in sections for line in section.lines())]
    return "\n".join(lines) + "\n"
