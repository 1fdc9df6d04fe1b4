"""`confide policy new`: a policy for a bundle, to be read and edited."""

from __future__ import annotations

import argparse
from pathlib import Path

from confide.cli.framework import Reply

DESCRIPTION = """Writes a policy for a bundle, with every field set and explained. Read and edit it before use.

The policy is of kind simulation: it names the root of a SIMULATED machine and the measurement which such
a machine will report for this bundle under the Confide that is installed here.

example:
  confide policy new --bundle count.bundle --name count --recipient alice.key.pub \\
      --simulated-tee machine -o count.toml
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Adds the command's arguments."""
    parser.add_argument("--bundle", type=Path, required=True, metavar="BUNDLE", help="a file of `workload build`")
    parser.add_argument("--name", required=True, metavar="NAME", help="the policy's name, which jobs refer to")
    recipient_help = "public key file of somebody who may receive results; may be given again"
    parser.add_argument(
        "--recipient", type=Path, required=True, action="append", metavar="PUBFILE", help=recipient_help
    )
    root = parser.add_mutually_exclusive_group(required=True)
    root.add_argument("--simulated-tee", type=Path, metavar="DIR", help="a SIMULATED machine's folder")
    root.add_argument("--root", metavar="FP", help="or the fingerprint of its root, sha256:…")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="FILE", help="the file to write")


def run(args: argparse.Namespace) -> Reply:
    """Writes the policy. Raises Misuse where an argument makes none, OSError where the file is taken."""
    from confide.ids import to_base64  # noqa: PLC0415 (`--help` needs no policy)
    from confide.measure import runtime_digest, simulated_launch_digest  # noqa: PLC0415 (same)
    from confide.policy import parse_policy, render_policy  # noqa: PLC0415 (same)
    from confide.sealed import read_public_key  # noqa: PLC0415 (same)
    from confide.workload import read_bundle_file  # noqa: PLC0415 (same)

    workload, runtime = read_bundle_file(args.bundle).digest, runtime_digest()
    measurement = simulated_launch_digest(workload, runtime)
    text = render_policy(
        name=args.name,
        kind="simulation",
        workload=workload,
        runtime=runtime,
        recipients=[to_base64(read_public_key(path)) for path in args.recipient],
        measurement=measurement,
        simulated_root=args.root or _root_of(args.simulated_tee),
    )
    policy = parse_policy(text)
    with args.output.open("x", encoding="utf-8", newline="") as file:
        file.write(text)
    document = {
        "policy": str(args.output),
        "name": policy.name,
        "kind": policy.kind,
        "digest": policy.digest,
        "workload": workload,
        "runtime": runtime,
        "measurement": measurement.hex(),
        "simulated": True,
    }
    told = f"Policy: {args.output} (kind simulation: SIMULATED machines alone)\nDigest: {policy.digest}"
    return Reply(document, f"{told}\nRead it, then activate it with `confide policy activate`.")


def _root_of(folder: Path) -> str:
    from confide.launch.simulated import SimulatedVendor  # noqa: PLC0415 (only where a folder was given)

    return SimulatedVendor.load(folder).root_fingerprint
