"""The challenge: a nonce that is used once, soon, and for one job (red-team rows 4, 5 and 8)."""

from __future__ import annotations

import os
from datetime import datetime, timedelta

from confide.broker.core import Broker
from confide.broker.database import Reader
from confide.broker.jobs import load_job
from confide.broker.policies import current_policy, typed_policy
from confide.broker.rows import StoredChallenge
from confide.clock import from_rfc3339, to_rfc3339
from confide.errors import Refused, Unavailable
from confide.ids import to_base64
from confide.protocol import Challenge

NONCE_SIZE = 32
# An unused nonce is remembered for a while after its end, so that a late request is told "expired".
_MEMORY = timedelta(hours=1)
# Whoever knows a job's id may ask; what that can write into the database has an end.
MAX_OPEN = 1000
_REMEDY = "Ask the broker for a new challenge and start again."


def issue_challenge(broker: Broker, job_id: str, *, now: datetime) -> Challenge:
    """A fresh nonce of 32 random bytes for a job, for as long as the job's policy gives. Raises Refused
    for a job or a policy that is unknown or was tampered with, Unavailable while too many nonces are open.
    """
    with broker.database.write() as writer:
        job = load_job(writer, job_id)
        policy = typed_policy(current_policy(writer, job.policy, broker.identity.public_key).text)
        ends = now + timedelta(seconds=policy.challenge_seconds)
        nonce = to_base64(os.urandom(NONCE_SIZE))
        if writer.open_challenges(job_id, to_rfc3339(now)) >= MAX_OPEN:
            raise _too_many()
        writer.forget_challenges(to_rfc3339(now - _MEMORY))
        writer.add_challenge(StoredChallenge(nonce, job_id, to_rfc3339(now), to_rfc3339(ends), "issued"))
    return Challenge(nonce, to_rfc3339(ends))


def check_challenge(reader: Reader, nonce: str, job_id: str, now: datetime) -> None:
    """Raises Refused for a nonce that is unknown, used, of another job or too old, and Unavailable where
    the clock stands before the moment at which the nonce was issued.
    """
    challenge = reader.challenge(nonce)
    if challenge is None:
        raise _refused("challenge.unknown", "a nonce that this broker did not issue", "one that it issued")
    if challenge.job != job_id:
        raise _refused("challenge.job", f"a nonce for job {challenge.job}", job_id)
    if challenge.state != "issued":
        raise used()
    if now >= from_rfc3339(challenge.expires_at):
        raise _refused("challenge.expired", f"a request at {to_rfc3339(now)}", f"before {challenge.expires_at}")
    if now < from_rfc3339(challenge.issued_at):
        raise Unavailable.because(
            "clock.backwards",
            got=to_rfc3339(now),
            wanted=f"{challenge.issued_at} or later, when the nonce was issued",
            remedy="Correct the clock of the broker's machine.",
        )


def used() -> Refused:
    """The refusal of a nonce that was used before."""
    return _refused("challenge.used", "a nonce that was used before", "a fresh one")


def _too_many() -> Unavailable:
    return Unavailable.because(
        "challenge.too_many",
        got=f"{MAX_OPEN} open challenges of this job",
        wanted="fewer",
        remedy="Wait until they have ended, a minute or so, and try again.",
    )


def _refused(code: str, got: str, wanted: str) -> Refused:
    return Refused.because(code, got=got, wanted=wanted, remedy=_REMEDY)
