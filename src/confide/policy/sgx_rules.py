"""The rules of an SGX enclave: which code, by whose signature, with which attributes, on which platform.

Source: Intel 64 and IA-32 Architectures Software Developer's Manual, volume 3D, tables 36-3 and 36-21.
"""

from __future__ import annotations

from collections.abc import Mapping

from confide.errors import Finding
from confide.evidence.sgx import FORMAT
from confide.policy.intel_rules import PLATFORM_DEFAULTS, mask_rule, platform_rules
from confide.policy.model import Waiver
from confide.policy.reading import integer
from confide.policy.rule import PlatformKind, Rule, at_least, bit_rule, bytes_rule, reference_rule, same
from confide.verify.intel_alone import NO_DEBUG

_OTHER_CODE = (
    "The enclave is another than the policy allows. Start the right one; if it was meant to change, take its "
    "measurement from the build and make a new policy."
)
_REBUILD = "Build the enclave as the policy wants it."


def _minimum(name: str, attribute: str, words: str, comment: str) -> Rule:
    return Rule(
        name, f"sgx.{attribute}", integer(0, 0xFFFF), lambda s: getattr(s.report, attribute), at_least,
        lambda value: f">= {value}", lambda value: f"{words} is {value} or more", "Start a newer build of the enclave.",
        comment, suggest=lambda s: getattr(s.report, attribute),
    )  # fmt: skip


RULES = (
    reference_rule(
        "mrenclave", "policy.workload.measurement", 32, lambda s: s.report.mr_enclave.hex(),
        words="the enclave's code and data measure as the policy foresees: MRENCLAVE", remedy=_OTHER_CODE,
        comment="which enclaves may run: their measurements (MRENCLAVE)",
    ),
    reference_rule(
        "mrsigner", "sgx.mr_signer", 32, lambda s: s.report.mr_signer.hex(),
        words="the enclave was signed by a key whose hash (MRSIGNER)", remedy=_OTHER_CODE,
        comment="whose enclaves may run: SHA-256 of the signers' keys (MRSIGNER)",
    ),
    Rule(
        "isv_prod_id", "sgx.isv_prod_id", integer(0, 0xFFFF), lambda s: s.report.isv_prod_id, same, str,
        lambda value: f"the signer calls the enclave product {value} (ISVPRODID)", _OTHER_CODE,
        "the number of the product among those of its signer (ISVPRODID)", suggest=lambda s: s.report.isv_prod_id,
    ),
    _minimum("minimum_isv_svn", "isv_svn", "the enclave's security version (ISVSVN)",
             "the lowest security version of the enclave (ISVSVN)"),
    bit_rule(
        "debug", "sgx.debug", lambda s: s.debug, wanted=False,
        words="debug mode is off, so that the host cannot read the enclave's memory through it", remedy=NO_DEBUG,
        comment="debug mode lets the host read everything",
    ),
    mask_rule(
        "attributes", "sgx.attributes", lambda s: s.report.flags, digits=16, words="ATTRIBUTES", remedy=_REBUILD,
        comment="the attributes that the enclave may have, as bits: 0x485 is INIT, MODE64, KSS and AEX notify",
    ),
    mask_rule(
        "xfrm", "sgx.xfrm", lambda s: s.report.xfrm, digits=16, words="XFRM", remedy=_REBUILD,
        comment="the extended features of the processor that the enclave may use, as bits",
    ),
    mask_rule(
        "misc_select", "sgx.misc_select", lambda s: s.report.misc_select, digits=8, words="MISCSELECT",
        remedy=_REBUILD, comment="what the processor may write into the enclave on an exception, as bits",
    ),
    bytes_rule(
        "config_id", "sgx.config_id", 64, lambda s: s.report.config_id.hex(),
        words="what was configured at its start (CONFIGID)", remedy="Start the enclave as the policy wants it.",
        comment="64 bytes that were given at the enclave's start, such as the hash of a configuration",
    ),
    _minimum("minimum_config_svn", "config_svn", "the version of the configuration (CONFIGSVN)",
             "the lowest version of the configuration (CONFIGSVN)"),
    *platform_rules("sgx"),
)  # fmt: skip

_DEFAULTS: Mapping[str, object] = {
    "mrsigner": Waiver("the measurement says what runs, whoever signed it"),
    "isv_prod_id": Waiver("the measurement says what runs"),
    "minimum_isv_svn": 0,
    "debug": False,
    "attributes": "0x485",
    "xfrm": Waiver("which instructions the enclave may use says nothing of who can read it"),
    "misc_select": "0x0",
    "config_id": "00" * 64,
    "minimum_config_svn": 0,
    **PLATFORM_DEFAULTS,
}


def _misfit(_product: str, values: Mapping[str, object]) -> tuple[str, Finding] | None:
    """Either the code or its signer has to be named: without both any enclave would do."""
    if not isinstance(values["mrenclave"], Waiver) or not isinstance(values["mrsigner"], Waiver):
        return None
    finding = Finding(
        "policy.file.value", "`mrenclave` and `mrsigner` both waived", "the enclaves or their signers by name",
        "List the measurements of the enclaves that may run, or the signers of those that may.",
    )  # fmt: skip
    return "mrenclave", finding


KIND = PlatformKind(
    format=FORMAT,
    products=("SGX",),
    title=lambda _: "In an enclave of Intel's (SGX, memory that the host cannot read), all of this must hold:",
    rules=RULES,
    defaults=lambda _: _DEFAULTS,
    misfit=_misfit,
)
