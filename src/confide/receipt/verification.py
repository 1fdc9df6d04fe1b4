"""Verification of a receipt, offline, at the receipt's own time.

1. Shape: strict JSON, known fields only, its one spelling (RFC 8785).
2. The signature is by the key in the binding.
3. The job has its id, runs the workload, and its inputs are the manifests, in order.
4. The binding is for this job and the broker; the grant is the broker's, for this binding, evidence and policy.
5. The policy's text is the one granted, and it allows this workload, agent and recipient.
6. The evidence is genuine at `released_at`, satisfies the policy, and its report data are the binding's: so the
   keys of steps 2 and 4 were made inside that enclave.
7. The platform claims are the evidence's; a simulated measurement is the one predicted from workload and agent.
8. The output, where it is given, is the one that the receipt names.

What step 6 cannot say: whether the nonce was fresh. The broker saw to that, and signed the time.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, NoReturn

from confide.checklist import Checklist
from confide.clock import from_rfc3339, to_rfc3339
from confide.crypto import ed25519_verifies
from confide.errors import Check, Misuse, Refused, Unavailable
from confide.ids import from_base64
from confide.measure import simulated_launch_digest
from confide.policy import Permit, Policy, appraise, parse_policy
from confide.receipt.document import Receipt, ReceiptBody, parse_receipt, platform_of
from confide.receipt.facts import check_grant, check_job

Verdict = Literal["affirmed", "genuine"]

_VERIFIER = object()
_WHOLE = "Take receipt and result exactly as the run left them; if they are so, do not trust this result."


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifiedReceipt:
    """A receipt whose every check passed. Only `verify_receipt` can build it.

    `verdict` is "affirmed" where the reader gave the policy that was applied, and "genuine" where it is the
    receipt's own: then everything agrees with itself, and the reader has yet to judge that policy.
    """

    receipt: Receipt
    permit: Permit
    verdict: Verdict
    checks: tuple[Check, ...]
    token: object = field(repr=False, compare=False)

    def __post_init__(self) -> None:
        """Refuses everyone but the verifier."""
        if self.token is not _VERIFIER:
            raise TypeError("only verify_receipt builds a VerifiedReceipt")

    def __reduce__(self) -> NoReturn:
        raise TypeError("a VerifiedReceipt is never serialised: verify the receipt again")

    @property
    def simulated(self) -> bool:
        """Whether the machine was SIMULATED: then the receipt proves nothing about hardware."""
        return self.permit.evidence.simulated


def verify_receipt(
    data: bytes, *, policy: Policy | None = None, broker_id: str | None = None, output_digest: str | None = None
) -> VerifiedReceipt:
    """Verifies the receipt in `data`. `policy` is the reader's own copy of the policy, `broker_id` the broker that
    the reader knows, `output_digest` the SHA-256 (`sha256:…`) of the sealed result at hand.

    Raises Refused with all findings; Unavailable where the evidence's certificates are not there to tell by.
    """
    receipt = parse_receipt(data)  # 1
    body = receipt.body
    checks = Checklist()
    checks.expect("receipt.shape", True, got="", wanted="", remedy="")  # parse_receipt raised where it is not
    _check_signature(checks, receipt)  # 2
    check_job(checks, body.job, body.job_id, body.manifests, body.workload)  # 3
    _expect(checks, "binding.job", body.binding.job, body.job_id)  # 4
    _check_broker(checks, body, broker_id)
    check_grant(
        checks,
        body.grant,
        job=body.job,
        binding=body.binding,
        policy_text=body.policy.text,
        evidence=body.evidence,
    )
    applied = _check_policy(checks, body, policy)  # 5
    permit = _appraise(checks, body, applied)  # 6
    _check_platform(checks, body, simulated=applied is not None and applied.kind == "simulation")  # 7
    _check_output(checks, body, output_digest)  # 8
    made = (*checks.checks, *(permit.checks if permit else ()))
    if checks.findings:
        raise Refused(checks.findings, made)
    assert permit is not None  # without one there are findings
    return VerifiedReceipt(
        receipt=receipt,
        permit=permit,
        verdict="affirmed" if policy else "genuine",
        checks=made,
        token=_VERIFIER,
    )


def _check_signature(checks: Checklist, receipt: Receipt) -> None:
    try:
        key = from_base64(receipt.body.binding.signing_key, "signing key")
        signed = ed25519_verifies(key, from_base64(receipt.signature, "signature"), receipt.body.signed_bytes())
    except Misuse:
        signed = False
    checks.expect(
        "receipt.signature",
        signed,
        got="a signature that does not fit",
        wanted="one by the enclave's key over this receipt",
        remedy=_WHOLE,
    )


def _check_broker(checks: Checklist, body: ReceiptBody, broker_id: str | None) -> None:
    if broker_id is None:
        checks.not_applicable(
            "receipt.broker", "no broker was named: who released the keys, and when, is the receipt's own word"
        )
        return
    checks.expect(
        "receipt.broker",
        body.binding.broker == broker_id,
        got=body.binding.broker,
        wanted=broker_id,
        remedy="Ask the owner for the identity of the broker, or do not trust this result.",
    )


def _check_policy(checks: Checklist, body: ReceiptBody, given: Policy | None) -> Policy | None:
    """The policy to apply: the reader's, or else the receipt's own; None where that cannot be read."""
    granted = body.grant.grant
    wanted = (granted.policy_name, granted.policy_revision, granted.policy)
    got = (body.policy.name, body.policy.revision, body.policy.digest)
    checks.expect("receipt.policy", got == wanted, got=got, wanted=wanted, remedy=_WHOLE)
    policy = given or _embedded_policy(checks, body)
    if policy is None:
        return None
    _expect(checks, "receipt.policy.name", body.policy.name, policy.name)
    _expect(checks, "receipt.policy.workload", body.workload, policy.workload.digest)
    _expect(checks, "receipt.policy.runtime", body.runtime, policy.workload.runtime)
    checks.expect(
        "receipt.policy.recipient",
        body.job.recipient in policy.recipients,
        got=body.job.recipient,
        wanted="a recipient that the policy allows",
        remedy=_WHOLE,
    )
    return policy


def _embedded_policy(checks: Checklist, body: ReceiptBody) -> Policy | None:
    try:
        return parse_policy(body.policy.text)
    except Misuse as failure:
        checks.absorb(Refused(failure.findings))
        return None


def _expect(checks: Checklist, code: str, got: str, wanted: str) -> None:
    checks.expect(code, got == wanted, got=got, wanted=wanted, remedy=_WHOLE)


def _appraise(checks: Checklist, body: ReceiptBody, policy: Policy | None) -> Permit | None:
    """The permit that the broker had, recomputed at its time."""
    try:
        now = from_rfc3339(body.grant.grant.released_at)
        from_rfc3339(body.finished_at)
    except Misuse as failure:
        checks.absorb(Refused(failure.findings))
        return None
    _expect(checks, "receipt.time", body.grant.grant.released_at, to_rfc3339(now))
    if policy is None:
        return None
    try:
        return appraise(body.evidence, policy, report_data=body.binding.report_data(), now=now)
    except (Refused, Misuse) as failure:
        checks.absorb(Refused(failure.findings, failure.checks))
    except Unavailable as failure:
        if not checks.findings:
            raise
        checks.absorb(Refused(failure.findings, failure.checks))
    return None


def _check_platform(checks: Checklist, body: ReceiptBody, *, simulated: bool) -> None:
    try:
        platform = platform_of(body.evidence)
    except (Refused, Misuse) as failure:
        checks.absorb(Refused(failure.findings))
        return
    checks.expect("receipt.platform", body.platform == platform, got=body.platform, wanted=platform, remedy=_WHOLE)
    if not simulated:
        checks.not_applicable(
            "receipt.measurement", "not predicted for real hardware: the policy names the measurements that it accepts"
        )
        return
    predicted = simulated_launch_digest(body.workload, body.runtime).hex()
    _expect(checks, "receipt.measurement", platform.measurement, predicted)


def _check_output(checks: Checklist, body: ReceiptBody, output_digest: str | None) -> None:
    if output_digest is None:
        checks.not_applicable("receipt.output", "no result was given to compare")
        return
    _expect(checks, "receipt.output", output_digest, body.output_digest)
