"""`confide owner show`: what a home holds, and how its keys are kept."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from confide.cli.framework import Reply

DESCRIPTION = """Says what a home holds: how its keys are kept, its broker's id, objects, policies and jobs.

Needs no passphrase and shows no secret.

example: confide owner show lab"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Adds the command's arguments."""
    parser.add_argument("home", type=Path, metavar="HOME", help="the owner's home")


def run(args: argparse.Namespace) -> Reply:
    """Reads the home."""
    from confide.owner.home import HomeFolder  # noqa: PLC0415 - --help stays quick
    from confide.owner.listing import list_home  # noqa: PLC0415 - the same

    listing = list_home(HomeFolder(args.home.absolute()))
    tables = [line for title in ("objects", "policies", "jobs") for line in _table(title, listing[title])]
    return Reply(listing, "\n".join([*_heading(listing), *tables]))


def _heading(listing: Mapping[str, Any]) -> list[str]:
    custody = listing["key_store"]
    return [
        f"Broker id:  {listing['broker_id']}",
        f"Key store:  {custody['kind']} ({custody['key_id']}): {custody['protection']}.",
        f"            {custody['meaning']}",
    ]


def _table(title: str, rows: Sequence[Mapping[str, object]]) -> list[str]:
    blocks = ["\n".join(f"  {key + ':':<15}{value}" for key, value in row.items()) for row in rows]
    return [f"\n{title.capitalize()}: {len(blocks) or 'none'}", *"\n\n".join(blocks).splitlines()]
