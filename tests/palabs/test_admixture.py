"""Admixture: shares of known mixtures come back, intervals hold them, nothing is said on too little."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from palabs.workload.ancestry import admixture, components, shares
from palabs.workload.ancestry.admixture import MIN_SNPS, estimate, estimate_shares
from palabs.workload.ancestry.components import COMPONENTS, MIXED, REFERENCES, component_frequencies
from palabs.workload.ancestry.model import Sites
from palabs.workload.ancestry.shares import Alleles, em_step, fit, maximise

SNPS = 5000
REFERENCE_NAMES = tuple(name for names in REFERENCES.values() for name in names.split())
POPULATIONS = tuple(name for name in REFERENCE_NAMES if name.isupper()) + MIXED
REFERENCES_ONLY = tuple(name for name in REFERENCE_NAMES if not name.isupper())
MIXED_TRUTH = {
    "CLM": (0.09, 0.27, 0.0, 0.64, 0.0, 0.0),
    "MXL": (0.05, 0.49, 0.0, 0.46, 0.0, 0.0),
    "PEL": (0.03, 0.80, 0.0, 0.17, 0.0, 0.0),
    "PUR": (0.15, 0.14, 0.0, 0.71, 0.0, 0.0),
}


@dataclass(frozen=True)
class World:
    """A made-up model whose components' true frequencies are known."""

    populations: tuple[str, ...]
    references: tuple[str, ...]
    sites: Sites
    counts: np.ndarray
    totals: np.ndarray
    reference_counts: np.ndarray
    reference_totals: np.ndarray
    truth: np.ndarray

    def person(self, mixture, seed=0):
        """Dosages of a person whose alleles come from the components in these shares."""
        frequency = self.truth @ np.array(mixture)
        return np.random.default_rng([1, seed]).binomial(2, frequency).astype(np.int8)


def make_world(seed=7, snps=SNPS, hgdp_share=0.9):
    draw = np.random.default_rng(seed)
    world = draw.uniform(0.05, 0.95, snps)[:, None]
    truth = np.clip(draw.beta(world * 5, (1 - world) * 5, (snps, len(COMPONENTS))), 0.001, 0.999)
    where = {name: truth[:, i] for i, code in enumerate(COMPONENTS) for name in REFERENCES[code].split()}
    where |= {name: truth @ np.array(mixture) for name, mixture in MIXED_TRUTH.items()}
    totals = np.full((snps, len(POPULATIONS)), 160, np.uint8)
    counts = np.stack([draw.binomial(160, where[name]) for name in POPULATIONS], axis=1).astype(np.uint8)
    known = draw.random(snps) < hgdp_share
    reference_totals = np.where(known[:, None], 20, 0).astype(np.uint8) * np.ones(len(REFERENCES_ONLY), np.uint8)
    reference_counts = np.stack([draw.binomial(20, where[name]) for name in REFERENCES_ONLY], axis=1)
    chromosome = np.sort(draw.integers(1, 23, snps)).astype(np.uint8)
    place = np.concatenate([np.sort(draw.integers(1, 120_000_000, n)) for n in np.bincount(chromosome)[1:]])
    sites = make_sites(chromosome, place.astype(np.uint32))
    return World(
        POPULATIONS, REFERENCES_ONLY, sites, counts, totals,
        np.where(known[:, None], reference_counts, 0).astype(np.uint8), reference_totals.astype(np.uint8), truth,
    )  # fmt: skip


def make_sites(chromosome, place):
    """Sites with these places; admixture looks at nothing else of them."""
    columns = dict.fromkeys((column.name for column in fields(Sites)), np.zeros(len(place), np.uint8))
    columns |= dict.fromkeys(("position36", "position37", "position38"), place) | {"chromosome": chromosome}
    return Sites(**columns)


@pytest.fixture(scope="module")
def world():
    return make_world()


def by_code(found):
    return {row.code: row for row in found.components}


MIXTURES = {
    "African American": (0.8, 0.01, 0.0, 0.19, 0.0, 0.0),
    "Mexican": (0.05, 0.5, 0.0, 0.45, 0.0, 0.0),
    "a European and an East Asian parent": (0.0, 0.0, 0.5, 0.5, 0.0, 0.0),
    "Fijian": (0.0, 0.0, 0.1, 0.0, 0.4, 0.5),
    "one source": (0.0, 0.0, 0.0, 1.0, 0.0, 0.0),
}


@pytest.mark.parametrize("name", MIXTURES)
def test_shares_of_a_known_mixture_come_back(world, name):
    found = by_code(estimate(world, world.person(MIXTURES[name])))
    assert {code: found[code].share for code in COMPONENTS} == pytest.approx(
        dict(zip(COMPONENTS, MIXTURES[name], strict=True)), abs=0.06
    )


def test_shares_sum_to_one_and_lie_within_their_intervals(world):
    found = estimate(world, world.person(MIXTURES["Mexican"]))
    assert sum(row.share for row in found.components) == pytest.approx(1, abs=1e-9)
    assert [row.code for row in found.components] == list(COMPONENTS)
    assert all(0 <= row.low <= row.share <= row.high <= 1 for row in found.components)
    assert found.snps == SNPS
    assert 200 < found.blocks < 22 * 25


def test_a_source_that_is_not_there_has_an_interval_from_zero(world):
    found = by_code(estimate(world, world.person(MIXTURES["a European and an East Asian parent"])))
    assert [found[code].low for code in ("AFR", "AMR", "SAS", "OCE")] == [0, 0, 0, 0]
    assert found["EUR"].low > 0.3


def test_intervals_of_90_percent_hold_the_truth_of_about_90_percent(world):
    # 40 people x 3 sources of one world; a loose check that the intervals are neither empty nor everything.
    mixture = np.array([0.2, 0.45, 0.0, 0.35, 0.0, 0.0])
    rows = [by_code(estimate(world, world.person(mixture, seed))) for seed in range(40)]
    held = [
        row[code].low <= mixture[i] <= row[code].high for row in rows for i, code in enumerate(COMPONENTS) if mixture[i]
    ]
    assert 0.8 <= np.mean(held) <= 0.99
    assert np.mean([row["AMR"].high - row["AMR"].low for row in rows]) < 0.15


def test_too_few_snps_give_no_shares(world):
    dosage = world.person(MIXTURES["Mexican"])
    assert estimate(world, shown(dosage, MIN_SNPS - 1)) is None
    assert estimate(world, shown(dosage, MIN_SNPS)) is not None


def shown(dosage, number):
    result = np.full_like(dosage, -1)
    chosen = np.random.default_rng(3).permutation(dosage.size)[:number]
    result[chosen] = dosage[chosen]
    return result


def test_fewer_snps_give_wider_intervals(world):
    dosage = world.person(MIXTURES["Mexican"])
    few, many = by_code(estimate(world, shown(dosage, 200))), by_code(estimate(world, dosage))
    assert few["AMR"].high - few["AMR"].low > 2 * (many["AMR"].high - many["AMR"].low)


def test_the_same_person_gets_the_same_answer_and_another_seed_moves_only_the_intervals(world):
    dosage = world.person(MIXTURES["Mexican"])
    first, again, other = (estimate(world, dosage, seed=seed) for seed in (0, 0, 1))
    assert first == again
    assert [row.share for row in first.components] == [row.share for row in other.components]
    assert [row.high for row in first.components] != [row.high for row in other.components]


def test_indigenous_american_frequencies_come_from_mixed_populations_where_hgdp_has_none(world):
    rows = np.arange(SNPS)
    lacking = world.reference_totals.max(axis=1) == 0
    american = COMPONENTS.index("AMR")
    with_mixed = component_frequencies(world, rows)[lacking, american]
    without = replace(
        world,
        totals=world.totals * ~np.isin(POPULATIONS, MIXED).astype(bool),
        counts=world.counts * ~np.isin(POPULATIONS, MIXED),
    )
    from_prior = components.posterior_mean(*components._pooled(without, rows))[lacking, american]
    truth = world.truth[lacking, american]
    assert np.abs(with_mixed - truth).mean() < 0.4 * np.abs(from_prior - truth).mean()


def test_mixed_populations_have_the_shares_that_they_were_made_with(world):
    found = components._mixed_shares(world)
    assert found == pytest.approx(np.array([MIXED_TRUTH[name] for name in MIXED]), abs=0.03)


def test_a_file_of_variants_only_gives_the_shares_of_the_whole_genome(world):
    found, naive = [], []
    for seed in range(10):
        dosage = world.person(MIXTURES["one source"], seed)
        listed = np.where(dosage > 0, dosage, -1).astype(np.int8)
        hidden = np.where(listed > 0, 0, -1).astype(np.int8)
        found.append(by_code(estimate(world, listed, hidden))["EUR"].share)
        naive.append(by_code(estimate(world, listed))["EUR"].share)
    assert np.mean(found) > 0.975 > np.mean(naive)


def test_a_file_that_fits_nothing_has_no_shares(world):
    dosage = np.random.default_rng(1).integers(0, 3, SNPS).astype(np.int8)
    assert estimate(world, dosage) is None


def test_the_other_allele_may_be_the_hidden_one(world):
    dosage = world.person(MIXTURES["African American"], seed=5)
    listed = np.where(dosage < 2, dosage, -1).astype(np.int8)
    hidden = np.where(listed >= 0, 2, -1).astype(np.int8)
    assert by_code(estimate(world, listed, hidden))["AFR"].share == pytest.approx(0.8, abs=0.08)


def test_wrong_genotypes_do_not_move_the_shares(world):
    draw = np.random.default_rng(9)
    people = [world.person(MIXTURES["Mexican"], seed).astype(int) for seed in range(6)]
    misread = [(draw.binomial(one, 0.9) + draw.binomial(2 - one, 0.1)).astype(np.int8) for one in people]
    found = [by_code(estimate(world, one))["AMR"].share for one in misread]
    assert np.mean(found) == pytest.approx(0.5, abs=0.05)
    person = draw.binomial(2, np.repeat([0.2, 0.01], 1000))
    rare = np.full((2000, 2), 0.01)
    rare[:1000, 0] = rare[1000:, 1] = 0.2
    misread = (draw.binomial(person, 0.95) + draw.binomial(2 - person, 0.05)).astype(np.int8)
    settled = fit(misread, rare)
    assert settled.wrong == pytest.approx(0.05, abs=0.015)
    assert settled.shares[0] > 0.93
    assert maximise(misread.astype(float), np.full(2000, 2.0), rare)[0] < 0.9  # without the source of wrong readings


def test_a_clean_file_has_no_wrong_genotypes(world):
    dosage = world.person(MIXTURES["Mexican"])
    settled = fit(dosage, component_frequencies(world, np.arange(SNPS)))
    assert settled.wrong < 0.01
    assert settled.with_noise.sum() == pytest.approx(1)


def test_hidden_genotypes_that_hide_nothing_change_nothing(world):
    dosage = world.person(MIXTURES["Mexican"])
    assert estimate(world, dosage, np.full_like(dosage, -1)) == estimate(world, dosage)


def test_the_acceleration_finds_the_maximum_that_plain_em_finds(world):
    frequency = component_frequencies(world, np.arange(800))
    counted = world.person(MIXTURES["Fijian"])[:800].astype(float)
    alleles = Alleles(counted, 2 - counted, np.ascontiguousarray(frequency.T))
    plain = np.full(len(COMPONENTS), 1 / len(COMPONENTS))
    for _ in range(5000):
        plain = em_step(alleles, plain)
    assert maximise(counted, np.full(800, 2.0), frequency) == pytest.approx(plain, abs=1e-3)


def likelihood(counted, frequency, mixture):
    shown = frequency @ mixture
    return float(counted @ np.log(shown) + (2 - counted) @ np.log1p(-shown))


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.integers(2, 6), st.integers(20, 300))
def test_no_mixture_is_likelier_than_the_one_found(seed, sources, snps):
    draw = np.random.default_rng(seed)
    frequency = draw.uniform(0.01, 0.99, (snps, sources))
    counted = draw.binomial(2, frequency @ draw.dirichlet(np.full(sources, 0.5))).astype(float)
    found = maximise(counted, np.full(snps, 2.0), frequency)
    assert found.min() >= 0
    assert found.sum() == pytest.approx(1)
    best = likelihood(counted, frequency, found)
    others = draw.dirichlet(np.full(sources, 0.7), 200)
    assert max(likelihood(counted, frequency, other) for other in others) <= best + 1e-3


def test_neighbouring_blocks_of_another_ancestry_do_not_widen_the_intervals():
    # Half of the genome from one source and half from the other, chromosome by chromosome: exactly a half, and known.
    draw = np.random.default_rng(1)
    frequency = np.clip(draw.beta(1, 1, (4000, 2)), 0.01, 0.99)
    blocks = np.repeat(np.arange(400), 10)
    source = (np.arange(400) // 20 % 2)[blocks]
    dosage = draw.binomial(2, frequency[np.arange(4000), source]).astype(np.int8)
    mosaic = estimate_shares(dosage, frequency, blocks)
    even = estimate_shares(draw.binomial(2, frequency.mean(axis=1)).astype(np.int8), frequency, blocks)
    assert mosaic.shares == pytest.approx([0.5, 0.5], abs=0.05)
    assert mosaic.errors[0] < 1.5 * even.errors[0]


def test_half_samples_keep_the_weight_of_every_pair():
    weights = admixture._half_samples(7, seed=0)
    assert (weights[:, 0:6:2] + weights[:, 1:6:2] == 2).all()
    assert (weights[:, 6] == 1).all()
    assert set(np.unique(weights[:, :6])) == {0, 2}


def test_blocks_do_not_cross_chromosomes(world):
    blocks = admixture.block_numbers(world.sites, np.arange(SNPS))
    for number in range(blocks.max() + 1):
        assert len(set(world.sites.chromosome[blocks == number])) == 1
    assert (np.diff(blocks) >= 0).all()
    assert blocks.max() + 1 == len(set(blocks))


def test_references_are_populations_that_the_packaged_model_has(model):
    known = {*model.populations, *model.references}
    assert known.issuperset(REFERENCE_NAMES)
    assert known.issuperset(MIXED)


def test_a_made_person_of_the_packaged_model_is_mostly_of_that_continent(model, make_person):
    column = model.populations.index("YRI")
    frequency = (model.counts[:, column] + 0.5) / (model.totals[:, column] + 1.0)
    dosage = np.random.default_rng(1).binomial(2, frequency).astype(np.int8)
    dosage[model.totals[:, column] == 0] = -1
    found = by_code(estimate(model, dosage))
    assert found["AFR"].share > 0.95
    assert found["AFR"].high >= 0.99


def test_frequencies_stay_strictly_between_0_and_1(world):
    rows = np.arange(50)
    emptied = replace(world, counts=np.zeros_like(world.counts), reference_counts=np.zeros_like(world.reference_counts))
    full = replace(world, counts=world.totals.copy(), reference_counts=world.reference_totals.copy())
    for made in (emptied, full):
        frequency = component_frequencies(made, rows)
        assert (frequency > 0).all()
        assert (frequency < 1).all()


def test_steps_are_bounded():
    assert shares.MAX_STEPS <= 1000
