"""Attestation results that others can read: the IETF's EAR, with its trustworthiness vector."""

from confide.results.claims import claim_of
from confide.results.ear import Appraised, make_ear, sign_ear
from confide.results.ear_reading import Appraisal, Ear, read_ear, read_unverified_ear
from confide.results.vector import CLAIMS, Tier, make_vector, tier_of

__all__ = [
    "CLAIMS", "Appraisal", "Appraised", "Ear", "Tier", "claim_of", "make_ear", "make_vector", "read_ear",
    "read_unverified_ear", "sign_ear", "tier_of",
]  # fmt: skip
