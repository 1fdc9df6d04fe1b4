"""Tables for a person, as wide as the terminal; without one, lines are never broken, so that they can be searched."""

from __future__ import annotations

import io
import shutil
import sys
from collections.abc import Iterable, Mapping, Sequence

_UNBROKEN = 10_000


def table(rows: Iterable[Sequence[str]], titles: Sequence[str] = ()) -> str:
    """The rows in columns, under their titles where there are any."""
    from rich.console import Console  # noqa: PLC0415 - answers in JSON need no tables
    from rich.table import Table  # noqa: PLC0415 - the same
    from rich.text import Text  # noqa: PLC0415 - the same

    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else _UNBROKEN
    shape = Table(*titles, box=None, show_header=bool(titles), padding=(0, 2, 0, 0), pad_edge=False)
    for row in rows:
        shape.add_row(*(Text(cell, overflow="fold") for cell in row))  # as Text: no markup from evidence is obeyed
    out = io.StringIO()
    Console(file=out, width=width, color_system=None, legacy_windows=False).print(shape)
    return "\n".join(line.rstrip() for line in out.getvalue().splitlines())


def flat_rows(claims: Mapping[str, object], prefix: str = "") -> list[tuple[str, str]]:
    """Nested claims as rows of a dotted name and a value; lists of plain values are one row."""
    rows: list[tuple[str, str]] = []
    for name, value in claims.items():
        rows += _rows(f"{prefix}{name}", value)
    return rows


def _rows(name: str, value: object) -> list[tuple[str, str]]:
    if isinstance(value, Mapping) and value:
        return flat_rows(value, f"{name}.")
    if isinstance(value, list | tuple) and any(isinstance(one, Mapping | list | tuple) for one in value):
        return [row for index, one in enumerate(value) for row in _rows(f"{name}[{index}]", one)]
    return [(name, _shown(value))]


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return ", ".join(_shown(one) for one in value) or "-"
    return "-" if value is None or value == {} else str(value)
