"""Sealing and opening: round trips, streaming, what is left behind by a failure."""

from __future__ import annotations

import io
import os
import tracemalloc
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from hypothesis import given, settings
from hypothesis import strategies as st

from confide.errors import Misuse, Refused
from confide.sealed import (
    SEGMENT_SIZE,
    Manifest,
    describe_object,
    open_bytes,
    open_stream,
    open_to_file,
    recover_data_key,
    seal_bytes,
    seal_stream,
)
from confide.secrets import Secret

# Around every boundary: none, one byte, a segment, a batch of 16 segments, two of them.
SIZES = [0, 1, 100, *(n * SEGMENT_SIZE + d for n in (1, 2, 16, 32) for d in (-1, 0, 1))]


class Dripping(io.RawIOBase):
    """A source that gives at most 10,007 bytes at a time."""

    def __init__(self, data: bytes) -> None:
        self._source = io.BytesIO(data)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer) -> int:
        return self._source.readinto(memoryview(buffer)[:10007])


class Sipping(io.RawIOBase):
    """A sink that takes at most 9,973 bytes at a time."""

    def __init__(self) -> None:
        self.taken = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data) -> int:
        part = memoryview(data)[:9973]
        self.taken += part
        return len(part)


class Zeros(io.RawIOBase):
    """A stream of zeros that takes no memory."""

    def __init__(self, size: int) -> None:
        self._left = size

    def readable(self) -> bool:
        return True

    def readinto(self, buffer) -> int:
        count = min(len(buffer), self._left)
        memoryview(buffer)[:count] = bytes(count)
        self._left -= count
        return count


class Nowhere(io.RawIOBase):
    def writable(self) -> bool:
        return True

    def write(self, data) -> int:
        return len(data)


@pytest.mark.parametrize("size", SIZES)
def test_what_was_sealed_opens_again(size, seal, tmp_path):
    sealed = seal(size)
    stream = io.BytesIO()
    open_stream(io.BytesIO(sealed.data), stream, manifest=sealed.manifest, data_key=sealed.data_key)
    open_to_file(io.BytesIO(sealed.data), tmp_path / "out", manifest=sealed.manifest, data_key=sealed.data_key)
    assert open_bytes(sealed.data, manifest=sealed.manifest, data_key=sealed.data_key) == sealed.plain
    assert stream.getvalue() == (tmp_path / "out").read_bytes() == sealed.plain


@settings(max_examples=40, deadline=None)
@given(plain=st.binary(max_size=3 * SEGMENT_SIZE))
def test_any_bytes_survive_sealing(plain, reader):
    data_key = Secret.random()
    data, manifest = seal_bytes(plain, recipients=[reader.public], data_key=data_key)
    assert open_bytes(data, manifest=manifest, data_key=data_key) == plain
    assert (manifest.size, manifest.segments) == (len(plain), -(-len(plain) // SEGMENT_SIZE))


@pytest.mark.parametrize("size", [0, 70000, 17 * SEGMENT_SIZE])
def test_streams_that_give_and_take_little_at_a_time_lose_nothing(size, reader):
    plain, data_key, sealed, opened = os.urandom(size), Secret.random(), Sipping(), Sipping()
    manifest = seal_stream(
        Dripping(plain),
        sealed,
        data_key=data_key,
        data_key_id="key-1",
        recipients=[reader.public],
        object_id="object-1",
    )
    open_stream(Dripping(bytes(sealed.taken)), opened, manifest=manifest, data_key=data_key)
    assert opened.taken == plain
    assert (manifest.object_id, manifest.data_key_id) == ("object-1", "key-1")


@pytest.mark.parametrize("source", [io.BytesIO, Dripping])
def test_sealing_begins_at_the_sources_position_and_leaves_it_at_its_end(source, reader):
    plain, data_key, sink = os.urandom(70000), Secret.random(), io.BytesIO()
    stream = source(plain)
    assert stream.readinto(bytearray(100)) == 100
    manifest = seal_stream(stream, sink, data_key=data_key, data_key_id="k", recipients=[reader.public])
    assert open_bytes(sink.getvalue(), manifest=manifest, data_key=data_key) == plain[100:]
    assert stream.read() == b""


def test_a_source_that_does_not_wait_is_not_taken_for_an_ended_one(reader):
    reading, writing = os.pipe()
    os.set_blocking(reading, False)
    os.write(writing, b"half of it")
    with os.fdopen(reading, "rb", buffering=0) as source, pytest.raises(BlockingIOError):
        seal_stream(source, io.BytesIO(), data_key=Secret.random(), data_key_id="k", recipients=[reader.public])
    os.close(writing)


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_any_bytes_like_object_is_taken(kind, seal, reader):
    sealed = seal(70000)
    assert open_bytes(kind(sealed.data), manifest=sealed.manifest, data_key=sealed.data_key) == sealed.plain
    data, manifest = seal_bytes(kind(sealed.plain), recipients=[reader.public], data_key=sealed.data_key)
    assert open_bytes(data, manifest=manifest, data_key=sealed.data_key) == sealed.plain


def _peak(work) -> int:
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def _seal_zeros(size: int, reader, path: Path, data_key: Secret) -> Manifest:
    with path.open("wb") as sink:
        return seal_stream(Zeros(size), sink, data_key=data_key, data_key_id="k", recipients=[reader.public])


def _open_away(path: Path, manifest: Manifest, data_key: Secret) -> None:
    with path.open("rb") as source:
        open_stream(source, Nowhere(), manifest=manifest, data_key=data_key)


def test_memory_does_not_grow_with_the_object(reader, tmp_path):
    data_key, path, peaks, manifests = Secret.random(), tmp_path / "object", {}, {}
    for mebibytes in (16, 256):

        def sealing(size=mebibytes << 20):
            manifests[size] = _seal_zeros(size, reader, path, data_key)

        peaks["seal", mebibytes] = _peak(sealing)
        peaks["open", mebibytes] = _peak(lambda m=mebibytes: _open_away(path, manifests[m << 20], data_key))
        with path.open("rb") as source:
            peaks["describe", mebibytes] = _peak(lambda source=source: describe_object(source, reader.private))
    for work in ("seal", "open", "describe"):
        assert peaks[work, 256] < peaks[work, 16] + (1 << 18)
        assert peaks[work, 256] < 8 << 20


def test_a_manifest_that_disagrees_with_itself_is_refused_before_anything_is_read(seal):
    class Untouchable(io.RawIOBase):
        def readinto(self, _) -> int:
            raise AssertionError("it was read")

    sealed = seal(70000)
    for size, segments in ((70000, 1), (70000, 3), (-1, 0), (-70000, -1), (1 << 62, 1 << 46)):
        lie = Manifest("object-1", size, segments, sealed.manifest.digest, "k")
        with pytest.raises(Refused) as refusal:
            open_stream(Untouchable(), io.BytesIO(), manifest=lie, data_key=sealed.data_key)
        assert refusal.value.codes == ("object.segments",)
        with pytest.raises(Refused) as refusal:
            open_bytes(sealed.data, manifest=lie, data_key=sealed.data_key)
        assert refusal.value.codes == ("object.segments",)


def test_a_wrong_data_key_opens_nothing_and_is_named(seal):
    sealed = seal(200000)
    with pytest.raises(Refused) as refusal:
        open_bytes(sealed.data, manifest=sealed.manifest, data_key=Secret.random())
    assert refusal.value.codes == ("object.key",)
    sink = io.BytesIO()
    with pytest.raises(Refused) as refusal:
        open_stream(io.BytesIO(sealed.data), sink, manifest=sealed.manifest, data_key=Secret.random())
    assert refusal.value.codes == ("object.segment",)
    assert sink.getvalue() == b""


@pytest.mark.parametrize("length", [1, 16, 31, 33])
def test_a_data_key_of_another_length_is_misuse(length, seal, reader):
    sealed = seal(10)
    for use in (
        lambda key: seal_bytes(b"x", recipients=[reader.public], data_key=key),
        lambda key: open_bytes(sealed.data, manifest=sealed.manifest, data_key=key),
    ):
        with pytest.raises(Misuse) as misuse:
            use(Secret.random(length))
        assert misuse.value.codes == ("object.key",)


def test_a_wiped_data_key_is_misuse_and_not_replaced_by_another(reader):
    wiped = Secret.random()
    wiped.wipe()
    with pytest.raises(Misuse) as misuse:
        seal_bytes(b"x", recipients=[reader.public], data_key=wiped)
    assert misuse.value.codes == ("object.key",)


def test_a_refused_object_leaves_no_file_and_no_part_of_one(seal, tmp_path):
    sealed = seal(20 * SEGMENT_SIZE)
    damaged = sealed.data[:-1] + bytes([sealed.data[-1] ^ 1])
    with pytest.raises(Refused):
        open_to_file(io.BytesIO(damaged), tmp_path / "out", manifest=sealed.manifest, data_key=sealed.data_key)
    assert list(tmp_path.iterdir()) == []


def test_a_refused_object_leaves_the_file_that_was_there(seal, tmp_path):
    sealed, path = seal(1000), tmp_path / "out"
    path.write_text("before")
    with pytest.raises(Refused):
        open_to_file(io.BytesIO(sealed.data[:-1]), path, manifest=sealed.manifest, data_key=sealed.data_key)
    assert path.read_text() == "before"
    open_to_file(io.BytesIO(sealed.data), path, manifest=sealed.manifest, data_key=sealed.data_key)
    assert path.read_bytes() == sealed.plain


def test_an_opened_file_is_readable_by_its_owner_only(seal, tmp_path):
    sealed = seal(1000)
    open_to_file(io.BytesIO(sealed.data), tmp_path / "out", manifest=sealed.manifest, data_key=sealed.data_key)
    assert (tmp_path / "out").stat().st_mode & 0o777 == 0o600


def test_the_description_of_an_object_is_its_manifest(seal, reader):
    sealed = seal(20 * SEGMENT_SIZE + 5)
    named = {"object_id": sealed.manifest.object_id, "data_key_id": sealed.manifest.data_key_id}
    assert describe_object(io.BytesIO(sealed.data), reader.private, **named) == sealed.manifest
    assert recover_data_key(io.BytesIO(sealed.data), reader.private).same_as(sealed.data_key)


@pytest.mark.parametrize("cut", [1, 65535, 65536 + 27])
def test_an_object_that_ends_within_a_segment_is_not_described(cut, seal, reader):
    sealed = seal(3 * SEGMENT_SIZE)
    with pytest.raises(Refused) as refusal:
        describe_object(io.BytesIO(sealed.data[:-cut]), reader.private)
    assert refusal.value.codes == ("object.segment",)


def test_the_manifest_does_not_depend_on_the_recipients(seal, reader):
    sealed = seal(1000)
    data, manifest = seal_bytes(sealed.plain, recipients=[reader.public], data_key=sealed.data_key)
    both = data[: 16 + 108] + sealed.data[16 + 108 :]
    assert open_bytes(both, manifest=sealed.manifest, data_key=sealed.data_key) == sealed.plain
    assert manifest.digest != sealed.manifest.digest


def test_an_authentic_but_empty_segment_is_not_described(seal, reader):
    sealed = seal(SEGMENT_SIZE)
    empty = bytes(12) + ChaCha20Poly1305(sealed.data_key.reveal()).encrypt(bytes(12), b"", None)
    with pytest.raises(Refused) as refusal:
        describe_object(io.BytesIO(sealed.data + empty), reader.private)
    assert refusal.value.codes == ("object.segment",)


class Full(io.RawIOBase):
    """A sink that has room for so many bytes."""

    def __init__(self, room: int) -> None:
        self._room = room

    def writable(self) -> bool:
        return True

    def write(self, data) -> int:
        self._room -= len(data)
        if self._room < 0:
            raise OSError("full")
        return len(data)


@pytest.mark.timeout(30)
@pytest.mark.parametrize("room", [0, 1000, 3 << 20, (20 << 20) - 1])
def test_a_sink_that_fails_fails_the_sealing_and_the_opening(room, reader, seal):
    """Wherever it fails, on whichever thread: the caller hears of it, and does not wait for ever."""
    with pytest.raises(OSError, match="full"):
        seal_stream(Zeros(20 << 20), Full(room), data_key=Secret.random(), data_key_id="k", recipients=[reader.public])
    sealed = seal(20 << 20)
    with pytest.raises(OSError, match="full"):
        open_stream(io.BytesIO(sealed.data), Full(room), manifest=sealed.manifest, data_key=sealed.data_key)


def test_a_source_that_fails_in_the_middle_fails_the_sealing(reader):
    class Broken(Zeros):
        def readinto(self, buffer) -> int:
            if self._left < 2 << 20:
                raise OSError("broken")
            return super().readinto(buffer)

    with pytest.raises(OSError, match="broken"):
        seal_stream(Broken(5 << 20), Nowhere(), data_key=Secret.random(), data_key_id="k", recipients=[reader.public])
