"""A process that holds secrets leaves no core dump, cannot be traced, and does not outlive its parent."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

from confide.enclave import hardening
from confide.errors import Unavailable

SHOW = (
    "import ctypes, os, resource\n"
    "from confide.enclave.hardening import harden\n"
    "harden(os.getppid())\n"
    "libc = ctypes.CDLL(None)\n"
    "signal = ctypes.c_int()\n"
    "libc.prctl(2, ctypes.byref(signal))\n"  # PR_GET_PDEATHSIG
    "print(resource.getrlimit(resource.RLIMIT_CORE), libc.prctl(3), libc.prctl(39, 0, 0, 0, 0), signal.value)\n"
)


def test_a_hardened_process_has_given_up_dumps_tracing_privileges_and_orphanhood():
    shown = subprocess.run([sys.executable, "-c", SHOW], check=True, capture_output=True, text=True).stdout
    assert shown == "(0, 0) 0 1 9\n"


def test_an_orphan_is_unavailable():
    program = "from confide.enclave.hardening import harden; harden(1 << 22)"
    done = subprocess.run([sys.executable, "-c", program], check=False, capture_output=True, text=True)
    assert "enclave.hardening" in done.stderr


def test_a_system_that_refuses_is_unavailable():
    with pytest.raises(Unavailable) as caught:
        hardening._prctl(123456, 0)
    assert caught.value.codes == ("enclave.hardening",)


def crash(folder, preparation: str) -> list[str]:
    program = (
        "import os, resource; hard = resource.getrlimit(resource.RLIMIT_CORE)[1]\n"
        f"resource.setrlimit(resource.RLIMIT_CORE, (hard, hard))\n{preparation}\nos.abort()"
    )
    done = subprocess.run([sys.executable, "-c", program], check=False, cwd=folder)
    assert done.returncode == -signal.SIGABRT
    return [path.name for path in folder.iterdir()]


def test_a_crash_of_a_hardened_process_leaves_no_core(tmp_path):
    if not crash(tmp_path, ""):
        pytest.skip("this system writes no core files into the working folder")
    (clean := tmp_path / "clean").mkdir()
    assert crash(clean, "from confide.enclave.hardening import harden; harden(os.getppid())") == []


def test_memory_is_locked_only_where_later_allocations_cannot_fail_by_it():
    program = (
        "import resource; from confide.enclave.hardening import lock_memory\n"
        "locked = lock_memory(); x = bytearray(64 << 20); print(locked, len(x))"
    )
    shown = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True).stdout.split()
    assert shown[1] == str(64 << 20)
    assert shown[0] in {"True", "False"}
