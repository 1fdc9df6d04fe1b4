"""Bytes in and out: filling a buffer, writing all of it, and the thread that hashes while the caller encrypts."""

from __future__ import annotations

import errno
import io
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from queue import SimpleQueue
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


class BackgroundHash:
    """BLAKE3 over the used parts of a few buffers, in the order in which they are given, on a thread.

    Hash and cipher both release the interpreter's lock, so hashing costs no time where there is a second
    core. `take` a buffer, fill it, `give` its used part; it may still be read, but not written, until it is
    taken again. A small object never starts the thread.
    """

    def __init__(self, buffers: Iterable[memoryview]) -> None:
        self._hasher = blake3()
        self._free: SimpleQueue[memoryview | None] = SimpleQueue()
        self._given: SimpleQueue[tuple[memoryview, int] | None] = SimpleQueue()
        self._pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="confide-hash")
        self._running: Future[None] | None = None
        for buffer in buffers:
            self._free.put(buffer)

    def take(self) -> memoryview:
        """A buffer that is no longer read; waits for one."""
        buffer = self._free.get()
        if buffer is None:
            self._join()
            raise ValueError("the hash is finished")
        return buffer

    def give(self, buffer: memoryview, used: int) -> None:
        """Hashes the first `used` bytes of a buffer that was taken."""
        if self._running is None and used < WORTH_A_THREAD:
            self._hasher.update(buffer[:used])
            self._free.put(buffer)
            return
        self._running = self._running or self._pool.submit(self._run)
        self._given.put((buffer, used))

    def finish(self) -> str:
        """Waits for the last part; `blake3:` and the 64 hexadecimal digits over all parts."""
        self._join()
        return f"blake3:{self._hasher.hexdigest()}"

    def _run(self) -> None:
        try:
            while (item := self._given.get()) is not None:
                buffer, used = item
                self._hasher.update(buffer[:used])
                self._free.put(buffer)
        finally:
            self._free.put(None)  # nobody waits for a thread that has ended

    def _join(self) -> None:
        self._given.put(None)
        if self._running is not None:
            self._running.result()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._given.put(None)
        self._pool.shutdown(wait=True)
