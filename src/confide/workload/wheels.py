"""Dependencies as wheels: fetched once by hash with this interpreter's pip, kept, and unpacked.

Which wheel is taken depends on the hashes, the target and pip's order of preference alone. Every wheel
is hashed here, whatever pip and the cache say.
"""

from __future__ import annotations

import hashlib
import importlib.util
import io
import os
import stat
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

from confide.errors import Refused, Unavailable
from confide.workload.archive import is_safe_name
from confide.workload.bundle import Target
from confide.workload.requirements import Requirement
from confide.workload.source import misuse

MAX_WHEEL = 512 << 20
MAX_UNPACKED = 1 << 30
# manylinux tags by glibc, the newest first (PEP 600), and the older names of some of them (PEP 571, 513).
_GLIBC_MINORS = range(28, 4, -1)
_OLDER_NAMES = ("manylinux2014", "manylinux2010", "manylinux1")
_FETCH_SECONDS = 900


def cache_folder() -> Path:
    """Where wheels are kept: `$XDG_CACHE_HOME/confide/wheels`, by default below `~/.cache`."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "confide" / "wheels"


def library_files(requirements: tuple[Requirement, ...], target: Target, cache: Path) -> dict[str, bytes]:
    """The files of all dependencies for `target`, by path. Raises Misuse, Refused or Unavailable."""
    files: dict[str, bytes] = {}
    for requirement in requirements:
        for name, content in _unpack(wheel_for(requirement, target, cache)):
            if files.setdefault(name, content) != content:
                raise misuse("wheel", f"two files for {name}", "dependencies that do not overlap", "Drop one of them.")
    return files


def wheel_for(requirement: Requirement, target: Target, cache: Path) -> bytes:
    """The wheel of a requirement, from the cache or fetched into it."""
    folder = cache / f"{target.python}-{target.machine}"
    for digest in requirement.hashes:
        path = folder / f"{digest}.whl"
        if path.is_file() and hashlib.sha256(data := path.read_bytes()).hexdigest() == digest:
            return data
    data = _fetch(requirement, target)
    digest = hashlib.sha256(data).hexdigest()
    if digest not in requirement.hashes:
        raise _wrong_hash(requirement)
    _keep(folder, digest, data)
    return data


def _keep(folder: Path, digest: str, data: bytes) -> None:
    """Writes a wheel into the cache at once or not at all."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=folder, delete=False) as file:
        file.write(data)
    Path(file.name).replace(folder / f"{digest}.whl")


def _wrong_hash(requirement: Requirement) -> Refused:
    return Refused.because(
        "workload.wheel_hash",
        got=f"a file for {requirement.pin} with another hash",
        wanted="one of the hashes in the requirements",
        remedy="Do not use that package index, or lock the requirements again and review the change.",
    )


def _unavailable(got: str, remedy: str) -> Unavailable:
    return Unavailable.because("workload.wheels", got=got, wanted="the wheels of the requirements", remedy=remedy)


def _fetch(requirement: Requirement, target: Target) -> bytes:
    if importlib.util.find_spec("pip") is None:
        raise _unavailable("a Python without pip", "Install pip for this Python (`python -m ensurepip`).")
    with tempfile.TemporaryDirectory() as folder:
        listing = Path(folder, "requirements.txt")
        listing.write_text(requirement.to_line() + "\n")
        done = subprocess.run(  # noqa: S603 (a fixed program; the pin and hashes were parsed)
            _pip_command(listing, Path(folder, "wheels"), target),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            timeout=_FETCH_SECONDS,
        )
        wheels = sorted(Path(folder, "wheels").glob("*.whl"))
        if done.returncode == 0 and len(wheels) == 1 and wheels[0].stat().st_size <= MAX_WHEEL:
            return wheels[0].read_bytes()
    # pip's own words may hold the address of a private index with its password: they are not passed on.
    if b"DO NOT MATCH THE HASHES" in done.stderr:
        raise _wrong_hash(requirement)
    raise _unavailable(
        f"no wheel of {requirement.pin} for Python {target.python} on {target.machine}",
        "Check the network and that the hashes of such a wheel are in the requirements, then build again.",
    )


def _pip_command(listing: Path, destination: Path, target: Target) -> list[str]:
    tags = [f"manylinux_2_{minor}_{target.machine}" for minor in _GLIBC_MINORS]
    tags += [f"{name}_{target.machine}" for name in _OLDER_NAMES]
    return [
        *(sys.executable, "-m", "pip", "download", "--quiet", "--no-input", "--disable-pip-version-check"),
        *("--require-hashes", "--only-binary", ":all:", "--no-deps", "--requirement", str(listing)),
        *("--dest", str(destination), "--implementation", "cp", "--python-version", target.python),
        *(part for tag in tags for part in ("--platform", tag)),
    ]


def _unpack(data: bytes) -> Iterator[tuple[str, bytes]]:
    """(path, content) of what a wheel puts on the import path (PEP 427); scripts and headers are left out."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as wheel:
            entries = [entry for entry in wheel.infolist() if not entry.is_dir()]
            if sum(entry.file_size for entry in entries) > MAX_UNPACKED:
                raise misuse("wheel", "a wheel that unpacks too large", f"at most {MAX_UNPACKED} bytes", "Drop it.")
            for entry in entries:
                if (name := _place(entry)) is not None:
                    yield name, wheel.read(entry)
    except (zipfile.BadZipFile, NotImplementedError, EOFError):
        raise misuse("wheel", "a wheel that is no zip file", "a wheel", "Lock the requirements again.") from None


def _place(entry: zipfile.ZipInfo) -> str | None:
    """Where a wheel's entry goes, or None where it is not imported. Raises Misuse for an unsafe entry."""
    name = entry.filename
    if not is_safe_name(name) or stat.S_ISLNK(entry.external_attr >> 16):
        raise misuse("wheel", f"the entry {name[:80]!a}", "plain files with safe names", "Drop the dependency.")
    head, _, rest = name.partition("/")
    if head.endswith(".data"):
        part, _, name = rest.partition("/")
        return name if part in {"purelib", "platlib"} else None
    return None if name.endswith((".pyc", ".pyo")) else name
