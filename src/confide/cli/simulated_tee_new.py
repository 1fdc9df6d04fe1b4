"""`confide simulated-tee new`: a SIMULATED machine."""

from __future__ import annotations

import argparse
from pathlib import Path

from confide.cli.framework import Reply

DESCRIPTION = """Makes a SIMULATED machine: a folder with a root of its own that signs reports like a processor.

It protects nothing from the administrator of this computer: whoever has the folder can sign anything.
A policy of kind simulation must name its root; a production policy cannot.

example:
  confide simulated-tee new machine
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Adds the command's arguments."""
    parser.add_argument("folder", type=Path, metavar="DIR", help="the folder to make")


def run(args: argparse.Namespace) -> Reply:
    """Makes the folder. Raises OSError where it is taken."""
    from confide.clock import system_clock  # noqa: PLC0415 (`--help` needs no keys)
    from confide.launch.simulated import SimulatedVendor  # noqa: PLC0415 (same)

    vendor = SimulatedVendor.create(system_clock())
    vendor.save(args.folder)
    text = (
        f"SIMULATED machine: {args.folder}\n"
        f"SIMULATED root:    {vendor.root_fingerprint}\n"
        "It protects nothing from the administrator of this computer."
    )
    return Reply({"folder": str(args.folder), "root": vendor.root_fingerprint, "simulated": True}, text)
