"""A job: which workload reads which sealed objects, for whom, under which policy. Named by its digest."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from datetime import datetime
from typing import Literal

import msgspec

from confide.clock import to_rfc3339
from confide.ids import digest_of

__all__ = ["Job", "JobInput", "new_job"]


class JobInput(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One input: the name that the workload knows it by, and the digest of its manifest."""

    name: str
    manifest: str


class Job(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is to be computed. Immutable: its id is the digest of all of it, so that evidence bound to
    the id is bound to the workload, the inputs, the recipient and the policy at once.

    `workload` is a bundle digest, `recipient` a Crypt4GH (X25519) public key in base64, `policy` the
    name of a policy of which the broker's current revision applies, `salt` makes equal jobs differ.
    """

    workload: str
    inputs: tuple[JobInput, ...]
    recipient: str
    policy: str
    created_at: str
    salt: str
    parameters: dict[str, str] = {}
    type: Literal["confide-job/1"] = "confide-job/1"

    @property
    def job_id(self) -> str:
        """`sha256:…` of the canonical JSON of the job."""
        return digest_of(msgspec.to_builtins(self))


def new_job(
    *,
    workload: str,
    inputs: Mapping[str, str],
    recipient: str,
    policy: str,
    now: datetime,
    parameters: Mapping[str, str] | None = None,
) -> Job:
    """A fresh job. `inputs` maps the workload's name of an input to the digest of its manifest."""
    return Job(
        workload=workload,
        inputs=tuple(JobInput(name, manifest) for name, manifest in sorted(inputs.items())),
        recipient=recipient,
        policy=policy,
        created_at=to_rfc3339(now),
        salt=secrets.token_hex(16),
        parameters=dict(parameters or {}),
    )
