"""Files that appear whole or not at all, several at once."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path

from confide.errors import Misuse


def write_whole(files: Mapping[Path, bytes]) -> None:
    """Writes every file, readable by its owner only, or, where one cannot be written, none. Raises OSError.

    What is no regular file (a device, a pipe) is written to directly: it cannot be replaced.
    """
    with ExitStack() as parts:
        ready = [
            (_part(path.resolve(), data, parts), path.resolve()) for path, data in files.items() if _is_plain(path)
        ]
        for path, data in files.items():
            if not _is_plain(path):
                path.write_bytes(data)
        for part, path in ready:
            part.replace(path)


def real(path: Path) -> Path:
    """The path without links; unlike Path.resolve, also of a link that leads to itself."""
    return Path(os.path.realpath(path))


def _is_plain(path: Path) -> bool:
    return path.is_file() or not path.exists()


def _part(path: Path, data: bytes, parts: ExitStack) -> Path:
    """The bytes in a hidden file of the same folder, which is gone at the end unless it was renamed."""
    handle, name = tempfile.mkstemp(prefix=f".{path.name[:64]}.", suffix=".part", dir=path.parent)
    part = Path(name)
    parts.callback(part.unlink, missing_ok=True)
    with os.fdopen(handle, "wb") as sink:
        sink.write(data)
    return part


def check_distinct(source: Path, targets: Mapping[str, Path]) -> None:
    """Raises Misuse where a file to be written is the one that is read, or two are the same. `targets` by option."""
    taken = {real(source): "the genotype file itself"}
    for option, path in targets.items():
        where = real(path)
        if where in taken or (path.exists() and source.exists() and path.samefile(source)):
            raise Misuse.because(
                "file.same",
                got=f"{option} {path}, which is {taken.get(where, 'the genotype file itself')}",
                wanted="a file of its own for each thing written, and none that is read",
                remedy=f"Choose another path for {option}.",
            )
        taken[where] = f"taken by {option}"
