"""The AR4SI trustworthiness vector of a verdict: what the checks say about eight aspects of an attester.

Source: draft-ietf-rats-ar4si-10, sections 2.3.2 (values and tiers), 2.3.3 (which value wins) and 2.3.4 (claims).
Three of the eight claims are never made here, since no check speaks of them: `file-system`, `storage-opaque` and
`sourced-data`. The table is `ROWS`; a code has the row of its longest prefix there, and a test gives every code one.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from enum import IntEnum
from typing import Literal

from confide.errors import Check

Verdict = Literal["affirmed", "genuine", "refused", "unavailable"]

CLAIMS = (
    "instance-identity", "configuration", "executables", "file-system", "hardware", "runtime-opaque", "storage-opaque",
    "sourced-data",
)  # fmt: skip

# The claims that any check speaks of, and those of them that need no policy.
_CLAIMED = ("instance-identity", "configuration", "executables", "hardware", "runtime-opaque")
_WITHOUT_POLICY = frozenset({"hardware", "runtime-opaque"})

_MALFUNCTION, _NOTHING, _APPROVED, _APPROVED_AT_BOOT = -1, 0, 2, 3
_VULNERABLE, _CONTRAINDICATED, _UNRECOGNISED, _NOT_AUTHENTIC = 32, 96, 97, 99


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


@dataclass(frozen=True, slots=True)
class Row:
    """What one check says about one claim: its value where the check failed, passed or was waived. A zero says
    nothing; `passed` counts only in a verdict that affirms.
    """

    claim: str
    failed: int
    passed: int = _NOTHING
    waived: int = _NOTHING


# A signature, a chain or an encoding that does not hold: nothing in the evidence can be believed.
_CRYPTOGRAPHIC = Row("hardware", _NOT_AUTHENTIC, passed=_APPROVED)
_HARDWARE = Row("hardware", _CONTRAINDICATED)
_UNKNOWN_HARDWARE = Row("hardware", _UNRECOGNISED)
_PATCHES = Row("hardware", _CONTRAINDICATED, passed=_APPROVED, waived=_VULNERABLE)
_IDENTITY = Row("instance-identity", _UNRECOGNISED, passed=_APPROVED)
_FRESHNESS = Row("instance-identity", _UNRECOGNISED)
_LEAKED = Row("instance-identity", _CONTRAINDICATED)
_CONFIGURATION = Row("configuration", _CONTRAINDICATED, passed=_APPROVED)
_EXECUTABLES = Row("executables", _CONTRAINDICATED, passed=_APPROVED_AT_BOOT)
_EXECUTABLES_TOLD = Row("executables", _CONTRAINDICATED)
_OPAQUE = Row("runtime-opaque", _CONTRAINDICATED, passed=_APPROVED, waived=_VULNERABLE)
_OPAQUE_BESIDE = Row("runtime-opaque", _CONTRAINDICATED)

ROWS = {
    "cli": _HARDWARE,
    "endorsement.malformed": _CRYPTOGRAPHIC,
    "evidence": _UNKNOWN_HARDWARE,
    "simulated": _HARDWARE,
    "snp": _UNKNOWN_HARDWARE,
    "snp.reserved": _HARDWARE,
    "snp.signature": _CRYPTOGRAPHIC,
    "snp.signing_key": _CRYPTOGRAPHIC,
    "snp.chain": _CRYPTOGRAPHIC,
    "snp.chain.missing": _HARDWARE,
    "snp.crl": _LEAKED,
    "snp.chip_id": _CRYPTOGRAPHIC,
    "snp.certificate.tcb": _CRYPTOGRAPHIC,
    "snp.tcb": _PATCHES,
    "snp.tcb.order": _HARDWARE,
    "snp.firmware.order": _HARDWARE,
    "snp.report_data": _FRESHNESS,
    "snp.policy": _CONFIGURATION,
    "snp.policy.debug": _OPAQUE,
    "snp.policy.migration_agent": _OPAQUE_BESIDE,
    "snp.platform_info": _HARDWARE,
    "snp.platform_info.alias_check": _OPAQUE_BESIDE,
    "snp.vmpl": _CONFIGURATION,
    "snp.guest_svn": _EXECUTABLES_TOLD,
    "snp.mitigations": _HARDWARE,
    "snp.host_data": _CONFIGURATION,
    "snp.family_id": _EXECUTABLES_TOLD,
    "snp.image_id": _EXECUTABLES_TOLD,
    "snp.id_key_digest": _EXECUTABLES_TOLD,
    "snp.author_key_digest": _EXECUTABLES_TOLD,
    "policy": _HARDWARE,
    "policy.platform": _UNKNOWN_HARDWARE,
    "policy.signing_key": _HARDWARE,
    "policy.workload": _EXECUTABLES,
    "policy.chip.allowed": _IDENTITY,
    "policy.chip.denied": _LEAKED,
    "policy.crl": _LEAKED,
}


def row_of(code: str) -> Row:
    """The row of the code's longest prefix in the table. Raises KeyError where it has none."""
    parts = code.split(".")
    for length in range(len(parts), 0, -1):
        if row := ROWS.get(".".join(parts[:length])):
            return row
    raise KeyError(code)


def claim_of(code: str) -> str:
    """The claim of the vector that a check of this code speaks of."""
    return row_of(code).claim


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
    if any(row_of(code).failed == _NOT_AUTHENTIC for code in failed):
        return dict.fromkeys(_CLAIMED, _NOT_AUTHENTIC)
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
