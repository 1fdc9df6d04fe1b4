"""Outlines of where a table of heights exceeds a level (marching squares: Lorensen & Cline 1987, in two dimensions)."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

Heights = NDArray[np.float64]
Point = tuple[float, float]
Edge = tuple[int, int, bool]  # column and row of its lower or left end, and whether it goes up

# The corners inside, as bits (lower left 1, lower right 2, upper right 4, upper left 8), and the steps from the edge
# where the outline enters a cell to that where it leaves, with the inside on its left.
STEPS = {
    1: ("BL",), 2: ("RB",), 3: ("RL",), 4: ("TR",), 5: ("BL", "TR"), 6: ("TB",), 7: ("TL",),
    8: ("LT",), 9: ("BT",), 10: ("RB", "LT"), 11: ("RT",), 12: ("LR",), 13: ("BR",), 14: ("LB",),
}  # fmt: skip


def outlines(heights: Heights, level: float) -> list[list[Point]]:
    """Closed rings of points (column, row) where `heights` (rows x columns) crosses `level`; outside the table it is
    lower than any level.
    """
    padded = np.pad(heights, 1, constant_values=-np.inf)
    return [[_crossing(padded, level, edge) for edge in ring] for ring in _rings(_steps(padded > level))]


def _steps(inside: NDArray[np.bool_]) -> dict[Edge, Edge]:
    """From each edge that the outline crosses to the next."""
    corner = inside.astype(int)
    cases = corner[:-1, :-1] + 2 * corner[:-1, 1:] + 4 * corner[1:, 1:] + 8 * corner[1:, :-1]
    return {
        _edge(x, y, step[0]): _edge(x, y, step[1])
        for y, x in zip(*(where.tolist() for where in np.nonzero(cases % 15)), strict=True)
        for step in STEPS[int(cases[y, x])]
    }


def _edge(x: int, y: int, side: str) -> Edge:
    return {"B": (x, y, False), "T": (x, y + 1, False), "L": (x, y, True), "R": (x + 1, y, True)}[side]


def _rings(steps: dict[Edge, Edge]) -> Iterator[list[Edge]]:
    while steps:
        ring = [next(iter(steps))]
        while ring[-1] in steps:
            ring.append(steps.pop(ring[-1]))
        yield ring[:-1]


def _crossing(heights: Heights, level: float, edge: Edge) -> Point:
    """Where on an edge the level is reached, by linear interpolation; in the table's own columns and rows."""
    x, y, up = edge
    one, two = float(heights[y, x]), float(heights[y + up, x + (not up)])
    along = (level - one) / (two - one) if np.isfinite(one - two) else float(not np.isfinite(one))
    return x - 1 + along * (not up), y - 1 + along * up
