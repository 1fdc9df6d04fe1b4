"""What the cloud can do to an object that it holds, at every segment position (red-team row 15)."""

from __future__ import annotations

import io

import pytest
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from confide.errors import Refused
from confide.sealed import SEGMENT_SIZE, open_bytes, open_stream, open_to_file
from confide.secrets import Secret

SEGMENTS = 18  # more than one batch of 16
POSITIONS = range(SEGMENTS)
SIZE = 17 * SEGMENT_SIZE + 4321


@pytest.fixture(scope="module")
def target(seal):
    return seal(SIZE)


@pytest.fixture(scope="module")
def same_key(seal, target):
    """Another object of the same size under the same key: what its segments would do here."""
    return seal(SIZE, target.data_key)


@pytest.fixture(scope="module")
def other_key(seal):
    return seal(SIZE)


def _flipped(segment: bytes, at: int) -> bytes:
    at %= len(segment)
    return segment[:at] + bytes([segment[at] ^ 1]) + segment[at + 1 :]


def _sealed_segment(data_key: Secret, plain: bytes) -> bytes:
    nonce = bytes(12)
    return nonce + ChaCha20Poly1305(data_key.reveal()).encrypt(nonce, plain, None)


def _refusals(data: bytes, target, folder) -> tuple[str, str]:
    """The codes with which memory and stream refuse; the file must say what the stream says, and be absent."""
    opening = {"manifest": target.manifest, "data_key": target.data_key}
    with pytest.raises(Refused) as memory:
        open_bytes(data, **opening)
    with pytest.raises(Refused) as stream:
        open_stream(io.BytesIO(data), io.BytesIO(), **opening)
    with pytest.raises(Refused) as file:
        open_to_file(io.BytesIO(data), folder / "out", **opening)
    assert list(folder.iterdir()) == []
    assert file.value.codes == stream.value.codes
    return memory.value.codes[0], stream.value.codes[0]


def _object(target, segments) -> bytes:
    return target.header + b"".join(segments)


def test_untouched_it_opens(target):
    rebuilt = _object(target, target.segments)
    assert rebuilt == target.data
    assert len(target.segments) == SEGMENTS
    assert open_bytes(rebuilt, manifest=target.manifest, data_key=target.data_key) == target.plain


@pytest.mark.parametrize("at", POSITIONS)
def test_object_cut_before_a_segment_is_refused(at, target, tmp_path):
    assert _refusals(_object(target, target.segments[:at]), target, tmp_path) == ("object.size", "object.size")


@pytest.mark.parametrize("at", POSITIONS)
def test_object_cut_within_a_segment_is_refused(at, target, tmp_path):
    cut = [*target.segments[:at], target.segments[at][:-1]]
    assert _refusals(_object(target, cut), target, tmp_path) == ("object.size", "object.size")


@pytest.mark.parametrize("at", POSITIONS)
def test_object_without_one_of_its_segments_is_refused(at, target, tmp_path):
    segments = target.segments[:at] + target.segments[at + 1 :]
    assert _refusals(_object(target, segments), target, tmp_path) == ("object.size", "object.size")


@pytest.mark.parametrize("at", POSITIONS[:-1])
def test_segments_in_another_order_are_refused(at, target, tmp_path):
    segments = target.segments
    segments[at], segments[at + 1] = segments[at + 1], segments[at]
    # Every full segment still authenticates wherever it is; the last, short one shifts the boundaries.
    streamed = "object.segment" if at == SEGMENTS - 2 else "object.digest"
    assert _refusals(_object(target, segments), target, tmp_path) == ("object.digest", streamed)


@pytest.mark.parametrize("at", POSITIONS)
def test_a_segment_that_comes_twice_is_refused(at, target, tmp_path):
    segments = [*target.segments[: at + 1], *target.segments[at:]]
    memory, streamed = _refusals(_object(target, segments), target, tmp_path)
    assert memory == "object.size"
    assert streamed in {"object.size", "object.segment"}


@pytest.mark.parametrize("at", POSITIONS[:-2])
def test_a_segment_in_the_place_of_the_next_is_refused(at, target, tmp_path):
    segments = target.segments
    segments[at + 1] = segments[at]
    assert _refusals(_object(target, segments), target, tmp_path) == ("object.digest", "object.digest")


@pytest.mark.parametrize("at", POSITIONS)
def test_a_segment_of_another_object_under_the_same_key_is_refused(at, target, same_key, tmp_path):
    segments = target.segments
    segments[at] = same_key.segments[at]
    assert _refusals(_object(target, segments), target, tmp_path) == ("object.digest", "object.digest")


@pytest.mark.parametrize("at", POSITIONS)
def test_a_segment_of_another_object_under_another_key_is_refused(at, target, other_key, tmp_path):
    segments = target.segments
    segments[at] = other_key.segments[at]
    assert _refusals(_object(target, segments), target, tmp_path) == ("object.digest", "object.segment")


@pytest.mark.parametrize(
    "place", [0, 11, 12, 2000, -16, -1], ids=["nonce", "nonce-end", "text", "text-middle", "tag", "tag-end"]
)
@pytest.mark.parametrize("at", POSITIONS)
def test_one_changed_bit_is_refused(at, place, target, tmp_path):
    segments = target.segments
    segments[at] = _flipped(segments[at], place)
    assert _refusals(_object(target, segments), target, tmp_path) == ("object.digest", "object.segment")


@pytest.mark.parametrize("at", POSITIONS)
def test_a_segment_forged_with_the_key_itself_is_refused(at, target, tmp_path):
    """Somebody who holds the data key, such as another recipient, cannot change the object either."""
    segments = target.segments
    segments[at] = _sealed_segment(target.data_key, bytes(len(segments[at]) - 28))
    assert _refusals(_object(target, segments), target, tmp_path) == ("object.digest", "object.digest")


@pytest.mark.parametrize("at", range(SEGMENTS + 1))
def test_an_inserted_empty_segment_is_refused(at, target, tmp_path):
    segments = target.segments
    segments.insert(at, _sealed_segment(target.data_key, b""))
    memory, streamed = _refusals(_object(target, segments), target, tmp_path)
    assert memory == "object.size"
    assert streamed in {"object.size", "object.segment"}


@pytest.mark.parametrize("extra", [b"\0", bytes(28), bytes(65564)], ids=["byte", "overhead", "segment"])
def test_bytes_behind_the_last_segment_are_refused(extra, target, tmp_path):
    assert _refusals(target.data + extra, target, tmp_path) == ("object.size", "object.size")


def test_another_whole_object_under_the_same_key_is_refused(target, same_key, tmp_path):
    assert _refusals(same_key.data, target, tmp_path) == ("object.digest", "object.digest")


def test_another_whole_object_under_another_key_is_refused(target, other_key, tmp_path):
    assert _refusals(other_key.data, target, tmp_path) == ("object.digest", "object.segment")


def test_an_object_in_the_place_of_an_empty_one_is_refused(target, seal, tmp_path):
    empty = seal(0, target.data_key)
    assert _refusals(target.data, empty, tmp_path) == ("object.size", "object.size")
    assert _refusals(empty.data, target, tmp_path) == ("object.size", "object.size")


def test_the_stream_writes_nothing_of_a_batch_with_a_bad_segment(target):
    """The sink of a refused stream holds whole batches before the fault, and never the fault itself."""
    segments, sink = target.segments, io.BytesIO()
    segments[3] = _flipped(segments[3], 500)
    with pytest.raises(Refused):
        open_stream(io.BytesIO(_object(target, segments)), sink, manifest=target.manifest, data_key=target.data_key)
    assert sink.getvalue() == b""
