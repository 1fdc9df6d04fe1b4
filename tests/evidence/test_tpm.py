from __future__ import annotations

import base64
import json
from dataclasses import replace
from datetime import UTC, datetime

import cbor2
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from confide.errors import Refused
from confide.evidence.gce import NotAMessageError, read_attestation, read_fields, read_instance
from confide.evidence.recognition import recognise
from confide.evidence.tpm import (
    ECDSA,
    RSAPSS,
    RSASSA,
    digest_of_pcrs,
    encode_selection,
    parse_quote,
    parse_signature,
)
from confide.evidence.tpm_delivery import encode_pcrs, parse_pcrs
from confide.evidence.tpm_delivery import recognise as recognise_tpm
from confide.evidence.tpm_key import encode_key, parse_key
from confide.evidence.tpm_wire import sized, unwrap
from confide.testing.fake_boot import container_log
from confide.testing.fake_tpm import FakeTpm, instance_extension

NOW = datetime(2026, 6, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def tpm() -> FakeTpm:
    return FakeTpm.create(NOW)


def quote_code(raw: bytes) -> str:
    with pytest.raises(Refused) as caught:
        parse_quote(raw)
    return caught.value.codes[0]


# Quotes


def test_quote_is_read_as_it_was_written(tpm: FakeTpm):
    quote = tpm.quote(extra_data=b"question", selection=(("sha1", (0, 23)), ("sha384", (7,)), ("sha256", ())))
    assert parse_quote(quote.encode()) == quote
    assert quote.selected == {"sha1": {0, 23}, "sha384": {7}, "sha256": set()}


def test_mask_is_as_wide_as_its_pcrs_need():
    assert encode_selection((("sha256", (23,)),)) == b"\0\0\0\1\0\x0b\3\0\0\x80"
    assert encode_selection((("sha256", (24,)),)) == b"\0\0\0\1\0\x0b\4\0\0\0\1"


def test_selection_of_32_pcrs_is_read(tpm: FakeTpm):
    quote = tpm.quote(selection=(("sha256", (0, 31)),), pcr_digest=bytes(32))
    assert parse_quote(quote.encode()).selection == (("sha256", (0, 31)),)


def selection_of(raw: bytes, tpm: FakeTpm) -> bytes:
    whole = tpm.quote().encode()
    return whole.replace(encode_selection(tpm.selection), raw)


@pytest.mark.parametrize(
    "selection",
    [
        (17).to_bytes(4, "big"), b"\xff" * 4, b"\0\0\0\1\0\x0b\5" + bytes(5), b"\0\0\0\1\0\x99\3" + bytes(3),
        b"\0\0\0\2" + 2 * b"\0\x0b\3\1\0\0",
    ],
    ids=["too many", "endless", "too wide", "unknown bank", "a bank twice"],
)  # fmt: skip
def test_selection_that_cannot_be_is_refused(selection: bytes, tpm: FakeTpm):
    assert quote_code(selection_of(selection, tpm)) == "tpm.quote.malformed"


@pytest.mark.parametrize(
    "changes", [{"qualified_signer": bytes(69)}, {"extra_data": bytes(67)}, {"pcr_digest": bytes(65)}]
)
def test_buffer_longer_than_it_can_be_is_refused(changes: dict[str, bytes], tpm: FakeTpm):
    assert quote_code(tpm.quote(**changes).encode()) == "tpm.quote.malformed"


def test_safe_is_yes_or_no(tpm: FakeTpm):
    raw = bytearray(tpm.quote().encode())
    at = raw.index((8219159552).to_bytes(8, "big")) + 16
    raw[at] = 2
    assert quote_code(bytes(raw)) == "tpm.quote.malformed"


def test_values_are_hashed_bank_by_bank_and_by_rising_index():
    import hashlib

    values = {"sha1": {1: b"1" * 20}, "sha256": {0: b"0" * 32, 9: b"9" * 32}}
    selection = (("sha256", (9, 0)), ("sha1", (1,)))
    whole = b"0" * 32 + b"9" * 32 + b"1" * 20
    assert digest_of_pcrs(selection, values, "sha384") == hashlib.sha384(whole).digest()
    assert digest_of_pcrs((("sha256", (1,)),), values, "sha256") is None
    assert digest_of_pcrs((("sha512", (1,)),), values, "sha256") is None
    assert digest_of_pcrs(selection, values, "md5") is None


# Signatures


@pytest.mark.parametrize("kind", [RSASSA, RSAPSS, ECDSA])
def test_signature_is_read_as_it_was_written(kind: int):
    tpm = FakeTpm.create(NOW, "p256" if kind == ECDSA else "rsa", scheme=kind)
    raw = tpm.sign(b"message")
    assert parse_signature(raw).scheme == kind
    assert parse_signature(raw).encode() == raw


@pytest.mark.parametrize("raw", [b"", bytes(1025), b"\0\x14\0\x0b\2\1" + bytes(513), b"\0\x18\0\x0b\0\x43" + bytes(67)])
def test_signature_of_a_size_that_cannot_be_is_refused(raw: bytes):
    with pytest.raises(Refused) as caught:
        parse_signature(raw)
    assert caught.value.codes == ("tpm.signature.malformed",)


# Keys


def key_code(raw: bytes) -> str:
    with pytest.raises(Refused) as caught:
        parse_key(raw)
    return caught.value.codes[0]


@pytest.mark.parametrize(
    "key",
    [
        rsa.generate_private_key(65537, 2048), rsa.generate_private_key(3, 2048),
        *(ec.generate_private_key(curve) for curve in (ec.SECP256R1(), ec.SECP384R1(), ec.SECP521R1())),
    ],
    ids=["rsa", "exponent 3", "p256", "p384", "p521"],
)  # fmt: skip
def test_key_is_read_as_it_was_written(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey):
    public = key.public_key()
    raw = encode_key(public, scheme=0x0014)
    found = parse_key(raw)
    assert found.key == public
    assert found.is_attestation_key
    assert parse_key(sized(raw)) == found


@pytest.fixture(scope="module")
def area(tpm: FakeTpm) -> bytes:
    return tpm.public_area()


def test_storage_key_with_its_cipher_is_read_and_is_no_attestation_key(area: bytes):
    head, rest = area[:10], area[16:]
    storage = parse_key(head + b"\0\x06\0\x80\0\x43" + b"\0\x10" + rest)
    assert storage.scheme == 0x10
    daa = parse_key(head + b"\0\x10" + b"\0\x1a\0\x0b\0\1" + rest)
    assert daa.scheme_hash == "sha256"


def test_every_truncation_of_a_key_is_refused(area: bytes):
    assert {key_code(area[:size]) for size in range(len(area))} == {"tpm.ak.malformed"}
    assert key_code(area + b"\0") == "tpm.ak.malformed"


@pytest.mark.parametrize(
    ("at", "new"),
    [
        (0, b"\0\x08"), (2, b"\0\x99"), (8, b"\0\x41"), (12, b"\0\x14\0\x99"), (16, b"\x08\1"), (16, b"\x0c\0"),
        (22, b"\x01\0\x7f"),
    ],
    ids=["another type", "unknown names", "a long policy", "unknown hash", "odd size", "another size", "short modulus"],
)  # fmt: skip
def test_key_that_cannot_be_is_refused(area: bytes, at: int, new: bytes):
    assert key_code(area[:at] + new + area[at + len(new) :]) == "tpm.ak.malformed"


def test_even_modulus_and_point_off_its_curve_are_refused(area: bytes):
    assert key_code(area[:18] + b"\0\0\0\2" + area[22:]) == "tpm.ak.malformed"
    point = encode_key(ec.generate_private_key(ec.SECP256R1()).public_key(), scheme=ECDSA)
    assert key_code(point[:-1] + bytes([point[-1] ^ 1])) == "tpm.ak.malformed"
    assert key_code(point.replace(b"\0\3\0\x10", b"\0\7\0\x10")) == "tpm.ak.malformed"
    assert parse_key(point.replace(b"\0\3\0\x10", b"\0\3\0\x20\0\x0b")).key


# PCR values


def test_values_are_read_as_they_were_written():
    values = {"sha256": {0: bytes(32), 31: b"\1" * 32}, "sha1": {}}
    assert parse_pcrs(encode_pcrs(values)) == values


# Deliveries


def test_bare_quote_is_recognised_with_its_size_and_without(tpm: FakeTpm):
    raw = tpm.quote().encode()
    for shape in (raw, sized(raw), base64.b64encode(raw), raw.hex().encode()):
        assert recognise(shape).evidence_bytes() == raw
    assert recognise_tpm(raw + bytes(1024)) is None
    assert unwrap(b"") == b""


def test_trustees_json_is_recognised(tpm: FakeTpm):
    bundle = tpm.evidence(tpm.quote(selection=(("sha256", tuple(range(24))),)))
    values = [value.hex() for _, value in sorted(tpm.boot.values("sha256").items())]
    encode = lambda raw: base64.b64encode(raw).decode()  # noqa: E731 - a short name
    quote = {"message": bundle.evidence, "signature": bundle.parts["signature"], "pcrs": values}
    table = {"ak_public": encode(tpm.spki), "tpm_quote": quote}
    found = recognise(json.dumps(table).encode())
    assert (found.evidence, found.part("signature")) == (bundle.evidence, bundle.part("signature"))
    assert found.part("ak") == tpm.spki
    assert parse_pcrs(found.part("pcrs") or b"")["sha256"] == tpm.boot.values("sha256")
    without = json.dumps(table | {"tpm_quote": quote | {"pcrs": None}}).encode()
    assert recognise(without).part("pcrs") == b"{}"


@pytest.mark.parametrize(
    "table",
    [{}, {"tpm_quote": 1}, {"tpm_quote": {}}, {"tpm_quote": {"message": "!"}}, {"tpm_quote": {"message": "AAAA"}}],
)
def test_other_json_is_not_recognised(table: dict[str, object]):
    assert recognise_tpm(json.dumps(table).encode()) is None


def test_parsecs_token_is_recognised_without_its_other_key(tpm: FakeTpm):
    raw = tpm.quote().encode()
    token = {"kat": {"pubArea": b"other"}, "pat": {"attestInfo": raw, "sig": b"signature"}}
    found = recognise_tpm(cbor2.dumps(token))
    assert found is not None
    assert (found.evidence_bytes(), dict(found.parts)) == (raw, {"signature": base64.b64encode(b"signature").decode()})
    for other in ({}, {"kat": 1, "pat": {}}, {"kat": {}, "pat": {"attestInfo": 1, "sig": b""}}):
        assert recognise_tpm(cbor2.dumps(other)) is None


def test_nodes_token_is_recognised(tpm: FakeTpm):
    raw = tpm.quote().encode()
    found = recognise_tpm(bytes(16) + sized(raw) + b"signature")
    assert found is not None
    assert (found.evidence_bytes(), found.part("signature")) == (raw, b"signature")
    assert recognise_tpm(bytes(16) + sized(raw)) is None


# Google's message


def varint(value: int) -> bytes:
    return bytes([value]) if value < 128 else bytes([value & 127 | 128]) + varint(value >> 7)


def field(number: int, value: int | bytes) -> bytes:
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    return varint(number << 3 | 2) + varint(len(value)) + value


def message_of(tpm: FakeTpm, banks: dict[str, int], **logs: bytes) -> bytes:
    quotes = b""
    for bank, number in banks.items():
        selection = ((bank, tuple(range(24))),)
        raw = replace(tpm, bank=bank).quote(selection=selection).encode()
        entries = [field(1, i) * bool(i) + field(2, value) for i, value in sorted(tpm.boot.values(bank).items())]
        pcrs = field(1, number) + b"".join(field(2, entry) for entry in entries)
        quotes += field(2, field(1, raw) + field(2, tpm.sign(raw)) + field(3, pcrs))
    whole = field(1, tpm.public_area()) + quotes + field(3, logs.get("event_log", b""))
    whole += field(5, logs.get("canonical", b"")) + field(6, tpm.leaf().der) + field(7, tpm.intermediate.der)
    return whole + field(7, tpm.root.der) + field(4, field(4, b"lies about the instance")) + field(99, 1)


def test_googles_message_is_recognised_and_verified(tpm: FakeTpm):
    from confide.verify import verify_evidence

    message = message_of(tpm, {"sha1": 4, "sha384": 12, "sha256": 11}, event_log=tpm.boot.encode())
    bundle = recognise(message)
    verified = verify_evidence(bundle, now=NOW, report_data=b"", simulated_roots=[tpm.root_fingerprint])
    assert verified.claims["bank"] == "sha256"
    assert verified.claims["boot"]["secure_boot"] is True
    only = recognise(message_of(tpm, {"sha384": 12}, canonical=container_log("sha256:00")))
    assert list(parse_pcrs(only.part("pcrs") or b"")) == ["sha384"]
    assert only.part("event_log") is None
    assert only.part("canonical_event_log") == container_log("sha256:00")


def test_every_truncation_of_googles_message_is_read_or_refused(tpm: FakeTpm):
    message = message_of(tpm, {"sha256": 11})
    assert read_attestation(message) is not None
    found = [read_attestation(message[:size]) for size in range(0, 3000, 7)]
    assert None in found


@pytest.mark.parametrize(
    "data",
    [b"\x08", b"\x0d1234", b"\x0a\xff", b"\x08" + b"\xff" * 10, b"\x08\x01" * 4097, b"\x0a"],
    ids=["no value", "another kind", "beyond the message", "a long number", "many fields", "no size"],
)
def test_message_that_does_not_parse_is_none(data: bytes):
    with pytest.raises(NotAMessageError):
        read_fields(data)
    assert read_attestation(data) is None


@pytest.mark.parametrize(
    "message",
    [
        b"", field(1, b"key"), field(2, field(1, b"q") + field(2, b"s") + field(3, field(1, 11))),
        field(1, b"k") + 17 * field(2, field(1, b"q") + field(2, b"s") + field(3, field(1, 11))),
        field(1, b"k") + field(2, field(1, b"q") + field(3, field(1, 11))),
        field(1, b"k") + field(2, field(1, b"q") + field(2, b"s") + field(3, field(1, 99))),
        field(1, b"k") + field(2, field(1, b"q") + field(2, b"s") + field(3, field(1, 11) + field(2, field(2, b"v")))),
    ],
)  # fmt: skip
def test_message_without_what_it_needs_is_none(message: bytes):
    assert read_attestation(message) is None


def test_instance_is_read_from_its_extension():
    found = read_instance(instance_extension())
    assert found is not None
    assert (found.project_id, found.zone, found.instance_name) == ("project-example", "us-central1-a", "machine")
    assert found.claims()["instance_id"] == "6797026933021542085"
    assert read_instance(instance_extension(project="p" * 200)) is not None
    assert read_instance(instance_extension(project="p" * 300)) is not None


def test_every_cut_of_an_instance_is_none():
    whole = instance_extension()
    assert all(read_instance(whole[:size]) is None for size in range(len(whole)))
    assert read_instance(whole + b"\0\0") is None
    assert read_instance(whole.replace(b"machine", b"\xff\xff\xff\xff\xff\xff\xff")) is None
    assert read_instance(b"\x30\x85\1\1\1\1\1") is None
