"""Public keys of CCA platforms in the shapes in which manufacturers and tools deliver them. No trust: a key from here
counts only where the caller trusts its fingerprint, or a certificate vouches for it.

Taken are a SubjectPublicKeyInfo in DER or PEM, a JWK (RFC 7517, 7518), a list of records with a JWK in `pkey` (the
trust anchors of Confidential Containers' verifier), and an unsigned CoRIM (draft-ietf-rats-corim, section 4 and 5:
attestation-verification key triples; draft-ydb-rats-cca-endorsements).
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.serialization import load_der_public_key, load_pem_public_key

from confide.errors import ConfideError
from confide.evidence.cbor import MalformedCborError, Tagged, load_cbor
from confide.evidence.cose_key import MalformedKeyError, read_point
from confide.strictjson import loads

MAX_BYTES = 1 << 16
MAX_KEYS = 32
_CORIM, _COMID = 501, 506
_KEY_TAGS = frozenset({554})
_TAGS = frozenset({1, 18, 32, 37, 500, _CORIM, 502, 505, _COMID, 508, *range(550, 564), 600, 601, 602})
_UEID = 550
_JWK_SIZES = {"P-256": 32, "P-384": 48, "P-521": 66}


class NoKeysError(ValueError):
    """The bytes hold no public key in a known shape."""


@dataclass(frozen=True, slots=True)
class PlatformKey:
    """A public key, and the instance id that it is said to belong to, None where nothing is said."""

    key: EllipticCurvePublicKey
    instance_id: bytes | None = None


def read_platform_keys(data: bytes) -> tuple[PlatformKey, ...]:
    """The keys in the bytes, at most 32. Raises NoKeysError where there is none, or the bytes are of no known shape."""
    if len(data) > MAX_BYTES:
        raise NoKeysError(f"{len(data)} bytes, more than {MAX_BYTES}")
    try:
        keys = tuple(islice(_read(data), MAX_KEYS + 1))  # the rest is not even read
    except (ConfideError, MalformedCborError, MalformedKeyError) as error:
        raise NoKeysError(str(error)[:200]) from None
    except (UnsupportedAlgorithm, ValueError, TypeError):
        raise NoKeysError("no public key in a known shape") from None
    if not 0 < len(keys) <= MAX_KEYS:
        raise NoKeysError(f"{len(keys)} keys")
    return keys


def _read(data: bytes) -> Iterator[PlatformKey]:
    text = data.strip()
    if text[:1] in {b"{", b"["}:
        document = loads(text, "keys", MAX_BYTES)
        yield from map(_json_key, document if isinstance(document, list) else [document])
    elif text.startswith(b"-----BEGIN PUBLIC KEY-----"):
        yield PlatformKey(_elliptic(load_pem_public_key(text)))
    elif data.startswith(b"\xd9\x01\xf5"):
        yield from _corim_keys(data)
    else:
        yield PlatformKey(_elliptic(load_der_public_key(data)))


def _elliptic(key: object) -> EllipticCurvePublicKey:
    if not isinstance(key, EllipticCurvePublicKey):
        raise MalformedKeyError("a key that is not of an elliptic curve")
    return key


def _json_key(value: object) -> PlatformKey:
    record = value if isinstance(value, dict) else {}
    if "pkey" in record:
        instance = record.get("instance-id")
        return PlatformKey(_jwk(record["pkey"]), binascii.unhexlify(instance) if isinstance(instance, str) else None)
    return PlatformKey(_jwk(record))


def _jwk(value: Any) -> EllipticCurvePublicKey:
    """The key of a public JWK of type EC. A private one is refused: it is nothing to give to a verifier."""
    if not isinstance(value, dict) or value.get("kty") != "EC" or value.get("crv") not in _JWK_SIZES or "d" in value:
        raise MalformedKeyError("no public JWK of P-256, P-384 or P-521")
    x, y = (base64.urlsafe_b64decode(str(value.get(name, "")) + "==") for name in ("x", "y"))
    size = _JWK_SIZES[value["crv"]]
    if len(x) != size or len(y) != size:
        raise MalformedKeyError(f"coordinates that are not {size} bytes each")
    return read_point(b"\x04" + x + y)


def _corim_keys(data: bytes) -> Iterator[PlatformKey]:
    """The keys of the attestation key triples of every CoMID in the CoRIM."""
    corim = load_cbor(data, tags=_TAGS, variant=True)
    for tag in _mapping(corim.value).get(1, ()) if isinstance(corim, Tagged) else ():
        if isinstance(tag, Tagged) and tag.tag == _COMID and isinstance(tag.value, bytes):
            comid = _mapping(load_cbor(tag.value, tags=_TAGS, variant=True))
            for triple in _mapping(comid.get(4)).get(3, ()):
                yield from _triple_keys(triple)


def _mapping(value: object) -> dict[Any, Any]:
    if not isinstance(value, dict):
        raise MalformedKeyError("a CoRIM in which a map is missing")
    return value


def _triple_keys(triple: Any) -> Iterator[PlatformKey]:
    environment, keys = triple
    instance = _mapping(environment).get(1)
    ueid = instance.value if isinstance(instance, Tagged) and instance.tag == _UEID else None
    for one in keys:
        if isinstance(one, Tagged) and one.tag in _KEY_TAGS:
            yield PlatformKey(_elliptic(load_pem_public_key(str(one.value).encode())), ueid)
