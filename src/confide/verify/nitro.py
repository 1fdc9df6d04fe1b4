"""Is an attestation document of an AWS Nitro Enclave genuine, at this moment? The steps, in order; the body carries
the same numbers. "NSM" is AWS, Nitro Enclaves attestation process (aws-nitro-enclaves-nsm-api). Documents of NitroTPM
take the same steps (`confide.verify.nitro_tpm`).

 1. Size; a COSE_Sign1 message whose protected header is {1: -35} to the byte, nothing unprotected (NSM, 3.1).
 2. The fields of a document, their types and limits (NSM, 3.2.2).
 3. The certificates parse; their order is the document's: leaf, then the bundle from its end to the root (NSM, 3.2.3).
 4. The path: root by value against the pinned anchor, names, authorities and path lengths, ECDSA with SHA-384,
    validity at the document's own time (NSM, 3.2.3.1, 3.2.3.2, 3.2.4; RFC 5280, section 6.1).
 5. The leaf may sign, and has no say over others (NSM, 3.2.3.3).
 6. The signature: ES384 by the leaf's key (NSM, 3.1; RFC 9052, section 4.4).
 7. The time: every certificate is in force at `now`, and the document is not from the future (NSM, 3.2.3.1). A leaf
    lives for about three hours, so old evidence is verified at its own time; how old it may be is the policy's rule.
 8. The nonce is what the caller asked for, byte for byte. The fields user_data and public_key bind nothing here: what
    an enclave puts there is compared by the policy.

Measurements and roles are the policy's business. Debug mode alone is judged here too (`check_alone`), for callers
without a policy. AWS publishes no revocation lists for this use (NSM, 3.2.4); one that comes along is heeded.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from cryptography import x509

from confide.checklist import Checklist
from confide.clock import to_rfc3339
from confide.evidence.bundle import EvidenceBundle
from confide.evidence.cose import ES384
from confide.evidence.nitro import FORMAT, NitroDocument, parse_document
from confide.verify.anchors import AWS_ROOTS
from confide.verify.certificates import parse_certificates
from confide.verify.chains import PathRules, check_path
from confide.verify.cose_signature import cose_verifies
from confide.verify.examination import Examination
from confide.verify.parse_step import check_parsed
from confide.verify.parts import check_parts
from confide.verify.trust import Trust
from confide.verify.x509 import Certificate, MalformedCertificateError, RevocationList, parse_item

PARTS = frozenset[str]()
NONCE_SIZE = None
ALGORITHMS = frozenset({"ecdsa-sha384"})
# How far the clocks of AWS and of this machine may differ.
SKEW = timedelta(seconds=60)

_PARSED = ("nitro.size", "nitro.cose", "nitro.header", "nitro.fields", "nitro.limits")
_RULES = PathRules(prefix="nitro", vendor="AWS", roots=AWS_ROOTS, algorithms=ALGORITHMS)
_NEED_PATH = frozenset({"nitro.leaf", "nitro.signature", "nitro.time"}) | _RULES.codes
_NEED_DOCUMENT = frozenset({"nitro.certificates", "nitro.report_data"}) | _NEED_PATH
# Every one of these has a result before evidence counts as verified.
REQUIRED = frozenset({"evidence.parts", "nitro.debug", *_PARSED}) | _NEED_DOCUMENT

_FORGED = "Do not trust this evidence: it was changed, or it does not belong to these certificates."


@dataclass(frozen=True, slots=True)
class NitroSubject:
    """A document, and how many seconds old it is."""

    document: NitroDocument
    age: int

    @property
    def product(self) -> str:
        """An enclave, or an instance with a NitroTPM."""
        return self.document.product

    def claims(self) -> dict[str, object]:
        """The document as JSON values."""
        return self.document.claims()


def examine(bundle: EvidenceBundle, *, now: datetime, report_data: bytes | None, trust: Trust) -> Examination:
    """Runs every step and records every result; whoever calls `conclude` on the answer gets the verdict."""
    exam = Examination(format=FORMAT, now=now, required=REQUIRED)
    return examine_document(exam, bundle, parse_document, report_data=report_data, trust=trust)


def examine_document(
    exam: Examination,
    bundle: EvidenceBundle,
    parse: Callable[[bytes], NitroDocument],
    *,
    report_data: bytes | None,
    trust: Trust,
) -> Examination:
    """The steps, for a document that `parse` reads."""
    checklist, now = exam.checklist, exam.now
    check_parts(bundle, PARTS, checklist)
    evidence = bundle.evidence_bytes()
    document = check_parsed(parse, evidence, checklist, codes=_PARSED, others=_NEED_DOCUMENT)  # 1, 2
    items = parse_certificates(bundle.endorsement_bytes(), checklist)
    if document is None:
        return exam
    age = int((now - document.made_at).total_seconds())
    exam.unverified_subject = NitroSubject(document, age)
    check_report_data(document, report_data, checklist)  # 8
    path = check_certificates(document, checklist)  # 3
    if path is None:
        return exam
    rules = replace(_RULES, simulated=trust.simulated_roots)
    exam.unverified_root = path[-1].fingerprint
    exam.simulated = path[-1].fingerprint in trust.simulated_roots - AWS_ROOTS.keys()
    lists = [one for one in items if isinstance(one, RevocationList)]
    check_path(path, rules, now=document.made_at, checklist=checklist, lists=lists)  # 4
    check_leaf(path[0], checklist)  # 5
    check_signature(document, path[0], checklist)  # 6
    check_time(document, path, lists, now, checklist)  # 7
    return exam


def check_certificates(document: NitroDocument, checklist: Checklist) -> list[Certificate] | None:
    """Step 3: the path from leaf to root, in the order that the document gives."""
    path = [_certificate(der) for der in (document.certificate, *reversed(document.cabundle))]
    certificates = [one for one in path if one is not None]
    whole = len(certificates) == len(path)
    checklist.expect(
        "nitro.certificates",
        whole,
        got=f"{len(path) - len(certificates)} of {len(path)} certificates that do not parse",
        wanted="X.509 certificates in DER",
        remedy=_FORGED,
    )
    if whole:
        return certificates
    for code in sorted(_NEED_PATH):
        checklist.unchecked(code, "nitro.certificates")
    return None


def _certificate(der: bytes) -> Certificate | None:
    try:
        item = parse_item(der)
    except MalformedCertificateError:
        return None
    return item if isinstance(item, Certificate) else None


def check_leaf(leaf: Certificate, checklist: Checklist) -> None:
    """Step 5: the key usage has digitalSignature, and there is no path length since the leaf is no authority."""
    extensions = {one.oid: one.value for one in leaf.parsed.extensions}
    usage = extensions.get(x509.KeyUsage.oid)
    signs = isinstance(usage, x509.KeyUsage) and usage.digital_signature
    checklist.expect(
        "nitro.leaf",
        signs and leaf.path_length is None,
        got="a leaf that may not sign" if not signs else f"a leaf with the path length {leaf.path_length}",
        wanted="a leaf with the key usage digitalSignature and without a path length",
        remedy=_FORGED,
    )


def check_signature(document: NitroDocument, leaf: Certificate, checklist: Checklist) -> None:
    """Step 6: the leaf's key signed the document, by ES384 and nothing else."""
    checklist.expect(
        "nitro.signature",
        cose_verifies(document.message, leaf.public_key, algorithm=ES384),
        got="a signature that does not verify",
        wanted=f"a signature by the key in {leaf.common_name}, ES384",
        remedy=_FORGED,
    )


def check_time(
    document: NitroDocument,
    path: Sequence[Certificate],
    lists: Sequence[RevocationList],
    now: datetime,
    checklist: Checklist,
) -> None:
    """Step 7: the certificates that vouch for the document do so at `now`. Last, to say where only this is wrong."""
    faults = [one.period() for one in path if not one.valid_at(now)][:1]  # the leaf first: it lives the shortest
    faults += ["a revocation list that is not in force" for one in lists if not one.current_at(now)]
    faults += [f"a document of {to_rfc3339(document.made_at)}, later"] if document.made_at > now + SKEW else []
    alone = "" if checklist.findings else "Signature and certificates are in order: only the time is wrong. "
    checklist.expect(
        "nitro.time",
        not faults,
        got=f"{to_rfc3339(now)}, which does not fit {'; '.join(faults)}",
        wanted="a time when every certificate is in force, not before the document was made",
        remedy=f"{alone}Ask for a new document; check this machine's clock; a document from the past is "
        f"verified at its own time, {to_rfc3339(document.made_at)}.",
    )


def check_report_data(document: NitroDocument, wanted: bytes | None, checklist: Checklist) -> None:
    """Step 8: the document was made for this question. Without one, that is said, and freshness is not claimed."""
    if wanted is None:
        checklist.not_applicable("nitro.report_data", "the caller gave no nonce to compare with")
        return
    nonce = document.nonce
    checklist.expect(
        "nitro.report_data",
        nonce is not None and hmac.compare_digest(wanted, nonce),
        got="no nonce" if nonce is None else f"the nonce {nonce.hex()}",
        wanted=wanted.hex(),
        remedy="The document was made for another question: ask for one with this nonce.",
    )


def check_alone(exam: Examination) -> None:
    """Debug mode gives the parent instance a console, and zeroes the measurements: refused for everyone without a
    policy.
    """
    subject = exam.unverified_subject
    if not isinstance(subject, NitroSubject):
        exam.checklist.unchecked("nitro.debug", "the reading of the document")
        return
    exam.checklist.expect(
        "nitro.debug",
        not subject.document.debug,
        got="PCR0, PCR1 and PCR2 all zero: debug mode",
        wanted="an enclave that is not in debug mode",
        remedy="Start the enclave without --debug-mode; its measurements are zero, so that anything may run in it.",
    )
