"""Does the signature of a COSE_Sign1 message verify, by the one algorithm that the format allows?

Sources: RFC 9052, section 4.4; RFC 9053, section 2.1 (ECDSA: r and s as numbers of fixed size, one after the other);
RFC 8230, section 2 (RSASSA-PSS: salt as long as the hash).
"""

from __future__ import annotations

from collections.abc import Callable

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ec import (
    ECDSA,
    SECP256R1,
    SECP384R1,
    SECP521R1,
    EllipticCurve,
    EllipticCurvePublicKey,
)
from cryptography.hazmat.primitives.asymmetric.padding import MGF1, PSS
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256, SHA384, SHA512, HashAlgorithm

from confide.evidence.cose import ES256, ES384, ES512, PS256, PS384, PS512, CoseSign1

_MIN_RSA_BITS = 2048
# RFC 9053 leaves the curve free; a curve as strong as the hash is what every format here asks for.
_ECDSA: dict[int, tuple[type[EllipticCurve], Callable[[], HashAlgorithm]]] = {
    ES256: (SECP256R1, SHA256), ES384: (SECP384R1, SHA384), ES512: (SECP521R1, SHA512),
}  # fmt: skip
_PSS: dict[int, Callable[[], HashAlgorithm]] = {PS256: SHA256, PS384: SHA384, PS512: SHA512}


def cose_verifies(
    message: CoseSign1, key: object, *, algorithm: int, detached: bytes | None = None, external_aad: bytes = b""
) -> bool:
    """Whether `key` (a public key of the cryptography library) signed the message by `algorithm`, which the caller
    pins: the message must name the same one. ES256, ES384, ES512 (each on its own curve) and PS256, PS384, PS512
    are known; for another one, and for a key of another kind or size, the answer is no.

    Raises MalformedCoseError where the payload is neither in the message nor given, or both.
    """
    signed = message.to_be_signed(detached=detached, external_aad=external_aad)
    if message.algorithm != algorithm:
        return False
    if algorithm in _ECDSA:
        return _ecdsa_verifies(key, message.signature, signed, algorithm)
    return algorithm in _PSS and _pss_verifies(key, message.signature, signed, algorithm)


def _ecdsa_verifies(key: object, signature: bytes, signed: bytes, algorithm: int) -> bool:
    curve, digest = _ECDSA[algorithm]
    if not isinstance(key, EllipticCurvePublicKey) or not isinstance(key.curve, curve):
        return False
    size = (key.curve.key_size + 7) // 8
    if len(signature) != 2 * size:
        return False
    r, s = int.from_bytes(signature[:size], "big"), int.from_bytes(signature[size:], "big")
    try:
        key.verify(encode_dss_signature(r, s), signed, ECDSA(digest()))
    except InvalidSignature:
        return False
    return True


def _pss_verifies(key: object, signature: bytes, signed: bytes, algorithm: int) -> bool:
    digest = _PSS[algorithm]()
    if not isinstance(key, RSAPublicKey) or key.key_size < _MIN_RSA_BITS:
        return False
    try:
        key.verify(signature, signed, PSS(MGF1(digest), digest.digest_size), digest)
    except InvalidSignature:
        return False
    return True
