"""A bundle: `bundle.json`, the workload's code in `app/`, its dependencies in `lib/`, named by its digest."""

from __future__ import annotations

import platform
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import msgspec

from confide.errors import Misuse, Refused
from confide.ids import canonical_json, sha256_of
from confide.strictjson import load_as
from confide.workload import archive

INFO_NAME = "bundle.json"
_MAX_INFO = 64 << 10


class Target(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The interpreter that the compiled dependencies are for: a Python minor version (`3.12`) and a machine."""

    python: str
    machine: str

    @classmethod
    def of_this_interpreter(cls) -> Target:
        """The target that this process could run."""
        return cls(f"{sys.version_info.major}.{sys.version_info.minor}", platform.machine())


class BundleInfo(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a bundle says of itself. `entry` is `module:function`, `inputs` are the names that a job gives
    objects to; `target` is None where the bundle is pure Python of its own.
    """

    name: str
    version: str
    entry: str
    inputs: tuple[str, ...]
    target: Target | None = None
    type: Literal["confide-bundle/1"] = "confide-bundle/1"

    def to_json(self) -> bytes:
        """The canonical JSON of the description."""
        return canonical_json(msgspec.to_builtins(self))


@dataclass(frozen=True)
class Bundle:
    """A bundle that was read: its description, the digest of its bytes, and its files without `bundle.json`."""

    info: BundleInfo
    digest: str
    files: Mapping[str, memoryview]

    def check_target(self) -> None:
        """Raises Misuse where the bundle was built for another interpreter than this one."""
        mine = Target.of_this_interpreter()
        if self.info.target not in {None, mine}:
            assert self.info.target is not None
            raise Misuse.because(
                "workload.target",
                got=f"Python {mine.python} on {mine.machine}",
                wanted=f"Python {self.info.target.python} on {self.info.target.machine}, as the bundle was built for",
                remedy="Run it with that Python, or build the bundle with --python and --machine for this one.",
            )


def write_bundle(info: BundleInfo, files: Mapping[str, bytes]) -> bytes:
    """The bytes of the bundle: the same for the same files, whatever the machine, time or order."""
    return archive.pack({**files, INFO_NAME: info.to_json()})


def read_bundle(data: bytes) -> Bundle:
    """The bundle in bytes that were measured already. Raises Refused for anything that is not one."""
    files = archive.unpack(data)
    raw = bytes(files.pop(INFO_NAME, b"")[: _MAX_INFO + 1])
    try:
        info = load_as(BundleInfo, raw, "bundle.json", _MAX_INFO)
    except Misuse as failure:
        raise Refused(failure.findings) from None
    strangers = [name for name in files if not name.startswith(("app/", "lib/"))]
    if info.to_json() != raw or strangers:
        raise Refused.because(
            "workload.bundle",
            got=f"{len(strangers)} files outside app/ and lib/" if strangers else "a bundle.json in another spelling",
            wanted="a bundle exactly as `confide workload build` writes it",
            remedy="Build the bundle again from its source.",
        )
    return Bundle(info, sha256_of(data), files)


def read_file(path: Path) -> bytes:
    """The bytes of a bundle file, read once and bounded. Raises Refused where it is too large."""
    with path.open("rb") as file:
        data = file.read(archive.MAX_BYTES + 1)
    if len(data) > archive.MAX_BYTES:
        raise Refused.because(
            "workload.bundle",
            got=f"more than {archive.MAX_BYTES} bytes",
            wanted="a smaller bundle",
            remedy="Check that this is the bundle; leave data out of the workload's folder.",
        )
    return data


def read_bundle_file(path: Path) -> Bundle:
    """`read_bundle` of a file's bytes. Raises OSError where it cannot be read."""
    return read_bundle(read_file(path))
