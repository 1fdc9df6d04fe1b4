"""`confide owner init`: make an owner's home."""

from __future__ import annotations

import argparse
from pathlib import Path

from confide.cli.framework import Reply
from confide.cli.passphrase import add_passphrase_arguments, read_passphrase
from confide.secrets import wiped_after

DESCRIPTION = """Makes an owner's home: a key store, an identity, a broker's key, a folder for policies and a database.

The key store is software: a copy of it together with the passphrase is the key. Keep the passphrase
well, there is no way around it. Nothing that exists is overwritten.

example: confide owner init lab"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Adds the command's arguments."""
    parser.add_argument("home", type=Path, metavar="HOME", help="the folder to make")
    add_passphrase_arguments(parser)


def run(args: argparse.Namespace) -> Reply:
    """Makes the home."""
    from confide.owner.home import OwnerHome, refuse_existing  # noqa: PLC0415 - --help stays quick

    refuse_existing(args.home)
    with wiped_after(read_passphrase(args, "Passphrase for the new home", confirm=True)) as passphrase:
        home = OwnerHome.create(args.home, passphrase)
    home.database.close()
    custody = home.custody.describe()
    document = {
        "home": str(home.folder.path),
        "broker_id": home.identity.broker_id,
        "certificate": str(home.folder.certificate_file),
        "identity": str(home.folder.identity_file),
        "key_store": custody,
    }
    text = (
        f"Made the home {args.home}.\n"
        f"Broker id:  {home.identity.broker_id}\n"
        f"Key store:  {custody['kind']}: {custody['protection']}. {custody['meaning']}"
    )
    return Reply(document, text)
