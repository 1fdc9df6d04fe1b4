"""The enclave's process: `python -I -m confide.enclave`, started by a machine, with its configuration on
standard input. It says how it fares on the events pipe and nothing anywhere else.
"""

from __future__ import annotations

import errno
import os
import socket
import sys

from confide.clock import system_clock
from confide.enclave.agent import Surroundings, do_job
from confide.enclave.broker_client import BrokerClient
from confide.enclave.channel import Emit, ask_for_evidence, emit_failure, event_writer
from confide.enclave.config import EnclaveConfig
from confide.enclave.hardening import harden, lock_memory
from confide.enclave.runner import started
from confide.errors import ConfideError, Unavailable
from confide.sealed.store import Store
from confide.strictjson import load_as
from confide.workload import read_bundle


def main() -> None:
    """Does one job and exits 0, or says why not and exits with the failure's code."""
    config = load_as(EnclaveConfig, sys.stdin.buffer.read(), "the enclave's configuration")
    emit = event_writer(config.events_fd)
    try:
        harden(config.parent)
        _run(config, emit)
    except ConfideError as failure:
        code = _fail(emit, failure)
    except Exception as error:  # noqa: BLE001 (an unforeseen one: its type is told, its message may hold data)
        code = _fail(emit, _unforeseen(error))
    else:
        code = 0
    sys.exit(code)


def _run(config: EnclaveConfig, emit: Emit) -> None:
    job = config.job
    machine = socket.socket(fileno=config.report_fd)
    bundle = read_bundle(os.pread(config.bundle_fd, os.fstat(config.bundle_fd).st_size, 0))
    os.close(config.bundle_fd)
    around = Surroundings(
        broker_id=job.broker_id,
        client=BrokerClient(job.broker_url, job.broker_id),
        store=Store(job.store_url),
        attest=lambda report_data: ask_for_evidence(machine, report_data),
        clock=system_clock,
        emit=emit,
    )
    with started(bundle, max_output=job.max_output, time_limit=job.time_limit) as workload:
        emit("started", agent=os.getpid(), workload=workload.pid, memory_locked=lock_memory())
        do_job(job.job, bundle, workload, around)
    emit("done")  # before the socket closes: at its end the machine ends this process


def _fail(emit: Emit, failure: ConfideError) -> int:
    emit_failure(emit, failure)
    return failure.exit_code


def _unforeseen(error: Exception) -> Unavailable:
    return Unavailable.because(
        "enclave.failed",
        got=" ".join([type(error).__name__, *_number_of(error)]),
        wanted="an enclave that foresees this",
        remedy="If the machine is not out of memory or disk, please report it. Nothing was lost: run the job again.",
    )


def _number_of(error: Exception) -> list[str]:
    """The name of a system call's error, such as ENOSPC: it tells much and holds no data."""
    number = error.errno if isinstance(error, OSError) else None
    return [] if number is None else [errno.errorcode.get(number, str(number))]


if __name__ == "__main__":
    main()
