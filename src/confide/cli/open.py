"""`confide open`: verify a receipt, then decrypt its result."""

from __future__ import annotations

import argparse
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from confide.cli.framework import Reply
from confide.cli.passphrase import add_passphrase_arguments, read_passphrase

if TYPE_CHECKING:
    from confide.receipt import VerifiedReceipt

DESCRIPTION = """Verifies a receipt, then decrypts the result that it belongs to. Never the other way round.

The result comes from a file (--object) or from the object store (--store). --policy and --broker-id are
as in `confide receipt verify`.

example:
  confide open receipt.json --object result.c4gh --identity alice.key -o report.html
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Adds the command's arguments."""
    parser.add_argument("receipt", type=Path, metavar="RECEIPT", help="the receipt's file")
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--object", type=Path, metavar="FILE", help="the sealed result")
    where.add_argument("--store", metavar="URL", help="the store that has it: a folder or an fsspec URL")
    parser.add_argument("--identity", type=Path, required=True, metavar="KEY", help="the recipient's private key file")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="FILE", help="the file to write")
    parser.add_argument("--policy", type=Path, metavar="FILE", help="your own copy of the policy, to judge by")
    parser.add_argument("--broker-id", metavar="ID", help="the identity of the broker that should have released")
    add_passphrase_arguments(parser)


def run(args: argparse.Namespace) -> Reply:
    """Verifies, then opens. Raises Refused, Unavailable or Misuse; then no output file is there."""
    from confide.cli.receipt_verify import SIMULATED, verify_files  # noqa: PLC0415 (`--help` needs no verifier)

    with _sealed_result(args) as sealed:
        verified = verify_files(args.receipt, output=sealed, policy=args.policy, broker_id=args.broker_id)
        _open(args, sealed, verified)
    document = {
        "verdict": verified.verdict,
        "simulated": verified.simulated,
        "job": verified.receipt.body.job_id,
        "output": str(args.output),
        "size": verified.receipt.body.output.size,
    }
    text = f"Receipt: {verified.verdict}\nOpened:  {args.output} ({document['size']} bytes)"
    return Reply(document, f"{text}\n{SIMULATED}" if verified.simulated else text)


@contextmanager
def _sealed_result(args: argparse.Namespace) -> Iterator[Path]:
    """The sealed result as a file: the one given, or a copy of the store's, so that what is verified is what is
    opened even where the store changes its mind.
    """
    if args.object is not None:
        yield args.object
        return
    from confide.receipt import parse_receipt, read_receipt_file  # noqa: PLC0415 (`--help` needs no verifier)
    from confide.sealed import Store, result_name  # noqa: PLC0415 (same)

    unverified_job = parse_receipt(read_receipt_file(args.receipt)).body.job_id
    with tempfile.TemporaryDirectory() as folder, Store(args.store).open(result_name(unverified_job)) as source:
        path = Path(folder, "result.c4gh")
        with path.open("wb") as copy:
            shutil.copyfileobj(source, copy)
        yield path


def _open(args: argparse.Namespace, sealed: Path, verified: VerifiedReceipt) -> None:
    from confide.sealed import open_to_file, read_private_key, recover_data_key  # noqa: PLC0415 (same)

    key = read_private_key(args.identity, read_passphrase(args, f"Passphrase for {args.identity}"))
    with sealed.open("rb") as source:
        data_key = recover_data_key(source, key)
        source.seek(0)
        open_to_file(source, args.output, manifest=verified.receipt.body.output, data_key=data_key)
    data_key.wipe()
