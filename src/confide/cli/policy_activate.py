"""`confide policy activate`: make a policy the current revision of its name."""

from __future__ import annotations

import argparse
from pathlib import Path

from confide.cli.framework import Reply
from confide.cli.home_argument import add_home_argument
from confide.cli.passphrase import add_passphrase_arguments, read_passphrase
from confide.clock import system_clock
from confide.errors import Misuse
from confide.secrets import wiped_after

DESCRIPTION = """Puts a policy in force: it becomes the next revision of its name, from the next release on.

Revisions only rise. Each is signed by the owner's home and linked to the one before, so nobody who can
only write to the database puts a policy in force. An old policy comes back as a new revision.

example: confide policy activate --home lab ancestry.toml"""

_MAX_BYTES = 1 << 20


def configure(parser: argparse.ArgumentParser) -> None:
    """Adds the command's arguments."""
    parser.add_argument("policy", type=Path, metavar="POLICY", help="the policy file")
    add_home_argument(parser)
    add_passphrase_arguments(parser)


def run(args: argparse.Namespace) -> Reply:
    """Activates the policy."""
    from confide.broker import activate_policy  # noqa: PLC0415 - --help stays quick
    from confide.owner.home import OwnerHome  # noqa: PLC0415 - the same
    from confide.policy import parse_policy  # noqa: PLC0415 - the same

    text = _read(args.policy)
    policy = parse_policy(text)
    with wiped_after(read_passphrase(args, "Passphrase of the home")) as passphrase:
        home = OwnerHome.open(args.home, passphrase)
    stored = activate_policy(home.database, text, identity=home.identity, now=system_clock())
    home.database.close()
    record = stored.record
    home.folder.keep_policy(record.name, record.revision, text)
    document = {"policy": record.name, "kind": policy.kind, "revision": record.revision, "digest": record.digest}
    note = " It accepts SIMULATED evidence." if policy.kind == "simulation" else ""
    return Reply(document, f"Policy {record.name} is in force as revision {record.revision} ({record.digest}).{note}")


def _read(path: Path) -> str:
    with path.open("rb") as source:
        data = source.read(_MAX_BYTES + 1)
    text = data.decode("utf-8", errors="replace")
    if len(data) > _MAX_BYTES or text.encode() != data:
        raise Misuse.because(
            "policy.text", got=str(path), wanted="a policy in UTF-8, below 1 MiB", remedy="Check the path."
        )
    return text
