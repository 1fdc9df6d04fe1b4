"""Is the evidence of an Azure confidential container genuine? The steps; the body carries the same numbers.

1. The SEV-SNP report, by every step of `confide.verify.snp`; its report data is the caller's question.
2. Microsoft's endorsement of the utility machine, by every step of `confide.verify.uvm`: it must be there.
3. A container policy that came along (security-policy-base64, decoded) has the SHA-256 that the report shows as
   HOST_DATA (Confidential_ACI_SCHEME.md).
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass, replace
from datetime import datetime

from confide.checklist import Checklist
from confide.evidence.azure_containers import ENDORSEMENT, FORMAT, MAX_POLICY, PARTS, POLICY
from confide.evidence.bundle import EvidenceBundle, pack_evidence
from confide.evidence.snp import FORMAT as SNP
from confide.evidence.uvm import UvmEndorsement
from confide.verify import snp
from confide.verify.examination import Examination
from confide.verify.parts import check_parts
from confide.verify.snp import SnpSubject
from confide.verify.trust import Trust
from confide.verify.uvm import CODES, check_uvm

REQUIRED = snp.REQUIRED | CODES | {"uvm.missing", "azure.security_policy"}
NONCE_SIZE = snp.NONCE_SIZE
# The first byte of a message with tag 18, and of one without: an array of four.
_COSE_SIGN1 = {b"\xd2", b"\x84"}


@dataclass(frozen=True, slots=True)
class AzureContainersSubject:
    """The report, and Microsoft's endorsement of the utility machine, where it could be read."""

    snp: SnpSubject
    uvm: UvmEndorsement | None

    @property
    def product(self) -> str | None:
        """The processor's product line."""
        return self.snp.product

    def claims(self) -> dict[str, object]:
        """The report as JSON values, and the endorsement under `uvm`."""
        return self.snp.claims() | {"uvm": self.uvm.claims() if self.uvm else None}


def examine(bundle: EvidenceBundle, *, now: datetime, report_data: bytes | None, trust: Trust) -> Examination:
    """Runs every step and records every result; whoever calls `conclude` on the answer gets the verdict."""
    exam = Examination(format=FORMAT, now=now, required=REQUIRED, cannot_tell=snp.CANNOT_TELL)
    check_parts(bundle, PARTS, exam.checklist)
    certificates, messages = _sort(bundle.endorsement_bytes())
    inner = snp.examine(  # 1
        pack_evidence(SNP, bundle.evidence_bytes(), certificates), now=now, report_data=report_data, trust=trust
    )
    exam.checklist.include(inner.checklist, without={"evidence.parts"})
    exam.unverified_root, exam.simulated = inner.unverified_root, inner.simulated
    subject = inner.unverified_subject if isinstance(inner.unverified_subject, SnpSubject) else None
    part = bundle.part(ENDORSEMENT)
    given = next(iter(messages), None) if part is None else part
    endorsement = _check_endorsement(exam, given, subject, trust)  # 2
    if subject is None:
        exam.checklist.unchecked("azure.security_policy", "the reading of the report")
        return exam
    _check_policy(bundle.part(POLICY), subject, exam.checklist)  # 3
    exam.unverified_subject = AzureContainersSubject(subject, endorsement)
    return exam


def _sort(items: tuple[bytes, ...]) -> tuple[tuple[bytes, ...], tuple[bytes, ...]]:
    """Certificates and lists, and what looks like a COSE_Sign1 message (RFC 9052, section 4.2), tagged or not."""
    messages = tuple(item for item in items if item[:1] in _COSE_SIGN1)
    return tuple(item for item in items if item not in messages), messages


def _check_endorsement(
    exam: Examination, data: bytes | None, subject: SnpSubject | None, trust: Trust
) -> UvmEndorsement | None:
    there = exam.checklist.expect(
        "uvm.missing",
        data is not None,
        got=f"no part {ENDORSEMENT}",
        wanted="Microsoft's endorsement of the utility machine",
        remedy="Give the decoded bytes of reference-info-base64 in the container's security context.",
    )
    if not there or data is None:
        for code in sorted(CODES):
            exam.checklist.unchecked(code, "uvm.missing")
        return None
    report = subject.report if subject else None
    endorsement, simulated = check_uvm(data, report, now=exam.now, trust=trust, checklist=exam.checklist)
    exam.simulated |= simulated
    return endorsement


def _check_policy(policy: bytes | None, subject: SnpSubject, checklist: Checklist) -> None:
    if policy is None:
        checklist.not_applicable("azure.security_policy", "no container policy came along; its hash is HOST_DATA")
        return
    digest = hashlib.sha256(policy).digest()
    checklist.expect(
        "azure.security_policy",
        len(policy) <= MAX_POLICY and hmac.compare_digest(digest, subject.report.host_data),
        got=f"a container policy of {len(policy)} bytes with the SHA-256 {digest.hex()}",
        wanted=f"at most {MAX_POLICY} bytes with the SHA-256 {subject.report.host_data.hex()} (HOST_DATA)",
        remedy="Give the decoded bytes of security-policy-base64 in the container's security context.",
    )


def check_alone(exam: Examination) -> None:
    """Debug mode lets the host read the machine's memory: refused for everyone without a policy."""
    subject = exam.unverified_subject
    inner = subject.snp if isinstance(subject, AzureContainersSubject) else None
    snp.check_alone(replace(exam, unverified_subject=inner))
