"""The rules of an Azure confidential virtual machine on Intel TDX: those of TDX on the hardware's quote, those on the
vTPM's quote, and those on the paravisor's claims.
"""

from __future__ import annotations

from collections.abc import Mapping

from confide.evidence.azure_vtpm import TDX_FORMAT
from confide.policy import tdx_rules
from confide.policy.azure_rules import DEFAULTS, RUNTIME_RULES, TPM_RULES
from confide.policy.model import Waiver
from confide.policy.pieces import on_pieces
from confide.policy.rule import PlatformKind

# The paravisor measures into its virtual TPM: there is no log of the domain's own registers.
_NOT_HERE = frozenset({"event_log"})
RULES = (*on_pieces("hardware", tdx_rules.RULES, without=_NOT_HERE), *TPM_RULES, *RUNTIME_RULES)

_BY_VTPM = Waiver("the paravisor measures into its virtual TPM, not into the domain's registers")
# What Azure's machines are like, all of them.
_AZURE: Mapping[str, object] = {
    "rtmr0": _BY_VTPM,
    "rtmr1": _BY_VTPM,
    "rtmr2": _BY_VTPM,
    "rtmr3": _BY_VTPM,
    "sept_ve_disable": Waiver("Azure launches its paravisor without it; the guest runs above the paravisor"),
}


def _defaults(product: str) -> Mapping[str, object]:
    kept = {name: value for name, value in tdx_rules.KIND.defaults(product).items() if name not in _NOT_HERE}
    return {**kept, **DEFAULTS, **_AZURE}


KIND = PlatformKind(
    format=TDX_FORMAT,
    products=tdx_rules.KIND.products,
    title=lambda _: (
        "On Azure confidential virtual machines in a trust domain of Intel's (TDX, below a paravisor of "
        "Microsoft's, whose virtual TPM says what was started), all of this must hold:"
    ),
    rules=RULES,
    defaults=_defaults,
)
