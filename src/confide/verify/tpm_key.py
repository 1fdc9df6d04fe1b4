"""The attestation key of a TPM quote: what it is, and who vouches for it. Steps 2 and 3 of `confide.verify.tpm`.

Sources: TCG TPM 2.0 Library, part 1, section 25 (attestation), part 2, section 12.2.4 (TPMT_PUBLIC); TCG EK Credential
Profile, version 2.5, section 3.5 (extended key usage); RFC 5280.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_der_public_key

from confide.checklist import Checklist
from confide.errors import Refused
from confide.evidence.der import SEQUENCE
from confide.evidence.gce import INSTANCE_OID, GceInstance, read_instance
from confide.evidence.tpm_key import MAX_PUBLIC, TpmKey, parse_key
from confide.ids import sha256_of
from confide.verify.anchors import GOOGLE_TPM_ROOTS
from confide.verify.chains import PathRules, check_path, find_path
from confide.verify.signatures import ECDSA_ANY, RSA_PKCS1
from confide.verify.trust import Trust
from confide.verify.x509 import Certificate, MalformedCertificateError, RevocationList, parse_item

ALGORITHMS = RSA_PKCS1 | ECDSA_ANY
MAX_KEY = 8192
# A key whose certificate was renewed has two; looking for the path of each costs time.
_MAX_LEAVES = 2

# The subject alternative name says who made the TPM (TCG EK Credential Profile, section 3.2.9); it is critical where
# the subject is empty. Nothing is decided by it: the root decides who made the TPM.
_ALTERNATIVE_NAME = "2.5.29.17"
# tcg-kp-EKCertificate, which Google's certificates of attestation keys carry as well, and tcg-kp-AIKCertificate.
_USAGES = frozenset({"2.23.133.8.1", "2.23.133.8.3"})

FETCH = "Give the certificate of the attestation key with those above it, or trust the key by its fingerprint."


@dataclass(frozen=True, slots=True)
class AttestationKey:
    """The key that signs quotes. `public` is its area in the TPM where that came along, with its attributes;
    `certificate` is the one that came as the key itself.
    """

    key: RSAPublicKey | EllipticCurvePublicKey
    public: TpmKey | None = None
    certificate: Certificate | None = None

    @property
    def spki(self) -> bytes:
        """The key as DER SubjectPublicKeyInfo."""
        return self.key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)

    @property
    def fingerprint(self) -> str:
        """`sha256:…` of the SubjectPublicKeyInfo."""
        return sha256_of(self.spki)


@dataclass(frozen=True, slots=True)
class Voucher:
    """Who vouches for the key: the path of certificates from it to a root, empty where the caller trusts the key."""

    path: tuple[Certificate, ...]
    lists: tuple[RevocationList, ...] = ()

    @property
    def instance(self) -> GceInstance | None:
        """The machine that Google's certificate names."""
        extension = self.path[0].extensions.get(INSTANCE_OID) if self.path else None
        return read_instance(extension) if extension else None


def path_rules(trust: Trust) -> PathRules:
    """How the paths of attestation keys are judged."""
    return PathRules(
        prefix="tpm",
        vendor="Google",
        roots=GOOGLE_TPM_ROOTS.keys(),
        algorithms=ALGORITHMS,
        simulated=trust.simulated_roots,
        understood=frozenset({_ALTERNATIVE_NAME}),
    )


CHAIN_CODES = path_rules(Trust()).codes | {"tpm.chain.missing", "tpm.chain.usage"}


def _malformed(got: str) -> Refused:
    return Refused.because(
        "tpm.ak.malformed",
        got=got,
        wanted="a public area of the TPM, a SubjectPublicKeyInfo, or a certificate, of an RSA or ECC key",
        remedy="Give the attestation key as the TPM or its maker wrote it.",
    )


def read_attestation_key(data: bytes) -> AttestationKey:
    """The key in any of its shapes. Raises Refused `tpm.ak.malformed`."""
    if not 0 < len(data) <= MAX_KEY:
        raise _malformed(f"{len(data)} bytes")
    if data[0] != SEQUENCE:
        public = parse_key(data)
        return AttestationKey(public.key, public)
    try:
        item = parse_item(data)
    except MalformedCertificateError:
        return AttestationKey(_known_key(_load_spki(data)))
    if not isinstance(item, Certificate):
        raise _malformed("a revocation list")
    return AttestationKey(_known_key(item.public_key), certificate=item)


def _load_spki(data: bytes) -> object:
    """The key in DER, in the one form that there is of it."""
    try:
        key = load_der_public_key(data) if len(data) <= MAX_PUBLIC else None
        same = key is not None and key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo) == data
    except (ValueError, UnsupportedAlgorithm):
        return None
    return key if same else None


def _known_key(key: object) -> RSAPublicKey | EllipticCurvePublicKey:
    if not isinstance(key, RSAPublicKey | EllipticCurvePublicKey):
        raise _malformed("DER that is no such key")
    return key


def find_voucher(key: AttestationKey, items: Sequence[Certificate | RevocationList], trust: Trust) -> Voucher | None:
    """The path for this very key that reaches a trusted root, or else the first that there is; an empty one where the
    caller trusts the key itself. None where no certificate is for this key. No trust: `check_voucher` judges.
    """
    if key.fingerprint in trust.keys:
        return Voucher(())
    certificates = [item for item in items if isinstance(item, Certificate)]
    lists = tuple(item for item in items if isinstance(item, RevocationList))
    own = [key.certificate] if key.certificate else [one for one in certificates if _is_for(one, key)][:_MAX_LEAVES]
    paths = [find_path(leaf, certificates, ALGORITHMS) for leaf in own]
    roots = GOOGLE_TPM_ROOTS.keys() | trust.simulated_roots
    best = next((path for path in paths if path[-1].fingerprint in roots), next(iter(paths), None))
    return Voucher(tuple(best), lists) if best else None


def _is_for(certificate: Certificate, key: AttestationKey) -> bool:
    found = certificate.public_key
    return isinstance(found, RSAPublicKey | EllipticCurvePublicKey) and found == key.key


def check_voucher(voucher: Voucher | None, trust: Trust, now: datetime, checklist: Checklist) -> None:
    """Step 3: a certificate path from the key to a pinned root, or the caller's own trust in the key."""
    if voucher is not None and not voucher.path:
        for code in sorted(CHAIN_CODES):
            checklist.not_applicable(code, "the caller trusts the attestation key itself")
        return
    rules = path_rules(trust)
    # A path that ends in a certificate under another is short of the root: nobody can tell what stands above it.
    whole = voucher is not None and voucher.path[-1].issuer == voucher.path[-1].subject
    checklist.expect(
        "tpm.chain.missing",
        whole,
        got="no certificate for the attestation key" if voucher is None else f"no issuer of {_name(voucher.path[-1])}",
        wanted="the certificates from the attestation key to a pinned root",
        remedy=FETCH,
    )
    if voucher is None or not whole:
        for code in sorted(CHAIN_CODES - {"tpm.chain.missing"}):
            checklist.unchecked(code, "tpm.chain.missing")
        return
    check_path(voucher.path, rules, now=now, checklist=checklist, lists=voucher.lists)
    _check_usage(voucher.path[0], checklist)


def _name(certificate: Certificate) -> str:
    return certificate.common_name or "a certificate without a name"


def _check_usage(leaf: Certificate, checklist: Checklist) -> None:
    """The certificate is of a TPM's key that signs: an EK's certificate is for a key that only decrypts."""
    extensions = leaf.parsed.extensions
    try:
        extended = {one.dotted_string for one in extensions.get_extension_for_class(x509.ExtendedKeyUsage).value}
        signs = extensions.get_extension_for_class(x509.KeyUsage).value.digital_signature
    except x509.ExtensionNotFound:
        extended, signs = set(), False
    checklist.expect(
        "tpm.chain.usage",
        bool(extended & _USAGES) and signs,
        got=f"a certificate for {', '.join(sorted(extended)) or 'nothing named'}, {'with' if signs else 'without'} "
        "digital signatures",
        wanted="a certificate of a TPM's key that makes digital signatures",
        remedy="Give the attestation key's own certificate.",
    )
