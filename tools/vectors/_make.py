"""What the programs of all formats share: a vector in one call, a policy for verification alone."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from confide.evidence.bundle import EvidenceBundle
from confide.policy.kinds import kind_of
from confide.policy.template import PlatformText, PolicyText
from confide.testing.vectors import Outcome, Vector
from confide.verify import Trust


def make(
    name: str,
    fault: str,
    bundle: EvidenceBundle,
    *codes: str,
    now: datetime,
    data: bytes | None = None,
    roots: Collection[str] = (),
    keys: Collection[str] = (),
    policy: str | None = None,
    verdict: str = "",
) -> Vector:
    """A vector: refused where there are codes (or `verdict`), else genuine, or affirmed where there is a policy."""
    right = "affirmed" if policy else "genuine"
    return Vector(
        name=name,
        fault=fault,
        bundle=bundle,
        now=now,
        expected=Outcome(verdict or ("refused" if codes else right), tuple(sorted(codes))),
        report_data=data,
        trust=Trust() if policy else Trust.of(roots, keys),
        policy=policy,
    )


def policy_for(
    format_name: str, product: str, *, roots: Collection[str] = (), keys: Collection[str] = (), **values: Any
) -> str:
    """The text of a policy for verification alone: the format's defaults, with `values` in their place."""
    kind = kind_of(format_name)
    every: Mapping[str, object] = {**kind.defaults(product), **kind.simulation_defaults, **values}
    return PolicyText(
        name="vectors",
        kind="simulation" if roots else "production",
        platforms=[PlatformText(format=format_name, product=product, values=every)],
        simulated_roots=tuple(roots),
        trusted_keys=tuple(keys),
    ).render()
