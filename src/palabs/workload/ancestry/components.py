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

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .model import Model
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
STRENGTH = 10.0
ERROR = 0.001  # an allele read wrongly; more would hide small shares behind it (simulated: .005 hides a tenth of 8 %)
ROUNDS = 6  # of the deconvolution: frequencies change by less than .002 afterwards
SITES_FOR_SHARES = 3000


@dataclass(frozen=True)
class Sources:
    """Frequency of the counted allele in each of COMPONENTS (sites x 6)."""

    frequency: Floats
    mixed_shares: Floats  # mean shares of MIXED, populations x 6


def component_frequencies(model: Model, rows: NDArray[np.intp]) -> Sources:
    """The frequencies of the components at some of the model's sites."""
    shares = _mixed_shares(model)
    counts, totals = _pooled(model, rows)
    columns = [model.populations.index(name) for name in MIXED]
    frequency = _posterior_mean(counts, totals)
    mixed = model.counts[rows][:, columns].astype(np.float64), model.totals[rows][:, columns].astype(np.float64)
    return Sources(_with_error(_deconvolved(frequency, counts, totals, mixed, shares)), shares)


def _pooled(model: Model, rows: NDArray[np.intp]) -> tuple[Floats, Floats]:
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


def _posterior_mean(counts: Floats, totals: Floats) -> Floats:
    strength = _prior()[1]
    return np.asarray((counts + strength * _prior_mean(counts, totals)) / (totals + strength))


def _deconvolved(
    frequency: Floats, counts: Floats, totals: Floats, mixed: tuple[Floats, Floats], shares: Floats
) -> Floats:
    """The frequencies with the Indigenous American one re-estimated from the mixed populations (`mixed`: counted
    alleles and chromosomes, sites x MIXED) as well.
    """
    result = frequency.copy()
    prior, strength = _prior_mean(counts, totals)[:, AMERICAN], STRENGTHS["AMR"]
    part = shares[:, AMERICAN]
    rest = frequency @ np.where(np.arange(len(COMPONENTS)) == AMERICAN, 0.0, shares).T
    for _ in range(ROUNDS):
        here = result[:, AMERICAN, None]
        shown = part * here / (rest + part * here) * mixed[0]
        other = part * (1 - here) / (1 - rest - part * here) * (mixed[1] - mixed[0])
        top = counts[:, AMERICAN] + strength * prior + shown.sum(axis=1)
        bottom = totals[:, AMERICAN] + strength + shown.sum(axis=1) + other.sum(axis=1)
        result[:, AMERICAN] = top / bottom
    return result


def _mixed_shares(model: Model) -> Floats:
    """The mean shares of each of MIXED, at sites where HGDP's Americans were typed (populations x 6)."""
    typed = model.reference_totals[:, [name in REFERENCES["AMR"].split() for name in model.references]].sum(axis=1) > 0
    result = []
    for name in MIXED:
        column = model.populations.index(name)
        rows = np.flatnonzero(typed & (model.totals[:, column] > 0))
        rows = rows[:: max(1, len(rows) // SITES_FOR_SHARES)]
        frequency = _with_error(_posterior_mean(*_pooled(model, rows)))
        total = model.totals[rows, column].astype(np.float64)
        result.append(maximise(model.counts[rows, column].astype(np.float64), total, frequency))
    return np.array(result)


def _with_error(frequency: Floats) -> Floats:
    return (1 - ERROR) * frequency + ERROR / 2
