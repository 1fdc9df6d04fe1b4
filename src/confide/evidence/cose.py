"""COSE_Sign1, a signed message in CBOR: bytes to typed value and back to the bytes that are signed. No trust.

Source: RFC 9052 (COSE structures), sections 3, 4.2 and 4.4; header labels of RFC 9052, section 3.1, and RFC 9360.
Whether a signature verifies is the business of `confide.verify.cose_signature`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import cbor2

from confide.evidence.cbor import MAX_BYTES, MalformedCborError, Tagged, load_cbor

COSE_SIGN1_TAG = 18
ALGORITHM, CRITICAL, CONTENT_TYPE, KEY_ID = 1, 2, 3, 4
X5CHAIN = 33

ES256, ES384, ES512 = -7, -35, -36
PS256, PS384, PS512 = -37, -38, -39
RS256, RS384, RS512 = -257, -258, -259

_PARTS = 4


class MalformedCoseError(ValueError):
    """The bytes are not one COSE_Sign1 message within the rules. The message says which rule."""


@dataclass(frozen=True, slots=True)
class CoseSign1:
    """A COSE_Sign1 message. `protected_bytes` are the protected header as it was signed, `protected` and
    `unprotected` map labels to values, `payload` is None where it is detached; `tagged` says whether tag 18 was there.
    """

    protected_bytes: bytes
    protected: Mapping[int | str, Any]
    unprotected: Mapping[int | str, Any]
    payload: bytes | None
    signature: bytes
    tagged: bool = False

    @property
    def algorithm(self) -> int | None:
        """The algorithm of the protected header, a number of the COSE registry; None where there is none."""
        value = self.protected.get(ALGORITHM)
        return value if isinstance(value, int) and not isinstance(value, bool) else None

    def to_be_signed(self, *, detached: bytes | None = None, external_aad: bytes = b"") -> bytes:
        """The encoded Sig_structure (section 4.4). Raises MalformedCoseError where the payload is neither in the
        message nor given, or both.
        """
        if (self.payload is None) == (detached is None):
            raise MalformedCoseError("a payload that is missing, or there twice")
        body = self.payload if detached is None else detached
        return cbor2.dumps(["Signature1", self.protected_bytes, external_aad, body])

    def encode(self) -> bytes:
        """The message as bytes (section 4.2)."""
        parts = [self.protected_bytes, dict(self.unprotected), self.payload, self.signature]
        return cbor2.dumps(cbor2.CBORTag(COSE_SIGN1_TAG, parts) if self.tagged else parts)


def parse_sign1(
    data: bytes,
    *,
    tagged: bool | None = None,
    tags: Collection[int] = (),
    variant: bool = False,
    max_bytes: int = MAX_BYTES,
) -> CoseSign1:
    """The message in `data`. `tagged` demands tag 18 (True) or forbids it (False); None takes both. `tags` are tags
    that may stand in the headers, `variant` is that of `load_cbor`.

    Raises MalformedCoseError: for what is no COSE_Sign1, an empty protected header, a label in both headers, and
    critical headers (`crit`), since none is known here.
    """
    try:
        value = load_cbor(data, tags={COSE_SIGN1_TAG, *tags}, variant=variant, max_bytes=max_bytes)
        has_tag = isinstance(value, Tagged) and value.tag == COSE_SIGN1_TAG
        if tagged not in {None, has_tag}:
            raise MalformedCoseError(f"{'no' if tagged else 'a'} tag {COSE_SIGN1_TAG}")
        message = _message(value.value if has_tag else value, tags, tagged=has_tag, variant=variant)
    except MalformedCborError as error:
        raise MalformedCoseError(str(error)) from None
    _check_headers(message)
    return message


def _message(parts: object, tags: Collection[int], *, tagged: bool, variant: bool) -> CoseSign1:
    if not isinstance(parts, list) or len(parts) != _PARTS:
        raise MalformedCoseError("not an array of four")
    protected_bytes, unprotected, payload, signature = parts
    right = isinstance(protected_bytes, bytes) and isinstance(unprotected, dict) and isinstance(signature, bytes)
    if not right or not isinstance(payload, bytes | None):
        raise MalformedCoseError("not byte string, map, byte string or null, byte string")
    # An empty protected header is written as no bytes at all (section 3); it lacks the algorithm either way.
    protected = load_cbor(protected_bytes, tags=tags, variant=variant) if protected_bytes else {}
    if not isinstance(protected, dict):
        raise MalformedCoseError("a protected header that is not a map")
    return CoseSign1(protected_bytes, protected, unprotected, payload, signature, tagged)


def _check_headers(message: CoseSign1) -> None:
    labels = [*message.protected, *message.unprotected]
    if any(isinstance(label, bytes) for label in labels):
        raise MalformedCoseError("a header label that is neither a number nor text")
    if len(set(labels)) != len(labels):
        raise MalformedCoseError("a label in both headers")
    if CRITICAL in labels:
        raise MalformedCoseError("critical headers, of which none is known here")
    if message.algorithm is None:
        raise MalformedCoseError("a protected header without an algorithm")
