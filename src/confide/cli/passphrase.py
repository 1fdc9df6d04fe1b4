"""How a command gets a passphrase: from a file, a descriptor or the terminal; never from its arguments or
its environment, which other programs can read.
"""

from __future__ import annotations

import argparse
import getpass
import os
from pathlib import Path
from typing import BinaryIO

from confide.errors import Misuse
from confide.secrets import Secret

MAX_LENGTH = 4096


def add_passphrase_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds `--passphrase-file FILE` and `--passphrase-fd N`, of which at most one may be given."""
    group = parser.add_mutually_exclusive_group()
    group.add_argument("--passphrase-file", type=Path, metavar="FILE", help="read the passphrase from a file")
    group.add_argument("--passphrase-fd", type=int, metavar="N", help="read the passphrase from an open descriptor")


def read_passphrase(args: argparse.Namespace, prompt: str, confirm: bool = False) -> Secret:
    """The passphrase, without the line end behind it. `prompt` says what for; with `confirm` a person
    types it twice. Raises Misuse: `passphrase.empty`, `.long`, `.mismatch`, `.missing`, `.descriptor`.
    """
    if args.passphrase_file is not None:
        with args.passphrase_file.open("rb") as source:
            return _read(source)
    if args.passphrase_fd is not None:
        with _opened(args.passphrase_fd) as source:
            return _read(source)
    return _ask(prompt, confirm=confirm)


def _read(source: BinaryIO) -> Secret:
    data = source.read(MAX_LENGTH + 3)
    return _checked(data.removesuffix(b"\n").removesuffix(b"\r"))


def _opened(descriptor: int) -> BinaryIO:
    try:
        return os.fdopen(descriptor, "rb")
    except (OSError, ValueError):
        raise Misuse.because(
            "passphrase.descriptor",
            got=f"descriptor {descriptor}, which cannot be read",
            wanted="an open descriptor",
            remedy="Pass it as in `--passphrase-fd 3 3<FILE`.",
        ) from None


def _ask(prompt: str, *, confirm: bool) -> Secret:
    if not _has_terminal():
        raise Misuse.because(
            "passphrase.missing",
            got="no passphrase, and no terminal to ask at",
            wanted="a passphrase",
            remedy="Give --passphrase-file FILE or --passphrase-fd N.",
        )
    typed = _checked(_type(f"{prompt}: "))
    if confirm and not typed.same_as(Secret(_type(f"{prompt}, again: "))):
        raise Misuse.because(
            "passphrase.mismatch", got="two different passphrases", wanted="the same twice", remedy="Try again."
        )
    return typed


def _type(prompt: str) -> bytes:
    try:
        return getpass.getpass(prompt).encode()
    except EOFError:
        return b""


def _has_terminal() -> bool:
    """Whether there is a controlling terminal: without one, `getpass` would read standard input, echoed."""
    try:
        os.close(os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY))
    except OSError:
        return False
    return True


def _checked(data: bytes) -> Secret:
    if not data:
        raise Misuse.because(
            "passphrase.empty", got="an empty passphrase", wanted="a passphrase", remedy="Choose one and try again."
        )
    if len(data) > MAX_LENGTH:
        raise Misuse.because(
            "passphrase.long",
            got=f"more than {MAX_LENGTH} bytes",
            wanted="one line",
            remedy="Check that it is the right file.",
        )
    return Secret(data)
