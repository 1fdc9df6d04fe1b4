"""What events are taken to mean, and what nobody may make them mean: types and labels are not measured."""

from __future__ import annotations

import struct
import uuid
from dataclasses import replace

import pytest

from confide.errors import Refused
from confide.evidence.boot_events import (
    BootEvent,
    code_digests,
    firmware_version,
    measured_command_lines,
    read_boot_events,
    secure_boot_state,
    technology,
)
from confide.evidence.cel import COS_EVENT, measured_cos
from confide.evidence.secure_boot import SHA256, X509, read_database, read_variable
from confide.evidence.tcg_log import hash_of
from confide.testing.fake_boot import (
    COMMAND_LINE,
    IPL,
    TAG,
    VARIABLE,
    VERSION,
    FakeBoot,
    FakeEvent,
    application,
    grub,
    secure_boot,
    separator,
    signature_list,
    variable,
)

ACTION = 0x80000007


def events_of(*events: FakeEvent) -> tuple[BootEvent, ...]:
    return read_boot_events(FakeBoot(events, ("sha256",)).log(), "sha256")


KNOWN = frozenset({8, 12})


def lines_of(*events: FakeEvent, known: frozenset[int] = KNOWN) -> tuple[str, ...] | None:
    return measured_command_lines(events_of(*events), known)


def one(event: FakeEvent) -> BootEvent:
    return events_of(event)[0]


# Secure boot


def test_secure_boot_is_on_where_it_was_measured_before_the_separator():
    assert secure_boot_state(events_of(secure_boot(), separator(7))) is True
    assert secure_boot_state(events_of(secure_boot(on=False), separator(7))) is False
    assert secure_boot_state(events_of(separator(7))) is None


def test_secure_boot_that_a_boot_loader_wrote_does_not_count():
    assert secure_boot_state(events_of(separator(7), secure_boot())) is None
    assert secure_boot_state(events_of(secure_boot(on=False), separator(7), secure_boot())) is False


def test_secure_boot_that_the_system_wrote_elsewhere_does_not_count():
    """The attack: the real variable is given out for something else, and another PCR, which has no separator or one
    of its own, is extended with the good one.
    """
    hidden = replace(secure_boot(on=False), kind=ACTION)
    for elsewhere in (secure_boot(register=11), secure_boot(register=5)):
        assert secure_boot_state(events_of(hidden, separator(7), elsewhere, separator(5))) is None


def test_secure_boot_without_a_separator_is_not_told():
    assert secure_boot_state(events_of(secure_boot())) is None


@pytest.mark.parametrize("kind", [IPL, ACTION, VERSION, 0x12345])
def test_separator_under_another_type_still_ends_the_firmwares_part(kind: int):
    """The attack: secure boot off, hidden under another type; the loader measures `on`; the separator is relabelled."""
    off = replace(secure_boot(on=False), kind=kind)
    hidden = replace(separator(7), kind=kind)
    assert secure_boot_state(events_of(off, hidden, secure_boot(), separator(7))) is None


def test_secure_boot_whose_data_were_not_measured_does_not_count():
    lie = replace(secure_boot(), measured=secure_boot(on=False).data)
    assert secure_boot_state(events_of(lie, separator(7))) is None


def test_secure_boot_that_is_neither_zero_nor_one_is_off():
    assert secure_boot_state(events_of(variable("SecureBoot", b"\2"), separator(7))) is False
    assert secure_boot_state(events_of(variable("SecureBoot", b""), separator(7))) is False


# Firmware


def test_firmware_says_its_version_and_technology_once_and_first():
    healthy = read_boot_events(FakeBoot.healthy().log(), "sha256")
    assert firmware_version(healthy) == "GCE Virtual Firmware v2"
    assert technology(healthy) == "AMD SEV-SNP"


def test_version_that_a_boot_loader_wrote_does_not_count():
    version = FakeEvent(0, VERSION, "v9\0".encode("utf-16-le"))
    assert firmware_version(events_of(separator(0), version)) is None
    assert firmware_version(events_of(version, version, separator(0))) is None
    assert firmware_version(events_of(replace(version, measured=b"v1"), separator(0))) is None


# Command lines


def test_command_lines_are_what_was_measured():
    events = events_of(grub(COMMAND_LINE, label="kernel_cmdline: "), grub(f"linux {COMMAND_LINE}"))
    assert [one.meaning for one in events] == ["kernel_command_line", "boot_command"]
    assert measured_command_lines(events, KNOWN) == (COMMAND_LINE,)


@pytest.mark.parametrize(
    "label", ["grub_cmd: ", "grub_cmd ", "grub_kernel_cmdline ", "module_cmdline: ", "grub_module_cmdline "]
)
def test_command_line_under_another_label_is_still_one(label: str):
    """The attack: the kernel's bad line is given out for a command, and a command that fails for the good line."""
    bad, fake = grub("/vmlinuz evil", label=label), grub(COMMAND_LINE, label="kernel_cmdline: ")
    assert lines_of(bad, fake) == ("/vmlinuz evil", COMMAND_LINE)


@pytest.mark.parametrize("text", ["/vmlinuz a", "(hd0,gpt2)/vmlinuz a", "BOOT_IMAGE=/vmlinuz a"])
def test_command_lines_are_known_by_how_they_begin(text: str):
    assert one(grub(text)).meaning == "kernel_command_line"


@pytest.mark.parametrize("text", ["linux /vmlinuz", "prefix=(hd0,gpt3)/grub2", "[ -f (hd0)/x ]", "set root=/x", ". /x"])
def test_commands_are_no_command_lines(text: str):
    assert one(grub(text)).meaning == "boot_command"


@pytest.mark.parametrize("kind", [ACTION, TAG, 0x05, 0x12345, VERSION])
def test_command_line_under_another_type_silences_the_log(kind: int):
    hidden = FakeEvent(8, kind, b"/vmlinuz evil")
    assert lines_of(hidden, grub(COMMAND_LINE, label="kernel_cmdline: ")) is None


def test_command_line_that_was_not_measured_silences_the_log():
    lie = replace(grub(COMMAND_LINE, label="kernel_cmdline: "), measured=b"/vmlinuz evil")
    assert lines_of(lie) is None
    assert lines_of() is None


def wide(text: str, register: int = 12) -> FakeEvent:
    return FakeEvent(register, IPL, text.encode("utf-16-le") + b"\0\0")


def test_command_line_that_the_system_wrote_elsewhere_does_not_count():
    """The attack: all of the boot loader's strings are relabelled or left out of the quote, and the running system
    extends another PCR with a good line.
    """
    good, bad = wide(COMMAND_LINE, register=11), grub("/vmlinuz evil", label="kernel_cmdline: ")
    assert lines_of(replace(bad, kind=ACTION), good) is None
    assert lines_of(good) is None
    assert lines_of(replace(bad, kind=ACTION), wide(COMMAND_LINE)) is None
    assert lines_of(wide(COMMAND_LINE), known=frozenset({12})) is None
    assert lines_of(wide(COMMAND_LINE)) == (COMMAND_LINE,)


def test_trailing_byte_of_some_boot_loaders_is_no_part_of_the_line():
    event = grub(COMMAND_LINE, label="kernel_cmdline: ")
    assert one(replace(event, data=event.data + b"g")).text == COMMAND_LINE


def test_zero_byte_may_be_measured():
    event = grub("set a=1")
    assert one(replace(event, measured=b"set a=1\0")).proven


@pytest.mark.parametrize("measured", [b"\0\0", b"", b"\0"])
def test_systemds_command_line_is_read_in_utf_16(measured: bytes):
    text = "root=/dev/vda1".encode("utf-16-le")
    event = FakeEvent(12, IPL, text + b"\0\0", text + measured)
    found = one(event if measured != b"\0" else replace(event, data=text, measured=text + b"\0"))
    assert (found.meaning, found.text, found.proven) == ("kernel_command_line", "root=/dev/vda1", True)


def test_section_of_a_unified_kernel_is_a_label():
    found = one(FakeEvent(11, IPL, ".linux\0".encode("utf-16-le"), b"content"))
    assert (found.meaning, found.text, found.proven) == ("boot_file", ".linux", False)


def test_text_that_is_shown_is_printable():
    assert one(grub("echo \x1b[31m\u202e")).text == "echo ?[31m?"


# Code and files


def test_code_is_counted_whatever_its_type():
    """The attack: a loaded program is given out for a remark, or a file for a command."""
    events = events_of(separator(2), separator(4), application(b"grub"), FakeEvent(4, ACTION, b"evil", b"program"))
    assert code_digests(events, frozenset({2, 4})) == (hash_of("sha256", b"grub"), hash_of("sha256", b"program"))


def test_program_whose_bytes_are_given_as_a_remark_is_counted():
    events = events_of(FakeEvent(4, ACTION, b"program"))
    assert code_digests(events, frozenset({4})) == (hash_of("sha256", b"program"),)


def test_firmwares_own_remarks_are_not_code():
    assert (
        code_digests(events_of(FakeEvent(4, ACTION, b"Calling EFI Application from Boot Option")), frozenset({4})) == ()
    )


def test_code_is_not_told_where_a_register_is_missing():
    assert code_digests(events_of(application(b"x")), frozenset({2, 4})) is None


# Other events


# Types of events by their names in the specification (PFP, section 10.4.1), written down a second time.
TYPES = {
    "EV_POST_CODE": (0x00000001, "firmware"), "EV_S_CRTM_CONTENTS": (0x00000007, "firmware"),
    "EV_POST_CODE2": (0x00000013, "firmware"), "EV_EFI_PLATFORM_FIRMWARE_BLOB": (0x80000008, "firmware"),
    "EV_EFI_PLATFORM_FIRMWARE_BLOB2": (0x8000000A, "firmware"), "EV_EFI_HCRTM_EVENT": (0x80000010, "firmware"),
    "EV_PLATFORM_CONFIG_FLAGS": (0x0000000A, "firmware_table"), "EV_TABLE_OF_DEVICES": (0x0000000B, "firmware_table"),
    "EV_EFI_HANDOFF_TABLES": (0x80000009, "firmware_table"), "EV_EFI_HANDOFF_TABLES2": (0x8000000B, "firmware_table"),
    "EV_ACTION": (0x00000005, "action"), "EV_EFI_ACTION": (0x80000007, "action"),
    "EV_S_CRTM_VERSION": (0x00000008, "firmware_version"), "EV_IPL": (0x0000000D, "boot_file"),
    "EV_EFI_BOOT_SERVICES_APPLICATION": (0x80000003, "boot_application"),
    "EV_EFI_BOOT_SERVICES_DRIVER": (0x80000004, "boot_driver"),
    "EV_EFI_RUNTIME_SERVICES_DRIVER": (0x80000005, "boot_driver"), "EV_EFI_GPT_EVENT": (0x80000006, "partition_table"),
    "EV_EFI_GPT_EVENT2": (0x8000000D, "partition_table"), "EV_OMIT_BOOT_DEVICE_EVENTS": (0x00000012, "other"),
    "EV_EFI_SPDM_FIRMWARE_BLOB": (0x800000E1, "other"), "EV_EVENT_TAG": (0x00000006, "other"),
}  # fmt: skip


@pytest.mark.parametrize("name", TYPES)
def test_type_means_what_the_specification_says(name: str):
    kind, meaning = TYPES[name]
    assert one(FakeEvent(0, kind, b"0123456789", b"measured")).meaning == meaning


@pytest.mark.parametrize(
    ("name", "kind"), [("EV_EFI_VARIABLE_BOOT", 0x80000002), ("EV_EFI_VARIABLE_BOOT2", 0x8000000C)]
)
def test_variables_of_the_boot_menu_are_boot_options(name: str, kind: int):
    assert one(variable(name, b"content", kind=kind)).meaning == "boot_option"
    assert one(variable(name, b"content", kind=0x800000E0)).meaning == "authority"


def test_options_that_linux_was_loaded_with_are_a_digest_alone():
    event = FakeEvent(9, TAG, struct.pack("<II", 0x8F3B22ED, 26) + b"LOADED_IMAGE::LoadOptions\0", b"content")
    assert (one(event).meaning, one(event).proven) == ("load_options", False)


def test_text_that_is_claimed_has_a_limit():
    assert one(grub("x" * 8192)).proven
    cut = one(grub("x" * 8193))
    assert (len(cut.text), cut.proven) == (8192, False)


def test_tags_of_linux_and_of_agents():
    found = one(FakeEvent(9, TAG, struct.pack("<II", 0x8F3B22EC, 13) + b"Linux initrd\0", b"content"))
    assert (found.meaning, found.text, found.proven) == ("initrd", "Linux initrd", False)
    text = b"example.org start image"
    found = one(FakeEvent(4, TAG, struct.pack("<II", 0x4141454C, len(text)) + text))
    assert (found.meaning, found.text, found.proven) == ("agent", text.decode(), True)
    assert one(FakeEvent(4, TAG, b"")).meaning == "other"


def test_launchers_events_are_workload():
    content = b"\1\0\0\0\2ab"
    found = one(FakeEvent(13, COS_EVENT, content, measured_cos(content)))
    assert (found.meaning, found.text, found.proven) == ("workload", "image_digest=ab", True)
    assert one(FakeEvent(13, COS_EVENT, b"\1\0\0\0\3ab")).text == "0100000003" + b"ab".hex()
    assert one(FakeEvent(13, COS_EVENT, b"\1\0\0\0\1ab")).text == "0100000001" + b"ab".hex()
    assert one(FakeEvent(13, COS_EVENT, b"\x63\0\0\0\2ab")).text == "kind 99=ab"


def test_boot_variables_may_be_measured_by_content_alone():
    event = variable("Boot0001", b"content", kind=0x80000002, register=1)
    assert one(event).proven
    assert one(replace(event, measured=b"content")).proven
    assert not one(replace(event, measured=b"other")).proven


def test_variable_of_another_name_is_claimed_by_it():
    assert (one(variable("SetupMode", b"\0")).meaning, one(variable("SetupMode", b"\0")).text) == (
        "variable",
        "SetupMode",
    )


def test_variable_that_does_not_parse_is_nothing():
    assert one(FakeEvent(7, VARIABLE, b"short")).meaning == "other"


def test_unknown_technology_is_unknown():
    event = FakeEvent(0, 0x11, b"GCE NonHostInfo\0\x63")
    assert technology(events_of(event, separator(0))) == "unknown"
    assert one(FakeEvent(0, 0x11, b"GCE NonHostInfo\0")).meaning == "other"


# Secure boot databases


def test_database_is_read():
    other = uuid.uuid4()
    lists = (
        signature_list([b"certificate"], X509) + signature_list([bytes(32), b"\1" * 32]) + signature_list([b"x"], other)
    )
    database = read_database(lists)
    assert database.certificates == (b"certificate",)
    assert database.hashes == (bytes(32), b"\1" * 32)
    assert database.others == 1
    assert read_database(b"").claims() == {"certificates": [], "hashes": 0, "others": 0}


@pytest.mark.parametrize(
    "content",
    [
        b"x", signature_list([bytes(32)])[:-1], signature_list([bytes(31)]),
        SHA256.bytes_le + struct.pack("<III", 28, 0, 0), SHA256.bytes_le + struct.pack("<III", 27, 0, 48),
        SHA256.bytes_le + struct.pack("<III", 28, 1, 48), SHA256.bytes_le + struct.pack("<III", 0, 0, 48),
        SHA256.bytes_le + struct.pack("<III", 29, 0, 48) + b"x",
        X509.bytes_le + struct.pack("<III", 28 + 17 * 5000, 0, 17) + bytes(17 * 5000),
    ],
)  # fmt: skip
def test_database_that_does_not_parse_is_refused(content: bytes):
    with pytest.raises(Refused) as caught:
        read_database(content)
    assert caught.value.codes == ("log.secure_boot",)


def test_too_many_lists_are_refused():
    with pytest.raises(Refused):
        read_database(signature_list([bytes(32)] * 4000) + signature_list([bytes(32)] * 97))


@pytest.mark.parametrize(
    "changed", [b"", bytes(31), bytes(16) + struct.pack("<QQ", 2**60, 0), bytes(16) + struct.pack("<QQ", 0, 9)]
)
def test_variable_that_does_not_parse_is_refused(changed: bytes):
    with pytest.raises(Refused) as caught:
        read_variable(changed)
    assert caught.value.codes == ("log.secure_boot",)
