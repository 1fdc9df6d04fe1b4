"""Painting: a mosaic laid on purpose is found again, segments are whole, nothing is painted on too little."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from palabs.workload.ancestry import painting
from palabs.workload.ancestry.admixture import estimate
from palabs.workload.ancestry.components import COMPONENTS, component_frequencies
from palabs.workload.ancestry.mosaic import posterior, window_evidence, window_selection
from palabs.workload.ancestry.painting import WINDOW, Layout, call, paint, paint_copies

AFRICAN, EUROPEAN = COMPONENTS.index("AFR"), COMPONENTS.index("EUR")


@pytest.fixture(scope="module")
def frequency(model):
    return component_frequencies(model, np.arange(len(model.sites)))


def lay(model, frequency, sources, seed=0):
    """Haplotypes (sites x 2) drawn from `sources`: for each copy a function of chromosome and position."""
    draw = np.random.default_rng(seed)
    chromosome, place = model.sites.chromosome, model.sites.position37.astype(int)
    rows = np.arange(len(model.sites))
    chosen = np.stack([source(chromosome, place) for source in sources], axis=1)
    shown = frequency[rows[:, None], chosen]
    return (draw.random(shown.shape) < shown).astype(np.int8), chosen


def all_of(source):
    return lambda _, place: np.full(len(place), source)


def changing(chromosome, place):
    """African up to 60 Mb and European after, on each chromosome; European alone on even ones."""
    return np.where((place < 60_000_000) & (chromosome % 2 == 1), AFRICAN, EUROPEAN)


def test_a_mosaic_is_found_again(model, frequency):
    haplotypes, truth = lay(model, frequency, (changing, all_of(EUROPEAN)))
    found = paint(model, haplotypes, 37)
    assert found.build == 37
    assert [row.chromosome for row in found.chromosomes] == list(range(1, 23))
    named = named_at(model, found)
    known = model.sites.position37 > 0
    assert (named == truth)[known].mean() > 0.97
    assert (named == truth)[known & (model.sites.chromosome == 1)].mean() > 0.95


def named_at(model, found):
    """What the painting says of each site and copy: an index into COMPONENTS."""
    result = np.full((len(model.sites), 2), -1)
    for row in found.chromosomes:
        for copy, segments in enumerate(row.haplotypes):
            for segment in segments:
                place = model.sites.position37
                inside = (model.sites.chromosome == row.chromosome) & (place >= segment.start) & (place <= segment.end)
                result[inside, copy] = COMPONENTS.index(segment.component)
    return result


def test_segments_cover_each_chromosome_without_gaps_or_overlaps(model, frequency):
    found = paint(model, lay(model, frequency, (changing, changing))[0], 37)
    for row in found.chromosomes:
        place = model.sites.position37[(model.sites.chromosome == row.chromosome) & (model.sites.position37 > 0)]
        for segments in row.haplotypes:
            assert (segments[0].start, segments[-1].end) == (place.min(), place.max())
            assert all(one.end == other.start for one, other in pairwise(segments))
            assert all(one.component != other.component for one, other in pairwise(segments))
            assert all(one.start < one.end and 0 < one.probability <= 1 for one in segments)


def test_somebody_of_one_source_is_painted_in_one_colour(model, frequency):
    found = paint(model, lay(model, frequency, (all_of(EUROPEAN), all_of(EUROPEAN)))[0], 37)
    assert lengths(found)["EUR"] > 0.99


def lengths(found):
    total = dict.fromkeys(COMPONENTS, 0)
    for row in found.chromosomes:
        for segment in (segment for copy in row.haplotypes for segment in copy):
            total[segment.component] += segment.end - segment.start
    return {code: length / sum(total.values()) for code, length in total.items()}


def test_lengths_agree_with_the_shares_within_their_intervals(model, frequency):
    haplotypes, _ = lay(model, frequency, (changing, all_of(EUROPEAN)))
    painted = lengths(paint(model, haplotypes, 37))
    shares = estimate(model, haplotypes.sum(axis=1, dtype=np.int8))
    assert all(row.low - 0.02 <= painted[row.code] <= row.high + 0.02 for row in shares.components)


def test_swapping_the_copies_swaps_the_painting(model, frequency):
    haplotypes, _ = lay(model, frequency, (changing, all_of(EUROPEAN)))
    one, other = paint(model, haplotypes, 37), paint(model, haplotypes[:, ::-1], 37)
    assert [row.haplotypes for row in one.chromosomes] == [row.haplotypes[::-1] for row in other.chromosomes]


def test_a_painting_is_in_the_positions_of_the_build_asked_for(model, frequency):
    haplotypes, _ = lay(model, frequency, (changing, all_of(EUROPEAN)))
    found = paint(model, haplotypes, 38)
    place = model.sites.position38[(model.sites.chromosome == 1) & (model.sites.position38 > 0)]
    assert found.build == 38
    assert found.chromosomes[0].haplotypes[0][-1].end == place.max()


def test_unphased_genotypes_are_not_painted(model):
    assert paint(model, np.full((len(model.sites), 2), -1, dtype=np.int8), 37) is None


def test_too_few_phased_snps_are_not_painted(model, frequency):
    haplotypes, _ = lay(model, frequency, (changing, changing))
    few = haplotypes.copy()
    few[np.random.default_rng(0).permutation(len(few))[painting.MIN_SNPS - 1 :]] = -1
    assert paint(model, few, 37) is None


def test_a_chromosome_with_too_few_snps_is_left_out(model, frequency):
    haplotypes, _ = lay(model, frequency, (changing, changing))
    rows = np.flatnonzero(model.sites.chromosome == 21)
    haplotypes[rows[painting.MIN_ON_CHROMOSOME - 1 :]] = -1
    assert [row.chromosome for row in paint(model, haplotypes, 37).chromosomes] == [n for n in range(1, 23) if n != 21]


def test_a_file_of_variants_only_is_painted_as_the_whole_genome(model, frequency):
    haplotypes, truth = lay(model, frequency, (changing, all_of(EUROPEAN)))
    listed = haplotypes.copy()
    listed[haplotypes.sum(axis=1) == 0] = -1
    hidden = np.where(listed.max(axis=1) > 0, 0, -1).astype(np.int8)
    known = model.sites.position37 > 0
    right, naive = (
        (named_at(model, found) == truth)[known].mean()
        for found in (paint(model, listed, 37, hidden), paint(model, listed, 37))
    )
    assert right > 0.95
    assert right > naive


def by_hand(evidence, stay, shares):
    """Posterior of the hidden states by summing over all paths."""
    windows, sources = evidence.shape
    total = np.zeros((windows, sources))
    for path in np.ndindex(*(sources,) * windows):
        weight = shares[path[0]] * np.exp(evidence[0, path[0]])
        for number in range(1, windows):
            jump = stay * (path[number] == path[number - 1]) + (1 - stay) * shares[path[number]]
            weight *= jump * np.exp(evidence[number, path[number]])
        for number, state in enumerate(path):
            total[number, state] += weight
    return total / total.sum(axis=1, keepdims=True)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.integers(2, 3), st.integers(1, 5), st.floats(0.01, 0.5))
def test_forward_backward_is_the_sum_over_all_paths(seed, sources, windows, morgans):
    draw = np.random.default_rng(seed)
    evidence, shares = draw.normal(0, 2, (2, windows, sources)), draw.dirichlet(np.full(sources, 3.0))
    shares = np.maximum(shares, 0.002) / np.maximum(shares, 0.002).sum()
    found = posterior(evidence, morgans, shares, generations=10)
    for copy in range(2):
        assert found[copy] == pytest.approx(by_hand(evidence[copy], np.exp(-10 * morgans), shares), abs=1e-9)


def test_windows_without_snps_take_their_neighbours_answer():
    evidence = np.zeros((1, 9, 2))
    evidence[0, [0, 8]] = [8.0, 0.0]
    assert posterior(evidence, 0.01, np.array([0.5, 0.5]), 10)[0, 4, 0] > 0.7


def test_evidence_that_is_overwhelming_does_not_overflow():
    evidence = np.full((2, 50, 3), -5000.0)
    evidence[:, :, 1] = -9000.0
    found = posterior(evidence, 0.012, np.array([0.5, 0.3, 0.2]), 10)
    assert np.isfinite(found).all()
    assert found[:, :, 1].max() < 1e-6


def test_evidence_adds_over_the_alleles_of_a_window():
    frequency = np.array([[0.9, 0.1], [0.2, 0.5], [0.3, 0.3]])
    found = window_evidence(np.array([1, 0, 1]), frequency, np.array([0, 0, 2]), 3)
    assert np.exp(found) == pytest.approx(np.array([[0.9 * 0.8, 0.1 * 0.5], [1, 1], [0.3, 0.3]]))


def test_what_is_never_shown_is_taken_off_by_its_probability():
    frequency, shares = np.array([[0.9, 0.1], [0.2, 0.5], [0.3, 0.3]]), np.array([0.5, 0.5])
    found = window_selection(np.array([0, 2, -1]), frequency, shares, np.array([0, 1, 2]), 3)
    expected = [[1 - 0.1 * 0.5, 1 - 0.9 * 0.5], [1 - 0.2 * 0.35, 1 - 0.5 * 0.35], [1, 1]]
    assert np.exp(found) == pytest.approx(np.array(expected))


def test_calls_add_up_to_the_expected_lengths_where_evidence_is_thin():
    draw = np.random.default_rng(2)
    probability = draw.dirichlet([7.0, 2.5, 0.5], (4, 500))
    called = call(probability, np.ones((4, 500), dtype=bool))
    assert np.bincount(called.ravel(), minlength=3)[1] / 2000 == pytest.approx(2.5 / 10, abs=0.03)
    assert (probability.argmax(axis=2) == 1).mean() < 0.2


def test_no_source_is_called_that_is_improbable_there():
    draw = np.random.default_rng(2)
    probability = draw.dirichlet([9.0, 0.9, 0.1], (4, 500))
    called = call(probability, np.ones((4, 500), dtype=bool))
    assert np.take_along_axis(probability, called[..., None], axis=2).min() >= painting.POSSIBLE


def test_padding_is_no_part_of_what_calls_add_up_to():
    probability = np.tile([0.9, 0.1], (2, 100, 1))
    probability[:, 50:] = [0.1, 0.9]
    inside = np.zeros((2, 100), dtype=bool)
    inside[:, :50] = True
    assert (call(probability, inside)[:, :50] == 0).all()


def test_every_copy_and_chromosome_is_painted_by_itself():
    # One chromosome of one source and one of the other: neither leaks into its neighbour.
    draw = np.random.default_rng(4)
    frequency = np.tile([[0.9, 0.1]], (200, 1))
    chromosome = np.repeat([0, 1], 100)
    layout = Layout(np.arange(200), chromosome, np.tile(np.arange(100) * WINDOW // 2, 2))
    alleles = np.stack([chromosome == 0, chromosome == 1], axis=1).astype(np.int8)
    alleles ^= (draw.random(alleles.shape) < 0.05).astype(np.int8)
    found = paint_copies(alleles, frequency, layout, np.array([0.5, 0.5]))
    assert found.shape == (2, 2, 50, 2)
    assert (found.argmax(axis=3) == np.array([[0, 1], [1, 0]])[:, :, None]).all()
    swapped = paint_copies(alleles, frequency, replace(layout, chromosome=1 - chromosome), np.array([0.5, 0.5]))
    assert swapped == pytest.approx(found[::-1])
