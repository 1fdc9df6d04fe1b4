"""The answer about one person: what the workload returns, typed, and the analysis that holds it.

The workload runs without `confide`; here its refusals become the platform's errors.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

import msgspec

from confide.errors import Misuse, Refused
from confide.strictjson import load_as, loads
from palabs.answer_checks import check_answer
from palabs.populations import Level

NONE_STATEMENT = (
    "Nothing protected this computation: it ran on this computer, in plain sight of whoever administers it. "
    "There is no receipt. Use --protect tee to compute in an enclave."
)

# What a workload may say in words: one line, without characters that steer a terminal or turn the writing direction.
_LINE = r"^[^\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]*\Z"
Short = Annotated[str, msgspec.Meta(min_length=1, max_length=32, pattern=_LINE)]
Text = Annotated[str, msgspec.Meta(min_length=1, max_length=4000, pattern=_LINE)]
Name = Annotated[str, msgspec.Meta(pattern=r"^[a-z][a-z0-9_.]{0,59}\Z")]
Count = Annotated[int, msgspec.Meta(ge=0, le=1 << 40)]
Place = Annotated[int, msgspec.Meta(ge=0, le=300_000_000)]
Probability = Annotated[float, msgspec.Meta(ge=0, le=1)]
Coverage = Annotated[float, msgspec.Meta(gt=0.5, lt=1)]
Build = Literal["GRCh36", "GRCh37", "GRCh38", "unknown"]


class Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What every part of an answer is: immutable, and without fields that nobody knows."""


class Conclusion(Part, frozen=True):
    """The deepest node of the tree on which the evidence settles; at level `world` none, and the code is `world`."""

    level: Level
    code: str
    probability: Probability


class PredictionSets(Part, frozen=True):
    """At each level the codes among which the truth is for `coverage` of people with such a file."""

    coverage: Coverage
    continent: tuple[str, ...]
    region: tuple[str, ...]
    population: tuple[str, ...]


class Reference(Part, frozen=True):
    """Whether the person fits the reference populations at all: the verdict of the goodness-of-fit test."""

    verdict: Literal["inside", "outside", "uncertain"]
    p_value: Probability
    statistic: float


class Share(Part, frozen=True):
    """The share of one component in the genome, with its interval."""

    code: str
    share: Probability
    low: Probability
    high: Probability


class Admixture(Part, frozen=True):
    """Shares of the components, which sum to one; intervals of `level` from a number of blocks of SNPs."""

    components: tuple[Share, ...]
    level: Coverage
    snps: Count
    blocks: Count


class Segment(Part, frozen=True):
    """A stretch of one chromosome copy, in base pairs, and the component that it most likely comes from."""

    start: Place
    end: Place
    component: str
    probability: Probability


Segments = Annotated[tuple[Segment, ...], msgspec.Meta(max_length=250)]


class PaintedChromosome(Part, frozen=True):
    """The two copies of an autosome; which of them came from which parent is not known."""

    chromosome: Annotated[int, msgspec.Meta(ge=1, le=22)]
    haplotypes: tuple[Segments, Segments]


class Painting(Part, frozen=True):
    """Ancestry along the chromosomes, in the coordinates of a build."""

    build: Literal[36, 37, 38]
    chromosomes: Annotated[tuple[PaintedChromosome, ...], msgspec.Meta(min_length=1, max_length=22)]


class Evidence(Part, frozen=True):
    """How much the answer rests on: the information of the SNPs used, in nats, and the independent blocks of them."""

    information: Annotated[float, msgspec.Meta(ge=0, le=1e9)]
    blocks: Count


class FileFacts(Part, frozen=True):
    """What was seen of the file: its format, its build, whether it lists variants only and whether it is phased."""

    format: Short
    build: Build
    variants_only: bool
    phased: bool


class ModelFacts(Part, frozen=True):
    """Which model answered: the digest of its file, its SNPs, its populations and the people behind them."""

    digest: Annotated[str, msgspec.Meta(pattern=r"^sha256:[0-9a-f]{64}\Z")]
    snps: Count
    populations: Count
    people: Count


class Answer(Part, frozen=True):
    """Probabilities at each level of the tree with their intervals, what follows from them, and what they rest on."""

    type: Literal["palabs-ancestry/2"]
    superpopulations: dict[str, Probability]
    regions: dict[str, Probability]
    populations: dict[str, Probability]
    intervals: dict[str, tuple[Probability, Probability]]
    interval_level: Coverage
    conclusion: Conclusion
    prediction_sets: PredictionSets
    reference: Reference
    admixture: Admixture | None
    painting: Painting | None
    evidence: Evidence
    snps: dict[Name, Count]
    file: FileFacts
    model: ModelFacts

    def probability_of(self, code: str) -> float:
        """The probability of a node of the tree, of any level. Raises KeyError for an unknown code."""
        for table in (self.superpopulations, self.regions):
            if code in table:
                return table[code]
        return self.populations[code]


class FindingRow(Part, frozen=True):
    """A finding as the workload writes it."""

    code: Name
    got: Text
    wanted: Text
    remedy: Text


class Refusal(Part, frozen=True):
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

    Raises Misuse with the workload's own finding where it refused the file, and Refused where the bytes are no
    answer: `answer.malformed`, or what `check_answer` finds. A workload is measured, and still not believed.
    """
    refusal: Refusal | None = None
    try:
        document = loads(output, "the workload's answer")
        if isinstance(document, dict) and document.get("type") == "palabs-refusal/1":
            refusal = load_as(Refusal, output, "the workload's refusal")
        else:
            answer = load_as(Answer, output, "the workload's answer")
    except Misuse as failure:
        raise Refused.because(
            "answer.malformed",
            got=failure.findings[0].got,
            wanted="an answer of the type palabs-ancestry/2, whole and within its bounds",
            remedy="Check that the bundle is the ancestry workload of this version.",
        ) from None
    if refusal is not None:
        raise Misuse.because(**msgspec.to_builtins(refusal.finding))
    check_answer(answer)
    return answer


def analyse_in_place(genome: bytes, parameters: Mapping[str, str] | None = None) -> Analysis:
    """Computes right here, unprotected, with the code that the enclave would run. Raises Misuse for a bad file."""
    from palabs.workload.ancestry.main import main  # noqa: PLC0415 - numpy is loaded when it is needed

    answer = read_answer(main({"genome": genome}, dict(parameters or {})))
    return Analysis(answer, {"mode": "none", "statement": NONE_STATEMENT}, None)
