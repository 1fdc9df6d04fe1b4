"""The steps that quotes of SGX and TDX share: `verify/sgx.py` and `verify/tdx.py` number and cite them."""

from __future__ import annotations

import hmac
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from confide.checklist import Checklist
from confide.errors import Refused
from confide.evidence.intel_collateral import IsvLevel
from confide.evidence.intel_pck import PckExtension
from confide.evidence.intel_quote import INTEL, Quote
from confide.verify.anchors import INTEL_ROOTS
from confide.verify.chains import check_path
from confide.verify.examination import Examination
from confide.verify.intel_chain import (
    Endorsements,
    check_form,
    check_kind,
    check_pck,
    leaf_key,
    parse_endorsements,
    path_rules,
)
from confide.verify.intel_collateral import Chosen, check_collateral, choose
from confide.verify.intel_dcap_qvl import ask_dcap_qvl, check_second_opinion, limits
from confide.verify.intel_qe import (
    check_encoding,
    check_qe_identity,
    check_qe_report_data,
    check_qe_signature,
    check_signature,
)
from confide.verify.intel_tcb import TcbVerdict, match_platform, verdict
from confide.verify.intel_tee import FORM, Tee
from confide.verify.trust import Trust
from confide.verify.x509 import Certificate

T = TypeVar("T")
NONCE_SIZE = 64


@dataclass(frozen=True, slots=True)
class Platform:
    """What the certificates and the collateral add to a quote: None where they could not be read."""

    pck: PckExtension | None = None
    tcb: TcbVerdict | None = None

    def claims(self) -> dict[str, object]:
        """Both as JSON-able values."""
        return {
            "platform": self.pck.claims() if self.pck else None,
            "tcb": self.tcb.claims() if self.tcb else None,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A quote under examination: its raw bytes and fields, the report data in it and the `wanted` one, what came along,
    and whom the caller trusts. Of TDX the security versions, the check of the module (which gives the module's level),
    and of both what dcap-qvl does not take.
    """

    exam: Examination
    tee: Tee
    trust: Trust
    evidence: bytes
    quote: Quote
    report_data: bytes
    wanted: bytes | None
    endorsements: tuple[bytes, ...]
    tee_tcb_svn: bytes | None = None
    check_module: Callable[[Chosen], dict[str, IsvLevel | None]] = lambda _chosen: {}
    limits: Callable[[PckExtension, TcbVerdict], list[str]] = lambda _pck, _tcb: []

    @property
    def checklist(self) -> Checklist:
        """Where every check is recorded."""
        return self.exam.checklist


def check_read(parse: Callable[[bytes], T], data: bytes, exam: Examination, tee: Tee) -> T | None:
    """The quote, where the bytes are one; each way of not being one has a code."""
    try:
        quote = parse(data)
    except Refused as failure:
        exam.checklist.absorb(failure)
        _skip_rest(exam, tee)
        return None
    for name in FORM:
        exam.checklist.expect(tee.code(name), passed=True, got="", wanted="", remedy="")
    return quote


def _skip_rest(exam: Examination, tee: Tee) -> None:
    """Records of every check that has no result yet that it could not be made since another failed."""
    if exam.checklist.findings:
        done = {check.code for check in exam.checklist.checks} | {tee.code(name) for name in tee.alone}
        for code in sorted(exam.required - done):
            exam.checklist.unchecked(code, exam.checklist.findings[-1].code)


def examine_quote(case: Case) -> Platform:
    """Every shared step; what they find out about the platform is the answer."""
    prefix, checklist = case.tee.prefix, case.checklist
    check_vendor(case.quote, prefix, checklist)
    check_report_data(case, prefix, checklist)
    check_encoding(case.quote, prefix, checklist)
    check_signature(case.quote, prefix, checklist)
    check_qe_report_data(case.quote, prefix, checklist)
    parsed = check_endorsements(case.endorsements, checklist)
    given = (parsed or Endorsements()).best_first(case.exam.now)
    path, pck = _examine_path(case, given)
    tcb = _examine_collateral(case, given, path, pck) if parsed and path and pck else None
    _skip_rest(case.exam, case.tee)
    return Platform(pck, tcb)


def check_endorsements(endorsements: tuple[bytes, ...], checklist: Checklist) -> Endorsements | None:
    """Everything that came along, parsed; None where one piece does not parse."""
    try:
        given = parse_endorsements(endorsements)
    except Refused as failure:
        checklist.absorb(failure)
        return None
    checklist.expect("endorsement.malformed", passed=True, got="", wanted="", remedy="")
    return given


def _examine_path(case: Case, given: Endorsements) -> tuple[list[Certificate], PckExtension | None]:
    """The path of the platform's key, empty where there is none, and what the certificate says of the platform."""
    exam, prefix = case.exam, case.tee.prefix
    path = check_form(case.quote.certification, given, prefix, exam.checklist)
    if not path:
        return [], None
    exam.unverified_root, exam.simulated = path[-1].fingerprint, _is_simulated(path, case.trust)
    check_path(path, path_rules(prefix, case.trust), now=exam.now, checklist=exam.checklist, lists=given.lists)
    check_kind(path, prefix, exam.checklist)
    check_qe_signature(case.quote, leaf_key(path), prefix, exam.checklist)
    return path, check_pck(path[0], prefix, exam.checklist)


def _examine_collateral(
    case: Case, given: Endorsements, path: Sequence[Certificate], pck: PckExtension
) -> TcbVerdict | None:
    """How current the platform is, by the collateral that belongs to it; None where there is none."""
    chosen = choose(given, path, pck, case.tee, case.checklist)
    if chosen is None:
        return None
    # One simulated root is enough: collateral that anybody can sign says nothing of real hardware.
    case.exam.simulated |= any(_is_simulated(one, case.trust) for one in (chosen.tcb_info_path, chosen.identity_path))
    rules = path_rules(case.tee.code("collateral"), case.trust)
    check_collateral(chosen, rules, given, case.exam.now, case.checklist)
    tcb = check_tcb(case, chosen, pck, case.tee.prefix)
    reasons = [*limits(case.quote, pck, chosen), *case.limits(pck, tcb)]
    check_second_opinion(
        case.tee.code("dcap_qvl"),
        lambda: ask_dcap_qvl(case.evidence, chosen, path, case.exam.now),
        tcb,
        reasons,
        case.checklist,
    )
    return tcb


def _is_simulated(path: Sequence[Certificate], trust: Trust) -> bool:
    root = path[-1].fingerprint
    return root in trust.simulated_roots and root not in INTEL_ROOTS


def check_vendor(quote: Quote, prefix: str, checklist: Checklist) -> None:
    """The quote says that it is by Intel's quoting enclave; who made it the signatures tell."""
    checklist.expect(
        f"{prefix}.vendor",
        quote.vendor == INTEL,
        got=quote.vendor.hex(),
        wanted=f"{INTEL.hex()}, Intel",
        remedy="Use a platform with Intel's quoting enclave.",
    )


def check_report_data(case: Case, prefix: str, checklist: Checklist) -> None:
    """The evidence was made for this question. Without one, that is said, and freshness is not claimed."""
    if case.wanted is None:
        checklist.not_applicable(f"{prefix}.report_data", "the caller gave no report data to compare with")
        return
    checklist.expect(
        f"{prefix}.report_data",
        hmac.compare_digest(case.wanted, case.report_data),
        got=case.report_data.hex(),
        wanted=case.wanted.hex() or "nothing",
        remedy="The evidence was made for another question: ask for fresh evidence with this report data.",
    )


def check_tcb(case: Case, chosen: Chosen, pck: PckExtension, prefix: str) -> TcbVerdict:
    """How current platform, module and quoting enclave are. That a level exists and none is revoked is checked here for
    everyone; which statuses are good enough is the policy's business.
    """
    info, identity, checklist = chosen.tcb_info.value, chosen.identity.value, case.checklist
    level = match_platform(info, pck, case.tee_tcb_svn)
    components = f"components {bytes(pck.components).hex()}"
    checklist.expect(
        f"{prefix}.tcb.level",
        level is not None,
        got=f"PCE {pck.pce_svn}, {components}" + (f", TDX {case.tee_tcb_svn.hex()}" if case.tee_tcb_svn else ""),
        wanted=f"at least the lowest of {len(info.tcb_levels)} levels that Intel lists",
        remedy="Have the host's microcode, firmware and TDX module updated, or use another host.",
    )
    parts = {"qe": check_qe_identity(case.quote, identity, prefix, checklist), **case.check_module(chosen)}
    tcb = verdict(info, identity, level, parts)
    revoked = [name for name, status in tcb.parts.items() if status == "Revoked"]
    checklist.expect(
        f"{prefix}.tcb.revoked",
        not revoked,
        got=f"a level that Intel has revoked: {', '.join(revoked)}",
        wanted="no level that is revoked",
        remedy="Do not trust this machine until its firmware is renewed: the keys of this level are broken.",
    )
    return tcb
