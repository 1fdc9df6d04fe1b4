"""A forged Microsoft that endorses utility machines, for tests of Azure confidential containers.

    microsoft = FakeMicrosoft.create(now)
    endorsement = microsoft.endorse(report.measurement, svn=104)

It has Microsoft's names under keys of its own, so that it is refused unless the caller names its root among the
simulated ones. `endorse` takes changes to header and payload, and signs what comes out.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cache

import cbor2
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.padding import MGF1, PSS
from cryptography.hazmat.primitives.hashes import SHA384
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID, ObjectIdentifier

from confide.evidence.cose import ALGORITHM, CONTENT_TYPE, PS384, X5CHAIN, CoseSign1
from confide.evidence.uvm import (
    CWT_CLAIMS,
    CWT_ISSUED_AT,
    CWT_ISSUER,
    CWT_SUBJECT,
    CWT_SVN,
    FEED,
    ISSUER,
    JSON_TYPE,
    MEASUREMENT,
    PAYLOAD_HASH,
    SHA_384,
    SIGNING_TIME,
    SVN,
    SVN_NUMBER,
    write_did,
)
from confide.ids import sha256_of

ROOT = "Microsoft Supply Chain RSA Root CA 2022"
AUTHORITY = "Microsoft SCD Products RSA CA"
LEAF = "ContainerPlat"
CONTAINER_FEED = "ContainerPlat-AMD-UVM"
UVM_USAGE = "1.3.6.1.4.1.311.76.59.1.2"

_PSS = PSS(MGF1(SHA384()), 48)
_YEAR = timedelta(days=365)


@cache
def _key(role: str) -> rsa.RSAPrivateKey:
    """One key for each role and process: small, since it only has to be quick."""
    del role
    return rsa.generate_private_key(65537, 2048)


@dataclass(frozen=True, slots=True)
class FakeMicrosoft:
    """The certificates, leaf first. The leaf is valid for a year from a day before `now`."""

    now: datetime
    leaf: x509.Certificate
    authority: x509.Certificate
    root: x509.Certificate

    @classmethod
    def create(cls, now: datetime, *, usages: tuple[str, ...] = (UVM_USAGE,)) -> FakeMicrosoft:
        """Root and authority for ten years, and a leaf with these extended key usages."""
        root = _authority(ROOT, "root", now, None, 10)
        authority = _authority(AUTHORITY, "authority", now, root, 10)
        usage = x509.ExtendedKeyUsage([ObjectIdentifier(one) for one in usages])
        builder = _builder(LEAF, AUTHORITY, "leaf", now, 1).add_extension(usage, critical=False)
        leaf = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        return cls(now, leaf.sign(_key("authority"), SHA384()), authority, root)

    @property
    def root_fingerprint(self) -> str:
        """`sha256:…` of the forged root."""
        return sha256_of(self.chain[-1])

    @property
    def leaf_key(self) -> rsa.RSAPrivateKey:
        """What signs endorsements."""
        return _key("leaf")

    @property
    def issuer(self) -> str:
        """The did:x509 of this chain."""
        return write_did(self.root_fingerprint, UVM_USAGE)

    @property
    def chain(self) -> list[bytes]:
        """The certificates in DER, leaf first."""
        return [one.public_bytes(Encoding.DER) for one in (self.leaf, self.authority, self.root)]

    def endorse(
        self,
        measurement: bytes,
        *,
        svn: int = 104,
        transparent: bool = False,
        header: Mapping[object, object] | None = None,
        payload: bytes | None = None,
    ) -> bytes:
        """The endorsement of a launch measurement: with a JSON payload, or as a hash envelope (`transparent`). `header`
        replaces labels of the protected header, or with None removes them; `payload` replaces the payload.
        """
        labels = self._transparent(svn) if transparent else self._plain()
        labels = {label: value for label, value in (labels | dict(header or {})).items() if value is not None}
        if payload is None:
            payload = measurement if transparent else _json(measurement, svn)
        return self.sign(CoseSign1(cbor2.dumps(labels), {}, {}, payload, b"", tagged=True))

    def sign(self, message: CoseSign1) -> bytes:
        """The message, signed by the leaf's key (PS384)."""
        return replace(message, signature=self.leaf_key.sign(message.to_be_signed(), _PSS, SHA384())).encode()

    def _plain(self) -> dict[object, object]:
        return {
            ALGORITHM: PS384, CONTENT_TYPE: JSON_TYPE, X5CHAIN: self.chain, ISSUER: self.issuer, FEED: CONTAINER_FEED,
            SIGNING_TIME: cbor2.CBORTag(1, int(self.now.timestamp())),
        }  # fmt: skip

    def _transparent(self, svn: int) -> dict[object, object]:
        issued = cbor2.CBORTag(1, int(self.now.timestamp()))
        claims = {CWT_ISSUER: self.issuer, CWT_SUBJECT: CONTAINER_FEED, CWT_ISSUED_AT: issued, CWT_SVN: svn}
        return {ALGORITHM: PS384, CWT_CLAIMS: claims, X5CHAIN: self.chain, PAYLOAD_HASH: SHA_384}


def _json(measurement: bytes, svn: int) -> bytes:
    return json.dumps({MEASUREMENT: measurement.hex(), SVN: str(svn), SVN_NUMBER: svn}).encode()


def _builder(name: str, issuer: str, role: str, now: datetime, years: int) -> x509.CertificateBuilder:
    subject, above = (x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, one)]) for one in (name, issuer))
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(above).public_key(_key(role).public_key())
    begin = now - timedelta(days=1)
    builder = builder.not_valid_before(begin).not_valid_after(begin + years * _YEAR)
    return builder.serial_number(x509.random_serial_number())


def _authority(name: str, role: str, now: datetime, issuer: x509.Certificate | None, years: int) -> x509.Certificate:
    builder = _builder(name, ROOT, role, now, years)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    usage = x509.KeyUsage(
        digital_signature=False, content_commitment=False, key_encipherment=False, data_encipherment=False,
        key_agreement=False, key_cert_sign=True, crl_sign=True, encipher_only=False, decipher_only=False,
    )  # fmt: skip
    return builder.add_extension(usage, critical=True).sign(_key("root" if issuer else role), SHA384())
