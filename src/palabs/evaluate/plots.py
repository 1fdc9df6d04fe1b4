"""The pictures of the evaluation, as SVG that is the same bytes each time; colours are the report's."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from math import sqrt
from pathlib import Path
from typing import Any

import numpy as np

from palabs.evaluate.extra import load
from palabs.evaluate.measures import Bin, Floats
from palabs.populations import COLOURS

INK, SOFT, LINE = "#1d2327", "#5a656d", "#d9dee2"
OTHERS = ("#b8651b", "#2f62a8", "#2f7d5d", "#a83a5b")
STYLE = {
    "svg.fonttype": "none",  # letters stay letters: small, searchable
    "svg.hashsalt": "palabs",
    "font.family": "sans-serif",
    "font.size": 9,
    "axes.titlesize": 9.5,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": SOFT,
    "axes.labelcolor": INK,
    "xtick.color": SOFT,
    "ytick.color": SOFT,
    "text.color": INK,
    "legend.frameon": False,
}
DASHES = ("-", "--", "-.", ":")
Z90 = 1.645


@dataclass(frozen=True)
class Curve:
    """Values at rising places on the horizontal axis, with a name; the service's own stands out."""

    name: str
    places: Sequence[float]
    values: Sequence[float]
    own: bool = False


@dataclass(frozen=True)
class Dot:
    """A named value with an interval and the colour's code (a continent's, or none)."""

    name: str
    value: float
    low: float
    high: float
    code: str = ""


def colours() -> dict[str, str]:
    """The colour of each continent on the report's light page."""
    return {code: colour.light for code, colour in COLOURS.items()}


@contextmanager
def picture(path: Path, width: float, height: float) -> Iterator[Any]:
    """A figure of some inches, written as SVG at the end."""
    with load("matplotlib").rc_context(STYLE):
        figure = load("matplotlib.figure").Figure(figsize=(width, height), layout="constrained")
        yield figure
        figure.savefig(path, format="svg", metadata={"Date": None, "Creator": "palabs evaluate"})


def confusion(path: Path, shares: Floats, codes: Sequence[str], continents: Sequence[str]) -> None:
    """Of the people of each population (rows), the share called each (columns), in hundredths from 3 upwards."""
    tones = colours()
    with picture(path, 8.6, 8.2) as figure:
        axes = figure.subplots()
        axes.imshow(np.sqrt(shares), cmap="Blues", vmin=0, vmax=1.15)
        for row, column in zip(*np.nonzero(shares >= 0.03), strict=True):  # noqa: PLR2004 - smaller are left blank
            tone = "white" if shares[row, column] > 0.4 else INK  # noqa: PLR2004 - legible on the darker half
            axes.text(column, row, f"{100 * shares[row, column]:.0f}", ha="center", va="center", color=tone, size=7.5)
        for edge in np.flatnonzero(np.asarray(continents[1:]) != np.asarray(continents[:-1])) + 0.5:
            axes.axhline(edge, color=SOFT, lw=0.8)
            axes.axvline(edge, color=SOFT, lw=0.8)
        axes.set_xticks(range(len(codes)), codes, rotation=90)
        axes.set_yticks(range(len(codes)), codes)
        for labels in (axes.get_xticklabels(), axes.get_yticklabels()):
            for label, continent in zip(labels, continents, strict=True):
                label.set_color(tones[continent])
        axes.tick_params(length=0)
        axes.set(
            xlabel="called", ylabel="true population", title="Of 100 people of a population, how many are called …"
        )


def reliability(path: Path, panels: Mapping[str, Sequence[Bin]], tones: Mapping[str, str]) -> None:
    """Reliability diagrams: the share of answers that were right against the probability told, a panel each."""
    columns = 4
    rows = -(-len(panels) // columns)
    with picture(path, 9.2, 2.45 * rows) as figure:
        grid = np.atleast_1d(figure.subplots(rows, columns, sharex=True, sharey=True)).ravel()
        for axes, (name, bins) in zip(grid, panels.items(), strict=False):
            _reliability(axes, bins, tones.get(name, INK))
            axes.set_title(name)
        for axes in grid[len(panels) :]:
            axes.set_visible(False)
        figure.supxlabel("probability told", size=9)
        figure.supylabel("share that was right", size=9)


def _reliability(axes: Any, bins: Sequence[Bin], tone: str) -> None:
    axes.plot([0, 1], [0, 1], color=LINE, lw=1.5, zorder=0)
    for bin_ in bins:
        low, high = wilson(bin_.right, bin_.people)
        axes.plot([bin_.told] * 2, [low, high], color=tone, lw=1, alpha=0.6)
    sizes = [8 + 60 * bin_.people / max(b.people for b in bins) for bin_ in bins]
    axes.scatter([b.told for b in bins], [b.right for b in bins], s=sizes, color=tone, zorder=3, clip_on=False)
    axes.set(xlim=(0, 1.03), ylim=(0, 1.03), aspect="equal")
    axes.set_xticks([0, 0.5, 1], ["0", "50 %", "100 %"])
    axes.set_yticks([0, 0.5, 1], ["0", "50 %", "100 %"])


def wilson(share: float, people: int) -> tuple[float, float]:
    """The 90 % interval of a share observed among some people (Wilson 1927)."""
    weight = Z90**2 / people
    middle = (share + weight / 2) / (1 + weight)
    half = sqrt(share * (1 - share) * weight + weight**2 / 4) / (1 + weight)
    return middle - half, middle + half


def curves(path: Path, panels: Mapping[str, Sequence[Curve]], across: str, ticks: Sequence[float]) -> None:
    """Shares against shares (`across` names the horizontal axis), a panel each; one legend below."""
    with picture(path, 8.6, 3.7) as figure:
        grid = figure.subplots(1, len(panels), squeeze=False)[0]
        for axes, (name, lines) in zip(grid, panels.items(), strict=True):
            for number, line in enumerate(lines):
                tone, dash, thick = (INK, "-", 2.6) if line.own else (OTHERS[number % 4], DASHES[number % 4], 1.4)
                axes.plot(line.places, line.values, color=tone, ls=dash, lw=thick, marker="o", ms=3.5, label=line.name)
            axes.set(title=name, xlabel=across, ylim=(0, 1.02))
            axes.set_xticks(ticks, _labels(ticks))
            axes.set_yticks([0, 0.25, 0.5, 0.75, 1], ["0", "25 %", "50 %", "75 %", "100 %"])
            axes.grid(axis="y", color=LINE, lw=0.6)
        handles, labels = grid[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=3)


def _labels(ticks: Sequence[float]) -> list[str]:
    """Labels in hundredths, but none for a place too near the next one."""
    room = (max(ticks) - min(ticks)) / 12
    followers = [*ticks[1:], float("inf")]
    return [
        f"{100 * tick:.0f} %" if follower - tick > room else "" for tick, follower in zip(ticks, followers, strict=True)
    ]


def dots(path: Path, rows: Sequence[Dot], across: str, limits: tuple[float, float]) -> None:
    """Named values with intervals, one above the other."""
    tones = colours()
    with picture(path, 7.2, 0.6 + 0.27 * len(rows)) as figure:
        axes = figure.subplots()
        for place, row in enumerate(reversed(rows)):
            tone = tones.get(row.code, INK)
            axes.plot([row.low, row.high], [place, place], color=tone, lw=1.6, alpha=0.5)
            axes.plot([row.value], [place], "o", color=tone, ms=5)
        axes.set_yticks(range(len(rows)), [row.name for row in reversed(rows)])
        axes.set(xlabel=across, xlim=limits, ylim=(-0.7, len(rows) - 0.3))
        axes.grid(axis="x", color=LINE, lw=0.6)
        axes.tick_params(axis="y", length=0)
