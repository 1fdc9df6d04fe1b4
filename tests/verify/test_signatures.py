"""Edge cases of the signature encodings, after the cases of Project Wycheproof (ECDSA in DER, RSA of RFC 8017)."""

from __future__ import annotations

import hashlib

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.padding import MGF1, PSS, PKCS1v15
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA1, SHA256, SHA384, SHA512
from hypothesis import given, settings
from hypothesis import strategies as st

from confide.verify.signatures import BY_OID, ECDSA_ANY, RSA_PKCS1, RSA_PSS, verifies

MESSAGE = b"what was signed"
EC_KEY = ec.generate_private_key(ec.SECP384R1())
RSA_KEY = rsa.generate_private_key(65537, 2048)
ORDER = int("FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFC7634D81F4372DDF581A0DB248B0A77AECEC196ACCC52973", 16)


def ecdsa(message: bytes = MESSAGE) -> bytes:
    return EC_KEY.sign(message, ec.ECDSA(SHA384()))


def holds(signature: bytes, message: bytes = MESSAGE) -> bool:
    return verifies("ecdsa-sha384", EC_KEY.public_key(), signature, message)


def sequence(*integers: bytes) -> bytes:
    body = b"".join(integers)
    return bytes((0x30, len(body))) + body


def integer(value: int, pad: bytes = b"") -> bytes:
    raw = pad + value.to_bytes(value.bit_length() // 8 + 1, "big")
    return bytes((2, len(raw))) + raw


def test_right_signature_of_every_algorithm_is_taken():
    hashes = {"sha256": SHA256(), "sha384": SHA384(), "sha512": SHA512()}
    for name, digest in hashes.items():
        assert verifies(f"ecdsa-{name}", EC_KEY.public_key(), EC_KEY.sign(MESSAGE, ec.ECDSA(digest)), MESSAGE)
        pss = RSA_KEY.sign(MESSAGE, PSS(MGF1(digest), digest.digest_size), digest)
        assert verifies(f"rsa-pss-{name}", RSA_KEY.public_key(), pss, MESSAGE)
        pkcs1 = RSA_KEY.sign(MESSAGE, PKCS1v15(), digest)
        assert verifies(f"rsa-pkcs1-{name}", RSA_KEY.public_key(), pkcs1, MESSAGE)


def test_every_algorithm_named_for_certificates_is_one_that_verifies():
    assert set(BY_OID.values()) <= ECDSA_ANY | RSA_PKCS1 | RSA_PSS


R, S = decode_dss_signature(ecdsa())
WRONG_ECDSA = {
    "r zero": encode_dss_signature(0, S),
    "s zero": encode_dss_signature(R, 0),
    "both zero": encode_dss_signature(0, 0),
    "r and s one": encode_dss_signature(1, 1),
    "r is the order": encode_dss_signature(ORDER, S),
    "s is the order": encode_dss_signature(R, ORDER),
    "r plus the order": encode_dss_signature(R + ORDER, S),
    "s plus the order": encode_dss_signature(R, S + ORDER),
    "negative r": sequence(integer(R)[:2] + b"\xff" + integer(R)[3:], integer(S)),
    "r and s exchanged": encode_dss_signature(S, R),
    "r larger by one": encode_dss_signature(R + 1, S),
    "integers padded with zeros": sequence(integer(R, b"\0"), integer(S, b"\0")),
    "a third integer": sequence(integer(R), integer(S), integer(1)),
    "one integer only": sequence(integer(R)),
    "empty sequence": b"\x30\x00",
    "empty": b"",
    "a null byte": b"\x00",
    "trailing byte": ecdsa() + b"\x00",
    "last byte cut": ecdsa()[:-1],
    "indefinite length": b"\x30\x80" + ecdsa()[2:] + b"\0\0",
    "length in long form": b"\x30\x81" + ecdsa()[1:],
    "raw r and s instead of DER": R.to_bytes(48, "big") + S.to_bytes(48, "big"),
    "set instead of sequence": b"\x31" + ecdsa()[1:],
    "wrapped in an octet string": bytes((4, len(ecdsa()))) + ecdsa(),
    "of another message": ecdsa(b"something else"),
    "by another hash": EC_KEY.sign(MESSAGE, ec.ECDSA(SHA256())),
    "by another key": ec.generate_private_key(ec.SECP384R1()).sign(MESSAGE, ec.ECDSA(SHA384())),
}


@pytest.mark.parametrize("name", WRONG_ECDSA)
def test_ecdsa_signature_in_another_encoding_or_of_another_origin_is_not_taken(name: str):
    assert holds(ecdsa())
    assert not holds(WRONG_ECDSA[name])


WRONG_RSA = {
    "pss with a salt that is too short": RSA_KEY.sign(MESSAGE, PSS(MGF1(SHA384()), 20), SHA384()),
    "pss without salt": RSA_KEY.sign(MESSAGE, PSS(MGF1(SHA384()), 0), SHA384()),
    "pss with the longest salt": RSA_KEY.sign(MESSAGE, PSS(MGF1(SHA384()), PSS.MAX_LENGTH), SHA384()),
    "pss with another mask": RSA_KEY.sign(MESSAGE, PSS(MGF1(SHA256()), 48), SHA384()),
    "pkcs1 instead of pss": RSA_KEY.sign(MESSAGE, PKCS1v15(), SHA384()),
    "pss of another hash": RSA_KEY.sign(MESSAGE, PSS(MGF1(SHA256()), 32), SHA256()),
    "all zero": bytes(256),
    "the number one": bytes(255) + b"\1",
    "the modulus": RSA_KEY.public_key().public_numbers().n.to_bytes(256, "big"),
    "a byte too long": b"\0" + RSA_KEY.sign(MESSAGE, PSS(MGF1(SHA384()), 48), SHA384()),
    "a byte too short": RSA_KEY.sign(MESSAGE, PSS(MGF1(SHA384()), 48), SHA384())[:-1],
    "empty": b"",
}


@pytest.mark.parametrize("name", WRONG_RSA)
def test_rsa_pss_signature_with_other_parameters_is_not_taken(name: str):
    right = RSA_KEY.sign(MESSAGE, PSS(MGF1(SHA384()), 48), SHA384())
    assert verifies("rsa-pss-sha384", RSA_KEY.public_key(), right, MESSAGE)
    assert not verifies("rsa-pss-sha384", RSA_KEY.public_key(), WRONG_RSA[name], MESSAGE)


def _forged_padding(hash_part: bytes) -> bytes:
    """The block 00 01 FF… 00 <hash part>, as it stands before the private key's operation."""
    return b"\0\1" + b"\xff" * (256 - 3 - len(hash_part)) + b"\0" + hash_part


def _raw_rsa(block: bytes) -> bytes:
    numbers = RSA_KEY.private_numbers()
    return pow(int.from_bytes(block, "big"), numbers.d, numbers.public_numbers.n).to_bytes(256, "big")


PREFIX = bytes.fromhex("3041300d060960864801650304020205000430")
DIGEST = hashlib.sha384(MESSAGE).digest()
WRONG_PADDING = {
    "no prefix": _raw_rsa(_forged_padding(DIGEST)),
    "garbage after the hash (Bleichenbacher 2006)": _raw_rsa(
        b"\0\1" + b"\xff" * 8 + b"\0" + PREFIX + DIGEST + bytes(178)
    ),
    "prefix without NULL parameters": _raw_rsa(
        _forged_padding(bytes.fromhex("303f300b0609608648016503040202" + "0430") + DIGEST)
    ),
    "padding of block type 2": _raw_rsa(b"\0\2" + _forged_padding(PREFIX + DIGEST)[2:]),
    "zeros in the padding": _raw_rsa(_forged_padding(PREFIX + DIGEST).replace(b"\xff", b"\0", 1)),
    "the hash of another algorithm's name": _raw_rsa(
        _forged_padding(bytes.fromhex("3041300d060960864801650304020305000430") + DIGEST)
    ),
}


@pytest.mark.parametrize("name", WRONG_PADDING)
def test_rsa_pkcs1_signature_with_forged_padding_is_not_taken(name: str):
    assert verifies("rsa-pkcs1-sha384", RSA_KEY.public_key(), _raw_rsa(_forged_padding(PREFIX + DIGEST)), MESSAGE)
    assert not verifies("rsa-pkcs1-sha384", RSA_KEY.public_key(), WRONG_PADDING[name], MESSAGE)


@pytest.mark.parametrize("bits", [1024, 1536])
def test_short_rsa_keys_verify_nothing(bits: int):
    short = rsa.generate_private_key(65537, bits)
    assert not verifies("rsa-pkcs1-sha256", short.public_key(), short.sign(MESSAGE, PKCS1v15(), SHA256()), MESSAGE)


def test_curves_that_no_vendor_uses_verify_nothing():
    for curve in (ec.SECP256K1(), ec.SECP224R1(), ec.BrainpoolP384R1()):
        key = ec.generate_private_key(curve)
        signature = key.sign(MESSAGE, ec.ECDSA(SHA384()))
        assert not verifies("ecdsa-sha384", key.public_key(), signature, MESSAGE)


def test_algorithm_is_pinned_and_never_taken_from_the_key():
    """No confusion: an RSA key under an ECDSA name, another kind of key, an unknown or empty name."""
    pkcs1 = RSA_KEY.sign(MESSAGE, PKCS1v15(), SHA384())
    for name in (
        "ecdsa-sha384",
        "rsa-pss-sha384",
        "",
        "none",
        "rsa-pkcs1-",
        "-sha384",
        "rsa-pkcs1-sha1",
        "hmac-sha384",
    ):
        assert not verifies(name, RSA_KEY.public_key(), pkcs1, MESSAGE)
    other = ed25519.Ed25519PrivateKey.generate()
    assert not verifies("ecdsa-sha384", other.public_key(), other.sign(MESSAGE), MESSAGE)
    assert not verifies("ecdsa-sha384", None, ecdsa(), MESSAGE)


def test_sha1_is_no_algorithm():
    signature = RSA_KEY.sign(MESSAGE, PKCS1v15(), SHA1())
    assert not any(verifies(name, RSA_KEY.public_key(), signature, MESSAGE) for name in RSA_PKCS1)


@settings(max_examples=200)
@given(st.binary(max_size=110))
def test_no_bytes_are_a_signature_and_none_raise(data: bytes):
    assert not holds(data)
    assert not verifies("rsa-pss-sha384", RSA_KEY.public_key(), data, MESSAGE)


@settings(max_examples=300)
@given(st.integers(0, 102 * 8 - 1))
def test_no_flipped_bit_of_a_signature_is_overlooked(bit: int):
    data = bytearray(ecdsa())
    position = bit // 8 % len(data)
    data[position] ^= 1 << bit % 8
    assert not holds(bytes(data))
