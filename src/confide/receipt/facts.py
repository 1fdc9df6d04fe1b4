"""What must agree between a job, its release and the enclave: checked by the agent and again by a reader."""

from __future__ import annotations

from confide.binding import Binding
from confide.checklist import Checklist
from confide.crypto import ed25519_verifies
from confide.errors import Misuse
from confide.evidence import EvidenceBundle
from confide.ids import from_base64, sha256_of
from confide.job import Job
from confide.protocol import Grant, SignedGrant
from confide.sealed.manifest import Manifest

AGAIN = "Ask for a fresh release; if it stays so, ask the owner."


def check_job(checks: Checklist, job: Job, job_id: str, manifests: tuple[Manifest, ...], workload: str) -> None:
    """The job is the one with this id, runs this workload, and its inputs are these manifests, in order."""
    checks.expect("job.id", job.job_id == job_id, got=job.job_id, wanted=job_id, remedy=AGAIN)
    checks.expect("job.workload", job.workload == workload, got=workload, wanted=job.workload, remedy=AGAIN)
    got = [manifest.manifest_digest for manifest in manifests]
    wanted = [item.manifest for item in job.inputs]
    checks.expect("job.inputs", got == wanted, got=got, wanted=wanted, remedy=AGAIN)


def check_grant(
    checks: Checklist, signed: SignedGrant, *, job: Job, binding: Binding, policy_text: str, evidence: EvidenceBundle
) -> None:
    """The grant is signed by the broker of the binding, for this binding, evidence and policy text."""
    grant = signed.grant
    checks.expect(
        "grant.broker",
        broker_of(signed) == binding.broker,
        got=broker_of(signed),
        wanted=binding.broker,
        remedy=AGAIN,
    )
    checks.expect(
        "grant.signature",
        _grant_is_signed(signed),
        got="a signature that does not fit",
        wanted="one by the broker over this grant",
        remedy=AGAIN,
    )
    checks.expect("grant.binding", grant.binding == binding, got="another binding", wanted="this one", remedy=AGAIN)
    checks.expect(
        "grant.evidence", grant.evidence == evidence.digest, got=grant.evidence, wanted=evidence.digest, remedy=AGAIN
    )
    _check_policy(checks, grant, job, policy_text)


def _check_policy(checks: Checklist, grant: Grant, job: Job, text: str) -> None:
    digest = sha256_of(text.encode())
    checks.expect("grant.policy", grant.policy == digest, got=digest, wanted=grant.policy, remedy=AGAIN)
    checks.expect("job.policy", job.policy == grant.policy_name, got=grant.policy_name, wanted=job.policy, remedy=AGAIN)


def broker_of(signed: SignedGrant) -> str:
    """The identity of the broker whose key the grant carries; a word that is none where it is malformed."""
    try:
        return sha256_of(from_base64(signed.broker_key, "broker key"))
    except Misuse:
        return "a key that is not base64"


def _grant_is_signed(signed: SignedGrant) -> bool:
    try:
        key, signature = from_base64(signed.broker_key), from_base64(signed.signature)
    except Misuse:
        return False
    return ed25519_verifies(key, signature, signed.grant.signed_bytes())
