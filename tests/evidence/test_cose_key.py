"""Public keys in CBOR and as points."""

from __future__ import annotations

import cbor2
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from confide.evidence.cbor import MalformedCborError
from confide.evidence.cose_key import MalformedKeyError, algorithm_of, read_cose_key, read_point, write_cose_key

CURVES = {ec.SECP256R1: -7, ec.SECP384R1: -35, ec.SECP521R1: -36}


def public(curve: type[ec.EllipticCurve] = ec.SECP384R1) -> ec.EllipticCurvePublicKey:
    return ec.generate_private_key(curve()).public_key()


@pytest.mark.parametrize("curve", CURVES)
def test_keys_are_read_as_they_were_written(curve: type[ec.EllipticCurve]):
    key = public(curve)
    assert read_cose_key(cbor2.dumps(write_cose_key(key))) == key
    assert read_cose_key(cbor2.dumps({**write_cose_key(key), 3: CURVES[curve], 2: b"id"})) == key
    assert read_point(key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)) == key
    assert algorithm_of(key) == CURVES[curve]


HEALTHY = dict(write_cose_key(public()))
WRONG = {
    "another type": {1: 1},
    "a type as text": {1: "EC2"},
    "no type": {1: ...},
    "an unknown curve": {-1: 8},
    "no curve": {-1: ...},
    "another curve": {-1: 1},
    "no x": {-2: ...},
    "no y": {-3: ...},
    "the sign of y alone": {-3: True},
    "x too short": {-2: HEALTHY[-2][1:]},
    "x too long": {-2: b"\0" + HEALTHY[-2]},
    "y as text": {-3: "y"},
    "a point not on the curve": {-3: bytes(48)},
    "zero": {-2: bytes(48), -3: bytes(48)},
    "too large": {-2: b"\xff" * 48},
    "an algorithm of another curve": {3: -7},
    "an algorithm as text": {3: "ES384"},
}


@pytest.mark.parametrize("changes", WRONG.values(), ids=WRONG.keys())
def test_what_is_no_key_is_refused(changes: dict[int, object]):
    key = {label: value for label, value in (HEALTHY | changes).items() if value is not ...}
    with pytest.raises(MalformedKeyError):
        read_cose_key(cbor2.dumps(key))


@pytest.mark.parametrize("data", [b"\x80", b"\xa0", b"\x04"])
def test_other_items_are_no_key(data: bytes):
    with pytest.raises(MalformedKeyError):
        read_cose_key(data)
    with pytest.raises(MalformedKeyError):
        read_point(data)


def test_other_bytes_are_no_cbor():
    with pytest.raises(MalformedCborError):
        read_cose_key(b"\xff")


def test_compressed_and_foreign_points_are_refused():
    compressed = public().public_bytes(Encoding.X962, PublicFormat.CompressedPoint)
    for data in (compressed, b"\x04" + bytes(96), b"\x06" + bytes(96), b"", bytes(97)):
        with pytest.raises(MalformedKeyError):
            read_point(data)


def test_other_keys_have_no_algorithm():
    for key in (ed25519.Ed25519PrivateKey.generate().public_key(), public(ec.SECP256K1), None):
        assert algorithm_of(key) is None
    with pytest.raises(MalformedKeyError):
        write_cose_key(public(ec.SECP256K1))
