"""The workload's own process: the bundle's code, its inputs by pipe, its output by pipe, and no key ever.

Run as a script by `python -I -S`: the standard library and the bundle are all it can import. It answers
`R` once the code is loaded, then `O` and the output, or `F` and the name of an exception's type: its
message may hold data and stays here.
"""

from __future__ import annotations

import ctypes
import importlib
import json
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

Workload = Callable[[dict[str, bytes], dict[str, str]], bytes]

LENGTH_SIZE = 8
# include/uapi/linux/prctl.h, capability.h
_PR_SET_PDEATHSIG = 1
_PR_SET_DUMPABLE = 4
_CAPABILITY_VERSION_3 = 0x20080522


def main() -> None:
    """Loads the function that the arguments name (folder, `module:function`, parent), and runs it once."""
    folder, entry, parent = sys.argv[1:]
    answers = os.fdopen(os.dup(1), "wb")
    _silence(1, 2)
    try:
        _confine(int(parent))
        function = _load(Path(folder), entry)
        _answer(answers, b"R")
        inputs, parameters = _read_job(sys.stdin.buffer)
        _silence(0)
        output = function(inputs, parameters)
        if not isinstance(output, bytes):
            raise TypeError  # noqa: TRY301 (every failure takes the same way out)
        _answer(answers, b"O", output)
    except BaseException as error:  # noqa: BLE001 (also SystemExit: whatever it is, only its type leaves)
        _answer(answers, b"F", type(error).__name__.encode())
    os._exit(0)  # no exit handlers: the answer is complete, and threads of the workload end here


def _silence(*descriptors: int) -> None:
    """Points descriptors to nowhere: what the workload prints may be data."""
    nowhere = os.open(os.devnull, os.O_RDWR)
    for descriptor in descriptors:
        os.dup2(nowhere, descriptor)
    os.close(nowhere)


def _confine(parent: int) -> None:
    """Dies with the agent, cannot be traced, and has no capability, so that it cannot trace the agent either,
    even as root.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
    done = (
        libc.prctl(_PR_SET_PDEATHSIG, ctypes.c_ulong(signal.SIGKILL), 0, 0, 0),
        libc.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0),
        libc.capset(header, (ctypes.c_uint32 * 6)()),
    )
    if any(done) or os.getppid() != parent:
        raise PermissionError


def _load(folder: Path, entry: str) -> Workload:
    sys.path[:] = [str(folder / "app"), *sys.path, str(folder / "lib")]
    module, _, name = entry.partition(":")
    function: Workload = getattr(importlib.import_module(module), name)
    return function


def _read_job(source: BinaryIO) -> tuple[dict[str, bytes], dict[str, str]]:
    header = json.loads(_read(source, int.from_bytes(_read(source, LENGTH_SIZE), "big")))
    return {name: _read(source, size) for name, size in header["inputs"]}, header["parameters"]


def _read(source: BinaryIO, size: int) -> bytes:
    data = source.read(size)
    if len(data) != size:
        raise EOFError
    return data


def _answer(sink: BinaryIO, kind: bytes, payload: bytes = b"") -> None:
    sink.write(kind + len(payload).to_bytes(LENGTH_SIZE, "big"))
    sink.write(payload)
    sink.flush()


if __name__ == "__main__":
    main()
