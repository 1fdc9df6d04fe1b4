"""An examination in progress, and what only a finished one can make: VerifiedEvidence."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import InitVar, dataclass, field
from datetime import datetime
from typing import NoReturn

from confide.checklist import Checklist
from confide.errors import Check, Finding, Refused, Unavailable
from confide.evidence.snp import SnpReport

_VERIFIER = object()

# Where nothing but these is wrong, nobody can tell whether the evidence is genuine: Unavailable, not Refused.
CANNOT_TELL = frozenset({"snp.chain.missing"})


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifiedEvidence:
    """Evidence that is genuine. Only the verifier can build it: an `Examination` whose every check passed.

    `claims` are JSON-able values, `root` is the fingerprint (`sha256:…`) of the root certificate that the chain
    ends in; `simulated` says that this root is not a vendor's.
    """

    format: str
    simulated: bool
    report: SnpReport
    claims: dict[str, object]
    checks: tuple[Check, ...]
    verified_at: datetime
    root: str
    token: InitVar[object]

    def __post_init__(self, token: object) -> None:
        """Refuses everyone but the verifier."""
        if token is not _VERIFIER:
            raise TypeError("only the verifier builds VerifiedEvidence")

    def __reduce__(self) -> NoReturn:
        raise TypeError("VerifiedEvidence is never serialised: verify the evidence again")


@dataclass(slots=True, kw_only=True)
class Examination:
    """A verification in progress. The report and everything else in it is `unverified` until `conclude` returns:
    it is here so that the appraisal can go on and all findings come at once.
    """

    format: str
    now: datetime
    required: frozenset[str]
    checklist: Checklist = field(default_factory=Checklist)
    unverified_report: SnpReport | None = None
    unverified_product: str | None = None
    unverified_root: str | None = None
    unverified_hwid: bytes | None = None
    has_crl: bool = False
    simulated: bool = False

    def claims(self) -> dict[str, object]:
        """What the evidence says, whether it is genuine or not; empty where it could not be read."""
        return self.unverified_report.claims(self.unverified_product) if self.unverified_report else {}

    def conclude(self) -> VerifiedEvidence:
        """The verified evidence. Raises Refused with every finding, or Unavailable where nothing is wrong but
        that the certificates to tell by are missing. A required check that was never made is a refusal too.
        """
        missing = self.required - {check.code for check in self.checklist.checks}
        if missing and not self.checklist.findings:
            self.checklist.fail(_left_out(missing))
        if self.checklist.findings and {finding.code for finding in self.checklist.findings} <= CANNOT_TELL:
            raise Unavailable(self.checklist.findings, self.checklist.checks)
        self.checklist.refuse_if_failed()
        if self.unverified_report is None or self.unverified_root is None:
            raise Refused([_left_out({"evidence.format"})], self.checklist.checks)
        return VerifiedEvidence(
            format=self.format,
            simulated=self.simulated,
            report=self.unverified_report,
            claims=self.claims(),
            checks=self.checklist.checks,
            verified_at=self.now,
            root=self.unverified_root,
            token=_VERIFIER,
        )


def _left_out(codes: Collection[str]) -> Finding:
    return Finding(
        "evidence.incomplete",
        f"no result for {', '.join(sorted(codes))}",
        "every check made",
        "This is a fault of Confide; please report it.",
    )
