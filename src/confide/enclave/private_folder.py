"""A folder for the workload's code while it runs, in memory where the system has such a place.

It never holds data. A killed enclave cannot remove its own, so each one removes those that nobody holds.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

PREFIX = "confide-code-"


def roots() -> tuple[Path, ...]:
    """Where such folders may be: in `/dev/shm`, which is memory, or else in the system's temporary folder."""
    return Path("/dev/shm"), Path(tempfile.gettempdir())  # noqa: S108 (a fresh folder of mode 0700 is made inside)


def default_root(size: int) -> Path:
    """The first of the roots that takes `size` bytes of code, and from which compiled code may be loaded: the
    `/dev/shm` of a container often does neither.
    """
    return next((root for root in roots() if _takes(root, size)), roots()[-1])


def _takes(root: Path, size: int) -> bool:
    try:
        facts = os.statvfs(root)
    except OSError:
        return False
    room = facts.f_bavail * facts.f_frsize
    return os.access(root, os.W_OK) and not facts.f_flag & os.ST_NOEXEC and room > 2 * size


@contextmanager
def private_folder(root: Path) -> Iterator[Path]:
    """A fresh folder of mode 0700 below `root`, removed at the end."""
    sweep(root)
    folder, lock = _make(root)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(lock)


def _make(root: Path) -> tuple[Path, int]:
    """The folder and the descriptor whose lock says that it is in use; again where a sweep came in between."""
    while True:
        folder = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-", dir=root))
        lock = _lock(folder)
        if lock is not None and folder.is_dir():
            return folder, lock


def _lock(folder: Path) -> int | None:
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except OSError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        return None
    return descriptor


def sweep_all() -> None:
    """`sweep` of every root."""
    for root in roots():
        sweep(root)


def sweep(root: Path) -> None:
    """Removes the folders of this user that no process holds any more: the locks of the dead are free."""
    for folder in root.glob(f"{PREFIX}*"):
        lock = _lock(folder)
        if lock is None:
            continue
        if os.fstat(lock).st_uid == os.geteuid():
            shutil.rmtree(folder, ignore_errors=True)
        os.close(lock)


def write_files(folder: Path, files: Mapping[str, memoryview]) -> None:
    """Writes files (relative path to content) below `folder`. The paths were checked when they were read."""
    for parent in sorted({os.path.dirname(name) for name in files}):  # noqa: PTH120 (thousands of names)
        (folder / parent).mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        descriptor = os.open(f"{folder}/{name}", os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        with os.fdopen(descriptor, "wb", buffering=0) as file:
            file.write(content)
