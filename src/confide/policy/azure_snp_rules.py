"""The rules of an Azure confidential virtual machine on AMD SEV-SNP: those of SEV-SNP on the report inside of the HCL
report, those on the vTPM's quote, and those on the paravisor's claims.
"""

from __future__ import annotations

from collections.abc import Mapping

from confide.errors import Finding
from confide.evidence.azure_vtpm import SNP_FORMAT
from confide.policy import snp_rules
from confide.policy.azure_rules import DEFAULTS, RUNTIME_RULES, TPM_RULES
from confide.policy.model import Waiver
from confide.policy.pieces import on_pieces
from confide.policy.rule import PlatformKind

RULES = (*on_pieces("hardware", snp_rules.RULES), *TPM_RULES, *RUNTIME_RULES)

# What Azure's machines are like, all of them.
_AZURE: Mapping[str, object] = {
    "smt": Waiver("Azure launches its machines so that threads may share a core"),
}


def _defaults(product: str) -> Mapping[str, object]:
    return {**snp_rules.KIND.defaults(product), **DEFAULTS, **_AZURE}


def _misfit(product: str, values: Mapping[str, object]) -> tuple[str, Finding] | None:
    return snp_rules.KIND.misfit(product, values)


def _title(product: str) -> str:
    return (
        f"On Azure confidential virtual machines with AMD {product} processors (SEV-SNP below a paravisor of "
        "Microsoft's, whose virtual TPM says what was started), all of this must hold:"
    )


KIND = PlatformKind(
    format=SNP_FORMAT,
    products=snp_rules.PRODUCTS,
    title=_title,
    rules=RULES,
    defaults=_defaults,
    simulation_defaults=snp_rules.KIND.simulation_defaults,
    misfit=_misfit,
)
