"""The key of a token: found by its id or by certificate, trusted by a pinned root or by the caller alone.

Sources: RFC 7517 (JWK, JWKS), RFC 7518, section 6 (RSA and EC keys); RFC 7515, sections 4.1.4 (kid) and 4.1.6 (x5c). A
`jku` or `jwk` in a token's header is never looked at: it would let the token choose its own key.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.algorithms import ECAlgorithm, RSAAlgorithm
from jwt.exceptions import PyJWTError

from confide.errors import Misuse
from confide.evidence.jwt import MAX_CERTIFICATES, Token
from confide.ids import sha256_of
from confide.strictjson import loads
from confide.verify.chains import find_path
from confide.verify.jwt_services import Service
from confide.verify.signatures import ECDSA_ANY, RSA_PKCS1, RSA_PSS
from confide.verify.trust import Trust
from confide.verify.x509 import Certificate, MalformedCertificateError, parse_item

ALGORITHMS = RSA_PKCS1 | RSA_PSS | ECDSA_ANY
MAX_KEY_SETS, MAX_KEYS = 8, 64
_MAX_NUMBER = 1368  # characters of base64url for 8192 bits: larger numbers only cost time
PublicKey = RSAPublicKey | EllipticCurvePublicKey


class MalformedKeyError(ValueError):
    """A key or key set does not parse. The message says what is wrong."""


@dataclass(frozen=True, slots=True)
class TokenKey:
    """A key that may have signed a token, with the path of certificates above it (empty where none came along)."""

    key: PublicKey
    path: tuple[Certificate, ...] = ()

    @property
    def fingerprint(self) -> str:
        """`sha256:…` of the DER SubjectPublicKeyInfo."""
        return key_fingerprint(self.key)


def key_fingerprint(key: PublicKey) -> str:
    """`sha256:…` of the DER SubjectPublicKeyInfo: how a caller names a key that it trusts."""
    return sha256_of(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))


def is_key_set(data: bytes) -> bool:
    """Whether an endorsement is JSON, and so no certificate or list."""
    return data.lstrip()[:1] == b"{"


def read_key_sets(documents: Sequence[bytes]) -> list[Mapping[str, object]]:
    """The keys of all key sets, as JSON objects. Raises MalformedKeyError."""
    if len(documents) > MAX_KEY_SETS:
        raise MalformedKeyError(f"{len(documents)} key sets")
    keys = [key for document in documents for key in _keys_in(document)]
    if len(keys) > MAX_KEYS:
        raise MalformedKeyError(f"{len(keys)} keys")
    return keys


def _keys_in(document: bytes) -> list[Mapping[str, object]]:
    try:
        value = loads(document, "key set")
    except Misuse as failure:
        raise MalformedKeyError(failure.findings[0].got) from None
    keys = value.get("keys") if isinstance(value, dict) else None
    if not isinstance(keys, list) or not all(isinstance(one, dict) for one in keys):
        raise MalformedKeyError("JSON that is no key set")
    return keys


def find_key(
    token: Token, keys: Sequence[Mapping[str, object]], certificates: Sequence[Certificate]
) -> TokenKey | None:
    """The key by the certificates in the token's header, else the one with its id in the key sets; None where there is
    none. Raises MalformedKeyError, also where two keys have the id.
    """
    if own := token.certificates():
        return _from_certificates(own, certificates)
    named = [one for one in keys if token.key_id is not None and one.get("kid") == token.key_id]
    if len(named) > 1:
        raise MalformedKeyError(f"{len(named)} keys with the id {str(token.key_id)[:40]!r}")
    return _from_jwk(named[0], token, certificates) if named else None


def _from_certificates(ders: Sequence[bytes], others: Sequence[Certificate]) -> TokenKey:
    try:
        items = [parse_item(der) for der in ders]
    except MalformedCertificateError:
        raise MalformedKeyError("a certificate that does not parse") from None
    certificates = [one for one in items if isinstance(one, Certificate)]
    if len(certificates) != len(items):
        raise MalformedKeyError("a revocation list among the certificates")
    leaf = certificates[0]
    if not isinstance(leaf.public_key, RSAPublicKey | EllipticCurvePublicKey):
        raise MalformedKeyError("a certificate with a key of another kind")
    return TokenKey(leaf.public_key, tuple(find_path(leaf, [*certificates, *others], ALGORITHMS)))


def _from_jwk(jwk: Mapping[str, object], token: Token, others: Sequence[Certificate]) -> TokenKey:
    """A key with an RSA modulus or curve point, a certificate, or both, which then agree."""
    if jwk.get("alg", token.algorithm) != token.algorithm or jwk.get("use", "sig") != "sig" or "d" in jwk or "k" in jwk:
        raise MalformedKeyError("a key for another algorithm or use, or a secret one")
    bare = _bare_key(jwk) if jwk.keys() & {"n", "x"} else None
    values = jwk.get("x5c")
    if values is None:
        if bare is None:
            raise MalformedKeyError("a key set entry without a key")
        return TokenKey(bare)
    certified = _from_certificates(_decoded(values), others)
    if bare is not None and key_fingerprint(bare) != certified.fingerprint:
        raise MalformedKeyError("a key that is not the one in its certificate")
    return certified


def _decoded(values: object) -> list[bytes]:
    if not isinstance(values, list) or not 0 < len(values) <= MAX_CERTIFICATES:
        raise MalformedKeyError("`x5c` that is no short list")
    try:
        return [base64.b64decode(str(one), validate=True) for one in values]
    except ValueError:
        raise MalformedKeyError("`x5c` with broken base64") from None


def _bare_key(jwk: Mapping[str, object]) -> PublicKey:
    readers: dict[str, Any] = {"RSA": RSAAlgorithm.from_jwk, "EC": ECAlgorithm.from_jwk}
    reader = readers.get(str(jwk.get("kty")))
    fields = {name: jwk[name] for name in ("kty", "n", "e", "crv", "x", "y") if name in jwk}
    short = all(len(str(value)) <= _MAX_NUMBER for value in fields.values())
    try:
        key = reader(json.dumps(fields)) if reader and short else None
    except (PyJWTError, ValueError, TypeError, KeyError, AttributeError):
        key = None
    if not isinstance(key, RSAPublicKey | EllipticCurvePublicKey):
        raise MalformedKeyError("a key that does not parse")
    return key


def anchored(found: TokenKey, service: Service, trust: Trust) -> tuple[list[Certificate], set[str]]:
    """The path up to the first certificate that is pinned, SIMULATED or has a trusted key, and the fingerprints of the
    certificates that the caller trusts by their keys.
    """
    by_key = {one.fingerprint for one in found.path if _has_trusted_key(one, trust)}
    anchors = {*service.roots, *trust.simulated_roots, *by_key}
    path = list(found.path)
    end = next((n for n, one in enumerate(path) if one.fingerprint in anchors), len(path) - 1)
    return path[: end + 1], by_key


def _has_trusted_key(certificate: Certificate, trust: Trust) -> bool:
    key = certificate.public_key
    return isinstance(key, RSAPublicKey | EllipticCurvePublicKey) and key_fingerprint(key) in trust.keys
