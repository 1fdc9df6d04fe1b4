"""The world on the report's map: land, places, and the area in which a share of the probability lies.

The projection is equirectangular with true scale at 35 degrees north and south (Snyder 1987, chapter 12); a unit of
the map is a degree of latitude, x goes right from WEST and y down from NORTH.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from math import cos, radians
from pathlib import Path
from typing import TYPE_CHECKING

from palabs.populations import POPULATIONS

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

WEST, EAST, SOUTH, NORTH = -128.0, 156.0, -40.0, 76.0
SQUEEZE = cos(radians(35))
WIDTH, HEIGHT = (EAST - WEST) * SQUEEZE, NORTH - SOUTH

LAND_FILE = Path(__file__).with_name("land.txt")
CREDIT = "Land: Natural Earth (public domain)."

SPREAD = 400.0  # km: a population lives around its place, not on it
EARTH = 6371.0  # km
STEP = 1.5  # degrees between the points at which the probability is computed
NEGLIGIBLE = 0.001

Point = tuple[float, float]


def place(north: float, east: float) -> Point:
    """A place in the map's units."""
    return (east - WEST) * SQUEEZE, NORTH - north


def place_of(code: str) -> Point:
    """The place of a reference population in the map's units."""
    return place(POPULATIONS[code].north, POPULATIONS[code].east)


@cache
def land() -> tuple[tuple[Point, ...], ...]:
    """The rings of the land that the map shows, in its units."""
    lines = [line for line in LAND_FILE.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    rings = (tuple(_on_map(pair) for pair in line.split()) for line in lines)
    return tuple(ring for ring in rings if any(0 <= x <= WIDTH and 0 <= y <= HEIGHT for x, y in ring))


def _on_map(pair: str) -> Point:
    east, north = pair.split(",")
    return place(float(north), float(east))


def likely_area(populations: Mapping[str, float], share: float) -> list[list[Point]]:
    """The smallest area that holds `share` of the probability, as rings in the map's units.

    The probability of each population is spread around its place as a Gaussian of SPREAD on the sphere; the area is a
    highest-density region (Hyndman, The American Statistician 50, 120-126, 1996).
    """
    import numpy as np  # noqa: PLC0415 - commands start without it

    from palabs.contour import outlines  # noqa: PLC0415 - the same

    north, east = np.arange(SOUTH, NORTH + STEP, STEP), np.arange(WEST, EAST + STEP, STEP)
    density = _density(populations, north, east)
    mass = density * np.cos(np.radians(north))[:, None]
    order = np.argsort(-density, axis=None)
    held = np.cumsum(mass.ravel()[order]) / mass.sum()
    level = float(density.ravel()[order[int(np.searchsorted(held, share))]])
    return [[place(SOUTH + y * STEP, WEST + x * STEP) for x, y in ring] for ring in outlines(density, level)]


def _density(
    populations: Mapping[str, float], north: NDArray[np.float64], east: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Probability per area (latitudes x longitudes) up to a factor."""
    import numpy as np  # noqa: PLC0415 - commands start without it

    density = np.zeros((len(north), len(east)))
    up, across = np.radians(north)[:, None], np.radians(east)[None, :]
    for code, probability in populations.items():
        if probability >= NEGLIGIBLE:
            spot = POPULATIONS[code]
            there, along = radians(spot.north), radians(spot.east)
            cosine = np.sin(up) * np.sin(there) + np.cos(up) * np.cos(there) * np.cos(across - along)
            density += probability * np.exp((cosine - 1) * (EARTH / SPREAD) ** 2)  # von Mises-Fisher, near a Gaussian
    return density
