"""`confide seal`: encrypt a file into the cloud's object store."""

from __future__ import annotations

import argparse
import os
import stat
import sys
from pathlib import Path
from typing import BinaryIO

from confide.cli.framework import Reply
from confide.cli.home_argument import add_home_argument
from confide.cli.passphrase import add_passphrase_arguments, read_passphrase
from confide.clock import system_clock
from confide.errors import Misuse
from confide.secrets import wiped_after

DESCRIPTION = """Encrypts FILE under a fresh key into the cloud's object store, and registers the key in the home.

The object is Crypt4GH: the owner's identity opens it, also with the reference tool. The manifest says
what the object must be, and holds no secret.

example: confide seal genome.txt --home lab --store cloud/"""

_SHOW_PROGRESS_FROM = 64 << 20


def configure(parser: argparse.ArgumentParser) -> None:
    """Adds the command's arguments."""
    parser.add_argument("file", type=Path, metavar="FILE", help="the file to seal")
    add_home_argument(parser)
    parser.add_argument("--store", required=True, metavar="URL", help="the object store: a folder or an fsspec URL")
    parser.add_argument("-o", "--output", type=Path, metavar="MANIFEST", help="write the manifest to this file too")
    add_passphrase_arguments(parser)


def run(args: argparse.Namespace) -> Reply:
    """Seals the file."""
    from confide.owner.home import OwnerHome  # noqa: PLC0415 - --help stays quick
    from confide.owner.sealing import seal_into  # noqa: PLC0415 - the same
    from confide.sealed.files import whole_file  # noqa: PLC0415 - the same
    from confide.sealed.store import Store  # noqa: PLC0415 - the same

    with args.file.open("rb") as source:
        size = _size(source, args.file)
        _check_output(args.output)
        with wiped_after(read_passphrase(args, "Passphrase of the home")) as passphrase:
            home = OwnerHome.open(args.home, passphrase)
        with _shown(source, size) as shown:
            stored = seal_into(home, Store(args.store), shown, location=args.store, now=system_clock())
    home.database.close()
    manifest = stored.manifest
    if args.output:
        with whole_file(args.output) as sink:
            sink.write(manifest.to_json() + b"\n")
    document = {
        "object_id": manifest.object_id,
        "manifest": manifest.manifest_digest,
        "size": manifest.size,
        "store": args.store,
        "key_store": home.custody.kind,
    }
    ids = f"Object:    {manifest.object_id}\nManifest:  {manifest.manifest_digest}"
    return Reply(document, f"Sealed {args.file} ({manifest.size} bytes).\n{ids}")


def _size(source: BinaryIO, path: Path) -> int:
    """The size in bytes of a regular file with content. Raises Misuse."""
    status = os.fstat(source.fileno())
    if not stat.S_ISREG(status.st_mode) or status.st_size == 0:
        got = "an empty file" if stat.S_ISREG(status.st_mode) else "something that is no file"
        raise Misuse.because(
            "seal.empty", got=f"{got} ({path})", wanted="a file with content", remedy="Check the path."
        )
    return status.st_size


def _check_output(path: Path | None) -> None:
    if path is not None and not path.absolute().parent.is_dir():
        raise Misuse.because(
            "seal.output", got=str(path), wanted="a path in a folder that exists", remedy="Make the folder first."
        )


def _shown(source: BinaryIO, size: int) -> BinaryIO:
    """The source, with a progress bar on standard error where sealing takes long enough to wonder."""
    if size < _SHOW_PROGRESS_FROM or not sys.stderr.isatty():
        return source
    from rich.console import Console  # noqa: PLC0415 - most files need no progress bar
    from rich.progress import wrap_file  # noqa: PLC0415 - the same

    return wrap_file(source, size, description="Sealing", console=Console(stderr=True))  # type: ignore[return-value] # a context manager of a BinaryIO, used as one
