"""The rules of an NVIDIA GPU or switch: reference manifests, versions, firmware, devices and mode.

Sources: those of `confide.verify.nvidia`.
"""

from __future__ import annotations

from collections.abc import Mapping

from confide.evidence.nvidia import FORMAT, MODES
from confide.policy.model import Waiver
from confide.policy.reading import exactly, list_of, matching, one_of
from confide.policy.rule import PlatformKind, Rule, among, any_of, not_among, reference_rule
from confide.verify.nvidia import NvidiaSubject
from confide.verify.nvidia_products import PRODUCTS

_FWID_SIZE = 48
_SWITCH = "LS10"
_NEEDED = {"LS10": ("vbios",)}
_device = matching("[0-9a-f]{1,40}", "device ids in lower-case hexadecimal, as `confide evidence show` prints them")
_driver = matching(r"[0-9]{1,4}(\.[0-9]{1,4}){1,3}", 'a version such as "550.90.07"')
_vbios = matching(r"[0-9A-F]{2}(\.[0-9A-F]{2}){4}", 'a version such as "96.00.9F.00.01"')


def needed_manifests(subject: NvidiaSubject) -> tuple[str, ...]:
    """The roles of the manifests that a device has: those of driver and VBIOS; a switch has no driver."""
    return _NEEDED.get(subject.product or "", ("driver", "vbios"))


def _missing_manifests(subject: NvidiaSubject) -> str:
    missing = [role for role in needed_manifests(subject) if role not in subject.manifests]
    return f"no manifest of {' and '.join(missing)}" if missing else "all manifests"


def _numbers(text: str | None, base: int) -> tuple[int, ...]:
    """A version as numbers; empty, which is below every other, where it is none."""
    try:
        return tuple(int(part, base) for part in (text or "").split("."))
    except ValueError:
        return ()


def _floor(got: object, lowest: object, base: int) -> bool:
    return _numbers(str(got), base) >= _numbers(str(lowest), base)


RULES = (
    Rule(
        "manifests", "nvidia.manifests", exactly(wanted=True), _missing_manifests,
        lambda got, _: got == "all manifests",
        lambda _: "NVIDIA's reference manifests of driver and VBIOS (a switch has the latter alone)",
        lambda _: "NVIDIA's signed reference manifests came along, and every measurement that they name has a value "
        "that NVIDIA released", "Fetch the manifests from NVIDIA's RIM service and give them with the evidence.",
        "the reference manifests of driver and VBIOS must come with the evidence",
    ),
    Rule(
        "minimum_driver", "nvidia.driver", _driver, lambda s: s.report.driver_version,
        lambda got, value: _floor(got, value, 10), lambda value: f">= {value}",
        lambda value: f"the driver is of version {value} or later", "Install a newer driver.",
        "the lowest version of the driver",
        applies=lambda s: "a switch has no driver of its own" if s.product == _SWITCH else "",
        suggest=lambda s: s.report.driver_version or "0.0",
    ),
    Rule(
        "minimum_vbios", "nvidia.vbios", _vbios, lambda s: s.report.vbios_version,
        lambda got, value: _floor(got, value, 16), lambda value: f">= {value}",
        lambda value: f"the VBIOS is of version {value} or later", "Have the VBIOS updated, or use another device.",
        "the lowest version of the VBIOS", suggest=lambda s: s.report.vbios_version or "00.00.00.00.00",
    ),
    reference_rule(
        "firmware_ids", "nvidia.firmware", _FWID_SIZE, lambda s: s.fwid, words="the firmware that the chip certified",
        remedy="Use a device with firmware that the policy lists, or list this one.",
        comment="firmware ids (FWID, SHA-384) that the chip may have certified",
    ),
    Rule(
        "modes", "nvidia.mode", list_of(one_of(*MODES.values())), lambda s: s.report.mode or "not told", among, any_of,
        lambda values: f"the GPU is handed to the machine in one of these ways: {', '.join(values)}",
        "Have the GPU set up in a mode that the policy lists; firmware that does not tell has to be updated.",
        "how the GPU may be handed to the machine: single-gpu, multi-gpu, protected-pcie",
        suggest=lambda s: [s.report.mode or "single-gpu"],
    ),
    Rule(
        "device_ids", "policy.chip.allowed", list_of(_device), lambda s: s.device_id, among, any_of,
        lambda values: f"the device is one of {len(values)} that the policy lists",
        "Use one of the listed devices, or list this one.", "the devices that may be used",
        suggest=lambda s: [s.device_id],
    ),
    Rule(
        "denied_device_ids", "policy.chip.denied", list_of(_device), lambda s: s.device_id, not_among,
        lambda _: "a device that is not denied", lambda values: f"the device is none of {len(values)} that the policy "
        "shuts out", "Use another device: this one is shut out.",
        "devices whose keys are known or feared to have leaked",
    ),
    Rule(
        "crl", "policy.crl", exactly(wanted=True), lambda s: "a list" if s.asks_revocation else "no revocation list",
        lambda got, _: got == "a list",
        lambda _: "NVIDIA's revocation list, or an answer of its revocation service, with the evidence",
        lambda _: "NVIDIA's revocation list or an answer of its revocation service came along, is in force, and does "
        "not revoke the device", "Fetch the revocation lists from NVIDIA and give them with the evidence.",
        "a revocation list (CRL) or an answer of the revocation service (OCSP) must come with the evidence",
    ),
)  # fmt: skip

_DEFAULTS: Mapping[str, object] = {
    "manifests": True,
    "minimum_driver": Waiver("the manifests say which drivers NVIDIA stands by"),
    "minimum_vbios": Waiver("the manifests say which VBIOS versions NVIDIA stands by"),
    "firmware_ids": Waiver("the manifests measure the firmware"),
    "modes": Waiver("older firmware does not tell its mode"),
    "device_ids": Waiver("any genuine device of this product may be used"),
    "denied_device_ids": Waiver("no device is known to be broken"),
    "crl": True,
}


def _title(product: str) -> str:
    kind = "switches" if product == _SWITCH else "GPUs"
    return f"Of NVIDIA {product} {kind} (confidential computing), all of this must hold:"


KIND = PlatformKind(
    format=FORMAT, products=PRODUCTS, title=_title, rules=RULES, defaults=lambda _product: _DEFAULTS,
)  # fmt: skip
