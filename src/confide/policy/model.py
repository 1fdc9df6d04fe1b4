"""A policy as typed values. `parse_policy` makes them from the file that a person writes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Kind = Literal["production", "simulation"]


@dataclass(frozen=True, slots=True)
class Waiver:
    """A check that the owner gave up, and why. It stands in every result."""

    reason: str


@dataclass(frozen=True, slots=True)
class Workload:
    """The code that may read: the digest of its bundle and of the agent that runs it (`sha256:…`)."""

    digest: str
    runtime: str


@dataclass(frozen=True, slots=True)
class PlatformRule:
    """What evidence of one format and product must show: by the names of the format's rules, a value or a Waiver.
    `name` is how the policy speaks of it.
    """

    format: str
    product: str
    values: Mapping[str, object]
    name: str = ""


@dataclass(frozen=True, slots=True)
class AllOf:
    """Every one of these."""

    of: tuple[Accept, ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    """At least one of these."""

    of: tuple[Accept, ...]


Accept = str | AllOf | AnyOf


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """An appraisal policy. `recipients` are X25519 public keys in base64, `challenge_seconds` is how long a nonce
    lives, `digest` is `sha256:…` of the bytes of `text`. `simulated_roots` (fingerprints) are there only where
    `kind` is simulation: then only SIMULATED evidence satisfies the policy, otherwise none does. `trusted_keys` are
    fingerprints of public keys that count as a vendor's, and `accept` says which platforms must be shown together.

    A policy for verification alone has no workload, recipients, releases or seconds: empty texts, none, and zero.
    """

    name: str
    kind: Kind
    workload: Workload
    recipients: tuple[str, ...]
    releases_per_key: int
    challenge_seconds: int
    platforms: tuple[PlatformRule, ...]
    simulated_roots: tuple[str, ...]
    text: str
    digest: str
    accept: Accept
    trusted_keys: tuple[str, ...] = ()

    @property
    def releases(self) -> bool:
        """Whether keys are ever released under this policy."""
        return bool(self.workload.digest and self.recipients)

    def platform(self, format_name: str, product: str | None) -> PlatformRule | None:
        """The rule for evidence of this format and product, if there is one."""
        return next((one for one in self.platforms if (one.format, one.product) == (format_name, product)), None)
