"""Is a report of an NVIDIA GPU or switch genuine, at this moment? The steps, in order; the body has the same numbers.

SPDM is DMTF DSP0274 1.1; DICE is TCG DICE Attestation Architecture 1.1; nvtrust is NVIDIA's published verifier.

 1. The report is one SPDM 1.1 exchange with well-formed opaque data and nothing after it (SPDM, section 10.11).
 2. The request asked for all measurements with a signature, and the response answers that request (SPDM, table 46).
 3. The chain from the device's leaf to NVIDIA's device root: pinned by value, names, authority, ECDSA with SHA-384,
    validity (RFC 5280, section 6.1); revocation lists, and answers by OCSP (RFC 6960), that came along.
 4. Product: the chip that leaf and issuer name is a known one.
 5. Signature: the leaf's key signed request and response (SPDM, section 10.11.1).
 6. The firmware id (FWID) in the leaf's DICE extension is the one in the opaque data (DICE, section 6.1.1; nvtrust).
 7. The nonce of the request is what the caller asked for, all 32 bytes.
 8. Reference manifests that came along: `confide.verify.rim`.

Whether manifests must come along, which versions and devices are wanted: that is the policy's business. The report has
no flag for debug mode: a debug build shows in the measurements only.
"""

from __future__ import annotations

import hmac
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from cryptography.hazmat.primitives.asymmetric.ec import SECP384R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from confide.checklist import Checklist
from confide.errors import Refused
from confide.evidence.bundle import EvidenceBundle
from confide.evidence.nvidia import FORMAT, NvidiaReport, parse_report
from confide.evidence.rim import is_rim
from confide.evidence.spdm import NONCE_SIZE as SPDM_NONCE_SIZE
from confide.evidence.spdm import SIGNATURE_SIZE, Exchange
from confide.verify.anchors import NVIDIA_DEVICE_ROOTS
from confide.verify.certificates import parse_certificates
from confide.verify.chains import PathRules, check_path, find_path
from confide.verify.examination import Examination
from confide.verify.nvidia_fwid import certified_fwid
from confide.verify.nvidia_ocsp import Answer, check_answers, parse_answer
from confide.verify.nvidia_products import product_of
from confide.verify.parts import check_parts
from confide.verify.rim import CODES as RIM_CODES
from confide.verify.rim import check_manifests
from confide.verify.signatures import verifies
from confide.verify.trust import Trust
from confide.verify.x509 import Certificate, RevocationList

ALGORITHMS = frozenset({"ecdsa-sha384"})
NONCE_SIZE = SPDM_NONCE_SIZE
_READ = ("size", "version", "request", "response", "measurements", "trailing", "opaque")
_CHAIN = ("chain.root", "chain.names", "chain.authority", "chain.signature", "chain.validity", "crl", "ocsp")
_JUDGED = ("exchange", "chain.missing", *_CHAIN, "product", "signature", "fwid", "report_data")
REQUIRED = frozenset({"evidence.parts", *(f"nvidia.{name}" for name in (*_READ, *_JUDGED)), *RIM_CODES})
CANNOT_TELL = frozenset({"nvidia.chain.missing"})

_FORGED = "Do not trust this evidence: it was changed, or it does not belong to these certificates."


@dataclass(frozen=True, slots=True)
class NvidiaSubject:
    """A device: its report and what the chain and the manifests add. `path` are the certificates from the leaf upwards,
    `asks_revocation` says that a revocation list or an answer by OCSP on them came along, `manifests` are the roles
    (`driver`, `vbios`) of the manifests that fit.
    """

    report: NvidiaReport
    path: tuple[Certificate, ...]
    product: str | None
    asks_revocation: bool
    manifests: tuple[str, ...]

    @property
    def ueid(self) -> str:
        """The serial number of the leaf in decimal: what NVIDIA's results call the UEID. It changes with firmware."""
        return str(self.path[0].serial) if self.path else ""

    @property
    def device_id(self) -> str:
        """The serial number of the certificate above the leaf in hexadecimal: the identity burnt into the chip."""
        return f"{self.path[1].serial:x}" if len(self.path) > 1 else ""

    @property
    def model(self) -> str:
        """The name of the leaf's issuer, such as `GH100 A01 GSP BROM`: the hardware model in NVIDIA's results."""
        return self.path[1].common_name if len(self.path) > 1 else ""

    @property
    def fwid(self) -> str:
        """The certified firmware id in hexadecimal, empty where there is none."""
        return (certified_fwid(self.path[0]) or b"").hex() if self.path else ""

    def claims(self) -> dict[str, object]:
        """The device as JSON values."""
        return {
            "product": self.product, "model": self.model, "device_id": self.device_id, "ueid": self.ueid,
            "fwid": self.fwid, "manifests": list(self.manifests), **self.report.claims(),
        }  # fmt: skip


def examine(bundle: EvidenceBundle, *, now: datetime, report_data: bytes | None, trust: Trust) -> Examination:
    """Runs every step and records every result; whoever calls `conclude` on the answer gets the verdict."""
    exam = Examination(format=FORMAT, now=now, required=REQUIRED, cannot_tell=CANNOT_TELL)
    checklist = exam.checklist
    check_parts(bundle, (), checklist)
    manifests = [one for one in bundle.endorsement_bytes() if is_rim(one)]
    items, answers = _sort_endorsements(bundle, checklist)
    report = check_report(bundle.evidence_bytes(), checklist)  # 1
    if report is None:
        made = {check.code for check in checklist.checks}
        _not_checked(REQUIRED - made, checklist.findings[-1].code, checklist)
        return exam
    check_exchange(report.exchange, checklist)  # 2
    check_report_data(report.exchange, report_data, checklist)  # 7
    lists = [one for one in items if isinstance(one, RevocationList)]
    path = _path(report.exchange, [one for one in items if isinstance(one, Certificate)])
    complete = check_path_complete(path, trust, checklist)
    product = _check_device(report, path, checklist)  # 4, 5, 6
    if complete:
        check_chain(path, lists, answers, trust, exam)  # 3
    else:
        _not_checked({f"nvidia.{name}" for name in _CHAIN}, "nvidia.chain.missing", checklist)
    roles = check_manifests(manifests, report, product, lists=lists, answers=answers, trust=trust, exam=exam)  # 8
    exam.unverified_subject = NvidiaSubject(report, tuple(path), product, _is_asked(path, lists, exam), roles)
    return exam


def check_alone(exam: Examination) -> None:
    """Nothing: the report has no flag that must be off for everyone."""


def _sort_endorsements(
    bundle: EvidenceBundle, checklist: Checklist
) -> tuple[list[Certificate | RevocationList], list[Answer]]:
    """Certificates and lists, and answers by OCSP; manifests are left out."""
    ders = [one for one in bundle.endorsement_bytes() if not is_rim(one)]
    answers = {der: answer for der in ders if (answer := parse_answer(der)) is not None}
    return parse_certificates([der for der in ders if der not in answers], checklist), list(answers.values())


def _is_asked(path: Sequence[Certificate], lists: Sequence[RevocationList], exam: Examination) -> bool:
    """Whether a revocation list of the path's authorities, or an answer on one of its certificates, came along."""
    above = {one.subject for one in path[1:]}
    outcomes = {check.code: check.outcome for check in exam.checklist.checks}
    return any(one.issuer in above for one in lists) or outcomes["nvidia.ocsp"] == "passed"


def _not_checked(codes: Collection[str], cause: str, checklist: Checklist) -> None:
    for code in sorted(codes):
        checklist.unchecked(code, cause)


def _check_device(report: NvidiaReport, path: Sequence[Certificate], checklist: Checklist) -> str | None:
    """Steps 4 to 6, which need the leaf. Returns the product."""
    if not path:
        _not_checked(("nvidia.product", "nvidia.signature", "nvidia.fwid"), "nvidia.chain.missing", checklist)
        return None
    check_signature(report.exchange, path[0], checklist)  # 5
    check_fwid(report, path[0], checklist)  # 6
    return check_product(path, checklist)  # 4


# 1. The report


def check_report(raw: bytes, checklist: Checklist) -> NvidiaReport | None:
    """Step 1: the report, where the bytes are one."""
    try:
        report = parse_report(raw)
    except Refused as failure:
        checklist.absorb(failure)
        return None
    for name in _READ:
        checklist.expect(f"nvidia.{name}", passed=True, got="", wanted="", remedy="")
    return report


# 2. The exchange


def check_exchange(exchange: Exchange, checklist: Checklist) -> None:
    """Step 2: a request for one measurement or without a signature is not what a verifier sends."""
    asked = (exchange.attributes, exchange.operation)
    answered = exchange.response_slot & 0xF == exchange.slot & 0xF
    checklist.expect(
        "nvidia.exchange",
        asked == (1, 0xFF) and answered and exchange.count == 0,
        got=f"a request with attributes {asked[0]:#04x} for {asked[1]:#04x}, slots {exchange.slot} and "
        f"{exchange.response_slot}",
        wanted="a request for all measurements (0xff) with a signature (0x01), answered from the same slot",
        remedy="Ask the driver for a whole attestation report.",
    )


# 3. The chain


def _path(exchange: Exchange, certificates: Sequence[Certificate]) -> list[Certificate]:
    """The path upwards from the certificate whose key signed the report, else from the first that is no authority."""
    leaves = [one for one in certificates if not one.is_authority]
    leaf = leaves[0] if len(leaves) == 1 else next((one for one in leaves if _signed(exchange, one)), None)
    leaf = leaf or next(iter(leaves), None)
    return find_path(leaf, certificates, ALGORITHMS) if leaf else []


def check_path_complete(path: Sequence[Certificate], trust: Trust, checklist: Checklist) -> bool:
    """Step 3: nobody can tell without the certificates up to a root, whosever it is."""
    top = path[-1] if path else None
    known = NVIDIA_DEVICE_ROOTS.keys() | trust.simulated_roots
    missing = "the device" if top is None else "" if top.subject == top.issuer else f"the issuer of {top.common_name}"
    return checklist.expect(
        "nvidia.chain.missing",
        not missing or (top is not None and top.fingerprint in known),
        got=f"no certificate of {missing}",
        wanted="the certificates from the device to NVIDIA's root",
        remedy="Give the certificate chain that the driver delivers with the report.",
    )


def check_chain(
    path: Sequence[Certificate],
    lists: Sequence[RevocationList],
    answers: Sequence[Answer],
    trust: Trust,
    exam: Examination,
) -> None:
    """Step 3: the path to the pinned root. SIMULATED where it ends in a root that only the caller trusts."""
    rules = PathRules(
        prefix="nvidia", vendor="NVIDIA", roots=NVIDIA_DEVICE_ROOTS, algorithms=ALGORITHMS,
        simulated=trust.simulated_roots,
    )  # fmt: skip
    check_path(path, rules, now=exam.now, checklist=exam.checklist, lists=lists)
    check_answers("nvidia", path, answers, exam.now, exam.checklist)
    root = path[-1].fingerprint
    exam.unverified_root = exam.unverified_root or root
    exam.simulated = exam.simulated or (root in trust.simulated_roots and root not in NVIDIA_DEVICE_ROOTS)


# 4. Product


def check_product(path: Sequence[Certificate], checklist: Checklist) -> str | None:
    """Step 4: the chip by the names of the leaf and of the boot firmware that issued it."""
    chips = [one.common_name.partition(" ")[0] for one in path[:2]]
    product = product_of(chips[0])
    checklist.expect(
        "nvidia.product",
        product is not None and len(set(chips)) == 1,
        got=f"a certificate of {' under one of '.join(chips)}",
        wanted="a Hopper (GH…) or Blackwell (GB…) GPU or an LS10 switch, under the same chip",
        remedy="Use a known product, or a newer Confide that knows this one.",
    )
    return product


# 5. Signature


def check_signature(exchange: Exchange, leaf: Certificate, checklist: Checklist) -> None:
    """Step 5: the leaf's key signed request and response."""
    checklist.expect(
        "nvidia.signature",
        _signed(exchange, leaf),
        got="a signature that does not verify",
        wanted=f"a signature by the key in {leaf.common_name}, ECDSA P-384 with SHA-384",
        remedy=_FORGED,
    )


def _signed(exchange: Exchange, leaf: Certificate) -> bool:
    key = leaf.public_key
    if not isinstance(key, EllipticCurvePublicKey) or not isinstance(key.curve, SECP384R1):
        return False
    half = SIGNATURE_SIZE // 2
    r, s = (int.from_bytes(part, "big") for part in (exchange.signature[:half], exchange.signature[half:]))
    return verifies("ecdsa-sha384", key, encode_dss_signature(r, s), exchange.signed_bytes())


# 6. Firmware id


def check_fwid(report: NvidiaReport, leaf: Certificate, checklist: Checklist) -> None:
    """Step 6: the firmware that reports is the firmware that the chip certified when it started."""
    reported, certified = report.raw("fwid"), certified_fwid(leaf)
    if reported is None and certified is not None:
        checklist.not_applicable("nvidia.fwid", "the report names no firmware id; the certified one is in the claims")
        return
    checklist.expect(
        "nvidia.fwid",
        certified is not None and reported == certified,
        got=f"firmware {_shown(reported)} where {_shown(certified)} is certified",
        wanted="the firmware id of the device's certificate",
        remedy=_FORGED,
    )


def _shown(fwid: bytes | None) -> str:
    return f"{fwid.hex()[:16]}…" if fwid else "none"


# 7. Nonce


def check_report_data(exchange: Exchange, wanted: bytes | None, checklist: Checklist) -> None:
    """Step 7: the evidence was made for this question. Without one, that is said, and freshness is not claimed."""
    if wanted is None:
        checklist.not_applicable("nvidia.report_data", "the caller gave no nonce to compare with")
        return
    checklist.expect(
        "nvidia.report_data",
        hmac.compare_digest(wanted, exchange.nonce),
        got=exchange.nonce.hex(),
        wanted=wanted.hex(),
        remedy="The evidence was made for another question: ask for fresh evidence with this nonce (32 bytes).",
    )
