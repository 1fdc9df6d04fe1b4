"""`confide endorsements fetch`: what evidence needs to be verified, from its vendor's service."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from confide.cli.evidence_files import add_evidence_arguments, read_evidence
from confide.cli.framework import Reply

if TYPE_CHECKING:
    from confide.endorse import Fetched

DESCRIPTION = """\
Fetches the certificates, revocation lists, collateral or reference manifests that this evidence needs, from the
services of AMD (kdsintf.amd.com), Intel (api. and certificates.trustedservices.intel.com) and NVIDIA
(rim.attestation.nvidia.com), over https and from no other host. It writes them into a folder, which
`confide evidence verify --endorsements FOLDER` takes: verification itself opens no socket, and judges what is there.

The services learn which chip or platform is asked about. With --cache answers are kept, and asked for again only
when they are old: chip certificates never, chains and manifests after 30 days, lists and collateral after a day.

Example:
  confide endorsements fetch report.bin --cache ~/.cache/confide -o endorsements/
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Adds the command's arguments."""
    add_evidence_arguments(parser)
    parser.add_argument("--cache", type=Path, metavar="DIR", help="keep answers in this folder")
    parser.add_argument(
        "-o", "--output", type=Path, metavar="DIR",
        help="the folder to write to (default: the evidence's name with .endorsements behind it)",
    )  # fmt: skip


def run(args: argparse.Namespace) -> Reply:
    """Fetches, and writes every file whole. Raises Unavailable where a service does not answer, Misuse for evidence of
    a format without such a service.
    """
    from confide.clock import system_clock  # noqa: PLC0415 - --help needs no network
    from confide.endorse import HOSTS, Cache, Client, fetch_endorsements  # noqa: PLC0415 - the same
    from confide.sealed.files import whole_file  # noqa: PLC0415 - the same

    bundle = read_evidence(args)
    cache = Cache(args.cache) if args.cache else None
    fetched = fetch_endorsements(bundle, Client(hosts=HOSTS), now=system_clock(), cache=cache)
    first: Path = args.evidence[0]
    folder = args.output or first.with_name(f"{first.name}.endorsements")
    folder.mkdir(parents=True, exist_ok=True)
    for item in fetched.items:
        with whole_file(folder / item.name, mode=0o644) as sink:
            sink.write(item.data)
    return _reply(folder, fetched)


def _reply(folder: Path, fetched: Fetched) -> Reply:
    names = [item.name for item in fetched.items]
    document = {"folder": str(folder), "files": names, "asked": list(fetched.asked), "notes": list(fetched.notes)}
    lines = [*(f"{folder / name}" for name in names), *fetched.notes]
    lines.append(f"Verify with: confide evidence verify EVIDENCE --endorsements {folder}")
    return Reply(document, "\n".join(lines))
