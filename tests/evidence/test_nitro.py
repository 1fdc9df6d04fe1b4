"""Attestation documents of Nitro Enclaves: fields, types and limits of AWS's specification; shapes of delivery."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta

import cbor2
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding

from confide.errors import Refused
from confide.evidence import nitro
from confide.evidence.nitro import MAX_DOCUMENT, MAX_SIZE, parse_document
from confide.evidence.recognition import recognise
from confide.testing.fake_aws import FakeAws

AWS = FakeAws.create(datetime(2026, 6, 1, tzinfo=UTC))
HEALTHY = AWS.sign(AWS.document())


def code_of(data: bytes) -> str:
    with pytest.raises(Refused) as caught:
        parse_document(data)
    (code,) = caught.value.codes
    return code


def test_every_field_of_a_document_is_read():
    changes = {"nonce": b"n", "user_data": b"", "public_key": b"k", "pcrs": {0: b"\1" * 48, 31: b"\2" * 32}}
    document = parse_document(AWS.sign(AWS.document(**changes)))
    assert (document.nonce, document.user_data, document.public_key) == (b"n", b"", b"k")
    assert document.pcrs == changes["pcrs"]
    assert document.made_at == AWS.now
    assert len(document.cabundle) == 4
    assert document.claims()["pcrs"] == {"0": "01" * 48, "31": "02" * 32}
    assert (document.pcr(0), document.pcr(1)) == ("01" * 48, "")


def test_fields_that_are_not_set_are_null_or_left_out():
    assert parse_document(HEALTHY).nonce is None
    assert parse_document(AWS.sign(AWS.document(nonce=..., user_data=..., public_key=...))).nonce is None


def test_the_envelope_may_carry_its_tag():
    assert parse_document(AWS.sign(AWS.document(), tagged=True)).message.tagged


@pytest.mark.parametrize("data", [b"", bytes(MAX_SIZE + 1), b"\x84" * (MAX_SIZE + 1)])
def test_documents_that_are_empty_or_too_large_are_refused(data: bytes):
    assert code_of(data) == "nitro.size"


@pytest.mark.parametrize("payload", [None, b"", cbor2.dumps({"module_id": "x" * 16400})[:16385]])
def test_payloads_that_are_missing_or_too_large_are_refused(payload: bytes | None):
    message = cbor2.dumps([nitro.PROTECTED, {}, payload, b""])
    assert code_of(message) == "nitro.size"


@pytest.mark.parametrize("data", [b"\0", HEALTHY[:-1], HEALTHY + b"\0", b"\xd9\x01\x8f" + HEALTHY])
def test_bytes_that_are_no_envelope_are_refused(data: bytes):
    assert code_of(data) == "nitro.cose"


HEADERS = {
    "another algorithm": {"protected_bytes": bytes.fromhex("a10126")},
    "a key id beside it": {"protected_bytes": bytes.fromhex("a2013822044131")},
    "a content type": {"protected_bytes": bytes.fromhex("a20138220300")},
    "something unprotected": {"unprotected": {4: b"1"}},
}


@pytest.mark.parametrize("envelope", HEADERS.values(), ids=HEADERS.keys())
def test_a_header_that_is_not_exactly_the_one_is_refused(envelope: dict[str, object]):
    assert code_of(AWS.sign(AWS.document(), **envelope)) == "nitro.header"


@pytest.mark.parametrize("field", ["module_id", "digest", "timestamp", "pcrs", "certificate", "cabundle"])
def test_every_mandatory_field_is_missed(field: str):
    assert code_of(AWS.sign(AWS.document(**{field: ...}))) == "nitro.fields"


@pytest.mark.parametrize("payload", [b"\x80", b"\xff", b"\xa0", cbor2.dumps("document")])
def test_payloads_that_are_no_document_are_refused(payload: bytes):
    assert code_of(cbor2.dumps([nitro.PROTECTED, {}, payload, b""])) == "nitro.fields"


@pytest.mark.parametrize("field", ["debug", "nitrotpm_pcrs", "Nonce", 1])
def test_unknown_fields_are_refused(field: object):
    assert code_of(AWS.sign({**AWS.document(), field: b""})) == "nitro.fields"


def test_the_finding_names_the_fields_that_are_missing_or_unknown():
    for changes, named in (({"digest": ..., "pcrs": ...}, "digest, pcrs"), ({"debug": b"", "nonce": b"1"}, "debug")):
        with pytest.raises(Refused) as caught:
            parse_document(AWS.sign(AWS.document(**changes)))
        assert caught.value.findings[0].got == f"missing or unknown: {named}"


def test_sizes_up_to_the_largest_are_read():
    assert code_of(bytes(MAX_SIZE)) == "nitro.cose"
    payload = b"\x59\x3f\xfd" + bytes(16381)
    assert len(payload) == MAX_DOCUMENT
    assert code_of(cbor2.dumps([nitro.PROTECTED, {}, payload, b""])) == "nitro.fields"
    assert code_of(cbor2.dumps([nitro.PROTECTED, {}, payload + b"\0", b""])) == "nitro.size"


def test_a_field_twice_is_refused():
    payload = cbor2.dumps(AWS.document())
    twice = bytes([payload[0] + 1]) + payload[1:] + cbor2.dumps("nonce") + cbor2.dumps(b"other")
    assert code_of(cbor2.dumps([nitro.PROTECTED, {}, twice, b""])) == "nitro.fields"


LIMITS = {
    "module_id": [(["x", "x" * 256]), (["", "x" * 257, b"x", 1, None])],
    "digest": [["SHA384"], ["SHA256", "SHA512", "sha384", "", b"SHA384", None]],
    "timestamp": [[1, 2**40, 253_402_300_799_999], [0, -1, 2**63, 253_402_300_800_000, True, "1", None, b"1"]],
    "pcrs": [
        [{0: bytes(48)}, {31: bytes(32), 0: bytes(64)}, dict.fromkeys(range(32), bytes(48))],
        [{}, {32: bytes(48)}, {-1: bytes(48)}, {"0": bytes(48)}, {0: bytes(47)}, {0: bytes(20)}, {0: "x" * 48}, None,
         [bytes(48)], {0: None}],
    ],
    "certificate": [[b"1", bytes(1024)], [b"", bytes(1025), "x", None]],
    "cabundle": [[[b"1"], [bytes(1024)] * 7], [[], [b"1"] * 8, [b""], [bytes(1025)], ["1"], b"1", None, {0: b"1"}]],
    "public_key": [[b"1", bytes(1024)], [b"", bytes(1025), "x", 1]],
    "user_data": [[b"", bytes(512)], [bytes(513), "x", 1, [b"1"]]],
    "nonce": [[b"", bytes(512)], [bytes(513), "x", 1, True]],
}  # fmt: skip


@pytest.mark.parametrize(("field", "value"), [(name, value) for name, (good, _) in LIMITS.items() for value in good])
def test_values_within_the_limits_are_read(field: str, value: object):
    document = parse_document(AWS.sign(AWS.document(**{field: value})))
    got = getattr(document, field)
    assert (list(got) if field == "cabundle" else got) == value


@pytest.mark.parametrize(("field", "value"), [(name, value) for name, (_, bad) in LIMITS.items() for value in bad])
def test_values_outside_of_the_limits_are_refused(field: str, value: object):
    assert code_of(AWS.sign(AWS.document(**{field: value}))) == "nitro.limits"


def test_the_largest_time_is_still_a_date():
    document = parse_document(AWS.sign(AWS.document(timestamp=253_402_300_799_999)))
    assert document.claims()["timestamp"] == "9999-12-31T23:59:59.999+00:00"


def test_the_largest_document_leaves_room_for_its_envelope():
    assert (MAX_DOCUMENT, MAX_SIZE) == (16384, 16512)


def test_the_finding_names_the_field_and_its_size():
    with pytest.raises(Refused) as caught:
        parse_document(AWS.sign(AWS.document(nonce=bytes(513))))
    assert caught.value.findings[0].got == "nonce, bytes of size 513"


@pytest.mark.parametrize(
    ("pcrs", "debug"),
    [
        ({0: bytes(48)}, True),
        ({8: b"\1" * 48}, True),
        ({3: b"\1" * 48}, True),
        ({2: b"\1" * 48}, False),
        ({0: b"\1" * 48}, False),
    ],
)
def test_debug_mode_is_all_zero_measurements(pcrs: dict[int, bytes], *, debug: bool):
    assert parse_document(AWS.sign(AWS.document(pcrs=pcrs))).debug is debug


def tls_certificate(names: list[str]) -> x509.Certificate:
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([])
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(1).not_valid_before(AWS.now).not_valid_after(AWS.now + timedelta(days=1))
    if names:
        alternative = x509.SubjectAlternativeName([x509.DNSName(one) for one in names])
        builder = builder.add_extension(alternative, critical=False)
    return builder.sign(key, SHA256())


@pytest.mark.parametrize(
    "shape", [lambda d: d, lambda d: d.hex().encode(), lambda d: AWS.evidence(AWS.document()) and d]
)
def test_documents_are_recognised(shape):
    assert recognise(shape(HEALTHY)).format == "aws-nitro"


@pytest.mark.parametrize("name", ["attestation_document", "attestationDocument", "attestation_doc", "document"])
@pytest.mark.parametrize("write", [lambda d: d.hex(), list, lambda d: base64.b64encode(d).decode()])
def test_documents_in_json_are_recognised(name: str, write):
    given = json.dumps({"public_key": "00", name: write(HEALTHY)}).encode()
    assert recognise(given).evidence_bytes() == HEALTHY


@pytest.mark.parametrize("value", ["", "zz", [256], 1, None, {}, "00" * 40])
def test_other_json_is_not_taken_for_a_document(value: object):
    assert nitro.recognise(json.dumps({"document": value}).encode()) is None


@pytest.mark.parametrize("encoding", [Encoding.DER, Encoding.PEM])
def test_a_document_inside_a_tls_certificate_is_recognised(encoding: Encoding):
    certificate = tls_certificate(["enclave.example", f"{HEALTHY.hex()}.enclave.example"])
    assert recognise(certificate.public_bytes(encoding)).evidence_bytes() == HEALTHY


@pytest.mark.parametrize("names", [[], ["enclave.example"], ["8444a1013822xyz.example"]])
def test_certificates_without_a_document_are_not_taken_for_one(names: list[str]):
    for encoding in (Encoding.DER, Encoding.PEM):
        assert nitro.recognise(tls_certificate(names).public_bytes(encoding)) is None


@pytest.mark.parametrize(
    "data", [b"", b"8444a1013822", b"-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n"]
)
def test_other_bytes_are_not_taken_for_a_document(data: bytes):
    assert nitro.recognise(data) is None


@pytest.mark.parametrize("broken", ["AAA", "A*A="])
def test_pem_that_is_broken_holds_no_document(broken: str):
    assert nitro.recognise(f"-----BEGIN CERTIFICATE-----\n{broken}\n-----END CERTIFICATE-----\n".encode()) is None
