"""Does Microsoft endorse the utility machine that a SEV-SNP report shows? The steps; the body carries the same numbers.

 1. The endorsement parses: a COSE_Sign1 message with issuer, feed, SVN and launch measurement.
 2. Its certificates: in order, root by value against the pinned anchor, authorities, signatures; valid when it was
    signed, not now (Confidential_ACI_SCHEME.md: a machine stays in use after its signer's certificate has expired).
 3. It was not signed in the future.
 4. The issuer (did:x509) is of this chain: the root's fingerprint, and the leaf has the extended key usages.
 5. The leaf's key signed the message.
 6. The launch measurement is the report's.

Which issuer, which feed and which SVN are enough is the policy's business.
"""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from datetime import datetime

from cryptography import x509

from confide.checklist import Checklist
from confide.clock import to_rfc3339
from confide.errors import Refused
from confide.evidence.cose import ES256, ES384, ES512, PS256, PS384, PS512
from confide.evidence.snp import SnpReport
from confide.evidence.uvm import UvmEndorsement, parse_did, parse_uvm_endorsement
from confide.verify.anchors import MICROSOFT_UVM_ROOTS
from confide.verify.chains import PathRules, check_path
from confide.verify.cose_signature import cose_verifies
from confide.verify.signatures import ECDSA_ANY, RSA_PKCS1, RSA_PSS
from confide.verify.trust import Trust
from confide.verify.x509 import Certificate, MalformedCertificateError, parse_item

ALGORITHMS = RSA_PKCS1 | RSA_PSS | ECDSA_ANY
_SIGNATURES = (PS256, PS384, PS512, ES256, ES384, ES512)


def _rules(trust: Trust) -> PathRules:
    return PathRules(
        prefix="uvm",
        vendor="Microsoft",
        roots=MICROSOFT_UVM_ROOTS,
        algorithms=ALGORITHMS,
        simulated=trust.simulated_roots,
    )


_AFTER_PARSING = frozenset({"uvm.certificates", "uvm.time", "uvm.issuer", "uvm.signature", "uvm.measurement"})
_NEED_PATH = _rules(Trust()).codes | {"uvm.time", "uvm.issuer", "uvm.signature"}
CODES = frozenset({"uvm.malformed"}) | _AFTER_PARSING | _NEED_PATH

_FORGED = "Do not trust this endorsement: it was changed, or it does not belong to these certificates."


def check_uvm(
    data: bytes, report: SnpReport | None, *, now: datetime, trust: Trust, checklist: Checklist
) -> tuple[UvmEndorsement | None, bool]:
    """Records every code of CODES. Gives the endorsement, where there is one, and whether its root is SIMULATED."""
    try:
        endorsement = parse_uvm_endorsement(data)  # 1
    except Refused as failure:
        checklist.absorb(failure)
        _not_checked(CODES - {"uvm.malformed"}, "uvm.malformed", checklist)
        return None, False
    checklist.expect("uvm.malformed", passed=True, got="", wanted="", remedy="")
    _check_measurement(endorsement, report, checklist)  # 6
    path = _path(endorsement, checklist)  # 2
    if path is None:
        _not_checked(_NEED_PATH, "uvm.certificates", checklist)
        return endorsement, False
    signed_at = endorsement.signed_at or max(one.not_before for one in path)
    check_path(path, _rules(trust), now=signed_at, checklist=checklist)  # 2
    _check_time(signed_at, now, checklist)  # 3
    _check_issuer(endorsement, path, checklist)  # 4
    _check_signature(endorsement, path[0], checklist)  # 5
    return endorsement, path[-1].fingerprint in trust.simulated_roots - MICROSOFT_UVM_ROOTS.keys()


def _not_checked(codes: frozenset[str], cause: str, checklist: Checklist) -> None:
    for code in sorted(codes):
        checklist.unchecked(code, cause)


def _path(endorsement: UvmEndorsement, checklist: Checklist) -> list[Certificate] | None:
    certificates = [one for one in map(_certificate, endorsement.chain) if one is not None]
    whole = len(certificates) == len(endorsement.chain)
    checklist.expect(
        "uvm.certificates",
        whole,
        got=f"{len(endorsement.chain) - len(certificates)} of {len(endorsement.chain)} that do not parse",
        wanted="X.509 certificates in DER",
        remedy=_FORGED,
    )
    return certificates if whole else None


def _certificate(der: bytes) -> Certificate | None:
    try:
        item = parse_item(der)
    except MalformedCertificateError:
        return None
    return item if isinstance(item, Certificate) else None


def _check_time(signed_at: datetime, now: datetime, checklist: Checklist) -> None:
    checklist.expect(
        "uvm.time",
        signed_at <= now,
        got=f"an endorsement signed at {to_rfc3339(signed_at)}, after {to_rfc3339(now)}",
        wanted="an endorsement from the past",
        remedy="Check this machine's clock.",
    )


def _check_issuer(endorsement: UvmEndorsement, path: Sequence[Certificate], checklist: Checklist) -> None:
    """did:x509 method specification: each `eku` policy must hold for the leaf, the fingerprint for the root."""
    did = parse_did(endorsement.issuer)
    passed = did is not None and did.fingerprint == path[-1].fingerprint and set(did.usages) <= _usages(path[0])
    checklist.expect(
        "uvm.issuer",
        passed,
        got=f"the issuer {endorsement.issuer[:160]}",
        wanted="a did:x509 with this chain's root and usages that its leaf has",
        remedy=_FORGED,
    )


def _usages(leaf: Certificate) -> set[str]:
    for extension in leaf.parsed.extensions:
        if isinstance(extension.value, x509.ExtendedKeyUsage):
            return {usage.dotted_string for usage in extension.value}
    return set()


def _check_signature(endorsement: UvmEndorsement, leaf: Certificate, checklist: Checklist) -> None:
    message = endorsement.message
    algorithm = message.algorithm
    checklist.expect(
        "uvm.signature",
        algorithm in _SIGNATURES and cose_verifies(message, leaf.public_key, algorithm=algorithm),
        got=f"a signature by the algorithm {algorithm} that does not verify",
        wanted=f"a signature by the key of {leaf.common_name}, RSASSA-PSS or ECDSA",
        remedy=_FORGED,
    )


def _check_measurement(endorsement: UvmEndorsement, report: SnpReport | None, checklist: Checklist) -> None:
    if report is None:
        checklist.unchecked("uvm.measurement", "the reading of the report")
        return
    checklist.expect(
        "uvm.measurement",
        hmac.compare_digest(endorsement.launch_measurement, report.measurement),
        got=report.measurement.hex(),
        wanted=endorsement.launch_measurement.hex(),
        remedy="The endorsement is for another utility machine: give the one from the container's own context.",
    )
