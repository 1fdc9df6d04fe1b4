"""The certificates of a quote: from the platform's provisioning key (PCK) to Intel's root, and what they certify.

Source: Intel SGX PCK Certificate and Certificate Revocation List Profile Specification, revision 1.6.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache

from confide.checklist import Checklist
from confide.errors import ConfideError, Refused
from confide.evidence.intel_collateral import EnclaveIdentity, Signed, TcbInfo, read_collateral
from confide.evidence.intel_pck import OID, PckExtension, parse_pck_extension
from confide.ids import from_base64
from confide.verify.anchors import INTEL_ROOTS
from confide.verify.chains import PathRules, find_path
from confide.verify.intel_signatures import ALGORITHMS, point_of
from confide.verify.trust import Trust
from confide.verify.x509 import Certificate, MalformedCertificateError, RevocationList, parse_item

PCK, ROOT = "Intel SGX PCK Certificate", "Intel SGX Root CA"
AUTHORITIES = ("Intel SGX PCK Platform CA", "Intel SGX PCK Processor CA")
SIGNER = "Intel SGX TCB Signing"

FORGED = "Do not trust this evidence: it was changed, or it does not belong to these certificates."
_MAX_CERTIFICATES = 4
_LENGTH = 3

# The chain is under no signature, so that its form is fixed: one way of writing it, but for the ends of its lines.
_LINE = rb"[A-Za-z0-9+/=]{1,76}\r?\n"
_PEM = re.compile(rb"-----BEGIN CERTIFICATE-----\r?\n((?:%s)+)-----END CERTIFICATE-----(?:\r?\n)*" % _LINE)
_CHAIN = re.compile(rb"(?:%s)+\0*" % _PEM.pattern)


@dataclass(frozen=True, slots=True, eq=False)
class IntelList(RevocationList):
    """A revocation list and its DER. The same two lists come with every quote for weeks: that an authority signed one
    is remembered. Whether it is in force, and whom it names, is judged each time.
    """

    der: bytes

    @classmethod
    def of(cls, one: RevocationList, der: bytes) -> IntelList:
        """The list that was parsed from this DER."""
        return cls(one.parsed, one.issuer, one.this_update, one.next_update, one.revoked, one.algorithm, der)

    def __eq__(self, other: object) -> bool:
        """The same bytes are the same list."""
        return isinstance(other, IntelList) and self.der == other.der

    def __hash__(self) -> int:
        return hash(self.der)

    def signed_by(self, issuer: Certificate, algorithms: Collection[str]) -> bool:
        """Whether the issuer's key made the signature, by one of these algorithms."""
        return _is_signed_list(self, issuer, frozenset(algorithms))


@lru_cache(maxsize=64)
def _is_signed_list(one: IntelList, issuer: Certificate, algorithms: frozenset[str]) -> bool:
    return RevocationList.signed_by(one, issuer, algorithms)


@dataclass(frozen=True, slots=True)
class Endorsements:
    """Everything that came along, parsed: certificates, revocation lists, and Intel's documents."""

    certificates: tuple[Certificate, ...] = ()
    lists: tuple[IntelList, ...] = ()
    tcb_infos: tuple[Signed[TcbInfo], ...] = ()
    identities: tuple[Signed[EnclaveIdentity], ...] = ()

    def best_first(self, now: datetime) -> Endorsements:
        """The same, with the documents in the order in which they are preferred: those in force, then by their
        evaluation data number, then the newest.
        """

        def rank(document: Signed[TcbInfo] | Signed[EnclaveIdentity]) -> tuple[bool, int, datetime]:
            value = document.value
            return value.issue_date <= now <= value.next_update, value.tcb_evaluation_data_number, value.issue_date

        return replace(
            self,
            tcb_infos=tuple(sorted(self.tcb_infos, key=rank, reverse=True)),
            identities=tuple(sorted(self.identities, key=rank, reverse=True)),
        )


# The same collateral comes with every quote of a machine for weeks, and the same chain. What is remembered is the
# parsing, never a verdict.
@lru_cache(maxsize=16)
def parse_endorsements(endorsements: tuple[bytes, ...]) -> Endorsements:
    """Everything in the endorsements. Raises Refused `endorsement.malformed`."""
    collateral = read_collateral(endorsements)
    try:
        parsed = {der: parse_item(der) for der in collateral.items}
    except MalformedCertificateError:
        raise Refused.because(
            "endorsement.malformed",
            got="an endorsement that is neither a certificate nor a revocation list",
            wanted="certificates and revocation lists as Intel issues them",
            remedy="Leave out what does not belong to the evidence.",
        ) from None
    lists = {der: one for der, one in parsed.items() if isinstance(one, RevocationList)}
    return Endorsements(
        tuple(one for one in parsed.values() if isinstance(one, Certificate)),
        tuple(IntelList.of(one, der) for der, one in lists.items()),
        collateral.tcb_infos,
        collateral.identities,
    )


def path_rules(prefix: str, trust: Trust) -> PathRules:
    """How paths to Intel's root are judged."""
    return PathRules(
        prefix=prefix, vendor="Intel", roots=INTEL_ROOTS, algorithms=ALGORITHMS, simulated=trust.simulated_roots
    )


@lru_cache(maxsize=64)
def read_chain(pem: bytes) -> tuple[Certificate, ...] | None:
    """The certificates in a quote's certification data, leaf first; None where it is not PEM in its strict form, or
    has another number of certificates than one to four.
    """
    if not _CHAIN.fullmatch(pem):
        return None
    bodies = [found.replace(b"\r", b"").replace(b"\n", b"").decode("ascii") for found in _PEM.findall(pem)]
    try:
        items = [parse_item(from_base64(body)) for body in bodies[: _MAX_CERTIFICATES + 1]]
    except (ConfideError, MalformedCertificateError):
        return None
    found = [one for one in items if isinstance(one, Certificate)]
    return tuple(found) if 0 < len(found) == len(items) <= _MAX_CERTIFICATES else None


def check_form(pem: bytes, given: Endorsements, prefix: str, checklist: Checklist) -> list[Certificate] | None:
    """The path from the platform's key upwards: the quote's certificates as they stand there, and where they do not
    end in a root, the endorsements' above them.
    """
    chain = read_chain(pem)
    checklist.expect(
        f"{prefix}.chain.form",
        chain is not None,
        got="certification data that do not parse as certificates in PEM",
        wanted="the platform's certificate, its authority's, and Intel's root, in PEM",
        remedy=FORGED,
    )
    return None if chain is None else [*chain, *find_path(chain[-1], given.certificates, ALGORITHMS)[1:]]


def check_kind(path: Sequence[Certificate], prefix: str, checklist: Checklist) -> None:
    """Each certificate is of the kind that its place asks for: Intel's root vouches for other keys too."""
    names = [one.common_name for one in path]
    checklist.expect(
        f"{prefix}.chain.kind",
        len(path) == _LENGTH and names[0] == PCK and names[1] in AUTHORITIES and names[2] == ROOT,
        got=f"a path of {' under '.join(names)}",
        wanted=f"{PCK} under {' or '.join(AUTHORITIES)} under {ROOT}",
        remedy=FORGED,
    )


def check_pck(leaf: Certificate, prefix: str, checklist: Checklist) -> PckExtension | None:
    """What the leaf certifies: the platform's family, its provisioning enclave, and its security versions."""
    try:
        extension = parse_pck_extension(leaf.extensions.get(OID, b""), prefix)
        checklist.expect(f"{prefix}.pck", passed=True, got="", wanted="", remedy="")
    except Refused as failure:
        checklist.absorb(failure)
        return None
    return extension


def leaf_key(path: Sequence[Certificate]) -> bytes:
    """The platform's key as 64 bytes; zeros, which are no key, where it is not one on P-256."""
    return point_of(path[0]) or bytes(64)
