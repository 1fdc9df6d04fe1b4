from __future__ import annotations

import random
import time
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from confide.errors import Refused
from confide.evidence import sgx, tdx
from confide.evidence.intel_quote import INTEL, MAX_SIZE, SGX, TDX, Quote, is_quote, parse_quote
from confide.evidence.recognition import recognise
from confide.ids import to_base64
from confide.testing.fake_intel import FakeIntel, Machine

FAKE = FakeIntel.create(datetime(2026, 6, 1, tzinfo=UTC))
MACHINES: dict[str, Machine] = {
    "tdx-4": FAKE.domain(report_data=bytes(range(64)), rtmrs=tuple(bytes([n]) * 48 for n in range(4))),
    "tdx-5": FAKE.domain(version=5),
    "tdx-5 of 1.5": FAKE.domain(version=5, mr_service_td=b"\1" * 48, tee_tcb_svn_2=b"\2" * 16),
    "sgx-3": FAKE.enclave(isv_prod_id=7, isv_svn=8, config_svn=9, config_id=b"\3" * 64, isv_family_id=b"\4" * 16),
    "sgx-4": FAKE.enclave(version=4),
    "sgx-5": FAKE.enclave(version=5),
}


@pytest.fixture(params=MACHINES)
def machine(request: pytest.FixtureRequest) -> Machine:
    return MACHINES[request.param]


def parse(machine: Machine, data: bytes) -> Any:
    return tdx.parse_tdx(data) if machine.tee == "tdx" else sgx.parse_sgx(data)


def code_of(data: bytes, tee: int) -> str:
    with pytest.raises(Refused) as caught:
        parse_quote(data, tee)
    (code,) = caught.value.codes
    return code


def test_quote_is_the_reverse_of_its_bytes(machine: Machine):
    quote = FAKE.sign_quote(machine)
    parsed = parse(machine, quote.encode())
    assert parsed.quote == quote
    assert parsed.report == machine.report
    assert parsed.quote.encode() == quote.encode()
    assert parsed.report.encode() == quote.body


def test_padding_is_counted(machine: Machine):
    raw = FAKE.sign_quote(machine).encode()
    assert parse(machine, raw + bytes(99)).quote.padding == 99
    assert parse(machine, raw + bytes(99)).quote.encode() == raw + bytes(99)


def test_every_truncation_is_refused_for_its_size(machine: Machine):
    quote = FAKE.sign_quote(machine)
    raw, tee = quote.encode(), quote.tee_type
    prefix = machine.tee
    assert {code_of(raw[:size], tee) for size in range(len(raw))} == {f"{prefix}.size"}


def test_the_largest_size_is_one_that_no_quote_has():
    raw = FAKE.sign_quote(MACHINES["tdx-4"]).encode()
    parse_quote(raw + bytes(MAX_SIZE - len(raw)), TDX)
    assert code_of(raw + bytes(MAX_SIZE - len(raw) + 1), TDX) == "tdx.size"


@pytest.mark.parametrize(
    ("place", "value", "code"),
    [
        (0, 6, "version"),
        (2, 3, "key_type"),
        (4, 0x80, "tee_type"),
        (48, 9, "body_type"),
    ],
)
def test_header_of_another_kind_is_refused(place: int, value: int, code: str):
    raw = bytearray(FAKE.sign_quote(MACHINES["tdx-5"]).encode())
    raw[place] = value
    assert code_of(bytes(raw), TDX) == f"tdx.{code}"


def test_inner_length_that_leaves_bytes_over_is_refused():
    quote = FAKE.sign_quote(MACHINES["sgx-3"])
    raw = replace(quote, certification=quote.certification + b"extra").encode()
    shorter = raw.replace(
        (len(quote.certification) + 5).to_bytes(4, "little"), len(quote.certification).to_bytes(4, "little"), 1
    )
    assert code_of(shorter, SGX) == "sgx.size"


def test_bytes_behind_the_nested_data_are_refused():
    quote = FAKE.sign_quote(MACHINES["tdx-4"])
    raw, at = quote.encode(), len(quote.signed_bytes())
    size = int.from_bytes(raw[at : at + 4], "little")
    assert code_of(raw[:at] + (size + 3).to_bytes(4, "little") + raw[at + 4 :] + b"abc", TDX) == "tdx.size"


def codes_from(read: Any, data: bytes) -> tuple[str, ...]:
    try:
        read(data)
    except Refused as failure:
        return failure.codes
    return ()


def test_nothing_but_refused_escapes_from_random_bytes():
    source = random.Random(4)
    raw = FAKE.sign_quote(MACHINES["tdx-5"]).encode()
    for _ in range(3000):
        data = bytearray(raw[: source.randrange(len(raw))] + source.randbytes(source.randrange(1, 40)))
        for _ in range(source.randrange(6)):
            data[source.randrange(min(len(data), 600))] = source.randrange(256)
        assert all(len(codes_from(read, bytes(data))) <= 1 for read in (tdx.parse_tdx, sgx.parse_sgx))


def test_any_input_is_answered_at_once():
    for data in (bytes(1 << 16), b"\xff" * (1 << 16), b"\4\0\2\0\x81\0\0\0" + b"\xff" * 0xFFF8):
        began = time.perf_counter()
        with pytest.raises(Refused):
            tdx.parse_tdx(data)
        assert time.perf_counter() - began < 0.01


# Attributes


@pytest.mark.parametrize(
    ("bit", "name"),
    [(0, "debug"), (27, "lass"), (28, "sept_ve_disable"), (29, "migratable"), (30, "pks"), (31, "key_locker"),
     (63, "perfmon")],
)  # fmt: skip
def test_attributes_of_a_domain_are_named(bit: int, name: Any):
    report = tdx.TdReport(td_attributes=1 << bit)
    assert report.has(name)
    assert not tdx.TdReport(td_attributes=~(1 << bit) & (1 << 64) - 1).has(name)
    assert report.reserved_attributes() == 0


def test_attributes_of_an_enclave_are_named():
    report = sgx.EnclaveReport(flags=0x2)
    assert report.has("debug")
    assert not report.has("init")
    assert report.attributes == b"\2" + bytes(7) + b"\3" + bytes(7)
    assert sgx.EnclaveReport(flags=1 << 40).reserved_flags() == 1 << 40


def test_claims_of_the_service_domain_are_there_in_bodies_of_1_5_alone():
    assert "mr_service_td" not in tdx.TdReport().claims()
    assert MACHINES["tdx-5 of 1.5"].report.claims()["mr_service_td"] == "01" * 48


# Recognition


@pytest.mark.parametrize("write", [bytes, bytes.hex, to_base64, lambda raw: f"0x{raw.hex()}\n"])
def test_quote_is_recognised_as_it_is_and_as_text(machine: Machine, write: Any):
    raw = FAKE.sign_quote(machine).encode()
    written = write(raw)
    bundle = recognise(written if isinstance(written, bytes) else written.encode())
    assert (bundle.format, bundle.evidence_bytes()) == (machine.tee, raw)


def test_json_of_trustee_is_recognised(machine: Machine):
    raw = FAKE.sign_quote(machine).encode()
    bundle = recognise(b'{"quote": "%s"}' % to_base64(raw).encode())
    assert (bundle.format, bundle.evidence_bytes()) == (machine.tee, raw)


def test_json_of_trustee_brings_its_event_log():
    raw = FAKE.sign_quote(MACHINES["tdx-4"]).encode()
    bundle = recognise(b'{"cc_eventlog": "%s", "quote": "%s"}' % (to_base64(b"log").encode(), to_base64(raw).encode()))
    assert bundle.part("event_log") == b"log"
    without = recognise(b'{"cc_eventlog": null, "quote": "%s"}' % to_base64(raw).encode())
    assert without.parts == {}


@pytest.mark.parametrize(
    "text", [b'{"quote": "AAAA"}', b'{"quote": "*"}', b'{"quote": 1}', b"0x00", b"0xzz", b'{"a": 1}']
)
def test_other_shapes_are_not_taken(text: bytes):
    assert tdx.recognise(text) is None
    assert sgx.recognise(text) is None


def test_bytes_without_intels_mark_are_no_quote():
    raw = FAKE.sign_quote(MACHINES["tdx-4"]).encode()
    assert is_quote(raw, TDX)
    assert not is_quote(raw, SGX)
    assert not is_quote(raw.replace(INTEL, bytes(16)), TDX)
    assert not is_quote(raw[:40], TDX)


def test_quote_of_defaults_is_small():
    assert (
        len(Quote(version=3, tee_type=SGX, body_type=1, body=bytes(384)).encode()) == 48 + 384 + 4 + 128 + 448 + 34 + 6
    )
