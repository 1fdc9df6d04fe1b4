"""The answer about one person: what the workload returns, typed, and the analysis that holds it.

The workload runs without `confide`; here its refusals become the platform's errors.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import msgspec

from confide.errors import Misuse, Refused
from confide.strictjson import load_as, loads
from palabs.populations import CONTINENTS, POPULATIONS
from palabs.workload.ancestry.refusal import BadGenotypes
from palabs.workload.ancestry.text import MAX_FILE_BYTES, check_size

SUM_TOLERANCE = 0.001

NONE_STATEMENT = (
    "Nothing protected this computation: it ran on this computer, in plain sight of whoever administers it. "
    "There is no receipt. Use --protect tee to compute in an enclave."
)


class FileFacts(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What was seen of the file: its format, its build, and whether it lists variants only."""

    format: str
    build: str
    variants_only: bool


class ModelFacts(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which model answered: the digest of its file, its SNPs and its populations."""

    digest: str
    snps: int
    populations: int


class Answer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Probabilities by continental group and by population, and what they rest on."""

    type: Literal["palabs-ancestry/1"]
    superpopulations: dict[str, float]
    populations: dict[str, float]
    snps: dict[str, int]
    file: FileFacts
    model: ModelFacts


class FindingRow(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A finding as the workload writes it."""

    code: str
    got: str
    wanted: str
    remedy: str


class Refusal(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the workload returns for a file that it cannot use."""

    type: Literal["palabs-refusal/1"]
    finding: FindingRow


@dataclass(frozen=True)
class Analysis:
    """An answer, how it was protected, and the summary of its receipt where there is one.

    `protection` has `mode` and `statement` at least; `extra` is added to the command's JSON document as it is.
    """

    answer: Answer
    protection: Mapping[str, Any]
    receipt: Mapping[str, Any] | None
    extra: Mapping[str, Any] = field(default_factory=dict)

    def to_document(self) -> dict[str, Any]:
        """The JSON document of `palabs ancestry`."""
        body: dict[str, Any] = msgspec.to_builtins(self.answer)
        return body | {"protection": dict(self.protection), "receipt": self.receipt} | dict(self.extra)


def read_answer(output: bytes) -> Answer:
    """The answer in the bytes that the workload returned.

    Raises Misuse with the workload's own finding where it refused the file, and Refused where the bytes are
    no answer: unknown populations, or probabilities that do not sum to one.
    """
    document = loads(output, "the workload's answer")
    if isinstance(document, dict) and document.get("type") == "palabs-refusal/1":
        finding = load_as(Refusal, output, "the workload's refusal").finding
        raise Misuse.because(finding.code, got=finding.got, wanted=finding.wanted, remedy=finding.remedy)
    answer = load_as(Answer, output, "the workload's answer")
    for table, names in ((answer.superpopulations, CONTINENTS), (answer.populations, POPULATIONS)):
        _check_probabilities(table, set(names))
    return answer


def _check_probabilities(table: Mapping[str, float], names: set[str]) -> None:
    in_range = all(0 <= value <= 1 for value in table.values())
    if set(table) != names or not in_range or abs(sum(table.values()) - 1) > SUM_TOLERANCE:
        raise Refused.because(
            "answer.probabilities",
            got=f"{len(table)} probabilities that sum to {sum(table.values()):.4f}",
            wanted=f"the {len(names)} known names, summing to 1",
            remedy="Check that the bundle is the ancestry workload of this version.",
        )


def read_genome(path: Path) -> bytes:
    """The bytes of a genotype file. One that is empty or too large is Misuse, a large one before it is read."""
    try:
        with path.open("rb") as file:
            status = os.fstat(file.fileno())
            if stat.S_ISREG(status.st_mode):
                check_size(status.st_size)
            data = file.read(MAX_FILE_BYTES + 1)
        check_size(len(data))
    except BadGenotypes as bad:
        raise Misuse.because(**bad.finding) from None
    return data


def analyse_in_place(genome: bytes) -> Analysis:
    """Computes right here, unprotected, with the code that the enclave would run. Raises Misuse for a bad file."""
    from palabs.workload.ancestry.main import main  # noqa: PLC0415 - numpy is loaded when it is needed

    answer = read_answer(main({"genome": genome}, {}))
    return Analysis(answer, {"mode": "none", "statement": NONE_STATEMENT}, None)
