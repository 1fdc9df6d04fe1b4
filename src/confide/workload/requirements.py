"""Hash-locked requirements: every dependency with its exact version and the hashes of its files."""

from __future__ import annotations

import re
from dataclasses import dataclass

from confide.errors import Misuse

_REQUIREMENT = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]*)==([A-Za-z0-9.+!_-]+)")
_HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")


@dataclass(frozen=True)
class Requirement:
    """One dependency: `name==version` and the SHA-256 of the files that may be it, sorted, in hexadecimal."""

    pin: str
    hashes: tuple[str, ...]

    def to_line(self) -> str:
        """The requirement as pip reads it."""
        return " ".join([self.pin, *(f"--hash=sha256:{digest}" for digest in self.hashes)])


def parse_requirements(text: str) -> tuple[Requirement, ...]:
    """The requirements in `text`, sorted. Raises Misuse for a line that is not `name==version` with hashes:
    no options, no markers (they would make the bundle depend on where it was built), no addresses.
    """
    joined = re.sub(r"\\\r?\n", " ", text)
    lines = [re.sub(r"(^|\s)#.*", "", line).strip() for line in joined.splitlines()]
    found = sorted((_parse(line) for line in lines if line), key=lambda requirement: requirement.pin)
    names = [re.sub(r"[-_.]+", "-", requirement.pin.partition("==")[0]).lower() for requirement in found]
    if len(set(names)) != len(names):
        raise _misuse("the same name twice")
    return tuple(found)


def _parse(line: str) -> Requirement:
    pin, *options = line.split()
    hashes = [match[1] for option in options if (match := _HASH.fullmatch(option))]
    if not _REQUIREMENT.fullmatch(pin) or len(hashes) != len(options):
        raise _misuse(f"`{line[:60]}`")
    if not hashes:
        raise _misuse(f"`{pin}` without a hash")
    return Requirement(pin, tuple(sorted(set(hashes))))


def _misuse(got: str) -> Misuse:
    return Misuse.because(
        "workload.requirements",
        got=got,
        wanted="lines of `name==version --hash=sha256:…` and nothing else",
        remedy="Write the file with `uv pip compile --generate-hashes` or `pip-compile --generate-hashes`.",
    )
