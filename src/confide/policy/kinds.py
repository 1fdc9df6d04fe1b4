"""The kinds of platforms that a policy can name, each in a module of its own that is imported when it is first used."""

from __future__ import annotations

import importlib

from confide.policy.rule import PlatformKind

KINDS = {
    "arm-cca": "confide.policy.cca_rules",
    "jwt": "confide.policy.jwt_rules",
    "nvidia": "confide.policy.nvidia_rules",
    "aws-nitro": "confide.policy.nitro_rules",
    "aws-nitro-tpm": "confide.policy.nitro_tpm_rules",
    "sev-snp": "confide.policy.snp_rules",
    "sgx": "confide.policy.sgx_rules",
    "tdx": "confide.policy.tdx_rules",
    "tpm": "confide.policy.tpm_rules",
    "azure-snp-vtpm": "confide.policy.azure_snp_rules",
    "azure-tdx-vtpm": "confide.policy.azure_tdx_rules",
    "azure-containers": "confide.policy.azure_containers_rules",
}


def kind_of(format_name: str) -> PlatformKind:
    """The kind of a format that is in KINDS."""
    kind: PlatformKind = importlib.import_module(KINDS[format_name]).KIND
    return kind
