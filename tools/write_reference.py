"""Writes docs/reference/commands.md from the commands themselves. A test fails where it is out of date."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import confide.cli.main
import palabs.cli
from confide.cli.framework import Command, parser_for

REFERENCE = Path(__file__).parent.parent / "docs" / "reference" / "commands.md"
HEAD = """# Commands

Written by `tools/write_reference.py` from the commands themselves: do not edit.

Every command takes `--json`: exactly one JSON document on standard output, everything else on standard error.
Exit codes: 0 done, 1 refused, 2 misuse, 3 unavailable. A failure's document is
`{"error": "refused" | "misuse" | "unavailable", "findings": [{"code", "got", "wanted", "remedy"}]}`.
"""


def main() -> None:
    """Writes the page."""
    REFERENCE.write_text(page())


def page() -> str:
    """The whole page."""
    commands = [("confide", command) for command in confide.cli.main.COMMANDS]
    commands += [("palabs", command) for command in palabs.cli.COMMANDS]
    return HEAD + "".join(section(prog, command) for prog, command in commands)


def section(prog: str, command: Command) -> str:
    """One command: what it does, then its arguments."""
    parser = parser_for(prog, command)
    lines = [f"\n## {prog} {command.words}\n", "```text", (parser.description or "").strip(), "```\n"]
    return "\n".join([*lines, *arguments(parser)]) + "\n"


def arguments(parser: argparse.ArgumentParser) -> Iterator[str]:
    """One line an argument, without --help and --json, which every command has."""
    for action in parser._actions:  # noqa: SLF001 - argparse has no public list, and its help text differs by version
        if action.dest in {"help", "json"}:
            continue
        name = ", ".join(action.option_strings) or action.metavar or action.dest
        value = "" if action.nargs == 0 or not action.option_strings else f" {action.metavar or action.dest.upper()}"
        needed = " (required)" if action.required and action.option_strings else ""
        text = (action.help or "") % {"default": action.default, "prog": parser.prog}
        yield f"- `{name}{value}`{needed}: {text}"


if __name__ == "__main__":
    main()
