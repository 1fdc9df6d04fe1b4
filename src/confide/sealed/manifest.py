"""The manifest of a sealed object. Crypt4GH protects each segment but not their order or number, so
nothing is opened without it.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from confide.ids import canonical_json, digest_of


class Manifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`size` is the plaintext's length in bytes, `segments` how many 64 KiB segments it has, `digest`
    the BLAKE3 of the encrypted segments (all of the object behind its header), `data_key_id` names
    the key that they are encrypted under.
    """

    object_id: str
    size: int
    segments: int
    digest: str
    data_key_id: str
    type: Literal["confide-manifest/1"] = "confide-manifest/1"

    @property
    def manifest_digest(self) -> str:
        """`sha256:…` of the canonical JSON: how a job names its input."""
        return digest_of(msgspec.to_builtins(self))

    def to_json(self) -> bytes:
        """The canonical JSON of the manifest."""
        return canonical_json(msgspec.to_builtins(self))
