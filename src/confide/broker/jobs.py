"""Jobs: what a policy lets a job be, how a job is stored, and what became of it."""

from __future__ import annotations

from datetime import datetime

import msgspec

from confide.broker.database import Database, Reader
from confide.broker.policies import current_policy, typed_policy
from confide.broker.rows import AuditRow, StoredObject
from confide.checklist import Checklist
from confide.clock import to_rfc3339
from confide.errors import Refused
from confide.job import Job
from confide.policy import Policy


class JobHistory(msgspec.Struct, frozen=True):
    """What became of a job. `challenges` counts those that the database still remembers."""

    state: str
    challenges: int
    releases: int
    refusals: tuple[AuditRow, ...]


def check_job(job: Job, policy: Policy, checklist: Checklist) -> None:
    """Compares a job with the policy that it names: workload and recipient."""
    checklist.expect(
        "job.workload",
        job.workload == policy.workload.digest,
        got=job.workload,
        wanted=policy.workload.digest,
        remedy="Name the workload that the policy allows, or activate a policy for this one.",
    )
    checklist.expect(
        "job.recipient",
        job.recipient in policy.recipients,
        got=job.recipient,
        wanted=f"one of the {len(policy.recipients)} recipients of policy {policy.name!r}",
        remedy="Name a recipient that the policy allows, or activate a policy with this one.",
    )


def register_job(database: Database, job: Job, *, broker_key: bytes, now: datetime) -> None:
    """Stores a job that its policy allows and whose inputs are registered. Raises Refused with every
    finding.
    """
    checklist = Checklist()
    with database.write() as writer:
        policy = current_policy(writer, job.policy, broker_key)
        check_job(job, typed_policy(policy.text), checklist)
        check_inputs(writer, job, checklist)
        checklist.refuse_if_failed()
        writer.add_job(job)
        body = {"job": job.job_id, "workload": job.workload, "policy": job.policy, "recipient": job.recipient}
        writer.append_audit("job.created", body, to_rfc3339(now))


def check_inputs(reader: Reader, job: Job, checklist: Checklist) -> tuple[StoredObject, ...]:
    """The registered objects that the job names, in the order of its inputs."""
    found = []
    for item in job.inputs:
        stored = reader.object_by(item.manifest)
        known = stored is not None and stored.manifest.manifest_digest == item.manifest
        checklist.expect(
            "job.input",
            known,
            got=f"{item.name}: {item.manifest}",
            wanted="the manifest of an object that this owner sealed",
            remedy="Seal the file first; `confide owner show` lists the objects.",
        )
        if stored is not None and known:
            found.append(stored)
    checklist.expect(
        "job.inputs",
        len({item.manifest for item in job.inputs}) == len(job.inputs) > 0,
        got=f"{len(job.inputs)} inputs",
        wanted="at least one, each object named once",
        remedy="Name every object once.",
    )
    return tuple(found)


def load_job(reader: Reader, job_id: str) -> Job:
    """The job with this id, whose content still has this digest. Raises Refused."""
    job = reader.job(job_id)
    if job is None:
        raise Refused.because(
            "job.unknown", got=job_id[:80], wanted="a job of this owner", remedy="`confide owner show` lists the jobs."
        )
    if job.job_id != job_id:
        raise Refused.because(
            "job.tampered",
            got="a job with another digest",
            wanted=job_id,
            remedy="Somebody changed the job inside the database. Make the job again.",
        )
    return job


def job_history(reader: Reader, job_id: str) -> JobHistory:
    """What became of a job, from the challenges, the releases and the audit log."""
    refusals = tuple(row for row in reader.audit_rows() if row.kind == "refused" and row.body.get("job") == job_id)
    releases, challenges = reader.releases_of_job(job_id), reader.challenges_of(job_id)
    if releases:
        state = "released"
    elif refusals:
        state = "refused"
    else:
        state = "challenged" if challenges else "created"
    return JobHistory(state, challenges, releases, refusals)
