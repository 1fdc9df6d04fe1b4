"""The attestation services whose results are known: by whom their tokens are issued, and how they are signed.

Sources: Google, Confidential Space, "Attestation token claims" and "Token validation endpoint fields"; Microsoft Azure
Attestation, "Claim sets" and the OpenID metadata of an instance; Intel Trust Authority, "Attestation tokens and claims"
and its EAT profile; NVIDIA Remote Attestation Service (NRAS), attestation-sdk, nv_jwt.cpp.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, SECP384R1, SECP521R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from confide.verify.anchors import GOOGLE_SPACE_ROOTS, NVIDIA_SERVICE_ROOTS
from confide.verify.signatures import MAX_RSA_BITS, MIN_RSA_BITS

GOOGLE = "google-confidential-space"
MICROSOFT = "microsoft-azure-attestation"
INTEL = "intel-trust-authority"
NVIDIA = "nvidia-nras"


@dataclass(frozen=True, slots=True)
class Service:
    """A service: its product name here, the `iss` of its tokens as a pattern, the algorithms that it signs with, and
    the fingerprints of the roots that its signing certificates may end in (none: the caller alone trusts its keys).
    """

    product: str
    issuers: re.Pattern[str]
    algorithms: frozenset[str]
    roots: Collection[str] = ()


SERVICES = (
    Service(
        GOOGLE, re.compile(r"https://confidentialcomputing\.googleapis\.com"), frozenset({"RS256"}), GOOGLE_SPACE_ROOTS
    ),
    Service(
        MICROSOFT,
        re.compile(r"https://[a-z0-9-]{1,63}(\.[a-z0-9-]{1,63})?\.attest\.azure\.(net|us|cn)"),
        frozenset({"RS256"}),
    ),
    Service(
        INTEL,
        re.compile(r"Intel Trust Authority|https://(portal|api)(\.[a-z]{2})?\.trustauthority\.intel\.com"),
        frozenset({"PS384", "RS256"}),
    ),
    Service(NVIDIA, re.compile(r"https://nras\.attestation\.nvidia\.com"), frozenset({"ES384"}), NVIDIA_SERVICE_ROOTS),
)

# The kind of key for each algorithm (RFC 7518, section 3.1): one that is of another kind is never tried.
_CURVES = {"ES256": SECP256R1, "ES384": SECP384R1, "ES512": SECP521R1}


def service_of(issuer: object) -> Service | None:
    """The service that issues tokens with this `iss`; None where it is no known one."""
    if not isinstance(issuer, str):
        return None
    return next((one for one in SERVICES if one.issuers.fullmatch(issuer)), None)


def key_fits(algorithm: str, key: object) -> bool:
    """Whether the key is of the algorithm's kind: RSA of 2048 to 8192 bits, or ECDSA on the one curve."""
    if algorithm in _CURVES:
        return isinstance(key, EllipticCurvePublicKey) and isinstance(key.curve, _CURVES[algorithm])
    rsa = algorithm in {"RS256", "PS384"} and isinstance(key, RSAPublicKey)
    return rsa and isinstance(key, RSAPublicKey) and MIN_RSA_BITS <= key.key_size <= MAX_RSA_BITS
