"""What a home holds, as it can be said without unlocking it: no secret is in it."""

from __future__ import annotations

from typing import Any

from confide.broker import Reader, current_policy, job_history, load_job
from confide.errors import Refused
from confide.ids import to_base64
from confide.owner.home import HomeFacts, HomeFolder


def list_home(folder: HomeFolder) -> dict[str, Any]:
    """The JSON document of `confide owner show`. Raises Misuse where the folder is no home."""
    facts, database = folder.facts(), folder.database()
    with database.read() as reader:
        listing = {
            "home": str(folder.path),
            "created_at": facts.created_at,
            "broker_id": facts.broker_id,
            "certificate": str(folder.certificate_file),
            "identity": {"file": str(folder.identity_file), "public_key": to_base64(folder.identity_key())},
            "key_store": facts.custody,
            "objects": _objects(reader),
            "policies": [_policy(reader, facts, name) for name in reader.policy_names()],
            "jobs": [_job(reader, job_id) for job_id in reader.job_ids()],
        }
    database.close()
    return listing


def _objects(reader: Reader) -> list[dict[str, object]]:
    return [
        {
            "object_id": stored.manifest.object_id,
            "manifest": stored.manifest.manifest_digest,
            "size": stored.manifest.size,
            "key": f"{stored.manifest.data_key_id} (wrapped by {stored.custody} key {stored.custody_key_id})",
            "releases": reader.releases_of_key(stored.manifest.data_key_id),
            "location": stored.location,
            "registered_at": stored.registered_at,
        }
        for stored in reader.objects()
    ]


def _policy(reader: Reader, facts: HomeFacts, name: str) -> dict[str, object]:
    try:
        record = current_policy(reader, name, facts.broker_key).record
    except Refused as refusal:
        return {"name": name, "problem": ", ".join(refusal.codes)}
    return {
        "name": name,
        "revision": record.revision,
        "digest": record.digest,
        "activated_at": record.activated_at,
    }


def _job(reader: Reader, job_id: str) -> dict[str, object]:
    try:
        job = load_job(reader, job_id)
    except Refused as refusal:
        return {"job": job_id, "problem": ", ".join(refusal.codes)}
    history = job_history(reader, job_id)
    return {"job": job_id, "policy": job.policy, "state": history.state, "releases": history.releases}
