"""`confide owner show`: what a home holds, and how its keys are kept."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Mapping
from pathlib import Path

from confide.broker import Reader, current_policy, job_history, load_job
from confide.cli.framework import Reply
from confide.errors import Refused
from confide.ids import to_base64
from confide.owner import HomeFacts, HomeFolder

DESCRIPTION = """Says what a home holds: how its keys are kept, its broker's id, objects, policies and jobs.

Needs no passphrase and shows no secret.

example: confide owner show lab"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Adds the command's arguments."""
    parser.add_argument("home", type=Path, metavar="HOME", help="the owner's home")


def run(args: argparse.Namespace) -> Reply:
    """Reads the home."""
    folder = HomeFolder(args.home.absolute())
    facts, database = folder.facts(), folder.database()
    with database.read() as reader:
        document: dict[str, object] = {
            "home": str(folder.path),
            "created_at": facts.created_at,
            "broker_id": facts.broker_id,
            "certificate": str(folder.certificate_file),
            "identity": {"file": str(folder.identity_file), "public_key": to_base64(folder.identity_key())},
            "key_store": facts.custody,
        }
        objects, policies, jobs = _objects(reader), _policies(reader, facts), _jobs(reader)
    database.close()
    text = "\n".join(
        [_heading(facts), *_table("Objects", objects), *_table("Policies", policies), *_table("Jobs", jobs)]
    )
    return Reply(document | {"objects": objects, "policies": policies, "jobs": jobs}, text)


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


def _policies(reader: Reader, facts: HomeFacts) -> list[dict[str, object]]:
    return [_policy(reader, facts, name) for name in reader.policy_names()]


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


def _jobs(reader: Reader) -> list[dict[str, object]]:
    return [_job(reader, job_id) for job_id in reader.job_ids()]


def _job(reader: Reader, job_id: str) -> dict[str, object]:
    try:
        job = load_job(reader, job_id)
    except Refused as refusal:
        return {"job": job_id, "problem": ", ".join(refusal.codes)}
    history = job_history(reader, job_id)
    return {"job": job_id, "policy": job.policy, "state": history.state, "releases": history.releases}


def _heading(facts: HomeFacts) -> str:
    return (
        f"Broker id:  {facts.broker_id}\n"
        f"Key store:  {facts.custody['kind']} ({facts.custody['key_id']}): {facts.custody['protection']}.\n"
        f"            {facts.custody['meaning']}"
    )


def _table(title: str, rows: Iterable[Mapping[str, object]]) -> list[str]:
    blocks = ["\n".join(f"  {key + ':':<15}{value}" for key, value in row.items()) for row in rows]
    return [f"\n{title}: {len(blocks) or 'none'}", *("\n\n".join(blocks).splitlines())]
