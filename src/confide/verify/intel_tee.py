"""The two TEEs of Intel: what their quotes have in common is checked by the same steps, under codes of their own."""

from __future__ import annotations

from dataclasses import dataclass

from confide.verify.intel_chain import path_rules
from confide.verify.trust import Trust

# Ways of not being a quote, which the parser tells apart.
FORM = ("size", "version", "tee_type", "body_type", "key_type", "certification_type", "trailing")
_STEPS = (
    "vendor", "report_data", "signature.encoding", "signature", "qe.report_data", "qe.signature",
    "chain.form", "chain.kind", "pck",
    "collateral.missing", "collateral.kind", "collateral.platform", "collateral.ca", "collateral.signature",
    "collateral.dates", "qe.mrsigner", "qe.isvprodid", "qe.miscselect", "qe.attributes", "qe.level",
    "tcb.level", "tcb.revoked", "dcap_qvl",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Tee:
    """One of the two TEEs: the prefix of its codes, the ids of its collateral, and the names of the checks that it
    makes by itself, in `examine` and in `check_alone`.
    """

    prefix: str
    info_id: str
    identity_id: str
    own: tuple[str, ...]
    alone: tuple[str, ...]

    def code(self, name: str) -> str:
        """The code of a check."""
        return f"{self.prefix}.{name}"

    @property
    def required(self) -> frozenset[str]:
        """The codes of all checks."""
        paths = path_rules(self.prefix, Trust()).codes | path_rules(self.code("collateral"), Trust()).codes
        names = (*FORM, *_STEPS, *self.own, *self.alone)
        return paths | {self.code(name) for name in names} | {"evidence.parts", "endorsement.malformed"}
