"""The versions of the ancestry model, and what changed with each, in words for its users."""

from __future__ import annotations

import tomllib
from pathlib import Path

import msgspec

VERSIONS_FILE = Path(__file__).with_name("versions.toml")


class Version(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A version of the model: the digest of its file, its day, and what changed since the version before."""

    digest: str
    date: str
    changes: str


def version_of(digest: str, path: Path = VERSIONS_FILE) -> Version | None:
    """The version whose model has this digest, or None. Raises ValueError for a file that lists no versions."""
    document = tomllib.loads(path.read_text(encoding="utf-8"))
    versions = msgspec.convert(document, dict[str, list[Version]])["version"]
    return next((version for version in versions if version.digest == digest), None)
