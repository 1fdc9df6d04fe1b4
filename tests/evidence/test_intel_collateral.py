from __future__ import annotations

import json
import random
import time
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote as url_encoded

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import load_der_x509_certificate, load_der_x509_crl

from confide.errors import ConfideError, Refused
from confide.evidence.intel_collateral import Collateral, read_collateral
from confide.ids import to_base64
from confide.testing.fake_intel import FakeIntel

FAKE = FakeIntel.create(datetime(2026, 6, 1, tzinfo=UTC))
MACHINE = FAKE.domain()
INFO, IDENTITY, ROOT_LIST, PCK_LIST, SIGNER, ROOT = FAKE.collateral(MACHINE)


def pem(*ders: bytes) -> str:
    return "".join(load_der_x509_certificate(der).public_bytes(Encoding.PEM).decode() for der in ders)


def whole(**changes: Any) -> bytes:
    """The JSON of dcap-qvl's QuoteCollateralV3."""
    info, identity = json.loads(INFO), json.loads(IDENTITY)
    fields = {
        "pck_crl_issuer_chain": pem(FAKE.platform_ca.der, ROOT),
        "root_ca_crl": ROOT_LIST.hex(),
        "pck_crl": PCK_LIST.hex(),
        "tcb_info_issuer_chain": pem(SIGNER, ROOT),
        "tcb_info": json.dumps(info["tcbInfo"], separators=(",", ":")),
        "tcb_info_signature": info["signature"],
        "qe_identity_issuer_chain": pem(SIGNER, ROOT),
        "qe_identity": json.dumps(identity["enclaveIdentity"], separators=(",", ":")),
        "qe_identity_signature": identity["signature"],
    }
    return json.dumps({name: value for name, value in (fields | changes).items() if value is not None}).encode()


def read(*pieces: bytes) -> Collateral:
    return read_collateral(pieces)


def texts(found: Collateral) -> list[bytes]:
    return [one.text for one in (*found.tcb_infos, *found.identities)]


def refusal(*pieces: bytes) -> str:
    with pytest.raises(Refused) as caught:
        read(*pieces)
    assert caught.value.codes == ("endorsement.malformed",)
    return caught.value.findings[0].got


def test_separate_files_are_told_apart_by_content():
    found = read(PCK_LIST, IDENTITY, ROOT, INFO, SIGNER, ROOT_LIST)
    assert set(found.items) == {PCK_LIST, ROOT, SIGNER, ROOT_LIST}
    assert found.tcb_infos[0].value.fmspc == "B0C06F000000"
    assert found.identities[0].value.id == "TD_QE"


def test_document_keeps_the_very_bytes_that_were_signed():
    spaced = b'{"signature":"%s" , "tcbInfo" :  %s }' % (b"00" * 64, json.dumps(MACHINE.tcb_info, indent=2).encode())
    (found,) = read(spaced).tcb_infos
    assert found.text == json.dumps(MACHINE.tcb_info, indent=2).encode()
    assert found.signature == bytes(64)


def test_whole_collateral_is_the_same_as_its_pieces():
    found, pieces = read(whole()), read(INFO, IDENTITY, ROOT_LIST, PCK_LIST, SIGNER, ROOT)
    assert texts(found) == texts(pieces)
    assert set(found.items) == {*pieces.items, FAKE.platform_ca.der}


def test_whole_collateral_of_intels_libraries_has_responses_inside():
    """`sgx_ql_qve_collateral_t`: the same names, the responses as text with a zero behind, lists in PEM."""
    list_pem = load_der_x509_crl(ROOT_LIST).public_bytes(Encoding.PEM).decode() + "\0"
    data = whole(version=3, tee_type=0x81, tcb_info=INFO.decode() + "\0", tcb_info_signature=None,
                 qe_identity=IDENTITY.decode(), qe_identity_signature=None, root_ca_crl=list_pem)  # fmt: skip
    assert texts(read(data)) == texts(read(whole()))
    assert set(read(data).items) == set(read(whole()).items)


@pytest.mark.parametrize(
    "write",
    [
        lambda der: der,
        bytes.hex,
        to_base64,
        lambda der: load_der_x509_crl(der).public_bytes(Encoding.PEM),
        lambda der: load_der_x509_crl(der).public_bytes(Encoding.PEM).hex(),
        lambda der: f"\n{der.hex().upper()}\n",
    ],
)
def test_list_is_read_in_every_shape(write: Any):
    written = write(PCK_LIST)
    assert read(written if isinstance(written, bytes) else written.encode()).items == (PCK_LIST,)


def test_chain_of_a_header_is_url_encoded():
    assert read(url_encoded(pem(SIGNER, ROOT)).encode()).items == (SIGNER, ROOT)


def test_whole_collateral_may_lack_a_part():
    found = read(whole(qe_identity=None, qe_identity_signature=None, pck_crl=""))
    assert (len(found.tcb_infos), len(found.identities)) == (1, 0)
    assert PCK_LIST not in found.items


def test_the_same_item_twice_is_one():
    assert read(ROOT, ROOT, pem(ROOT).encode()).items == (ROOT,)


@pytest.mark.parametrize(
    ("piece", "why"),
    [
        (b"\x00\x01", "endorsement 1"),
        (b"30" * 99, "neither DER, PEM nor JSON"),
        (b"{}", "no collateral"),
        (b'{"a": 1}', "no collateral"),
        (b"[]", "endorsement 1"),
        (b'{"tcbInfo": {}, "signature": "00"}', "signature of 1 bytes"),
        (b'{"tcbInfo": {}, "signature": "%s"}' % (b"00" * 64), "endorsement 1"),
        (b'{"tcbInfo": {}}', "without one document"),
        (b'{"tcbInfo": {}, "enclaveIdentity": {}, "signature": ""}', "without one document"),
        (b'{"tcb_info": 1, "tcb_info_signature": ""}', "no text"),
        (b'{"tcbInfo": {"a": 1, "a": 2}, "signature": "%s"}' % (b"00" * 64), "twice"),
        (b"-----BEGIN CERTIFICATE-----", "PEM"),
        (b"-----BEGIN%20CERTIFICATE-----%0", "PEM"),
    ],
)
def test_what_is_no_collateral_is_refused(piece: bytes, why: str):
    assert why in refusal(piece)


@pytest.mark.parametrize(
    "change",
    [
        {"version": 2},
        {"id": "TEE"},
        {"fmspc": "B0C06F00000"},
        {"fmspc": "B0C06F000000\n"},
        {"pceId": "00"},
        {"issueDate": "yesterday"},
        {"issueDate": "2026-06-01T00:00:00"},
        {"tcbType": 1},
        {"tcbEvaluationDataNumber": -1},
        {"tcbEvaluationDataNumber": True},
        {"tcbLevels": [{}]},
        {"tdxModule": {"mrsigner": "00"}},
    ],
)
def test_tcb_info_of_another_shape_is_refused(change: dict[str, Any]):
    refusal(FAKE.sign_document("tcbInfo", MACHINE.tcb_info | change))


@pytest.mark.parametrize("count", [0, 15, 17])
def test_levels_have_sixteen_components(count: int):
    info = json.loads(json.dumps(MACHINE.tcb_info))
    info["tcbLevels"][0]["tcb"]["sgxtcbcomponents"] = [{"svn": 1}] * count
    refusal(FAKE.sign_document("tcbInfo", info))


@pytest.mark.parametrize("change", [{"version": 3}, {"id": "QVE2"}, {"mrsigner": "00"}, {"isvprodid": 1 << 16}])
def test_identity_of_another_shape_is_refused(change: dict[str, Any]):
    refusal(FAKE.sign_document("enclaveIdentity", MACHINE.identity | change))


def test_members_that_are_not_known_do_not_matter():
    info = MACHINE.tcb_info | {"comment": "from a later version of the service"}
    assert read(FAKE.sign_document("tcbInfo", info)).tcb_infos


def test_too_much_is_refused():
    assert "33 endorsements" in refusal(*[ROOT] * 33)
    assert "1048577 bytes" in refusal(bytes((1 << 20) + 1))
    assert "33 items" in refusal(pem(*[ROOT] * 20).encode(), pem(*[ROOT] * 13).encode())


def changed(source: random.Random, piece: bytes) -> bytes:
    """A piece with some of its bytes replaced, mostly by what JSON and PEM are made of, and sometimes cut."""
    data = bytearray(piece)
    for _ in range(source.randrange(1, 8)):
        telling = source.random() < 0.7
        data[source.randrange(len(data))] = (
            source.choice(b'{}[]":,0\\\xff\x00eE-') if telling else source.randrange(256)
        )
    return bytes(data[: source.randrange(len(data))] if source.random() < 0.3 else data)


def codes_of(data: bytes) -> tuple[str, ...]:
    try:
        read_collateral((data,))
    except ConfideError as failure:
        return failure.codes
    return ()


def test_nothing_but_refused_escapes_from_changed_collateral():
    source, pieces = random.Random(7), [whole(), INFO, IDENTITY, PCK_LIST, pem(SIGNER, ROOT).encode()]
    found = {codes_of(changed(source, source.choice(pieces))) for _ in range(3000)}
    assert found == {(), ("endorsement.malformed",)}


@pytest.mark.parametrize(
    "data",
    [
        b"[" * (1 << 16),
        b'{"tcbInfo":' * 6000,
        b'{"tcb_info": "' + b"\\u0000" * 10000 + b'"}',
        b'{"tcbInfo": {"tcbLevels": [' + b"{}," * 20000 + b'{}]}, "signature": "' + b"00" * 64 + b'"}',
        b"-----BEGIN CERTIFICATE-----\n" * 2300,
        b"-----BEGIN%20" + b"%41" * 21000,
        b"30" * (1 << 15),
    ],
)
def test_any_input_is_answered_at_once(data: bytes):
    read_collateral((INFO,))
    best = 1.0
    for _ in range(3):
        began = time.perf_counter()
        with pytest.raises(Refused):
            read_collateral((data,))
        best = min(best, time.perf_counter() - began)
    assert best < 0.01
