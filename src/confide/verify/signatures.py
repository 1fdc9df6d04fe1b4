"""The signatures of certificates, lists and evidence: one name for each algorithm, and nothing is guessed.

Sources: RFC 8017 (RSA), sections 8.1 and 8.2; FIPS 186-5 and SEC 1 (ECDSA); RFC 5758 and RFC 4055 (names in X.509).
"""

from __future__ import annotations

from collections.abc import Callable

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, SECP256R1, SECP384R1, SECP521R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.padding import MGF1, PSS, PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256, SHA384, SHA512, HashAlgorithm

MIN_RSA_BITS = 2048
MAX_RSA_BITS = 8192  # larger keys only cost time
_CURVES = (SECP256R1, SECP384R1, SECP521R1)
_HASHES: dict[str, HashAlgorithm] = {"sha256": SHA256(), "sha384": SHA384(), "sha512": SHA512()}

RSA_PSS = frozenset({"rsa-pss-sha256", "rsa-pss-sha384", "rsa-pss-sha512"})
RSA_PKCS1 = frozenset({"rsa-pkcs1-sha256", "rsa-pkcs1-sha384", "rsa-pkcs1-sha512"})
ECDSA_ANY = frozenset({"ecdsa-sha256", "ecdsa-sha384", "ecdsa-sha512"})

# Signature algorithms in X.509 by their object identifier; RSASSA-PSS names its hash in the parameters.
BY_OID = {
    "1.2.840.113549.1.1.11": "rsa-pkcs1-sha256",
    "1.2.840.113549.1.1.12": "rsa-pkcs1-sha384",
    "1.2.840.113549.1.1.13": "rsa-pkcs1-sha512",
    "1.2.840.10045.4.3.2": "ecdsa-sha256",
    "1.2.840.10045.4.3.3": "ecdsa-sha384",
    "1.2.840.10045.4.3.4": "ecdsa-sha512",
}
PSS_OID = "1.2.840.113549.1.1.10"


def verifies(algorithm: str, key: object, signature: bytes, message: bytes) -> bool:
    """Whether the key made the signature over the message by this algorithm (`rsa-pss-sha384`, `rsa-pkcs1-sha256`,
    `ecdsa-sha384` and so on). False for a key of another kind, an RSA key of fewer than 2048 or more than 8192 bits, a
    curve that is not P-256, P-384 or P-521, and an algorithm that is not known. ECDSA signatures are in DER.
    """
    kind, _, name = algorithm.rpartition("-")
    check, digest = _KINDS.get(kind), _HASHES.get(name)
    if check is None or digest is None:
        return False
    try:
        return check(key, signature, message, digest)
    except (InvalidSignature, UnsupportedAlgorithm, ValueError):
        return False


def _rsa_pss(key: object, signature: bytes, message: bytes, digest: HashAlgorithm) -> bool:
    """With MGF1 of the same hash and a salt of the hash's length (RFC 8017, section 8.1)."""
    if not isinstance(key, RSAPublicKey) or not MIN_RSA_BITS <= key.key_size <= MAX_RSA_BITS:
        return False
    key.verify(signature, message, PSS(MGF1(digest), digest.digest_size), digest)
    return True


def _rsa_pkcs1(key: object, signature: bytes, message: bytes, digest: HashAlgorithm) -> bool:
    if not isinstance(key, RSAPublicKey) or not MIN_RSA_BITS <= key.key_size <= MAX_RSA_BITS:
        return False
    key.verify(signature, message, PKCS1v15(), digest)
    return True


def _ecdsa(key: object, signature: bytes, message: bytes, digest: HashAlgorithm) -> bool:
    if not isinstance(key, EllipticCurvePublicKey) or not isinstance(key.curve, _CURVES):
        return False
    key.verify(signature, message, ECDSA(digest))
    return True


_KINDS: dict[str, Callable[[object, bytes, bytes, HashAlgorithm], bool]] = {
    "rsa-pss": _rsa_pss,
    "rsa-pkcs1": _rsa_pkcs1,
    "ecdsa": _ecdsa,
}
