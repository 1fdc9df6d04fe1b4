"""The parts of a bundle: none that its format does not know."""

from __future__ import annotations

from collections.abc import Collection

from confide.checklist import Checklist
from confide.evidence.bundle import EvidenceBundle


def check_parts(bundle: EvidenceBundle, known: Collection[str], checklist: Checklist) -> None:
    """Every part of the bundle has a name that the format's verifier looks at: none is silently ignored."""
    unknown = sorted(bundle.parts.keys() - set(known))
    checklist.expect(
        "evidence.parts",
        not unknown,
        got=f"parts named {', '.join(repr(name[:40]) for name in unknown[:8])}",
        wanted=f"only {', '.join(sorted(known))}" if known else "no parts beside the evidence",
        remedy="Leave out what does not belong to this format, or correct the part's name.",
    )
