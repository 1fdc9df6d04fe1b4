"""A workload's folder: `workload.toml` and its files, checked before anything is built from them."""

from __future__ import annotations

import os
import re
import stat
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec

from confide.errors import Misuse

TOML_NAME = "workload.toml"
_SKIPPED = re.compile(r"\..*|__pycache__|.*\.py[cod]|.*~|#.*#|.*\.(?:swp|swo|orig|rej)|Thumbs\.db")
_RULES = {
    "name": r"[a-z0-9][a-z0-9-]{0,62}",
    "version": r"[0-9A-Za-z][0-9A-Za-z.+-]{0,31}",
    "entry": r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*:[A-Za-z_]\w*",
    "inputs": r"[a-z][a-z0-9_-]{0,62}",
}


class WorkloadToml(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The fields of `workload.toml`."""

    name: str
    version: str
    entry: str
    inputs: tuple[str, ...]
    requirements: str | None = None


@dataclass(frozen=True)
class Source:
    """A workload's folder: its description, its files (path to content) and the text of its requirements."""

    toml: WorkloadToml
    files: dict[str, bytes]
    requirements: str | None


def misuse(code: str, got: str, wanted: str, remedy: str) -> Misuse:
    """A mistake in a workload's folder."""
    return Misuse.because(f"workload.{code}", got=got, wanted=wanted, remedy=remedy)


def read_source(folder: Path) -> Source:
    """The workload in `folder`. Raises Misuse for whatever is wrong with it, OSError where it cannot be read."""
    toml = _read_toml(folder / TOML_NAME)
    files = dict(sorted(_files_below(folder)))
    del files[TOML_NAME]
    requirements = _take_requirements(toml, files)
    _check_entry(toml, files)
    return Source(toml, files, requirements)


def _read_toml(path: Path) -> WorkloadToml:
    if not path.is_file():
        raise misuse("toml", f"no {TOML_NAME} in the folder", "a workload's folder", "Write a workload.toml.")
    try:
        toml = msgspec.convert(tomllib.loads(path.read_text("utf-8")), WorkloadToml, strict=True)
    except (ValueError, msgspec.ValidationError) as error:
        wanted = "name, version, entry, inputs and perhaps requirements"
        raise misuse("toml", str(error)[:200], wanted, f"Correct {TOML_NAME}.") from None
    for field, rule in _RULES.items():
        value = getattr(toml, field)
        for item in value if isinstance(value, tuple) else (value,):
            if not re.fullmatch(rule, item, re.ASCII):
                raise misuse("toml", f"{field} {item[:80]!r}", f"what matches {rule}", f"Correct {field}.")
    if not toml.inputs or len(set(toml.inputs)) != len(toml.inputs):
        raise misuse("toml", f"inputs {list(toml.inputs)}", "one or more names, each once", "Correct inputs.")
    return toml


def _files_below(folder: Path) -> Iterator[tuple[str, bytes]]:
    """(relative path, content) of every file that belongs to the workload."""
    for root, folders, names in os.walk(folder, onerror=_raise):
        folders[:] = [name for name in folders if not _SKIPPED.fullmatch(name)]
        for name in [*folders, *names]:
            path = Path(root, name)
            mode = path.lstat().st_mode
            if _SKIPPED.fullmatch(name) or stat.S_ISDIR(mode):
                continue
            where = path.relative_to(folder).as_posix()
            if not stat.S_ISREG(mode):
                kind = "a symbolic link" if stat.S_ISLNK(mode) else "a special file"
                raise misuse("file", f"{kind}: {where}", "plain files and folders", "Copy the file itself there.")
            yield where, path.read_bytes()


def _raise(error: OSError) -> None:
    raise error


def _take_requirements(toml: WorkloadToml, files: dict[str, bytes]) -> str | None:
    if toml.requirements is None:
        return None
    try:
        return files.pop(toml.requirements).decode("utf-8")
    except (KeyError, UnicodeDecodeError):
        wanted = "a text file of that name in the folder"
        raise misuse("requirements", toml.requirements[:80], wanted, "Write it, or leave requirements out.") from None


def _check_entry(toml: WorkloadToml, files: dict[str, bytes]) -> None:
    module = toml.entry.partition(":")[0].replace(".", "/")
    if not {f"{module}.py", f"{module}/__init__.py"} & set(files):
        raise misuse("entry", toml.entry, f"{module}.py in the folder", "Correct entry, or add the module.")
