from __future__ import annotations

import random
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from confide.errors import Refused
from confide.evidence.der import SEQUENCE, header
from confide.evidence.intel_pck import PckExtension, parse_pck_extension
from confide.testing.fake_intel import FakeIntel

PCK = FakeIntel.create(datetime(2026, 6, 1, tzinfo=UTC)).domain().pck
DER = PCK.encode()


def refuse(der: bytes) -> None:
    with pytest.raises(Refused) as caught:
        parse_pck_extension(der, "tdx")
    assert caught.value.codes == ("tdx.pck",)


@pytest.mark.parametrize(
    "extension",
    [
        PCK,
        replace(PCK, pce_svn=0xFFFF, components=(255,) * 16, sgx_type=2),
        replace(PCK, platform_instance_id=None, configuration=(), sgx_type=0),
        replace(PCK, configuration=()),
    ],
)
def test_extension_is_the_reverse_of_its_bytes(extension: PckExtension):
    assert parse_pck_extension(extension.encode(), "sgx") == extension


def test_claims_are_readable():
    claims = PCK.claims()
    assert (claims["fmspc"], claims["sgx_type"], claims["smt_enabled"]) == ("b0c06f000000", "scalable", False)


@pytest.mark.parametrize("der", [b"", b"\x30\x00", b"\x04\x00", b"\x30\x80\x00\x00", DER[:-1], DER + b"\0", DER * 2])
def test_what_is_no_extension_is_refused(der: bytes):
    refuse(der)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("2a864886f84d010d01020d", "2a864886f84d010d01020e"),  # component 13 twice, 14 never
        ("2a864886f84d010d0104", "2a864886f84d010d0109"),  # no FMSPC
        ("2a864886f84d010d0103", "2a864886f84d010d0203"),  # an identifier from elsewhere
        ("0a0101", "0a0107"),  # an SGX type that does not exist
        ("0101ff", "010101"),  # a BOOLEAN in BER
    ],
)
def test_extension_with_a_wrong_part_is_refused(old: str, new: str):
    assert old in DER.hex()
    refuse(bytes.fromhex(DER.hex().replace(old, new, 1)))


def test_part_that_is_there_twice_is_refused():
    fmspc = bytes.fromhex("3014060a2a864886f84d010d01040406b0c06f000000")
    content = DER[4:]
    assert fmspc in content
    refuse(header(SEQUENCE, len(content) + len(fmspc)) + content + fmspc)


@pytest.mark.parametrize(
    "changes",
    [{"ppid": bytes(15)}, {"fmspc": bytes(7)}, {"pce_id": bytes(3)}, {"cpu_svn": bytes(17)}, {"pce_svn": 1 << 16}],
)
def test_parts_have_their_sizes(changes: dict[str, Any]):
    refuse(replace(PCK, **changes).encode())


def test_component_above_a_byte_is_refused():
    refuse(replace(PCK, components=(256, *PCK.components[1:])).encode())


def codes_of(der: bytes) -> tuple[str, ...]:
    try:
        parse_pck_extension(der, "tdx")
    except Refused as failure:
        return failure.codes
    return ()


def test_nothing_but_refused_escapes():
    source = random.Random(11)
    found = set()
    for _ in range(4000):
        data = bytearray(DER)
        for _ in range(source.randrange(1, 5)):
            data[source.randrange(len(data))] = source.randrange(256)
        found.add(codes_of(bytes(data)))
    assert found == {(), ("tdx.pck",)}
