"""A forged AWS for negative tests: builds or adopts an attestation document of a Nitro Enclave, and re-signs it and
every certificate above.

What it makes is accepted only by a caller who names its root among the simulated ones; that is the positive twin of
every refusal:

    aws = FakeAws.create(now)
    bundle = aws.evidence(aws.document(nonce=b"question"))
    verify_evidence(bundle, now=now, report_data=b"question", simulated_roots=[aws.root_fingerprint])

One field of a real document is changed with `aws.adopt(data, nonce=b"another")`. Documents are plain CBOR maps, so
that fields of wrong types can be made as well; `certificate` and `cabundle` are filled in by `evidence`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cache
from typing import Any

import cbor2
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA384
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from confide.evidence.bundle import EvidenceBundle, pack_evidence
from confide.evidence.cbor import load_cbor
from confide.evidence.cose import CoseSign1, parse_sign1
from confide.evidence.nitro import FORMAT, PROTECTED, TPM_FORMAT
from confide.ids import sha256_of

MODULE_ID = "i-0123456789abcdef0-enc0123456789abcdef"
_INSTANCE = MODULE_ID.partition("-enc")[0]
_ZONE, _REGION = "0123456789abcdef.zonal.us-east-1", "fedcba9876543210.us-east-1"
# Names and lifetimes as AWS has them: root, region, zone, instance; a leaf lives for three hours.
_AUTHORITIES = (
    ("aws.nitro-enclaves", timedelta(days=30 * 365)),
    (f"{_REGION}.aws.nitro-enclaves", timedelta(days=20)),
    (f"{_ZONE}.aws.nitro-enclaves", timedelta(days=5)),
    (f"{_INSTANCE}.us-east-1.aws.nitro-enclaves", timedelta(days=1)),
)
LEAF_LIFE = timedelta(hours=3)
_BEFORE = timedelta(seconds=30)


@cache
def _key(role: str) -> ec.EllipticCurvePrivateKey:
    """One key for each role and process."""
    del role
    return ec.generate_private_key(ec.SECP384R1())


def _usage(*, signs: bool, certifies: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=signs, content_commitment=False, key_encipherment=False, data_encipherment=False,
        key_agreement=False, key_cert_sign=certifies, crl_sign=certifies, encipher_only=False, decipher_only=False,
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class AwsAuthority:
    """A certificate of AWS's names, and its key."""

    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate

    @property
    def der(self) -> bytes:
        """The certificate in DER."""
        return self.certificate.public_bytes(Encoding.DER)

    @classmethod
    def issue(
        cls,
        common_name: str,
        key: ec.EllipticCurvePrivateKey,
        issuer: AwsAuthority | None,
        *,
        now: datetime,
        life: timedelta,
        is_authority: bool = True,
        path_length: int | None = None,
        signs: bool = False,
        has_usage: bool = True,
    ) -> AwsAuthority:
        """A certificate from `now` on, signed by `issuer` or by itself, with ECDSA and SHA-384."""
        name = x509.Name([
            x509.NameAttribute(NameOID.COUNTRY_NAME, "US"),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Amazon"),
            x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, "AWS"),
            x509.NameAttribute(NameOID.COMMON_NAME, common_name),
        ])  # fmt: skip
        builder = x509.CertificateBuilder().subject_name(name).public_key(key.public_key())
        builder = builder.issuer_name(issuer.certificate.subject if issuer else name)
        builder = builder.serial_number(x509.random_serial_number())
        builder = builder.not_valid_before(now - _BEFORE).not_valid_after(now - _BEFORE + life)
        constraints = x509.BasicConstraints(ca=is_authority, path_length=path_length)
        builder = builder.add_extension(constraints, critical=True)
        if has_usage:
            builder = builder.add_extension(_usage(signs=signs, certifies=is_authority), critical=True)
        return cls(key, builder.sign(issuer.key if issuer else key, SHA384()))

    def revocation_list(self, now: datetime, revoked: tuple[int, ...] = (), days: int = 1) -> bytes:
        """A revocation list in DER, in force for `days` days, that names the serial numbers `revoked`."""
        builder = x509.CertificateRevocationListBuilder().issuer_name(self.certificate.subject)
        builder = builder.last_update(now - _BEFORE).next_update(now - _BEFORE + timedelta(days=days))
        for serial in revoked:
            entry = x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(now - _BEFORE)
            builder = builder.add_revoked_certificate(entry.build())
        return builder.sign(self.key, SHA384()).public_bytes(Encoding.DER)


@dataclass(frozen=True, slots=True)
class FakeAws:
    """AWS's certificates for one instance, by the same names, under other keys. `authorities` begin with the root."""

    now: datetime
    authorities: tuple[AwsAuthority, ...]

    @classmethod
    def create(cls, now: datetime) -> FakeAws:
        """Certificates valid from 30 seconds before `now`; the shortest of them for a day."""
        chain: list[AwsAuthority] = []
        for above, (name, life) in enumerate(_AUTHORITIES):
            length = len(_AUTHORITIES) - 1 - above if above else None
            issuer = chain[-1] if chain else None
            chain.append(AwsAuthority.issue(name, _key(name), issuer, now=now, life=life, path_length=length))
        return cls(now, tuple(chain))

    @property
    def root_fingerprint(self) -> str:
        """`sha256:…` of the forged root."""
        return sha256_of(self.authorities[0].der)

    def leaf(self, *, now: datetime | None = None, life: timedelta = LEAF_LIFE, **changes: Any) -> AwsAuthority:
        """The certificate that signs documents; `changes` are arguments of `AwsAuthority.issue`."""
        values: dict[str, Any] = {"is_authority": False, "signs": True} | changes
        key, issuer = values.pop("key", _key("leaf")), values.pop("issuer", self.authorities[-1])
        return AwsAuthority.issue(f"{MODULE_ID}.us-east-1.aws", key, issuer, now=now or self.now, life=life, **values)

    def document(self, **changes: object) -> dict[str, object]:
        """A healthy document with PCR0 to PCR15, of which 0 to 4 and 8 are set; `changes` replaces fields, or with
        `...` (Ellipsis) removes them.
        """
        pcrs = {index: bytes([index + 1]) * 48 if index in {0, 1, 2, 3, 4, 8} else bytes(48) for index in range(16)}
        fields: dict[str, object] = {
            "module_id": MODULE_ID, "digest": "SHA384", "timestamp": int(self.now.timestamp() * 1000), "pcrs": pcrs,
            "public_key": None, "user_data": None, "nonce": None,
        }  # fmt: skip
        return fields | changes

    def tpm_document(self, **changes: object) -> dict[str, object]:
        """A healthy document of a NitroTPM with its 24 registers, of which PCR0, 4, 7 and 12 are set."""
        pcrs = {index: bytes([index + 1]) * 48 if index in {0, 4, 7, 12} else bytes(48) for index in range(24)}
        own = {"module_id": f"{_INSTANCE}-tpm0000000000000000", "nitrotpm_pcrs": pcrs, "pcrs": ...}
        return self.document(**(own | changes))

    def adopt(self, data: bytes, **changes: object) -> dict[str, object]:
        """The fields of a real document, made at this forger's time, for `evidence` to sign again."""
        fields = load_cbor(parse_sign1(data).payload or b"")
        own = {"timestamp": int(self.now.timestamp() * 1000)}
        return {**{k: v for k, v in fields.items() if k not in {"certificate", "cabundle"}}, **own, **changes}

    def evidence(
        self,
        document: Mapping[str, object],
        *,
        leaf: AwsAuthority | None = None,
        authorities: tuple[AwsAuthority, ...] | None = None,
        lists: tuple[bytes, ...] = (),
        **envelope: Any,
    ) -> EvidenceBundle:
        """The document with leaf and bundle, signed by the leaf's key. `envelope` replaces fields of `CoseSign1`
        before it is signed.
        """
        name = TPM_FORMAT if "nitrotpm_pcrs" in document else FORMAT
        return pack_evidence(name, self.sign(document, leaf=leaf, authorities=authorities, **envelope), lists)

    def sign(
        self,
        document: Mapping[str, object],
        *,
        leaf: AwsAuthority | None = None,
        authorities: tuple[AwsAuthority, ...] | None = None,
        **envelope: Any,
    ) -> bytes:
        """The bytes of `evidence`."""
        leaf = leaf or self.leaf()
        chain = self.authorities if authorities is None else authorities
        filled = {"certificate": leaf.der, "cabundle": [one.der for one in chain]} | dict(document)
        payload = cbor2.dumps({name: value for name, value in filled.items() if value is not ...})
        message = replace(CoseSign1(PROTECTED, {}, {}, payload, b""), **envelope)
        signature = leaf.key.sign(message.to_be_signed(), ec.ECDSA(SHA384()))
        r, s = decode_dss_signature(signature)
        size = (leaf.key.key_size + 7) // 8
        return replace(message, signature=r.to_bytes(size, "big") + s.to_bytes(size, "big")).encode()
