"""What the broker's functions work with: the owner's database, identity and key custody, and the clock's
answer for each request. Nothing here reads a global.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from confide.broker.database import Database
from confide.broker.identity import BrokerIdentity
from confide.evidence.bundle import EvidenceBundle
from confide.keys.custody import KeyCustody
from confide.policy import Permit, Policy, appraise


class Appraiser(Protocol):
    """The shape of `confide.policy.appraise`."""

    def __call__(self, bundle: EvidenceBundle, policy: Policy, *, report_data: bytes, now: datetime) -> Permit:
        """Verifies and appraises; raises Refused with all findings, or Unavailable."""


@dataclass(frozen=True)
class Broker:
    """An unlocked broker. `own_keys` are the public keys (32 bytes) of the owner's side, to which no key is
    ever released. With `production`, a policy that accepts simulated evidence is refused.
    """

    database: Database
    identity: BrokerIdentity
    custody: KeyCustody
    own_keys: frozenset[bytes]
    production: bool = False
    appraiser: Appraiser = appraise
