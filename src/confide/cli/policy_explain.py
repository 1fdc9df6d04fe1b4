"""`confide policy explain`: what a policy allows, in plain sentences."""

from __future__ import annotations

import argparse
from pathlib import Path

from confide.cli.framework import Reply

DESCRIPTION = """\
Says in plain sentences what a policy allows: who may read, who may receive, and what each platform must show. What
is waived is said too, with the reason.

Example:
  confide policy explain ancestry.toml
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Adds the command's arguments."""
    parser.add_argument("policy", type=Path, metavar="FILE", help="the policy file")


def run(args: argparse.Namespace) -> Reply:
    """Reads the policy and says it."""
    from confide.cli.policy_file import read_policy  # noqa: PLC0415 - --help stays quick
    from confide.policy import explain_policy  # noqa: PLC0415 - the same

    policy = read_policy(args.policy)
    sentences = explain_policy(policy)
    document = {"name": policy.name, "kind": policy.kind, "digest": policy.digest, "sentences": sentences}
    return Reply(document, "\n".join(sentences))
