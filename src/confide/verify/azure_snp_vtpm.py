"""Azure confidential virtual machines on AMD SEV-SNP: the steps of `confide.verify.azure_vtpm`, with the SEV-SNP report
inside of the HCL report as the hardware's evidence.
"""

from __future__ import annotations

from datetime import datetime

from confide.evidence.azure_vtpm import SNP_FORMAT as FORMAT
from confide.evidence.bundle import EvidenceBundle
from confide.evidence.hcl import HclReport
from confide.evidence.snp import FORMAT as SNP
from confide.ids import to_base64
from confide.verify import snp
from confide.verify.azure_vtpm import NONCE_SIZE, Hardware, check_vtpm_alone, examine_vtpm, required_codes
from confide.verify.examination import Examination, Subject
from confide.verify.snp import SnpSubject
from confide.verify.trust import Trust

__all__ = ["FORMAT", "NONCE_SIZE", "REQUIRED", "check_alone", "examine"]


def _examine(report: HclReport, bundle: EvidenceBundle, now: datetime, trust: Trust) -> Examination:
    inner = EvidenceBundle(SNP, to_base64(report.hardware), bundle.endorsements)
    return snp.examine(inner, now=now, report_data=None, trust=trust)


def _report_data(subject: Subject) -> bytes:
    return subject.report.report_data if isinstance(subject, SnpSubject) else b""


HARDWARE = Hardware(
    platform="snp",
    parts=frozenset(),
    required=snp.REQUIRED,
    alone=frozenset({"snp.policy.debug"}),
    cannot_tell=snp.CANNOT_TELL,
    report_data_code="snp.report_data",
    examine=_examine,
    report_data=_report_data,
    check_alone=snp.check_alone,
)
REQUIRED = required_codes(HARDWARE)


def examine(bundle: EvidenceBundle, *, now: datetime, report_data: bytes | None, trust: Trust) -> Examination:
    """Runs every step and records every result; whoever calls `conclude` on the answer gets the verdict."""
    return examine_vtpm(HARDWARE, bundle, now=now, report_data=report_data, trust=trust)


def check_alone(exam: Examination) -> None:
    """Debug mode, and a quote by SHA-1 alone, are refused for everyone without a policy."""
    check_vtpm_alone(HARDWARE, exam)
