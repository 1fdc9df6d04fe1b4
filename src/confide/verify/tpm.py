"""Is a TPM 2.0 quote genuine, at this moment? The steps, in order; the body carries the same numbers.

LIB is the TCG's TPM 2.0 Library, revision 1.59; PFP its PC Client Platform Firmware Profile, revision 1.06.

 1. Size; magic (the TPM made the structure itself); a quote and no other attestation; form (LIB, part 2, 10.12).
 2. The attestation key: its form (LIB, part 2, 12.2.4).
 3. Who vouches for the key: certificates to a pinned root, or the caller (LIB, part 1, 9.5.3); validity, revocation.
 4. The key is a restricted signing key that never leaves the TPM (LIB, part 1, 25.1.4): the policy, or `check_alone`.
 5. Signature: scheme, a hash of SHA-256 or longer, and the signature over the whole structure (LIB, part 2, 11.3).
 6. extraData is what the caller asked for, byte by byte.
 7. The selection names at least one PCR: a quote over none says nothing (LIB, part 2, 10.9.7).
 8. The PCR values that came along hash to pcrDigest in the TPM's order (LIB, part 1, 17.5).
 9. The event logs replay to these values (PFP, section 9).
10. The bank is not SHA-1 alone: the policy, or `check_alone`.

The name in qualifiedSigner is not recomputed: it covers the names of the key's parents, which nobody but the TPM knows,
and says nothing that the key itself does not. The clock and the firmware's version are claims: their meaning is the
policy's. Values of PCRs that the quote does not cover are left out of the claims.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import MGF1, PSS
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256, SHA384, SHA512, HashAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding

from confide.checklist import Checklist
from confide.errors import Refused
from confide.evidence.boot_events import (
    code_digests,
    firmware_events,
    firmware_version,
    measured_command_lines,
    secure_boot_state,
    technology,
)
from confide.evidence.bundle import EvidenceBundle
from confide.evidence.gce import GceInstance
from confide.evidence.secure_boot import read_database
from confide.evidence.tpm import (
    ECDSA,
    FORMAT,
    RSAPSS,
    SCHEMES,
    PcrValues,
    TpmQuote,
    TpmSignature,
    digest_of_pcrs,
    parse_quote,
    parse_signature,
)
from confide.evidence.tpm_delivery import PARTS, parse_pcrs
from confide.verify.anchors import VENDOR_ROOTS
from confide.verify.certificates import parse_certificates
from confide.verify.event_log import LoggedBoot, check_logs, strongest
from confide.verify.examination import Examination
from confide.verify.parts import check_parts
from confide.verify.signatures import MAX_RSA_BITS, MIN_RSA_BITS, verifies
from confide.verify.tpm_key import (
    CHAIN_CODES,
    FETCH,
    AttestationKey,
    Voucher,
    check_voucher,
    find_voucher,
    read_attestation_key,
)
from confide.verify.trust import Trust
from confide.verify.x509 import Certificate, RevocationList

_QUOTE_CODES = ("tpm.size", "tpm.quote.magic", "tpm.quote.type", "tpm.quote.malformed")
_KEY_CODES = ("tpm.ak.missing", "tpm.ak.malformed")
_SIGNATURE_CODES = ("tpm.signature.missing", "tpm.signature.malformed", "tpm.signature.algorithm")
_ALONE = ("tpm.ak.attributes", "tpm.bank")

# Every one of these has a result before evidence counts as verified.
REQUIRED = frozenset({
    "evidence.parts", *_QUOTE_CODES, *_KEY_CODES, *CHAIN_CODES, *_SIGNATURE_CODES, "tpm.signature", "tpm.report_data",
    "tpm.selection", "tpm.pcrs.malformed", "tpm.pcrs.digest", "tpm.log.replay", *_ALONE,
})  # fmt: skip

# Where only these are missing nobody can tell.
CANNOT_TELL = frozenset({"tpm.ak.missing", "tpm.chain.missing"})
NONCE_SIZE = None

GCE, ANY = "gce", "tpm"
_HASHES: dict[str, HashAlgorithm] = {"sha256": SHA256(), "sha384": SHA384(), "sha512": SHA512()}
_FORGED = "Do not trust this evidence: it was changed, or another key signed it."
UNTYPED = "the key came without its public area: who vouches for it says what it is"

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class TpmSubject:
    """A quote with what came along: the values that it covers by bank and index, what the logs say of them, the key
    and the machine that the key's certificate names. `restricted` says whether the key is a restricted signing key
    fixed to its TPM, None where the key came without its attributes.
    """

    quote: TpmQuote
    pcrs: PcrValues
    boot: LoggedBoot | None
    key: str | None
    restricted: bool | None
    instance: GceInstance | None
    has_crl: bool

    @property
    def product(self) -> str:
        """`gce` where the key's certificate names a machine of Google Compute Engine, otherwise `tpm`."""
        return GCE if self.instance else ANY

    @property
    def bank(self) -> str | None:
        """The bank that counts: the one in which the log replays, otherwise the strongest that is quoted."""
        return self.boot.bank if self.boot else strongest([bank for bank, chosen in self.quote.selection if chosen])

    def claims(self) -> dict[str, object]:
        """The quote, the values, the key, and the boot by meaning, as JSON values."""
        values = {bank: {str(i): value.hex() for i, value in sorted(one.items())} for bank, one in self.pcrs.items()}
        instance = self.instance.claims() if self.instance else None
        return {
            **self.quote.claims(), "product": self.product, "bank": self.bank, "pcrs": values, "key": self.key,
            "restricted_key": self.restricted, "instance": instance,
            "boot": boot_claims(self.boot) if self.boot else None,
        }  # fmt: skip


# The PCRs (PFP, section 3.3.4) into which firmware measures the code that it starts (drivers, boot loaders, kernels),
# and boot loaders the files that they read.
APPLICATIONS, FILES, SECURE_BOOT = frozenset({2, 4}), frozenset({9}), 7


def boot_claims(boot: LoggedBoot) -> dict[str, object]:
    """What the events say, by meaning; digests in hexadecimal. What is null was not said, or not in a measured way."""
    applications, files = (code_digests(boot.events, registers) for registers in (APPLICATIONS, FILES))
    lines = measured_command_lines(boot.events, boot.known)
    return {
        "bank": boot.bank, "registers": sorted(boot.registers), "events": len(boot.events),
        "firmware_version": firmware_version(boot.events), "technology": technology(boot.events),
        "secure_boot": secure_boot_state(boot.events), "databases": _databases(boot),
        "applications": None if applications is None else [one.hex() for one in applications],
        "files": None if files is None else [one.hex() for one in files],
        "command_lines": None if lines is None else list(lines),
        "workload": [one.text for one in boot.events if one.meaning in _WORKLOAD and one.proven],
    }  # fmt: skip


_WORKLOAD = frozenset({"workload", "agent"})
_DATABASES = {
    "platform_key": "PK", "key_exchange_keys": "KEK", "signature_database": "db", "forbidden_signatures": "dbx",
}  # fmt: skip


def _databases(boot: LoggedBoot) -> dict[str, object]:
    """The databases of secure boot as the firmware measured them."""
    claims: dict[str, object] = {}
    for event in firmware_events(boot.events, SECURE_BOOT):
        if event.meaning in _DATABASES and event.proven:
            try:
                claims[_DATABASES[event.meaning]] = read_database(event.content).claims()
            except Refused as failure:
                claims[_DATABASES[event.meaning]] = f"malformed: {failure.findings[0].got}"
    return claims


def examine(bundle: EvidenceBundle, *, now: datetime, report_data: bytes | None, trust: Trust) -> Examination:
    """Runs every step and records every result; whoever calls `conclude` on the answer gets the verdict."""
    exam = Examination(format=FORMAT, now=now, required=REQUIRED, cannot_tell=CANNOT_TELL)
    checklist = exam.checklist
    check_parts(bundle, PARTS, checklist)
    items = parse_certificates(bundle.endorsement_bytes(), checklist)
    evidence = bundle.evidence_bytes()
    quote = _read(parse_quote, evidence, _QUOTE_CODES, checklist)  # 1
    if quote is None:
        _not_checked(REQUIRED - set(_ALONE), checklist.findings[-1].code, checklist)
        return exam
    key = read_key(bundle, items, checklist)  # 2
    voucher = _check_trust(exam, key, items, trust)  # 3
    check_signature(bundle, evidence, key, checklist)  # 5
    check_report_data(quote, report_data, checklist)  # 6
    check_selection(quote, checklist)  # 7
    values = check_pcrs(bundle, quote, checklist)  # 8
    boot = check_logs(bundle, values, checklist)  # 9
    exam.unverified_subject = TpmSubject(
        quote=quote,
        pcrs=values or {},
        boot=boot,
        key=key.fingerprint if key else None,
        restricted=key.public.is_attestation_key if key and key.public else None,
        instance=voucher.instance if voucher else None,
        has_crl=bool(voucher and voucher.lists),
    )
    return exam


def _read(parse: Callable[[bytes], T], data: bytes, codes: Collection[str], checklist: Checklist) -> T | None:
    """What the parser makes of the bytes, with a result for each code; None where it refuses them."""
    try:
        value = parse(data)
    except Refused as failure:
        checklist.absorb(failure)
        _not_checked(codes, failure.codes[0], checklist)
        return None
    for code in codes:
        checklist.expect(code, passed=True, got="", wanted="", remedy="")
    return value


def _not_checked(codes: Collection[str], cause: str, checklist: Checklist) -> None:
    """The codes that have no result yet could not be checked."""
    for code in sorted(set(codes) - {check.code for check in checklist.checks}):
        checklist.unchecked(code, cause)


# 2. and 3. The attestation key


def read_key(
    bundle: EvidenceBundle, items: Collection[Certificate | RevocationList], checklist: Checklist
) -> AttestationKey | None:
    """Step 2: the key in the part `ak`, or else in the one certificate that is no authority's."""
    data = bundle.part("ak")
    leaves = [one for one in items if isinstance(one, Certificate) and not one.is_authority]
    if data is None and len(leaves) == 1:
        data = leaves[0].parsed.public_bytes(Encoding.DER)
    checklist.expect(
        "tpm.ak.missing",
        data is not None,
        got="neither the part `ak` nor the certificate of one key",
        wanted="the attestation key",
        remedy=FETCH,
    )
    if data is None:
        checklist.unchecked("tpm.ak.malformed", "tpm.ak.missing")
        return None
    return _read(read_attestation_key, data, _KEY_CODES[1:], checklist)


def _check_trust(
    exam: Examination, key: AttestationKey | None, items: list[Certificate | RevocationList], trust: Trust
) -> Voucher | None:
    """Step 3: whose word it is that the key is a TPM's."""
    if key is None:
        _not_checked(CHAIN_CODES, exam.checklist.findings[-1].code, exam.checklist)
        return None
    voucher = find_voucher(key, items, trust)
    check_voucher(voucher, trust, exam.now, exam.checklist)
    if voucher is not None:
        exam.unverified_root = voucher.path[-1].fingerprint if voucher.path else key.fingerprint
        exam.simulated = bool(voucher.path) and exam.unverified_root in trust.simulated_roots - VENDOR_ROOTS
    return voucher


# 5. Signature


def check_signature(bundle: EvidenceBundle, evidence: bytes, key: AttestationKey | None, checklist: Checklist) -> None:
    """Step 5: the key signed these very bytes."""
    data = bundle.part("signature")
    checklist.expect(
        "tpm.signature.missing",
        data is not None,
        got="no part `signature`",
        wanted="the signature (TPMT_SIGNATURE) that came with the quote",
        remedy="Give the signature with the quote.",
    )
    signature = None if data is None else _read(parse_signature, data, _SIGNATURE_CODES[1:2], checklist)
    if signature is None or not _check_algorithm(signature, checklist) or key is None:
        _not_checked((*_SIGNATURE_CODES, "tpm.signature"), checklist.findings[-1].code, checklist)
        return
    checklist.expect(
        "tpm.signature",
        signature_verifies(signature, key.key, evidence),
        got=f"a signature ({SCHEMES[signature.scheme]}, {signature.hash_name}) that does not verify",
        wanted=f"a signature by the attestation key {key.fingerprint}",
        remedy=_FORGED,
    )


def _check_algorithm(signature: TpmSignature, checklist: Checklist) -> bool:
    return checklist.expect(
        "tpm.signature.algorithm",
        signature.hash_name in _HASHES,
        got=f"{SCHEMES[signature.scheme]} with {signature.hash_name}",
        wanted="RSASSA, RSAPSS or ECDSA with SHA-256, SHA-384 or SHA-512",
        remedy="Have the TPM sign with a longer hash.",
    )


def signature_verifies(signature: TpmSignature, key: object, message: bytes) -> bool:
    """Whether the key made the TPM's signature over the message."""
    name = signature.hash_name
    if signature.scheme == ECDSA:
        r, s = (int.from_bytes(number, "big") for number in signature.numbers)
        return verifies(f"ecdsa-{name}", key, encode_dss_signature(r, s), message)
    if signature.scheme == RSAPSS:
        return _pss_verifies(key, signature.numbers[0], message, _HASHES[name])
    return verifies(f"rsa-pkcs1-{name}", key, signature.numbers[0], message)


def _pss_verifies(key: object, signature: bytes, message: bytes, digest: HashAlgorithm) -> bool:
    """RSASSA-PSS with a salt of any length: TPMs take the longest that fits, or that of the hash (LIB, part 1, B.7)."""
    if not isinstance(key, RSAPublicKey) or not MIN_RSA_BITS <= key.key_size <= MAX_RSA_BITS:
        return False
    try:
        key.verify(signature, message, PSS(MGF1(digest), PSS.AUTO), digest)
    except InvalidSignature:
        return False
    return True


# 6. Report data


def check_report_data(quote: TpmQuote, wanted: bytes | None, checklist: Checklist) -> None:
    """Step 6: the quote was made for this question. Without one, that is said, and freshness is not claimed."""
    if wanted is None:
        checklist.not_applicable("tpm.report_data", "the caller gave no report data to compare with")
        return
    checklist.expect(
        "tpm.report_data",
        hmac.compare_digest(wanted, quote.extra_data),
        got=quote.extra_data.hex() or "nothing",
        wanted=wanted.hex() or "nothing",
        remedy="The evidence was made for another question: ask for a fresh quote with this data, not padded.",
    )


# 7. and 8. PCRs


def check_selection(quote: TpmQuote, checklist: Checklist) -> None:
    """Step 7: which PCRs must be among them is the policy's business; none at all is nobody's."""
    checklist.expect(
        "tpm.selection",
        any(indexes for _, indexes in quote.selection),
        got="a quote over no PCR",
        wanted="a quote over the PCRs that the policy looks at",
        remedy="Ask for a quote that selects PCRs.",
    )


def check_pcrs(bundle: EvidenceBundle, quote: TpmQuote, checklist: Checklist) -> PcrValues | None:
    """Step 8: the values that came along are those that the quote was made over. Only these are returned; None where
    the part does not parse.
    """
    data = bundle.part("pcrs")
    if data is None:
        for code in ("tpm.pcrs.malformed", "tpm.pcrs.digest"):
            checklist.not_applicable(code, "no PCR values came with the evidence; the policy sees their hash alone")
        return {}
    values = _read(parse_pcrs, data, ("tpm.pcrs.malformed",), checklist)
    if values is None:
        checklist.unchecked("tpm.pcrs.digest", "tpm.pcrs.malformed")
        return None
    _check_digest(quote, values, _signature_hash(bundle), checklist)
    return {bank: {i: values[bank][i] for i in chosen if i in values.get(bank, {})} for bank, chosen in quote.selection}


def _check_digest(quote: TpmQuote, values: PcrValues, algorithm: str | None, checklist: Checklist) -> None:
    if algorithm is None:
        checklist.unchecked("tpm.pcrs.digest", "the reading of the signature")
        return
    digest = digest_of_pcrs(quote.selection, values, algorithm)
    checklist.expect(
        "tpm.pcrs.digest",
        digest is not None and hmac.compare_digest(digest, quote.pcr_digest),
        got="values that do not cover the selection" if digest is None else digest.hex(),
        wanted=quote.pcr_digest.hex(),
        remedy="Give the values that were read together with the quote, all that it selects.",
    )


def _signature_hash(bundle: EvidenceBundle) -> str | None:
    """The TPM hashes the values by the hash of the signature (LIB, part 3, 18.4, TPM2_Quote)."""
    data = bundle.part("signature")
    try:
        return parse_signature(data).hash_name if data is not None else None
    except Refused:
        return None


# 4. and 10. What holds for everyone without a policy


def check_alone(exam: Examination) -> None:
    """Steps 4 and 10: under a policy its rules make these checks."""
    subject = exam.unverified_subject
    if not isinstance(subject, TpmSubject):
        _not_checked(_ALONE, "the reading of the quote", exam.checklist)
        return
    if subject.restricted is None:
        exam.checklist.not_applicable("tpm.ak.attributes", UNTYPED)
    else:
        _check_attributes(subject, exam.checklist)
    exam.checklist.expect(
        "tpm.bank",
        subject.bank not in {"sha1", None},
        got=subject.bank or "no bank",
        wanted="a bank by SHA-256 or longer",
        remedy="Have the TPM quote a bank by a longer hash; only a policy can accept SHA-1.",
    )


def _check_attributes(subject: TpmSubject, checklist: Checklist) -> None:
    checklist.expect(
        "tpm.ak.attributes",
        subject.restricted is True,
        got="a key that may sign what looks like a quote, or that may leave its TPM",
        wanted="a restricted signing key, made in its TPM and fixed to it",
        remedy="Make an attestation key by the TCG's template, with the attributes fixedTPM, restricted and sign.",
    )
