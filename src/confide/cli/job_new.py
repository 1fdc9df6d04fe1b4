"""`confide job new`: name a workload, its inputs, the recipient and the policy."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from confide.cli.framework import Reply
from confide.cli.home_argument import add_home_argument
from confide.clock import system_clock
from confide.errors import Misuse

if TYPE_CHECKING:
    from confide.broker import Database, Reader

DESCRIPTION = """Makes a job: which workload reads which sealed objects, for whom, under which policy.

The job's id is the digest of all of it, so nothing of a job can be changed afterwards. The policy must
allow the workload and the recipient already. An input is an object id, a manifest's digest or its file.

example: confide job new --home lab --workload sha256:… --input genome=object-… \\
             --recipient reader.c4gh.pub --policy ancestry"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Adds the command's arguments."""
    add_home_argument(parser)
    parser.add_argument("--workload", required=True, metavar="DIGEST", help="the bundle's digest (sha256sum shows it)")
    parser.add_argument(
        "--input", action="append", required=True, metavar="NAME=OBJECT", help="an input; may be given several times"
    )
    parser.add_argument(
        "--recipient", required=True, type=Path, metavar="PUBKEYFILE", help="the public key of the result's reader"
    )
    parser.add_argument("--policy", required=True, metavar="NAME", help="the policy that must allow the job")
    parser.add_argument(
        "--parameter", action="append", default=[], metavar="NAME=VALUE", help="a parameter, which is not secret"
    )


def run(args: argparse.Namespace) -> Reply:
    """Makes the job and registers it."""
    from confide.broker import register_job  # noqa: PLC0415 - --help stays quick
    from confide.ids import to_base64  # noqa: PLC0415 - the same
    from confide.job import new_job  # noqa: PLC0415 - the same
    from confide.owner import HomeFolder  # noqa: PLC0415 - the same
    from confide.sealed.keyfile import read_public_key  # noqa: PLC0415 - the same

    folder, now = HomeFolder(args.home.absolute()), system_clock()
    facts, database = folder.facts(), folder.database()
    names, parameters = _pairs(args.input, "--input"), _pairs(args.parameter, "--parameter")
    job = new_job(
        workload=args.workload,
        inputs=_manifests(database, names),
        recipient=to_base64(read_public_key(args.recipient)),
        policy=args.policy,
        now=now,
        parameters=parameters,
    )
    register_job(database, job, broker_key=facts.broker_key, now=now)
    database.close()
    inputs = {item.name: item.manifest for item in job.inputs}
    document = {"job": job.job_id, "workload": job.workload, "policy": job.policy, "inputs": inputs}
    return Reply(document, f"Job:  {job.job_id}")


def _pairs(arguments: list[str], option: str) -> dict[str, str]:
    pairs = [argument.partition("=") for argument in arguments]
    table = {name: value for name, _, value in pairs}
    if len(table) != len(pairs) or not all(name and value for name, _, value in pairs):
        raise Misuse.because(
            "cli.arguments",
            got=f"{option} {' '.join(arguments)[:200]}",
            wanted="NAME=VALUE, each name once",
            remedy="See `confide job new --help`.",
        )
    return table


def _manifests(database: Database, inputs: dict[str, str]) -> dict[str, str]:
    with database.read() as reader:
        return {name: _manifest(reader, value) for name, value in inputs.items()}


def _manifest(reader: Reader, value: str) -> str:
    """The manifest digest that an object id, a digest or a manifest file stands for; whether it is
    registered is checked with everything else.
    """
    from confide.sealed.manifest import Manifest  # noqa: PLC0415 - --help stays quick
    from confide.strictjson import load_as  # noqa: PLC0415 - the same

    stored = reader.object_by(value)
    if stored is not None:
        return stored.manifest.manifest_digest
    path = Path(value)
    if path.is_file():
        with path.open("rb") as source:
            return load_as(Manifest, source.read(1 << 16), "manifest").manifest_digest
    return value
