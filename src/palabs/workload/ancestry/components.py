"""The components of admixture and their allele frequencies, from the model's counts alone.

A component is a source that people descend from: African, Indigenous American, East Asian, European, South Asian,
Oceanian. Its frequency at a site is the posterior mean of a Beta distribution: the chromosomes of its reference
populations, and a prior around what the other components suggest (Balding & Nichols 1995).

The populations of the Americas in the 1000 Genomes Project are mixed and thus no reference as they are, but they hold
far more Indigenous American chromosomes than HGDP's 51 people do, and at sites that HGDP lacks they hold the only ones.
So each of their chromosomes counts for that component by the probability that it came from there: supervised EM on the
populations' counts (the deconvolution step of ADMIXTURE: Alexander, Novembre & Lange 2009, section 2.2), with the mean
shares of the population, which the sites known to HGDP give first.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from .model import Counts, Sites
from .shares import maximise

Floats = NDArray[np.float64]

COMPONENTS = ("AFR", "AMR", "EAS", "EUR", "SAS", "OCE")
AMERICAN = COMPONENTS.index("AMR")

# Populations of (nearly) one source. Those of Pakistan, Bengal, the Near East and Siberia are mixtures, and left out.
REFERENCES = {
    "AFR": "ESN GWD LWK MSL YRI Bandu_Kenya Bandu_SouthAfrica Mandenka_Senegal Yoruba_Nigeria",
    "AMR": "Colombian_Colombia Karitiana_Brazil Mayan_Mexico Pima_Mexico Surui_Brazil",
    "EAS": "CDX CHB CHS JPT KHV Dai_China Han_China Japanese_Japan Lahu_China Miao_China Naxi_China "
    "Northern_Han_China She_China Tujia_China Yi_China",
    "EUR": "CEU FIN GBR IBS TSI Basque_France Bergamo_Italy French_France Orcadian_Orkney Sardinian_Italy Tuscan_Italy",
    "SAS": "GIH ITU STU",
    "OCE": "Bougainville_Bougainville Papuan_PapuaNewGuinea Popuan_Sepik_NewGuinea",
}
MIXED = ("CLM", "MXL", "PEL", "PUR")

# What the frequency in a component is drawn around: a mean of the four with many references (regressed on 7,623 SNPs
# that all have), and how closely, in chromosomes; the four themselves around their common mean.
PRIOR_MEANS = {
    "AMR": {"AFR": 0.06, "EAS": 0.48, "EUR": 0.20, "SAS": 0.26},
    "OCE": {"AFR": 0.13, "EAS": 0.44, "SAS": 0.43},
}
STRENGTHS = {"AMR": 4.0, "OCE": 4.0}
STRENGTH = 12.0
ERROR = 0.001  # an allele read wrongly; more would hide small shares behind it (simulated: .005 hides a tenth of 8 %)
ROUNDS = 6  # of the deconvolution: later ones move frequencies by .002 on average, and no error of a share by .001
SITES_FOR_SHARES = 1500


class Tables(Protocol):
    """What is needed of a model (see Model): its populations and references, its sites and the counts there."""

    @property
    def populations(self) -> tuple[str, ...]:
        """The answers' codes."""

    @property
    def references(self) -> tuple[str, ...]:
        """Names of the further reference populations."""

    @property
    def sites(self) -> Sites:
        """The sites, one row each in the tables."""

    @property
    def counts(self) -> Counts:
        """Counted alleles, sites x populations."""

    @property
    def totals(self) -> Counts:
        """Chromosomes typed, sites x populations."""

    @property
    def reference_counts(self) -> Counts:
        """Counted alleles, sites x references."""

    @property
    def reference_totals(self) -> Counts:
        """Chromosomes typed, sites x references."""


def component_frequencies(model: Tables, rows: NDArray[np.intp]) -> Floats:
    """The frequency of the counted allele in each of COMPONENTS at some of the model's sites (sites x 6)."""
    counts, totals = _pooled(model, rows)
    columns = [model.populations.index(name) for name in MIXED]
    mixed = model.counts[rows][:, columns].astype(np.float64), model.totals[rows][:, columns].astype(np.float64)
    return with_error(_deconvolved(counts, totals, mixed, _mixed_shares(model)))


def _pooled(model: Tables, rows: NDArray[np.intp]) -> tuple[Floats, Floats]:
    """Counted alleles and chromosomes of each component's references, sites x 6."""
    names = (*model.populations, *model.references)
    member = np.array([[name in REFERENCES[code].split() for code in COMPONENTS] for name in names], dtype=np.float64)
    counts = np.hstack([model.counts[rows], model.reference_counts[rows]]).astype(np.float64)
    totals = np.hstack([model.totals[rows], model.reference_totals[rows]]).astype(np.float64)
    return counts @ member, totals @ member


def _prior() -> tuple[Floats, Floats]:
    """PRIOR_MEANS as a matrix (components x components, a column each) and the strengths."""
    weights = np.array([[PRIOR_MEANS.get(code, {}).get(source, 0.0) for code in COMPONENTS] for source in COMPONENTS])
    return weights, np.array([STRENGTHS.get(code, STRENGTH) for code in COMPONENTS])


def _prior_mean(counts: Floats, totals: Floats) -> Floats:
    """The mean of each component's prior at each site, sites x 6."""
    weights, strength = _prior()
    main = np.array([code not in PRIOR_MEANS for code in COMPONENTS])
    world = (counts[:, main].sum(axis=1) + 0.5) / (totals[:, main].sum(axis=1) + 1)
    of_main = (counts + strength * world[:, None]) / (totals + strength)
    return np.asarray(np.where(main, world[:, None], of_main @ weights))


def posterior_mean(counts: Floats, totals: Floats) -> Floats:
    """Each component's frequency from its references' counts and its prior (all sites x 6)."""
    strength = _prior()[1]
    return np.asarray((counts + strength * _prior_mean(counts, totals)) / (totals + strength))


def _deconvolved(counts: Floats, totals: Floats, mixed: tuple[Floats, Floats], shares: Floats) -> Floats:
    """The components' frequencies (sites x 6), the Indigenous American one from the mixed populations as well.

    `mixed` are their counted alleles and chromosomes (sites x MIXED), `shares` their mean shares (MIXED x 6).
    """
    result = posterior_mean(counts, totals)
    prior, strength = _prior_mean(counts, totals)[:, AMERICAN], STRENGTHS["AMR"]
    part = shares[:, AMERICAN]
    rest = result @ np.where(np.arange(len(COMPONENTS)) == AMERICAN, 0.0, shares).T
    for _ in range(ROUNDS):
        here = result[:, AMERICAN, None]
        shown = part * here / (rest + part * here) * mixed[0]
        other = part * (1 - here) / (1 - rest - part * here) * (mixed[1] - mixed[0])
        top = counts[:, AMERICAN] + strength * prior + shown.sum(axis=1)
        result[:, AMERICAN] = top / (totals[:, AMERICAN] + strength + shown.sum(axis=1) + other.sum(axis=1))
    return result


def _mixed_shares(model: Tables) -> Floats:
    """The mean shares of each of MIXED, at sites where HGDP's Americans were typed (populations x 6)."""
    typed = model.reference_totals[:, [name in REFERENCES["AMR"].split() for name in model.references]].sum(axis=1) > 0
    result = []
    for name in MIXED:
        column = model.populations.index(name)
        rows = np.flatnonzero(typed & (model.totals[:, column] > 0))
        rows = rows[:: max(1, len(rows) // SITES_FOR_SHARES)]
        frequency = with_error(posterior_mean(*_pooled(model, rows)))
        total = model.totals[rows, column].astype(np.float64)
        result.append(maximise(model.counts[rows, column].astype(np.float64), total, frequency))
    return np.array(result)


def with_error(frequency: Floats) -> Floats:
    """What is read where this is the frequency: each allele wrong with probability ERROR."""
    return (1 - ERROR) * frequency + ERROR / 2
