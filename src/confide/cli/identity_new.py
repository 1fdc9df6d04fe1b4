"""`confide identity new`: a key pair for a reader of results."""

from __future__ import annotations

import argparse
from pathlib import Path

from confide.cli.framework import Reply
from confide.cli.passphrase import add_passphrase_arguments, read_passphrase

DESCRIPTION = """Makes a key pair for a reader of results, in the format of Crypt4GH key files.

PATH gets the private key, encrypted under a passphrase: keep it. PATH.pub gets the public key: give it
to whoever seals results for you.

example:
  confide identity new alice.key
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Adds the command's arguments."""
    parser.add_argument("path", type=Path, metavar="PATH", help="where the private key goes")
    add_passphrase_arguments(parser)


def run(args: argparse.Namespace) -> Reply:
    """Makes the key pair. Raises Misuse where a path is taken or the passphrase is empty."""
    from confide.ids import to_base64  # noqa: PLC0415 - `--help` needs no ciphers
    from confide.sealed.keyfile import public_path, write_key_pair  # noqa: PLC0415 - same

    passphrase = read_passphrase(args, f"Passphrase for {args.path}", confirm=True)
    public_key = to_base64(write_key_pair(args.path, passphrase))
    public = public_path(args.path)
    return Reply(
        {"private_key": str(args.path), "public_key": str(public), "recipient": public_key},
        f"Private key: {args.path} (encrypted; keep it, and the passphrase)\n"
        f"Public key:  {public} (give it to whoever seals results for you)\n"
        f"             {public_key}",
    )
