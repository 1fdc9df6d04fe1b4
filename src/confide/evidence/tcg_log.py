"""TCG event logs: what firmware and boot loaders wrote down of what they measured. Bytes to typed events, and the
replay of the registers. No trust: a log is worth what its replay shows against registers that hardware signed.

Three kinds are read. TCG PC Client Platform Firmware Profile (PFP), revision 1.06: section 10.2.2 (TCG_PCR_EVENT2,
crypto-agile), section 10.2.1 (TCG_PCR_EVENT, SHA-1 only), section 10.4.5.1 (Spec ID header). Intel's and UEFI's
confidential computing event log (UEFI 2.10, section 38.4.1) has the layout of the crypto-agile one; its register 1
to 4 is RTMR0 to RTMR3.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from confide.errors import Refused

MAX_BYTES = 1 << 20
MAX_EVENTS = 1024

# TCG Algorithm Registry, revision 1.34, table 3: the hash algorithms, their names here and their sizes.
ALGORITHMS = {
    0x0004: ("sha1", 20), 0x000B: ("sha256", 32), 0x000C: ("sha384", 48), 0x000D: ("sha512", 64),
    0x0012: ("sm3_256", 32), 0x0027: ("sha3_256", 32), 0x0028: ("sha3_384", 48), 0x0029: ("sha3_512", 64),
}  # fmt: skip
SIZES = dict(ALGORITHMS.values())
# The library's constructors; SM3 it does not have everywhere, and only by name.
_SM3 = {"sm3_256": partial(hashlib.new, "sm3")} if "sm3" in hashlib.algorithms_available else {}
_HASHES: dict[str, Callable[[bytes], Any]] = {
    "sha1": hashlib.sha1, "sha256": hashlib.sha256, "sha384": hashlib.sha384, "sha512": hashlib.sha512,
    "sha3_256": hashlib.sha3_256, "sha3_384": hashlib.sha3_384, "sha3_512": hashlib.sha3_512, **_SM3,
}  # fmt: skip

EV_NO_ACTION = 0x03
NO_REGISTER = 0xFFFFFFFF

_MAX_ALGORITHMS = 8
_MAX_DIGEST = 64
_LOCALITIES = range(5)
_SPEC_ID = b"Spec ID Event03\0"
_STARTUP_LOCALITY = b"StartupLocality\0"
_EVENT1 = struct.Struct("<II20sI")
_EVENT2 = struct.Struct("<III")
_SPEC_HEADER = struct.Struct("<16sIBBBBI")
_ALGORITHM = struct.Struct("<HH")
_ID = struct.Struct("<H")
_SIZE = struct.Struct("<I")


@dataclass(frozen=True, slots=True)
class TcgEvent:
    """One event: the register that it extends (as the log numbers it), its type (PFP, section 10.4.1), its digest
    by algorithm name, and the event data, which nothing but the digest of some event types vouches for.
    """

    register: int
    kind: int
    digests: dict[str, bytes] = field(hash=False)
    data: bytes

    @property
    def extends(self) -> bool:
        """Whether the event was extended into a register: EV_NO_ACTION never is (PFP, section 10.4.5)."""
        return self.kind != EV_NO_ACTION and self.register != NO_REGISTER


@dataclass(frozen=True, slots=True)
class TcgLog:
    """A log: its algorithms by name, in the order of the header, and its events in order, without the header."""

    algorithms: tuple[str, ...]
    events: tuple[TcgEvent, ...]

    @property
    def startup_locality(self) -> int:
        """The locality at which TPM2_Startup was called (PFP, section 10.4.5.3): what PCR 0 starts from."""
        found = (_locality(event) for event in self.events if event.kind == EV_NO_ACTION)
        return next((value for value in found if value is not None), 0)


def _locality(event: TcgEvent) -> int | None:
    named = event.data[: len(_STARTUP_LOCALITY)] == _STARTUP_LOCALITY
    return event.data[-1] if named and len(event.data) == len(_STARTUP_LOCALITY) + 1 else None


def _refused(code: str, got: str, wanted: str) -> Refused:
    return Refused.because(
        code, got=got, wanted=wanted, remedy="Give the whole log as the firmware keeps it, and nothing else."
    )


def _malformed(got: str) -> Refused:
    return _refused("log.malformed", got, "a TCG event log")


class _Reader:
    """A position in the log. Each read is within the bounds, or Refused."""

    __slots__ = ("data", "padding", "position")

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.position = 0
        # Log areas are filled up with ones (ACPI's CCEL) or zeros; from here on there is nothing else.
        self.padding = min(len(data.rstrip(filler)) for filler in (b"\xff", b"\0"))

    def unpack(self, layout: struct.Struct) -> tuple[int, ...]:
        end = self.position + layout.size
        if end > len(self.data):
            raise _malformed(f"a log that ends inside an event, at byte {len(self.data)}")
        values = layout.unpack_from(self.data, self.position)
        self.position = end
        return values

    def take(self, size: int) -> bytes:
        end = self.position + size
        if end > len(self.data):
            raise _malformed(f"an event that reaches beyond the log, at byte {self.position}")
        value = self.data[self.position : end]
        self.position = end
        return value

    @property
    def ended(self) -> bool:
        """Whether nothing is left but padding."""
        return self.position >= self.padding


def parse_log(data: bytes) -> TcgLog:
    """The log in the bytes, crypto-agile or SHA-1 only; padding of 0xFF or zeros at the end is left out. Raises
    Refused: `log.size` for none or more than 1 MiB or 1024 events, `log.malformed` for what does not parse.
    """
    if not 0 < len(data) <= MAX_BYTES:
        raise _refused("log.size", f"{len(data)} bytes", f"1 to {MAX_BYTES} bytes")
    reader = _Reader(data)
    first = _read_event1(reader)
    if first.kind == EV_NO_ACTION and first.data.startswith(_SPEC_ID):
        sizes = _read_header(first.data)
        return _checked(TcgLog(tuple(name for name, _ in sizes.values()), _read_events2(reader, sizes)))
    reader.position = 0
    return _checked(TcgLog(("sha1",), _read_events1(reader)))


def _checked(log: TcgLog) -> TcgLog:
    """A log says at most once from which locality the TPM was started, and from one that exists."""
    found = [_locality(event) for event in log.events if event.kind == EV_NO_ACTION]
    localities = {value for value in found if value is not None}
    if len(localities) > 1 or not localities <= set(_LOCALITIES):
        raise _malformed("startup localities that cannot be")
    if not log.events:
        raise _malformed("a log without an event")
    return log


def _read_header(data: bytes) -> dict[int, tuple[str, int]]:
    """The algorithms of the Spec ID event: name and digest size by number (PFP, section 10.4.5.1)."""
    reader = _Reader(data)
    count = reader.unpack(_SPEC_HEADER)[-1]
    if not 0 < count <= _MAX_ALGORITHMS:
        raise _malformed(f"{count} algorithms")
    pairs = [reader.unpack(_ALGORITHM) for _ in range(count)]
    sizes = {number: ALGORITHMS.get(number, (f"{number:#06x}", size)) for number, size in pairs}
    if len(sizes) != count or any(sizes[number][1] != size or not 0 < size <= _MAX_DIGEST for number, size in pairs):
        raise _malformed("algorithms named twice, or digests of the wrong size")
    reader.take(reader.take(1)[0])
    return sizes


def _read_event1(reader: _Reader) -> TcgEvent:
    register, kind, digest, size = _unpack_event1(reader)
    return TcgEvent(register, kind, {"sha1": digest}, reader.take(size))


def _unpack_event1(reader: _Reader) -> tuple[int, int, bytes, int]:
    return reader.unpack(_EVENT1)  # type: ignore[return-value]  # the layout has one field of bytes


def _read_events1(reader: _Reader) -> tuple[TcgEvent, ...]:
    events: list[TcgEvent] = []
    while not reader.ended:
        _count(events)
        events.append(_read_event1(reader))
    return tuple(events)


def _count(events: list[TcgEvent]) -> None:
    if len(events) == MAX_EVENTS:
        raise _refused("log.size", f"more than {MAX_EVENTS} events", f"at most {MAX_EVENTS} events")


def _read_events2(reader: _Reader, sizes: dict[int, tuple[str, int]]) -> tuple[TcgEvent, ...]:
    events: list[TcgEvent] = []
    while not reader.ended:
        _count(events)
        register, kind, count = reader.unpack(_EVENT2)
        if not 0 < count <= len(sizes):
            raise _malformed(f"an event with {count} digests, at byte {reader.position}")
        digests = dict(_read_digest(reader, sizes) for _ in range(count))
        if len(digests) != count:
            raise _malformed(f"an event with two digests of one algorithm, at byte {reader.position}")
        events.append(TcgEvent(register, kind, digests, reader.take(reader.unpack(_SIZE)[0])))
    return tuple(events)


def _read_digest(reader: _Reader, sizes: dict[int, tuple[str, int]]) -> tuple[str, bytes]:
    (number,) = reader.unpack(_ID)
    if number not in sizes:
        raise _malformed(f"a digest of the algorithm {number:#06x}, which the header does not name")
    name, size = sizes[number]
    return name, reader.take(size)


def known_hash(algorithm: str) -> bool:
    """Whether this machine's library computes the algorithm (SM3 is not everywhere)."""
    return algorithm in _HASHES


def hash_of(algorithm: str, data: bytes) -> bytes:
    """The digest by a TCG algorithm's name, such as `sha256`. Raises KeyError for one that is not known here."""
    digest: bytes = _HASHES[algorithm](data).digest()
    return digest


def replay(log: TcgLog, algorithm: str) -> dict[int, bytes]:
    """The registers by the log's own numbers, as its events in order leave them: those that it extends. Raises
    Refused `log.algorithm` where the log, or an event of it, has no digest of the algorithm.
    """
    if algorithm not in log.algorithms or not known_hash(algorithm):
        raise _refused("log.algorithm", f"a log with {', '.join(log.algorithms)}", f"digests by {algorithm}")
    start = bytes(SIZES[algorithm])
    registers: dict[int, bytes] = {}
    if log.startup_locality:
        # PCR 0 starts from the locality (TPM 2.0 library, part 3, section 9.3, TPM2_Startup).
        registers[0] = log.startup_locality.to_bytes(SIZES[algorithm], "big")
    for event in log.events:
        if event.extends:
            digest = event.digests.get(algorithm)
            if digest is None:
                raise _refused("log.algorithm", f"an event without {algorithm}", f"digests by {algorithm}")
            before = registers.get(event.register, start)
            registers[event.register] = hash_of(algorithm, before + digest)
    return registers
