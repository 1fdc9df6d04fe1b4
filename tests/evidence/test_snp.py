from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from confide.errors import Refused
from confide.evidence.snp import REPORT_SIZE, SnpReport, Tcb, parse_report, product_of, read_tcb, write_tcb

BODIES = st.binary(min_size=REPORT_SIZE - 4, max_size=REPORT_SIZE - 4)


@given(st.integers(2, 5), BODIES)
def test_every_report_is_written_back_byte_for_byte(version: int, body: bytes):
    data = version.to_bytes(4, "little") + body
    assert parse_report(data).encode() == data


@pytest.mark.parametrize("size", [0, 1, 4, 0x2A0, 1183, 1185, 2368, 4000])
def test_truncated_and_padded_reports_are_refused(size: int):
    with pytest.raises(Refused) as caught:
        parse_report((2).to_bytes(4, "little").ljust(size, b"\0")[:size])
    assert caught.value.codes == ("snp.size",)


@pytest.mark.parametrize("version", [0, 1, 6, 7, 2**32 - 1])
def test_unknown_report_version_is_refused(version: int):
    with pytest.raises(Refused) as caught:
        parse_report(version.to_bytes(4, "little").ljust(REPORT_SIZE, b"\0"))
    assert caught.value.codes == ("snp.version",)


@pytest.mark.parametrize("version", [2, 3, 4, 5])
def test_known_report_versions_are_read(version: int):
    assert parse_report(SnpReport(version=version).encode()).version == version


def test_fields_stand_where_table_23_says():
    report = SnpReport(
        version=5, guest_svn=7, vmpl=3, current=(1, 55, 49), committed=(1, 2, 3), launch_mitigations=0xB,
        current_mitigations=0xF, cpuid=(0x19, 0x11, 1), report_data=b"\x01" * 64, measurement=b"\x02" * 48,
        host_data=b"\x03" * 32, chip_id=b"\x04" * 64, reported_tcb=b"\x05" * 8, r=b"\x06" * 72, s=b"\x07" * 72,
    )  # fmt: skip
    data = report.encode()
    assert data[0x04] == 7
    assert data[0x30] == 3
    assert data[0x50:0x90] == b"\x01" * 64
    assert data[0x90:0xC0] == b"\x02" * 48
    assert data[0xC0:0xE0] == b"\x03" * 32
    assert data[0x180:0x188] == b"\x05" * 8
    assert data[0x188:0x18B] == bytes((0x19, 0x11, 1))
    assert data[0x1A0:0x1E0] == b"\x04" * 64
    assert data[0x1E8:0x1F0] == bytes((49, 55, 1, 0, 3, 2, 1, 0))
    assert data[0x1F8] == 0xB
    assert data[0x200] == 0xF
    assert data[0x2A0:0x330] == b"\x06" * 72 + b"\x07" * 72


def test_turin_lays_its_tcb_out_in_another_way():
    raw = bytes((1, 2, 3, 4, 0, 0, 0, 8))
    assert read_tcb(raw, "Turin") == Tcb(fmc=1, bootloader=2, tee=3, snp=4, microcode=8)
    assert read_tcb(raw, "Genoa") == Tcb(bootloader=1, tee=2, snp=0, microcode=8)


@given(st.builds(Tcb, *[st.integers(0, 255)] * 4, st.none() | st.integers(0, 255)))
def test_tcb_versions_are_written_back(tcb: Tcb):
    assert read_tcb(write_tcb(tcb), "Turin" if tcb.fmc is not None else "Milan") == tcb


@pytest.mark.parametrize(
    ("family", "model", "product"),
    [
        (0x19, 0x00, "Milan"), (0x19, 0x01, "Milan"), (0x19, 0x0F, "Milan"), (0x19, 0x10, "Genoa"),
        (0x19, 0x11, "Genoa"), (0x19, 0x20, None), (0x19, 0x9F, None), (0x19, 0xA0, "Genoa"), (0x19, 0xAF, "Genoa"),
        (0x19, 0xB0, None), (0x1A, 0x02, "Turin"), (0x1A, 0x11, "Turin"), (0x1A, 0x20, None), (0x17, 0x31, None),
        (0, 0, None),
    ],
)  # fmt: skip
def test_product_comes_from_the_cpuid_fields(family: int, model: int, product: str | None):
    assert product_of(family, model) == product


HEALTHY = SnpReport(version=5)


@pytest.mark.parametrize(
    ("report", "named"),
    [
        (replace(HEALTHY, reserved=(b"\0\0\0\1", *HEALTHY.reserved[1:])), "bytes at 0x4C"),
        (replace(HEALTHY, reserved=(*HEALTHY.reserved[:5], b"\1" + bytes(367))), "bytes at 0x330"),
        (replace(HEALTHY, policy=0), "POLICY"),
        (replace(HEALTHY, policy=1 << 17 | 1 << 26), "POLICY"),
        (replace(HEALTHY, platform_info=1 << 8), "PLATFORM_INFO"),
        (replace(HEALTHY, flags=1 << 5), "FLAGS"),
        (replace(HEALTHY, version=3, launch_mitigations=1), "MIT_VECTOR"),
        (replace(HEALTHY, version=2, cpuid=(0x19, 1, 1)), "CPUID"),
    ],
)
def test_reserved_bits_are_named(report: SnpReport, named: str):
    assert report.nonzero_reserved() == [named]


def test_healthy_report_has_no_reserved_bits_set():
    assert HEALTHY.nonzero_reserved() == []
    assert replace(HEALTHY, launch_mitigations=1, cpuid=(0x19, 1, 1)).nonzero_reserved() == []
