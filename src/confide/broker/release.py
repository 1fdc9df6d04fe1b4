"""The release of data keys to attested keys (design, steps 7 and 8).

1. The request is well formed, and its keys are nobody's of the owner's side.
2. The challenge is known, unused, in time, and was issued for this job.
3. Job, manifests and policy are read, each checked against the digest or signature that names it.
4. The evidence is verified and appraised, bound to nonce, keys, job and broker; the job is compared with
   the policy. All findings at once.
5. One transaction: the policy revision is still the one appraised, the nonce is burnt, the limits are
   counted, the row of the audit log is appended. It is on the disk before step 6.
6. The data keys are unwrapped by the custody and wrapped to the attested key.

A refusal burns the nonce and is written to the audit log in full, for the owner. Where the log cannot be
written, the answer is Unavailable, and nothing is released.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey

from confide.broker.challenge import NONCE_SIZE, check_challenge, used
from confide.broker.core import Broker
from confide.broker.database import Database, Reader, Writer
from confide.broker.jobs import check_inputs, check_job, load_job
from confide.broker.policies import check_production, current_policy, typed_policy
from confide.broker.rows import AuditRow, KeyRelease, StoredObject, StoredPolicy
from confide.checklist import Checklist
from confide.clock import to_rfc3339
from confide.crypto import KEY_SIZE, hpke_seal
from confide.errors import Check, ConfideError, Finding, Misuse, Refused
from confide.ids import DIGEST, from_base64, to_base64
from confide.job import Job
from confide.keys.custody import wrap_context
from confide.policy import Permit, Policy
from confide.protocol import Grant, Release, ReleaseRequest, SignedGrant, WrappedDataKey
from confide.secrets import wiped_after

_MAX_TEXT = 500


@dataclass(frozen=True)
class _Case:
    """What step 3 read: the request's job, its objects in the order of the inputs, and its policy."""

    request: ReleaseRequest
    job: Job
    objects: tuple[StoredObject, ...]
    stored_policy: StoredPolicy
    policy: Policy


def release(broker: Broker, request: ReleaseRequest, *, now: datetime) -> Release:
    """Releases the data keys of the attested job to the attested key, or raises Refused, Misuse or
    Unavailable. `now` is the clock, read once for this request.
    """
    check_shape(request)
    try:
        case, grant, row = _decide(broker, request, now)
    except Refused as refusal:
        record_refusal(broker.database, request, refusal, now)
        raise
    return _answer(broker, case, grant, row)


def _decide(broker: Broker, request: ReleaseRequest, now: datetime) -> tuple[_Case, Grant, AuditRow]:
    """Steps 1 to 5: where it returns, the release is on the disk."""
    check_keys(request, broker.own_keys | {broker.identity.public_key})
    with broker.database.read() as reader:
        check_challenge(reader, request.nonce, request.job, now)
        case = _read_case(broker, reader, request)
    permit = _appraise(broker, case, now)
    grant = _grant(broker, case, now)
    with broker.database.write() as writer:
        row = _commit(writer, case, permit, grant)
    return case, grant, row


def check_shape(request: ReleaseRequest) -> None:
    """Step 1: digests are digests, nonce and keys are 32 bytes each. Raises Misuse."""
    sizes = {"nonce": (request.nonce, NONCE_SIZE), "hpke_key": (request.hpke_key, KEY_SIZE)}
    for what, (text, size) in (sizes | {"signing_key": (request.signing_key, KEY_SIZE)}).items():
        if len(from_base64(text, what)) != size:
            raise _malformed(what, f"{size} bytes in base64")
    if not DIGEST.fullmatch(request.job):
        raise _malformed("job", "sha256: and 64 hexadecimal digits")


def _malformed(what: str, wanted: str) -> Misuse:
    return Misuse.because(
        "request.malformed", got=f"another {what}", wanted=wanted, remedy="Use the agent of this version of Confide."
    )


def check_keys(request: ReleaseRequest, own_keys: frozenset[bytes]) -> None:
    """Step 1: the keys are not ours (reflection), not one key in two roles, and the X25519 key is no point
    of low order, with which everybody could compute the shared secret (RFC 7748, section 6.1).
    """
    keys = [from_base64(request.hpke_key), from_base64(request.signing_key)]
    checklist = Checklist()
    checklist.expect(
        "request.own_key",
        own_keys.isdisjoint(keys) and keys[0] != keys[1],
        got="a key of the owner's side, or one key twice",
        wanted="two fresh keys that were made inside the enclave",
        remedy="Make new keys inside the enclave for every challenge.",
    )
    checklist.expect(
        "request.weak_key",
        not _has_low_order(keys[0]),
        got="a point of low order",
        wanted="an X25519 public key",
        remedy="Make new keys inside the enclave for every challenge.",
    )
    checklist.refuse_if_failed()


def _has_low_order(public_key: bytes) -> bool:
    try:
        X25519PrivateKey.generate().exchange(X25519PublicKey.from_public_bytes(public_key))
    except ValueError:
        return True
    return False


def _read_case(broker: Broker, reader: Reader, request: ReleaseRequest) -> _Case:
    """Step 3. Everything follows from the job that the evidence is bound to, nothing from the caller's wish."""
    job = load_job(reader, request.job)
    stored = current_policy(reader, job.policy, broker.identity.public_key)
    checklist = Checklist()
    objects = check_inputs(reader, job, checklist)
    checklist.refuse_if_failed()
    return _Case(request, job, objects, stored, typed_policy(stored.text))


def _appraise(broker: Broker, case: _Case, now: datetime) -> Permit:
    """Step 4. The permit counts only where every other check of this step passed as well."""
    checklist, permit = Checklist(), None
    check_job(case.job, case.policy, checklist)
    report_data = case.request.binding(broker.identity.broker_id).report_data()
    if broker.production:
        check_production(case.policy, checklist)
    try:
        permit = broker.appraiser(case.request.evidence, case.policy, report_data=report_data, now=now)
    except Refused as refusal:
        checklist.absorb(refusal)
    checklist.refuse_if_failed()
    assert permit is not None  # the appraiser returned, or its findings were raised by the line above
    return permit


def _grant(broker: Broker, case: _Case, now: datetime) -> Grant:
    record = case.stored_policy.record
    return Grant(
        binding=case.request.binding(broker.identity.broker_id),
        policy_name=record.name,
        policy=record.digest,
        policy_revision=record.revision,
        evidence=case.request.evidence.digest,
        released_at=to_rfc3339(now),
    )


def _commit(writer: Writer, case: _Case, permit: Permit, grant: Grant) -> AuditRow:
    """Step 5. Every line may raise, and then none of them happened."""
    if writer.current_revision(grant.policy_name) != grant.policy_revision:
        raise Refused.because(
            "policy.changed",
            got=f"an appraisal under revision {grant.policy_revision}",
            wanted=f"one under revision {writer.current_revision(grant.policy_name)}",
            remedy="The policy was changed in the meantime. Ask the broker for a new challenge and start again.",
        )
    if not writer.burn_challenge(case.request.nonce, "released"):
        raise used()
    _check_limits(writer, case)
    row = writer.append_audit("released", _released_body(case, permit, grant), grant.released_at)
    for key_id in _key_ids(case):
        entry = KeyRelease(
            case.request.nonce, key_id, case.request.job, grant.policy_name, grant.policy_revision, grant.released_at
        )
        writer.add_release(entry, row)
    return row


def _key_ids(case: _Case) -> tuple[str, ...]:
    return tuple(stored.manifest.data_key_id for stored in case.objects)


def _check_limits(reader: Reader, case: _Case) -> None:
    """Counts what was released before: a release that was never delivered counts too (red-team row 26)."""
    checklist = Checklist()
    counts = {key_id: reader.releases_of_key(key_id) for key_id in _key_ids(case)}
    for key_id, count in counts.items():
        checklist.expect(
            "release.limit",
            count < case.policy.releases_per_key,
            got=f"{count} releases of {key_id}",
            wanted=f"fewer than {case.policy.releases_per_key}",
            remedy="If more runs are wanted, activate a policy that allows them.",
        )
    checklist.refuse_if_failed()


def _released_body(case: _Case, permit: Permit, grant: Grant) -> dict[str, object]:
    return {
        "job": case.request.job,
        "keys": list(_key_ids(case)),
        "nonce": case.request.nonce,
        "hpke_key": case.request.hpke_key,
        "signing_key": case.request.signing_key,
        "policy": grant.policy_name,
        "revision": grant.policy_revision,
        "policy_digest": grant.policy,
        "evidence": grant.evidence,
        "format": permit.evidence.format,
        "simulated": permit.evidence.simulated,
        "root": permit.evidence.root,
        "checks": [_check_row(check) for check in permit.checks if check.outcome != "passed"],
        "passed": [check.code for check in permit.checks if check.outcome == "passed"],
    }


def _answer(broker: Broker, case: _Case, grant: Grant, row: AuditRow) -> Release:
    """Step 6. The release counts already; where a key cannot be unwrapped, the log says so."""
    try:
        keys = tuple(_wrap(broker, stored, grant) for stored in case.objects)
    except ConfideError as failure:
        body = {"job": case.request.job, "released": row.sequence, "findings": _finding_rows(failure)}
        with broker.database.write() as writer:
            writer.append_audit("undelivered", body, grant.released_at)
        raise
    signature = to_base64(broker.identity.sign(grant.signed_bytes()))
    signed = SignedGrant(grant, to_base64(broker.identity.public_key), signature)
    manifests = tuple(stored.manifest for stored in case.objects)
    return Release(case.job, manifests, case.stored_policy.text, signed, keys)


def _wrap(broker: Broker, stored: StoredObject, grant: Grant) -> WrappedDataKey:
    manifest = stored.manifest
    context = wrap_context(data_key_id=manifest.data_key_id, object_id=manifest.object_id)
    with wiped_after(broker.custody.unwrap(stored.wrapped_key, context)) as data_key:
        ciphertext = hpke_seal(data_key, from_base64(grant.binding.hpke_key), grant.signed_bytes())
    return WrappedDataKey(manifest.data_key_id, to_base64(ciphertext))


def record_refusal(database: Database, request: ReleaseRequest, refusal: Refused, now: datetime) -> None:
    """Burns the nonce and writes the findings to the audit log, in one transaction. Raises Unavailable."""
    body = {
        "job": request.job,
        "nonce": request.nonce,
        "format": request.evidence.format[:_MAX_TEXT],
        "evidence": request.evidence.digest,
        "findings": _finding_rows(refusal),
        "checks": [_check_row(check) for check in refusal.checks],
    }
    with database.write() as writer:
        writer.burn_challenge(request.nonce, "refused")
        writer.append_audit("refused", body, to_rfc3339(now))


def _finding_rows(failure: ConfideError) -> list[dict[str, str]]:
    return [_bounded(finding).to_dict() for finding in failure.findings]


def _bounded(finding: Finding) -> Finding:
    """Evidence is a stranger's text: what of it gets into the log has an end."""
    return Finding(finding.code, finding.got[:_MAX_TEXT], finding.wanted[:_MAX_TEXT], finding.remedy[:_MAX_TEXT])


def _check_row(check: Check) -> dict[str, str]:
    return Check(check.code, check.outcome, check.reason[:_MAX_TEXT]).to_dict()
