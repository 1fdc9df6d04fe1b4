"""The quoting enclave: that the platform's key vouches for it, it for the attestation key, and who it is.

Sources: Intel SGX ECDSA QuoteLibReference DCAP API, appendix A.4; Intel Provisioning Certification Service API,
version 4, appendix B (enclave identity).
"""

from __future__ import annotations

import hashlib

from confide.checklist import Checklist
from confide.evidence.intel_collateral import EnclaveIdentity, IsvLevel
from confide.evidence.intel_quote import Quote
from confide.evidence.sgx import EnclaveReport, parse_report
from confide.verify.intel_chain import FORGED
from confide.verify.intel_signatures import in_range, is_point, is_signed
from confide.verify.intel_tcb import fits_mask, match_isv


def check_encoding(quote: Quote, prefix: str, checklist: Checklist) -> None:
    """The attestation key is a point of P-256, and the numbers of both signatures are in range."""
    checklist.expect(
        f"{prefix}.signature.encoding",
        is_point(quote.attestation_key) and in_range(quote.signature) and in_range(quote.qe_signature),
        got="a key that is no point of P-256, or numbers of a signature out of range",
        wanted="a key and signatures on P-256",
        remedy=FORGED,
    )


def check_signature(quote: Quote, prefix: str, checklist: Checklist) -> None:
    """The attestation key signed header and body."""
    checklist.expect(
        f"{prefix}.signature",
        is_signed(quote.attestation_key, quote.signature, quote.signed_bytes()),
        got="a signature that does not verify",
        wanted="a signature of header and body by the attestation key",
        remedy=FORGED,
    )


def check_qe_signature(quote: Quote, platform_key: bytes, prefix: str, checklist: Checklist) -> None:
    """The platform's key signed the quoting enclave's report."""
    checklist.expect(
        f"{prefix}.qe.signature",
        is_signed(platform_key, quote.qe_signature, quote.qe_report),
        got="a report of the quoting enclave whose signature does not verify",
        wanted="a signature by the key in the platform's certificate (PCK)",
        remedy=FORGED,
    )


def check_qe_report_data(quote: Quote, prefix: str, checklist: Checklist) -> None:
    """The quoting enclave vouches for the attestation key: SHA-256 of it and the enclave's data, then 32 zeros."""
    wanted = hashlib.sha256(quote.attestation_key + quote.qe_auth).digest() + bytes(32)
    got = parse_report(quote.qe_report).report_data
    checklist.expect(
        f"{prefix}.qe.report_data", got == wanted, got=got.hex(), wanted=f"{wanted.hex()}, by the attestation key",
        remedy=FORGED,
    )  # fmt: skip


def check_qe_identity(quote: Quote, identity: EnclaveIdentity, prefix: str, checklist: Checklist) -> IsvLevel | None:
    """The quoting enclave is Intel's, by each field of the identity; the answer is its level."""
    report = parse_report(quote.qe_report)
    level = match_isv(identity.tcb_levels, report.isv_svn)
    rows = (
        ("mrsigner", report.mr_signer.hex(), identity.mrsigner.lower()),
        ("isvprodid", report.isv_prod_id, identity.isvprodid),
    )
    for name, got, wanted in rows:
        _expect(f"{prefix}.qe.{name}", passed=got == wanted, got=got, wanted=wanted, checklist=checklist)
    _check_masked(report, identity, prefix, checklist)
    lowest = min((one.tcb.isvsvn for one in identity.tcb_levels), default="none")
    _expect(f"{prefix}.qe.level", passed=level is not None, got=report.isv_svn, wanted=f">= {lowest}",
            checklist=checklist)  # fmt: skip
    return level


def _check_masked(report: EnclaveReport, identity: EnclaveIdentity, prefix: str, checklist: Checklist) -> None:
    misc = report.misc_select.to_bytes(4, "little")
    rows = (
        ("miscselect", misc, identity.miscselect, identity.miscselect_mask),
        ("attributes", report.attributes, identity.attributes, identity.attributes_mask),
    )
    for name, got, wanted, mask in rows:
        _expect(f"{prefix}.qe.{name}", passed=fits_mask(got, wanted, mask), got=got.hex(),
                wanted=f"{wanted.lower()} under the mask {mask.lower()}", checklist=checklist)  # fmt: skip


def _expect(code: str, *, passed: bool, got: object, wanted: object, checklist: Checklist) -> None:
    remedy = "The quoting enclave is not one of Intel's that the collateral knows: do not trust this evidence."
    checklist.expect(code, passed, got=got, wanted=wanted, remedy=remedy)
