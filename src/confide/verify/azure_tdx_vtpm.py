"""Azure confidential virtual machines on Intel TDX: the steps of `confide.verify.azure_vtpm`, with the quote in the
part `td_quote` as the hardware's evidence.

The HCL report itself holds a TDREPORT, which only its own machine could verify: it must be the one that was quoted
(Intel TDX Module ABI specification, section 3.9: TDREPORT_STRUCT).
"""

from __future__ import annotations

import hashlib
from datetime import datetime

from confide.checklist import Checklist
from confide.evidence.azure_vtpm import TD_QUOTE
from confide.evidence.azure_vtpm import TDX_FORMAT as FORMAT
from confide.evidence.bundle import EvidenceBundle
from confide.evidence.hcl import HclReport
from confide.evidence.tdx import FORMAT as TDX
from confide.evidence.tdx import TdReport
from confide.verify import tdx
from confide.verify.azure_vtpm import NONCE_SIZE, Hardware, check_vtpm_alone, examine_vtpm, required_codes
from confide.verify.examination import Examination, Subject
from confide.verify.tdx import TdxSubject
from confide.verify.trust import Trust

__all__ = ["FORMAT", "NONCE_SIZE", "REQUIRED", "check_alone", "examine"]

_CODES = frozenset({"azure.td_quote.missing", "azure.td_report"})
_ALONE = frozenset({"tdx.debug", "tdx.tcb_status", "tdx.mr_service_td"})
# REPORTMACSTRUCT: type 0x81 (subtype 0, version 0, or 1 with service domains), CPUSVN, hashes, report data, MAC.
# TEE_TCB_INFO and TDINFO behind it.
_TYPES = {b"\x81\0\0\0", b"\x81\0\1\0"}
_TCB_HASH, _INFO_HASH, _REPORT_DATA = slice(32, 80), slice(80, 128), slice(128, 192)
_TCB_INFO, _TD_INFO, _MEASURED = slice(256, 495), slice(512, 1024), slice(512, 912)
_RESERVED = (slice(4, 16), slice(192, 224), slice(495, 512))


def _examine(report: HclReport, bundle: EvidenceBundle, now: datetime, trust: Trust) -> Examination:
    data = bundle.parts.get(TD_QUOTE)
    if data is None:
        return _without_quote(now)
    exam = tdx.examine(EvidenceBundle(TDX, data, bundle.endorsements), now=now, report_data=None, trust=trust)
    exam.checklist.expect("azure.td_quote.missing", passed=True, got="", wanted="", remedy="")
    subject = exam.unverified_subject
    if isinstance(subject, TdxSubject):
        _check_td_report(report.hardware, subject.report, exam.checklist)
    else:
        exam.checklist.unchecked("azure.td_report", "the reading of the quote")
    return exam


def _without_quote(now: datetime) -> Examination:
    """An examination in which nothing could be checked, since the quote is missing."""
    exam = Examination(format=TDX, now=now, required=frozenset())
    exam.checklist.expect(
        "azure.td_quote.missing",
        passed=False,
        got=f"no part {TD_QUOTE}",
        wanted="the quote that Intel's quoting enclave made of the TDREPORT",
        remedy="Ask Azure's instance metadata service for it (http://169.254.169.254/acc/tdquote).",
    )
    for code in sorted((tdx.REQUIRED - _ALONE) | {"azure.td_report"}):
        exam.checklist.unchecked(code, "azure.td_quote.missing")
    return exam


def _check_td_report(hardware: bytes, quoted: TdReport, checklist: Checklist) -> None:
    """The TDREPORT says what the quote says. Only its machine could check its MAC, CPUSVN and version: unused."""
    same = hardware[_MEASURED] == _td_info(quoted) and hardware[_REPORT_DATA] == quoted.report_data
    whole = hardware[_TCB_HASH] == hashlib.sha384(hardware[_TCB_INFO]).digest()
    whole = whole and hardware[_INFO_HASH] == hashlib.sha384(hardware[_TD_INFO]).digest()
    checklist.expect(
        "azure.td_report",
        same and whole and hardware[:4] in _TYPES and not any(any(hardware[part]) for part in _RESERVED),
        got="a TDREPORT of another domain than the quote, or one that does not hold together",
        wanted="the TDREPORT that was quoted",
        remedy="Give the HCL report and the quote that the same machine made of it.",
    )


def _td_info(report: TdReport) -> bytes:
    """The fields of TDINFO that a quote shows, from ATTRIBUTES to RTMR3."""
    numbers = report.td_attributes.to_bytes(8, "little") + report.xfam.to_bytes(8, "little")
    fields = (report.mr_td, report.mr_config_id, report.mr_owner, report.mr_owner_config, *report.rtmrs)
    return numbers + b"".join(fields)


def _report_data(subject: Subject) -> bytes:
    return subject.report.report_data if isinstance(subject, TdxSubject) else b""


HARDWARE = Hardware(
    platform="tdx",
    parts=frozenset({TD_QUOTE}),
    required=tdx.REQUIRED | _CODES,
    alone=_ALONE,
    cannot_tell=tdx.CANNOT_TELL,
    report_data_code="tdx.report_data",
    examine=_examine,
    report_data=_report_data,
    check_alone=tdx.check_alone,
)
REQUIRED = required_codes(HARDWARE)


def examine(bundle: EvidenceBundle, *, now: datetime, report_data: bytes | None, trust: Trust) -> Examination:
    """Runs every step and records every result; whoever calls `conclude` on the answer gets the verdict."""
    return examine_vtpm(HARDWARE, bundle, now=now, report_data=report_data, trust=trust)


def check_alone(exam: Examination) -> None:
    """Debug mode, service domains, a status other than UpToDate, and a quote by SHA-1 alone are refused for everyone
    without a policy.
    """
    check_vtpm_alone(HARDWARE, exam)
