"""EAR: a verdict as an EAT attestation result, which relying parties of other makers can read.

Source: draft-ietf-rats-ear-04 (May 2026), sections 3 (claims) and 3.2 (JSON); RFC 9711 (EAT); RFC 7519 (JWT).
The token is a JWT, signed with ES256, ES384 or EdDSA. What the evidence says of itself is in `ear_attester_claims`;
what was checked is in `ear_verifier_claims`, codes only: the details of a refusal are for the owner.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import jwt
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, SECP384R1, EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey as EcPublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

from confide import __version__
from confide.errors import Check, Misuse
from confide.ids import sha256_of
from confide.results.vector import Tier, Verdict, make_vector, tier_of

PROFILE = "tag:ietf.org,2026:rats/ear#04"
TYPE = "eat+jwt"  # RFC 9782, section 6.3
DEVELOPER = "Confide"

SigningKey = EllipticCurvePrivateKey | Ed25519PrivateKey


@dataclass(frozen=True, slots=True, kw_only=True)
class Appraised:
    """One piece of evidence with its verdict, as EAR reports it under a label of its own. `failed` are the codes of its
    findings; `nonce` are the bytes that it was found to carry, None where nothing was compared; `policy` is the digest
    of the policy.
    """

    format: str
    verdict: Verdict
    simulated: bool
    checks: tuple[Check, ...]
    failed: tuple[str, ...] = ()
    claims: Mapping[str, object] = field(default_factory=dict)
    policy: str | None = None
    nonce: bytes | None = None

    @property
    def vector(self) -> dict[str, int]:
        """The trustworthiness vector."""
        return make_vector(self.verdict, self.checks, self.failed, simulated=self.simulated)

    @property
    def status(self) -> Tier:
        """The tier of the whole: contraindicated where it was refused, none where nobody's policy was asked, and
        otherwise the worst of the vector (EAR, section 3.1: never a higher trust than its worst claim).
        """
        if self.verdict == "refused":
            return Tier.CONTRAINDICATED
        worst = max(map(tier_of, self.vector.values()))
        return worst if self.verdict == "affirmed" or worst is Tier.CONTRAINDICATED else Tier.NONE

    def to_dict(self) -> dict[str, object]:
        """The `EAR-appraisal` of this piece."""
        found: dict[str, object] = {
            "ear_status": self.status.word,
            "ear_trustworthiness_vector": self.vector,
            "ear_attester_claims": dict(self.claims),
            "ear_verifier_claims": {
                "format": self.format,
                "verdict": self.verdict,
                "simulated": self.simulated,
                "checks": [check.to_dict() for check in self.checks],
            },
        }
        if self.policy is not None:
            found["ear_appraisal_policy_ids"] = [self.policy]
        if self.nonce is not None:
            found["eat_nonce"] = base64.urlsafe_b64encode(self.nonce).rstrip(b"=").decode("ascii")
        return found


def make_ear(pieces: Mapping[str, Appraised], *, now: datetime, expires: datetime | None = None) -> dict[str, object]:
    """The claims set for one or more appraised pieces by label. Raises ValueError where there is none."""
    if not pieces:
        raise ValueError("an EAR without a submodule says nothing")
    times = {"iat": int(now.timestamp())} | ({"exp": int(expires.timestamp())} if expires else {})
    return {
        "eat_profile": PROFILE,
        **times,
        "ear_verifier_id": {"developer": DEVELOPER, "build": f"confide {__version__}"},
        "ear_status": overall([piece.status for piece in pieces.values()]).word,
        "submods": {label: piece.to_dict() for label, piece in pieces.items()},
    }


def overall(statuses: Sequence[Tier]) -> Tier:
    """The worst tier of several; none counts as worse than affirming, since it says nothing."""
    worst = max(statuses)
    return Tier.NONE if worst is Tier.AFFIRMING and Tier.NONE in statuses else worst


def load_signing_key(pem: bytes) -> SigningKey:
    """The private key in PEM: P-256, P-384 or Ed25519, without a passphrase. Raises Misuse."""
    try:
        key = load_pem_private_key(pem, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise _wrong_key("what is no unencrypted private key in PEM") from None
    algorithm_of(key.public_key())
    assert isinstance(key, EllipticCurvePrivateKey | Ed25519PrivateKey)
    return key


def algorithm_of(key: object) -> str:
    """The one signature algorithm of a public key (RFC 7518, section 3.4; RFC 8037). Raises Misuse for others."""
    if isinstance(key, Ed25519PublicKey):
        return "EdDSA"
    if isinstance(key, EcPublicKey) and isinstance(key.curve, SECP256R1):
        return "ES256"
    if isinstance(key, EcPublicKey) and isinstance(key.curve, SECP384R1):
        return "ES384"
    raise _wrong_key("a key of another kind")


def _wrong_key(got: str) -> Misuse:
    return Misuse.because(
        "ear.key",
        got=got,
        wanted="a P-256, P-384 or Ed25519 key",
        remedy="Make one with `openssl genpkey -algorithm ed25519 -out key.pem`, and keep it where only you read it.",
    )


def key_id(key: EcPublicKey | Ed25519PublicKey) -> str:
    """`sha256:…` of the DER SubjectPublicKeyInfo: how relying parties name the key."""
    return sha256_of(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))


def sign_ear(claims: Mapping[str, object], key: SigningKey) -> str:
    """The claims as a signed JWT in the compact serialisation (RFC 7515, section 3.1)."""
    public = key.public_key()
    headers = {"typ": TYPE, "kid": key_id(public)}
    return jwt.encode(dict(claims), key, algorithm=algorithm_of(public), headers=headers)
