"""`confide workload build`: a deterministic bundle from a folder."""

from __future__ import annotations

import argparse
from pathlib import Path

from confide.cli.framework import Reply

DESCRIPTION = """Makes a bundle from a workload's folder: workload.toml, Python files, perhaps requirements.

The same folder gives the same bytes on any machine, at any time, so its digest can be predicted:
`sha256sum BUNDLE` shows it. Dependencies need hashes; their wheels are fetched once and kept in the
cache folder. Nothing is installed when the bundle runs.

example:
  confide workload build examples/workloads/count -o count.bundle
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Adds the command's arguments."""
    parser.add_argument("source", type=Path, metavar="SRC", help="the workload's folder")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="BUNDLE", help="the file to write")
    parser.add_argument("--python", metavar="X.Y", help="Python of the dependencies (default: this one)")
    parser.add_argument("--machine", metavar="NAME", help="machine of the dependencies, such as x86_64 (default: this)")


def run(args: argparse.Namespace) -> Reply:
    """Builds the bundle. Raises Misuse, Refused or Unavailable."""
    from confide.workload import build_bundle  # noqa: PLC0415 (`--help` needs no builder)

    digest = build_bundle(args.source, args.output, python=args.python, machine=args.machine)
    size = args.output.stat().st_size
    text = f"Bundle: {args.output} ({size} bytes)\nDigest: {digest}"
    return Reply({"bundle": str(args.output), "digest": digest, "size": size}, text)
