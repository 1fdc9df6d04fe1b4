"""How often the model is right: the cross-validated figures that `palabs evaluate` measured and wrote."""

from __future__ import annotations

from functools import cache
from math import log
from pathlib import Path
from typing import Annotated, Literal

import msgspec

EVALUATION_FILE = Path(__file__).with_name("evaluation.json")

Share = Annotated[float, msgspec.Meta(ge=0, le=1)]
Amount = Annotated[float, msgspec.Meta(ge=0)]
People = Annotated[int, msgspec.Meta(ge=1)]


class Bin(msgspec.Struct, frozen=True):
    """People whose likeliest answer had a probability from `low` to `high`: the mean that they were told, and the share
    of them for whom it was right.
    """

    low: Share
    high: Share
    people: People
    told: Share
    right: Share


class Quality(msgspec.Struct, frozen=True):
    """The quality of the probabilities at one level; log-loss in nats, Brier score summed over the classes, and the
    expected calibration error over the bins (Guo et al. 2017).
    """

    accuracy: Share
    top3: Share
    log_loss: Amount
    brier: Amount
    ece: Share
    bins: tuple[Bin, ...]

    def bin_of(self, probability: float) -> Bin | None:
        """The bin of people who were told about as much as `probability`, or None where there was nobody."""
        fitting = [row for row in self.bins if row.low <= probability <= row.high]
        return fitting[-1] if fitting else None


class Row(msgspec.Struct, frozen=True):
    """A kind of file: its name, the median number and information (nats) of its SNPs, the people measured."""

    name: str
    snps: People
    information: Annotated[float, msgspec.Meta(gt=0)]
    people: People
    populations: Quality
    regions: Quality
    continents: Quality

    def quality(self, level: Literal["population", "region", "continent"]) -> Quality:
        """The quality at a level of the tree."""
        return {"population": self.populations, "region": self.regions, "continent": self.continents}[level]


class Evaluation(msgspec.Struct, frozen=True):
    """The evaluation of the model of a digest: kinds of files, and by their names how often a prediction set held the
    truth at each level. Other parts of the file are for its page in the docs.
    """

    model: str
    classes: Annotated[tuple[Row, ...], msgspec.Meta(min_length=1)]
    sets: dict[str, dict[str, Share]] = {}

    def nearest(self, information: float) -> Row:
        """The kind of file with the most similar information, on a scale of ratios: 160 chosen SNPs say as much as 500
        ordinary ones, so their number would mislead.
        """
        return min(self.classes, key=lambda row: abs(log(row.information) - log(max(information, 0.01))))


@cache
def evaluation(path: Path = EVALUATION_FILE) -> Evaluation:
    """The evaluation of the packaged model. Raises ValueError for a file that is not one."""
    return msgspec.json.decode(path.read_bytes(), type=Evaluation)
