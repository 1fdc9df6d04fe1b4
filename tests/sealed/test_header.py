"""The header: bounded parsing (red-team rows 20 and 21), recipients, keys of low order, re-encryption."""

from __future__ import annotations

import io
import os
import struct
import tracemalloc

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from confide.errors import Misuse, Refused
from confide.sealed import header as crypt4gh
from confide.sealed import open_bytes, recover_data_key, reencrypt_header
from confide.secrets import Secret

# The points of small order (RFC 7748, section 6.1 asks to check for their all-zero result).
LOW_ORDER = [
    bytes(32),
    b"\1" + bytes(31),
    bytes.fromhex("e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800"),
    bytes.fromhex("5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157"),
    bytes.fromhex("ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"),
]


def _header(*packets: bytes, version: int = 1, count: int | None = None) -> bytes:
    return b"crypt4gh" + struct.pack("<II", version, len(packets) if count is None else count) + b"".join(packets)


def _packet(payload: bytes, reader) -> bytes:
    return crypt4gh._seal_packet(payload, reader.public)


def _parameters(key: bytes, kind: int = 0, method: int = 0) -> bytes:
    return struct.pack("<II", kind, method) + key


def _refusal(data: bytes, reader) -> tuple[str, ...]:
    with pytest.raises(Refused) as refusal:
        recover_data_key(io.BytesIO(data), reader.private)
    return refusal.value.codes


def test_each_recipient_recovers_the_key_and_nobody_else(reader):
    data_key, others = Secret.random(), [X25519PrivateKey.generate() for _ in range(3)]
    header = crypt4gh.write_header(data_key, [reader.public, *(key.public_key().public_bytes_raw() for key in others)])
    for key in (reader.private, *others):
        assert recover_data_key(io.BytesIO(header), key).same_as(data_key)
    with pytest.raises(Refused) as refusal:
        recover_data_key(io.BytesIO(header), X25519PrivateKey.generate())
    assert refusal.value.codes == ("object.key",)


def test_a_recipient_named_twice_gets_one_packet(reader):
    assert len(crypt4gh.write_header(Secret.random(), [reader.public] * 2)) == 16 + 108


def test_reading_the_header_leaves_the_source_at_the_first_segment(reader):
    source = io.BytesIO(crypt4gh.write_header(Secret.random(), [reader.public]) + b"segments")
    recover_data_key(source, reader.private)
    assert source.read() == b"segments"


@pytest.mark.parametrize("count", [0, 257])
def test_no_recipient_or_too_many_is_misuse(count):
    with pytest.raises(Misuse) as misuse:
        crypt4gh.write_header(Secret.random(), [os.urandom(32) for _ in range(count)])
    assert misuse.value.codes == ("object.recipients",)


@pytest.mark.parametrize("key", [*LOW_ORDER, b"", bytes(31), b"\2" * 33], ids=lambda key: f"{len(key)}-{key.hex()[:4]}")
def test_a_recipient_key_of_low_order_or_wrong_length_is_misuse(key):
    with pytest.raises(Misuse) as misuse:
        crypt4gh.write_header(Secret.random(), [key])
    assert misuse.value.codes == ("object.recipients",)


@pytest.mark.parametrize("key", LOW_ORDER, ids=lambda key: key.hex()[:4])
def test_a_writer_key_of_low_order_is_refused(key, reader):
    packet = _packet(_parameters(bytes(32)), reader)
    assert _refusal(_header(packet[:8] + key + packet[40:]), reader) == ("object.header",)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"crypt4g",
        b"crypt4gh",
        b"crypt4gh" + struct.pack("<I", 1),
        b"CRYPT4GH" + struct.pack("<II", 1, 1) + bytes(108),
        _header(bytes(108), version=0),
        _header(bytes(108), version=2),
        _header(count=0),
        _header(count=1),
        _header(count=257),
        _header(count=2**32 - 1),
        _header(struct.pack("<II", 108, 0) + bytes(99)),
        _header(struct.pack("<II", 2**32 - 1, 0) + bytes(100)),
        _header(struct.pack("<II", 1025, 0) + bytes(1017)),
        _header(struct.pack("<II", 0, 0) + bytes(100)),
        _header(struct.pack("<II", 71, 0) + bytes(100)),
        _header(struct.pack("<II", 108, 1) + bytes(100)),
    ],
    ids=[
        "empty",
        "short-magic",
        "magic-alone",
        "no-count",
        "other-magic",
        "version-0",
        "version-2",
        "no-packets",
        "packet-missing",
        "257-packets",
        "2^32-packets",
        "cut-packet",
        "2^32-length",
        "long-packet",
        "zero-length",
        "short-packet",
        "method-1",
    ],
)
def test_a_header_out_of_bounds_is_refused(data, reader):
    assert _refusal(data, reader) == ("object.header",)


@pytest.mark.parametrize("length", [2**32 - 1, 2**31])
def test_lengths_are_bounded_before_anything_is_allocated(length, reader):
    bombs = [_header(count=length), _header(struct.pack("<II", length, 0) + bytes(200))]
    tracemalloc.start()
    for bomb in bombs:
        assert _refusal(bomb, reader) == ("object.header",)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1 << 17


@given(data=st.binary(max_size=400))
def test_no_bytes_crash_the_header_parser(data, reader):
    for prefix in (b"", b"crypt4gh" + struct.pack("<II", 1, 1), _header(struct.pack("<II", 108, 0))):
        with pytest.raises(Refused):
            recover_data_key(io.BytesIO(prefix + data), reader.private)


def test_padding_behind_the_data_key_is_allowed(reader):
    key = os.urandom(32)
    header = _header(_packet(_parameters(key) + bytes(50), reader))
    assert recover_data_key(io.BytesIO(header), reader.private).reveal() == key


def test_a_packet_for_another_reader_is_passed_over(reader):
    key, other = os.urandom(32), X25519PrivateKey.generate().public_key().public_bytes_raw()
    foreign = crypt4gh._seal_packet(_parameters(os.urandom(32)), other)
    header = _header(foreign, _packet(_parameters(key), reader))
    assert recover_data_key(io.BytesIO(header), reader.private).reveal() == key


def test_two_different_data_keys_are_refused(reader):
    packets = [_packet(_parameters(os.urandom(32)), reader) for _ in range(2)]
    assert _refusal(_header(*packets), reader) == ("object.header",)
    same = [_packet(_parameters(bytes(32)), reader) for _ in range(2)]
    assert recover_data_key(io.BytesIO(_header(*same)), reader.private).reveal() == bytes(32)


def test_an_edit_list_is_refused_by_name(reader):
    edits = struct.pack("<IIQ", 1, 1, 100)
    header = _header(_packet(_parameters(bytes(32)), reader), _packet(edits, reader))
    assert _refusal(header, reader) == ("object.edit_list",)


@pytest.mark.parametrize(
    "payload",
    [_parameters(bytes(32), method=1) + bytes(8), _parameters(bytes(32), kind=2), _parameters(bytes(31)), bytes(4)],
    ids=["sequence-numbers", "unknown-type", "short-key", "type-alone"],
)
def test_an_unknown_packet_is_refused(payload, reader):
    assert _refusal(_header(_packet(payload, reader)), reader) == ("object.header",)


def test_a_reencrypted_header_opens_for_the_new_recipient_under_the_same_manifest(seal, reader):
    sealed, new = seal(100000), X25519PrivateKey.generate()
    header = reencrypt_header(sealed.header, reader.private, [new.public_key().public_bytes_raw()])
    moved = header + b"".join(sealed.segments)
    data_key = recover_data_key(io.BytesIO(moved), new)
    assert open_bytes(moved, manifest=sealed.manifest, data_key=data_key) == sealed.plain
    with pytest.raises(Refused) as refusal:
        recover_data_key(io.BytesIO(moved), reader.private)
    assert refusal.value.codes == ("object.key",)


def test_only_a_header_alone_is_reencrypted(seal, reader):
    sealed = seal(10)
    with pytest.raises(Refused) as refusal:
        reencrypt_header(sealed.data, reader.private, [reader.public])
    assert refusal.value.codes == ("object.header",)


def _codes_or_answer(call, *arguments, **named) -> object:
    try:
        return call(*arguments, **named)
    except Refused as refusal:
        return refusal.codes


@given(at=st.integers(0, 123), bit=st.integers(0, 7))
def test_a_changed_header_never_gives_other_plaintext(at, bit, seal, reader):
    """The manifest leaves the header out: changing it may hide the key, never change what is opened."""
    sealed = seal(100)
    data = bytearray(sealed.data)
    data[at] ^= 1 << bit
    answer = _codes_or_answer(recover_data_key, io.BytesIO(data), reader.private)
    assert answer in [("object.header",), ("object.key",)]
    answer = _codes_or_answer(open_bytes, data, manifest=sealed.manifest, data_key=sealed.data_key)
    assert answer in [sealed.plain, ("object.header",), ("object.size",)]
