"""The map: an area rather than a dot, as large as the uncertainty, where the probability is."""

from __future__ import annotations

import itertools
import re
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from palabs.answer import read_answer
from palabs.contour import outlines
from palabs.populations import POPULATIONS
from palabs.report_map import area_colour, labels, map_section, named_on_map
from palabs.world import HEIGHT, SPREAD, SQUEEZE, WIDTH, land, likely_area, place, place_of

REPO = Path(__file__).parents[2]
ANSWERS = Path(__file__).parent / "answers"


def read(name):
    return read_answer((ANSWERS / f"{name}.json").read_bytes())


def is_inside(point, rings):
    """By the even-odd rule."""
    x, y = point
    crossings = 0
    for ring in rings:
        for (x1, y1), (x2, y2) in zip(ring, [*ring[1:], ring[0]], strict=True):
            crossings += (y1 > y) != (y2 > y) and x < x1 + (y - y1) * (x2 - x1) / (y2 - y1)
    return crossings % 2 == 1


def size(rings):
    """The area of rings by the shoelace formula; holes go the other way round."""
    return abs(sum(sum(a[0] * b[1] - b[0] * a[1] for a, b in zip(r, [*r[1:], r[0]], strict=True)) for r in rings)) / 2


@pytest.mark.parametrize("code", POPULATIONS)
def test_a_certain_population_lies_in_its_area_and_no_far_one_does(code):
    rings = likely_area({code: 1.0}, 0.9)
    assert is_inside(place_of(code), rings)
    x, y = place_of(code)
    far = [c for c in POPULATIONS if abs(place_of(c)[0] - x) + abs(place_of(c)[1] - y) > 40]
    assert not [c for c in far if is_inside(place_of(c), rings)]


def radius(code, rings):
    """The mean distance in km from a place to those outlines that are near it."""
    x, y = place_of(code)
    near = [(a, b) for ring in rings for a, b in ring if abs(a - x) + abs(b - y) < 30]
    assert near
    degrees = [np.hypot((a - x) / SQUEEZE * np.cos(np.radians(POPULATIONS[code].north)), b - y) for a, b in near]
    return float(np.mean(degrees)) * 111.2


def test_the_area_holds_the_share_that_it_says_at_any_latitude():
    """Of a population of probability p spread as a Gaussian, p - c lies where its density is over c of a peak of 1."""
    rings = likely_area({"FIN": 0.35, "LWK": 0.65}, 0.6)
    cut = (1 - 0.6) / 2
    for code, probability in (("FIN", 0.35), ("LWK", 0.65)):
        assert radius(code, rings) == pytest.approx(SPREAD * np.sqrt(2 * np.log(probability / cut)), rel=0.04)


def test_two_equally_likely_places_are_both_in_the_area():
    rings = likely_area({"JPT": 0.5, "PEL": 0.5}, 0.9)
    assert is_inside(place_of("JPT"), rings)
    assert is_inside(place_of("PEL"), rings)
    assert len(rings) == 2


def test_less_certainty_is_a_larger_area():
    sure = {"FIN": 0.97, "GBR": 0.02, "TSI": 0.01}
    unsure = {"FIN": 0.4, "GBR": 0.3, "TSI": 0.3}
    assert size(likely_area(unsure, 0.9)) > 1.5 * size(likely_area(sure, 0.9))


def test_half_of_the_probability_has_a_smaller_area_than_most_of_it():
    table = {"IBS": 0.5, "PUR": 0.3, "CLM": 0.2}
    assert size(likely_area(table, 0.5)) < 0.6 * size(likely_area(table, 0.9))


@pytest.mark.parametrize("name", [path.stem for path in ANSWERS.glob("*.json")])
def test_the_map_names_the_likeliest_without_covering_one_by_another(name):
    answer = read(name)
    codes = named_on_map(answer)
    assert codes[0] == max(answer.populations, key=answer.populations.get)
    spots = [spot for _, spot in labels(codes)]
    assert all(0 <= x <= WIDTH and 0 <= y <= HEIGHT for x, y in spots)
    near = [(a, b) for a, b in itertools.combinations(spots, 2) if abs(a[0] - b[0]) < 8 and abs(a[1] - b[1]) < 5]
    assert near == []
    html = map_section(answer)
    assert re.findall(r"<text[^>]*>(\w+)</text>", html) == codes
    assert html.count('class="place"') == 26


def test_the_area_has_a_continents_colour_only_where_that_is_clear():
    assert area_colour(read("finnish")) == "EUR"
    assert area_colour(read("colombian")) == "mixed"
    assert area_colour(read("outside")) == "mixed"


def test_the_land_is_where_it_should_be():
    sea = {"mid-Atlantic": (30, -40), "Indian Ocean": (-20, 75), "Gulf of Guinea": (0, 0), "Arabian Sea": (15, 65)}
    solid = {"Sahara": (24, 10), "Siberia": (62, 100), "Brazil": (-10, -52), "Texas": (32, -100), "Outback": (-25, 134)}
    assert [name for name, (north, east) in sea.items() if is_inside(place(north, east), land())] == []
    assert [name for name, (north, east) in solid.items() if not is_inside(place(north, east), land())] == []


def test_the_land_names_its_source_and_licence():
    head = "".join(line for line in (REPO / "src/palabs/land.txt").open() if line.startswith("#"))
    assert "Natural Earth" in head
    assert "public domain" in head
    assert "ISC" in head
    assert (REPO / "src/palabs/land.txt").stat().st_size < 30_000


@pytest.fixture
def write_land():
    sys.path.insert(0, str(REPO / "tools"))
    try:
        import write_land
    finally:
        sys.path.pop(0)
    return write_land


def test_land_is_decoded_from_topojson_with_arcs_shared_and_turned(write_land):
    square = {
        "transform": {"scale": [1, 1], "translate": [10, 20]},
        "arcs": [[[0, 0], [5, 0], [0, 5]], [[0, 0], [0, 5], [5, 0]]],
        "objects": {"land": {"geometries": [{"type": "Polygon", "arcs": [[0, ~1]]}]}},
    }
    assert list(write_land.rings_of(square)) == [[(10, 20), (15, 20), (15, 25), (10, 25)]]


def test_a_ring_across_the_180th_meridian_is_not_drawn_across_the_map(write_land):
    ring = write_land._unwrapped([(100, 60), (179, 65), (-175, 66), (-179, 70), (110, 75)])
    assert [x for x, _ in ring] == [100, 179, 185, 181, 110]
    assert [x for x, _ in write_land._unwrapped([(-175, 66), (179, 65), (60, 60), (50, 20), (40, 60)])] == [
        185, 179, 60, 50, 40,
    ]  # fmt: skip


def test_points_on_a_straight_line_are_thinned_and_corners_are_kept(write_land):
    assert write_land.thinned([(0, 0), (1, 0.1), (2, 0), (3, 0), (3, 3)]) == [(0, 0), (3, 0), (3, 3)]


def test_the_outline_of_a_cone_is_a_circle():
    grid = np.hypot(*np.mgrid[-20:21, -20:21])
    (ring,) = outlines(-grid, -10.0)
    radius = [np.hypot(x - 20, y - 20) for x, y in ring]
    assert max(radius) - min(radius) < 0.1
    assert np.mean(radius) == pytest.approx(10, abs=0.05)


def test_an_outline_at_the_edge_of_the_table_is_closed_there():
    (ring,) = outlines(np.ones((3, 4)), 0.5)
    assert {x for x, _ in ring} <= {0, 1, 2, 3}
    assert {y for _, y in ring} <= {0, 1, 2}


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from([0.25, 0.5, 0.75]))
def test_outlines_part_the_table_into_above_and_below(seed, level):
    heights = np.random.default_rng(seed).random((7, 9))
    rings = outlines(heights, level)
    for y, x in itertools.product(range(7), range(9)):
        if 0 < y < 6 and 0 < x < 8:  # at the edge the outline runs through the points themselves
            assert is_inside((x + 1e-9, y + 1e-9), rings) == (heights[y, x] > level)
