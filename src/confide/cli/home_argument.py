"""`--home HOME`, as the commands of the owner take it."""

from __future__ import annotations

import argparse
from pathlib import Path


def add_home_argument(parser: argparse.ArgumentParser) -> None:
    """Adds `--home`."""
    parser.add_argument("--home", type=Path, required=True, metavar="HOME", help="the owner's home")
