"""Bytes in the JSON of attesters, in every way that they write them. No trust."""

from __future__ import annotations

import base64
import binascii
import re

from confide.errors import Misuse, Refused
from confide.strictjson import loads

MAX_BYTES = 1 << 19
_HEX = re.compile(r"(?:[0-9a-fA-F]{2})+")


def read_object(data: bytes, *names: str) -> dict[str, object] | None:
    """The JSON object in a file of evidence; None where it is no strict JSON object of at most 512 KiB, or lacks one
    of these names. Where it is an envelope that names a platform and holds the evidence, what is in it.
    """
    if len(data) > MAX_BYTES or not data.lstrip().startswith(b"{"):
        return None
    if not all(f'"{name}"'.encode() in data for name in names):  # before it is parsed: many modules look at each file
        return None
    try:
        document = loads(data, "evidence", MAX_BYTES)
    except Misuse:
        return None
    inner = document.get("evidence", document) if isinstance(document, dict) else None
    if isinstance(inner, dict):
        return inner
    return document if isinstance(document, dict) else None


def read_bytes(value: object, name: str) -> bytes:
    """The bytes behind a list of numbers, hexadecimal, base64 or base64url text with or without padding; PEM text as it
    is. `name` is the field's. Raises Refused (`evidence.format`).
    """
    if isinstance(value, list) and all(type(one) is int and 0 <= one <= 255 for one in value):  # noqa: PLR2004 - bytes
        return bytes(value)
    if not isinstance(value, str) or not value.isascii():
        raise wrong_shape(name, "bytes as a list of numbers, hexadecimal or base64")
    if value.startswith("-----BEGIN "):
        return value.encode()
    return bytes.fromhex(value) if _HEX.fullmatch(value) else read_base64(value, name)


def read_base64(text: str, name: str) -> bytes:
    """The bytes behind base64 or base64url (RFC 4648, sections 4 and 5), padded or not. Raises Refused."""
    plain = text.replace("-", "+").replace("_", "/").rstrip("=")
    try:
        data = base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True)
    except binascii.Error:
        data = b""
    if not data or base64.b64encode(data).decode().rstrip("=") != plain:
        raise wrong_shape(name, "base64 in its canonical form")
    return data


def wrong_shape(name: str, wanted: str) -> Refused:
    """The refusal of a field of another shape than its tool writes."""
    return Refused.because(
        "evidence.format",
        got=f"a field {name!r} of another shape",
        wanted=wanted,
        remedy="Give the evidence as the attester wrote it.",
    )
