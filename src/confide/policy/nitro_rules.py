"""The rules of an AWS Nitro Enclave: the registers by their meaning, debug mode, age, and what the enclave attached.

Sources: AWS, Nitro Enclaves user guide, "Where to get an enclave's measurements" (PCR0 to PCR4, PCR8); Nitro Enclaves
attestation process, section 2.2.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping

from confide.errors import Finding
from confide.evidence.nitro import FORMAT, PRODUCT
from confide.policy.model import Waiver
from confide.policy.reading import WrongValueError, exactly, hexadecimal, integer, list_of, matching
from confide.policy.rule import ManyRule, PlatformKind, Rule, among, any_of, reference_rule, same
from confide.verify.nitro import NitroSubject

_PCR_BYTES = 48
_MAX_AGE = 3 * 60 * 60  # a leaf's life: an older document is refused in any case
_ROLE = r"arn:[a-z0-9-]{1,20}:iam::[0-9]{12}:role/[\w+=,.@/-]{1,600}"
_INSTANCE = r"i-[0-9a-f]{8,17}"


def extended(text: str) -> str:
    """The register that holds this text: SHA-384 of 48 zero bytes and the text, in hexadecimal (user guide)."""
    return hashlib.sha384(bytes(_PCR_BYTES) + text.encode()).hexdigest()


def _register_or(pattern: str, words: str) -> Callable[[object], str]:
    """A reader of a register: 48 bytes in hexadecimal, or the text that it holds."""
    read = matching(f"[0-9a-f]{{96}}|{pattern}", f"{words}, or the register as 96 lower-case hexadecimal digits")

    def register(value: object) -> str:
        text = read(value)
        return text if len(text) == 2 * _PCR_BYTES and ":" not in text else extended(text)

    return register


def _pcr(index: int) -> Callable[[NitroSubject], str]:
    return lambda subject: subject.document.pcr(index)


def register_rule(name: str, code: str, index: int, words: str, comment: str, *, waivable: bool = True) -> Rule:
    """A rule on a register that has one of several reference values."""
    return reference_rule(
        name,
        code,
        _PCR_BYTES,
        _pcr(index),
        words=f"{words} (PCR{index})",
        remedy="Something else runs than the policy allows. Start the right image; if it was meant to change, "
        "take its measurements from the build and make a new policy.",
        comment=f"{comment} (PCR{index})",
        waivable=waivable,
    )


def _named(name: str, code: str, index: int, pattern: str, *, words: str, comment: str) -> Rule:
    """A rule on a register that holds a text, which the policy may name."""
    return Rule(
        name,
        code,
        list_of(_register_or(pattern, words)),
        _pcr(index),
        among,
        any_of,
        lambda values: f"the parent instance has {words} that the policy lists ({len(values)}, PCR{index})",
        "Start the enclave where the policy allows it, or list this one.",
        f"{comment} (PCR{index})",
        suggest=lambda subject: [subject.document.pcr(index)],
    )


def attached_rule(name: str, words: str, size: int) -> Rule:
    """A rule on a field that the attester fills as it likes."""

    def got(subject: NitroSubject) -> str:
        value = getattr(subject.document, name)
        return "" if value is None else value.hex()

    return Rule(
        name,
        f"nitro.{name}",
        matching(f"([0-9a-f]{{2}}){{0,{size}}}", f"at most {size} bytes in lower-case hexadecimal; empty: none"),
        got,
        same,
        lambda value: value or "nothing",
        lambda value: f"the document carries the {words} {value}" if value else f"the document carries no {words}",
        "Ask for a document with what the policy wants.",
        f"the {words} in the document, in hexadecimal",
    )


def read_registers(value: object) -> dict[int, tuple[str, ...]]:
    """A table such as `{ PCR16 = ["…"] }`: lists of allowed values, 48 bytes each, by register."""
    names = {f"PCR{index}": index for index in range(32)}
    if not isinstance(value, dict) or not value or not value.keys() <= names.keys():
        raise WrongValueError('a table such as { PCR16 = ["…"] }, of at least one register PCR0 to PCR31')
    return {names[name]: list_of(hexadecimal(_PCR_BYTES))(allowed) for name, allowed in value.items()}


def other_registers(subject: NitroSubject, wanted: Mapping[int, tuple[str, ...]]) -> list[Finding]:
    """A finding for each register that has none of its allowed values."""
    remedy = "Something else has extended this register: start the right image."
    return [
        Finding("nitro.pcr.others", f"PCR{index} {subject.document.pcr(index) or 'not there'}", any_of(values), remedy)
        for index, values in wanted.items()
        if subject.document.pcr(index) not in values
    ]


AGE_RULE = Rule(
    "maximum_age", "nitro.age", integer(1, _MAX_AGE), lambda s: s.age,
    lambda got, value: got <= value,
    lambda value: f"at most {value} seconds",
    lambda value: f"the document is at most {value} seconds old", "Ask for a new document.",
    "how old a document may be, in seconds; its certificate lives for about three hours",
    suggest=lambda _: 300,
)  # fmt: skip
REGISTERS_RULE = ManyRule(
    "registers", ("nitro.pcr.others",), read_registers, other_registers, lambda _: {},
    lambda value: "these registers have values that the policy lists: "
    + ", ".join(f"PCR{index}" for index in value),
    'registers that the image extends itself, such as { PCR16 = ["…"] }',
)  # fmt: skip

RULES = (
    register_rule("measurements", "policy.workload.measurement", 0, "what was started measures as foreseen: it",
                  "what may be started: the image's measurements", waivable=False),
    Rule(
        "debug", "nitro.debug", exactly(wanted=False), lambda s: s.document.debug, same, lambda _: "debug mode off",
        lambda _: "debug mode is off, so that the parent instance has no console in the enclave",
        "Start the enclave without --debug-mode; its measurements are zero, so that anything may run in it.",
        "debug mode zeroes the measurements and opens a console",
    ),
    AGE_RULE,
    register_rule("kernels", "nitro.pcr.kernel", 1, "kernel and boot ramdisk measure as foreseen: they",
                  "the Linux kernel and the boot ramdisk"),
    register_rule("applications", "nitro.pcr.application", 2, "the application measures as foreseen: it",
                  "the application, without the boot ramdisk"),
    _named("roles", "nitro.pcr.role", 3, _ROLE, words="an IAM role",
           comment="IAM roles of the parent instance, as ARN or register"),
    _named("instances", "nitro.pcr.instance", 4, _INSTANCE, words="an instance id",
           comment="the parent instances that may be used, as instance id or register"),
    register_rule("signers", "nitro.pcr.signer", 8, "the certificate that signed the image",
                  "the certificates that may have signed the image"),
    REGISTERS_RULE,
    attached_rule("user_data", "user data", 512),
    attached_rule("public_key", "public key", 1024),
)  # fmt: skip

_IMAGE = Waiver("the image's measurement holds kernel and application")
_DEFAULTS: Mapping[str, object] = {
    "debug": False,
    "maximum_age": 300,
    "kernels": _IMAGE,
    "applications": _IMAGE,
    "roles": Waiver("any IAM role may start the image"),
    "instances": Waiver("any instance may start the image"),
    "signers": Waiver("the image is known by its measurement"),
    "registers": Waiver("the image extends no register of its own"),
    "user_data": Waiver("the nonce binds the document to the question"),
    "public_key": Waiver("the nonce binds the document to the question"),
}


KIND = PlatformKind(
    format=FORMAT,
    products=(PRODUCT,),
    title=lambda _product: (
        "On AWS, in a Nitro Enclave (memory that the parent instance cannot read; AWS itself is "
        "trusted), all of this must hold:"
    ),
    rules=RULES,
    defaults=lambda _product: _DEFAULTS,
)
