"""Answers of NVIDIA's revocation service (OCSP, RFC 6960) that came along as endorsements.

An answer counts for a certificate of a path where it names its serial number and its issuer's name and key (section
4.1.1). It is signed by that issuer, or by a certificate that the issuer made for this purpose and that is in the answer
(section 4.2.2.2), in force at the time of verification, and says "good". "On hold" is revoked. Answers for others are
not looked at: nothing is wrong with them, and they say nothing here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.hashes import Hash, HashAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509 import ExtendedKeyUsage, ExtensionNotFound
from cryptography.x509.ocsp import (
    OCSPCertStatus,
    OCSPResponse,
    OCSPResponseStatus,
    OCSPSingleResponse,
    load_der_ocsp_response,
)
from cryptography.x509.oid import ExtendedKeyUsageOID

from confide.checklist import Checklist
from confide.clock import to_rfc3339
from confide.evidence.der import BIT_STRING, header
from confide.verify.signatures import BY_OID, ECDSA_ANY, verifies
from confide.verify.x509 import Certificate, parse_item

MAX_ANSWERS = 16
_MAX_CERTIFICATES = 4


@dataclass(frozen=True, slots=True)
class Status:
    """What an answer says of one certificate. `issuer` are the hashes of its issuer's name and key."""

    serial: int
    digest: HashAlgorithm
    issuer: tuple[bytes, bytes]
    good: bool
    told: str
    begins: datetime
    ends: datetime | None


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer of a revocation service, all of it parsed; `certificates` may be those of an appointed responder."""

    statuses: tuple[Status, ...]
    certificates: tuple[Certificate, ...]
    algorithm: str
    signature: bytes
    signed: bytes


def parse_answer(der: bytes) -> Answer | None:
    """The successful answer in the DER; None for anything else, such as a certificate or a malformed answer."""
    try:
        answer = load_der_ocsp_response(der)
        if answer.response_status != OCSPResponseStatus.SUCCESSFUL:
            return None
        # The signature's bit string leaves no bits over; the library does not look.
        whole = header(BIT_STRING, len(answer.signature) + 1) + b"\0" + answer.signature in der
        return _answer(answer) if whole else None
    except (ValueError, TypeError, UnsupportedAlgorithm):  # the library parses some fields when they are asked for
        return None


def _answer(answer: OCSPResponse) -> Answer:
    items = [parse_item(one.public_bytes(Encoding.DER)) for one in answer.certificates[:_MAX_CERTIFICATES]]
    return Answer(
        statuses=tuple(_status(one) for one in answer.responses),
        certificates=tuple(one for one in items if isinstance(one, Certificate)),
        algorithm=BY_OID.get(answer.signature_algorithm_oid.dotted_string, ""),
        signature=answer.signature,
        signed=answer.tbs_response_bytes,
    )


def _status(single: OCSPSingleResponse) -> Status:
    reason = single.revocation_reason
    return Status(
        serial=single.serial_number,
        digest=single.hash_algorithm,
        issuer=(single.issuer_name_hash, single.issuer_key_hash),
        good=single.certificate_status == OCSPCertStatus.GOOD,
        told=single.certificate_status.name.lower() + (f" ({reason.value})" if reason else ""),
        begins=single.this_update_utc,
        ends=single.next_update_utc,
    )


def check_answers(
    prefix: str, path: Sequence[Certificate], answers: Sequence[Answer], now: datetime, checklist: Checklist
) -> None:
    """Records `<prefix>.ocsp` for a path from the leaf upwards."""
    pairs = list(pairwise(path))
    faults = [f"{len(answers)} answers"] if len(answers) > MAX_ANSWERS else []
    about = [
        (answer, status, one, above)
        for answer in answers[:MAX_ANSWERS]
        for status in answer.statuses
        for one, above in pairs
        if _is_about(status, one, above)
    ]
    if not about and not faults:
        checklist.not_applicable(f"{prefix}.ocsp", "no answer of the revocation service on this path came along")
        return
    faults += [fault for answer, status, one, above in about for fault in _faults(answer, status, one, above, now)]
    checklist.expect(
        f"{prefix}.ocsp",
        not faults,
        got="; ".join(faults),
        wanted=f"at most {MAX_ANSWERS} answers, by the issuer, in force now, that say good",
        remedy="Ask NVIDIA's revocation service again; where a certificate is revoked or on hold, do not trust it.",
    )


def _is_about(status: Status, one: Certificate, above: Certificate) -> bool:
    key = above.public_key
    if status.serial != one.serial or not isinstance(key, EllipticCurvePublicKey):
        return False
    point = key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    return status.issuer == (_hash(status.digest, above.subject), _hash(status.digest, point))


def _hash(algorithm: HashAlgorithm, data: bytes) -> bytes:
    digest = Hash(algorithm)
    digest.update(data)
    return digest.finalize()


def _faults(answer: Answer, status: Status, one: Certificate, above: Certificate, now: datetime) -> list[str]:
    faults = []
    if not _is_by(answer, above, now):
        faults.append(f"an answer on {one.common_name} that {above.common_name} did not sign")
    if not status.good:
        faults.append(f"{one.common_name} is {status.told}")
    if status.ends is None or not status.begins <= now <= status.ends:
        faults.append(f"an answer on {one.common_name} that is not in force at {to_rfc3339(now)}")
    return faults


def _is_by(answer: Answer, issuer: Certificate, now: datetime) -> bool:
    """Whether the issuer signed, or one of the answer's certificates to which it gave this right."""
    signers = [issuer, *(one for one in answer.certificates if _may_answer(one, issuer, now))]
    return answer.algorithm in ECDSA_ANY and any(
        verifies(answer.algorithm, one.public_key, answer.signature, answer.signed) for one in signers
    )


def _may_answer(one: Certificate, issuer: Certificate, now: datetime) -> bool:
    try:
        usage = one.parsed.extensions.get_extension_for_class(ExtendedKeyUsage).value
    except ExtensionNotFound:
        return False
    named = ExtendedKeyUsageOID.OCSP_SIGNING in usage and one.issuer == issuer.subject
    return named and one.valid_at(now) and one.signed_by(issuer, ECDSA_ANY)
