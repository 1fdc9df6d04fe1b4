"""COSE_Sign1: parsing, the bytes that are signed, and signatures by the pinned algorithm alone."""

from __future__ import annotations

from dataclasses import replace

import cbor2
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.padding import MGF1, PSS
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256, SHA384, SHA512

from confide.evidence import cose
from confide.evidence.cose import (
    ES256,
    ES384,
    ES512,
    PS256,
    PS384,
    PS512,
    RS256,
    CoseSign1,
    MalformedCoseError,
    parse_sign1,
)
from confide.verify.cose_signature import cose_verifies

CURVES = {ES256: (ec.SECP256R1, SHA256), ES384: (ec.SECP384R1, SHA384), ES512: (ec.SECP521R1, SHA512)}
HASHES = {PS256: SHA256, PS384: SHA384, PS512: SHA512}
P256_ORDER = int("FFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551", 16)

# RFC 9052, appendix C.2.1: a message by ES256, and its public key (appendix C.7.1, key "11").
RFC_MESSAGE = bytes.fromhex(
    "d28443a10126a10442313154546869732069732074686520636f6e74656e742e58408eb33e4ca31d1c465ab05aac34cc6b23d58fef5c083106"
    "c4d25a91aef0b0117e2af9a291aa32e14ab834dc56ed2a223444547e01f11d3b0916e5a4c345cacb36"
)
RFC_KEY = ec.EllipticCurvePublicNumbers(
    int("bac5b11cad8f99f9c72b05cf4b9e26d244dc189f745228255a219a86d6a09eff", 16),
    int("20138bf82dc1b6d562be0fa54ab7804a3a64b6d72ccfed6b6fb6ed28bbfc117e", 16),
    ec.SECP256R1(),
).public_key()


@pytest.fixture(scope="module")
def key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP384R1())


@pytest.fixture(scope="module")
def rsa_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


def unsigned(algorithm: int = ES384, payload: bytes | None = b"payload", **changes: object) -> CoseSign1:
    header = {1: algorithm}
    return replace(CoseSign1(cbor2.dumps(header), header, {}, payload, b""), **changes)


def sign(message: CoseSign1, key: ec.EllipticCurvePrivateKey, **how: bytes) -> CoseSign1:
    digest = next(digest for curve, digest in CURVES.values() if isinstance(key.curve, curve))
    r, s = decode_dss_signature(key.sign(message.to_be_signed(**how), ec.ECDSA(digest())))
    size = (key.key_size + 7) // 8
    return replace(message, signature=r.to_bytes(size, "big") + s.to_bytes(size, "big"))


def sign_pss(message: CoseSign1, key: rsa.RSAPrivateKey, digest: type = SHA384, salt: int | None = None) -> CoseSign1:
    padding = PSS(MGF1(digest()), digest.digest_size if salt is None else salt)
    return replace(message, signature=key.sign(message.to_be_signed(), padding, digest()))


def test_the_message_of_the_rfc_verifies():
    message = parse_sign1(RFC_MESSAGE, tagged=True)
    assert (message.algorithm, message.payload, message.unprotected) == (ES256, b"This is the content.", {4: b"11"})
    assert cose_verifies(message, RFC_KEY, algorithm=ES256)
    assert message.encode() == RFC_MESSAGE


def test_the_signed_bytes_are_those_of_the_rfc():
    wanted = "846a5369676e61747572653143a101264054546869732069732074686520636f6e74656e742e"
    assert parse_sign1(RFC_MESSAGE).to_be_signed().hex() == wanted


def test_the_tag_is_as_the_caller_demands():
    untagged = RFC_MESSAGE[1:]
    assert not parse_sign1(untagged).tagged
    assert parse_sign1(RFC_MESSAGE).tagged
    parse_sign1(untagged, tagged=False)
    for data, tagged in ((untagged, True), (RFC_MESSAGE, False)):
        with pytest.raises(MalformedCoseError, match="tag 18"):
            parse_sign1(data, tagged=tagged)


ALG = cbor2.dumps({1: ES384})
SHAPES = {
    "not CBOR": b"\xff",
    "a map": cbor2.dumps({}),
    "an array of three": cbor2.dumps([ALG, {}, b""]),
    "an array of five": cbor2.dumps([ALG, {}, b"", b"", b""]),
    "a protected header as a map": cbor2.dumps([{1: ES384}, {}, b"", b""]),
    "an unprotected header as bytes": cbor2.dumps([ALG, b"\xa0", b"", b""]),
    "a payload as text": cbor2.dumps([ALG, {}, "", b""]),
    "a signature as null": cbor2.dumps([ALG, {}, b"", None]),
    "a protected header that is a list": cbor2.dumps([b"\x80", {}, b"", b""]),
    "a protected header with more behind it": cbor2.dumps([ALG + b"\0", {}, b"", b""]),
    "no protected header": cbor2.dumps([b"", {1: ES384}, b"", b""]),
    "an empty protected header": cbor2.dumps([b"\xa0", {}, b"", b""]),
    "an algorithm as text": cbor2.dumps([cbor2.dumps({1: "ES384"}), {}, b"", b""]),
    "an algorithm that is true": cbor2.dumps([cbor2.dumps({1: True}), {}, b"", b""]),
    "a label twice": cbor2.dumps([b"\xa2\x01\x38\x22\x01\x26", {}, b"", b""]),
    "a label in both headers": cbor2.dumps([ALG, {1: ES384}, b"", b""]),
    "a label of bytes": cbor2.dumps([ALG, {b"1": 0}, b"", b""]),
    "critical headers": cbor2.dumps([cbor2.dumps({1: ES384, 2: [9]}), {}, b"", b""]),
    "critical headers that nobody signed": cbor2.dumps([ALG, {2: [9]}, b"", b""]),
    "another tag": b"\xd1" + RFC_MESSAGE[1:],
    "the tag twice": b"\xd2" + RFC_MESSAGE,
    "a byte more": RFC_MESSAGE + b"\0",
    "a tag in a header": cbor2.dumps([ALG, {9: cbor2.CBORTag(99, 0)}, b"", b""]),
}


def test_the_shape_of_these_cases_is_right_but_for_their_fault():
    assert parse_sign1(cbor2.dumps([ALG, {}, b"", b""])).algorithm == ES384


@pytest.mark.parametrize("data", SHAPES.values(), ids=SHAPES.keys())
def test_what_is_no_message_is_refused(data: bytes):
    with pytest.raises(MalformedCoseError):
        parse_sign1(data)


def test_tags_in_headers_are_taken_where_they_are_asked_for():
    parse_sign1(SHAPES["a tag in a header"], tags={99})


def test_the_numbers_are_those_of_the_registry():
    """RFC 9053, table 1; RFC 8230, table 1; RFC 8812, table 1; RFC 9052, table 3; RFC 9360, table 1."""
    assert (ES256, ES384, ES512) == (-7, -35, -36)
    assert (PS256, PS384, PS512) == (-37, -38, -39)
    assert (cose.RS256, cose.RS384, cose.RS512) == (-257, -258, -259)
    assert (cose.ALGORITHM, cose.CRITICAL, cose.CONTENT_TYPE, cose.KEY_ID, cose.X5CHAIN) == (1, 2, 3, 4, 33)
    assert cose.COSE_SIGN1_TAG == 18


def test_a_tag_for_the_headers_is_none_for_the_message():
    with pytest.raises(MalformedCoseError, match="array of four"):
        parse_sign1(b"\xd8\x63" + RFC_MESSAGE[1:], tags={99})


def test_longer_forms_are_taken_where_that_is_asked_for_alone():
    longer = b"\xd8\x12" + RFC_MESSAGE[1:]
    assert parse_sign1(longer, variant=True) == parse_sign1(RFC_MESSAGE)
    with pytest.raises(MalformedCoseError, match="shortest"):
        parse_sign1(longer)


def test_a_message_is_untagged_unless_it_says_otherwise():
    assert not CoseSign1(ALG, {1: ES384}, {}, b"", b"").tagged


def test_a_message_larger_than_the_limit_is_refused_unread():
    with pytest.raises(MalformedCoseError, match="more than 10"):
        parse_sign1(RFC_MESSAGE, max_bytes=10)


def test_no_truncation_is_a_message():
    for size in range(len(RFC_MESSAGE)):
        with pytest.raises(MalformedCoseError):
            parse_sign1(RFC_MESSAGE[:size])


def test_no_bit_flip_verifies():
    """But for those that turn the unprotected key id, which nobody signed, into another one."""
    accepted = set()
    for bit in range(8 * len(RFC_MESSAGE)):
        changed = bytearray(RFC_MESSAGE)
        changed[bit // 8] ^= 1 << bit % 8
        try:
            message = parse_sign1(bytes(changed))
        except MalformedCoseError:
            continue
        if cose_verifies(message, RFC_KEY, algorithm=ES256):
            accepted.add(bit // 8)
    assert accepted <= {6, 7, 8, 9, 10}


@pytest.mark.parametrize("algorithm", CURVES)
def test_elliptic_curve_signatures_verify_on_their_own_curve(algorithm: int):
    keys = {number: ec.generate_private_key(curve()) for number, (curve, _) in CURVES.items()}
    message = sign(unsigned(algorithm), keys[algorithm])
    assert cose_verifies(parse_sign1(message.encode()), keys[algorithm].public_key(), algorithm=algorithm)
    for other in CURVES.keys() - {algorithm}:
        assert not cose_verifies(sign(unsigned(algorithm), keys[other]), keys[other].public_key(), algorithm=algorithm)


@pytest.mark.parametrize("algorithm", HASHES)
def test_rsa_signatures_verify_with_a_salt_as_long_as_the_hash(rsa_key: rsa.RSAPrivateKey, algorithm: int):
    digest = HASHES[algorithm]
    message = sign_pss(unsigned(algorithm), rsa_key, digest)
    assert cose_verifies(message, rsa_key.public_key(), algorithm=algorithm)
    short = sign_pss(unsigned(algorithm), rsa_key, digest, salt=16)
    assert not cose_verifies(short, rsa_key.public_key(), algorithm=algorithm)


def test_a_short_rsa_key_is_refused():
    small = rsa.generate_private_key(65537, 1024)
    assert not cose_verifies(sign_pss(unsigned(PS384), small), small.public_key(), algorithm=PS384)


def test_the_message_does_not_choose_the_algorithm(key: ec.EllipticCurvePrivateKey):
    message = sign(unsigned(ES384), key)
    assert cose_verifies(message, key.public_key(), algorithm=ES384)
    for other in (ES256, ES512, PS384, RS256, 0):
        assert not cose_verifies(message, key.public_key(), algorithm=other)
    for named in (ES256, PS384, 0, 5):
        assert not cose_verifies(sign(unsigned(named), key), key.public_key(), algorithm=ES384)


def test_an_algorithm_that_is_not_known_is_refused(rsa_key: rsa.RSAPrivateKey):
    assert not cose_verifies(sign_pss(unsigned(RS256), rsa_key), rsa_key.public_key(), algorithm=RS256)


def test_a_key_of_another_kind_is_refused(key: ec.EllipticCurvePrivateKey, rsa_key: rsa.RSAPrivateKey):
    message = sign(unsigned(), key)
    for stranger in (rsa_key.public_key(), ed25519.Ed25519PrivateKey.generate().public_key(), None):
        assert not cose_verifies(message, stranger, algorithm=ES384)
    assert not cose_verifies(sign_pss(unsigned(PS384), rsa_key), key.public_key(), algorithm=PS384)


@pytest.mark.parametrize("algorithm", CURVES)
def test_an_elliptic_curve_key_goes_with_one_hash(algorithm: int):
    """A signature that is right but for its curve, which another algorithm has."""
    for other in CURVES.keys() - {algorithm}:
        private, (_, digest) = ec.generate_private_key(CURVES[other][0]()), CURVES[algorithm]
        message = unsigned(algorithm)
        r, s = decode_dss_signature(private.sign(message.to_be_signed(), ec.ECDSA(digest())))
        size = (private.key_size + 7) // 8
        signed = replace(message, signature=r.to_bytes(size, "big") + s.to_bytes(size, "big"))
        assert not cose_verifies(signed, private.public_key(), algorithm=algorithm)


def test_no_key_at_all_is_refused(rsa_key: rsa.RSAPrivateKey):
    for stranger in (None, b"key", ed25519.Ed25519PrivateKey.generate().public_key()):
        assert not cose_verifies(sign_pss(unsigned(PS384), rsa_key), stranger, algorithm=PS384)


def test_a_detached_payload_is_signed_too(key: ec.EllipticCurvePrivateKey):
    message = sign(unsigned(payload=None), key, detached=b"elsewhere")
    assert cose_verifies(message, key.public_key(), algorithm=ES384, detached=b"elsewhere")
    assert not cose_verifies(message, key.public_key(), algorithm=ES384, detached=b"Elsewhere")


def test_a_payload_that_is_missing_or_there_twice_is_no_answer(key: ec.EllipticCurvePrivateKey):
    with pytest.raises(MalformedCoseError):
        cose_verifies(sign(unsigned(payload=None), key, detached=b"x"), key.public_key(), algorithm=ES384)
    with pytest.raises(MalformedCoseError):
        cose_verifies(sign(unsigned(), key), key.public_key(), algorithm=ES384, detached=b"payload")


def test_external_data_are_signed_too(key: ec.EllipticCurvePrivateKey):
    message = sign(unsigned(), key, external_aad=b"context")
    assert cose_verifies(message, key.public_key(), algorithm=ES384, external_aad=b"context")
    assert not cose_verifies(message, key.public_key(), algorithm=ES384)


def numbers(r: int, s: int, size: int = 32) -> bytes:
    return r.to_bytes(size, "big") + s.to_bytes(size, "big")


# Wycheproof's cases of ECDSA in the form of P1363 (r and s, one after the other): all refused.
EDGES = {
    "nothing": b"",
    "zeroes": bytes(64),
    "r is zero": numbers(0, 1),
    "s is zero": numbers(1, 0),
    "ones": numbers(1, 1),
    "r is the order": numbers(P256_ORDER, 1),
    "s is the order": numbers(1, P256_ORDER),
    "all bits": b"\xff" * 64,
    "one byte less": RFC_MESSAGE[-64:-1],
    "one byte more": RFC_MESSAGE[-64:] + b"\0",
    "a byte before": b"\0" + RFC_MESSAGE[-64:],
    "r alone": RFC_MESSAGE[-64:-32],
    "s before r": RFC_MESSAGE[-32:] + RFC_MESSAGE[-64:-32],
    "both padded": b"\0" + RFC_MESSAGE[-64:-32] + b"\0" + RFC_MESSAGE[-32:],
    "r reduced": numbers(int.from_bytes(RFC_MESSAGE[-64:-32], "big") ^ 1, int.from_bytes(RFC_MESSAGE[-32:], "big")),
}


@pytest.mark.parametrize("signature", EDGES.values(), ids=EDGES.keys())
def test_odd_signatures_are_refused(signature: bytes):
    message = parse_sign1(RFC_MESSAGE)
    assert not cose_verifies(replace(message, signature=signature), RFC_KEY, algorithm=ES256)


def test_a_signature_in_der_is_refused(key: ec.EllipticCurvePrivateKey):
    message = unsigned()
    der = key.sign(message.to_be_signed(), ec.ECDSA(SHA384()))
    assert not cose_verifies(replace(message, signature=der), key.public_key(), algorithm=ES384)
