"""Is a quote of an SGX enclave genuine, at this moment, and how current is its platform? The steps, in order.

API is Intel SGX ECDSA QuoteLibReference DCAP API (appendix A), PCK the PCK Certificate and CRL Profile Specification,
PCS the Provisioning Certification Service API, version 4, SDM the Software Developer's Manual, volume 3D.

 1. Version 3 to 5, sizes and length fields, body type, attestation key type, certification data, nothing behind the
    quote but zeros (API, appendix A); Intel's quoting enclave; reserved fields zero (SDM, table 36-21).
 2. The report data is what the caller asked for, all 64 bytes.
 3. The attestation key signed header and body; the platform's key (PCK) signed the quoting enclave's report; that
    report's data are the hash of the attestation key (API, appendix A.4).
 4. The path from the platform's certificate to Intel's pinned root: kinds, signatures, validity, both revocation
    lists (PCK, section 1.3); the platform's SGX extension (PCK, section 1.3.5).
 5. Collateral of this kind, FMSPC, PCE and authority, signed by Intel over its exact bytes, in force (PCS).
 6. The quoting enclave is the one of the identity: signer, product, attributes and MISCSELECT under their masks, a
    level (PCS, appendix B).
 7. The platform's TCB level; the merged status is the worst of platform and quoting enclave; never Revoked (PCS).
 8. dcap-qvl, where it can be asked, says the same.

Which statuses are good enough, debug mode and identities are the policy's business. Without a policy (`check_alone`)
debug mode is refused, and every status but UpToDate.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from confide.checklist import Checklist
from confide.evidence.bundle import EvidenceBundle
from confide.evidence.sgx import FORMAT, EnclaveReport, SgxQuote, parse_sgx
from confide.verify.examination import Examination
from confide.verify.intel import NONCE_SIZE, Case, Platform, check_read, examine_quote
from confide.verify.intel_alone import check_debug, check_status
from confide.verify.intel_tee import Tee
from confide.verify.parts import check_parts
from confide.verify.trust import Trust

__all__ = ["FORMAT", "NONCE_SIZE", "REQUIRED", "SgxSubject", "check_alone", "examine"]

TEE = Tee("sgx", "SGX", "QE", own=("reserved",), alone=("debug", "tcb_status"))
REQUIRED = TEE.required
CANNOT_TELL = frozenset({"sgx.collateral.missing"})
PARTS = frozenset[str]()


@dataclass(frozen=True, slots=True)
class SgxSubject:
    """A quote, and what certificates and collateral say of its platform at `now`."""

    evidence: SgxQuote
    platform: Platform
    now: datetime

    @property
    def product(self) -> str:
        """There is one kind of SGX; the platform's family is its FMSPC."""
        return "SGX"

    @property
    def report(self) -> EnclaveReport:
        """The enclave's report."""
        return self.evidence.report

    @property
    def debug(self) -> bool:
        """Whether the host can read the enclave's memory."""
        return self.report.has("debug")

    def claims(self) -> dict[str, object]:
        """Quote, platform and TCB as JSON values."""
        return {"product": self.product, **self.evidence.claims(), **self.platform.claims()}


def examine(bundle: EvidenceBundle, *, now: datetime, report_data: bytes | None, trust: Trust) -> Examination:
    """Runs every step and records every result; whoever calls `conclude` on the answer gets the verdict."""
    exam = Examination(format=FORMAT, now=now, required=REQUIRED, cannot_tell=CANNOT_TELL)
    check_parts(bundle, PARTS, exam.checklist)
    data = bundle.evidence_bytes()
    evidence = check_read(parse_sgx, data, exam, TEE)  # 1
    if evidence is None:
        return exam
    check_reserved(evidence.report, exam.checklist)  # 1
    case = Case(
        exam=exam,
        tee=TEE,
        trust=trust,
        wanted=report_data,
        endorsements=bundle.endorsement_bytes(),
        evidence=data,
        quote=evidence.quote,
        report_data=evidence.report.report_data,
        limits=lambda _pck, _tcb: ["enclaves in debug mode"] if evidence.report.has("debug") else [],
    )
    platform = examine_quote(case)  # 1 to 8
    exam.unverified_subject = SgxSubject(evidence, platform, now)
    return exam


def check_reserved(report: EnclaveReport, checklist: Checklist) -> None:
    """Step 1: what must be zero is zero, so that a meaning of a later processor is never overlooked."""
    flags, others = report.reserved_flags(), b"".join(report.reserved).strip(bytes(1))
    checklist.expect(
        "sgx.reserved",
        not flags and not others,
        got=f"reserved flags {flags:#x} and bytes {others.hex()[:32] or '0'}",
        wanted="zeros in all reserved fields",
        remedy="The report may be of a newer kind than is known here: update Confide, or do not trust it.",
    )


def check_alone(exam: Examination) -> None:
    """Debug mode, and every status but UpToDate, are refused for everyone without a policy."""
    subject = exam.unverified_subject if isinstance(exam.unverified_subject, SgxSubject) else None
    check_debug(subject.debug if subject else None, TEE.prefix, exam.checklist)
    check_status(subject.platform if subject else None, TEE.prefix, exam.checklist)
