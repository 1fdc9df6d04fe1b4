"""Reports of NVIDIA devices as typed values, and the shapes in which tools deliver them."""

from __future__ import annotations

import base64
import json
import random
from datetime import UTC, datetime

import pytest

from confide.errors import Refused
from confide.evidence.nvidia import parse_report
from confide.evidence.nvidia import recognise as own
from confide.evidence.recognition import recognise
from confide.evidence.spdm import MAX_SIZE, Measurement, parse_exchange
from confide.testing.fake_nvidia import DRIVER, FWID, MEASUREMENTS, NONCE, VBIOS, FakeNvidia

HOPPER, SWITCH = (FakeNvidia.create(datetime(2026, 6, 1, tzinfo=UTC), chip) for chip in ("GH100", "LS_10"))
REPORT = HOPPER.sign(HOPPER.exchange())


def codes_of(data: bytes) -> tuple[str, ...]:
    with pytest.raises(Refused) as caught:
        parse_report(data)
    return caught.value.codes


def test_exchange_is_read_and_written_back():
    for nvidia in (HOPPER, SWITCH):
        exchange = nvidia.exchange(slot=3, response_slot=3, response_nonce=b"\7" * 32)
        data = nvidia.sign(exchange)
        assert parse_exchange(data).encode() == data
        assert parse_exchange(data).signed_bytes() == data[:-96]


def test_report_tells_its_fields():
    report = parse_report(REPORT)
    assert (report.driver_version, report.vbios_version, report.mode) == (DRIVER, VBIOS, "single-gpu")
    assert report.switch("nvdec0_status") == "enabled"
    assert report.switch("protected_pcie") == "disabled"
    assert report.measured() == dict(enumerate(MEASUREMENTS))
    claims = report.claims()
    assert claims["nonce"] == NONCE.hex()
    assert claims["measurements"]["63"] == MEASUREMENTS[63].hex()  # type: ignore[index]
    assert claims["fields"]["fwid"] == FWID.hex()  # type: ignore[index]
    assert claims["fields"]["project"] == "1010"  # type: ignore[index]
    assert json.dumps(claims)


def test_switch_tells_its_version_as_text_and_has_no_driver():
    report = parse_report(SWITCH.sign(SWITCH.exchange()))
    assert (report.driver_version, report.vbios_version, report.mode) == (None, VBIOS, None)
    assert report.switch("nvdec0_status") is None


@pytest.mark.parametrize(("flag", "mode"), [(b"\1\0", "multi-gpu"), (b"\2\0", "protected-pcie"), (b"\3\0", "unknown")])
def test_mode_is_told_by_newer_firmware(flag: bytes, mode: str):
    assert parse_report(HOPPER.sign(HOPPER.exchange(opaque=HOPPER.opaque(feature_flag=flag)))).mode == mode


def test_state_that_is_neither_on_nor_off_is_unknown():
    report = parse_report(HOPPER.sign(HOPPER.exchange(opaque=HOPPER.opaque(nvdec0_status=b"\1"))))
    assert report.switch("nvdec0_status") == "unknown"


@pytest.mark.parametrize("size", [0, 1, 44, MAX_SIZE + 1])
def test_other_sizes_are_refused(size: int):
    assert codes_of(REPORT.ljust(size, b"\0")[:size]) == ("nvidia.size",)


def test_lengths_beyond_the_data_are_refused():
    for start, size, code in [(42, 3, "nvidia.size"), (41, 1, "nvidia.measurements"), (47, 2, "nvidia.measurements"),
                              (50, 2, "nvidia.measurements")]:  # fmt: skip
        changed = bytearray(REPORT)
        changed[start : start + size] = b"\xff" * size
        assert codes_of(bytes(changed)) == (code,)
    end = len(REPORT) - 96 - len(HOPPER.exchange().opaque)
    changed = bytearray(REPORT)
    changed[end - 2 : end] = b"\xff\xff"
    assert codes_of(bytes(changed)) == ("nvidia.size",)


def test_fewer_blocks_than_announced_are_refused():
    changed = bytearray(REPORT)
    changed[41] -= 1
    assert codes_of(bytes(changed)) == ("nvidia.measurements",)


def test_raw_measurements_of_any_length_are_read():
    block = Measurement(5, 0x85, b"configuration")
    report = parse_report(HOPPER.sign(HOPPER.exchange(measurements=(block,))))
    assert report.measured() == {4: b"configuration"}


def test_random_bytes_are_refused():
    rng = random.Random(1)
    for _ in range(2000):
        codes_of(REPORT[:37] + b"\x11\x60" + rng.randbytes(rng.randrange(4096)))


# Delivery


def entry(nvidia: FakeNvidia = HOPPER, **more: str) -> dict[str, str]:
    certificates = [nvidia.leaf(), *nvidia.devices[::-1]]
    pem = b"".join(base64.encodebytes(one.der).join([b"-----BEGIN CERTIFICATE-----\n", b"-----END CERTIFICATE-----\n"])
                   for one in certificates)  # fmt: skip
    report = nvidia.sign(nvidia.exchange())
    return {"evidence": base64.b64encode(report).decode(), "certificate": base64.b64encode(pem).decode(), **more}


def test_raw_and_hexadecimal_reports_are_recognised():
    for data in (REPORT, REPORT.hex().encode(), base64.b64encode(REPORT)):
        bundle = recognise(data)
        assert (bundle.format, bundle.evidence_bytes()) == ("nvidia", REPORT)


@pytest.mark.parametrize("key", [None, "evidence_list", "device_evidence_list"])
def test_json_of_tools_is_recognised(key: str | None):
    devices = [entry(arch="HOPPER", nonce=NONCE.hex()), entry()]
    bundle = recognise(json.dumps({key: devices} if key else devices).encode())
    assert bundle.format == "nvidia"
    assert parse_report(bundle.evidence_bytes()).driver_version == DRIVER
    assert [len(one.endorsements) for one in (bundle, *bundle.devices)] == [5, 5]


@pytest.mark.parametrize(
    "value",
    [[], {}, [5], [{"evidence": "!", "certificate": "!"}], [{"evidence": "AAAA", "certificate": "AAAA"}],
     {"evidence_list": 5}, {"certificate": "", "evidence": ""}, [{"evidence": "AAAA"}]],
)  # fmt: skip
def test_other_json_is_not_recognised(value: object):
    text = json.dumps(value).encode()
    assert own(text) is None
    assert own(text + b' "certificate" "evidence"') is None


def test_too_many_devices_are_not_recognised():
    assert own(json.dumps([entry()] * 17).encode()) is None
