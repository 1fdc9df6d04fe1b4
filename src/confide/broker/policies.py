"""Policies in force: revisions that only rise, linked by hash and signed by the owner's identity.

The signature is what keeps somebody who can write to the database from putting a policy in force.
"""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache

from confide.broker.database import Database, Reader
from confide.broker.identity import BrokerIdentity
from confide.broker.rows import PolicyRevision, StoredPolicy
from confide.checklist import Checklist
from confide.clock import to_rfc3339
from confide.crypto import ed25519_verifies
from confide.errors import Misuse, Refused, Unavailable
from confide.ids import sha256_of
from confide.policy import Policy, parse_policy


@lru_cache(maxsize=64)
def typed_policy(text: str) -> Policy:
    """`parse_policy` of a text in force, remembered: a policy is the same for as long as its text is. Raises
    Unavailable where this version no longer reads what an earlier one activated: not the caller's mistake.
    """
    try:
        return parse_policy(text)
    except Misuse as failure:
        raise Unavailable(failure.findings) from None


def activate_policy(database: Database, text: str, *, identity: BrokerIdentity, now: datetime) -> StoredPolicy:
    """Appends a revision of the policy and its audit row, in one transaction. A text that is in force
    already stays as it is. Raises Misuse for a policy with errors, Refused where the revision before was
    tampered with.
    """
    policy = parse_policy(text)
    digest = sha256_of(text.encode())
    with database.write() as writer:
        before = current_policy(writer, policy.name, identity.public_key) if _has(writer, policy.name) else None
        if before and before.record.digest == digest:
            return before
        record = PolicyRevision(
            name=policy.name,
            revision=before.record.revision + 1 if before else 1,
            digest=digest,
            previous=before.record.record_digest if before else "",
            activated_at=to_rfc3339(now),
        )
        stored = StoredPolicy(record, text, identity.sign(record.signed_bytes()))
        writer.add_policy(stored)
        body = {"policy": record.name, "revision": record.revision, "digest": digest, "kind": policy.kind}
        writer.append_audit("policy.activated", body, to_rfc3339(now))
    return stored


def current_policy(reader: Reader, name: str, public_key: bytes) -> StoredPolicy:
    """The revision in force, checked: signature, text, link to the revision before, and that no key was
    ever released under a later one. Raises Refused.
    """
    stored = reader.policy(name)
    if stored is None:
        raise Refused.because(
            "policy.unknown", got="no revision", wanted=f"an active policy {name!r}", remedy="Activate the policy."
        )
    _check(stored, reader, public_key)
    return stored


def check_production(policy: Policy, checklist: Checklist) -> None:
    """What a production broker asks of every policy: that it accepts no simulated evidence."""
    checklist.expect(
        "policy.kind",
        policy.kind == "production",
        got=f"policy {policy.name!r} of the kind {policy.kind!r}",
        wanted="production policies only, because the broker runs with --production",
        remedy="Activate a production policy under this name, or use another home for simulations.",
    )


def check_all_production(database: Database, public_key: bytes) -> None:
    """Raises Refused where a policy in force accepts simulated evidence, or was tampered with."""
    checklist = Checklist()
    with database.read() as reader:
        for name in reader.policy_names():
            check_production(typed_policy(current_policy(reader, name, public_key).text), checklist)
    if checklist.checks:
        checklist.refuse_if_failed()


def _has(reader: Reader, name: str) -> bool:
    return reader.current_revision(name) > 0


def _check(stored: StoredPolicy, reader: Reader, public_key: bytes) -> None:
    record = stored.record
    if stored.text_digest != record.digest:
        raise _tampered("a text with another digest", record.digest)
    if not ed25519_verifies(public_key, stored.signature, record.signed_bytes()):
        raise _tampered("a revision without the owner's signature", "one that `policy activate` made")
    before = reader.policy(record.name, record.revision - 1)
    if record.previous != (before.record.record_digest if before else ""):
        raise _tampered("a revision that does not follow the one before", "an unbroken chain of revisions")
    released = reader.highest_released_revision(record.name)
    if released > record.revision:
        raise Refused.because(
            "policy.rollback",
            got=f"revision {record.revision}",
            wanted=f"revision {released} or later, under which a key was released",
            remedy="The policies were rolled back. Activate the policy that is to be in force.",
        )


def _tampered(got: str, wanted: str) -> Refused:
    return Refused.because(
        "policy.tampered",
        got=got,
        wanted=wanted,
        remedy="Somebody changed the policy inside the database. Find out who, and restore it from a backup.",
    )
