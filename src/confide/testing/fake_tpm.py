"""A forged Google TPM for negative tests: makes quotes, keys and certificates, and re-signs the whole chain.

What it makes is accepted only by a caller who names its root among the simulated ones, or trusts its key; that is the
positive twin of every refusal:

    tpm = FakeTpm.create(now)
    bundle = tpm.evidence(report_data=b"question")
    verify_evidence(bundle, now=now, report_data=b"question", simulated_roots=[tpm.root_fingerprint])

One field of a quote is changed with `tpm.quote(firmware_version=1)`, one of real evidence with
`dataclasses.replace(parse_quote(data), firmware_version=1)`; `evidence` signs it again. Parts are replaced by name, or
with None left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import cache
from typing import Any, Literal

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA1, SHA256, SHA384, SHA512, HashAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import NameOID

from confide.evidence.bundle import EvidenceBundle, pack_evidence
from confide.evidence.der import SEQUENCE, header
from confide.evidence.gce import INSTANCE_OID
from confide.evidence.tpm import (
    ECDSA,
    FORMAT,
    RSAPSS,
    RSASSA,
    ClockInfo,
    PcrSelection,
    TpmQuote,
    TpmSignature,
    digest_of_pcrs,
)
from confide.evidence.tpm_delivery import encode_pcrs
from confide.evidence.tpm_key import encode_key
from confide.ids import sha256_of
from confide.testing.fake_boot import FakeBoot

ROOT_NAME, INTERMEDIATE_NAME = "EK/AK CA Root", "EK/AK CA Intermediate"
AIK_USAGE, EK_USAGE = "2.23.133.8.3", "2.23.133.8.1"
PROJECT, ZONE, INSTANCE = "project-example", "us-central1-a", 6797026933021542085
SELECTED = (0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 13, 14)

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
Kind = Literal["rsa", "p256", "p384"]
_YEARS = timedelta(days=3653)
_HASHES: dict[str, HashAlgorithm] = {"sha1": SHA1(), "sha256": SHA256(), "sha384": SHA384(), "sha512": SHA512()}  # noqa: S303 - a TPM that signs with it must be refused


@cache
def _key(role: str, kind: Kind = "rsa") -> PrivateKey:
    """One key for each role and process: small, since it only has to be quick."""
    del role
    if kind == "rsa":
        return rsa.generate_private_key(65537, 2048)
    return ec.generate_private_key(ec.SECP256R1() if kind == "p256" else ec.SECP384R1())


def _name(common_name: str) -> x509.Name:
    parts = [(NameOID.COUNTRY_NAME, "US"), (NameOID.ORGANIZATION_NAME, "Google LLC")]
    parts += [(NameOID.ORGANIZATIONAL_UNIT_NAME, "Google Cloud"), (NameOID.COMMON_NAME, common_name)]
    return x509.Name([x509.NameAttribute(oid, text) for oid, text in parts]) if common_name else x509.Name([])


def instance_extension(*, project: str = PROJECT, zone: str = ZONE, instance: int = INSTANCE) -> bytes:
    """The extension by which Google's certificates name a machine."""

    def item(tag: int, content: bytes) -> bytes:
        return header(tag, len(content)) + content

    number, identity = ((117478743145).to_bytes(8, "big").lstrip(b"\0"), instance.to_bytes(8, "big"))
    body = item(0x0C, zone.encode()) + item(2, number) + item(0x0C, project.encode()) + item(2, identity)
    return item(SEQUENCE, body + item(0x0C, b"machine"))


@dataclass(frozen=True, slots=True)
class TpmAuthority:
    """A certificate of Google's names, and its key."""

    certificate: x509.Certificate
    key: PrivateKey

    @property
    def der(self) -> bytes:
        """The certificate in DER."""
        return self.certificate.public_bytes(Encoding.DER)

    def revoke(self, serials: Sequence[int], now: datetime, lifetime: timedelta = _YEARS) -> bytes:
        """A revocation list of this authority, in DER."""
        builder = x509.CertificateRevocationListBuilder().issuer_name(self.certificate.subject)
        builder = builder.last_update(now).next_update(now + lifetime)
        for serial in serials:
            entry = x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(now).build()
            builder = builder.add_revoked_certificate(entry)
        return builder.sign(self.key, SHA256()).public_bytes(Encoding.DER)


def issue(
    common_name: str,
    key: PrivateKey,
    now: datetime,
    issuer: TpmAuthority | None = None,
    *,
    authority: bool = True,
    usage: str | None = AIK_USAGE,
    signs: bool = True,
    extension: bytes | None = None,
    lifetime: timedelta = _YEARS,
) -> TpmAuthority:
    """A certificate as Google issues them; without an issuer it signs itself."""
    above = issuer.certificate.subject if issuer else _name(common_name)
    builder = (
        x509.CertificateBuilder()
        .subject_name(_name(common_name))
        .issuer_name(above)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=5))
        .not_valid_after(now + lifetime)
        .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        .add_extension(_usage(signs=signs and not authority, certifies=authority), critical=True)
    )
    if usage is not None:
        builder = builder.add_extension(x509.ExtendedKeyUsage([x509.ObjectIdentifier(usage)]), critical=False)
    if extension is not None:
        unknown = x509.UnrecognizedExtension(x509.ObjectIdentifier(INSTANCE_OID), extension)
        builder = builder.add_extension(unknown, critical=False)
    if not common_name:
        name = x509.DirectoryName(x509.Name([x509.NameAttribute(x509.ObjectIdentifier("2.23.133.2.2"), "vTPM")]))
        builder = builder.add_extension(x509.SubjectAlternativeName([name]), critical=True)
    return TpmAuthority(builder.sign(issuer.key if issuer else key, SHA256()), key)


def _usage(*, signs: bool, certifies: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=signs, content_commitment=False, key_encipherment=not (signs or certifies),
        data_encipherment=False, key_agreement=False, key_cert_sign=certifies, crl_sign=certifies,
        encipher_only=False, decipher_only=False,
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class FakeTpm:
    """A TPM with an attestation key, Google's certificates by the same names under other keys, and a boot."""

    now: datetime
    root: TpmAuthority
    intermediate: TpmAuthority
    key: PrivateKey
    scheme: int
    hash_name: str = "sha256"
    boot: FakeBoot = field(default_factory=FakeBoot.healthy)
    bank: str = "sha256"

    @classmethod
    def create(cls, now: datetime, kind: Kind = "rsa", **changes: Any) -> FakeTpm:
        """A healthy TPM whose key is of this kind; its certificates begin five minutes before `now`."""
        root = issue(ROOT_NAME, _key("root"), now)
        intermediate = issue(INTERMEDIATE_NAME, _key("intermediate"), now, root)
        return replace(cls(now, root, intermediate, _key("ak"), RSASSA).with_key(kind), **changes)

    def with_key(self, kind: Kind) -> FakeTpm:
        """The same TPM with an attestation key of another kind."""
        return replace(self, key=_key("ak", kind), scheme=RSASSA if kind == "rsa" else ECDSA)

    @property
    def root_fingerprint(self) -> str:
        """`sha256:…` of the forged root."""
        return sha256_of(self.root.der)

    @property
    def spki(self) -> bytes:
        """The attestation key as DER SubjectPublicKeyInfo."""
        return self.key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)

    @property
    def key_fingerprint(self) -> str:
        """`sha256:…` of the attestation key, which a caller may trust."""
        return sha256_of(self.spki)

    @property
    def selection(self) -> PcrSelection:
        """What a healthy quote selects."""
        return ((self.bank, SELECTED),)

    def public_area(self, **changes: Any) -> bytes:
        """The attestation key as TPMT_PUBLIC; `changes` are arguments of `encode_key`."""
        return encode_key(self.key.public_key(), **({"scheme": self.scheme} | changes))

    def leaf(self, **changes: Any) -> TpmAuthority:
        """The certificate of the attestation key; `changes` are arguments of `issue`."""
        fields: dict[str, Any] = {"authority": False, "extension": instance_extension(), "issuer": self.intermediate}
        return issue("", self.key, **({"now": self.now} | fields | changes))

    def quote(self, **changes: Any) -> TpmQuote:
        """A healthy quote of the boot, with the fields in `changes` as given."""
        selection = changes.get("selection", self.selection)
        values = {bank: self.boot.values(bank) for bank, _ in selection}
        quote = TpmQuote(
            qualified_signer=b"\0\x0b" + bytes(32),
            extra_data=b"",
            clock_info=ClockInfo(8219159552, 10, 0, safe=True),
            firmware_version=0x2016051100162800,
            selection=selection,
            pcr_digest=digest_of_pcrs(selection, values, self.hash_name) or b"",
        )
        return replace(quote, **changes)

    def sign(self, message: bytes) -> bytes:
        """The TPM's signature (TPMT_SIGNATURE) over the message."""
        digest = _HASHES[self.hash_name]
        if isinstance(self.key, ec.EllipticCurvePrivateKey):
            size = (self.key.curve.key_size + 7) // 8
            r, s = decode_dss_signature(self.key.sign(message, ec.ECDSA(digest)))
            numbers: tuple[bytes, ...] = (r.to_bytes(size, "big"), s.to_bytes(size, "big"))
        elif self.scheme == RSAPSS:
            longest = padding.PSS(padding.MGF1(digest), padding.PSS.MAX_LENGTH)
            numbers = (self.key.sign(message, longest, digest),)
        else:
            numbers = (self.key.sign(message, padding.PKCS1v15(), digest),)
        return TpmSignature(self.scheme, self.hash_name, numbers).encode()

    def evidence(
        self,
        quote: TpmQuote | None = None,
        *,
        report_data: bytes = b"",
        raw: bytes | None = None,
        endorsements: Sequence[bytes] | None = None,
        **parts: bytes | None,
    ) -> EvidenceBundle:
        """The quote, signed, with the values, the log, the key and its certificates; `raw` are other bytes to sign."""
        message = raw if raw is not None else (quote or self.quote(extra_data=report_data)).encode()
        selected = (quote or self.quote()).selection
        values = {bank: {i: self.boot.values(bank)[i] for i in indexes} for bank, indexes in selected}
        whole: dict[str, bytes | None] = {
            "signature": self.sign(message), "ak": self.public_area(), "pcrs": encode_pcrs(values),
            "event_log": self.boot.encode(), **parts,
        }  # fmt: skip
        given = {name: part for name, part in whole.items() if part is not None}
        chain = (self.leaf().der, self.intermediate.der, self.root.der)
        return pack_evidence(FORMAT, message, tuple(chain if endorsements is None else endorsements), **given)
