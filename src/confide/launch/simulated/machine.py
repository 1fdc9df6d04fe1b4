"""The SIMULATED machine: a process that measures a bundle, runs the enclave, and signs reports for it.

It plays the processor's part: it reads the bundle once, measures those bytes and gives exactly them to the
enclave. Of the enclave it takes 64 bytes of report data at a time and nothing else. The vendor's keys are in this
process alone. It protects nothing from the administrator of the computer that it runs on.

`python -I -m confide.launch.simulated.machine`, with a MachineConfig as one line on standard input, which stays open
as long as the launcher lives; events go to standard output.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import socket
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import msgspec

from confide.binding import REPORT_DATA_SIZE
from confide.enclave.channel import LENGTH_SIZE, Emit, emit_failure, event_writer, receive
from confide.enclave.config import EnclaveConfig, JobConfig
from confide.enclave.hardening import forbid_inspection
from confide.enclave.private_folder import sweep_all
from confide.errors import ConfideError, Misuse, Unavailable
from confide.ids import sha256_of
from confide.launch.machine_config import MachineConfig
from confide.launch.sealed_memory import sealed_memory
from confide.launch.simulated.vendor import SimulatedVendor
from confide.measure import runtime_digest, simulated_launch_digest
from confide.strictjson import load_as
from confide.workload.bundle import read_file

_LAUNCHER, _EVENTS = 0, 1


@dataclass(frozen=True)
class Measured:
    """Bytes, and the launch digest computed from exactly them."""

    data: bytes
    workload: str
    launch_digest: bytes


def measure(path: Path) -> Measured:
    """Reads the bundle once and measures what was read, together with the agent's code."""
    data = read_file(path)
    workload = sha256_of(data)
    return Measured(data, workload, simulated_launch_digest(workload, runtime_digest()))


def main() -> None:
    """Runs one enclave to its end."""
    emit = event_writer(_EVENTS)
    try:
        forbid_inspection()
        config = load_as(MachineConfig, sys.stdin.buffer.readline(), "the machine's configuration")
        _run(config, emit)
    except ConfideError as failure:
        emit_failure(emit, failure)
    except OSError as error:
        emit_failure(emit, _unusable(error))


def _unusable(error: OSError) -> ConfideError:
    kind = Misuse if isinstance(error, FileNotFoundError | IsADirectoryError | NotADirectoryError) else Unavailable
    return kind.because(
        "launch.file",
        got=f"{error.strerror} ({error.filename})",
        wanted="a bundle and a simulated machine's folder that can be read",
        remedy="Check both paths. `confide simulated-tee new` makes such a folder.",
    )


def _run(config: MachineConfig, emit: Emit) -> None:
    measured = measure(Path(config.bundle))
    vendor = SimulatedVendor.load(Path(config.vendor))
    mine, theirs = socket.socketpair()
    with mine, theirs:
        enclave = start_enclave(measured, config.job, theirs)
        theirs.close()
        try:
            emit(
                "launched",
                simulated=True,
                machine=os.getpid(),
                enclave=enclave.pid,
                workload=measured.workload,
                measurement=measured.launch_digest.hex(),
            )
            serve_reports(mine, vendor, measured.launch_digest)
        finally:
            enclave.kill()
            enclave.wait()
            sweep_all()  # a killed enclave could not remove its workload's code


def start_enclave(measured: Measured, job: JobConfig, reports: socket.socket) -> subprocess.Popen[bytes]:
    """Starts the enclave's process with the measured bytes: an empty environment, a session of its own, and three
    descriptors besides standard input.
    """
    memory = sealed_memory("confide-bundle", measured.data)
    config = EnclaveConfig(job, memory, reports.fileno(), events := os.dup(_EVENTS), os.getpid())
    try:
        process = subprocess.Popen(
            [sys.executable, "-I", "-m", "confide.enclave"],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={},
            cwd="/",
            pass_fds=(memory, reports.fileno(), events),
            start_new_session=True,
        )
    finally:
        os.close(memory)
        os.close(events)
    assert process.stdin is not None
    with contextlib.suppress(BrokenPipeError), process.stdin as pipe:  # it died: the launcher sees no last event
        pipe.write(msgspec.json.encode(config))
    return process


def serve_reports(enclave: socket.socket, vendor: SimulatedVendor, measurement: bytes) -> None:
    """Answers requests for reports until the enclave or the launcher has gone. The measurement in every report is
    this machine's own.
    """
    with selectors.DefaultSelector() as waiting:
        waiting.register(enclave, selectors.EVENT_READ)
        waiting.register(_LAUNCHER, selectors.EVENT_READ)
        while True:
            ready = {key.fileobj for key, _ in waiting.select()}
            if _LAUNCHER in ready:  # it never writes again: this is its end
                return
            report_data = receive(enclave, REPORT_DATA_SIZE)
            if len(report_data) != REPORT_DATA_SIZE:
                return
            report = vendor.report(measurement=measurement, report_data=report_data)
            answer = msgspec.json.encode(vendor.evidence(report))
            enclave.sendall(len(answer).to_bytes(LENGTH_SIZE, "big") + answer)


if __name__ == "__main__":
    main()
