"""Platform keys in the shapes of manufacturers and tools."""

from __future__ import annotations

import base64
import json

import cbor2
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from confide.evidence.cca_keys import MAX_KEYS, NoKeysError, PlatformKey, read_platform_keys

KEY = ec.generate_private_key(ec.SECP384R1()).public_key()
DER = KEY.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
PEM = KEY.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
RSA = rsa.generate_private_key(65537, 2048).public_key()
INSTANCE = b"\1" + bytes(32)


def url64(number: int, size: int = 48) -> str:
    return base64.urlsafe_b64encode(number.to_bytes(size, "big")).decode().rstrip("=")


def jwk(**changes: object) -> dict[str, object]:
    numbers = KEY.public_numbers()
    return {"kty": "EC", "crv": "P-384", "x": url64(numbers.x), "y": url64(numbers.y)} | changes


def corim(
    *keys: object, instance: object = cbor2.CBORTag(550, INSTANCE), triples: object = None, tag: int = 506
) -> bytes:
    environment = {0: {0: cbor2.CBORTag(560, bytes(32))}, **({} if instance is None else {1: instance})}
    comid = {1: {0: bytes(16)}, 4: {3: [[environment, list(keys)]]} if triples is None else triples}
    return cbor2.dumps(cbor2.CBORTag(501, {0: "id", 1: [cbor2.CBORTag(tag, cbor2.dumps(comid))]}))


TEXT = cbor2.CBORTag(554, PEM.decode())
SHAPES = {
    "DER": DER,
    "PEM": PEM,
    "PEM with space around it": b"\n" + PEM + b"\n",
    "JWK": json.dumps(jwk()).encode(),
    "JWK with more in it": json.dumps(jwk(kid="1", use="sig")).encode(),
    "CoRIM without an instance": corim(TEXT, instance=None),
    "CoRIM with a numbered instance": corim(TEXT, instance=b"1"),
}


@pytest.mark.parametrize("data", SHAPES.values(), ids=SHAPES.keys())
def test_keys_are_read_in_each_shape(data: bytes):
    assert read_platform_keys(data) == (PlatformKey(KEY),)


@pytest.mark.parametrize(
    "data",
    [corim(TEXT), json.dumps([{"pkey": jwk(), "instance-id": INSTANCE.hex(), "implementation-id": "00"}]).encode()],
)
def test_the_instance_is_read_with_the_key(data: bytes):
    assert read_platform_keys(data) == (PlatformKey(KEY, INSTANCE),)


def test_several_keys_are_read():
    assert len(read_platform_keys(corim(TEXT, TEXT))) == 2
    assert len(read_platform_keys(json.dumps([jwk(), {"pkey": jwk()}]).encode())) == 2


NOT_KEYS = {
    "nothing": b"",
    "bytes": b"\0\1\2",
    "an RSA key": RSA.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
    "an RSA key in PEM": RSA.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
    "broken PEM": PEM[:60] + PEM[80:],
    "a private JWK": json.dumps(jwk(d=url64(1))).encode(),
    "another curve": json.dumps(jwk(crv="secp256k1")).encode(),
    "an octet key": json.dumps({"kty": "oct", "k": ""}).encode(),
    "a short coordinate": json.dumps(jwk(x=url64(1, 47))).encode(),
    "a point elsewhere": json.dumps(jwk(x=url64(1))).encode(),
    "no coordinate": json.dumps({"kty": "EC", "crv": "P-384"}).encode(),
    "an empty list": b"[]",
    "a list of texts": b'["1"]',
    "broken JSON": b"{",
    "a key twice": b'{"kty": "EC", "kty": "EC"}',
    "an instance that is no hex": json.dumps([{"pkey": jwk(), "instance-id": "x"}]).encode(),
    "CoRIM without keys": corim(),
    "CoRIM without triples": corim(triples={}),
    "CoRIM with a certificate": corim(cbor2.CBORTag(555, "")),
    "CoRIM with triples as a list": corim(triples=[1]),
    "CoRIM with another tag in it": corim(TEXT, tag=505),
    "CoRIM with a key that is none": corim(cbor2.CBORTag(554, "x")),
    "CoRIM with a triple that is none": corim(triples={3: [1]}),
    "CoRIM that is no map": cbor2.dumps(cbor2.CBORTag(501, [])),
    "CoRIM that ends early": corim(TEXT)[:-1],
    "too many": json.dumps([jwk()] * (MAX_KEYS + 1)).encode(),
    "too large": bytes(1 << 17),
}


@pytest.mark.parametrize("data", NOT_KEYS.values(), ids=NOT_KEYS.keys())
def test_what_holds_no_key_is_refused(data: bytes):
    with pytest.raises(NoKeysError):
        read_platform_keys(data)
