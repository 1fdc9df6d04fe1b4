"""What the events of a TCG log mean: firmware, secure boot, boot loader, command lines, files, workload. No trust.

A log is written by those whom it describes. A replay shows that the *digests* are those that were measured; the
*data* beside a digest is only as good as `proven` says: that the digest is the hash of what the text says. Where it
is not, the text is a label that anyone who handled the log may have written, such as a file's name.

Sources: TCG PC Client Platform Firmware Profile (PFP), revision 1.06, section 10.4.1 (event types) and table 27 (what
is measured for each); GRUB, `grub-core/commands/tpm.c`; systemd-stub(7); Linux, `drivers/firmware/efi/libstub`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from confide.errors import Refused
from confide.evidence.cel import COS_EVENT, describe_cos, measured_cos
from confide.evidence.secure_boot import read_variable
from confide.evidence.tcg_log import TcgEvent, TcgLog, hash_of

Meaning = Literal[
    "firmware", "firmware_version", "firmware_table", "technology", "separator", "secure_boot", "platform_key",
    "key_exchange_keys", "signature_database", "forbidden_signatures", "variable", "authority", "boot_application",
    "boot_driver", "boot_option", "partition_table", "action", "boot_command", "kernel_command_line", "boot_file",
    "initrd", "load_options", "workload", "agent", "other",
]  # fmt: skip

_KINDS: dict[int, Meaning] = {
    0x01: "firmware", 0x07: "firmware", 0x13: "firmware", 0x80000008: "firmware", 0x8000000A: "firmware",
    0x80000010: "firmware", 0x0A: "firmware_table", 0x0B: "firmware_table", 0x80000009: "firmware_table",
    0x8000000B: "firmware_table", 0x05: "action", 0x80000007: "action", 0x80000003: "boot_application",
    0x80000004: "boot_driver", 0x80000005: "boot_driver", 0x80000006: "partition_table",
    0x8000000D: "partition_table",
}  # fmt: skip
_EVENT_TAG, _VERSION, _IPL, _NONHOST_INFO = 0x06, 0x08, 0x0D, 0x11
_VARIABLE_CONFIG, _VARIABLE_BOOT, _VARIABLE_BOOT2, _AUTHORITY = 0x80000001, 0x80000002, 0x8000000C, 0x800000E0

# The variables of secure boot, which UEFI defines (section 32.3), by name.
_SECURE_BOOT: dict[str, Meaning] = {
    "SecureBoot": "secure_boot", "PK": "platform_key", "KEK": "key_exchange_keys", "db": "signature_database",
    "dbx": "forbidden_signatures",
}  # fmt: skip

# Tags of Linux's EFI stub (libstub/efistub.h) and of the agents' event log of Confidential Containers ("AAEL").
_TAGS: dict[int, Meaning] = {0x8F3B22EC: "initrd", 0x8F3B22ED: "load_options", 0x4141454C: "agent"}
_TAG_HEADER = 8

# What GRUB puts before a string that it measures: upstream, and as some distributions have it.
_COMMANDS = (b"grub_cmd: ", b"grub_cmd ")
_COMMAND_LINES = (b"kernel_cmdline: ", b"grub_kernel_cmdline ", b"module_cmdline: ", b"grub_module_cmdline ")
# The words before a string are not measured, so that a command may be given out for a command line or the reverse.
# GRUB's command lines begin with the path of the kernel, which no command does.
_COMMAND_LINE = re.compile(r"BOOT_IMAGE=|(?![A-Za-z_][A-Za-z0-9_]*=)\S*[/(]")

# What EV_SEPARATOR measures (PFP, section 10.4.1): the end of the firmware's part, or that something went wrong.
_SEPARATORS = (bytes(4), b"\xff" * 4, b"\1\0\0\0")

# What firmware remarks in PCR 4 and 5 (PFP, section 10.4.3): strings that say nothing of what was started.
_REMARKS = frozenset({
    "Calling EFI Application from Boot Option", "Returning from EFI Application from Boot Option",
    "Exit Boot Services Invocation", "Exit Boot Services Returned with Failure",
    "Exit Boot Services Returned with Success",
})  # fmt: skip
# Where GRUB measures its strings, and systemd the kernel's command line (systemd-stub(7)).
COMMAND_LINES = frozenset({8, 12})
_STRINGS = frozenset({"boot_command", "kernel_command_line", "separator"})

_GCE_INFO = b"GCE NonHostInfo\0"
_GCE_TECHNOLOGIES = {0: "none", 1: "AMD SEV", 2: "AMD SEV-ES", 3: "Intel TDX", 4: "AMD SEV-SNP"}
_MAX_TEXT = 8192


@dataclass(frozen=True, slots=True)
class BootEvent:
    """One measured event. `register` is the log's number of it, `digest` what was extended. `text` says what the event
    data says; it was measured where `proven`, and is a mere label where not. `content` is the variable's content of
    secure boot events, empty elsewhere.
    """

    register: int
    meaning: Meaning
    text: str
    digest: bytes
    proven: bool
    content: bytes = b""


def read_boot_events(log: TcgLog, algorithm: str) -> tuple[BootEvent, ...]:
    """The events that extend a register, in order, with what they mean. Digests are those of the algorithm, which
    the log must have for all of them (`replay` refuses others).
    """
    separators = {hash_of(algorithm, data): data for data in _SEPARATORS}
    return tuple(_read_known(event, algorithm, separators) for event in log.events if event.extends)


def _read_known(event: TcgEvent, algorithm: str, separators: Mapping[bytes, bytes]) -> BootEvent:
    digest = event.digests[algorithm]
    return _separator(event, digest, separators[digest]) if digest in separators else _read(event, algorithm)


def _separator(event: TcgEvent, digest: bytes, data: bytes) -> BootEvent:
    """A separator is known by its digest: the type is not measured, and must not hide where the firmware ended."""
    return BootEvent(event.register, "separator", data.hex(), digest, proven=True)


def _read(event: TcgEvent, algorithm: str) -> BootEvent:
    if event.kind == _IPL:
        return _read_loader(event, algorithm)
    if event.kind in {_VARIABLE_CONFIG, _VARIABLE_BOOT, _VARIABLE_BOOT2, _AUTHORITY}:
        return _read_variable(event, algorithm)
    if event.kind == _EVENT_TAG:
        return _read_tag(event, algorithm)
    if event.kind == COS_EVENT:
        return _event(event, "workload", describe_cos(event.data), algorithm, measured_cos(event.data))
    meaning = _KINDS.get(event.kind, "other")
    text = _describe(event.data)
    if event.kind == _VERSION:
        meaning = "firmware_version"
    elif event.kind == _NONHOST_INFO and event.data.startswith(_GCE_INFO) and len(event.data) > len(_GCE_INFO):
        meaning = "technology"
        text = _GCE_TECHNOLOGIES.get(event.data[len(_GCE_INFO)], "unknown")
    return _event(event, meaning, text, algorithm, event.data)


def _event(
    event: TcgEvent, meaning: Meaning, text: str, algorithm: str, *measured: bytes, content: bytes = b""
) -> BootEvent:
    """The event, proven where its digest is the hash of one of the candidates for what was measured, and all of the
    text is there: a longer one is cut.
    """
    digest = event.digests[algorithm]
    proven = len(text) <= _MAX_TEXT and any(hash_of(algorithm, one) == digest for one in measured)
    return BootEvent(event.register, meaning, text[:_MAX_TEXT], digest, proven, content)


def _describe(data: bytes) -> str:
    """Event data in words: text in UTF-16 or ASCII where it is some, otherwise hexadecimal of the first bytes."""
    if len(data) % 2 == 0 and data[1:2] == b"\0" and any(data):
        text = data.decode("utf-16-le", "replace").rstrip("\0")
    else:
        text = data.rstrip(b"\0").decode("ascii", "replace")
    return text if text.isprintable() and "\ufffd" not in text else data[:32].hex()


def _printable(raw: bytes) -> str:
    """Text that is safe to show: log data comes from untrusted hands."""
    text = raw.decode("utf-8", "replace")
    return text if text.isprintable() else "".join(one if one.isprintable() or one in "\n\t" else "?" for one in text)


def _read_loader(event: TcgEvent, algorithm: str) -> BootEvent:
    """EV_IPL: strings and files of boot loaders. GRUB measures a string without the word before it, with the zero byte
    or without; systemd measures the text in UTF-16; of a file the digest is measured and the name is a label.
    """
    line = event.data.split(b"\0", 1)[0]
    prefix = next((one for one in (*_COMMANDS, *_COMMAND_LINES) if line.startswith(one)), None)
    if prefix is not None:
        content = line[len(prefix) :]
        text = _printable(content)
        is_line = prefix in _COMMAND_LINES or _COMMAND_LINE.match(text)
        return _event(
            event, "kernel_command_line" if is_line else "boot_command", text, algorithm, content, content + b"\0"
        )
    if event.data[1:2] == b"\0":
        return _read_wide(event, algorithm)
    return _event(event, "boot_file", _printable(line), algorithm)


def _read_wide(event: TcgEvent, algorithm: str) -> BootEvent:
    """A string in UTF-16: systemd's command line where it is what was measured (some versions write one byte less
    than they measure), otherwise the name of a section of a unified kernel image.
    """
    raw = event.data[: len(event.data) // 2 * 2]
    text = raw.decode("utf-16-le", "replace").rstrip("\0")
    shorter = text.encode("utf-16-le", "replace")
    candidates = {event.data, event.data + b"\0", shorter, shorter + b"\0\0"}
    found = _event(event, "kernel_command_line", _printable(text.encode("utf-8", "replace")), algorithm, *candidates)
    return found if found.proven else _event(event, "boot_file", found.text, algorithm)


def _read_variable(event: TcgEvent, algorithm: str) -> BootEvent:
    """Variables: all of UEFI_VARIABLE_DATA is measured, of boot variables in older firmware the content alone."""
    try:
        variable = read_variable(event.data)
    except Refused:
        return _event(event, "other", event.data[:32].hex(), algorithm)
    name = _printable(variable.name.encode("utf-8", "replace"))
    if event.kind == _AUTHORITY:
        exact = event.data[: len(event.data) - 1]
        return _event(event, "authority", name, algorithm, event.data, exact, content=variable.content)
    if event.kind != _VARIABLE_CONFIG:
        return _event(event, "boot_option", name, algorithm, event.data, variable.content)
    meaning = _SECURE_BOOT.get(variable.name, "variable")
    if meaning == "secure_boot":
        name = "on" if variable.content == b"\1" else "off"
    return _event(event, meaning, name, algorithm, event.data, content=variable.content)


def _read_tag(event: TcgEvent, algorithm: str) -> BootEvent:
    """EV_EVENT_TAG: a number, a size and text (PFP, section 10.2.3)."""
    number, size = (int.from_bytes(event.data[at : at + 4], "little") for at in (0, 4))
    text = event.data[_TAG_HEADER : _TAG_HEADER + size]
    return _event(event, _TAGS.get(number, "other"), _printable(text.rstrip(b"\0")), algorithm, event.data)


def secure_boot_state(events: Sequence[BootEvent], register: int = 7) -> bool | None:
    """Whether secure boot was on: the firmware measured SecureBoot into its register, and everything of that name that
    was measured there says so. None where the log does not say, or not in a way that was measured.
    """
    said = [one for one in events if one.meaning == "secure_boot" and one.register == register]
    if not any(one.meaning == "secure_boot" for one in firmware_events(events, register)):
        return None
    return all(one.text == "on" for one in said) if all(one.proven for one in said) else None


def firmware_version(events: Sequence[BootEvent], register: int = 0) -> str | None:
    """What the firmware calls itself (PFP, section 3.3.4.1). None where it does not say, or says several things."""
    return _said_once(events, "firmware_version", register)


def technology(events: Sequence[BootEvent], register: int = 0) -> str | None:
    """What protects a Google machine by its firmware's account, such as `AMD SEV-SNP`, with the same conditions."""
    return _said_once(events, "technology", register)


def _said_once(events: Sequence[BootEvent], meaning: Meaning, register: int) -> str | None:
    said = [one for one in firmware_events(events, register) if one.meaning == meaning]
    return said[0].text if len(said) == 1 and said[0].proven else None


def firmware_events(events: Sequence[BootEvent], register: int) -> list[BootEvent]:
    """The firmware's own events in a register: those before its first separator, after which a boot loader or a system
    may have measured whatever it likes. None of them where there is no separator: then nobody can tell.
    """
    mine = [one for one in events if one.register == register]
    end = next((index for index, one in enumerate(mine) if one.meaning == "separator"), 0)
    return mine[:end]


def code_digests(events: Sequence[BootEvent], registers: frozenset[int]) -> tuple[bytes, ...] | None:
    """The digests of what was loaded and started, by the PCRs in which such things are measured: every event there but
    separators and the firmware's own remarks. No type or name is believed, since neither is measured. None where the
    events do not cover all of the registers.
    """
    if not registers <= {one.register for one in events}:
        return None
    mine = [one for one in events if one.register in registers and one.meaning != "separator"]
    return tuple(one.digest for one in mine if not (one.meaning == "action" and one.proven and one.text in _REMARKS))


def measured_command_lines(events: Sequence[BootEvent], known: frozenset[int]) -> tuple[str, ...] | None:
    """The kernel's command lines in the PCRs where boot loaders measure them. `known` are the PCRs of which the log
    tells all: those that replay, and those that nothing ever extended. None where there is no line, where the log does
    not tell all of these PCRs, or where anything else stands in them than strings that were measured: it might be a
    command line under another name. That the boot loader is honest is for the digests of code to show.
    """
    around = [one for one in events if one.register in COMMAND_LINES]
    lines = [one for one in around if one.meaning == "kernel_command_line"]
    told = known >= COMMAND_LINES and all(one.proven and one.meaning in _STRINGS for one in around)
    return tuple(one.text for one in lines) if lines and told else None
