"""A forged boot for negative tests: builds TCG event logs, event by event, and the PCR values that they lead to.

A healthy boot is that of a Google machine with secure boot on, shim, GRUB and Linux:

    boot = FakeBoot.healthy()
    boot.encode()            # the crypto-agile log
    boot.values("sha256")    # PCR 0 to 23

A fault is one more event, or one in the place of another: `boot.replace("SecureBoot", secure_boot(on=False))`.
"""

from __future__ import annotations

import struct
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from confide.evidence.cel import measured_cos
from confide.evidence.secure_boot import SHA256, X509
from confide.evidence.tcg_log import ALGORITHMS, EV_NO_ACTION, SIZES, TcgEvent, TcgLog, hash_of, replay

PCRS = range(24)
DRTM = range(17, 23)
_NUMBERS = {name: number for number, (name, _) in ALGORITHMS.items()}
_GLOBAL = uuid.UUID("8be4df61-93ca-11d2-aa0d-00e098032b8c")
_IMAGE_SECURITY = uuid.UUID("d719b2cb-3d3a-4596-a3bc-dad00e67656f")
_OWNER = uuid.UUID("77fa9abd-0359-4d32-bd60-28f4e78f784b")

VERSION, SEPARATOR, IPL, NONHOST_INFO, TAG = 0x08, 0x04, 0x0D, 0x11, 0x06
VARIABLE, APPLICATION, ACTION, AUTHORITY = 0x80000001, 0x80000003, 0x80000007, 0x800000E0


@dataclass(frozen=True, slots=True)
class FakeEvent:
    """An event: `data` is what the log says, `measured` what was extended, the data where it is None."""

    register: int
    kind: int
    data: bytes
    measured: bytes | None = None

    def digest(self, algorithm: str) -> bytes:
        """What was extended; zeros for an event that never is."""
        if self.kind == EV_NO_ACTION:
            return bytes(SIZES[algorithm])
        return hash_of(algorithm, self.data if self.measured is None else self.measured)


def variable(name: str, content: bytes, *, kind: int = VARIABLE, register: int = 7) -> FakeEvent:
    """A UEFI variable that was measured (UEFI_VARIABLE_DATA)."""
    vendor = _IMAGE_SECURITY if name in {"db", "dbx"} else _GLOBAL
    head = vendor.bytes_le + struct.pack("<QQ", len(name), len(content))
    return FakeEvent(register, kind, head + name.encode("utf-16-le") + content)


def secure_boot(*, on: bool = True, register: int = 7) -> FakeEvent:
    """Whether secure boot was on."""
    return variable("SecureBoot", bytes([on]), register=register)


def signature_list(entries: Sequence[bytes], kind: uuid.UUID = SHA256) -> bytes:
    """An EFI_SIGNATURE_LIST with entries of one size; `kind` is SHA256 or X509 of `confide.evidence.secure_boot`."""
    size = 16 + len(entries[0])
    body = b"".join(_OWNER.bytes_le + entry for entry in entries)
    return kind.bytes_le + struct.pack("<III", 28 + len(body), 0, size) + body


def separator(register: int) -> FakeEvent:
    """The end of the firmware's part of a PCR."""
    return FakeEvent(register, SEPARATOR, bytes(4))


def grub(text: str, *, label: str = "grub_cmd: ") -> FakeEvent:
    """A command or command line as GRUB measures it: without the label before it."""
    return FakeEvent(8, IPL, (label + text).encode() + b"\0", text.encode())


def file(name: str, content: bytes) -> FakeEvent:
    """A file that GRUB read."""
    return FakeEvent(9, IPL, name.encode() + b"\0", content)


def application(content: bytes, *, register: int = 4) -> FakeEvent:
    """A program that the firmware started: an image's location, and a digest that covers the image."""
    return FakeEvent(register, APPLICATION, bytes(32), content)


COMMAND_LINE = "/vmlinuz root=/dev/vda1 ro quiet"


@dataclass(frozen=True, slots=True)
class FakeBoot:
    """A boot: its events in order, the hash algorithms of the log, and the locality of the TPM's startup."""

    events: tuple[FakeEvent, ...]
    algorithms: tuple[str, ...] = ("sha1", "sha256", "sha384")
    locality: int = 0

    @classmethod
    def healthy(cls) -> FakeBoot:
        """Google's firmware with secure boot on, shim, GRUB and Linux."""
        certificates = {"PK": b"platform key", "KEK": b"key exchange", "db": b"signature database"}
        return cls((
            FakeEvent(0, VERSION, "GCE Virtual Firmware v2\0".encode("utf-16-le")),
            FakeEvent(0, NONHOST_INFO, b"GCE NonHostInfo\0" + bytes([4]) + bytes(15)),
            secure_boot(),
            *(variable(name, signature_list([one], X509)) for name, one in certificates.items()),
            variable("dbx", signature_list([bytes(32), b"\1" * 32])),
            separator(7),
            FakeEvent(4, ACTION, b"Calling EFI Application from Boot Option"),
            *(separator(register) for register in range(7)),
            variable("db", signature_list([b"signature database"], X509), kind=AUTHORITY),
            application(b"shim"),
            application(b"grub"),
            grub("set timeout=0"),
            grub(f"linux {COMMAND_LINE}"),
            file("/vmlinuz", b"kernel"),
            grub(COMMAND_LINE, label="kernel_cmdline: "),
            grub("initrd /initrd"),
            file("/initrd", b"initial disk"),
            FakeEvent(5, ACTION, b"Exit Boot Services Invocation"),
        ))  # fmt: skip

    def with_event(self, *events: FakeEvent) -> FakeBoot:
        """The boot with more events at its end."""
        return FakeBoot((*self.events, *events), self.algorithms, self.locality)

    def replace(self, text: str, *events: FakeEvent) -> FakeBoot:
        """The boot with the events in the place of the first whose data hold the text (ASCII or UTF-16). Raises
        ValueError where none does.
        """
        needles = (text.encode(), text.encode("utf-16-le"))
        index = next((i for i, one in enumerate(self.events) if any(needle in one.data for needle in needles)), None)
        if index is None:
            raise ValueError(f"no event says {text!r}")
        changed = (*self.events[:index], *events, *self.events[index + 1 :])
        return FakeBoot(changed, self.algorithms, self.locality)

    def log(self) -> TcgLog:
        """The log as a typed value."""
        return TcgLog(self.algorithms, tuple(self._typed(event) for event in self._all()))

    def _all(self) -> tuple[FakeEvent, ...]:
        start = FakeEvent(0, EV_NO_ACTION, b"StartupLocality\0" + bytes([self.locality]))
        return (start, *self.events) if self.locality else self.events

    def _typed(self, event: FakeEvent) -> TcgEvent:
        digests = {name: event.digest(name) for name in self.algorithms}
        return TcgEvent(event.register, event.kind, digests, event.data)

    def encode(self) -> bytes:
        """The log in bytes: crypto-agile, or where SHA-1 is the only algorithm the older form."""
        if self.algorithms == ("sha1",):
            return b"".join(encode_event1(event) for event in self._all())
        return encode_header(self.algorithms) + b"".join(encode_event2(one) for one in self.log().events)

    def values(self, algorithm: str) -> dict[int, bytes]:
        """PCR 0 to 23 after the boot."""
        size = SIZES[algorithm]
        start = {index: (b"\xff" if index in DRTM else b"\0") * size for index in PCRS}
        return start | replay(self.log(), algorithm)


def encode_event1(event: FakeEvent) -> bytes:
    """A TCG_PCR_EVENT."""
    return struct.pack("<II20sI", event.register, event.kind, event.digest("sha1"), len(event.data)) + event.data


def encode_event2(event: TcgEvent) -> bytes:
    """A TCG_PCR_EVENT2 with the digests in their order."""
    digests = b"".join(struct.pack("<H", _NUMBERS[name]) + digest for name, digest in event.digests.items())
    head = struct.pack("<III", event.register, event.kind, len(event.digests))
    return head + digests + struct.pack("<I", len(event.data)) + event.data


def encode_header(algorithms: Sequence[str], sizes: Mapping[str, int] = SIZES) -> bytes:
    """The Spec ID event that begins a crypto-agile log."""
    named = b"".join(struct.pack("<HH", _NUMBERS[name], sizes[name]) for name in algorithms)
    data = struct.pack("<16sIBBBBI", b"Spec ID Event03\0", 0, 0, 2, 0, 2, len(algorithms)) + named + b"\0"
    return struct.pack("<II20sI", 0, EV_NO_ACTION, bytes(20), len(data)) + data


def _item(kind: int, value: bytes) -> bytes:
    return bytes([kind]) + len(value).to_bytes(4, "big") + value


def container_log(image_digest: str, *, register: int = 13, algorithms: Sequence[str] = ("sha256",)) -> bytes:
    """The canonical log of a launcher that started one container."""
    records = []
    for number, (kind, text) in enumerate([(0, "registry.example/image:latest"), (1, image_digest), (8, "")]):
        content = _item(kind, text.encode())
        digests = b"".join(_item(_NUMBERS[name], hash_of(name, measured_cos(content))) for name in algorithms)
        head = _item(0, number.to_bytes(8, "big")) + _item(1, bytes([register]))
        records.append(head + _item(3, digests) + _item(80, content))
    return b"".join(records)
