"""Key custody: what wraps data keys. The key-encryption key itself never leaves it."""

from __future__ import annotations

from typing import Protocol

from confide.ids import canonical_json
from confide.secrets import Secret


class KeyCustody(Protocol):
    """`kind` says how the key is kept (`software`, an HSM), `key_id` which key it is."""

    @property
    def kind(self) -> str:
        """How the key is kept, in one word."""

    @property
    def key_id(self) -> str:
        """The identifier of the key-encryption key."""

    def wrap(self, data_key: Secret, context: bytes) -> bytes:
        """Encrypts a data key, bound to its context (see `wrap_context`)."""

    def unwrap(self, wrapped: bytes, context: bytes) -> Secret:
        """The reverse. Raises Refused (`keys.wrapped`) for other bytes, another key or another context."""

    def describe(self) -> dict[str, str]:
        """What a listing says about the key and about what its protection is worth."""


def wrap_context(*, data_key_id: str, object_id: str) -> bytes:
    """What a wrapped data key is bound to, so that wrapped keys cannot be swapped between objects."""
    return canonical_json({"type": "confide-wrapped-key/1", "data_key_id": data_key_id, "object_id": object_id})
