from __future__ import annotations

import contextlib
import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from confide.errors import Refused
from confide.evidence.der import SEQUENCE, content_of, header, read_small_integer, small_integer
from confide.evidence.endorsements import is_der, read_certificate_table, split_endorsements
from confide.ids import to_base64
from confide.testing import FakeAmd

ENTRY = struct.Struct("<16sII")


def table_of(*items: bytes) -> bytes:
    offset = ENTRY.size * (len(items) + 1)
    head = b""
    for number, item in enumerate(items):
        head += ENTRY.pack(bytes([number + 1]) * 16, offset, len(item))
        offset += len(item)
    return head + bytes(ENTRY.size) + b"".join(items)


def pem_of(der: bytes, label: str = "CERTIFICATE") -> bytes:
    return f"-----BEGIN {label}-----\n{to_base64(der)}\n-----END {label}-----\n".encode()


def test_der_pem_and_table_give_the_same_certificates(fake_amd: FakeAmd):
    ark, ask = fake_amd.ark.der, fake_amd.ask.der
    assert split_endorsements(ark) == (ark,)
    assert split_endorsements(pem_of(ask) + b"some words between\n" + pem_of(ark)) == (ask, ark)
    assert split_endorsements(table_of(ask, ark)) == (ask, ark)
    assert split_endorsements(table_of(pem_of(ask) + pem_of(ark))) == (ask, ark)


def test_revocation_list_is_taken_in_pem(fake_amd: FakeAmd):
    crl = fake_amd.ark.revocation_list(fake_amd.now)
    assert split_endorsements(pem_of(crl, "X509 CRL")) == (crl,)


def test_table_entries_that_are_not_der_are_left_out(fake_amd: FakeAmd):
    assert read_certificate_table(table_of(b"\x08\0\0\0\x02\x0f\x80\0", fake_amd.ark.der)) == (fake_amd.ark.der,)


@pytest.mark.parametrize(
    "data",
    [
        b"", b"\0", b"hello", bytes(23), b"\1" * 24, b"\1" * 4096,
        ENTRY.pack(b"\1" * 16, 48, 2**32 - 1) + bytes(24),
        ENTRY.pack(b"\1" * 16, 2**32 - 1, 1) + bytes(24),
        ENTRY.pack(b"\1" * 16, 0, 24) + bytes(24),
        ENTRY.pack(b"\1" * 16, 48, 1),
        b"-----BEGIN CERTIFICATE-----\nAAAA\n",
        b"-----BEGIN CERTIFICATE-----\nAAA\n-----END CERTIFICATE-----\n",
        b"-----BEGIN CERTIFICATE-----\nA*A=\n-----END CERTIFICATE-----\n",
        b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
        bytes(2 << 20),
    ],
)  # fmt: skip
def test_what_is_no_endorsement_is_refused(data: bytes):
    with pytest.raises(Refused) as caught:
        split_endorsements(data)
    assert caught.value.codes == ("endorsement.malformed",)


def test_truncated_pem_beside_a_whole_one_is_refused(fake_amd: FakeAmd):
    whole = pem_of(fake_amd.ark.der)
    for rest in (whole[:-10], whole.replace(b"CERTIFICATE", b"PRIVATE KEY")):
        with pytest.raises(Refused) as caught:
            split_endorsements(whole + rest)
        assert caught.value.codes == ("endorsement.malformed",)


@pytest.mark.parametrize(("offset", "length"), [(0, 24), (23, 1), (48, 1), (47, 2), (2**32 - 1, 1), (24, 2**32 - 1)])
def test_table_entry_outside_of_the_table_is_refused(offset: int, length: int):
    with pytest.raises(Refused) as caught:
        read_certificate_table(ENTRY.pack(b"\1" * 16, offset, length) + bytes(24))
    assert caught.value.codes == ("endorsement.malformed",)
    assert read_certificate_table(ENTRY.pack(b"\1" * 16, 48, 0) + bytes(24)) == ()


def test_more_than_32_items_are_refused(fake_amd: FakeAmd):
    assert len(split_endorsements(pem_of(fake_amd.ark.der) * 32)) == 32
    with pytest.raises(Refused) as caught:
        split_endorsements(pem_of(fake_amd.ark.der) * 33)
    assert caught.value.codes == ("endorsement.malformed",)


@given(st.binary(max_size=300))
def test_no_bytes_raise_anything_but_refused(data: bytes):
    with contextlib.suppress(Refused):
        split_endorsements(data)


@given(st.integers(0, 70000))
def test_der_header_is_read_back_in_its_shortest_form(length: int):
    data = header(SEQUENCE, length) + bytes(length)
    assert content_of(SEQUENCE, data) == bytes(length)
    assert is_der(data)
    assert not is_der(data + b"\0")
    assert not is_der(data[:-1])


def test_long_form_for_a_short_length_is_not_canonical():
    assert content_of(SEQUENCE, b"\x30\x01\x05") == b"\x05"
    assert content_of(SEQUENCE, b"\x30\x81\x01\x05") is None
    assert content_of(SEQUENCE, b"\x30\x80\x05\0\0") is None


def test_small_integers_are_read_in_their_shortest_form_only():
    assert [read_small_integer(small_integer(value)) for value in range(256)] == list(range(256))
    assert read_small_integer(b"\x02\x02\x00\x05") is None
    assert read_small_integer(b"\x02\x01\x80") is None
    assert read_small_integer(b"\x02\x01\x05\x00") is None


def test_table_of_a_real_extended_report_is_read(shared: Path):
    data = (shared / "evidence/snp/ultravioletrs+cocos/attestation.bin").read_bytes()
    assert read_certificate_table(data[1184:]) == ()
