"""The cross-validated figures of the committed model, as `palabs train --figures` wrote them."""

from __future__ import annotations

import json
from math import log
from pathlib import Path
from typing import NamedTuple

FIGURES_FILE = Path(__file__).with_name("figures.json")


class Figures(NamedTuple):
    """Quality of probabilities, between 0 and 1 but for the people counted and the log-loss in nats."""

    people: int
    accuracy: float
    top3: float
    log_loss: float
    ece: float


def nearest(used: int) -> tuple[int, Figures, Figures]:
    """(SNPs, figures of the 26 populations, figures of the 5 groups) of the test with the most similar number of SNPs
    used, on a scale of ratios.
    """
    rows = json.loads(FIGURES_FILE.read_text(encoding="utf-8"))["figures"]
    row = min(rows, key=lambda row: abs(log(row["snps"]) - log(max(used, 1))))
    return row["snps"], Figures(**row["populations"]), Figures(**row["continents"])
