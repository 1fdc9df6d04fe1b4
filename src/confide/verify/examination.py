"""An examination in progress, and what only a finished one can make: VerifiedEvidence."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import InitVar, dataclass, field
from datetime import datetime
from typing import NoReturn, Protocol

from confide.checklist import Checklist
from confide.errors import Check, Finding, Refused, Unavailable

_VERIFIER = object()


class Subject(Protocol):
    """What evidence of one format says, with what its chain adds: the typed value that a policy's rules look at."""

    @property
    def product(self) -> str | None:
        """The product by the evidence's own account, None where it is not known."""

    def claims(self) -> dict[str, object]:
        """Everything that it says, as JSON values."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifiedEvidence:
    """Evidence that is genuine. Only the verifier can build it: an `Examination` whose every check passed.

    `claims` are JSON-able values, `root` is the fingerprint (`sha256:…`) of the root certificate that the chain
    ends in, or of the trusted key; `simulated` says that the root is not a vendor's; `devices` is what else was
    verified with it, such as GPUs.
    """

    format: str
    simulated: bool
    subject: Subject
    claims: dict[str, object]
    checks: tuple[Check, ...]
    verified_at: datetime
    root: str
    devices: tuple[VerifiedEvidence, ...] = ()
    token: InitVar[object]

    def __post_init__(self, token: object) -> None:
        """Refuses everyone but the verifier."""
        if token is not _VERIFIER:
            raise TypeError("only the verifier builds VerifiedEvidence")

    def __reduce__(self) -> NoReturn:
        raise TypeError("VerifiedEvidence is never serialised: verify the evidence again")


@dataclass(slots=True, kw_only=True)
class Examination:
    """A verification in progress. The subject and everything else in it is `unverified` until `conclude` returns:
    it is here so that the appraisal can go on and all findings come at once.

    Where nothing is wrong but findings with codes in `cannot_tell`, nobody can tell whether the evidence is genuine:
    that is Unavailable, not Refused.
    """

    format: str
    now: datetime
    required: frozenset[str]
    cannot_tell: frozenset[str] = frozenset()
    checklist: Checklist = field(default_factory=Checklist)
    unverified_subject: Subject | None = None
    unverified_root: str | None = None
    simulated: bool = False
    devices: list[Examination] = field(default_factory=list)

    @property
    def unverified_product(self) -> str | None:
        """The product by the evidence's own account, None where it could not be read."""
        return self.unverified_subject.product if self.unverified_subject else None

    def claims(self) -> dict[str, object]:
        """What the evidence says, whether it is genuine or not; empty where it could not be read."""
        return self.unverified_subject.claims() if self.unverified_subject else {}

    def conclude(self) -> VerifiedEvidence:
        """The verified evidence. Raises Refused with every finding, or Unavailable where nothing is wrong but
        that the means to tell by are missing. A required check that was never made is a refusal too.
        """
        missing = self.required - {check.code for check in self.checklist.checks}
        if missing and not self.checklist.findings:
            self.checklist.fail(_left_out(missing))
        if self.checklist.findings and {finding.code for finding in self.checklist.findings} <= self.cannot_tell:
            raise Unavailable(self.checklist.findings, self.checklist.checks)
        self.checklist.refuse_if_failed()
        if self.unverified_subject is None or self.unverified_root is None:
            raise Refused([_left_out({"evidence.format"})], self.checklist.checks)
        return VerifiedEvidence(
            format=self.format,
            simulated=self.simulated,
            subject=self.unverified_subject,
            claims=self.claims(),
            checks=self.checklist.checks,
            verified_at=self.now,
            root=self.unverified_root,
            devices=tuple(device.conclude() for device in self.devices),
            token=_VERIFIER,
        )


def _left_out(codes: Collection[str]) -> Finding:
    return Finding(
        "evidence.incomplete",
        f"no result for {', '.join(sorted(codes))}",
        "every check made",
        "This is a fault of Confide; please report it.",
    )
