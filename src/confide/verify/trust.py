"""Whom a caller trusts beside the vendors whose roots are pinned."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Trust:
    """`simulated_roots` are fingerprints (`sha256:…` of the DER) of root certificates that are no vendor's: what ends
    in one is SIMULATED. `keys` are fingerprints (`sha256:…` of the DER SubjectPublicKeyInfo) of public keys without a
    chain to a pinned root, such as a known machine's attestation key or an attestation service's signing key; what
    they sign counts as real. Nothing in evidence or endorsements ever adds to either.
    """

    simulated_roots: frozenset[str] = frozenset()
    keys: frozenset[str] = frozenset()

    @classmethod
    def of(cls, simulated_roots: Collection[str] = (), keys: Collection[str] = ()) -> Trust:
        """The trust in these fingerprints."""
        return cls(frozenset(simulated_roots), frozenset(keys))
