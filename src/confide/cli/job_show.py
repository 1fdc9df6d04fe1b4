"""`confide job show`: a job and what became of it."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from confide.cli.audit_show import row_text
from confide.cli.framework import Reply
from confide.cli.home_argument import add_home_argument

if TYPE_CHECKING:
    from confide.broker import JobHistory
    from confide.job import Job

DESCRIPTION = """Shows a job and what became of it: created, challenged, released or refused, with the findings.

example: confide job show --home lab sha256:…"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Adds the command's arguments."""
    parser.add_argument("job", metavar="JOB", help="the job's id")
    add_home_argument(parser)


def run(args: argparse.Namespace) -> Reply:
    """Reads the job."""
    import msgspec  # noqa: PLC0415 - --help stays quick

    from confide.broker import job_history, load_job  # noqa: PLC0415 - the same
    from confide.owner import HomeFolder  # noqa: PLC0415 - the same

    database = HomeFolder(args.home.absolute()).database()
    with database.read() as reader:
        job, history = load_job(reader, args.job), job_history(reader, args.job)
    database.close()
    document = {
        "job": args.job,
        "state": history.state,
        "challenges": history.challenges,
        "releases": history.releases,
        "refusals": [{"at": row.at, **row.body} for row in history.refusals],
        "definition": msgspec.to_builtins(job),
    }
    return Reply(document, _text(args.job, job, history))


def _text(job_id: str, job: Job, history: JobHistory) -> str:
    lines = [
        f"Job:        {job_id}",
        f"State:      {history.state}",
        f"So far:     {history.challenges} challenges, {history.releases} releases, {len(history.refusals)} refusals",
        f"Workload:   {job.workload}",
        f"Policy:     {job.policy}",
        f"Recipient:  {job.recipient}",
        *(f"Input:      {item.name} = {item.manifest}" for item in job.inputs),
        *(row_text(row) for row in history.refusals),
    ]
    return "\n".join(lines)
