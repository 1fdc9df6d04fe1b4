"""Bytes in and out: filling a buffer, writing all of it, and the thread that hashes while the caller encrypts."""

from __future__ import annotations

import errno
import io
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from types import TracebackType
from typing import BinaryIO, Self, cast

from blake3 import blake3

# Shorter parts are hashed and written at once: a small object never starts a thread.
WORTH_A_THREAD = 1 << 18


def fill(source: BinaryIO, buffer: memoryview) -> int:
    """Reads until the buffer is full or the source ends, and returns the count. A raw source may give
    less than was asked. Raises BlockingIOError for a source that does not wait: to take "nothing yet"
    for the end would silently cut the data.
    """
    done = 0
    while done < len(buffer):
        count = cast("io.RawIOBase", source).readinto(buffer[done:])
        if count is None:
            raise BlockingIOError(errno.EAGAIN, "the source has nothing to read yet")
        if count == 0:
            break
        done += count
    return done


def read_up_to(source: BinaryIO, length: int) -> bytes:
    """At most `length` bytes; fewer only where the source ends."""
    buffer = bytearray(length)
    return bytes(buffer[: fill(source, memoryview(buffer))])


def write_all(sink: BinaryIO, view: memoryview) -> None:
    """Writes every byte; a raw sink may take fewer at a time."""
    while view:
        view = view[sink.write(view) :]


@contextmanager
def wiped_buffers(*sizes: int) -> Iterator[tuple[memoryview, ...]]:
    """Buffers of these sizes, overwritten when the block ends: they may have held plaintext."""
    buffers = [bytearray(size) for size in sizes]
    try:
        yield tuple(memoryview(buffer) for buffer in buffers)
    finally:
        for buffer in buffers:
            buffer[:] = bytes(len(buffer))


class HashingWriter:
    """Takes part after part: hashes the stored bytes, then writes to the sink, on one thread, in order.

    BLAKE3 and the cipher both release the interpreter's lock, so the hash costs no time where there is a
    second core. A part must stay untouched until the next but one is put: callers alternate two buffers.
    Failures of the sink surface at the next `put` or at `finish`.
    """

    def __init__(self, sink: BinaryIO) -> None:
        self._sink = sink
        self._hasher = blake3()
        self._pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="confide-hash")
        self._pending: Future[None] | None = None

    def put(self, stored: memoryview, output: memoryview) -> None:
        """Hashes `stored` (object bytes) and writes `output`, which may be the same view."""
        self._wait()
        if len(stored) < WORTH_A_THREAD:
            self._work(stored, output)
        else:
            self._pending = self._pool.submit(self._work, stored, output)

    def finish(self) -> str:
        """Waits for the last part; `blake3:` and the 64 hexadecimal digits over all stored bytes."""
        self._wait()
        return f"blake3:{self._hasher.hexdigest()}"

    def _work(self, stored: memoryview, output: memoryview) -> None:
        self._hasher.update(stored)
        write_all(self._sink, output)

    def _wait(self) -> None:
        pending, self._pending = self._pending, None
        if pending is not None:
            pending.result()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pool.shutdown(wait=True)
