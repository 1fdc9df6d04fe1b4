"""Is a SEV-SNP report genuine, at this moment? The steps, in order; the body carries the same numbers.

ABI is AMD 56860 (SEV-SNP firmware ABI, revision 1.58), KDS is AMD 57230 (VCEK certificates and key distribution).

 1. Size, version 2 to 5, reserved fields zero for that version (ABI, table 23).
 2. Product by the CPUID fields; for version 2, which lacks them, by the certificate (KDS, section 3.1).
 3. Signature: algorithm 1 (ECDSA P-384 with SHA-384), r and s in range, zero-padded (ABI, sections 10.4, 10.5).
 4. The signing key that the report names agrees with the leaf, and the leaf with its issuer (ABI, table 23).
 5. The chain: root by value against the pinned anchors, product line, RSA-PSS signatures, validity, revocation.
 6. The leaf's hardware id is the report's chip id; a VLEK has a provider instead (KDS, section 3.1).
 7. The leaf's security patch levels are the report's REPORTED_TCB (KDS, section 3.1).
 8. reported <= committed <= current, component by component (ABI, section 3.3).
 9. The report data is what the caller asked for, all 64 bytes.
10. An ID block that came along is the one that the guest was launched with (`confide.verify.snp_id_block`).

Guest policy bits, VMPL, measurements, floors: what the owner wants is the policy's business. Debug mode alone is
judged here too (`check_alone`), for callers without a policy. The root's own signature is not checked: the root
is compared by value, so that a signature by itself adds nothing.
"""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from cryptography.hazmat.primitives.asymmetric.ec import SECP384R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from confide.checklist import Checklist
from confide.errors import Refused
from confide.evidence.bundle import EvidenceBundle
from confide.evidence.snp import CPUID_SINCE, FORMAT, SIGNED_SIZE, SnpReport, parse_report, read_tcb
from confide.verify.amd_chain import (
    CSP_ID,
    FETCH,
    FORGED,
    LEAF_NAMES,
    Chain,
    certified_product,
    certified_tcb,
    check_chain_signatures,
    check_names,
    check_revocation,
    check_root,
    check_validity,
    find_chain,
    hardware_id,
)
from confide.verify.anchors import AMD_ROOTS
from confide.verify.certificates import parse_certificates
from confide.verify.examination import Examination
from confide.verify.parts import check_parts
from confide.verify.signatures import verifies
from confide.verify.snp_id_block import CODES as ID_BLOCK_CODES
from confide.verify.snp_id_block import PARTS as ID_BLOCK_PARTS
from confide.verify.snp_id_block import check_id_block
from confide.verify.trust import Trust
from confide.verify.x509 import Certificate

# Every one of these has a result before evidence counts as verified.
REQUIRED = frozenset({
    "evidence.parts", "snp.size", "snp.version", "snp.reserved", "snp.product",
    "snp.signature.algorithm", "snp.signature.encoding",
    "snp.signature", "snp.signing_key", "snp.chain.missing", "snp.chain.names", "snp.chain.root",
    "snp.chain.product", "snp.chain.authority", "snp.chain.signature", "snp.chain.validity", "snp.crl",
    "snp.chip_id", "snp.certificate.tcb", "snp.tcb.order", "snp.firmware.order", "snp.report_data",
    "snp.policy.debug", *ID_BLOCK_CODES,
})  # fmt: skip

PARTS = ID_BLOCK_PARTS

# The order of the group of P-384 (SEC 2, section 2.5.1): r and s lie between 1 and this number less one.
_P384_ORDER = int(
    "FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFC7634D81F4372DDF581A0DB248B0A77AECEC196ACCC52973", 16
)


# Where only these are missing nobody can tell.
CANNOT_TELL = frozenset({"snp.chain.missing"})
NONCE_SIZE = 64


@dataclass(frozen=True, slots=True)
class SnpSubject:
    """A report, its product, and what the chain adds: the hardware id in the leaf, and whether a revocation list came
    along.
    """

    report: SnpReport
    product: str | None
    hwid: bytes | None
    has_crl: bool

    @property
    def chip(self) -> str:
        """The chip in hexadecimal: its id, or where the host masks it the one in the certificate."""
        named = self.report.chip_id if any(self.report.chip_id) else (self.hwid or b"").ljust(64, b"\0")
        return named.hex()

    def claims(self) -> dict[str, object]:
        """The report as JSON values."""
        return self.report.claims(self.product)


def examine(bundle: EvidenceBundle, *, now: datetime, report_data: bytes | None, trust: Trust) -> Examination:
    """Runs every step and records every result; whoever calls `conclude` on the answer gets the verdict."""
    exam = Examination(format=FORMAT, now=now, required=REQUIRED, cannot_tell=CANNOT_TELL)
    checklist = exam.checklist
    evidence = bundle.evidence_bytes()
    check_parts(bundle, PARTS, checklist)
    report = check_size_and_version(evidence, checklist)  # 1
    items = parse_certificates(bundle.endorsement_bytes(), checklist)
    if report is None:
        return exam
    check_reserved(report, checklist)  # 1
    trusted = AMD_ROOTS.keys() | trust.simulated_roots
    chain = find_chain(report, items, trusted, checklist)
    product = check_product(report, chain, checklist)  # 2
    check_signature_encoding(report, checklist)  # 3
    check_tcb_order(report, product, checklist)  # 8
    check_firmware_order(report, checklist)  # 8
    check_report_data(report, report_data, checklist)  # 9
    check_id_block(bundle, report, checklist)  # 10
    if chain is None:
        exam.unverified_subject = SnpSubject(report, product, None, has_crl=False)
        _not_checked(_NEED_CHAIN, "snp.chain.missing", checklist)
        return exam
    exam.unverified_subject = SnpSubject(report, product, hardware_id(chain.leaf), bool(chain.lists))
    exam.unverified_root = chain.root.fingerprint
    exam.simulated = chain.root.fingerprint in trusted and chain.root.fingerprint not in AMD_ROOTS
    check_signature(report, evidence, chain.leaf, checklist)  # 3
    check_signing_key(report, chain.leaf, checklist)  # 4
    check_root(chain.root, trusted, checklist)  # 5
    check_names(chain, product, checklist)  # 4, 5
    check_chain_signatures(chain, checklist)  # 5
    check_validity(chain, now, checklist)  # 5
    check_revocation(chain, now, checklist)  # 5
    check_chip_id(report, chain.leaf, product, checklist)  # 6
    check_certificate_tcb(report, chain.leaf, product, checklist)  # 7
    return exam


_NEED_CHAIN = (
    "snp.signature", "snp.signing_key", "snp.chain.root", "snp.chain.names", "snp.chain.product",
    "snp.chain.authority", "snp.chain.signature", "snp.chain.validity", "snp.crl", "snp.chip_id",
    "snp.certificate.tcb",
)  # fmt: skip


def _not_checked(codes: Sequence[str], cause: str, checklist: Checklist) -> None:
    for code in codes:
        checklist.unchecked(code, cause)


# 1. Size, version, reserved fields


def check_size_and_version(evidence: bytes, checklist: Checklist) -> SnpReport | None:
    """Step 1: the report, where the bytes are one."""
    try:
        report = parse_report(evidence)
    except Refused as failure:
        checklist.absorb(failure)
        rest = sorted(REQUIRED - set(failure.codes) - {"snp.policy.debug", "evidence.parts"})
        _not_checked(rest, failure.codes[0], checklist)
        return None
    checklist.expect("snp.size", passed=True, got="", wanted="", remedy="")
    checklist.expect("snp.version", passed=True, got="", wanted="", remedy="", reason=f"version {report.version}")
    return report


def check_reserved(report: SnpReport, checklist: Checklist) -> None:
    """Step 1: what must be zero is zero, so that a field of a later version is never overlooked."""
    wrong = report.nonzero_reserved()
    checklist.expect(
        "snp.reserved",
        not wrong,
        got=f"unexpected bits in {', '.join(wrong)}",
        wanted=f"reserved fields as in version {report.version}",
        remedy="The report may be of a newer kind than it says: update Confide, or do not trust it.",
    )


# 2. Product


def check_product(report: SnpReport, chain: Chain | None, checklist: Checklist) -> str | None:
    """Step 2: the product, never by the certificate's name alone where the report says it."""
    reason = "by the CPUID fields of the report"
    product = report.product
    if report.version < CPUID_SINCE:
        product = certified_product(chain.leaf) if chain else None
        reason = "by the certificate's product name, since a report of version 2 has no CPUID fields"
        if chain is None:
            checklist.unchecked("snp.product", "snp.chain.missing")
            return None
    checklist.expect(
        "snp.product",
        product is not None,
        got="CPUID " + "-".join(f"{part:02x}" for part in report.cpuid),
        wanted="a processor of the Milan, Genoa (with Siena and Bergamo) or Turin family",
        remedy="Use a known product, or a newer Confide that knows this one.",
        reason=reason,
    )
    return product


# 3. Signature


def check_signature_encoding(report: SnpReport, checklist: Checklist) -> None:
    """Step 3: the algorithm, and r and s as numbers in range within their zero-padded fields."""
    checklist.expect(
        "snp.signature.algorithm",
        report.signature_algorithm == 1,
        got=report.signature_algorithm,
        wanted="1, ECDSA P-384 with SHA-384",
        remedy=FORGED,
    )
    in_range = all(0 < int.from_bytes(part, "little") < _P384_ORDER for part in (report.r, report.s))
    checklist.expect(
        "snp.signature.encoding",
        in_range,
        got="a signature whose numbers are out of range",
        wanted="r and s between 1 and the order of P-384, zero-padded to 72 bytes",
        remedy="An all-zero signature means that the host masks the chip's key: ask the host to stop it.",
    )


def check_signature(report: SnpReport, evidence: bytes, leaf: Certificate, checklist: Checklist) -> None:
    """Step 3: the leaf's key signed bytes 0 to 0x29F."""
    checklist.expect(
        "snp.signature",
        report.signature_algorithm == 1 and _p384_verifies(leaf.public_key, report, evidence[:SIGNED_SIZE]),
        got="a signature that does not verify",
        wanted=f"a signature by the key in {leaf.common_name}",
        remedy=FORGED,
    )


def report_signature(report: SnpReport) -> bytes:
    """The signature as DER (RFC 3279, section 2.2.3), from the two numbers in little-endian order."""
    return encode_dss_signature(int.from_bytes(report.r, "little"), int.from_bytes(report.s, "little"))


def _p384_verifies(key: object, report: SnpReport, message: bytes) -> bool:
    on_p384 = isinstance(key, EllipticCurvePublicKey) and isinstance(key.curve, SECP384R1)
    return on_p384 and verifies("ecdsa-sha384", key, report_signature(report), message)


# 4. Signing key


def check_signing_key(report: SnpReport, leaf: Certificate, checklist: Checklist) -> None:
    """Step 4: the report names the kind of key that the leaf certifies."""
    checklist.expect(
        "snp.signing_key",
        LEAF_NAMES.get(report.signing_key) == leaf.common_name,
        got=f"a report signed by {report.signing_key} and a certificate of {leaf.common_name}",
        wanted="the certificate of the key that the report names",
        remedy="Give the VCEK certificate for a report signed by a VCEK, the VLEK certificate for one by a VLEK.",
    )


# 6. and 7. The leaf's extensions


def check_chip_id(report: SnpReport, leaf: Certificate, product: str | None, checklist: Checklist) -> None:
    """Step 6: a VCEK is of this chip (64 bytes; on Turin 8, and the rest zero); a VLEK is of a provider."""
    hwid = hardware_id(leaf)
    if leaf.common_name == "SEV-VLEK":
        passed, got = hwid is None and bool(leaf.extensions.get(CSP_ID)), "a VLEK with a hardware id or no provider"
    elif not any(report.chip_id) and hwid is not None:
        checklist.not_applicable("snp.chip_id", "the host masks CHIP_ID; the signature itself names the chip")
        return
    else:
        size = 8 if product == "Turin" else 64
        passed = hwid is not None and len(hwid) == size and report.chip_id == hwid.ljust(64, b"\0")
        got = f"CHIP_ID {report.chip_id.hex()[:16]}… and hardware id {hwid.hex()[:16] if hwid else 'none'}…"
    checklist.expect(
        "snp.chip_id", passed, got=got, wanted="the certificate of the chip that made the report", remedy=FETCH
    )


def check_certificate_tcb(report: SnpReport, leaf: Certificate, product: str | None, checklist: Checklist) -> None:
    """Step 7: the key is derived from the TCB that the report reports, byte by byte."""
    certified = certified_tcb(leaf, turin=product == "Turin")
    checklist.expect(
        "snp.certificate.tcb",
        certified == report.reported_tcb,
        got=f"a certificate for the TCB {certified.hex() if certified else 'unknown'}",
        wanted=f"a certificate for the reported TCB {report.reported_tcb.hex()}",
        remedy=FETCH,
    )


# 8. Order of the TCB versions


def check_tcb_order(report: SnpReport, product: str | None, checklist: Checklist) -> None:
    """Step 8: what is reported is committed, and what is committed runs."""
    if product is None:
        checklist.unchecked("snp.tcb.order", "snp.product")
        return
    raws = (report.reported_tcb, report.committed_tcb, report.current_tcb)
    reported, committed, current = (read_tcb(raw, product).components() for raw in raws)
    checklist.expect(
        "snp.tcb.order",
        all(reported[name] <= committed[name] <= current[name] for name in reported),
        got=f"reported {reported}, committed {committed}, current {current}",
        wanted="reported <= committed <= current in every component",
        remedy="The host's firmware is in a state that it should not be in: have it updated and committed.",
    )


def check_firmware_order(report: SnpReport, checklist: Checklist) -> None:
    """Step 8: the same for the firmware's own version (major, minor, build)."""
    checklist.expect(
        "snp.firmware.order",
        report.committed <= report.current,
        got=f"committed {report.committed}, current {report.current}",
        wanted="a committed firmware version that is not above the current one",
        remedy="The host's firmware is in a state that it should not be in: have it updated and committed.",
    )


# 9. Report data


def check_report_data(report: SnpReport, wanted: bytes | None, checklist: Checklist) -> None:
    """Step 9: the evidence was made for this question. Without one, that is said, and freshness is not claimed."""
    if wanted is None:
        checklist.not_applicable("snp.report_data", "the caller gave no report data to compare with")
        return
    checklist.expect(
        "snp.report_data",
        hmac.compare_digest(wanted, report.report_data),
        got=report.report_data.hex(),
        wanted=wanted.hex(),
        remedy="The evidence was made for another question: ask for fresh evidence with this report data.",
    )


def check_alone(exam: Examination) -> None:
    """Debug mode lets the host read the guest's memory (ABI, table 8): refused for everyone without a policy."""
    subject = exam.unverified_subject
    if not isinstance(subject, SnpSubject):
        exam.checklist.unchecked("snp.policy.debug", "the reading of the report")
        return
    exam.checklist.expect(
        "snp.policy.debug",
        not subject.report.allows("debug"),
        got="debug mode on",
        wanted="debug mode off",
        remedy="Launch the guest without debug mode; the host can read its memory.",
    )
