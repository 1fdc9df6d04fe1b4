"""`confide policy suggest`: a strict policy from a known-good sample."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from confide.cli.evidence_files import add_evidence_arguments, read_evidence
from confide.cli.framework import Reply
from confide.cli.trusted_keys import add_trust_key_argument, read_trusted_keys
from confide.clock import from_rfc3339, system_clock
from confide.errors import Misuse, Refused

if TYPE_CHECKING:
    from datetime import datetime

    from confide.evidence.bundle import EvidenceBundle
    from confide.policy import Policy

DESCRIPTION = """\
Writes a strict policy that a sample of evidence satisfies: run it once on a machine that you know to be good. Every
rule asks for what the sample shows, or more strictly; what the sample does not show is waived, and the waiver says
so. Read the file before you use it: a policy from a bad sample accepts bad machines.

The sample must be genuine. With --unverified one is taken that is not (or whose certificates are not at hand), and
the file says so at its top. The policy is for verification alone, until you write [workload] and [release].

Example:
  confide policy suggest report.bin --endorsements certs/ --name genoa -o genoa.toml
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Adds the command's arguments."""
    add_evidence_arguments(parser)
    add_trust_key_argument(parser)
    parser.add_argument("--at", metavar="RFC3339", help="verify the sample at this time, not now")
    parser.add_argument("--unverified", action="store_true", help="take a sample that is not verified, and say so")
    parser.add_argument(
        "--simulated-root", action="append", default=[], metavar="FP",
        help="the sample is SIMULATED, under this root (sha256:…): a policy of kind simulation",
    )  # fmt: skip
    parser.add_argument("--name", default="suggested", metavar="NAME", help="the policy's name (default: %(default)s)")
    parser.add_argument("-o", "--output", type=Path, metavar="FILE", help="the file to write (default: print it)")


def run(args: argparse.Namespace) -> Reply:
    """Verifies the sample, and writes the policy. Raises Refused for a sample that is not genuine, Unavailable where
    nobody can tell, Misuse for one that makes no policy, OSError where the file is taken.
    """
    from confide.policy import parse_policy  # noqa: PLC0415 - --help needs no policy
    from confide.policy.suggestion import suggest_policy  # noqa: PLC0415 - the same
    from confide.verify import Trust, examine, examine_alone  # noqa: PLC0415 - the same

    now = from_rfc3339(args.at) if args.at else system_clock()
    trust = Trust.of(args.simulated_root, read_trusted_keys(args.trust_key))
    bundle = read_evidence(args)
    if not args.unverified:
        examine_alone(bundle, now=now, report_data=None, trust=trust).conclude()
    exam = examine(bundle, now=now, report_data=None, trust=trust)
    text = suggest_policy(exam, args.name, trusted_keys=trust.keys, verified=not args.unverified).render()
    policy = parse_policy(text)
    if not args.unverified:
        check_affirms(bundle, policy, now)
    if args.output:
        with args.output.open("x", encoding="utf-8", newline="") as file:
            file.write(text)
    document = {"name": policy.name, "kind": policy.kind, "digest": policy.digest, "verified": not args.unverified,
                "policy": str(args.output) if args.output else None, "text": text}  # fmt: skip
    told = f"Policy: {args.output}\nDigest: {policy.digest}\nRead it before you use it." if args.output else text
    return Reply(document, told)


def check_affirms(bundle: EvidenceBundle, policy: Policy, now: datetime) -> None:
    """The policy affirms its own sample, all devices together. Raises Misuse where it does not: devices of one platform
    that differ need a policy by hand.
    """
    from confide.policy import judge  # noqa: PLC0415 - --help needs no policy

    try:
        judge(bundle, policy, report_data=None, now=now).conclude()
    except Refused as failure:
        raise Misuse(failure.findings) from None
