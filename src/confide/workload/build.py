"""From a workload's folder to its bundle file."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from confide.ids import sha256_of
from confide.workload.bundle import BundleInfo, Target, write_bundle
from confide.workload.requirements import parse_requirements
from confide.workload.source import read_source
from confide.workload.wheels import cache_folder, library_files


def build_bundle(
    source: Path, out: Path, *, python: str | None = None, machine: str | None = None, cache: Path | None = None
) -> str:
    """Writes the bundle of the folder `source` to the file `out` and returns its digest, `sha256:…`.

    `python` (such as `3.12`) and `machine` say what the dependencies must run on, by default this
    interpreter; a workload without requirements is the same for all. Wheels come from `cache` or, once,
    from the package index. Raises Misuse, Refused (a wheel with another hash) and Unavailable.
    """
    data = bundle_bytes(source, _target(python, machine), cache or cache_folder())
    _write(out, data)
    return sha256_of(data)


def bundle_bytes(source: Path, target: Target, cache: Path) -> bytes:
    """The bytes of the bundle of the folder `source`."""
    workload = read_source(source)
    files = {f"app/{name}": content for name, content in workload.files.items()}
    if workload.requirements is not None:
        needed = parse_requirements(workload.requirements)
        files |= {f"lib/{name}": content for name, content in library_files(needed, target, cache).items()}
    toml = workload.toml
    info = BundleInfo(
        name=toml.name,
        version=toml.version,
        entry=toml.entry,
        inputs=toml.inputs,
        target=None if workload.requirements is None else target,
    )
    return write_bundle(info, files)


def _target(python: str | None, machine: str | None) -> Target:
    mine = Target.of_this_interpreter()
    return Target(python or mine.python, machine or mine.machine)


def _write(out: Path, data: bytes) -> None:
    """Writes the file at once or not at all."""
    with tempfile.NamedTemporaryFile(dir=out.parent, prefix=f".{out.name}.", delete=False) as file:
        try:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
            Path(file.name).chmod(0o644)
            Path(file.name).replace(out)
        except BaseException:
            Path(file.name).unlink(missing_ok=True)
            raise
