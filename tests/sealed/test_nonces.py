"""No key and nonce are used for two plaintexts, also by clones of one state (red-team row 14)."""

from __future__ import annotations

import io
import os

import pytest
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from confide.errors import Misuse
from confide.sealed import SEGMENT_SIZE, seal_bytes, seal_stream
from confide.sealed.segments import MAX_SEGMENTS, STORED_SIZE, seal_segments
from confide.secrets import Secret


def _segments(data: bytes, header: int = 16 + 108) -> dict[bytes, bytes]:
    """The object's segments by their nonces."""
    starts = range(header, len(data), STORED_SIZE)
    return {data[start : start + 12]: data[start + 12 : start + STORED_SIZE] for start in starts}


def _clash(one: dict[bytes, bytes], other: dict[bytes, bytes]) -> list[bytes]:
    """Nonces under which two different texts were encrypted."""
    return [nonce for nonce in one.keys() & other.keys() if one[nonce] != other[nonce]]


def test_nonces_within_an_object_are_unique(seal):
    sealed = seal(40 * SEGMENT_SIZE)
    nonces = _segments(sealed.data)
    assert len(nonces) == 40
    assert [int.from_bytes(nonce[8:], "big") for nonce in nonces] == list(range(40))


def test_every_object_gets_a_key_of_its_own(reader):
    plain = os.urandom(1000)
    one, other = (seal_bytes(plain, recipients=[reader.public])[0] for _ in range(2))
    assert one[124:] != other[124:]


def test_two_objects_under_one_key_share_no_nonce(seal):
    one = seal(40 * SEGMENT_SIZE)
    other = seal(40 * SEGMENT_SIZE, one.data_key)
    assert _clash(_segments(one.data), _segments(other.data)) == []


class ForkingSource(io.RawIOBase):
    """A source whose first read clones the process; each clone then gets data of its own."""

    def __init__(self, size: int) -> None:
        self._left, self.child = size, -1

    def readable(self) -> bool:
        return True

    def readinto(self, buffer) -> int:
        if self.child < 0:
            self.child = os.fork()
        count = min(len(buffer), self._left)
        memoryview(buffer)[:count] = (b"c" if self.child == 0 else b"p") * count
        self._left -= count
        return count


def test_a_process_cloned_while_it_seals_does_not_reuse_a_nonce(reader, tmp_path):
    source, sink = ForkingSource(3 * SEGMENT_SIZE), io.BytesIO()
    try:
        seal_stream(source, sink, data_key=Secret.random(), data_key_id="k", recipients=[reader.public])
        (tmp_path / ("child" if source.child == 0 else "parent")).write_bytes(sink.getvalue())
    finally:
        if source.child == 0:
            os._exit(0)
    assert os.waitpid(source.child, 0)[1] == 0
    child, parent = ((tmp_path / name).read_bytes() for name in ("child", "parent"))
    assert child[:124] == parent[:124], "the state was cloned after the key was chosen"
    assert len(_segments(child)) == len(_segments(parent)) == 3
    assert _clash(_segments(child), _segments(parent)) == []


def test_a_state_cloned_between_two_batches_does_not_reuse_a_nonce():
    """Two continuations of one object from the same segment number, with other plaintext."""
    cipher = ChaCha20Poly1305(bytes(32))
    stored = [memoryview(bytearray(2 * STORED_SIZE)) for _ in range(2)]
    for clone, view in enumerate(stored):
        seal_segments(cipher, memoryview(bytes([clone]) * 2 * SEGMENT_SIZE), view, 16)
    one, other = (_segments(bytes(view), header=0) for view in stored)
    assert len(one) == len(other) == 2
    assert _clash(one, other) == []


def test_the_segment_counter_never_wraps():
    cipher, plain = ChaCha20Poly1305(bytes(32)), memoryview(bytes(SEGMENT_SIZE + 1))
    stored = memoryview(bytearray(2 * STORED_SIZE))
    assert seal_segments(cipher, plain, stored, MAX_SEGMENTS - 2) == SEGMENT_SIZE + 1 + 2 * 28
    with pytest.raises(Misuse) as misuse:
        seal_segments(cipher, plain, stored, MAX_SEGMENTS - 1)
    assert misuse.value.codes == ("object.size",)
