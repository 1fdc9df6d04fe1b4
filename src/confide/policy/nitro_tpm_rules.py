"""The rules of an EC2 instance with a NitroTPM: the registers by their meaning, age, and what the instance attached.

Source: AWS, EC2 user guide, "NitroTPM Attestation Document": PCR4 and PCR12 tell an image that boots without Secure
Boot, PCR7 one that boots with it.
"""

from __future__ import annotations

from collections.abc import Mapping

from confide.evidence.nitro import TPM_FORMAT, TPM_PRODUCT
from confide.policy.model import Waiver
from confide.policy.nitro_rules import AGE_RULE, REGISTERS_RULE, attached_rule, register_rule
from confide.policy.rule import PlatformKind

RULES = (
    register_rule("measurements", "policy.workload.measurement", 4, "what was booted measures as foreseen: it",
                  "what may be booted: the boot manager's code, with the kernel in it", waivable=False),
    register_rule("secure_boot", "nitro.pcr.secure_boot", 7, "the keys that may sign what boots measure as "
                  "foreseen: they", "the Secure Boot policy: its keys and lists"),
    register_rule("command_lines", "nitro.pcr.command_line", 12, "the kernel's command line measures as foreseen: it",
                  "the kernel's command line and other parameters of the boot"),
    AGE_RULE,
    REGISTERS_RULE,
    attached_rule("user_data", "user data", 512),
    attached_rule("public_key", "public key", 1024),
)  # fmt: skip

_NONCE = Waiver("the nonce binds the document to the question")
_DEFAULTS: Mapping[str, object] = {
    "secure_boot": Waiver("the image is known by its measurement"),
    "maximum_age": 300,
    "registers": Waiver("the image extends no register of its own"),
    "user_data": _NONCE,
    "public_key": _NONCE,
}

KIND = PlatformKind(
    format=TPM_FORMAT,
    products=(TPM_PRODUCT,),
    title=lambda _product: (
        "On AWS, in an EC2 instance with a NitroTPM (what booted is measured; AWS itself, and whoever "
        "the image lets in, are trusted), all of this must hold:"
    ),
    rules=RULES,
    defaults=lambda _product: _DEFAULTS,
)
