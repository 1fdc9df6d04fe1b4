"""The ancestry model: a table of allele counts, and the frequencies that follow from it.

For each SNP and population the frequency of the counted allele has a Beta prior whose mean is what the other
populations (HGDP's among them) tell of it, and whose strength is how closely they do; the population's own counts are
added to that (Balding & Nichols 1995). Prior means and strengths were fitted with the counts
(palabs.training.coancestry). The file holds no genotype, and nothing of a single person but what the calibration needs.
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
MAX_SITES = 1 << 20
MAX_COLUMNS = 256
PRIOR_LOGIT = 8.0  # prior means are stored as 256 equal steps of the logit between minus and plus this
WEIGHT_UNIT = 255

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

    `error` is the probability that an allele was read as one of anybody's. `strength` has two rows for each
    of SOURCES, at SNPs without and with data of HGDP: the strength of the prior of each population's frequency there,
    in chromosomes.
    """

    error: float
    strength: tuple[tuple[float, ...], ...]


@dataclass(frozen=True)
class Calibration:
    """What turns scores into probabilities that mean what they say: plain values and numeric arrays."""

    values: dict[str, Any] = field(default_factory=dict)
    arrays: dict[str, NDArray[Any]] = field(default_factory=dict)


@dataclass(frozen=True)
class Model:
    """Counts (sites x populations) of the counted allele and of all chromosomes typed, with what is needed to use them.

    `references` are populations that are no answer (of HGDP); `reference_continent` is the continent each belongs to,
    or "". `prior` (sites x populations) is the prior mean of each frequency, as a step of the logit; `weight` is what
    each SNP counts beside its linked neighbours, in units of 1/WEIGHT_UNIT.
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
    prior: Counts
    weight: NDArray[np.uint8]
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
        parts += [np.ascontiguousarray(self.prior).tobytes(), np.ascontiguousarray(self.weight).tobytes()]
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
        if which.max() >= len(rows):
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
    try:
        return _decode(json.loads(line), Reader(body))
    except (KeyError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        raise ValueError(f"a palabs ancestry model with a wrong header: {error}") from error


def _decode(header: dict[str, Any], reader: Reader) -> Model:
    """The model that the header and the arrays after it describe."""
    sizes = (header["sites"], len(header["populations"]), len(header["references"]))
    if not all(0 < size <= limit for size, limit in zip(sizes, (MAX_SITES, MAX_COLUMNS, MAX_COLUMNS), strict=True)):
        raise ValueError("a palabs ancestry model of an impossible size")
    sites = Sites(**{name: reader.take(kind, header["sites"]) for name, kind in SITE_ARRAYS})
    counts, totals = reader.take_counts(len(sites), len(header["populations"]))
    reference_counts, reference_totals = reader.take_counts(len(sites), len(header["references"]))
    prior = reader.take("u1", len(sites), len(header["populations"]))
    weight = reader.take("u1", len(sites))
    calibration = Calibration(header["calibration"], _calibration_arrays(reader, header["arrays"]))
    if reader.offset != len(reader.data):
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
        prior=prior,
        weight=weight,
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
    return Settings(error=values["error"], strength=tuple(tuple(row) for row in values["strength"]))


def load(path: Path = MODEL_FILE) -> tuple[Model, str]:
    """The model in `path`, the packaged one unless told, and its digest (`sha256:` and 64 hex digits)."""
    data = path.read_bytes()
    return decode(data), "sha256:" + hashlib.sha256(data).hexdigest()


def frequencies(model: Model, sites: NDArray[np.intp] | None = None) -> Floats:
    """The posterior mean frequency of the counted allele, sites x populations; of all sites unless some are named."""
    rows = slice(None) if sites is None else sites
    kind = site_kinds(model.sites.source[rows], model.reference_totals[rows])
    strength = np.array(model.settings.strength)[kind]
    return np.asarray((model.counts[rows] + strength * prior_mean(model.prior[rows])) / (model.totals[rows] + strength))


def site_kinds(source: NDArray[np.uint8], reference_totals: Counts) -> NDArray[np.intp]:
    """The row of Settings.strength of each site."""
    return np.asarray(2 * source.astype(np.intp) + reference_totals.any(axis=1))


def prior_mean(steps: Counts) -> Floats:
    """The frequencies that the stored steps of the logit stand for."""
    grid = np.linspace(-PRIOR_LOGIT, PRIOR_LOGIT, 256)
    return np.asarray((1 / (1 + np.exp(-grid)))[steps])


def prior_steps(mean: Floats) -> Counts:
    """The nearest steps of the logit to these frequencies."""
    logit = np.log(mean) - np.log1p(-mean)
    return np.rint((np.clip(logit / PRIOR_LOGIT, -1, 1) + 1) * 255 / 2).astype(np.uint8)


@dataclass(frozen=True)
class Tree:
    """Who belongs where: the region (index into REGIONS' order) and continent (alphabetical) of each population."""

    region: NDArray[np.intp]
    continent: NDArray[np.intp]

    @classmethod
    def of(cls, model: Model) -> Tree:
        """The tree of a model's populations."""
        codes = model.region_codes
        return cls(np.array([codes.index(code) for code in model.regions]), model.grouping)
