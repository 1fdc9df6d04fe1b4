"""The ancestry model: a table of allele counts, and the posterior over populations that follows from it.

For each SNP and population the allele frequency has a Beta posterior whose prior mean comes from the
population's continent, whose own prior mean comes from the world (hierarchical shrinkage: Gelman et al.,
Bayesian Data Analysis, chapter 5; for allele frequencies: Balding & Nichols 1995). The probability of a
genotype is the posterior predictive of two draws, mixed with a uniform genotype error. Log-likelihoods add
over the observed SNPs; unobserved ones contribute nothing.

SNPs are linked and people are mixed, so the sum is overconfident. It is tempered: multiplied by one factor where
continents are compared and by one a continent where its populations are, each fitted by cross-validation as a
function of the information in the SNPs used (mutual information of genotype and population, in nats: Rosenberg
et al. 2003), which makes 160 chosen SNPs and 500 ordinary ones comparable.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

MAGIC = b"palabs-ancestry-model/1\n"
MODEL_FILE = Path(__file__).with_name("model.bin")
DECIMALS = 6

Floats = NDArray[np.float64]
Counts = NDArray[np.uint8]

# (name, little-endian type, columns: "populations" for a table of one column a population)
ARRAYS = (
    ("rs", "<u4", "site"),
    ("chromosome", "u1", "site"),
    ("position37", "<u4", "site"),
    ("position38", "<u4", "site"),
    ("counted", "u1", "site"),
    ("other", "u1", "site"),
    ("counts", "u1", "populations"),
    ("totals", "u1", "populations"),
)


@dataclass(frozen=True)
class Temper:
    """Factors for the log-likelihood at each of some amounts of `information` (nats, rising).

    A row of `factors` is the one between continents, then one within each continent, in alphabetical order.
    """

    information: tuple[float, ...] = (1.0,)
    factors: tuple[tuple[float, ...], ...] = ((1.0,) * 6,)

    def at(self, information: Floats) -> Floats:
        """The factors for these amounts of information, interpolated in their logarithm: one row each."""
        where = np.log(np.maximum(information, 1e-9))
        knots = np.log(np.array(self.information))
        columns = np.array(self.factors).T
        return np.stack([np.interp(where, knots, column) for column in columns], axis=-1)


@dataclass(frozen=True)
class Settings:
    """What the counts alone do not say.

    `to_world` and `to_continent` are the strengths of the two priors, in chromosomes; `error` is the
    probability that a genotype is wrong.
    """

    to_world: float
    to_continent: float
    error: float


@dataclass(frozen=True)
class Sites:
    """The panel's SNPs, one row each. `position37` is 0 where unknown; alleles are ASCII letters."""

    rs: NDArray[np.uint32]
    chromosome: NDArray[np.uint8]
    position37: NDArray[np.uint32]
    position38: NDArray[np.uint32]
    counted: NDArray[np.uint8]
    other: NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.rs)


@dataclass(frozen=True)
class Model:
    """Counts (sites x populations) of the counted allele and of all chromosomes, with the settings."""

    populations: tuple[str, ...]
    continents: tuple[str, ...]
    sites: Sites
    counts: Counts
    totals: Counts
    settings: Settings
    temper: Temper

    @property
    def grouping(self) -> NDArray[np.intp]:
        """The continent of each population, as an index into the continents in alphabetical order."""
        return np.asarray(np.unique(self.continents, return_inverse=True)[1], dtype=np.intp)

    def encode(self) -> bytes:
        """The model file: the magic line, one line of JSON, the arrays. The same bytes on every machine."""
        header = {
            "continents": self.continents,
            "populations": self.populations,
            "settings": vars(self.settings),
            "sites": len(self.sites),
            "temper": vars(self.temper),
        }
        columns = vars(self.sites) | {"counts": self.counts, "totals": self.totals}
        arrays = [np.ascontiguousarray(columns[name], dtype=kind).tobytes() for name, kind, _ in ARRAYS]
        return MAGIC + json.dumps(header, sort_keys=True).encode() + b"\n" + b"".join(arrays)

    def log_table(self) -> Floats:
        """The logarithm of P(genotype | population), sites x populations x 3."""
        return log_genotypes(self.counts, self.totals, self.grouping, self.settings)


def decode(data: bytes) -> Model:
    """The model in the bytes of a model file. Raises ValueError for anything else."""
    if not data.startswith(MAGIC):
        raise ValueError("not a palabs ancestry model")
    line, _, body = data[len(MAGIC) :].partition(b"\n")
    header: dict[str, Any] = json.loads(line)
    populations = tuple(header["populations"])
    columns, offset = {}, 0
    for name, kind, shape in ARRAYS:
        size = header["sites"] * (len(populations) if shape == "populations" else 1)
        array = np.frombuffer(body, kind, size, offset)
        offset += array.nbytes
        columns[name] = array.reshape(header["sites"], -1) if shape == "populations" else array
    if offset != len(body):
        raise ValueError("a palabs ancestry model of the wrong length")
    counts, totals = columns.pop("counts"), columns.pop("totals")
    knots = header["temper"]
    temper = Temper(tuple(knots["information"]), tuple(map(tuple, knots["factors"])))
    settings = Settings(**header["settings"])
    return Model(populations, tuple(header["continents"]), Sites(**columns), counts, totals, settings, temper)


def load(path: Path = MODEL_FILE) -> tuple[Model, str]:
    """The model in `path`, the packaged one unless told, and its digest (`sha256:` and 64 hex digits)."""
    data = path.read_bytes()
    return decode(data), "sha256:" + hashlib.sha256(data).hexdigest()


def log_genotypes(counts: Counts, totals: Counts, continent: NDArray[np.intp], settings: Settings) -> Floats:
    """The logarithm of P(genotype 0, 1, 2 | population) from counts (sites x populations): one more axis of 3."""
    k, n = counts.astype(np.float64), totals.astype(np.float64)
    world = (k.sum(1, keepdims=True) + 0.5) / (n.sum(1, keepdims=True) + 1)
    membership = np.eye(int(continent.max()) + 1)[continent]
    middle = (k @ membership + settings.to_world * world) / (n @ membership + settings.to_world)
    mean = middle[:, continent]
    a = settings.to_continent * mean + k
    b = settings.to_continent * (1 - mean) + n - k
    s = a + b
    drawn = np.stack([b * (b + 1), 2 * a * b, a * (a + 1)], axis=-1) / (s * (s + 1))[..., None]
    return np.asarray(np.log((1 - settings.error) * drawn + settings.error / 3))


def log_likelihood(table: Floats, dosage: NDArray[np.int8], hidden: NDArray[np.int8] | None = None) -> Floats:
    """Sum over observed SNPs (dosage 0..2; -1 is unobserved) of log P(genotype | population), one a population.

    `hidden` is the dosage that the file could not have shown at that SNP, or -1: a VCF that lists variants only
    never shows the reference genotype, so the probability is conditioned on having been shown at all.
    """
    seen = np.flatnonzero(dosage >= 0)
    total = table[seen, :, dosage[seen]].sum(axis=0)
    if hidden is not None:
        cut = seen[hidden[seen] >= 0]
        total = total - np.log1p(-np.exp(table[cut, :, hidden[cut]])).sum(axis=0)
    return np.asarray(total, dtype=np.float64)


def information(table: Floats) -> Floats:
    """Mutual information (nats) of genotype and population at each site, all populations equally likely."""
    each = np.exp(table)
    mean = each.mean(axis=1)
    return np.asarray((each * table).sum(axis=2).mean(axis=1) - (mean * np.log(mean)).sum(axis=1))


def softmax(scores: Floats) -> Floats:
    """exp(scores) normalised over the last axis."""
    shifted = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return np.asarray(shifted / shifted.sum(axis=-1, keepdims=True))


def tempered(scores: Floats, grouping: NDArray[np.intp], factors: Floats) -> Floats:
    """Probabilities of populations from log-likelihoods (people x populations) and factors (people x 1 + continents).

    P(continent), with the first factor, times P(population | continent), with the continent's own.
    """
    overall = softmax(factors[:, :1] * scores)
    result = np.empty_like(overall)
    for continent in range(factors.shape[1] - 1):
        columns = np.flatnonzero(grouping == continent)
        inside = softmax(factors[:, continent + 1, None] * scores[:, columns])
        result[:, columns] = overall[:, columns].sum(axis=1, keepdims=True) * inside
    return result


def posterior(
    model: Model, dosage: NDArray[np.int8], hidden: NDArray[np.int8] | None = None
) -> tuple[dict[str, float], dict[str, float]]:
    """Probabilities by continent and by population, every population equally likely beforehand.

    Rounded to DECIMALS so that the answer is the same text everywhere; populations sum to 1 and continents are
    the sums of their populations.
    """
    table = model.log_table()
    factors = model.temper.at(information(table)[dosage >= 0].sum(keepdims=True))
    scores = log_likelihood(table, dosage, hidden)[None, :]
    rounded = np.round(tempered(scores, model.grouping, factors)[0], DECIMALS)
    rounded[rounded.argmax()] += 1 - rounded.sum()
    populations = dict(zip(model.populations, (round(float(p), DECIMALS) for p in rounded), strict=True))
    continents = dict.fromkeys(model.continents, 0.0)
    for name, continent in zip(model.populations, model.continents, strict=True):
        continents[continent] = round(continents[continent] + populations[name], DECIMALS)
    return continents, populations
