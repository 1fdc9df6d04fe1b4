"""What a process that holds secrets gives up first: core dumps, debuggers, new privileges, its orphanhood."""

from __future__ import annotations

import ctypes
import os
import resource
import signal
from typing import NoReturn

from confide.errors import Unavailable

# include/uapi/linux/prctl.h and asm-generic/mman.h
_PR_SET_PDEATHSIG = 1
_PR_SET_DUMPABLE = 4
_PR_SET_NO_NEW_PRIVS = 38
_MCL_CURRENT_AND_FUTURE = 3


def forbid_inspection() -> None:
    """Makes this process one that leaves no core dump, cannot be traced by its own user, and gains no privilege
    by exec. Raises Unavailable where the system refuses one of them.
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    _prctl(_PR_SET_DUMPABLE, 0)
    _prctl(_PR_SET_NO_NEW_PRIVS, 1)


def harden(parent: int) -> None:
    """`forbid_inspection`, and this process dies with the process `parent`. Raises Unavailable."""
    forbid_inspection()
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it died before the request that we die with it
        _refuse("orphan")


def _prctl(option: int, value: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(option, ctypes.c_ulong(value), 0, 0, 0) != 0:
        _refuse(f"prctl {option}")


def _refuse(what: str) -> NoReturn:
    raise Unavailable.because(
        "enclave.hardening",
        got=f"a system that refused `{what}`",
        wanted="no core dumps, no tracing, no new privileges, death with the parent",
        remedy="Use a Linux kernel that is not older than 3.5, and launch again.",
    )


def lock_memory() -> bool:
    """Keeps this process's memory out of swap, and says whether that worked. Only where there is no limit on
    locked memory: with one, later allocations would fail.
    """
    if resource.getrlimit(resource.RLIMIT_MEMLOCK)[0] != resource.RLIM_INFINITY and os.geteuid() != 0:
        return False
    return bool(ctypes.CDLL(None, use_errno=True).mlockall(_MCL_CURRENT_AND_FUTURE) == 0)
