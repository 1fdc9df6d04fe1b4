"""The rules of a platform that is shown by a TPM 2.0 quote: each in one place, how it is written, checked and said.

Sources: TCG TPM 2.0 Library, revision 1.59, part 2; TCG PC Client Platform Firmware Profile, revision 1.06, section
3.3.4 (what is measured into which PCR).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from confide.errors import Finding
from confide.evidence.boot_events import (
    BootEvent,
    code_digests,
    firmware_version,
    measured_command_lines,
    secure_boot_state,
    technology,
)
from confide.evidence.gce import GceInstance
from confide.evidence.tcg_log import SIZES
from confide.evidence.tpm import FORMAT, PCR_COUNT
from confide.policy.model import Waiver
from confide.policy.reading import WrongValueError, exactly, list_of, matching, one_of
from confide.policy.rule import (
    ManyRule,
    PlatformKind,
    Rule,
    among,
    any_of,
    applies_always,
    at_least,
    bit_rule,
    not_among,
)
from confide.verify.tpm import ANY, APPLICATIONS, FILES, GCE, UNTYPED, TpmSubject

PRODUCTS = (GCE, ANY)
TECHNOLOGIES = ("none", "AMD SEV", "AMD SEV-ES", "AMD SEV-SNP", "Intel TDX")

# IMA's register grows while the machine runs, and anyone may reset the last two: no sample says what they will be.
_UNSTEADY = frozenset({10, 16, 23})
_MAX_TEXT = 8192

_digest = matching("([0-9a-f]{40}|[0-9a-f]{64}|[0-9a-f]{96}|[0-9a-f]{128})", "a digest in lower-case hexadecimal")
_key = matching("sha256:[0-9a-f]{64}", "`sha256:` and 64 lower-case hexadecimal digits")


def _text(value: object) -> str:
    if not isinstance(value, str) or not 0 < len(value) <= _MAX_TEXT:
        raise WrongValueError(f"a text of up to {_MAX_TEXT} characters")
    return value


# PCRs by bank and index


def read_pcrs(value: object) -> dict[tuple[str, int], tuple[str, ...]]:
    """A table of "bank:index" to the values that are accepted there, such as { "sha256:4" = ["…"] }."""
    if not isinstance(value, dict) or not value:
        raise WrongValueError('a table such as { "sha256:4" = ["…"] } with at least one PCR')
    return {_read_place(place): _read_values(place, values) for place, values in value.items()}


def _read_place(place: str) -> tuple[str, int]:
    bank, _, index = place.partition(":")
    if bank not in SIZES or index not in {str(number) for number in range(PCR_COUNT)}:
        raise WrongValueError(f'keys of a bank and a PCR, such as "sha256:4"; not {place[:40]!r}')
    return bank, int(index)


def _read_values(place: str, values: object) -> tuple[str, ...]:
    digits = 2 * SIZES[place.partition(":")[0]]
    return list_of(matching(f"[0-9a-f]{{{digits}}}", f"values of {digits} lower-case hexadecimal digits"))(values)


def compare_pcrs(subject: TpmSubject, wanted: Mapping[tuple[str, int], tuple[str, ...]]) -> Iterable[Finding]:
    """A finding for each PCR that is not quoted with its value, or has none of the accepted ones."""
    for (bank, index), values in wanted.items():
        got = subject.pcrs.get(bank, {}).get(index)
        if got is None or got.hex() not in values:
            shown = got.hex() if got is not None else "not in the quote, or without its value"
            yield Finding("tpm.pcrs.value", f"PCR {index} ({bank}): {shown}", any_of(values), _OTHER_BOOT)


def _say_pcrs(wanted: Mapping[tuple[str, int], tuple[str, ...]]) -> str:
    places = ", ".join(f"{index} ({bank}, {len(values)} value(s))" for (bank, index), values in wanted.items())
    return f"these PCRs have values that the policy lists: {places}"


def _suggest_pcrs(subject: TpmSubject) -> dict[str, list[str]]:
    bank = subject.bank or ""
    values = sorted(subject.pcrs.get(bank, {}).items())
    return {f"{bank}:{index}": [value.hex()] for index, value in values if index not in _UNSTEADY}


# What the logs say


def _events(subject: TpmSubject) -> tuple[BootEvent, ...]:
    return subject.boot.events if subject.boot else ()


def _hexadecimal(digests: tuple[bytes, ...] | None) -> tuple[str, ...] | None:
    return None if digests is None else tuple(dict.fromkeys(one.hex() for one in digests))


def _applications(subject: TpmSubject) -> tuple[str, ...] | None:
    return _hexadecimal(code_digests(_events(subject), APPLICATIONS))


def _files(subject: TpmSubject) -> tuple[str, ...] | None:
    return _hexadecimal(code_digests(_events(subject), FILES))


def _command_lines(subject: TpmSubject) -> tuple[str, ...] | None:
    return measured_command_lines(subject.boot.events, subject.boot.known) if subject.boot else None


def _secure_boot(subject: TpmSubject) -> str:
    state = secure_boot_state(_events(subject))
    return "not shown by a log" if state is None else "on" if state else "off"


# The PCR into which the launcher of Google's Confidential Space measures (go-tpm-tools, launcher).
_LAUNCHER = 13
_IMAGE = "image_digest="


def _images(subject: TpmSubject) -> tuple[str, ...] | None:
    """The digests of the containers that the launcher started. None where anything else stands in the launcher's PCR
    than what it measured: it might be a container under another name.
    """
    around = [one for one in _events(subject) if one.register == _LAUNCHER]
    images = [one.text.removeprefix(_IMAGE) for one in around if one.text.startswith(_IMAGE)]
    return tuple(dict.fromkeys(images)) if all(one.proven and one.meaning == "workload" for one in around) else None


def _all_among(got: tuple[str, ...], values: tuple[str, ...]) -> bool:
    """Something was found, and nothing but what is listed."""
    return bool(got) and set(got) <= set(values)


def _all_rule(
    name: str,
    code: str,
    read: Callable[[object], str],
    got: Callable[[TpmSubject], tuple[str, ...] | None],
    *,
    words: str,
    remedy: str,
    comment: str,
) -> Rule:
    """A rule by which all that was measured of a kind, and there is some, is on the list."""
    return Rule(
        name,
        code,
        list_of(read),
        lambda subject: got(subject) or (),
        _all_among,
        lambda values: f"nothing but {', '.join(values)}",
        lambda values: f"{words} ({len(values)} listed)",
        remedy,
        comment,
        suggest=lambda subject: list(got(subject) or ()),
    )


def _one_rule(
    name: str,
    code: str,
    read: Callable[[object], str],
    got: Callable[[TpmSubject], str | None],
    *,
    words: str,
    remedy: str,
    comment: str,
    suggests: bool = True,
) -> Rule:
    """A rule by which one thing that was measured is on the list. Where it `suggests` nothing, a policy that is made
    from a sample keeps the default: it is not meant for the sample's machine alone.
    """
    return Rule(
        name,
        code,
        list_of(read),
        lambda subject: got(subject) or (),
        among,
        any_of,
        lambda values: f"{words} {' or '.join(values)}",
        remedy,
        comment,
        suggest=(lambda subject: [got(subject)] if got(subject) else None) if suggests else None,
    )


# The key and the machine


def _instance(field: str) -> Callable[[TpmSubject], str | None]:
    def got(subject: TpmSubject) -> str | None:
        instance: GceInstance | None = subject.instance
        return str(getattr(instance, field)) if instance else None

    return got


def _key_is_typed(subject: TpmSubject) -> str:
    return UNTYPED if subject.restricted is None else ""


def _read_version(value: object) -> int:
    return int(matching("0x[0-9a-f]{1,16}", 'a number in hexadecimal, such as "0x2016051100162800"')(value), 16)


_OTHER_BOOT = "The machine started other code than the policy foresees: start the right image, or list this one."
_NO_LOG = "Give the event log with the quote, of a boot that is as the policy wants it."
_OTHER_MACHINE = "Use a machine that the policy lists, or list this one."

RULES = (
    ManyRule(
        "pcrs", ("tpm.pcrs.value",), read_pcrs, compare_pcrs, lambda _: {}, _say_pcrs,
        'the values of PCRs that are accepted, by bank and index: { "sha256:4" = ["…"] }', suggest=_suggest_pcrs,
    ),
    Rule(
        "banks", "tpm.bank", list_of(one_of(*SIZES)), lambda s: s.bank, among, any_of,
        lambda values: f"the bank that counts is by {' or '.join(values)}",
        "Have the TPM quote such a bank, and give a log with its digests.",
        'hashes of the banks that count; "sha1" is broken, and accepted only where it stands here',
    ),
    Rule(
        "restricted_key", "tpm.ak.attributes", exactly(wanted=True), lambda s: s.restricted, lambda got, _: got is True,
        lambda _: "a restricted signing key, made in its TPM and fixed to it",
        lambda _: "the attestation key was made in the TPM, cannot leave it, and signs nothing that only looks like a "
        "quote",
        "Make an attestation key by the TCG's template.",
        "the attestation key is restricted, signs, and is fixed to its TPM", applies=_key_is_typed,
    ),
    Rule(
        "event_log", "tpm.log.missing", exactly(wanted=True), lambda s: "a log" if s.boot else "no event log",
        lambda got, _: got == "a log", lambda _: "an event log that replays",
        lambda _: "an event log came along, and replays to the quoted values", _NO_LOG,
        "an event log must come with the quote",
    ),
    Rule(
        "secure_boot", "tpm.boot.secure_boot", exactly(wanted=True), _secure_boot, lambda got, _: got == "on",
        lambda _: "on", lambda _: "secure boot was on",
        "Switch secure boot on; give the event log, with PCR 7 in the quote.", "secure boot was on, by the event log",
    ),
    _one_rule(
        "firmware_versions", "tpm.boot.firmware_version", _text, lambda s: firmware_version(_events(s)),
        words="the firmware says that it is", remedy=_NO_LOG,
        comment="what the firmware may call itself (EV_S_CRTM_VERSION, PCR 0)",
    ),
    _one_rule(
        "technologies", "tpm.boot.technology", one_of(*TECHNOLOGIES), lambda s: technology(_events(s)),
        words="by its firmware's account the machine is protected by", remedy=_OTHER_MACHINE,
        comment=f"what may protect a Google machine: {', '.join(TECHNOLOGIES)}",
    ),
    _all_rule(
        "boot_applications", "tpm.boot.applications", _digest, _applications,
        words="the firmware started nothing but listed drivers, boot loaders and kernels", remedy=_OTHER_BOOT,
        comment="the digests of all code that the firmware may start (PCR 2 and 4, Authenticode)",
    ),
    _all_rule(
        "boot_files", "tpm.boot.files", _digest, _files,
        words="the boot loader read nothing but listed files", remedy=_OTHER_BOOT,
        comment="the digests of all files that the boot loader may read (PCR 9): kernel, initial disk, settings",
    ),
    _all_rule(
        "command_lines", "tpm.boot.command_line", _text, _command_lines,
        words="the kernel was started with listed command lines alone", remedy=_OTHER_BOOT,
        comment="the command lines that the kernel may be started with, as the boot loader measures them",
    ),
    _all_rule(
        "workload_images", "tpm.boot.workload", _key, _images,
        words="Google's launcher started listed containers alone",
        remedy="Start a listed container, or list this one.",
        comment="the digests of the containers that Confidential Space may start (canonical event log)",
    ),
    Rule(
        "minimum_firmware", "tpm.firmware", _read_version, lambda s: s.quote.firmware_version, at_least,
        lambda value: f">= {value:#018x}", lambda value: f"the TPM's own firmware is {value:#018x} or later",
        "Have the TPM's firmware updated.", "the lowest version of the TPM's firmware, as the maker counts",
        suggest=lambda s: hex(s.quote.firmware_version),
    ),
    bit_rule(
        "safe_clock", "tpm.clock.safe", lambda s: s.quote.clock_info.safe, wanted=True,
        words="the TPM's clock has not gone back since it last said what time it is",
        remedy="Let the machine run for some minutes, and ask again.", comment="the TPM's clock never went back",
    ),
    _one_rule(
        "allowed_keys", "policy.key.allowed", _key, lambda s: s.key, words="the attestation key is",
        remedy=_OTHER_MACHINE,
        comment="the attestation keys that may be used: SHA-256 of the SubjectPublicKeyInfo", suggests=False,
    ),
    Rule(
        "denied_keys", "policy.key.denied", list_of(_key), lambda s: s.key, not_among,
        lambda _: "a key that is not denied",
        lambda values: f"the attestation key is none of {len(values)} that the policy shuts out",
        "Use another machine: this key is shut out.", "attestation keys that are known or feared to have leaked",
    ),
    _one_rule(
        "projects", "tpm.gce.project", _text, _instance("project_id"), words="the machine is of the project",
        remedy=_OTHER_MACHINE, comment="Google projects whose machines may be used, by the key's certificate",
    ),
    _one_rule(
        "zones", "tpm.gce.zone", _text, _instance("zone"), words="the machine runs in the zone",
        remedy=_OTHER_MACHINE, comment="Google zones in which the machine may run, by the key's certificate",
        suggests=False,
    ),
    _one_rule(
        "instances", "tpm.gce.instance", matching("[0-9]{1,20}", "the number of an instance, as text"),
        _instance("instance_id"), words="the machine is the instance", remedy=_OTHER_MACHINE,
        comment="Google instances that may be used, by their numbers, by the key's certificate", suggests=False,
    ),
    Rule(
        "crl", "policy.crl", exactly(wanted=True), lambda s: "a list" if s.has_crl else "no revocation list",
        lambda got, _: got == "a list", lambda _: "the vendor's revocation list with the evidence",
        lambda _: "the vendor's revocation list came along, is in force, and names no certificate of the path",
        "Fetch the revocation list and give it with the evidence.", "a revocation list must come with the evidence",
        applies=applies_always,
    ),
)  # fmt: skip

_BY_PCRS = Waiver("the values of the PCRs say what was started")
_NOT_GOOGLE = Waiver("only certificates of Google Compute Engine name the machine")
_DEFAULTS: Mapping[str, object] = {
    "banks": ["sha256", "sha384", "sha512"],
    "restricted_key": True,
    "event_log": True,
    "secure_boot": True,
    "firmware_versions": _BY_PCRS,
    "technologies": Waiver("what the firmware says of memory encryption is no proof of it"),
    "boot_applications": _BY_PCRS,
    "boot_files": _BY_PCRS,
    "command_lines": _BY_PCRS,
    "workload_images": Waiver("no launcher of containers is foreseen"),
    "minimum_firmware": Waiver("the makers count the versions of their TPMs differently"),
    "safe_clock": Waiver("freshness comes from the nonce"),
    "allowed_keys": Waiver("any key that a pinned root or the policy vouches for may be used"),
    "denied_keys": Waiver("no key is known to be broken"),
}
_FOR_GOOGLE: Mapping[str, object] = {
    "zones": Waiver("any zone will do"),
    "instances": Waiver("any machine of the project will do"),
    "crl": True,
}
_FOR_OTHERS: Mapping[str, object] = {
    "projects": _NOT_GOOGLE,
    "zones": _NOT_GOOGLE,
    "instances": _NOT_GOOGLE,
    "crl": Waiver("keys that are trusted by themselves have no revocation list"),
}


def _defaults(product: str) -> Mapping[str, object]:
    return {**_DEFAULTS, **(_FOR_GOOGLE if product == GCE else _FOR_OTHERS)}


def _title(product: str) -> str:
    machine = "a machine of Google Compute Engine" if product == GCE else "a machine"
    return f"On {machine} that is shown by a quote of its TPM 2.0, all of this must hold:"


KIND = PlatformKind(
    format=FORMAT,
    products=PRODUCTS,
    title=_title,
    rules=RULES,
    defaults=_defaults,
    simulation_defaults={"crl": Waiver("SIMULATED: there is nobody who revokes")},
)
