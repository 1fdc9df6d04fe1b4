"""`confide policy check`: is a policy file in order?"""

from __future__ import annotations

import argparse
from pathlib import Path

from confide.cli.framework import Reply

DESCRIPTION = """\
Checks a policy file: every field set or waived with a reason, nothing unknown, every value possible. Shows every
mistake at once, each with its line and what to do.

Example:
  confide policy check ancestry.toml
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Adds the command's arguments."""
    parser.add_argument("policy", type=Path, metavar="FILE", help="the policy file")


def run(args: argparse.Namespace) -> Reply:
    """Reads the policy; mistakes are Misuse."""
    from confide.cli.policy_file import read_policy  # noqa: PLC0415 - --help stays quick

    policy = read_policy(args.policy)
    document = {"name": policy.name, "kind": policy.kind, "digest": policy.digest}
    return Reply(document, f"{policy.name} ({policy.kind}) is in order: {policy.digest}")
