"""Bytes in and out: filling a buffer, writing all of it, and the thread that hashes and writes meanwhile."""

from __future__ import annotations

import errno
import io
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from queue import SimpleQueue
from types import TracebackType
from typing import BinaryIO, NamedTuple, Self, cast

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


class Slot(NamedTuple):
    """Two buffers that travel together: bytes of the object, and bytes for the sink (maybe the same)."""

    stored: memoryview
    output: memoryview


class HashingWriter:
    """Hashes the object and writes to the sink, part by part in order, on a thread of its own.

    BLAKE3, the cipher and the operating system all work without the interpreter's lock, so where there is a
    second core, the caller's cipher and this run side by side. `take` a slot, fill it, `give` it: it may
    still be read, but not written, until it is taken again. A small object never starts the thread. What
    the sink raises comes out of `take` or `finish`.
    """

    def __init__(self, sink: BinaryIO, slots: Iterable[Slot]) -> None:
        self._sink = sink
        self._hasher = blake3()
        self._free: SimpleQueue[Slot | None] = SimpleQueue()
        self._given: SimpleQueue[tuple[Slot, int, int] | None] = SimpleQueue()
        self._pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="confide-hash")
        self._running: Future[None] | None = None
        for slot in slots:
            self._free.put(slot)

    def take(self) -> Slot:
        """A slot that is no longer in use; waits for one."""
        slot = self._free.get()
        if slot is None:
            self._join()
            raise ValueError("the writer is finished")
        return slot

    def give(self, slot: Slot, stored: int, output: int) -> None:
        """Hashes the first `stored` and writes the first `output` bytes of a slot that was taken."""
        if self._running is None and stored < WORTH_A_THREAD:
            self._work(slot, stored, output)
            return
        self._running = self._running or self._pool.submit(self._run)
        if isinstance(self._sink, io.BytesIO):  # a copy under the interpreter's lock: there it would stop the cipher
            self._given.put((slot, stored, 0))
            write_all(self._sink, slot.output[:output])
        else:
            self._given.put((slot, stored, output))

    def finish(self) -> str:
        """Waits for the last part; `blake3:` and the 64 hexadecimal digits over all stored bytes."""
        self._join()
        return f"blake3:{self._hasher.hexdigest()}"

    def _run(self) -> None:
        try:
            while (part := self._given.get()) is not None:
                self._work(*part)
        finally:
            self._free.put(None)  # nobody waits for a thread that has ended

    def _work(self, slot: Slot, stored: int, output: int) -> None:
        self._hasher.update(slot.stored[:stored])
        write_all(self._sink, slot.output[:output])
        self._free.put(slot)

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
