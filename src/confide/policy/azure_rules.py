"""What the rules of Azure's confidential virtual machines have in common: those on the vTPM's quote, and those on what
the paravisor says of the machine.

Source: openvmm, `openhcl_attestation_protocol::igvm_attest::get::runtime_claims` (AttestationVmConfig, user data).
"""

from __future__ import annotations

from collections.abc import Mapping

from confide.evidence.hcl import RuntimeClaims
from confide.policy import tpm_rules
from confide.policy.model import Waiver
from confide.policy.pieces import on_pieces
from confide.policy.reading import list_of, matching
from confide.policy.rule import Rule, among, any_of, bit_rule, bytes_rule

_USER_DATA_SIZE = 64
_vm_id = matching("[0-9A-F]{8}(-[0-9A-F]{4}){3}-[0-9A-F]{12}", "the id of a machine, in capital hexadecimal digits")

# The key is the paravisor's, which the hardware vouches for: no certificates and no list of keys say more. The machine
# is not Google's.
_NOT_HERE = frozenset({
    "restricted_key", "allowed_keys", "denied_keys", "projects", "zones", "instances", "crl", "technologies",
    "workload_images", "minimum_firmware",
})  # fmt: skip
TPM_RULES = on_pieces("tpm", tpm_rules.RULES, without=_NOT_HERE)


def _vm_id_of(runtime: RuntimeClaims) -> str:
    return str(runtime.configuration.get("vmUniqueId", "not said"))


def _differs(name: str, wanted: bool) -> str:
    return f"Make the machine anew with {name} {'on' if wanted else 'off'}."


_RUNTIME_RULES = (
    bit_rule(
        "vm_secure_boot", "azure.vm.secure_boot", lambda s: s.configuration.get("secure-boot") is True, wanted=True,
        words="the paravisor has secure boot on", remedy=_differs("secure boot", wanted=True),
        comment="secure boot is on, by the paravisor's account",
    ),
    bit_rule(
        "vm_console", "azure.vm.console", lambda s: s.configuration.get("console-enabled") is not False, wanted=False,
        words="the machine has no console through the host", remedy=_differs("the serial console", wanted=False),
        comment="a serial console leads through the host: whoever logs in there is seen by it",
    ),
    Rule(
        "vm_ids", "azure.vm.id", list_of(_vm_id), _vm_id_of, among, any_of,
        lambda values: f"the machine is one of {len(values)} that the policy lists",
        "Use one of the listed machines, or list this one.",
        "the machines that may be used: vmUniqueId", suggest=lambda s: [_vm_id_of(s)],
    ),
    bytes_rule(
        "user_data", "azure.user_data", _USER_DATA_SIZE, lambda s: s.user_data, words="the user data",
        remedy="Write the user data that the policy wants into the vTPM (0x01400002), and read the report anew.",
        comment="64 bytes that the guest had put into the claims",
    ),
)  # fmt: skip
RUNTIME_RULES = on_pieces("runtime", _RUNTIME_RULES)

_BY_PCRS = Waiver("the values of the PCRs say what was started")
DEFAULTS: Mapping[str, object] = {
    "banks": ["sha256", "sha384", "sha512"],
    "event_log": Waiver("the values of the PCRs are compared as a whole"),
    "secure_boot": Waiver("the paravisor's claims say it (vm_secure_boot)"),
    "firmware_versions": _BY_PCRS,
    "boot_applications": _BY_PCRS,
    "boot_files": _BY_PCRS,
    "command_lines": _BY_PCRS,
    "safe_clock": Waiver("freshness comes from the nonce"),
    "vm_secure_boot": True,
    "vm_console": Waiver("nobody logs in on the console"),
    "vm_ids": Waiver("any machine that measures so may be used"),
    "user_data": Waiver("the guest puts nothing that counts there"),
}
