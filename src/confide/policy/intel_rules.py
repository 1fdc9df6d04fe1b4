"""The rules that platforms of SGX and TDX share: how current the platform is, by Intel's collateral, and which it is.

Source: Intel Provisioning Certification Service API, version 4 (TCB statuses, advisories, evaluation data number).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

from confide.policy.model import Waiver
from confide.policy.reading import exactly, hexadecimal, integer, list_of, matching, one_of
from confide.policy.rule import Rule, among, any_of, at_least, not_among, plain, same
from confide.verify.intel_alone import UPDATE
from confide.verify.intel_tcb import STATUSES

_ADVISORY = matching(r"INTEL-SA-\d{5}", 'an advisory such as "INTEL-SA-00615"')
_MAX_DAYS = 366


def mask_rule(
    name: str, code: str, got: Callable[[Any], int], *, digits: int, words: str, remedy: str, comment: str
) -> Rule:
    """A rule on bits of which none but some may be set; the file has those as hexadecimal."""

    def read(value: object) -> int:
        return int(matching(f"0x[0-9a-f]{{1,{digits}}}", f'bits in hexadecimal, such as "0x{3:0{digits}x}"')(value), 16)

    return Rule(
        name,
        code,
        read,
        lambda subject: f"{got(subject):#x}",
        lambda found, allowed: not int(found, 16) & ~allowed,
        lambda allowed: f"no bits but {allowed:#x}",
        lambda allowed: f"{words} has no bits set but {allowed:#x}",
        remedy,
        comment,
        suggest=lambda subject: f"{got(subject):#x}",
    )


def read_advisories(value: object) -> tuple[str, ...]:
    """A list of advisories, which may be empty: then none is accepted."""
    return () if value == [] else list_of(_ADVISORY)(value)


def _no_collateral(subject: Any) -> str:
    """The verifier has found before that there is no collateral, and refuses: there is nothing to compare here."""
    return "" if subject.platform.tcb else "there is no collateral to tell by"


def _no_certificate(subject: Any) -> str:
    return "" if subject.platform.pck else "there is no certificate of the platform to tell by"


def _age(subject: Any) -> timedelta:
    age: timedelta = subject.now - subject.platform.tcb.issued
    return age


def _smt(subject: Any) -> object:
    return dict(subject.platform.pck.configuration).get("smt_enabled", "not known")


def platform_rules(prefix: str) -> tuple[Rule, ...]:
    """The rules, with codes that begin with the prefix."""
    return (
        Rule(
            "tcb_status", f"{prefix}.tcb_status", list_of(one_of(*STATUSES[:-1])), lambda s: s.platform.tcb.status,
            among, any_of, lambda values: f"Intel says of the platform that it is {' or '.join(values)}", UPDATE,
            "which of Intel's statuses of a platform are good enough; revoked ones never are", waivable=False,
            applies=_no_collateral,
        ),
        Rule(
            "advisories", f"{prefix}.advisories", read_advisories, lambda s: s.platform.tcb.advisories,
            lambda got, accepted: set(got) <= set(accepted),
            lambda accepted: f"none but {', '.join(accepted)}" if accepted else "none",
            lambda accepted: f"no advisory of Intel's applies to the platform but {', '.join(accepted)}" if accepted
            else "no advisory of Intel's applies to the platform",
            "Follow the advisories, or accept them in the policy once the software is hardened against them.",
            "advisories of Intel's that may apply to the platform, since they are dealt with otherwise",
            applies=_no_collateral, suggest=lambda s: list(s.platform.tcb.advisories) if s.platform.tcb else [],
        ),
        Rule(
            "minimum_evaluation", f"{prefix}.evaluation", integer(0, 2**32 - 1), lambda s: s.platform.tcb.evaluation,
            at_least, lambda value: f">= {value}",
            lambda value: f"the platform is measured against Intel's evaluation {value} or a later one",
            "Fetch current collateral: what an older evaluation calls up to date may have known flaws.",
            "the lowest evaluation data number of Intel's collateral: an old one knows no new flaws",
            applies=_no_collateral,
        ),
        Rule(
            "maximum_collateral_age", f"{prefix}.collateral.age", integer(1, _MAX_DAYS), _age,
            lambda got, days: got <= timedelta(days=days), lambda days: f"at most {days} days",
            lambda days: f"Intel issued the collateral at most {days} days ago", "Fetch current collateral.",
            "how many days ago Intel may have issued the collateral", applies=_no_collateral,
        ),
        Rule(
            "fmspcs", f"{prefix}.fmspc", list_of(hexadecimal(6)), lambda s: s.platform.pck.fmspc.hex(), among, any_of,
            lambda values: f"the processor's family (FMSPC) is one of {', '.join(values)}",
            "Use a processor of a family that the policy lists, or list this one.",
            "the families of processors that may be used: FMSPC, 6 bytes each", applies=_no_certificate,
            suggest=lambda s: [s.platform.pck.fmspc.hex()] if s.platform.pck else None,
        ),
        Rule(
            "smt", f"{prefix}.smt", exactly(wanted=False), _smt, same, plain,
            lambda _: "simultaneous multithreading is off, so that no stranger shares a core",
            "Use a host without simultaneous multithreading.",
            "simultaneous multithreading: another tenant on the same core could watch its timing",
            applies=_no_certificate,
        ),
        Rule(
            "chip_ids", "policy.chip.allowed", list_of(hexadecimal(16)), lambda s: s.platform.pck.ppid.hex(), among,
            any_of, lambda values: f"the platform is one of {len(values)} that the policy lists",
            "Use one of the listed machines, or list this one.",
            "the platforms that may be used: PPID, 16 bytes each", applies=_no_certificate,
        ),
        Rule(
            "denied_chip_ids", "policy.chip.denied", list_of(hexadecimal(16)), lambda s: s.platform.pck.ppid.hex(),
            not_among, lambda _: "a platform that is not denied",
            lambda values: f"the platform is none of {len(values)} that the policy shuts out",
            "Use another machine: this one is shut out.", "platforms whose keys are known or feared to have leaked",
            applies=_no_certificate,
        ),
    )  # fmt: skip


PLATFORM_DEFAULTS: Mapping[str, object] = {
    "tcb_status": ["UpToDate"],
    "advisories": [],
    "minimum_evaluation": 17,
    "maximum_collateral_age": 30,
    "fmspcs": Waiver("any family of processors that Intel keeps up to date may be used"),
    "smt": Waiver("hosts of TDX and SGX run with it; code whose timing tells secrets must not run there"),
    "chip_ids": Waiver("any genuine platform may be used"),
    "denied_chip_ids": Waiver("no platform is known to be broken"),
}
