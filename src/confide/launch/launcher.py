"""The cloud's side: starts a machine with a bundle for a job, follows its events, and reports how it ended."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import msgspec

from confide.enclave.config import JobConfig
from confide.errors import ConfideError, Finding, Misuse, Refused, Unavailable
from confide.launch.machine_config import MachineConfig
from confide.sealed.store import receipt_name, result_name

Event = Mapping[str, object]

MAX_LINE = 1 << 20
_KINDS: dict[object, type[ConfideError]] = {"refused": Refused, "misuse": Misuse, "unavailable": Unavailable}


@dataclass(frozen=True)
class Launched:
    """A job that is done: the names of result and receipt in the store, the events, each with `at`, the seconds
    since the launch, and whether the machine was SIMULATED.
    """

    job: str
    result: str
    receipt: str
    events: tuple[Event, ...]
    simulated: bool = True

    @property
    def timings(self) -> dict[str, object]:
        """Seconds since the launch, by event."""
        return {str(event["event"]): event["at"] for event in self.events}


def launch(
    bundle: Path,
    job: JobConfig,
    *,
    simulated_tee: Path,
    on_event: Callable[[Event], None] = lambda _: None,
) -> Launched:
    """Launches the bundle in a SIMULATED machine (a folder of `confide simulated-tee new`) and waits for the job's
    end. `on_event` is called with each event as it comes.

    Raises what the enclave or the broker raised: Refused, Misuse or Unavailable; Unavailable (`enclave.died`) where
    it ended without a word. Whatever happens, no process is left.
    """
    start = time.monotonic()
    config = MachineConfig(str(bundle.absolute()), str(simulated_tee.absolute()), _with_absolute_store(job))
    events: list[Event] = []
    with _machine(config) as output:
        for line in iter(lambda: output.readline(MAX_LINE), b""):
            event = {**_parse(line), "at": round(time.monotonic() - start, 4)}
            events.append(event)
            on_event(event)
            if event["event"] in {"done", "failed"}:
                break
    _raise_unless_done(events)
    return Launched(job.job, result_name(job.job), receipt_name(job.job), tuple(events))


def _with_absolute_store(job: JobConfig) -> JobConfig:
    """The machine has another working folder: a relative path would name another place there."""
    if "://" in job.store_url:
        return job
    return msgspec.structs.replace(job, store_url=str(Path(job.store_url).absolute()))


@contextmanager
def _machine(config: MachineConfig) -> Iterator[IO[bytes]]:
    """The machine's events. Its standard input stays open until the end: when it closes, the machine ends."""
    with subprocess.Popen(
        [sys.executable, "-I", "-m", "confide.launch.simulated.machine"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={},
        cwd="/",
        start_new_session=True,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            process.stdin.write(msgspec.json.encode(config) + b"\n")
            process.stdin.flush()
            yield process.stdout
        finally:
            process.stdin.close()
            process.wait()


def _parse(line: bytes) -> dict[str, object]:
    """An event. Raises Unavailable for anything else."""
    try:
        event = json.loads(line)
    except ValueError:
        event = None
    if isinstance(event, dict) and isinstance(event.get("event"), str):
        return event
    raise _died("an event that cannot be read")


def _died(got: str) -> Unavailable:
    return Unavailable.because(
        "enclave.died",
        got=got,
        wanted="`done` or `failed`",
        remedy="Run the job again: nothing but ciphertext was written.",
    )


def _raise_unless_done(events: list[Event]) -> None:
    last = events[-1] if events else {"event": "nothing"}
    if last["event"] == "failed":
        raise _failure(last)
    if last["event"] != "done":
        raise _died(f"an enclave that ended after `{last['event']}`")


def _failure(event: Event) -> ConfideError:
    """The failure that an event tells of."""
    try:
        kind = _KINDS[event["kind"]]
        return kind(msgspec.convert(event["findings"], list[Finding]))
    except (KeyError, ValueError, msgspec.ValidationError):
        return _died("a failure that cannot be read")
