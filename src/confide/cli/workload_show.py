"""`confide workload show`: what is in a bundle."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from confide.cli.framework import Reply

if TYPE_CHECKING:
    from confide.workload import Bundle

DESCRIPTION = """Says what is in a bundle, and what measurement a SIMULATED machine will report for it here.

example:
  confide workload show count.bundle
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Adds the command's arguments."""
    parser.add_argument("bundle", type=Path, metavar="BUNDLE", help="a file of `confide workload build`")


def run(args: argparse.Namespace) -> Reply:
    """Reads the bundle. Raises Refused where the file is none."""
    from confide.measure import runtime_digest, simulated_launch_digest  # noqa: PLC0415 (not for `--help`)
    from confide.workload import read_bundle_file  # noqa: PLC0415 (same)

    bundle = read_bundle_file(args.bundle)
    runtime = runtime_digest()
    document: dict[str, object] = {
        "digest": bundle.digest,
        "name": bundle.info.name,
        "version": bundle.info.version,
        "entry": bundle.info.entry,
        "inputs": list(bundle.info.inputs),
        "target": None if bundle.info.target is None else target_of(bundle),
        "files": {name: len(content) for name, content in bundle.files.items()},
        "runtime": runtime,
        "simulated_measurement": simulated_launch_digest(bundle.digest, runtime).hex(),
    }
    return Reply(document, _text(bundle, document))


def target_of(bundle: Bundle) -> dict[str, str]:
    """The bundle's target as JSON."""
    assert bundle.info.target is not None
    return {"python": bundle.info.target.python, "machine": bundle.info.target.machine}


def _text(bundle: Bundle, document: dict[str, object]) -> str:
    info = bundle.info
    target = f"Python {info.target.python} on {info.target.machine}" if info.target else "any supported Python"
    size = sum(len(content) for content in bundle.files.values())
    return "\n".join([
        f"{info.name} {info.version}: {info.entry}, inputs {', '.join(info.inputs)}",
        f"Digest:  {bundle.digest}",
        f"Target:  {target}",
        f"Files:   {len(bundle.files)} ({size} bytes)",
        f"Agent:   {document['runtime']}",
        f"Measurement in a SIMULATED machine: {document['simulated_measurement']}",
    ])  # fmt: skip
