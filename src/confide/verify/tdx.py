"""Is a quote of a TDX trust domain genuine, at this moment, and how current is its platform? The steps, in order.

API is Intel TDX DCAP Quoting Library API (appendix A), PCK the SGX PCK Certificate and CRL Profile Specification,
PCS the Provisioning Certification Service API, version 4, ABI the TDX Module ABI specification.

 1. Version 4 or 5, sizes and length fields, body type, attestation key type, certification data, nothing behind the
    quote but zeros (API, appendix A); Intel's quoting enclave; reserved bits of TD_ATTRIBUTES zero (ABI, section 3.4).
 2. The report data is what the caller asked for, all 64 bytes.
 3. The attestation key signed header and body; the platform's key (PCK) signed the quoting enclave's report; that
    report's data are the hash of the attestation key (API, appendix A.3).
 4. The path from the platform's certificate to Intel's pinned root: kinds, signatures, validity, both revocation
    lists (PCK, section 1.3); the platform's SGX extension (PCK, section 1.3.5).
 5. Collateral of this kind, FMSPC, PCE and authority, signed by Intel over its exact bytes, in force (PCS).
 6. The quoting enclave is the one of the identity: signer, product, attributes and MISCSELECT under their masks, a
    level (PCS, appendix B).
 7. The TDX module: signer and attributes as Intel says for its version, a level (PCS, "TDX module identity"). The
    platform's TCB level; the merged status is the worst of platform, module and quoting enclave; never Revoked.
 8. dcap-qvl, where it can be asked, says the same.
 9. The event log (part `event_log`), where there is one, replays to the RTMRs.

Which statuses are good enough, debug mode, SEPT_VE_DISABLE, service domains and measurements are the policy's business.
Without a policy (`check_alone`) debug mode, service domains and every status but UpToDate are refused.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from confide.checklist import Checklist
from confide.evidence.bundle import EvidenceBundle
from confide.evidence.intel_collateral import IsvLevel
from confide.evidence.intel_pck import PckExtension
from confide.evidence.tdx import FORMAT, TdReport, TdxQuote, parse_tdx
from confide.verify.examination import Examination
from confide.verify.intel import NONCE_SIZE, Case, Platform, check_read, examine_quote
from confide.verify.intel_alone import check_debug, check_status
from confide.verify.intel_collateral import Chosen
from confide.verify.intel_tcb import TcbVerdict, find_module, module_fits, module_level, reaches
from confide.verify.intel_tee import Tee
from confide.verify.parts import check_parts
from confide.verify.tdx_log import RtmrLog, check_event_log
from confide.verify.trust import Trust

__all__ = ["FORMAT", "NONCE_SIZE", "REQUIRED", "TdxSubject", "check_alone", "examine"]

TEE = Tee(
    "tdx", "TDX", "TD_QE", own=("reserved", "module", "event_log"), alone=("debug", "tcb_status", "mr_service_td")
)
REQUIRED = TEE.required
CANNOT_TELL = frozenset({"tdx.collateral.missing"})
PARTS = frozenset({"event_log"})

# The bits that dcap-qvl lets a domain have: SEPT_VE_DISABLE, which it asks for, PKS and KL.
_SEPT_VE_DISABLE = 1 << 28
_TAKEN_BY_DCAP_QVL = _SEPT_VE_DISABLE | 1 << 30 | 1 << 31


@dataclass(frozen=True, slots=True)
class TdxSubject:
    """A quote, what certificates and collateral say of its platform at `now`, and its event log, if one came along."""

    evidence: TdxQuote
    platform: Platform
    log: RtmrLog | None
    now: datetime

    @property
    def product(self) -> str:
        """There is one kind of TDX; the platform's family is its FMSPC."""
        return "TDX"

    @property
    def report(self) -> TdReport:
        """The trust domain's report."""
        return self.evidence.report

    @property
    def debug(self) -> bool:
        """Whether the host can read the domain's memory, or the domain is under any other kind of debugging."""
        return self.report.under_debug

    @property
    def service_td(self) -> str:
        """The measurement of the service domains bound to this one (hexadecimal): zeros where there is none."""
        return (self.report.mr_service_td or bytes(48)).hex()

    def claims(self) -> dict[str, object]:
        """Quote, platform, TCB and event log as JSON values."""
        log = self.log.claims() if self.log else None
        return {"product": self.product, **self.evidence.claims(), **self.platform.claims(), "event_log": log}


def examine(bundle: EvidenceBundle, *, now: datetime, report_data: bytes | None, trust: Trust) -> Examination:
    """Runs every step and records every result; whoever calls `conclude` on the answer gets the verdict."""
    exam = Examination(format=FORMAT, now=now, required=REQUIRED, cannot_tell=CANNOT_TELL)
    check_parts(bundle, PARTS, exam.checklist)
    data = bundle.evidence_bytes()
    evidence = check_read(parse_tdx, data, exam, TEE)  # 1
    if evidence is None:
        return exam
    report = evidence.report
    check_reserved(report, exam.checklist)  # 1
    log = check_event_log(bundle.part("event_log"), report, exam.checklist)  # 9
    case = Case(
        exam=exam,
        tee=TEE,
        trust=trust,
        wanted=report_data,
        endorsements=bundle.endorsement_bytes(),
        evidence=data,
        quote=evidence.quote,
        report_data=report.report_data,
        tee_tcb_svn=report.tee_tcb_svn,
        check_module=lambda chosen: check_module(report, chosen, exam.checklist),
        limits=lambda pck, tcb: limits(report, pck, tcb),
    )
    platform = examine_quote(case)  # 1 to 8
    exam.unverified_subject = TdxSubject(evidence, platform, log, now)
    return exam


def check_reserved(report: TdReport, checklist: Checklist) -> None:
    """Step 1: what must be zero is zero, so that a meaning of a later module is never overlooked."""
    checklist.expect(
        "tdx.reserved",
        not report.reserved_attributes(),
        got=f"TD_ATTRIBUTES with the bits {report.reserved_attributes():#x}",
        wanted="zeros in all reserved bits",
        remedy="The domain may be of a newer kind than is known here: update Confide, or do not trust it.",
    )


def check_module(report: TdReport, chosen: Chosen, checklist: Checklist) -> dict[str, IsvLevel | None]:
    """Step 7: the module is one that Intel signed and knows. The answer is its level, for modules that have some."""
    svn = report.tee_tcb_svn
    module = find_module(chosen.tcb_info.value, svn)
    level = module_level(module, svn) if module else None
    has_levels = bool(svn[1])
    fits = module is not None and module_fits(module, report.mr_signer_seam, report.seam_attributes)
    listed = (
        f"signer {module.mrsigner.lower()}, attributes {module.attributes}, and a version" if module else "a module"
    )
    checklist.expect(
        "tdx.module",
        fits and (level is not None or not has_levels),
        got=f"version {svn[1]}.{svn[0]}, signer {report.mr_signer_seam.hex()}, {report.seam_attributes.hex()}",
        wanted=f"{listed} that Intel lists",
        remedy="Have the host's TDX module updated; do not trust a module that Intel does not know.",
    )
    return {"module": level} if has_levels else {}


def limits(report: TdReport, pck: PckExtension, tcb: TcbVerdict) -> list[str]:
    """Step 8: what dcap-qvl refuses as a matter of its own policy, or compares otherwise than Intel says."""
    svn = report.tee_tcb_svn
    reasons = {
        "domains without SEPT_VE_DISABLE": not report.td_attributes & _SEPT_VE_DISABLE,
        "domains in debug mode": report.under_debug,
        "domains with other attributes than PKS and KL": bool(report.td_attributes >> 8 << 8 & ~_TAKEN_BY_DCAP_QVL),
        "domains with a service domain": any(report.mr_service_td or b""),
        "a module below the platform's level, though it has levels of its own": tcb.level is not None
        and not reaches(tcb.level, pck, svn, whole=True),
    }
    return [reason for reason, holds in reasons.items() if holds]


def check_alone(exam: Examination) -> None:
    """Debug mode, service domains, and every status but UpToDate, are refused for everyone without a policy."""
    subject = exam.unverified_subject if isinstance(exam.unverified_subject, TdxSubject) else None
    check_debug(subject.debug if subject else None, TEE.prefix, exam.checklist)
    check_status(subject.platform if subject else None, TEE.prefix, exam.checklist)
    check_service_td(subject, exam.checklist)


def check_service_td(subject: TdxSubject | None, checklist: Checklist) -> None:
    """A service domain, such as one for migration, can act on this one: which one may only a policy can say."""
    if subject is None:
        checklist.unchecked("tdx.mr_service_td", "the reading of the quote")
        return
    checklist.expect(
        "tdx.mr_service_td",
        not any(bytes.fromhex(subject.service_td)),
        got=subject.service_td,
        wanted="zeros: no service domain, since no policy accepts one",
        remedy="Launch the domain without service domains, or name theirs in a policy.",
    )
