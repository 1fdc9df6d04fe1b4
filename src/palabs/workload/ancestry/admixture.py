"""Admixture proportions of one person: shares of six components, each with an interval.

Shares by supervised maximum likelihood (shares.py) with the components' frequencies (components.py). Their errors come
from a block bootstrap, which needs no assumption on linkage or on how far the references are from the person's own
ancestors, since both differ from block to block: the genome is cut into blocks of 5 Mb, and each replicate counts one
of every two neighbouring blocks double and the other not at all (half-samples: McCarthy 1969; of blocks: Kunsch 1989).
Neighbours share most of their ancestry, so that what differs is the error and not the mosaic of the person's genome,
which a bootstrap over all blocks would count as error too. A replicate's shares are one Newton step from the person's.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .components import COMPONENTS, Tables, component_frequencies
from .model import Sites
from .shares import Alleles, fit, noisy

Floats = NDArray[np.float64]

LEVEL = 0.9
NORMAL_90 = 1.6449  # two-sided, LEVEL
BLOCK = 5_000_000
REPLICATES = 200
MIN_SNPS = 80
MAX_WRONG = 0.25  # of the alleles; a file that fits no mixture better than so has no shares
# Standard errors are widened by this share: what the bootstrap cannot see is the error that all blocks have in common.
# Fitted to cover 90 % on simulations, checked on simulations with other seeds (palabs.evaluate.proportions).
FLOOR = 0.002
DECIMALS = 6


@dataclass(frozen=True)
class Component:
    """The share of one of COMPONENTS in a genome and its interval of LEVEL; an interval from 0 is one that cannot
    tell the share from none.
    """

    code: str
    share: float
    low: float
    high: float


@dataclass(frozen=True)
class Admixture:
    """Shares (they sum to one, in the order of COMPONENTS), from a number of SNPs in a number of blocks."""

    components: tuple[Component, ...]
    snps: int
    blocks: int


@dataclass(frozen=True)
class Estimate:
    """Shares of the sources and their standard errors, in the order of the sources, the number of blocks behind them,
    and the probability that an allele was read wrongly.
    """

    shares: Floats
    errors: Floats
    blocks: int
    wrong: float

    def interval(self) -> tuple[Floats, Floats]:
        """Low and high ends of the intervals of LEVEL; they contain the shares."""
        reach = NORMAL_90 * np.hypot(self.errors, FLOOR)
        return np.maximum(self.shares - reach, 0.0), np.minimum(self.shares + reach, 1.0)


def estimate(
    model: Tables, dosage: NDArray[np.int8], hidden: NDArray[np.int8] | None = None, *, seed: int = 0
) -> Admixture | None:
    """The admixture of a person with these dosages (one a site of the model, -1 unknown), or None with fewer than
    MIN_SNPS known, or where more than MAX_WRONG of the alleles fit nothing.

    `hidden` is as in Genotypes; `seed` chooses the half-samples.
    """
    rows = np.flatnonzero(dosage >= 0)
    if rows.size < MIN_SNPS:
        return None
    frequency = component_frequencies(model, rows)
    blocks = block_numbers(model.sites, rows)
    unseen = None if hidden is None or (hidden[rows] < 0).all() else hidden[rows]
    found = estimate_shares(dosage[rows], frequency, blocks, unseen, seed=seed)
    if found.wrong > MAX_WRONG:
        return None
    ends = zip(COMPONENTS, _summing_to_one(found.shares), *found.interval(), strict=True)
    parts = tuple(
        Component(code, float(share), round(float(min(low, share)), DECIMALS), round(float(max(high, share)), DECIMALS))
        for code, share, low, high in ends
    )
    return Admixture(parts, int(rows.size), found.blocks)


def estimate_shares(
    dosage: NDArray[np.int8],
    frequency: Floats,
    blocks: NDArray[np.intp],
    hidden: NDArray[np.int8] | None = None,
    *,
    seed: int = 0,
) -> Estimate:
    """Shares of the sources whose allele `frequency` is known (sites x sources), with standard errors.

    `dosage` and `blocks` have one number a site; blocks are numbered from 0 along the genome.
    """
    found = fit(dosage, frequency, hidden)
    counted = dosage.astype(np.float64)
    alleles = Alleles(counted, 2.0 - counted, np.ascontiguousarray(noisy(frequency).T), hidden)
    gradient, curvature = _by_block(alleles, found.with_noise, blocks)
    moved = found.with_noise + _steps(gradient, curvature, seed)
    replicates = moved[:, :-1] / moved[:, :-1].sum(axis=1, keepdims=True)
    return Estimate(found.shares, replicates.std(axis=0), len(gradient), found.wrong)


def block_numbers(sites: Sites, rows: NDArray[np.intp]) -> NDArray[np.intp]:
    """A number for each of some sites, from 0: which stretch of BLOCK bases of which chromosome it lies in. Sites
    without a place in GRCh37 stand at that in GRCh38, and so at most a few blocks away.
    """
    place = np.where(sites.position37[rows] > 0, sites.position37[rows], sites.position38[rows]).astype(np.int64)
    stretch = sites.chromosome[rows].astype(np.int64) * 1000 + place // BLOCK
    return np.asarray(np.unique(stretch, return_inverse=True)[1], dtype=np.intp)


def _by_block(alleles: Alleles, shares: Floats, blocks: NDArray[np.intp]) -> tuple[Floats, Floats]:
    """First derivatives of the log-likelihood by the shares (blocks x sources) and the expected second ones,
    negative (blocks x sources x sources).
    """
    mixture = alleles.mixture(shares)
    counted, other = alleles.completed(mixture)
    slope = (counted / mixture - other / (1 - mixture)) * alleles.frequency
    weight = (alleles.counted + alleles.other) / (mixture * (1 - mixture))
    order = np.argsort(blocks, kind="stable")
    starts = np.searchsorted(blocks[order], np.arange(blocks.max() + 1))
    gradient = np.add.reduceat(slope[:, order], starts, axis=1).T
    sources = len(shares)
    curvature = np.empty((len(starts), sources, sources))
    for source in range(sources):
        products = weight * alleles.frequency[source] * alleles.frequency
        curvature[:, source] = np.add.reduceat(products[:, order], starts, axis=1).T
    return gradient, curvature


def _steps(gradient: Floats, curvature: Floats, seed: int) -> Floats:
    """How a half-sample of blocks would move the shares: one Newton step each (REPLICATES x sources)."""
    weights = _half_samples(len(gradient), seed)
    free = _directions(gradient.shape[1])
    slope = weights @ gradient @ free
    bend = free.T @ np.tensordot(weights, curvature, axes=1) @ free
    bend += 1e-6 * np.trace(bend, axis1=1, axis2=2)[:, None, None] * np.eye(free.shape[1])
    return np.asarray(np.linalg.solve(bend, slope[:, :, None])[:, :, 0] @ free.T)


def _half_samples(blocks: int, seed: int) -> Floats:
    """REPLICATES x blocks: of each two neighbours one has weight 2 and the other 0; an odd last block has 1."""
    pairs = blocks // 2
    chosen = np.random.default_rng(seed).integers(0, 2, (REPLICATES, pairs)) * 2.0
    weights = np.ones((REPLICATES, blocks))
    weights[:, 0 : 2 * pairs : 2] = chosen
    weights[:, 1 : 2 * pairs : 2] = 2.0 - chosen
    return weights


def _directions(sources: int) -> Floats:
    """An orthonormal basis (sources x sources - 1) of the changes that leave the sum of the shares alone."""
    centred = np.eye(sources) - 1 / sources
    return np.asarray(np.linalg.svd(centred)[0][:, : sources - 1])


def _summing_to_one(shares: Floats) -> Floats:
    rounded = np.round(shares, DECIMALS)
    rounded[rounded.argmax()] += 1 - rounded.sum()
    return np.round(rounded, DECIMALS)
