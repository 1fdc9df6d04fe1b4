"""Reads an EAR back: its signature against a key that the caller gives, then its claims.

Source: draft-ietf-rats-ear-04, section 3; the earlier profile of the Veraison project, whose labels have a dot where
the draft has an underscore, is read too. Claims that are not known are ignored, as the draft demands.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import jwt
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from confide.clock import to_rfc3339
from confide.errors import Misuse, Refused
from confide.results.ear import algorithm_of, overall
from confide.results.vector import CLAIMS, Tier, tier_of
from confide.strictjson import loads

MAX_BYTES = 1 << 18
MAX_SUBMODS = 64
SKEW = timedelta(seconds=60)  # the verifier's clock may be ahead of ours
PROFILES = re.compile(r"tag:ietf\.org,2026:rats/ear#0[1-5]|tag:github\.com,2023:veraison/ear")
_COMPACT = re.compile(r"[\w-]+\.[\w-]+\.[\w-]+", re.ASCII)
_TIERS = {tier.word: tier for tier in Tier} | {int(tier): tier for tier in Tier}


@dataclass(frozen=True, slots=True, kw_only=True)
class Appraisal:
    """The appraisal of one attester. `status` is as stated; where that is none, it is the worst of a vector that warns
    or contraindicates.
    """

    status: Tier
    vector: dict[str, int]
    policies: tuple[str, ...]
    attester_claims: Mapping[str, object]
    verifier_claims: Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ear:
    """An attestation result. `status` is the worst of its appraisals, also where the token leaves it out."""

    profile: str
    issued_at: datetime
    expires: datetime | None
    verifier: dict[str, str]
    status: Tier
    submods: dict[str, Appraisal]


def read_ear(token: str, key: EllipticCurvePublicKey | Ed25519PublicKey, *, now: datetime) -> Ear:
    """The result in a signed token. `key` is the verifier's, which the caller trusts; it alone decides the algorithm.
    Raises Refused for another signature, an expired token or one from the future, and for malformed claims.
    """
    algorithm = algorithm_of(key)
    if len(token) > MAX_BYTES or not _COMPACT.fullmatch(token):
        raise _refused("ear.malformed", "what is no compact JWT of at most 256 KiB", "a signed EAR")
    try:
        payload = jwt.PyJWS(algorithms=[algorithm]).decode(token, key, algorithms=[algorithm])
    except jwt.InvalidTokenError:
        raise _refused(
            "ear.signature", "a signature that does not verify", f"one by the given key ({algorithm})"
        ) from None
    ear = read_unverified_ear(payload)
    if ear.issued_at > now + SKEW or (ear.expires is not None and ear.expires <= now):
        raise _refused(
            "ear.time", f"a result issued at {to_rfc3339(ear.issued_at)}", f"one in force at {to_rfc3339(now)}"
        )
    return ear


def read_unverified_ear(data: bytes) -> Ear:
    """The claims in JSON, whoever wrote them. Raises Refused for what is no EAR, and for one whose status claims more
    trust than its worst claim allows.
    """
    try:
        claims = _table(loads(data, "EAR", MAX_BYTES))
        return _ear(claims)
    except (Misuse, ValueError, TypeError, KeyError, OverflowError) as error:
        got = error.findings[0].got if isinstance(error, Misuse) else f"{type(error).__name__} {error}"[:120]
        raise _refused("ear.malformed", got, "the claims of draft-ietf-rats-ear-04 in JSON") from None


def _refused(code: str, got: str, wanted: str) -> Refused:
    return Refused.because(code, got=got, wanted=wanted, remedy="Ask the verifier for a new result.")


def _table(value: object) -> dict[str, object]:
    if not isinstance(value, dict):
        raise TypeError("not an object")
    return value


def _label(claims: Mapping[str, object], name: str) -> object:
    """A claim of EAR by its label of today, or that of the Veraison profile; both at once are an error."""
    dotted = name.replace("ear_", "ear.", 1).replace("_", "-")
    if name in claims and dotted in claims:
        raise ValueError(f"{name} twice")
    return claims.get(name, claims.get(dotted))


def _ear(claims: dict[str, object]) -> Ear:
    profile = claims["eat_profile"]
    if not isinstance(profile, str) or not PROFILES.fullmatch(profile):
        raise ValueError("an unknown eat_profile")
    verifier = _table(_label(claims, "ear_verifier_id"))
    submods = _table(claims["submods"])
    if not 0 < len(submods) <= MAX_SUBMODS:
        raise ValueError("no submods, or too many")
    appraisals = {label: _appraisal(_table(value)) for label, value in submods.items()}
    worst = overall([one.status for one in appraisals.values()])
    stated = _label(claims, "ear_status")
    if stated is not None and _rank(_tier(stated)) < _rank(worst):
        raise ValueError("an ear_status above the worst of the submods")
    return Ear(
        profile=profile,
        issued_at=_moment(claims["iat"]),
        expires=_moment(claims["exp"]) if "exp" in claims else None,
        verifier={name: _text(verifier[name]) for name in ("developer", "build")},
        status=worst if stated is None else _tier(stated),
        submods=appraisals,
    )


def _appraisal(claims: dict[str, object]) -> Appraisal:
    status = _tier(_label(claims, "ear_status"))
    raw = _label(claims, "ear_trustworthiness_vector")
    vector = {name: _integer(value) for name, value in _table({} if raw is None else raw).items()}
    if not vector.keys() <= set(CLAIMS):
        raise ValueError("an unknown claim in the trustworthiness vector")
    worst = max(map(tier_of, vector.values()), default=Tier.NONE)
    if worst > status is not Tier.NONE:
        raise ValueError("an ear_status above the worst claim of its vector")
    old = _label(claims, "ear_appraisal_policy_id")
    policies = _label(claims, "ear_appraisal_policy_ids") or ([old] if old is not None else [])
    if not isinstance(policies, list):
        raise TypeError("ear_appraisal_policy_ids is no list")
    return Appraisal(
        status=max(status, worst) if worst > Tier.AFFIRMING else status,
        vector=vector,
        policies=tuple(map(_text, policies)),
        attester_claims=_table(_label(claims, "ear_attester_claims") or {}),
        verifier_claims=_table(_label(claims, "ear_verifier_claims") or {}),
    )


def _rank(tier: Tier) -> int:
    """The tiers from most to least trust: to say nothing is less than to affirm."""
    return (Tier.AFFIRMING, Tier.NONE, Tier.WARNING, Tier.CONTRAINDICATED).index(tier)


def _tier(value: object) -> Tier:
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise TypeError("a status that is no tier")
    return _TIERS[value]


def _integer(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError("not an integer")
    tier_of(value)
    return value


def _moment(value: object) -> datetime:
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError("a time that is no integer")
    return datetime.fromtimestamp(value, UTC)


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError("not a text")
    return value
