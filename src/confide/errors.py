"""The error tree. Every failure that a user can meet is one of three, and carries findings.

    ConfideError
    ├── Refused       the evidence or the request is bad       exit 1   HTTP 403
    ├── Misuse        the caller's mistake                     exit 2   HTTP 400
    └── Unavailable   we cannot tell: store, network, clock    exit 3   HTTP 503

A finding says what was got, what was wanted and what to do next. It never holds a secret and never
the user's data.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar, Literal, Self

__all__ = ["Check", "ConfideError", "Finding", "Misuse", "Refused", "Unavailable"]

Outcome = Literal["passed", "failed", "waived", "not applicable"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One reason for a "no": a stable code, what was got, what was wanted, what to do next."""

    code: str
    got: str
    wanted: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.code}: got {self.got}, wanted {self.wanted}. {self.remedy}"

    def to_dict(self) -> dict[str, str]:
        """The finding as the JSON contract writes it."""
        return {"code": self.code, "got": self.got, "wanted": self.wanted, "remedy": self.remedy}


@dataclass(frozen=True, slots=True)
class Check:
    """One check that was made, refused, waived or did not apply. A waived one carries its reason."""

    code: str
    outcome: Outcome
    reason: str = ""

    def to_dict(self) -> dict[str, str]:
        """The check as the JSON contract writes it; an empty reason is left out."""
        row = {"code": self.code, "outcome": self.outcome}
        return row | {"reason": self.reason} if self.reason else row


class ConfideError(Exception):
    """The root of the tree. Raise one of the three branches, never this."""

    exit_code: ClassVar[int]
    http_status: ClassVar[int]
    kind: ClassVar[str]

    def __init__(self, findings: Iterable[Finding], checks: Iterable[Check] = ()) -> None:
        self.findings = tuple(findings)
        self.checks = tuple(checks)
        if not self.findings:
            raise ValueError("a failure needs at least one finding")
        super().__init__("; ".join(str(finding) for finding in self.findings))

    @classmethod
    def because(cls, code: str, *, got: object, wanted: object, remedy: str) -> Self:
        """The failure with a single finding."""
        return cls([Finding(code, str(got), str(wanted), remedy)])

    @property
    def codes(self) -> tuple[str, ...]:
        """The codes of all findings, in order."""
        return tuple(finding.code for finding in self.findings)


class Refused(ConfideError):
    """The evidence, the object or the request is bad. Trying again changes nothing."""

    exit_code, http_status, kind = 1, 403, "refused"


class Misuse(ConfideError):
    """The caller's mistake: a wrong file, a wrong option, a wrong passphrase."""

    exit_code, http_status, kind = 2, 400, "misuse"


class Unavailable(ConfideError):
    """We cannot tell: a store, a network, a clock or a process did not answer. Try again."""

    exit_code, http_status, kind = 3, 503, "unavailable"
