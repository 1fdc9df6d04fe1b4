"""Is the evidence of an Azure confidential virtual machine genuine, and of this moment? The steps, in order.

HCL is Microsoft's "Confidential VM guest attestation design detail" and openvmm's `igvm_attest::get`.

 1. The HCL report: header, lengths, platform; nothing but zeros behind it (HCL, IgvmAttestRequestBase).
 2. The runtime claims: strict JSON with one attestation key, an RSA key of 2048 bits or more (HCL, RuntimeClaims).
 3. The evidence of the hardware, by every step of `confide.verify.snp` or `confide.verify.tdx`. On TDX it is the quote
    that Intel's quoting enclave made (part `td_quote`); the TDREPORT in the HCL report must be the one quoted.
 4. Its report data are the hash of the runtime claims, by the hash type that the report names, and zeros behind it.
 5. The vTPM's quote, signature and PCR values are there (parts `quote`, `signature`, `pcrs`), and pass every step of
    `confide.verify.tpm`; the attestation key is that of the claims, never one that the caller or the evidence brings.

The question of the caller is compared with the quote's extraData alone: the paravisor asks the hardware for one report
when the machine starts, and hands out the same one ever after, so that only the TPM's quote says that it is of now.
What the vTPM is worth rests on the paravisor, which the hardware's measurement covers.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from datetime import datetime

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey, RSAPublicNumbers
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from confide.checklist import Checklist
from confide.errors import Refused
from confide.evidence.azure_vtpm import FORMATS, QUOTE_PARTS, tpm_signature
from confide.evidence.bundle import EvidenceBundle, pack_evidence
from confide.evidence.hcl import (
    ATTESTATION_KEY,
    HclReport,
    Platform,
    RsaJwk,
    RuntimeClaims,
    parse_hcl_report,
    parse_runtime_claims,
)
from confide.evidence.tpm import FORMAT as TPM
from confide.ids import sha256_of
from confide.verify import tpm
from confide.verify.examination import Examination, Subject
from confide.verify.parts import check_parts
from confide.verify.signatures import MAX_RSA_BITS, MIN_RSA_BITS
from confide.verify.tpm import TpmSubject
from confide.verify.trust import Trust

# The vTPM's extraData are compared byte for byte.
NONCE_SIZE = None
_PARSED = ("azure.hcl.size", "azure.hcl.header", "azure.hcl.platform", "azure.claims", "azure.attestation_key")
CODES = frozenset({*_PARSED, "azure.runtime_data", "azure.quote.missing"})
# Made here in another way: the parts are those of the whole, and the hardware's report data are step 4.
_OWN = {"evidence.parts"}
# A key that comes as RSA numbers has no attributes: the paravisor, which the hardware vouches for, made it.
_NO_ATTRIBUTES = "tpm.ak.attributes"
_TPM_ALONE = frozenset({_NO_ATTRIBUTES, "tpm.bank"})
_REQUIRED_PARTS = ("quote", "signature", "pcrs")

_FORGED = "Do not trust this evidence: the vTPM's keys are not those that the hardware vouches for."


@dataclass(frozen=True, slots=True, kw_only=True)
class Hardware:
    """What one platform adds. `examine` makes every check of the hardware's evidence, `report_data` reads the 64 bytes
    of report data from its subject, and `check_alone` makes the checks (`alone`) that a policy's rules make otherwise.
    `required` are all codes with a result, of which `report_data_code` is not asked here.
    """

    platform: Platform
    parts: frozenset[str]
    required: frozenset[str]
    alone: frozenset[str]
    cannot_tell: frozenset[str]
    report_data_code: str
    examine: Callable[[HclReport, EvidenceBundle, datetime, Trust], Examination]
    report_data: Callable[[Subject], bytes]
    check_alone: Callable[[Examination], None]


@dataclass(frozen=True, slots=True)
class AzureVtpmSubject:
    """A machine: what the hardware's evidence says (a SnpSubject or TdxSubject), the vTPM's quote, and the paravisor's
    claims; None where a piece could not be read.
    """

    hardware: Subject | None
    tpm: TpmSubject | None
    runtime: RuntimeClaims | None

    @property
    def product(self) -> str | None:
        """The processor's product line."""
        return self.hardware.product if self.hardware else None

    def claims(self) -> dict[str, object]:
        """Everything as JSON values: `hardware`, `tpm` and `runtime`."""
        return {
            "product": self.product,
            "hardware": self.hardware.claims() if self.hardware else None,
            "tpm": self.tpm.claims() if self.tpm else None,
            "runtime": self.runtime.claims() if self.runtime else None,
        }


def required_codes(hardware: Hardware) -> frozenset[str]:
    """Every code that must have a result."""
    return CODES | (hardware.required | tpm.REQUIRED) - {hardware.report_data_code, _NO_ATTRIBUTES}


def examine_vtpm(
    hardware: Hardware, bundle: EvidenceBundle, *, now: datetime, report_data: bytes | None, trust: Trust
) -> Examination:
    """Runs every step and records every result; whoever calls `conclude` on the answer gets the verdict."""
    exam = Examination(
        format=FORMATS[hardware.platform],
        now=now,
        required=required_codes(hardware),
        cannot_tell=hardware.cannot_tell,
    )
    check_parts(bundle, QUOTE_PARTS | hardware.parts, exam.checklist)
    report, runtime, key = read_report(bundle.evidence_bytes(), hardware.platform, exam.checklist)  # 1, 2
    chip = _examine_hardware(hardware, report, bundle, exam, trust)  # 3, 4
    vtpm = _examine_tpm(bundle, key, exam, report_data)  # 5
    exam.unverified_subject = AzureVtpmSubject(chip, vtpm, runtime) if report else None
    return exam


def read_report(
    data: bytes, platform: Platform, checklist: Checklist
) -> tuple[HclReport | None, RuntimeClaims | None, RSAPublicKey | None]:
    """Steps 1 and 2: the report, its claims, and the attestation key in them."""
    report: HclReport | None = None
    runtime: RuntimeClaims | None = None
    key: RSAPublicKey | None = None
    try:
        report = parse_hcl_report(data)
        _check_platform(report, platform, checklist)
        runtime = parse_runtime_claims(report.runtime_data)
        key = _check_key(runtime, checklist)
    except Refused as failure:
        checklist.absorb(failure)
        _not_checked(_PARSED[_PARSED.index(failure.codes[0]) + 1 :], failure.codes[0], checklist)
    _pass(_PARSED, checklist)
    return report, runtime, key


def _check_platform(report: HclReport, platform: Platform, checklist: Checklist) -> None:
    checklist.expect(
        "azure.hcl.platform",
        report.platform == platform,
        got=f"a report of {report.platform}",
        wanted=f"a report of {platform}",
        remedy="Name the evidence by the platform that it is of.",
    )


def _check_key(runtime: RuntimeClaims, checklist: Checklist) -> RSAPublicKey | None:
    jwk = runtime.key(ATTESTATION_KEY)
    key = _rsa_key(jwk) if jwk else None
    checklist.expect(
        "azure.attestation_key",
        key is not None,
        got=f"a key named {ATTESTATION_KEY} that is no RSA key of a fit size",
        wanted=f"an RSA key of {MIN_RSA_BITS} to {MAX_RSA_BITS} bits",
        remedy=_FORGED,
    )
    return key


def _rsa_key(jwk: RsaJwk) -> RSAPublicKey | None:
    if not MIN_RSA_BITS <= jwk.n.bit_length() <= MAX_RSA_BITS or jwk.n % 2 == 0:
        return None
    try:
        return RSAPublicNumbers(jwk.e, jwk.n).public_key()
    except ValueError:
        return None


def _pass(codes: Collection[str], checklist: Checklist) -> None:
    """The codes without a result yet have passed: each step before them raises, or records its own."""
    for code in [code for code in codes if code not in {check.code for check in checklist.checks}]:
        checklist.expect(code, passed=True, got="", wanted="", remedy="")


def _not_checked(codes: Collection[str], cause: str, checklist: Checklist) -> None:
    for code in sorted(set(codes) - {check.code for check in checklist.checks}):
        checklist.unchecked(code, cause)


def _examine_hardware(
    hardware: Hardware, report: HclReport | None, bundle: EvidenceBundle, exam: Examination, trust: Trust
) -> Subject | None:
    """Steps 3 and 4: all of the hardware's checks in this checklist, and what it says of the claims."""
    if report is None:
        codes = hardware.required - hardware.alone - {hardware.report_data_code} | {"azure.runtime_data"}
        _not_checked(codes, exam.checklist.findings[0].code, exam.checklist)
        return None
    inner = hardware.examine(report, bundle, exam.now, trust)
    exam.checklist.include(inner.checklist, without=_OWN | {hardware.report_data_code})
    exam.unverified_root, exam.simulated = inner.unverified_root, inner.simulated
    subject = inner.unverified_subject
    if subject is None:
        exam.checklist.unchecked("azure.runtime_data", "the reading of the hardware's evidence")
        return None
    _check_runtime_data(report, hardware.report_data(subject), exam.checklist)
    return subject


def _check_runtime_data(report: HclReport, shown: bytes, checklist: Checklist) -> None:
    wanted = report.expected_report_data()
    checklist.expect(
        "azure.runtime_data",
        hmac.compare_digest(shown, wanted),
        got=shown.hex(),
        wanted=f"{wanted.hex()} ({report.hash_name} of the runtime claims)",
        remedy=_FORGED,
    )


def _examine_tpm(
    bundle: EvidenceBundle, key: RSAPublicKey | None, exam: Examination, report_data: bytes | None
) -> TpmSubject | None:
    """Step 5: the vTPM's quote, with the key of the claims and no other."""
    absent = [name for name in _REQUIRED_PARTS if bundle.part(name) is None]
    exam.checklist.expect(
        "azure.quote.missing",
        not absent,
        got=f"no part {', '.join(absent)}",
        wanted="the vTPM's quote with its signature and PCR values: an HCL report alone may be of any time",
        remedy="Ask the machine for a quote of its vTPM by the key at 0x81000003, with your nonce.",
    )
    if absent or key is None:
        _not_checked(tpm.REQUIRED - _TPM_ALONE, exam.checklist.findings[-1].code, exam.checklist)
        return None
    spki = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    inner = tpm.examine(
        _tpm_bundle(bundle, spki), now=exam.now, report_data=report_data, trust=Trust.of(keys=[sha256_of(spki)])
    )
    exam.checklist.include(inner.checklist, without=_OWN)
    return inner.unverified_subject if isinstance(inner.unverified_subject, TpmSubject) else None


def _tpm_bundle(bundle: EvidenceBundle, spki: bytes) -> EvidenceBundle:
    """The quote as evidence of its own: without endorsements, since nobody but the hardware vouches for the key."""
    parts = {name: data for name in QUOTE_PARTS - {"quote"} if (data := bundle.part(name)) is not None}
    parts["signature"] = tpm_signature(parts["signature"])
    return pack_evidence(TPM, bundle.part("quote") or b"", (), ak=spki, **parts)


def check_vtpm_alone(hardware: Hardware, exam: Examination) -> None:
    """Debug mode and the like, and a quote by SHA-1 alone: refused for everyone without a policy."""
    subject = exam.unverified_subject
    pieces = (subject.hardware, subject.tpm) if isinstance(subject, AzureVtpmSubject) else (None, None)
    hardware.check_alone(replace(exam, unverified_subject=pieces[0]))
    tpm.check_alone(replace(exam, unverified_subject=pieces[1]))
