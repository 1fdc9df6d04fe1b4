"""The rules of Azure confidential containers: those of SEV-SNP, with Microsoft's endorsement of the utility machine in
place of a list of measurements, and the policies of container groups.

Source: microsoft/confidential-aci-examples, `Confidential_ACI_SCHEME.md` (relying party logic).
"""

from __future__ import annotations

from collections.abc import Mapping

from confide.errors import Finding
from confide.evidence.azure_containers import FORMAT
from confide.evidence.uvm import MAX_SVN, parse_did
from confide.policy import snp_rules
from confide.policy.model import Waiver
from confide.policy.pieces import on_pieces
from confide.policy.reading import WrongValueError, hexadecimal, integer, list_of, matching
from confide.policy.rule import PlatformKind, Rule, among, any_of, at_least, same

# Container instances; pods on AKS have the feed ConfAKS-AMD-UVM and a usage of their own (1.3.6.1.4.1.311.76.59.1.5).
CONTAINER_INSTANCES = (
    "did:x509:0:sha256:I__iuL25oXEVFdTP_aBLx_eT1RPHbCQ_ECBQfYZpt9s::eku:1.3.6.1.4.1.311.76.59.1.2",
    "ContainerPlat-AMD-UVM",
)
# The lowest SVN of production in October 2025 (Confidential_ACI_SCHEME.md).
LOWEST_SVN = 103


def read_issuer(value: object) -> str:
    """A did:x509 with a SHA-256 fingerprint and extended key usages."""
    if not isinstance(value, str) or parse_did(value) is None:
        raise WrongValueError('an issuer such as "did:x509:0:sha256:…::eku:1.3.6.1.4.1.311.76.59.1.2"')
    return value


_UVM_RULES = (
    Rule(
        "uvm_issuer", "uvm.policy.issuer", read_issuer, lambda s: s.issuer, same, str,
        lambda value: f"the utility machine is endorsed by {value}",
        "Give an endorsement by the issuer that the policy names.",
        "who must have signed the utility machine's measurement: a did:x509", waivable=False,
        suggest=lambda s: s.issuer,
    ),
    Rule(
        "uvm_feed", "uvm.policy.feed", matching(r"[\w.\-/]{1,128}", "the name of a feed"), lambda s: s.feed, same, str,
        lambda value: f"the endorsement is of the feed {value}",
        "Give an endorsement of the feed that the policy names.",
        "the feed of the endorsement: which utility machine it is", waivable=False, suggest=lambda s: s.feed,
    ),
    Rule(
        "minimum_uvm_svn", "uvm.policy.svn", integer(0, MAX_SVN), lambda s: s.svn, at_least,
        lambda value: f">= {value}",
        lambda value: f"the utility machine's security version is {value} or more",
        "Have the container group started anew, on a current utility machine.",
        "the lowest security version (SVN) of the utility machine", waivable=False, suggest=lambda s: s.svn,
    ),
)  # fmt: skip

_POLICY_RULE = Rule(
    "security_policies", "policy.workload.security_policy", list_of(hexadecimal(32)),
    lambda s: s.report.host_data.hex(), among, any_of,
    lambda values: f"the container group runs under one of {len(values)} policies that are listed",
    "The group may run other containers than you allow. Start the right one; if it was meant to change, hash its "
    "policy anew (az confcom acipolicygen --print-policy | sha256sum).",
    "SHA-256 of the container policies (security-policy-base64, decoded) that may be in force: HOST_DATA",
    waivable=False, suggest=lambda s: [s.report.host_data.hex()],
)  # fmt: skip

# What the endorsement and the container policy say in place of these.
_REPLACED = frozenset({"measurements", "host_data"})
RULES = (
    *on_pieces("uvm", _UVM_RULES),
    *on_pieces("snp", (_POLICY_RULE, *snp_rules.RULES), without=_REPLACED),
)

_AZURE: Mapping[str, object] = {
    "smt": Waiver("Azure launches utility machines so that threads may share a core"),
    "uvm_issuer": CONTAINER_INSTANCES[0],
    "uvm_feed": CONTAINER_INSTANCES[1],
    "minimum_uvm_svn": LOWEST_SVN,
}


def _defaults(product: str) -> Mapping[str, object]:
    return {
        name: value for name, value in {**snp_rules.KIND.defaults(product), **_AZURE}.items() if name not in _REPLACED
    }


def _misfit(product: str, values: Mapping[str, object]) -> tuple[str, Finding] | None:
    return snp_rules.KIND.misfit(product, values)


def _title(product: str) -> str:
    return (
        f"In Azure confidential containers on AMD {product} processors (SEV-SNP, a utility machine of Microsoft's that "
        "enforces the container policy), all of this must hold:"
    )


KIND = PlatformKind(
    format=FORMAT,
    products=snp_rules.PRODUCTS,
    title=_title,
    rules=RULES,
    defaults=_defaults,
    simulation_defaults=snp_rules.KIND.simulation_defaults,
    misfit=_misfit,
)
