"""Files that appear whole or not at all, several at once."""

from __future__ import annotations

import errno
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
        ready = [(_part(real(path), data, parts), real(path)) for path, data in files.items() if _is_plain(path)]
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


def _check_no_loop(path: Path) -> None:
    try:
        path.stat()
    except OSError as error:
        if error.errno != errno.ELOOP:
            return  # whatever else is wrong with it is found where it is read or written
        raise Misuse.because(
            "file.loop",
            got=f"{path}, a link that leads back to itself",
            wanted="a file, or a link to one",
            remedy="Give the path of the file itself, or make the link anew.",
        ) from None


def check_distinct(source: Path, targets: Mapping[str, Path]) -> None:
    """Raises Misuse where a file to be written is the one that is read, or two are the same, or where one is a link
    that leads to itself. `targets` by option.
    """
    for path in (source, *targets.values()):
        _check_no_loop(path)
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
