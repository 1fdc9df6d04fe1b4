"""Certificates and revocation lists, parsed once: the few questions that a verifier asks of them."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.x509.oid import NameOID

from confide.clock import to_rfc3339
from confide.evidence.der import BIT_STRING, SEQUENCE, content_of, header
from confide.ids import sha256_of
from confide.verify.signatures import BY_OID, PSS_OID, verifies

_WARNINGS = threading.Lock()


# What the library raises for bytes that it does not take; half of it is no ValueError.
_MALFORMED = (
    ValueError,
    TypeError,
    UnsupportedAlgorithm,
    x509.InvalidVersion,
    x509.DuplicateExtension,
    x509.UnsupportedGeneralNameType,
)


class MalformedCertificateError(ValueError):
    """The bytes are neither a certificate nor a revocation list, or its parts do not parse."""


@dataclass(frozen=True, slots=True, eq=False)
class Certificate:
    """An X.509 certificate (RFC 5280): its fields as plain values. `extensions` maps an OID to the DER value, for those
    that the library does not know; `critical` are the OIDs of all critical ones; `path_length` is the constraint on the
    number of authorities below, None where there is none; `algorithm` is a name of `confide.verify.signatures`.
    """

    parsed: x509.Certificate
    fingerprint: str
    subject: bytes
    issuer: bytes
    common_name: str
    not_before: datetime
    not_after: datetime
    serial: int
    is_authority: bool
    path_length: int | None
    critical: frozenset[str]
    extensions: dict[str, bytes]
    algorithm: str

    def valid_at(self, moment: datetime) -> bool:
        """Whether the moment lies in the validity period, both ends included (RFC 5280, section 4.1.2.5)."""
        return self.not_before <= moment <= self.not_after

    def period(self) -> str:
        """The validity period for a person."""
        return f"{self.common_name} from {to_rfc3339(self.not_before)} to {to_rfc3339(self.not_after)}"

    @property
    def public_key(self) -> object:
        """The public key, or None where it is of a kind that is not known."""
        return _public_key(self)

    def signed_by(self, issuer: Certificate, algorithms: Collection[str]) -> bool:
        """Whether the issuer's key made the signature, by one of these algorithms. Names and periods are not judged."""
        return self.algorithm in algorithms and _is_signed(self, issuer)

    def __eq__(self, other: object) -> bool:
        """The same bytes are the same certificate."""
        return isinstance(other, Certificate) and self.fingerprint == other.fingerprint

    def __hash__(self) -> int:
        return hash(self.fingerprint)


@lru_cache(maxsize=256)
def _public_key(certificate: Certificate) -> object:
    try:
        return certificate.parsed.public_key()
    except (ValueError, UnsupportedAlgorithm):
        return None


# That one certificate's key signed another is a fact for ever: chains come again with every report of a machine. Names,
# periods, revocation and trust are judged each time.
@lru_cache(maxsize=256)
def _is_signed(certificate: Certificate, issuer: Certificate) -> bool:
    parsed = certificate.parsed
    return verifies(certificate.algorithm, issuer.public_key, parsed.signature, parsed.tbs_certificate_bytes)


@dataclass(frozen=True, slots=True)
class RevocationList:
    """A certificate revocation list (RFC 5280, section 5). `revoked` are the serial numbers on it."""

    parsed: x509.CertificateRevocationList
    issuer: bytes
    this_update: datetime
    next_update: datetime | None
    revoked: frozenset[int]
    algorithm: str

    def signed_by(self, issuer: Certificate, algorithms: Collection[str]) -> bool:
        """Whether the issuer's key made the signature, by one of these algorithms."""
        return self.algorithm in algorithms and verifies(
            self.algorithm, issuer.public_key, self.parsed.signature, self.parsed.tbs_certlist_bytes
        )

    def current_at(self, moment: datetime) -> bool:
        """Whether the list is in force; one without an end is never."""
        return self.next_update is not None and self.this_update <= moment <= self.next_update


# The same few certificates come with every report of a machine. What is remembered is the parsing, never a verdict.
@lru_cache(maxsize=256)
def parse_item(der: bytes) -> Certificate | RevocationList:
    """The certificate or revocation list in the DER. Raises MalformedCertificateError."""
    # VCEK certificates carry the serial number 0 by AMD's design (57230), Google's TPM authorities have names of more
    # than 64 characters; the library warns of both (its deprecation warnings are UserWarnings). The lock is there since
    # the filters of warnings belong to the whole process.
    with _WARNINGS, warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        try:
            return _certificate(der)
        except _MALFORMED:
            pass
        try:
            return _revocation_list(der)
        except _MALFORMED:
            raise MalformedCertificateError from None


def _check_envelope(der: bytes, signed: bytes, signature: bytes) -> None:
    """The bytes outside of the signature's reach say the same algorithm as those within, in canonical DER (RFC 5280,
    section 4.1.1.2); otherwise one certificate could be written in many ways. Raises ValueError.
    """
    content = content_of(SEQUENCE, der) or b""
    tail = header(BIT_STRING, len(signature) + 1) + b"\0" + signature
    algorithm = content[len(signed) : -len(tail)]
    if content != signed + algorithm + tail or not algorithm or algorithm not in signed:
        raise ValueError("an envelope that does not fit")


def _certificate(der: bytes) -> Certificate:
    parsed = x509.load_der_x509_certificate(der)
    _check_envelope(der, parsed.tbs_certificate_bytes, parsed.signature)
    names = parsed.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    values = {extension.oid.dotted_string: extension.value for extension in parsed.extensions}
    constraints = values.get("2.5.29.19")
    usage = values.get("2.5.29.15")
    return Certificate(
        parsed=parsed,
        fingerprint=sha256_of(der),
        subject=parsed.subject.public_bytes(),
        issuer=parsed.issuer.public_bytes(),
        common_name=_printable(str(names[0].value)) if len(names) == 1 else "",
        not_before=parsed.not_valid_before_utc,
        not_after=parsed.not_valid_after_utc,
        serial=parsed.serial_number,
        is_authority=isinstance(constraints, x509.BasicConstraints)
        and constraints.ca
        and isinstance(usage, x509.KeyUsage)
        and usage.key_cert_sign,
        path_length=constraints.path_length if isinstance(constraints, x509.BasicConstraints) else None,
        critical=frozenset(one.oid.dotted_string for one in parsed.extensions if one.critical),
        algorithm=_algorithm(parsed),
        extensions={oid: v.value for oid, v in values.items() if isinstance(v, x509.UnrecognizedExtension)},
    )


def _printable(name: str) -> str:
    """A name that is safe to show: it comes from untrusted hands."""
    return "".join(one if one.isascii() and one.isprintable() else "?" for one in name[:64])


def _revocation_list(der: bytes) -> RevocationList:
    # Of a list the library compares the two algorithms itself; of a certificate it does not.
    parsed = x509.load_der_x509_crl(der)
    revoked = frozenset(entry.serial_number for entry in parsed)
    issuer = parsed.issuer.public_bytes()
    algorithm = _algorithm(parsed)
    return RevocationList(parsed, issuer, parsed.last_update_utc, parsed.next_update_utc, revoked, algorithm)


def _algorithm(parsed: x509.Certificate | x509.CertificateRevocationList) -> str:
    """The name of the signature's algorithm, empty where it is not known."""
    oid = parsed.signature_algorithm_oid.dotted_string
    if oid != PSS_OID:
        return BY_OID.get(oid, "")
    digest = parsed.signature_hash_algorithm
    return f"rsa-pss-{digest.name}" if digest else ""


def forget() -> None:
    """Forgets the certificates seen and their signatures: for measurements."""
    parse_item.cache_clear()
    _is_signed.cache_clear()
    _public_key.cache_clear()
