"""The rules of a TDX trust domain: what was measured, its attributes, its platform.

Sources: Intel TDX Module base architecture specification, sections 12 (measurement) and 11.8 (service domains); TDX
Module ABI specification, section 3.4 (attributes); TDX virtual firmware design guide, section 8 (registers).
"""

from __future__ import annotations

from collections.abc import Mapping

from confide.evidence.tdx import FORMAT
from confide.policy.intel_rules import PLATFORM_DEFAULTS, mask_rule, platform_rules
from confide.policy.model import Waiver
from confide.policy.reading import exactly
from confide.policy.rule import PlatformKind, Rule, bit_rule, bytes_rule, reference_rule
from confide.verify.intel_alone import NO_DEBUG

_SIZE = 48
_ZERO = "00" * _SIZE
_RELAUNCH = "Launch the domain with the value that the policy wants."
_OTHER_CODE = (
    "The domain runs something else than the policy allows. Launch the right image; if it was meant to change, take "
    "its measurements anew and make a new policy."
)
_MEANINGS = (
    "the machine that the host has put together: firmware volume, ACPI tables, boot order",
    "what was booted: boot loader and kernel",
    "what it was booted with: command line and initial ramdisk",
    "what the guest measured by itself",
)


def _rtmr(index: int) -> Rule:
    name = f"rtmr{index}"
    return reference_rule(
        name,
        f"tdx.{name}",
        _SIZE,
        lambda s: s.report.rtmrs[index].hex(),
        words=f"RTMR{index} ({_MEANINGS[index]})",
        remedy=_OTHER_CODE,
        comment=f"{_MEANINGS[index]} (RTMR{index})",
    )


def _register(name: str, words: str, comment: str) -> Rule:
    return bytes_rule(
        name,
        f"tdx.{name}",
        _SIZE,
        lambda s: str(getattr(s.report, name).hex()),
        words=words,
        remedy=_RELAUNCH,
        comment=comment,
    )


RULES = (
    reference_rule(
        "mrtd", "policy.workload.measurement", _SIZE, lambda s: s.report.mr_td.hex(),
        words="the firmware that was launched measures as the policy foresees: MRTD", remedy=_OTHER_CODE,
        comment="what may be launched: the measurement of the domain's first memory, its firmware (MRTD)",
        waivable=False,
    ),
    *(_rtmr(index) for index in range(4)),
    bit_rule(
        "debug", "tdx.debug", lambda s: s.debug, wanted=False,
        words="debug mode is off, so that the host cannot read the domain's memory through it", remedy=NO_DEBUG,
        comment="debug mode lets the host read everything",
    ),
    bit_rule(
        "sept_ve_disable", "tdx.sept_ve_disable", lambda s: s.report.has("sept_ve_disable"), wanted=True,
        words="pages that the host takes away stop the domain, instead of running its exception handler",
        remedy="Launch the domain with SEPT_VE_DISABLE.",
        comment="without SEPT_VE_DISABLE the host can run a handler in the guest where it likes",
    ),
    bit_rule(
        "migratable", "tdx.migratable", lambda s: s.report.has("migratable"), wanted=False,
        words="the domain cannot be moved to another machine", remedy="Launch the domain without MIGRATABLE.",
        comment="a migratable domain can be moved, with its memory, to another machine",
    ),
    mask_rule(
        "td_attributes", "tdx.td_attributes", lambda s: s.report.td_attributes, digits=16, words="TD_ATTRIBUTES",
        remedy="Launch the domain without the other attributes, or allow them.",
        comment="the attributes that the domain may have, as bits: 0xd0000000 is SEPT_VE_DISABLE, PKS and KL",
    ),
    mask_rule(
        "xfam", "tdx.xfam", lambda s: s.report.xfam, digits=16, words="XFAM",
        remedy="Launch the domain without the other features, or allow them.",
        comment="the extended features of the processor that the domain may use, as bits",
    ),
    _register("mr_config_id", "what the host configured (MRCONFIGID)",
              "48 bytes that the host gave at launch, such as the hash of a configuration"),
    _register("mr_owner", "the owner (MROWNER)", "48 bytes that name the domain's owner, given at launch"),
    _register("mr_owner_config", "the owner's configuration (MROWNERCONFIG)",
              "48 bytes of the owner's configuration, given at launch"),
    _register("mr_signer_seam", "the signer of the TDX module (MRSIGNERSEAM, zeros for Intel)",
              "who signed the TDX module: zeros for Intel"),
    bytes_rule(
        "mr_service_td", "tdx.mr_service_td", _SIZE, lambda s: s.service_td,
        words="the measurement of the service domains that can act on this one (zeros: there are none)",
        remedy="Launch the domain with the service domains that the policy wants.",
        comment="service domains, such as one for migration, can act on this one; zeros: there are none",
    ),
    Rule(
        "event_log", "tdx.event_log.missing", exactly(wanted=True), lambda s: "an event log" if s.log else "none",
        lambda got, _: got != "none", lambda _: "an event log with the evidence",
        lambda _: "an event log came along, and replays to the registers",
        "Give the log (CCEL, /sys/firmware/acpi/tables/data/CCEL) with the evidence, as the part event_log.",
        "an event log that replays to the registers must come with the evidence",
    ),
    *platform_rules("tdx"),
)  # fmt: skip

_DEFAULTS: Mapping[str, object] = {
    "rtmr3": [_ZERO],
    "debug": False,
    "sept_ve_disable": True,
    "migratable": False,
    "td_attributes": "0xd0000000",
    "xfam": Waiver("which instructions the domain may use says nothing of who can read it"),
    "mr_config_id": _ZERO,
    "mr_owner": _ZERO,
    "mr_owner_config": _ZERO,
    "mr_signer_seam": _ZERO,
    "mr_service_td": _ZERO,
    "event_log": Waiver("the registers are compared by value"),
    **PLATFORM_DEFAULTS,
}

KIND = PlatformKind(
    format=FORMAT,
    products=("TDX",),
    title=lambda _: "In a trust domain of Intel's (TDX, memory that the host cannot read), all of this must hold:",
    rules=RULES,
    defaults=lambda _: _DEFAULTS,
)
