"""Which claim of the AR4SI vector each check speaks of, and what it says where it fails, passes or is waived.

The tables are `ROWS`, by code or its beginning, and `ENDINGS`, for the checks that every format has; a test finds a row
for every code. Values: draft-ietf-rats-ar4si-10, section 2.3.4.
"""

from __future__ import annotations

from dataclasses import dataclass

_NOTHING, _APPROVED, _APPROVED_AT_BOOT = 0, 2, 3
_VULNERABLE, _CONTRAINDICATED, _UNRECOGNISED, NOT_AUTHENTIC = 32, 96, 97, 99


@dataclass(frozen=True, slots=True)
class Row:
    """What one check says about one claim: its value where the check failed, passed or was waived. A zero says
    nothing; `passed` counts only in a verdict that affirms.
    """

    claim: str
    failed: int
    passed: int = _NOTHING
    waived: int = _NOTHING


# A signature, a chain or an encoding that does not hold: nothing in the evidence can be believed.
_CRYPTOGRAPHIC = Row("hardware", NOT_AUTHENTIC, passed=_APPROVED)
_HARDWARE = Row("hardware", _CONTRAINDICATED)
_UNKNOWN_HARDWARE = Row("hardware", _UNRECOGNISED)
_PATCHES = Row("hardware", _CONTRAINDICATED, passed=_APPROVED, waived=_VULNERABLE)
_IDENTITY = Row("instance-identity", _UNRECOGNISED, passed=_APPROVED)
_FRESHNESS = Row("instance-identity", _UNRECOGNISED)
_LEAKED = Row("instance-identity", _CONTRAINDICATED)
_CONFIGURATION = Row("configuration", _CONTRAINDICATED, passed=_APPROVED)
_EXECUTABLES = Row("executables", _CONTRAINDICATED, passed=_APPROVED_AT_BOOT)
_EXECUTABLES_TOLD = Row("executables", _CONTRAINDICATED)
_OPAQUE = Row("runtime-opaque", _CONTRAINDICATED, passed=_APPROVED, waived=_VULNERABLE)
_OPAQUE_BESIDE = Row("runtime-opaque", _CONTRAINDICATED)

# The checks of Intel's quotes, which TDX and SGX share, and those that one of them has.
_INTEL = {
    "advisories": _PATCHES,
    "collateral": _HARDWARE,
    "dcap_qvl": _HARDWARE,
    "evaluation": _PATCHES,
    "pck": _CRYPTOGRAPHIC,
    "qe": _CRYPTOGRAPHIC,
    "reserved": _HARDWARE,
    "smt": _CONFIGURATION,
    "tcb": _PATCHES,
    "tcb_status": _PATCHES,
}
_TDX = {
    "event_log": _EXECUTABLES_TOLD,
    "migratable": _OPAQUE_BESIDE,
    "module": _PATCHES,
    "mr_config_id": _CONFIGURATION,
    "mr_owner": _CONFIGURATION,
    "mr_owner_config": _CONFIGURATION,
    "mr_service_td": _OPAQUE_BESIDE,
    "rtmr0": _EXECUTABLES_TOLD,
    "rtmr1": _EXECUTABLES_TOLD,
    "rtmr2": _EXECUTABLES_TOLD,
    "rtmr3": _EXECUTABLES_TOLD,
    "sept_ve_disable": _CONFIGURATION,
    "td_attributes": _CONFIGURATION,
    "xfam": _CONFIGURATION,
}
_SGX = {
    "attributes": _CONFIGURATION,
    "config_id": _CONFIGURATION,
    "config_svn": _CONFIGURATION,
    "isv_prod_id": _EXECUTABLES_TOLD,
    "isv_svn": _EXECUTABLES_TOLD,
    "misc_select": _CONFIGURATION,
    "mr_signer": _EXECUTABLES_TOLD,
    "xfrm": _CONFIGURATION,
}

# What codes of every format end in: checks that all formats have.
ENDINGS = {
    "signature": _CRYPTOGRAPHIC,
    "signature.encoding": _CRYPTOGRAPHIC,
    "signature.algorithm": _CRYPTOGRAPHIC,
    "signature.malformed": _CRYPTOGRAPHIC,
    "chain.root": _CRYPTOGRAPHIC,
    "chain.names": _CRYPTOGRAPHIC,
    "chain.authority": _CRYPTOGRAPHIC,
    "chain.signature": _CRYPTOGRAPHIC,
    "chain.validity": _CRYPTOGRAPHIC,
    "chain.missing": _HARDWARE,
    "crl": _LEAKED,
    "report_data": _FRESHNESS,
    "debug": _OPAQUE,
}

ROWS = {
    "azure": _UNKNOWN_HARDWARE,
    "azure.attestation_key": _CRYPTOGRAPHIC,
    "azure.runtime_data": _CRYPTOGRAPHIC,
    "azure.security_policy": _EXECUTABLES_TOLD,
    "azure.td_report": _CRYPTOGRAPHIC,
    "azure.user_data": _CONFIGURATION,
    "azure.vm": _CONFIGURATION,
    "cca": _UNKNOWN_HARDWARE,
    "cca.binding": _CRYPTOGRAPHIC,
    "cca.config": _CONFIGURATION,
    "cca.devices": _CONFIGURATION,
    "cca.extensions": _EXECUTABLES_TOLD,
    "cca.firmware": _PATCHES,
    "cca.hash": _CONFIGURATION,
    "cca.implementation_id": _HARDWARE,
    "cca.key": _CRYPTOGRAPHIC,
    "cca.key.missing": _HARDWARE,
    "cca.lifecycle": _OPAQUE,
    "cca.live_activation": _CONFIGURATION,
    "cca.memory_key": _OPAQUE_BESIDE,
    "cca.personalization": _CONFIGURATION,
    "cca.realm": _CRYPTOGRAPHIC,
    "cca.rem": _EXECUTABLES_TOLD,
    "cli": _HARDWARE,
    "endorsement.malformed": _CRYPTOGRAPHIC,
    "evidence": _UNKNOWN_HARDWARE,
    "jwt": _UNKNOWN_HARDWARE,
    "jwt.age": _FRESHNESS,
    "jwt.algorithm": _CRYPTOGRAPHIC,
    "jwt.audience": _FRESHNESS,
    "jwt.instance": _IDENTITY,
    "jwt.key": _CRYPTOGRAPHIC,
    "jwt.key.missing": _HARDWARE,
    "jwt.policy": _CONFIGURATION,
    "jwt.project": _IDENTITY,
    "jwt.secure_boot": _CONFIGURATION,
    "jwt.software": _EXECUTABLES_TOLD,
    "jwt.status": _PATCHES,
    "jwt.time": _FRESHNESS,
    "log": _EXECUTABLES_TOLD,
    "nitro": _UNKNOWN_HARDWARE,
    "nitro.age": _FRESHNESS,
    "nitro.debug": _OPAQUE_BESIDE,
    "nitro.leaf": _CRYPTOGRAPHIC,
    "nitro.pcr": _EXECUTABLES_TOLD,
    "nitro.public_key": _CONFIGURATION,
    "nitro.time": _FRESHNESS,
    "nitro.user_data": _CONFIGURATION,
    "nvidia": _UNKNOWN_HARDWARE,
    "nvidia.driver": _PATCHES,
    "nvidia.firmware": _PATCHES,
    "nvidia.fwid": _CRYPTOGRAPHIC,
    "nvidia.manifests": _HARDWARE,
    "nvidia.ocsp": _LEAKED,
    "nvidia.mode": _CONFIGURATION,
    "nvidia.vbios": _PATCHES,
    "policy": _HARDWARE,
    "policy.chip.allowed": _IDENTITY,
    "policy.chip.denied": _LEAKED,
    "policy.key.allowed": _IDENTITY,
    "policy.key.denied": _LEAKED,
    "policy.platform": _UNKNOWN_HARDWARE,
    "policy.workload": _EXECUTABLES,
    "rim": _HARDWARE,
    "rim.digest": _CRYPTOGRAPHIC,
    "sgx": _UNKNOWN_HARDWARE,
    "simulated": _HARDWARE,
    "snp": _UNKNOWN_HARDWARE,
    "snp.author_key_digest": _EXECUTABLES_TOLD,
    "snp.certificate.tcb": _CRYPTOGRAPHIC,
    "snp.chain.product": _CRYPTOGRAPHIC,
    "snp.chip_id": _CRYPTOGRAPHIC,
    "snp.family_id": _EXECUTABLES_TOLD,
    "snp.firmware.order": _HARDWARE,
    "snp.guest_svn": _EXECUTABLES_TOLD,
    "snp.host_data": _CONFIGURATION,
    "snp.id_key_digest": _EXECUTABLES_TOLD,
    "snp.id_block": _EXECUTABLES_TOLD,
    "snp.image_id": _EXECUTABLES_TOLD,
    "snp.mitigations": _HARDWARE,
    "snp.platform_info": _HARDWARE,
    "snp.platform_info.alias_check": _OPAQUE_BESIDE,
    "snp.policy": _CONFIGURATION,
    "snp.policy.migration_agent": _OPAQUE_BESIDE,
    "snp.reserved": _HARDWARE,
    "snp.signing_key": _CRYPTOGRAPHIC,
    "snp.tcb": _PATCHES,
    "snp.tcb.order": _HARDWARE,
    "snp.vmpl": _CONFIGURATION,
    "tdx": _UNKNOWN_HARDWARE,
    "tpm": _UNKNOWN_HARDWARE,
    "tpm.ak": _CRYPTOGRAPHIC,
    "tpm.ak.missing": _HARDWARE,
    "tpm.boot": _EXECUTABLES_TOLD,
    "tpm.boot.secure_boot": _CONFIGURATION,
    "tpm.chain.usage": _CRYPTOGRAPHIC,
    "tpm.clock": _FRESHNESS,
    "tpm.firmware": _HARDWARE,
    "tpm.gce": _IDENTITY,
    "tpm.log": _EXECUTABLES_TOLD,
    "tpm.pcrs": _EXECUTABLES_TOLD,
    "tpm.pcrs.value": _EXECUTABLES,
    "uvm": _EXECUTABLES_TOLD,
    **{f"tdx.{check}": row for check, row in (_INTEL | _TDX).items()},
    **{f"sgx.{check}": row for check, row in (_INTEL | _SGX).items()},
}


def find_row(code: str) -> Row | None:
    """The row of the code itself, of its longest ending, or of its longest beginning; None for an unknown code."""
    parts = code.split(".")
    endings = (ENDINGS.get(".".join(parts[start:])) for start in range(1, len(parts)))
    prefixes = (ROWS.get(".".join(parts[:length])) for length in range(len(parts) - 1, 0, -1))
    return next((row for row in (ROWS.get(code), *endings, *prefixes) if row), None)


def row_of(code: str) -> Row:
    """The same; a check that is not known says nothing where it passed, and contraindicates where it failed."""
    return find_row(code) or _HARDWARE


def claim_of(code: str) -> str:
    """The claim of the vector that a check of this code speaks of."""
    return row_of(code).claim
