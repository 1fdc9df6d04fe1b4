"""The AR4SI trustworthiness vector of a verdict: what the checks say about eight aspects of an attester.

Source: draft-ietf-rats-ar4si-10, sections 2.3.2 (values and tiers), 2.3.3 (which value wins) and 2.3.4 (claims).
Three of the eight claims are never made here, since no check speaks of them: `file-system`, `storage-opaque` and
`sourced-data`. What each check says is in `confide.results.claims`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from enum import IntEnum
from typing import Literal

from confide.errors import Check
from confide.results.claims import NOT_AUTHENTIC, Row, claim_of, row_of

Verdict = Literal["affirmed", "genuine", "refused", "unavailable"]

CLAIMS = (
    "instance-identity", "configuration", "executables", "file-system", "hardware", "runtime-opaque", "storage-opaque",
    "sourced-data",
)  # fmt: skip

# The claims that any check speaks of, and those of them that need no policy.
_CLAIMED = ("instance-identity", "configuration", "executables", "hardware", "runtime-opaque")
_WITHOUT_POLICY = frozenset({"hardware", "runtime-opaque"})

_MALFUNCTION, _NOTHING, _CONTRAINDICATED = -1, 0, 96


class Tier(IntEnum):
    """The four tiers by the first value of each (AR4SI, section 2.3.2)."""

    NONE = 0
    AFFIRMING = 2
    WARNING = 32
    CONTRAINDICATED = 96

    @property
    def word(self) -> str:
        """The tier as EAR's JSON writes it."""
        return self.name.lower()


def tier_of(value: int) -> Tier:
    """The tier of a claim's value. Raises ValueError for what is no signed 8-bit number."""
    if not -128 <= value <= 127:  # noqa: PLR2004 - the range of a signed byte
        raise ValueError("a claim's value is from -128 to 127")
    if value in {-1, 0, 1}:
        return Tier.NONE
    size = value if value >= 0 else -value - 1  # -2 to -32 affirm, -33 to -96 warn, below they contraindicate
    if size >= Tier.CONTRAINDICATED:
        return Tier.CONTRAINDICATED
    return Tier.WARNING if size >= Tier.WARNING else Tier.AFFIRMING


def make_vector(
    verdict: Verdict, checks: Iterable[Check], failed: Collection[str], *, simulated: bool
) -> dict[str, int]:
    """The claims that the checks make, in the order of the draft; at least one. `failed` are the codes of the
    findings.

    The highest value of a claim wins, which is that of the worst tier (AR4SI, section 2.3.3). Where the cryptography
    fails, every claim is 99. SIMULATED evidence is contraindicated whatever the policy says: it protects nothing.
    Without a policy (`genuine`) nothing is claimed about executables, configuration and identity: nobody has said
    which are approved.
    """
    if verdict == "unavailable":
        return {"hardware": _NOTHING}
    if any(row_of(code).failed == NOT_AUTHENTIC for code in failed):
        return dict.fromkeys(_CLAIMED, NOT_AUTHENTIC)
    values: dict[str, int] = {}
    for code in failed:
        values[claim_of(code)] = max(values.get(claim_of(code), _NOTHING), row_of(code).failed)
    for check in checks:
        row = row_of(check.code)
        values[row.claim] = max(values.get(row.claim, _NOTHING), _value(row, check, verdict))
    if simulated:
        values |= {"hardware": _CONTRAINDICATED, "runtime-opaque": _CONTRAINDICATED}
    if "evidence.incomplete" in failed:
        values["hardware"] = _MALFUNCTION
    return {claim: values[claim] for claim in CLAIMS if values.get(claim)} or {"hardware": _NOTHING}


def _value(row: Row, check: Check, verdict: Verdict) -> int:
    """What a check that did not fail says: nothing where it does not apply, or where no policy has approved."""
    if check.outcome == "waived":
        return row.waived
    speaks = verdict == "affirmed" or (verdict == "genuine" and row.claim in _WITHOUT_POLICY)
    return row.passed if check.outcome == "passed" and speaks else _NOTHING
