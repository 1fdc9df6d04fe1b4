"""Writes src/palabs/land.txt, the outlines of land on the report's map, from Natural Earth.

Run as `tools/write_land.py land-110m.json`, the file of the npm package `world-atlas` (`npm pack world-atlas@2.0.2`):
Natural Earth's land at 1 : 110 million (public domain) as TopoJSON, packed by Michael Bostock (ISC licence). Only what
the map shows is kept, thinned to what it can show (Douglas & Peucker 1973).
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator
from itertools import accumulate
from math import hypot
from pathlib import Path
from typing import Any

LAND = Path(__file__).parents[1] / "src" / "palabs" / "land.txt"
HEAD = """# Land for the report's map: one ring a line, longitude,latitude in degrees; a ring within another is a lake.
# Source: Natural Earth, 1:110m physical vectors, land (public domain), from the npm package world-atlas 2.0.2 (ISC
# licence, Michael Bostock), simplified by tools/write_land.py.
"""
SOUTH = -56  # Antarctica is not on the map
TOLERANCE = 0.3  # degrees: about a third of a pixel on a phone
SMALLEST = 1.0  # degrees: islands that are smaller both ways would be specks

Point = tuple[float, float]


def rings_of(topology: dict[str, Any]) -> Iterator[list[Point]]:
    """Every ring of the topology's land as points in degrees (TopoJSON 1.0, sections 2.1.3 and 2.1.4)."""
    arcs = [list(_decoded(arc, topology["transform"])) for arc in topology["arcs"]]
    for shape in topology["objects"]["land"]["geometries"]:
        for polygon in shape["arcs"] if shape["type"] == "MultiPolygon" else [shape["arcs"]]:
            for ring in polygon:
                yield _unwrapped(point for index in ring for point in _oriented(arcs, index)[:-1])


def _decoded(arc: list[list[int]], transform: dict[str, list[float]]) -> Iterator[Point]:
    """Each position is the difference to the one before, in units of the transform's scale."""
    (scale_x, scale_y), (left, low) = transform["scale"], transform["translate"]
    for x, y in accumulate(arc, lambda last, step: [last[0] + step[0], last[1] + step[1]]):
        yield x * scale_x + left, y * scale_y + low


def _unwrapped(points: Iterable[Point]) -> list[Point]:
    """A ring that crosses the 180th meridian goes on beyond it, rather than back across the whole map."""
    ring: list[Point] = []
    for x, y in points:
        last = ring[-1][0] if ring else x
        ring.append((x + 360 * round((last - x) / 360), y))
    middle = sum(x for x, _ in ring) / len(ring)
    return [(x - 360 * round(middle / 360), y) for x, y in ring]


def _oriented(arcs: list[list[Point]], index: int) -> list[Point]:
    """An arc by its index; a negative one is the arc ~index backwards."""
    return arcs[index] if index >= 0 else arcs[~index][::-1]


def thinned(points: list[Point]) -> list[Point]:
    """The points without those that lie closer than TOLERANCE to the line between their kept neighbours."""
    if len(points) <= 2:  # noqa: PLR2004 - a line has two ends
        return points
    first, last = points[0], points[-1]
    far = max(range(1, len(points) - 1), key=lambda index: _distance(points[index], first, last))
    if _distance(points[far], first, last) <= TOLERANCE:
        return [first, last]
    return thinned(points[: far + 1])[:-1] + thinned(points[far:])


def _distance(point: Point, first: Point, last: Point) -> float:
    """From a point to the line through two others, or to the first where they are one."""
    (x, y), (x1, y1), (x2, y2) = point, first, last
    length = hypot(x2 - x1, y2 - y1)
    return abs((x2 - x1) * (y1 - y) - (x1 - x) * (y2 - y1)) / length if length else hypot(x - x1, y - y1)


def is_shown(ring: list[Point]) -> bool:
    """Whether a ring is on the map and large enough to see."""
    across, up = [x for x, _ in ring], [y for _, y in ring]
    return max(up) > SOUTH and max(max(across) - min(across), max(up) - min(up)) >= SMALLEST


def main() -> None:
    """Reads the TopoJSON, writes the outlines."""
    if len(sys.argv) != 2:  # noqa: PLR2004 - the program and its argument
        sys.exit(__doc__)
    topology = json.loads(Path(sys.argv[1]).read_text())
    rings = [thinned([*ring, ring[0]])[:-1] for ring in rings_of(topology) if is_shown(ring)]
    lines = [" ".join(f"{x:.1f},{y:.1f}" for x, y in ring) for ring in rings if len(ring) > 2]  # noqa: PLR2004 - an area
    LAND.write_text(HEAD + "\n".join(lines) + "\n")
    print(f"{len(lines)} rings, {LAND.stat().st_size} bytes")


if __name__ == "__main__":
    main()
