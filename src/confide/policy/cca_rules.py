"""The rules of an Arm CCA realm: what runs in it, on which firmware, on which platform.

Sources: Arm, Realm Management Monitor specification (DEN0137), section A7.2.3; draft-ffm-rats-cca-token-04, section 7.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from confide.errors import Finding
from confide.evidence.cca import FORMAT, HASHES, PRODUCT
from confide.policy.model import Waiver
from confide.policy.reading import WrongValueError, hexadecimal, list_of, matching, one_of
from confide.policy.rule import (
    ManyRule,
    PlatformKind,
    Rule,
    among,
    any_of,
    bit_rule,
    bytes_rule,
    not_among,
    reference_rule,
    same,
)
from confide.verify.cca import CcaSubject

_HASH = matching("([0-9a-f]{64}|[0-9a-f]{96}|[0-9a-f]{128})", "32, 48 or 64 bytes in lower-case hexadecimal")
_REGISTERS = tuple(f"REM{index}" for index in range(4))
_MAX_NAME = 512


def _hashes_by_name(value: object, names: Callable[[str], bool], wanted: str) -> dict[str, tuple[str, ...]]:
    if not isinstance(value, dict) or not value or not all(isinstance(name, str) and names(name) for name in value):
        raise WrongValueError(wanted)
    return {name: list_of(_HASH)(allowed) for name, allowed in value.items()}


def read_firmware(value: object) -> dict[str, tuple[str, ...]]:
    """A table such as `{ RMM = ["…"], BL = ["…"] }`: the allowed measurements of every component, by its type."""
    wanted = 'a table such as { RMM = ["…"] }, with every component of the firmware and its allowed measurements'
    return _hashes_by_name(value, lambda name: 0 < len(name) <= _MAX_NAME, wanted)


def read_registers(value: object) -> dict[str, tuple[str, ...]]:
    """A table such as `{ REM0 = ["…"] }`: lists of allowed values by register."""
    return _hashes_by_name(value, lambda name: name in _REGISTERS, 'a table such as { REM0 = ["…"] }, of REM0 to REM3')


_FIRMWARE = "Have the platform's firmware updated, or list this measurement if it is meant to run."


def firmware_findings(subject: CcaSubject, wanted: Mapping[str, tuple[str, ...]]) -> list[Finding]:
    """A finding for each component that is missing, not foreseen, or measures otherwise."""
    components = subject.token.platform.components
    missing = [(f"no {name}", name) for name in sorted(wanted.keys() - {one.type for one in components})]
    wrong = [
        (f"{one.type} {one.measurement.hex()}", one.type)
        for one in components
        if one.measurement.hex() not in wanted.get(one.type, ())
    ]
    return [
        Finding("cca.firmware", got, any_of(wanted[name]) if name in wanted else f"no {name}", _FIRMWARE)
        for got, name in missing + wrong
    ]


def register_findings(subject: CcaSubject, wanted: Mapping[str, tuple[str, ...]]) -> list[Finding]:
    """A finding for each register that has none of its allowed values."""
    values = dict(zip(_REGISTERS, subject.token.realm.extensible_measurements, strict=True))
    remedy = "The realm has measured something else than the policy allows: start the right one."
    return [
        Finding("cca.rem", f"{name} {values[name].hex()}", any_of(allowed), remedy)
        for name, allowed in wanted.items()
        if values[name].hex() not in allowed
    ]


def _suggest_firmware(subject: CcaSubject) -> dict[str, list[str]]:
    table: dict[str, list[str]] = {}
    for one in subject.token.platform.components:
        values = table.setdefault(one.type, [])
        values += [] if one.measurement.hex() in values else [one.measurement.hex()]
    return table


def _list_rule(name: str, code: str, got: Callable[[CcaSubject], set[str]], **words: Any) -> Rule:
    """A rule on several values that must all be on a list."""
    return Rule(
        name,
        code,
        words["read"],
        got,
        lambda found, allowed: found <= set(allowed),
        any_of,
        lambda values: f"{words['says']} ({len(values)} listed)",
        words["remedy"],
        words["comment"],
        suggest=lambda subject: sorted(got(subject)),
    )


_OTHER = "Use another platform, or list this one."

RULES = (
    Rule(
        "measurements", "policy.workload.measurement", list_of(_HASH),
        lambda s: s.token.realm.initial_measurement.hex(), among, any_of,
        lambda values: f"the realm's initial measurement is as the policy foresees ({len(values)} reference value(s))",
        "The realm runs other code than the policy allows. Start the right one; if it was meant to change, predict its "
        "measurement and make a new policy.",
        "what may be started: the realm's initial measurements (RIM)", waivable=False,
        suggest=lambda s: [s.token.realm.initial_measurement.hex()],
    ),
    bit_rule(
        "secured", "cca.lifecycle", lambda s: s.token.platform.state == "secured", wanted=True,
        words="the platform is in its secured state: neither its firmware nor its realms can be debugged",
        remedy="Use a platform that is not open to debugging.",
        comment="the platform's lifecycle state: only a secured one (0x3000 to 0x30ff) keeps realms from its owner",
    ),
    ManyRule(
        "firmware", ("cca.firmware",), read_firmware, firmware_findings, lambda _: {},
        lambda value: f"the platform's firmware has just these components, with measurements that the policy lists: "
        f"{', '.join(value)}",
        'every component of the firmware with its allowed measurements, such as { RMM = ["…"] }',
        suggest=_suggest_firmware,
    ),
    _list_rule(
        "firmware_signers", "cca.firmware.signer", lambda s: {one.signer.hex() for one in s.token.platform.components},
        read=list_of(_HASH), says="every piece of firmware is signed by a key that the policy lists",
        remedy="Have the platform's firmware updated, or list this signer.",
        comment="hashes of the keys that may have signed the platform's firmware",
    ),
    reference_rule(
        "implementation_ids", "cca.implementation_id", 32, lambda s: s.token.platform.implementation_id.hex(),
        words="the platform's implementation", remedy=_OTHER, comment="the implementations of CCA that may be used",
    ),
    Rule(
        "config", "cca.config", matching("([0-9a-f]{2})*", "bytes in lower-case hexadecimal"),
        lambda s: s.token.platform.config.hex(), same, lambda value: value or "nothing",
        lambda value: f"the platform's configuration is {value or 'empty'}", _OTHER,
        "the platform's configuration: what it does for its memory, as its manufacturer documents",
        suggest=lambda s: s.token.platform.config.hex(),
    ),
    bit_rule(
        "extensions", "cca.extensions", lambda s: s.token.platform.extensions > 0, wanted=False,
        words="no device has been added to the platform at run time", remedy=_OTHER,
        comment="devices that extend the platform at run time, such as memory",
    ),
    reference_rule(
        "instance_ids", "policy.chip.allowed", 33, lambda s: s.token.platform.instance_id.hex(), words="the platform",
        remedy=_OTHER, comment="the platforms that may be used: instance ids, 33 bytes each",
    ),
    Rule(
        "denied_instance_ids", "policy.chip.denied", list_of(hexadecimal(33)),
        lambda s: s.token.platform.instance_id.hex(), not_among, lambda _: "a platform that is not denied",
        lambda values: f"the platform is none of {len(values)} that the policy shuts out",
        "Use another platform: this one is shut out.", "platforms whose keys are known or feared to have leaked",
    ),
    bytes_rule(
        "personalization", "cca.personalization", 64, lambda s: s.token.realm.personalization.hex(),
        words="the realm's personalisation value", remedy="Start the realm with the value that the policy wants.",
        comment="64 bytes that were given to the realm when it was made",
    ),
    ManyRule(
        "registers", ("cca.rem",), read_registers, register_findings, lambda _: {},
        lambda value: f"these measurements by the realm itself are listed by the policy: {', '.join(value)}",
        'what the realm measures by itself, such as { REM0 = ["…"] }',
        suggest=lambda s: {
            name: [one.hex()] for name, one in zip(_REGISTERS, s.token.realm.extensible_measurements, strict=True)
        },
    ),
    _list_rule(
        "hash_algorithms", "cca.hash",
        lambda s: {s.token.realm.hash_algorithm, s.token.realm.public_key_hash_algorithm},
        read=list_of(one_of(*HASHES)), says="the realm is measured by a hash that the policy lists",
        remedy="Make the realm with another hash algorithm.", comment="the hashes by which a realm may be measured",
    ),
    Rule(
        "memory_key", "cca.memory_key", one_of("private"), lambda s: s.token.realm.memory_key or "not said", same, str,
        lambda _: "the realm's memory is encrypted by a key of its own",
        "Use a platform with an encryption key for each realm (MEC), and ask for one.",
        '"private": the realm\'s memory has an encryption key of its own',
    ),
    bit_rule(
        "live_activation", "cca.live_activation", lambda s: s.token.realm.live_activation, wanted=False,
        words="the platform's firmware is not replaced while the realm runs",
        remedy="Make the realm so that it does not allow live activation of firmware.",
        comment="whether firmware may be replaced below a running realm",
    ),
    bit_rule(
        "devices", "cca.devices", lambda s: s.token.realm.has_devices, wanted=False,
        words="no device is assigned to the realm", remedy="Make the realm without devices: they are not judged.",
        comment="devices that can reach the realm's memory",
    ),
)  # fmt: skip

_DEFAULTS: Mapping[str, object] = {
    "secured": True,
    "firmware_signers": Waiver("the firmware is known by its measurements"),
    "config": Waiver("the implementation's documents are not at hand"),
    "extensions": False,
    "instance_ids": Waiver("any platform whose key is trusted may be used"),
    "denied_instance_ids": Waiver("no platform is known to be broken"),
    "personalization": Waiver("the initial measurement says what runs"),
    "registers": Waiver("the realm measures nothing by itself"),
    "hash_algorithms": ["sha-256", "sha-384", "sha-512"],
    "memory_key": Waiver("the memory of all realms is encrypted in any case"),
    "live_activation": False,
    "devices": False,
}

KIND = PlatformKind(
    format=FORMAT,
    products=(PRODUCT,),
    title=lambda _product: "On Arm processors, in a realm (CCA, memory that the host cannot read), this must hold:",
    rules=RULES,
    defaults=lambda _product: _DEFAULTS,
)
