"""A picture of the world: the reference populations where they live, over land sketched by hand, as inline SVG.

Equirectangular: a degree is a unit. Only the latitudes between SOUTH and NORTH are drawn.
"""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from math import sqrt
from pathlib import Path

from palabs.populations import POPULATIONS

WEST, EAST = -128, 154
SOUTH, NORTH = -32, 80
LARGEST = 16  # radius of a disc of probability 1; areas are proportional
LEAST = 0.005  # less than this has no disc

LAND_FILE = Path(__file__).with_name("land.txt")


def world_picture(populations: Mapping[str, float]) -> str:
    """The SVG, with a title and a description in words."""
    best = sorted(populations, key=lambda code: -populations[code])[:3]
    words = ", ".join(f"{POPULATIONS[code].name} {100 * populations[code]:.0f} %" for code in best)
    outlines = [line for line in LAND_FILE.read_text().splitlines() if not line.startswith("#")]
    land = "".join(f'<polygon points="{outline}"/>' for outline in outlines)
    discs = "".join(_disc(code, populations[code]) for code in sorted(populations))
    rings = "".join(f'<circle class="place" {_centre(code)} r="1.5"/>' for code in sorted(populations))
    return (
        f'<svg viewBox="0 0 {EAST - WEST} {NORTH - SOUTH}" role="img" aria-labelledby="world-title world-text">'
        '<title id="world-title">Reference populations on a map of the world</title>'
        f'<desc id="world-text">Largest discs: {escape(words)}.</desc>'
        f'<g class="land" transform="translate({-WEST} {NORTH}) scale(1 -1)">{land}</g>{discs}{rings}</svg>'
    )


def _centre(code: str) -> str:
    place = POPULATIONS[code]
    return f'cx="{place.east - WEST:g}" cy="{NORTH - place.north:g}"'


def _disc(code: str, probability: float) -> str:
    if probability < LEAST:
        return ""
    radius = LARGEST * sqrt(probability)
    return f'<circle class="weight {POPULATIONS[code].continent}" {_centre(code)} r="{radius:.2f}"/>'
