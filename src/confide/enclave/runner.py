"""Runs the workload in a child process: started before there is any key, stopped after one job."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from confide.enclave.private_folder import default_root, private_folder, write_files
from confide.enclave.workload_child import LENGTH_SIZE
from confide.errors import Refused
from confide.workload import Bundle

_CHILD = Path(__file__).with_name("workload_child.py")
# numpy and its like start a thread a core by default; one is enough and starts faster.
_ENVIRONMENT = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
_TYPE_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,79}")


def _failed(code: str, got: str, wanted: str, remedy: str) -> Refused:
    return Refused.because(f"workload.{code}", got=got, wanted=wanted, remedy=remedy)


class WorkloadProcess:
    """A started workload, loading its code. `max_output` is in bytes, `time_limit` in seconds for the job."""

    def __init__(self, process: subprocess.Popen[bytes], *, max_output: int, time_limit: float) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self._process = process
        self._to: BinaryIO = process.stdin  # type: ignore[assignment]
        self._from: BinaryIO = process.stdout  # type: ignore[assignment]
        self._max_output = max_output
        self._time_limit = time_limit
        self._timed_out = False

    @property
    def pid(self) -> int:
        """The process's number."""
        return self._process.pid

    def compute(self, inputs: Mapping[str, bytes | bytearray], parameters: Mapping[str, str]) -> bytes:
        """The workload's output for one job. Raises Refused where it fails, hangs or says too much."""
        timer = threading.Timer(self._time_limit, self._stop)
        timer.start()
        try:
            self._answer(b"R")
            self._send(inputs, parameters)
            return self._answer(b"O")
        except (EOFError, BrokenPipeError):
            raise self._ended_early() from None
        finally:
            timer.cancel()

    def _stop(self) -> None:
        self._timed_out = True
        self._process.kill()

    def _send(self, inputs: Mapping[str, bytes | bytearray], parameters: Mapping[str, str]) -> None:
        sizes = [[name, len(data)] for name, data in inputs.items()]
        header = json.dumps({"inputs": sizes, "parameters": dict(parameters)}).encode()
        for piece in (len(header).to_bytes(LENGTH_SIZE, "big"), header, *inputs.values()):
            self._to.write(piece)
        self._to.flush()

    def _answer(self, wanted: bytes) -> bytes:
        kind, size = self._read(1), int.from_bytes(self._read(LENGTH_SIZE), "big")
        if size > self._max_output:
            raise _failed(
                "output_size",
                f"{size} bytes of output",
                f"at most {self._max_output} bytes",
                "Let the workload give less, or raise --max-output.",
            )
        payload = self._read(size)
        if kind != wanted:
            raise self._crashed(payload)
        return payload

    def _read(self, size: int) -> bytes:
        data = self._from.read(size)
        if len(data) != size:
            raise EOFError
        return data

    def _crashed(self, payload: bytes) -> Refused:
        name = payload.decode("ascii", "replace")
        got = name if _TYPE_NAME.fullmatch(name) else "an answer of an unknown kind"
        remedy = "Run the workload's function on test data outside the enclave: messages do not leave it."
        return _failed("failed", got, "an output of type bytes", remedy)

    def _ended_early(self) -> Refused:
        if self._timed_out:
            got, wanted = "no output in time", f"an output within {self._time_limit:g} seconds"
            return _failed("time_limit", got, wanted, "Make the workload faster, or raise --time-limit.")
        self._process.kill()
        got = f"a process that ended with status {self._process.wait()}"
        return _failed("failed", got, "an output of type bytes", "Look for a crash in a compiled dependency.")

    def close(self) -> None:
        """Ends the process, whatever it does."""
        self._process.kill()
        self._process.wait()
        for stream in (self._to, self._from):
            with suppress(OSError):  # what was not written yet has nobody to go to
                stream.close()


@contextmanager
def started(
    bundle: Bundle, *, max_output: int, time_limit: float, root: Path | None = None
) -> Iterator[WorkloadProcess]:
    """Puts the bundle's code into a private folder and starts it there; at the end both are gone."""
    bundle.check_target()
    size = sum(len(content) for content in bundle.files.values())
    with private_folder(root or default_root(size)) as folder:
        write_files(folder, bundle.files)
        process = subprocess.Popen(  # noqa: S603 (this interpreter on this package's own script)
            [sys.executable, "-I", "-S", "-B", str(_CHILD), str(folder), bundle.info.entry, str(os.getpid())],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=_ENVIRONMENT,
            cwd="/",
            close_fds=True,
        )
        workload = WorkloadProcess(process, max_output=max_output, time_limit=time_limit)
        try:
            yield workload
        finally:
            workload.close()
