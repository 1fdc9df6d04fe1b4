"""Sealing and opening: a Crypt4GH object and the manifest without which it is not opened.

The manifest's digest is BLAKE3 over every segment as stored. It is collision resistant also against
somebody who holds the data key, which a hash over the Poly1305 tags would not be, and it is faster than
the cipher; SHA-256 would set the pace instead. The header is left out of it, so that an object can be
given to other recipients without a new manifest.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import BinaryIO

from blake3 import blake3
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from confide.errors import Refused
from confide.ids import new_id
from confide.sealed.files import whole_file
from confide.sealed.header import MAX_HEADER_LENGTH, checked_key, read_packets, recover_data_key, write_header
from confide.sealed.manifest import Manifest
from confide.sealed.segments import (
    PLAIN_BATCH,
    STORED_BATCH,
    STORED_SIZE,
    check_digest,
    check_manifest,
    open_segments,
    seal_segments,
    segments_of,
    wrong_size,
)
from confide.sealed.streams import HashingWriter, Slot, fill, wiped_buffers, write_all
from confide.secrets import Secret


def seal_stream(
    source: BinaryIO,
    sink: BinaryIO,
    *,
    data_key: Secret,
    data_key_id: str,
    recipients: Sequence[bytes],
    object_id: str | None = None,
) -> Manifest:
    """Encrypts the source to its end into `sink`, for recipients given as X25519 public keys (32 bytes).

    `data_key` is 32 bytes from `Secret.random()`, for this object alone. Memory does not grow with the
    object. A large object's sink is written on another thread. Raises Misuse for a bad key or bad recipients.
    """
    with wiped_buffers(PLAIN_BATCH) as (buffer,):
        return _seal(
            _parts_of(source, buffer),
            sink,
            data_key=data_key,
            data_key_id=data_key_id,
            recipients=recipients,
            object_id=object_id,
        )


def seal_bytes(
    data: bytes | bytearray | memoryview,
    *,
    recipients: Sequence[bytes],
    data_key: Secret | None = None,
    data_key_id: str | None = None,
    object_id: str | None = None,
) -> tuple[bytes, Manifest]:
    """`seal_stream` for data in memory; a data key is drawn, and known to the recipients alone, where none
    is given. Returns the object and its manifest.
    """
    sink = io.BytesIO()
    manifest = _seal(
        _slices(memoryview(data).cast("B")),
        sink,
        data_key=Secret.random() if data_key is None else data_key,  # a wiped key is false, and must not pass
        data_key_id=data_key_id or new_id("key"),
        recipients=recipients,
        object_id=object_id,
    )
    return sink.getvalue(), manifest


def open_stream(source: BinaryIO, sink: BinaryIO, *, manifest: Manifest, data_key: Secret) -> None:
    """Decrypts the object into `sink`, whose content counts only after this has returned: order and number
    of the segments are known to be right only at the end. Memory does not grow with the object.

    Raises Refused at the first fault: `object.segments`, `object.header`, `object.size`,
    `object.segment`, `object.digest`; Misuse (`object.key`) for a data key that is not 32 bytes.
    """
    wanted = check_manifest(manifest)
    cipher = ChaCha20Poly1305(checked_key(data_key))
    read_packets(source)
    with wiped_buffers(*[min(PLAIN_BATCH, manifest.size)] * 2) as plain:
        slots = [Slot(memoryview(bytearray(min(STORED_BATCH, wanted))), buffer) for buffer in plain]
        with HashingWriter(sink, slots) as writer:
            for done in range(0, wanted, STORED_BATCH):
                slot = writer.take()
                part = slot.stored[: min(STORED_BATCH, wanted - done)]
                count = fill(source, part)
                if count < len(part):
                    raise wrong_size(f"{done + count} bytes", wanted)
                writer.give(slot, count, open_segments(cipher, part, slot.output, done // STORED_SIZE))
            _expect_end(source, wanted)
            check_digest(manifest, writer.finish())


def open_bytes(data: bytes | bytearray | memoryview, *, manifest: Manifest, data_key: Secret) -> bytearray:
    """The plaintext of an object in memory, once everything is verified; wiped where anything is not.

    Raises Refused like `open_stream`, except that the digest speaks first: a segment that does not open
    under the right digest means another data key (`object.key`).
    """
    wanted = check_manifest(manifest)
    cipher = ChaCha20Poly1305(checked_key(data_key))
    body = _body_of(data)
    if len(body) != wanted:
        raise wrong_size(f"{len(body)} bytes", wanted)
    plain = bytearray(manifest.size)
    try:
        _open_verified(cipher, body, memoryview(plain), manifest)
    except BaseException:
        plain[:] = bytes(len(plain))
        raise
    return plain


def open_to_file(source: BinaryIO, path: Path, *, manifest: Manifest, data_key: Secret) -> None:
    """`open_stream` into a file that appears, whole and readable by its owner only, once all is verified.
    Raises as `open_stream` does, and Unavailable (`disk.full`); then nothing is left at or beside the path.
    A process that is killed leaves its hidden part file (mode 0600), which holds plaintext.
    """
    with whole_file(path) as sink:
        open_stream(source, sink, manifest=manifest, data_key=data_key)


def describe_object(
    source: BinaryIO,
    private_key: X25519PrivateKey,
    *,
    object_id: str | None = None,
    data_key_id: str | None = None,
) -> Manifest:
    """The manifest of an object that has none, such as one made by another Crypt4GH tool.

    Every segment is authenticated, but their order and number are taken as they are: whoever calls this
    vouches for the object from here on. Raises Refused as `recover_data_key` and `open_stream` do.
    """
    cipher = ChaCha20Poly1305(recover_data_key(source, private_key).reveal())
    hasher, size = blake3(), 0
    with wiped_buffers(STORED_BATCH, PLAIN_BATCH) as (stored, plain):
        while count := fill(source, stored):
            hasher.update(stored[:count])
            size += open_segments(cipher, stored[:count], plain, segments_of(size))
    digest = f"blake3:{hasher.hexdigest()}"
    return Manifest(object_id or new_id("object"), size, segments_of(size), digest, data_key_id or new_id("key"))


def _seal(
    parts: Iterable[memoryview],
    sink: BinaryIO,
    *,
    data_key: Secret,
    data_key_id: str,
    recipients: Sequence[bytes],
    object_id: str | None,
) -> Manifest:
    """Seals plaintext that comes in parts of `PLAIN_BATCH` bytes, the last one shorter."""
    write_all(sink, memoryview(write_header(data_key, recipients)))
    cipher = ChaCha20Poly1305(checked_key(data_key))
    size = 0
    buffers = [memoryview(bytearray(STORED_BATCH)) for _ in range(2)]
    with HashingWriter(sink, [Slot(buffer, buffer) for buffer in buffers]) as writer:
        for part in parts:
            slot = writer.take()
            length = seal_segments(cipher, part, slot.stored, segments_of(size))
            writer.give(slot, length, length)
            size += len(part)
        digest = writer.finish()
    return Manifest(object_id or new_id("object"), size, segments_of(size), digest, data_key_id)


def _slices(view: memoryview) -> Iterator[memoryview]:
    """The same parts of bytes that are in memory, without copying them."""
    return (view[start : start + PLAIN_BATCH] for start in range(0, len(view), PLAIN_BATCH))


def _parts_of(source: BinaryIO, buffer: memoryview) -> Iterator[memoryview]:
    """The source in parts that fill the buffer, each read into it; the last one is shorter."""
    if isinstance(source, io.BytesIO):  # in memory already: nothing to copy
        yield from _slices(memoryview(source.getvalue())[source.tell() :])
        source.seek(0, io.SEEK_END)
        return
    while count := fill(source, buffer):
        yield buffer[:count]


def _open_verified(cipher: ChaCha20Poly1305, body: memoryview, plain: memoryview, manifest: Manifest) -> None:
    """Decrypts and hashes at once, on two cores where there are two; the digest is judged first."""
    failure: Refused | None = None
    with ThreadPoolExecutor(max_workers=1) as pool:
        digest = pool.submit(_digest_of, body)
        try:
            open_segments(cipher, body, plain, 0)
        except Refused as refused:
            failure = refused
        check_digest(manifest, digest.result())
    if failure:
        raise Refused.because(
            "object.key",
            got="a data key that does not open the object",
            wanted=f"the data key {manifest.data_key_id[:80]}",
            remedy="Ask the owner for the key of this object.",
        ) from None


def _digest_of(body: memoryview) -> str:
    return f"blake3:{blake3(body).hexdigest()}"


def _body_of(data: bytes | bytearray | memoryview) -> memoryview:
    """The segments of an object in memory, without copying them."""
    view = memoryview(data).cast("B")
    header = io.BytesIO(view[:MAX_HEADER_LENGTH])
    read_packets(header)
    return view[header.tell() :]


def _expect_end(source: BinaryIO, wanted: int) -> None:
    with wiped_buffers(1) as (byte,):
        if fill(source, byte):
            raise wrong_size(f"more than {wanted} bytes", wanted)
