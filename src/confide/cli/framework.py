"""The shell around every command: parse, call, print. One module per command, loaded only when called.

A command module has `DESCRIPTION` (what it does, with an example), `configure(parser)` and
`run(args) -> Reply`. With `--json` exactly one JSON document goes to standard output, also on failure;
everything else goes to standard error. Exit codes: 0 done, 1 refused, 2 misuse, 3 unavailable.
"""

from __future__ import annotations

import argparse
import errno
import importlib
import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NoReturn, Protocol, cast

from confide.errors import ConfideError, Finding, Misuse, Unavailable


@dataclass(frozen=True)
class Command:
    """A command by its words (`seal`, `owner init`), one line about it, and the module that has it."""

    words: str
    summary: str
    module: str


@dataclass(frozen=True)
class Reply:
    """What a command answers: the JSON document, the same for a person, and the exit code. A server prints
    its document when it is ready; its reply at the end has none. A text that is dear to make is a function.
    """

    document: Mapping[str, object] | None
    text: str | Callable[[], str]
    exit_code: int = 0


class CommandModule(Protocol):
    """The shape of a command module."""

    DESCRIPTION: str

    def configure(self, parser: argparse.ArgumentParser) -> None:
        """Adds the command's arguments."""

    def run(self, args: argparse.Namespace) -> Reply:
        """Does the work."""


class _Parser(argparse.ArgumentParser):
    """An argument parser whose errors are Misuse."""

    def error(self, message: str) -> NoReturn:
        raise Misuse.because(
            "cli.arguments", got=message, wanted=self.format_usage().strip(), remedy=f"See `{self.prog} --help`."
        )


def run_cli(prog: str, about: str, version: str, commands: Sequence[Command], argv: Sequence[str]) -> int:
    """Runs the command that `argv` names and returns the exit code."""
    as_json = "--json" in argv
    try:
        command, rest = _find(prog, about, version, commands, argv)
        if command is None:
            return 0
        reply = _module_of(command).run(parser_for(prog, command).parse_args(rest, argparse.Namespace(json=as_json)))
    except ConfideError as failure:
        reply = failure_reply(failure)
    except OSError as error:
        reply = failure_reply(from_os_error(error))
    except KeyboardInterrupt:
        print("Interrupted. Nothing is half done: run the command again.", file=sys.stderr)
        return 130
    return _print(reply, as_json)


def _find(
    prog: str, about: str, version: str, commands: Sequence[Command], argv: Sequence[str]
) -> tuple[Command | None, list[str]]:
    words = [word for word in argv if word != "--json"]
    for length in (2, 1):
        for command in commands:
            if command.words.split() == words[:length] and len(words) >= length:
                return command, words[length:]
    group = [command for command in commands if words and command.words.split()[0] == words[0]]
    if words and words[0] == "--version":
        print(f"{prog} {version}")
    elif not words or words[0] in {"-h", "--help"} or (group and words[1:2] in ([], ["-h"], ["--help"])):
        _print_overview(prog, about, group or commands)
    else:
        raise Misuse.because(
            "cli.command", got=" ".join(words[:2]), wanted="a known command", remedy=f"See `{prog} --help`."
        )
    return None, []


def _print_overview(prog: str, about: str, commands: Sequence[Command]) -> None:
    width = max(len(command.words) for command in commands)
    print(f"{about}\n\nCommands:")
    for command in commands:
        print(f"  {prog} {command.words:<{width}}  {command.summary}")
    print(
        f"\n`{prog} COMMAND --help` explains one. Every command takes --json."
        "\nExit codes: 0 done, 1 refused, 2 misuse, 3 unavailable."
    )


def parser_for(prog: str, command: Command) -> argparse.ArgumentParser:
    """The argument parser of a command: also what the reference in the docs is generated from."""
    module = _module_of(command)
    parser = _Parser(
        prog=f"{prog} {command.words}",
        description=module.DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    module.configure(parser)
    parser.add_argument("--json", action="store_true", help="print one JSON document on standard output")
    return parser


def _module_of(command: Command) -> CommandModule:
    return cast("CommandModule", importlib.import_module(command.module))


def failure_reply(failure: ConfideError) -> Reply:
    """A failure as a reply: `{"error": kind, "findings": [...]}` and one paragraph a finding."""
    document = {"error": failure.kind, "findings": [finding.to_dict() for finding in failure.findings]}
    lines = [f"{failure.kind.capitalize()}:", *(explain(finding) for finding in failure.findings)]
    return Reply(document, "\n".join(lines), failure.exit_code)


def explain(finding: Finding) -> str:
    """A finding for a person, on three lines."""
    return f"  {finding.code}\n    got {finding.got}; wanted {finding.wanted}\n    {finding.remedy}"


_MISUSE_ERRNOS = {errno.ENOENT, errno.EISDIR, errno.ENOTDIR, errno.EACCES, errno.EEXIST, errno.ENAMETOOLONG}


def from_os_error(error: OSError) -> ConfideError:
    """An operating system's error in the project's terms: the caller's mistake, or unavailable."""
    name = errno.errorcode.get(error.errno or 0, "unknown").lower()
    where = f" ({error.filename})" if error.filename else ""
    got = f"{error.strerror or type(error).__name__}{where}"
    if error.errno in _MISUSE_ERRNOS:
        return Misuse.because(
            f"file.{name}", got=got, wanted="a file that can be used so", remedy="Check the path and its permissions."
        )
    if error.errno in {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}:
        return Unavailable.because(
            "disk.full", got=got, wanted="room on the disk", remedy="Free some room and run the command again."
        )
    return Unavailable.because(f"os.{name}", got=got, wanted="a working system call", remedy="Run the command again.")


def legible(text: str) -> str:
    """Text for a terminal: characters that would steer it, as a file's name may have them, are question marks."""
    return "".join(letter if letter.isprintable() or letter in "\n\t" else "?" for letter in text)


def _print(reply: Reply, as_json: bool) -> int:
    try:
        if as_json and reply.document is None:
            pass
        elif as_json:
            print(json.dumps(reply.document, ensure_ascii=False), flush=True)
        elif text := reply.text() if callable(reply.text) else reply.text:
            print(legible(text), file=sys.stdout if reply.exit_code == 0 else sys.stderr, flush=True)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return reply.exit_code
