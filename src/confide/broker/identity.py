"""The broker's identity: one Ed25519 key that signs grants, policy revisions and its TLS certificate.

Its name, the broker id, is the SHA-256 of the raw public key. The seed is kept wrapped by the owner's
key custody; the certificate is self-signed, because agents pin the key and not a name.
"""

from __future__ import annotations

import os
import ssl
from datetime import UTC, datetime, timedelta
from typing import Literal

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.x509.oid import NameOID

from confide.errors import Refused
from confide.ids import from_base64, sha256_of, to_base64
from confide.keys.custody import KeyCustody
from confide.secrets import Secret, wiped_after

# RFC 5280, section 4.1.2.5: the date of a certificate without an end. Its key is pinned, not its time.
_NO_END = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)


class WrappedIdentity(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The identity as it is stored: the public key, and the seed wrapped by the owner's key custody."""

    public_key: str
    wrapped_seed: str
    custody: str
    custody_key_id: str
    type: Literal["confide-broker-identity/1"] = "confide-broker-identity/1"


class BrokerIdentity:
    """The unlocked identity."""

    def __init__(self, key: Ed25519PrivateKey) -> None:
        self._key = key
        self.public_key = key.public_key().public_bytes_raw()
        self.broker_id = sha256_of(self.public_key)

    @classmethod
    def generate(cls) -> BrokerIdentity:
        """A fresh identity from the operating system's generator."""
        return cls(Ed25519PrivateKey.generate())

    @classmethod
    def unwrap(cls, stored: WrappedIdentity, custody: KeyCustody) -> BrokerIdentity:
        """The identity from its stored form. Raises Refused where the parts do not belong together."""
        public_key = from_base64(stored.public_key, "public key")
        with wiped_after(custody.unwrap(from_base64(stored.wrapped_seed, "seed"), _context(public_key))) as seed:
            identity = cls(Ed25519PrivateKey.from_private_bytes(seed.reveal()))
        if identity.public_key != public_key:
            raise Refused.because(
                "broker.identity",
                got="a private key of another identity",
                wanted=sha256_of(public_key),
                remedy="Restore the owner's home from a backup.",
            )
        return identity

    def wrap(self, custody: KeyCustody) -> WrappedIdentity:
        """The stored form: the seed leaves only wrapped."""
        with wiped_after(Secret(self._key.private_bytes_raw())) as seed:
            wrapped = custody.wrap(seed, _context(self.public_key))
        return WrappedIdentity(to_base64(self.public_key), to_base64(wrapped), custody.kind, custody.key_id)

    def sign(self, message: bytes) -> bytes:
        """An Ed25519 signature, 64 bytes (RFC 8032)."""
        return self._key.sign(message)

    def certificate(self, now: datetime) -> bytes:
        """A self-signed certificate of this key in PEM, valid from a day before `now`, without an end."""
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"confide broker {self.broker_id[:23]}")])
        builder = x509.CertificateBuilder(name, name, self._key.public_key(), x509.random_serial_number())
        builder = builder.not_valid_before(now - timedelta(days=1)).not_valid_after(_NO_END)
        builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        return builder.sign(self._key, algorithm=None).public_bytes(serialization.Encoding.PEM)

    def tls_context(self, certificate: bytes) -> ssl.SSLContext:
        """A server's TLS 1.3 context with this key and its certificate in PEM (RFC 8446)."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        context.set_alpn_protocols(["http/1.1"])
        key = self._key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        # OpenSSL's binding takes a file only: this one is memory without a name, closed on the next line.
        descriptor = os.memfd_create("tls", os.MFD_CLOEXEC)
        try:
            os.write(descriptor, key + certificate)
            context.load_cert_chain(f"/proc/self/fd/{descriptor}")
        finally:
            os.close(descriptor)
        return context


def _context(public_key: bytes) -> bytes:
    return b"confide-broker-identity/1:" + sha256_of(public_key).encode()
