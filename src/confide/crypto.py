"""The two public-key uses between enclave, broker and reader: HPKE and Ed25519, from `cryptography`."""

from __future__ import annotations

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite

from confide.errors import Refused
from confide.secrets import Secret

KEY_SIZE = 32

_SUITE = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.CHACHA20_POLY1305)


def hpke_seal(secret: Secret, public_key: bytes, info: bytes) -> bytes:
    """Encrypts `secret` to an X25519 public key (32 bytes), bound to `info` (RFC 9180, base mode)."""
    return _SUITE.encrypt(secret.reveal(), X25519PublicKey.from_public_bytes(public_key), info=info)


def hpke_open(ciphertext: bytes, private_key: X25519PrivateKey, info: bytes) -> Secret:
    """The reverse of `hpke_seal`. Raises Refused where key, info or ciphertext do not agree."""
    try:
        return Secret(_SUITE.decrypt(ciphertext, private_key, info=info))
    except InvalidTag:
        raise Refused.because(
            "hpke.open",
            got="a ciphertext that does not open",
            wanted="one made for this key and this grant",
            remedy="Ask the broker for a new challenge and start again.",
        ) from None


def ed25519_verifies(public_key: bytes, signature: bytes, message: bytes) -> bool:
    """Whether the signature (64 bytes) is by the Ed25519 key (32 bytes) over the message (RFC 8032)."""
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True
