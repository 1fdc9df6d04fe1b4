"""Files that appear whole or not at all."""

from __future__ import annotations

import errno
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from confide.errors import Misuse, Unavailable

PART_SUFFIX = ".part"
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


@contextmanager
def whole_file(path: Path, *, mode: int = 0o600, replace: bool = True) -> Iterator[BinaryIO]:
    """A sink whose bytes become `path` when the block ends without an error, durably; otherwise nothing
    is left behind. Until then they are in a hidden file of the same folder, readable by its owner only.

    Raises Misuse (`file.exists`) where `replace` is False and the path is taken, Unavailable
    (`disk.full`) where there is no room.
    """
    with _full_disk_is_unavailable(path):
        handle, name = tempfile.mkstemp(prefix=f".{path.name[:64]}.", suffix=PART_SUFFIX, dir=path.parent)
        part = Path(name)
        try:
            with os.fdopen(handle, "wb") as sink:
                yield sink
                sink.flush()
                os.fchmod(sink.fileno(), mode)
                os.fsync(sink.fileno())
            _publish(part, path, replace=replace)
        except BaseException:
            part.unlink(missing_ok=True)
            raise


def _publish(part: Path, path: Path, *, replace: bool) -> None:
    if replace:
        part.replace(path)
    else:
        try:
            path.hardlink_to(part)  # unlike a rename, it fails where the path exists
        except FileExistsError:
            raise Misuse.because(
                "file.exists", got=str(path), wanted="a path that is free", remedy="Choose another path."
            ) from None
        part.unlink()
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)  # else a power cut may undo the rename
    finally:
        os.close(folder)


@contextmanager
def _full_disk_is_unavailable(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if not is_full(error):
            raise
        raise disk_full(path.name) from None


def is_full(error: BaseException) -> bool:
    """Whether the error says that there is no room: disk, quota or file size limit."""
    return isinstance(error, OSError) and error.errno in _FULL


def disk_full(name: str) -> Unavailable:
    """The failure (`disk.full`) of writing `name`."""
    return Unavailable.because(
        "disk.full",
        got=f"no room for {name}",
        wanted="room on the disk",
        remedy="Free some room and run the command again. Nothing half-written was left.",
    )
