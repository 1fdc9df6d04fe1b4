"""The `palabs` command: the table of its commands, each in a module of its own."""

from __future__ import annotations

import sys

from confide import __version__
from confide.cli import Command, run_cli

ABOUT = "palabs: an ancestry report from a DNA file, computed where nobody can read the DNA."

COMMANDS = (
    Command("ancestry", "estimate a person's ancestry from a genotype file, and write the report", "palabs.ancestry"),
    Command("demo", "show the whole way, from sealing to the opened report", "palabs.demo"),
    Command("evaluate", "measure how right and how honest the ancestry answer is", "palabs.evaluate.command"),
    Command("train", "rebuild the ancestry model from open genotypes", "palabs.train"),
)


def main() -> None:
    """Entry point of the console script."""
    sys.exit(run_cli("palabs", ABOUT, __version__, COMMANDS, sys.argv[1:]))


if __name__ == "__main__":
    main()
