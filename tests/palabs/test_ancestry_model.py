"""The model: the file that its page describes, read strictly, and the frequencies that follow from its counts."""

from __future__ import annotations

import ast
import hashlib
import json
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from palabs.populations import CONTINENTS, POPULATIONS
from palabs.workload.ancestry.model import (
    MAGIC,
    MODEL_FILE,
    REGIONS,
    SOURCES,
    Calibration,
    Model,
    Settings,
    Sites,
    Tree,
    decode,
    frequencies,
    load,
    pack_counts,
    prior_mean,
    prior_steps,
)

REPO = Path(__file__).parents[2]
POPULATIONS_OF_SMALL = ("YRI", "FIN", "TSI")


def small(**changes) -> Model:
    """A model of four sites, three populations of two continents, and two references."""
    columns = np.arange(1, 5, dtype=np.uint32)
    letters = np.frombuffer(b"AGAG", np.uint8)
    bytes_ = np.ones(4, np.uint8)
    values = {
        "populations": POPULATIONS_OF_SMALL,
        "regions": ("AFR-W", "EUR-F", "EUR-S"),
        "continents": ("AFR", "EUR", "EUR"),
        "references": ("Here", "There"),
        "reference_continent": ("AFR", ""),
        "people": 9,
        "sites": Sites(columns, bytes_, columns, columns, columns, letters, letters[::-1], letters, 0 * bytes_),
        "counts": np.array([[3, 0, 1], [0, 0, 0], [2, 2, 2], [1, 0, 4]], np.uint8),
        "totals": np.array([[4, 4, 4], [0, 4, 0], [4, 4, 4], [4, 0, 4]], np.uint8),
        "reference_counts": np.array([[1, 0], [0, 0], [0, 2], [0, 0]], np.uint8),
        "reference_totals": np.array([[2, 2], [0, 0], [2, 2], [0, 0]], np.uint8),
        "prior": np.full((4, 3), 128, np.uint8),
        "weight": np.array([255, 255, 51, 0], np.uint8),
        "settings": Settings(0.0, ((2.0, 2.0, 2.0), (6.0, 6.0, 6.0)) * len(SOURCES)),
        "calibration": Calibration({"step": 0.5}, {"residual": np.arange(6, dtype="<i2").reshape(2, 3)}),
    }
    return Model(**(values | changes))


def test_the_model_is_the_one_that_the_page_describes():
    digest = load()[1]
    assert digest == "sha256:" + hashlib.sha256(MODEL_FILE.read_bytes()).hexdigest()
    page = (REPO / "docs/ancestry-model.md").read_text()
    assert digest in page
    assert f"{MODEL_FILE.stat().st_size:,} bytes" in page
    assert f"{len(load()[0].sites):,} SNPs" in page


def test_the_model_file_is_read_back_as_it_was_written(model):
    assert model.encode() == MODEL_FILE.read_bytes()
    data = small().encode()
    assert decode(data).encode() == data
    assert decode(data).calibration.arrays["residual"].tolist() == [[0, 1, 2], [3, 4, 5]]


@pytest.mark.parametrize("data", [b"", b"hello", MAGIC, MAGIC + b"{}\n", MAGIC + b"[]\n", MAGIC + b"[" * 10**5])
def test_what_is_no_model_is_not_loaded(data):
    with pytest.raises(ValueError, match=r"model|Expecting"):
        decode(data)


@pytest.mark.parametrize("change", [lambda data: data[:-1], lambda data: data + b"\0"])
def test_a_model_file_of_another_length_is_not_loaded(change):
    with pytest.raises(ValueError, match="model"):
        decode(change(small().encode()))


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("sites", 0),
        ("sites", -4),
        ("sites", 10**9),
        ("sites", "4"),
        ("populations", ["A"] * 300),
        ("populations", []),
        ("arrays", {"residual": ["|O8", 2, 3]}),
        ("arrays", {"residual": ["<i2", -2, -3]}),
        ("arrays", {"residual": ["<i2", 10**12, 10**12]}),
        ("settings", {}),
    ],
)
def test_a_header_that_lies_is_refused(key, value):
    line, _, body = small().encode()[len(MAGIC) :].partition(b"\n")
    header = json.loads(line) | {key: value}
    with pytest.raises(ValueError, match=r"."):
        decode(MAGIC + json.dumps(header).encode() + b"\n" + body)


def test_a_site_that_names_a_row_of_totals_which_is_not_there_is_refused():
    model = small()
    packed = b"".join(pack_counts(model.counts, model.totals))
    which = np.unique(model.totals, axis=0, return_inverse=True)[1].astype("<u2").tobytes()
    wrong = packed.replace(which, b"\xff\xff" * 4)
    assert wrong != packed
    with pytest.raises(ValueError, match="a row which it has not"):
        decode(model.encode().replace(packed, wrong))


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_a_changed_byte_gives_a_model_or_a_value_error(data):
    """Nothing else comes out of the decoder, whatever the byte (the file is measured: a changed one is not run)."""
    whole = bytearray(small().encode())
    whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    try:
        decode(bytes(whole))
    except ValueError:
        return


def test_the_model_names_the_26_populations_their_regions_and_continents(model):
    assert set(model.populations) == set(POPULATIONS)
    assert set(model.continents) == set(CONTINENTS)
    assert model.region_codes == tuple(REGIONS)
    for code, region, continent in zip(model.populations, model.regions, model.continents, strict=True):
        assert POPULATIONS[code].continent == continent == REGIONS[region][1]
    assert set(model.reference_continent) <= {*CONTINENTS, ""}
    tree = Tree.of(model)
    assert [min(REGIONS)[:3], tree.region.max() + 1, tree.continent.max() + 1] == ["AFR", 14, 5]


def test_no_site_is_palindromic_and_the_order_is_that_of_the_genome(model):
    sites = model.sites
    pairs = {bytes(pair) for pair in zip(sites.counted.tolist(), sites.other.tolist(), strict=True)}
    assert pairs == {b"\0\0"} | {f"{a}{b}".encode() for a in "ACGT" for b in "ACGT" if a != b} - {
        b"AT", b"TA", b"CG", b"GC",
    }  # fmt: skip
    place = np.where(sites.position37, sites.position37, sites.position38).astype(np.int64)
    assert (np.diff(sites.chromosome.astype(np.int64) * 10**9 + place) >= 0).all()
    known = sites.rs[sites.rs > 0]
    assert len(np.unique(known)) == len(known)


def test_a_frequency_is_the_counts_and_the_prior_worked_by_hand():
    """Prior mean 1/2 (to a step of the logit) of strength 2, and of 6 where references are typed."""
    half = float(prior_mean(np.array([128], np.uint8))[0])
    assert half == pytest.approx(0.5, abs=0.01)
    result = frequencies(small())
    assert result[0, 0] == pytest.approx((3 + 6 * half) / (4 + 6))
    assert result[3, 2] == pytest.approx((4 + 2 * half) / (4 + 2))
    assert result[1, 0] == pytest.approx(half), "where a population was not typed the prior mean stands"
    assert np.array_equal(frequencies(small(), np.array([3, 0])), result[[3, 0]])


def test_frequencies_are_inside_zero_and_one_everywhere(model):
    every = frequencies(model)
    assert every.shape == (len(model.sites), 26)
    assert ((every > 0) & (every < 1)).all()


@given(st.floats(0.0005, 0.9995))
def test_a_stored_prior_mean_is_near_what_was_stored(frequency):
    stored = float(prior_mean(prior_steps(np.array([frequency])))[0])
    odds, wanted = stored / (1 - stored), frequency / (1 - frequency)
    assert abs(np.log(odds / wanted)) <= 8 / 255 + 1e-9


def test_extreme_prior_means_are_held_off_zero_and_one():
    means = prior_mean(prior_steps(np.array([1e-12, 1 - 1e-12])))
    assert means[0] == pytest.approx(1 / (1 + np.exp(8)))
    assert means[1] == pytest.approx(1 - means[0])


def test_some_sites_are_taken_whole(model):
    rows = np.array([5, 2])
    taken = model.sites.take(rows)
    assert len(taken) == 2
    assert taken.rs.tolist() == model.sites.rs[rows].tolist()
    assert taken.source.tolist() == model.sites.source[rows].tolist()


def test_an_array_of_another_type_cannot_be_written_into_a_model_that_is_read():
    odd = replace(small(), calibration=Calibration({}, {"x": np.zeros(2, dtype="<f2")}))
    with pytest.raises(ValueError, match="of type <f2"):
        decode(odd.encode())


def test_the_workload_imports_numpy_and_the_standard_library_only():
    modules = set()
    for path in MODEL_FILE.parent.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                modules |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and not node.level:
                modules.add(node.module.split(".")[0])
    assert modules - set(sys.stdlib_module_names) == {"numpy"}
