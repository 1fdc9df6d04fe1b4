"""`confide run`: launch a bundle in an enclave and let it do a job."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from pathlib import Path

from confide.cli.framework import Reply

DESCRIPTION = """Launches a bundle in a SIMULATED machine, on the cloud's side, and lets it do one job.

The enclave attests itself to the broker, fetches the keys, opens the inputs, computes, and puts the
sealed result and its receipt into the store. Progress goes to standard error.

example:
  confide run count.bundle --job sha256:… --broker https://127.0.0.1:8443 --broker-id sha256:… \\
      --store ./cloud --simulated-tee machine
"""

_WORDS = {
    "launched": "launched: the machine measured the bundle",
    "started": "started: the workload's code is loading, without any key",
    "attested": "attested: evidence for this job, this broker and fresh keys",
    "released": "released: the broker sent the data keys to the attested key",
    "opened": "opened: inputs checked against their manifests, decrypted in memory",
    "computed": "computed",
    "sealed": "sealed: result for the recipient, and its receipt, are in the store",
    "done": "done: the keys are forgotten",
    "failed": "failed",
}

NOT_PROTECTED = (
    "SIMULATED: this run did not protect the data from the administrator of the computer it ran on.\n"
    "For that, run on hardware with AMD SEV-SNP under a policy of kind production."
)


def configure(parser: argparse.ArgumentParser) -> None:
    """Adds the command's arguments."""
    parser.add_argument("bundle", type=Path, metavar="BUNDLE", help="a file of `confide workload build`")
    parser.add_argument("--job", required=True, metavar="ID", help="the job's id, of `confide job new`")
    parser.add_argument("--broker", required=True, metavar="URL", help="https://HOST:PORT of the owner's broker")
    parser.add_argument("--broker-id", required=True, metavar="ID", help="its identity, of `confide owner show`")
    parser.add_argument("--store", required=True, metavar="URL", help="the object store: a folder or an fsspec URL")
    parser.add_argument("--simulated-tee", required=True, type=Path, metavar="DIR", help="a SIMULATED machine")
    parser.add_argument("--max-output", type=_positive_int, metavar="BYTES", help="default: 67108864 (64 MiB)")
    parser.add_argument("--time-limit", type=_positive, metavar="SECONDS", help="of the workload; default: 3600")


def _positive(text: str) -> float:
    value = float(text)
    if not 0 < value < float("inf"):
        raise ValueError
    return value


def _positive_int(text: str) -> int:
    return int(_positive(text))


def run(args: argparse.Namespace) -> Reply:
    """Launches and waits. Raises what the enclave or the broker raised."""
    from confide.enclave.config import JobConfig  # noqa: PLC0415 (`--help` needs no launcher)
    from confide.launch import launch  # noqa: PLC0415 (same)

    limits = {"max_output": args.max_output, "time_limit": args.time_limit}
    given = {name: value for name, value in limits.items() if value is not None}
    job = JobConfig(args.job, args.broker, args.broker_id, args.store, **given)
    done = launch(args.bundle, job, simulated_tee=args.simulated_tee, on_event=print_event)
    document = {
        "job": done.job,
        "result": done.result,
        "receipt": done.receipt,
        "simulated": done.simulated,
        "events": list(done.events),
        "timings": done.timings,
    }
    return Reply(document, f"Result:  {done.result}\nReceipt: {done.receipt}\n{NOT_PROTECTED}")


def print_event(event: Mapping[str, object]) -> None:
    """Tells a person of an event, on standard error."""
    name = str(event["event"])
    print(f"  {event['at']:6.2f} s  {_WORDS.get(name, name)}", file=sys.stderr, flush=True)
