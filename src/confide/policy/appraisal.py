"""Is evidence what the owner wants? Verification and appraisal together, so that all findings come at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import InitVar, dataclass
from datetime import datetime
from typing import NoReturn

from confide.errors import Check, Misuse
from confide.evidence.bundle import EvidenceBundle
from confide.policy.composition import is_shown, say_accept
from confide.policy.kinds import KINDS, kind_of
from confide.policy.model import PlatformRule, Policy
from confide.verify import Examination, Trust, VerifiedEvidence, examine
from confide.verify.devices import join_devices

_APPRAISER = object()

REQUIRED = frozenset({"policy.kind", "policy.platform"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Permit:
    """Leave to release: evidence that is genuine, fresh, and what the policy wants. Only `appraise` builds it.

    `workload` is the digest of the bundle that the permit is for.
    """

    policy: Policy
    evidence: VerifiedEvidence
    checks: tuple[Check, ...]
    workload: str
    token: InitVar[object]

    def __post_init__(self, token: object) -> None:
        """Refuses everyone but the appraiser."""
        if token is not _APPRAISER:
            raise TypeError("only the appraisal builds a Permit")

    def __reduce__(self) -> NoReturn:
        raise TypeError("a Permit is never serialised: appraise the evidence again")


def appraise(bundle: EvidenceBundle, policy: Policy, *, report_data: bytes, now: datetime) -> Permit:
    """Verifies the evidence and appraises it against the policy. `report_data` are the 64 bytes that it must be
    bound to; that they are fresh is the caller's business.

    Raises Refused with all findings of both, Unavailable where only the certificates to tell by are missing, Misuse
    for a policy that is for verification alone.
    """
    if not policy.releases:
        raise Misuse.because(
            "policy.release",
            got=f"policy {policy.name}, which waives its workload or its release",
            wanted="a policy that names who may read, and who receives",
            remedy="Write `[workload]` and `[release]`; as it is, it serves `confide evidence verify`.",
        )
    evidence = judge(bundle, policy, report_data=report_data, now=now).conclude()
    return Permit(
        policy=policy, evidence=evidence, checks=evidence.checks, workload=policy.workload.digest, token=_APPRAISER
    )


def judge(bundle: EvidenceBundle, policy: Policy, *, report_data: bytes | None, now: datetime) -> Examination:
    """Makes every check of verification and appraisal, of the evidence and of the devices that come with it; the
    verdict is in the answer's `conclude`.
    """
    exam = examine(
        bundle, now=now, report_data=report_data, trust=Trust.of(policy.simulated_roots, policy.trusted_keys)
    )
    pieces = (exam, *exam.devices)
    for piece in pieces:
        judge_piece(piece, policy)
    join_devices(exam)
    exam.required |= {"policy.evidence.missing"}
    check_composition(exam, policy, [policy.platform(one.format, one.unverified_product) for one in pieces])
    return exam


def judge_piece(exam: Examination, policy: Policy) -> None:
    """Every check of the policy on one piece of evidence, by the rules of its platform."""
    exam.required |= REQUIRED | (kind_of(exam.format).codes if exam.format in KINDS else frozenset())
    check_kind(exam, policy)
    rule = policy.platform(exam.format, exam.unverified_product)
    check_platform(exam, policy, rule)
    check_rules(exam, rule)


def check_composition(exam: Examination, policy: Policy, rules: Sequence[PlatformRule | None]) -> None:
    """What the policy wants together came together (red-team checklist: downgrade by omission)."""
    shown = [rule.name for rule in rules if rule is not None]
    if len(shown) < len(rules) and exam.checklist.findings:
        exam.checklist.unchecked("policy.evidence.missing", "the choice of the platform")
        return
    exam.checklist.expect(
        "policy.evidence.missing",
        is_shown(policy.accept, shown),
        got=f"evidence of {' and '.join(shown)}",
        wanted=say_accept(policy.accept),
        remedy="Give the missing evidence as well, in one bundle or as further files.",
    )


def check_kind(exam: Examination, policy: Policy) -> None:
    """A production policy takes real evidence, a simulation takes SIMULATED evidence; neither takes the other."""
    if exam.unverified_root is None:
        exam.checklist.unchecked("policy.kind", "the reading of the chain")
        return
    exam.checklist.expect(
        "policy.kind",
        exam.simulated == (policy.kind == "simulation"),
        got="SIMULATED evidence" if exam.simulated else "evidence that is not of a simulated root of the policy",
        wanted=f"evidence for a policy of kind {policy.kind}",
        remedy="Use a policy of the other kind.",
    )


def check_platform(exam: Examination, policy: Policy, rule: PlatformRule | None) -> None:
    """The platform comes from the policy, never from the evidence (red-team checklist, row 2)."""
    if exam.unverified_product is None and exam.checklist.findings:
        exam.checklist.unchecked("policy.platform", "the reading of the product")
        return
    exam.checklist.expect(
        "policy.platform",
        rule is not None,
        got=f"{exam.format} on {exam.unverified_product}",
        wanted=" or ".join(f"{one.format} on {one.product}" for one in policy.platforms),
        remedy="Use a platform that the policy names, or add a [[platform]] for this one.",
    )


def check_rules(exam: Examination, rule: PlatformRule | None) -> None:
    """Every field of the policy's platform: waived, or compared with what the evidence shows."""
    kind = kind_of(exam.format) if exam.format in KINDS else None
    for one in kind.rules if kind else ():
        if rule is None or exam.unverified_subject is None:
            for code in one.codes:
                exam.checklist.unchecked(code, "the choice of the platform")
        else:
            one.judge(exam.unverified_subject, rule.values[one.name], exam.checklist)
