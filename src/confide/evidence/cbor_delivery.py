"""Evidence in CBOR inside of the JSON in which services hand it on. No trust."""

from __future__ import annotations

from collections.abc import Sequence

from confide.errors import Refused
from confide.evidence.json_bytes import read_bytes, read_object


def find_in_json(data: bytes, names: Sequence[str], starts: tuple[bytes, ...]) -> bytes | None:
    """The bytes in the first field of these names that begin as the format's evidence does, written as a list of
    numbers, in hexadecimal or in base64; None where there is no such field, or no JSON object.
    """
    document = read_object(data) or {}
    for name in names:
        try:
            found = read_bytes(document[name], name) if name in document else b""
        except Refused:
            continue
        if found.startswith(starts):
            return found
    return None
