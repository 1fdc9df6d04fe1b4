"""`confide receipt verify`: what a receipt proves."""

from __future__ import annotations

import argparse
import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from confide.cli.framework import Reply, explain
from confide.errors import Check, ConfideError, Refused, Unavailable

if TYPE_CHECKING:
    from confide.receipt import VerifiedReceipt

DESCRIPTION = """Verifies a receipt, offline, at its own time, and prints each check.

affirmed  everything agrees, under the policy given with --policy
genuine   everything agrees, under the policy that the receipt itself carries: read it and judge it

Without --broker-id, who released the keys, and when, is the receipt's own word. A SIMULATED receipt
proves nothing about hardware: anyone can make a simulated root.

example:
  confide receipt verify receipt.json --output result.c4gh --policy policy.toml --broker-id sha256:…
"""

SIMULATED = "SIMULATED: this receipt proves nothing about hardware. Anyone can make a simulated root."


def configure(parser: argparse.ArgumentParser) -> None:
    """Adds the command's arguments."""
    parser.add_argument("receipt", type=Path, metavar="RECEIPT", help="the receipt's file")
    parser.add_argument("--output", type=Path, metavar="FILE", help="the sealed result that it should be for")
    parser.add_argument("--policy", type=Path, metavar="FILE", help="your own copy of the policy, to judge by")
    parser.add_argument("--broker-id", metavar="ID", help="the identity of the broker that should have released")


def run(args: argparse.Namespace) -> Reply:
    """Verifies the receipt. Refused and Unavailable answer with the same document as success."""
    try:
        return _success(verify_files(args.receipt, output=args.output, policy=args.policy, broker_id=args.broker_id))
    except (Refused, Unavailable) as failure:
        return _failure(failure)


def verify_files(
    receipt: Path, *, output: Path | None, policy: Path | None = None, broker_id: str | None = None
) -> VerifiedReceipt:
    """The verified receipt in a file. Raises Refused, Unavailable, Misuse (the policy) and OSError."""
    from confide.policy import parse_policy  # noqa: PLC0415 (`--help` needs no verifier)
    from confide.receipt import read_receipt_file, verify_receipt  # noqa: PLC0415 (same)

    return verify_receipt(
        read_receipt_file(receipt),
        policy=parse_policy(policy.read_text("utf-8")) if policy else None,
        broker_id=broker_id,
        output_digest=digest_of_file(output) if output else None,
    )


def digest_of_file(path: Path) -> str:
    """`sha256:…` of a file of any size."""
    with path.open("rb") as file:
        return f"sha256:{hashlib.file_digest(file, 'sha256').hexdigest()}"


def summary(verified: VerifiedReceipt) -> dict[str, object]:
    """What a verified receipt says, for a program."""
    body = verified.receipt.body
    return {
        "job": body.job_id,
        "workload": body.workload,
        "runtime": body.runtime,
        "inputs": {item.name: item.manifest for item in body.job.inputs},
        "recipient": body.job.recipient,
        "measurement": body.platform.measurement,
        "format": body.platform.format,
        "root": verified.permit.evidence.root,
        "policy": {"name": body.policy.name, "revision": body.policy.revision, "digest": body.policy.digest},
        "broker": body.binding.broker,
        "released_at": body.grant.grant.released_at,
        "finished_at": body.finished_at,
        "output": body.output_digest,
    }


def _success(verified: VerifiedReceipt) -> Reply:
    document = {
        "verdict": verified.verdict,
        "simulated": verified.simulated,
        "checks": [check.to_dict() for check in verified.checks],
        "findings": [],
        "receipt": summary(verified),
    }
    lines = [SIMULATED] if verified.simulated else []
    lines += [*_check_lines(verified.checks), "", *_summary_lines(verified)]
    return Reply(document, "\n".join(lines))


def _summary_lines(verified: VerifiedReceipt) -> list[str]:
    body = verified.receipt.body
    judged = "your policy" if verified.verdict == "affirmed" else "the receipt's own policy, which is yours to judge"
    return [
        f"Verdict:  {verified.verdict}, by {judged}",
        f"Job:      {body.job_id}",
        f"Workload: {body.workload}",
        f"Policy:   {body.policy.name}, revision {body.policy.revision}, {body.policy.digest}",
        f"Released: {body.grant.grant.released_at} by {body.binding.broker}",
        f"Output:   {body.output_digest}",
        *([SIMULATED] if verified.simulated else []),
    ]


def _failure(failure: ConfideError) -> Reply:
    """The same document where the receipt does not hold: nothing of it is repeated as if it were true."""
    document = {
        "verdict": failure.kind,
        "simulated": None,
        "checks": [check.to_dict() for check in failure.checks],
        "findings": [finding.to_dict() for finding in failure.findings],
        "receipt": None,
    }
    lines = [*_check_lines(failure.checks), "", f"Verdict: {failure.kind}"]
    return Reply(document, "\n".join([*lines, *map(explain, failure.findings)]), failure.exit_code)


def _check_lines(checks: Iterable[Check]) -> list[str]:
    width = 16
    return [f"{check.outcome:<{width}}{check.code}{f': {check.reason}' if check.reason else ''}" for check in checks]
