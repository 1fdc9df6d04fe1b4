"""The ancestry model: a table of allele counts, and the frequencies that follow from it.

For each SNP and population the allele frequency is shrunk towards its region's, that towards its continent's and
that towards the world's (hierarchical beta-binomial model: Balding & Nichols 1995; Gelman et al., Bayesian Data
Analysis, chapter 5). The strengths of these priors are in chromosomes and were estimated from the data
(palabs.training.strengths). HGDP's populations count as further children of their continent.

The model file holds counts alone: nothing of a person is in it.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

MAGIC = b"palabs-ancestry-model/2\n"
MODEL_FILE = Path(__file__).with_name("model.bin")
DECIMALS = 6
MAX_SITES = 1 << 20
WORLD_PRIOR = 1.0  # chromosomes, at frequency 1/2

Floats = NDArray[np.float64]
Counts = NDArray[np.uint8]

# Regions of the populations: code -> name and continent.
REGIONS = {
    "AFR-W": ("West African", "AFR"),
    "AFR-E": ("East African", "AFR"),
    "AFR-D": ("African diaspora in the Americas", "AFR"),
    "AMR-C": ("Caribbean and Colombian", "AMR"),
    "AMR-M": ("Mexican and Peruvian", "AMR"),
    "EAS-H": ("Han Chinese", "EAS"),
    "EAS-J": ("Japanese", "EAS"),
    "EAS-S": ("Southeast Asian", "EAS"),
    "EUR-F": ("Finnish", "EUR"),
    "EUR-N": ("Northwestern European", "EUR"),
    "EUR-S": ("Southern European", "EUR"),
    "SAS-N": ("Northern South Asian", "SAS"),
    "SAS-E": ("Eastern South Asian", "SAS"),
    "SAS-S": ("Southern South Asian", "SAS"),
}
REGION_OF = {
    "ACB": "AFR-D", "ASW": "AFR-D", "ESN": "AFR-W", "GWD": "AFR-W", "LWK": "AFR-E", "MSL": "AFR-W", "YRI": "AFR-W",
    "CLM": "AMR-C", "MXL": "AMR-M", "PEL": "AMR-M", "PUR": "AMR-C",
    "CDX": "EAS-S", "CHB": "EAS-H", "CHS": "EAS-H", "JPT": "EAS-J", "KHV": "EAS-S",
    "CEU": "EUR-N", "FIN": "EUR-F", "GBR": "EUR-N", "IBS": "EUR-S", "TSI": "EUR-S",
    "BEB": "SAS-E", "GIH": "SAS-N", "ITU": "SAS-S", "PJL": "SAS-N", "STU": "SAS-S",
}  # fmt: skip

SITE_ARRAYS = (
    ("rs", "<u4"),
    ("chromosome", "u1"),
    ("position36", "<u4"),
    ("position37", "<u4"),
    ("position38", "<u4"),
    ("counted", "u1"),
    ("other", "u1"),
    ("reference", "u1"),
    ("source", "u1"),
)
SOURCES = ("aisnp", "microhap", "exome", "gw14k", "vcf")
CALIBRATION_KINDS = frozenset({"<f8", "<f4", "<i4", "<i2", "|i1", "|u1"})


@dataclass(frozen=True)
class Sites:
    """The panel's SNPs, one row each, ordered by chromosome and place.

    `rs` is 0 for a SNP without a number, a position 0 where it is unknown. `counted` and `other` are ASCII letters;
    both are 0 where the nucleotides are unknown: there the counted allele is the ALT of a VCF, and nothing but a VCF
    can show the SNP. No pair is palindromic. `reference` is that of the two which the reference genome has, 0 where
    no source says so. `source` is the panel that the SNP came from, an index into SOURCES.
    """

    rs: NDArray[np.uint32]
    chromosome: NDArray[np.uint8]
    position36: NDArray[np.uint32]
    position37: NDArray[np.uint32]
    position38: NDArray[np.uint32]
    counted: NDArray[np.uint8]
    other: NDArray[np.uint8]
    reference: NDArray[np.uint8]
    source: NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.rs)

    def take(self, rows: NDArray[np.intp]) -> Sites:
        """Some of the sites."""
        return Sites(**{name: getattr(self, name)[rows] for name, _ in SITE_ARRAYS})


@dataclass(frozen=True)
class Settings:
    """What the counts alone do not say.

    `error` is the probability that an allele was read wrongly. `to_world`, `to_continent` and `to_region` are the
    strengths of the priors, in chromosomes: of each continent (alphabetical order) towards the world, of regions
    towards their continent and of populations towards their region (one a continent each).
    """

    error: float
    to_world: tuple[float, ...]
    to_continent: tuple[float, ...]
    to_region: tuple[float, ...]


@dataclass(frozen=True)
class Calibration:
    """What turns scores into probabilities that mean what they say: plain values and numeric arrays."""

    values: dict[str, Any] = field(default_factory=dict)
    arrays: dict[str, NDArray[Any]] = field(default_factory=dict)


@dataclass(frozen=True)
class Model:
    """Counts (sites x populations) of the counted allele and of all chromosomes typed, with what is needed to use them.

    `references` are populations that are no answer (of HGDP); `reference_continent` is the continent whose
    frequencies each supports, or "".
    """

    populations: tuple[str, ...]
    regions: tuple[str, ...]
    continents: tuple[str, ...]
    references: tuple[str, ...]
    reference_continent: tuple[str, ...]
    people: int
    sites: Sites
    counts: Counts
    totals: Counts
    reference_counts: Counts
    reference_totals: Counts
    settings: Settings
    calibration: Calibration

    @property
    def grouping(self) -> NDArray[np.intp]:
        """The continent of each population, as an index into the continents in alphabetical order."""
        return np.asarray(np.unique(self.continents, return_inverse=True)[1], dtype=np.intp)

    @property
    def region_codes(self) -> tuple[str, ...]:
        """The regions in the order of REGIONS."""
        return tuple(code for code in REGIONS if code in self.regions)

    def encode(self) -> bytes:
        """The model file: the magic line, one line of JSON, the arrays. The same bytes on every machine."""
        header = {
            "populations": self.populations,
            "regions": self.regions,
            "continents": self.continents,
            "references": self.references,
            "reference_continent": self.reference_continent,
            "people": self.people,
            "sites": len(self.sites),
            "settings": vars(self.settings),
            "calibration": self.calibration.values,
            "arrays": {
                name: [array.dtype.str, *array.shape] for name, array in sorted(self.calibration.arrays.items())
            },
        }
        parts = [np.ascontiguousarray(getattr(self.sites, name), dtype=kind).tobytes() for name, kind in SITE_ARRAYS]
        parts += pack_counts(self.counts, self.totals)
        parts += pack_counts(self.reference_counts, self.reference_totals)
        parts += [np.ascontiguousarray(array).tobytes() for _, array in sorted(self.calibration.arrays.items())]
        return MAGIC + json.dumps(header, sort_keys=True, allow_nan=False).encode() + b"\n" + b"".join(parts)


def pack_counts(counts: Counts, totals: Counts) -> list[bytes]:
    """A table of counts as the distinct rows of its totals, which of them each site has, and the counts where the
    total is not zero. Most sites share a row of totals with others, and most populations miss some panel.
    """
    rows, which = np.unique(totals, axis=0, return_inverse=True)
    number = np.array([len(rows)], dtype="<u4")
    return [number.tobytes(), rows.tobytes(), which.astype("<u2").tobytes(), counts[totals > 0].tobytes()]


class Reader:
    """Takes arrays off the front of some bytes. Raises ValueError where they end too early."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.offset = 0

    def take(self, kind: str, *shape: int) -> NDArray[Any]:
        """The next array of this type and shape."""
        size = int(np.prod(shape, dtype=np.int64))
        if size < 0 or self.offset + size * np.dtype(kind).itemsize > len(self.data):
            raise ValueError("a palabs ancestry model that ends too early")
        array = np.frombuffer(self.data, kind, size, self.offset).reshape(shape)
        self.offset += array.nbytes
        return array

    def take_counts(self, sites: int, columns: int) -> tuple[Counts, Counts]:
        """Counts and totals as pack_counts wrote them."""
        rows = self.take("u1", int(self.take("<u4", 1)[0]), columns)
        which = self.take("<u2", sites)
        if which.max(initial=0) >= max(1, len(rows)):
            raise ValueError("a palabs ancestry model that names a row which it has not")
        totals = rows[which]
        counts = np.zeros_like(totals)
        counts[totals > 0] = self.take("u1", int((totals > 0).sum()))
        return counts, totals


def decode(data: bytes) -> Model:
    """The model in the bytes of a model file. Raises ValueError for anything else."""
    if not data.startswith(MAGIC):
        raise ValueError("not a palabs ancestry model")
    line, _, body = data[len(MAGIC) :].partition(b"\n")
    header: dict[str, Any] = json.loads(line)
    if not 0 < header["sites"] <= MAX_SITES:
        raise ValueError("a palabs ancestry model of an impossible number of sites")
    reader = Reader(body)
    sites = Sites(**{name: reader.take(kind, header["sites"]) for name, kind in SITE_ARRAYS})
    counts, totals = reader.take_counts(len(sites), len(header["populations"]))
    reference_counts, reference_totals = reader.take_counts(len(sites), len(header["references"]))
    calibration = Calibration(header["calibration"], _calibration_arrays(reader, header["arrays"]))
    if reader.offset != len(body):
        raise ValueError("a palabs ancestry model of the wrong length")
    names = ("populations", "regions", "continents", "references", "reference_continent")
    return Model(
        **{name: tuple(header[name]) for name in names},
        people=header["people"],
        sites=sites,
        counts=counts,
        totals=totals,
        reference_counts=reference_counts,
        reference_totals=reference_totals,
        settings=_settings(header["settings"]),
        calibration=calibration,
    )


def _calibration_arrays(reader: Reader, shapes: dict[str, list[Any]]) -> dict[str, NDArray[Any]]:
    arrays = {}
    for name, (kind, *shape) in sorted(shapes.items()):
        if kind not in CALIBRATION_KINDS:
            raise ValueError(f"a palabs ancestry model with an array of type {kind}")
        arrays[name] = reader.take(kind, *shape)
    return arrays


def _settings(values: dict[str, Any]) -> Settings:
    strengths = {name: tuple(values[name]) for name in ("to_world", "to_continent", "to_region")}
    return Settings(error=values["error"], **strengths)


def load(path: Path = MODEL_FILE) -> tuple[Model, str]:
    """The model in `path`, the packaged one unless told, and its digest (`sha256:` and 64 hex digits)."""
    data = path.read_bytes()
    return decode(data), "sha256:" + hashlib.sha256(data).hexdigest()


def frequencies(model: Model, sites: NDArray[np.intp] | None = None) -> Floats:
    """The posterior mean frequency of the counted allele, sites x populations; of all sites unless some are named.

    Two passes over the tree: counts go up, means come down. A node of n chromosomes that is drawn from its parent
    with strength s tells of the parent what n s / (n + s) chromosomes would: the variances p(1-p)/n and p(1-p)/s add.
    """
    rows = slice(None) if sites is None else sites
    tree, strength = Tree.of(model), model.settings
    to_region, to_continent, to_world = (
        np.array(x) for x in (strength.to_region, strength.to_continent, strength.to_world)
    )
    here = _share(model.counts[rows], model.totals[rows])
    region = _up(here, to_region[tree.continent], tree.in_region)
    continent = _up(region, to_continent[tree.continent_of_region], tree.in_continent)
    continent = continent + _up(
        _share(model.reference_counts[rows], model.reference_totals[rows]),
        to_continent[tree.continent_of_reference],
        tree.reference_in_continent,
    )
    world = _up(continent, to_world, np.ones((len(to_world), 1)))
    mean = (world[0] + WORLD_PRIOR / 2) / (world[1] + WORLD_PRIOR)
    mean = _down(continent, mean, to_world)
    mean = _down(region, mean[:, tree.continent_of_region], to_continent[tree.continent_of_region])
    return _down(here, mean[:, tree.region], to_region[tree.continent])


def _share(counts: Counts, totals: Counts) -> Floats:
    """Counts and totals as one array of floats, 2 x sites x columns."""
    return np.stack([counts, totals]).astype(np.float64)


def _up(counted: Floats, strength: Floats, membership: Floats) -> Floats:
    """What children tell of their parents: counts and totals (2 x sites x children) times strength / (n + strength)."""
    return np.asarray((counted * (strength / (counted[1] + strength))) @ membership)


def _down(counted: Floats, mean: Floats, strength: Floats) -> Floats:
    """The posterior mean of nodes with these counts, drawn around the `mean` of their parent."""
    return np.asarray((counted[0] + strength * mean) / (counted[1] + strength))


@dataclass(frozen=True)
class Tree:
    """Who belongs where: indices of parents, and the same as matrices (children x parents) of zeros and ones."""

    region: NDArray[np.intp]
    continent: NDArray[np.intp]
    continent_of_region: NDArray[np.intp]
    continent_of_reference: NDArray[np.intp]
    in_region: Floats
    in_continent: Floats
    reference_in_continent: Floats

    @classmethod
    def of(cls, model: Model) -> Tree:
        """The tree of a model's populations; a reference of no continent belongs nowhere."""
        names, codes = sorted(set(model.continents)), model.region_codes
        region = np.array([codes.index(code) for code in model.regions])
        above = np.array([names.index(REGIONS[code][1]) for code in codes])
        reference = np.array([names.index(name) if name else -1 for name in model.reference_continent], dtype=np.intp)
        return cls(
            region,
            above[region],
            above,
            reference,
            np.eye(len(codes))[region],
            np.eye(len(names))[above],
            np.eye(len(names))[reference] * (reference >= 0)[:, None],
        )


@dataclass(frozen=True)
class Temper:
    """Factors for the log-likelihood at each of some amounts of `information` (nats, rising).

    A row of `factors` is the one between continents, then one within each continent, in alphabetical order.
    """

    information: tuple[float, ...] = (1.0,)
    factors: tuple[tuple[float, ...], ...] = ((1.0,) * 6,)

    @classmethod
    def of(cls, model: Model) -> Temper:
        """The factors that the model's calibration holds."""
        values = model.calibration.values["temper"]
        return cls(tuple(values["information"]), tuple(map(tuple, values["factors"])))

    def at(self, information: Floats) -> Floats:
        """The factors for these amounts of information, interpolated in their logarithm: one row each."""
        where = np.log(np.maximum(information, 1e-9))
        knots = np.log(np.array(self.information))
        columns = np.array(self.factors).T
        return np.stack([np.interp(where, knots, column) for column in columns], axis=-1)


def log_table(model: Model) -> Floats:
    """The logarithm of P(genotype | population), sites x populations x 3: two draws, each allele read wrongly with
    probability `error`.
    """
    return log_genotypes(frequencies(model), model.settings.error)


def log_genotypes(frequency: Floats, error: float) -> Floats:
    """The logarithm of P(genotype 0, 1, 2), one more axis of 3, where the counted allele has this frequency."""
    shown = (1 - error) * frequency + error / 2
    return np.log(np.stack([(1 - shown) ** 2, 2 * shown * (1 - shown), shown**2], axis=-1))


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
    table = log_table(model)
    factors = Temper.of(model).at(information(table)[dosage >= 0].sum(keepdims=True))
    scores = log_likelihood(table, dosage, hidden)[None, :]
    rounded = np.round(tempered(scores, model.grouping, factors)[0], DECIMALS)
    rounded[rounded.argmax()] += 1 - rounded.sum()
    populations = dict(zip(model.populations, (round(float(p), DECIMALS) for p in rounded), strict=True))
    continents = dict.fromkeys(model.continents, 0.0)
    for name, continent in zip(model.populations, model.continents, strict=True):
        continents[continent] = round(continents[continent] + populations[name], DECIMALS)
    return continents, populations
