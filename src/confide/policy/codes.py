"""Every finding code of evidence, verification and policy, with what it means. A test holds this table complete."""

from __future__ import annotations

from confide.policy import (
    codes_azure,
    codes_cca,
    codes_intel,
    codes_jwt,
    codes_nitro,
    codes_nvidia,
    codes_snp,
    codes_tpm,
)
from confide.policy.code import Code

_OWN = {
    "cli.nonce": Code("the report data given on the command line is not hexadecimal, or too long"),
    "cli.format": Code("the format named on the command line is not known"),
    "cli.part": Code("a part given on the command line is no NAME=FILE, or is there already"),
    "cli.trust_key": Code("a key given on the command line is none, or a policy says already which are trusted"),
    "cli.set": Code("a field given on the command line is no NAME=VALUE of the policy's platform"),
    "cli.platform": Code("the platform named on the command line is not known"),
    "endorsement.malformed": Code("a certificate, list or certificate table does not parse, or there are too many"),
    "evidence.format": Code("the evidence is of no known format, or of another than was named"),
    "evidence.incomplete": Code("a check that is required has no result: a fault of Confide"),
    "evidence.parts": Code("the evidence has a part that its format does not know"),
    "evidence.devices": Code(
        "the evidence lists too many devices, or devices within devices, or one of them is refused"
    ),
    "simulated.folder": Code("a folder of a SIMULATED machine does not parse"),
    "policy.kind": Code("SIMULATED evidence for a production policy, or the reverse"),
    "policy.platform": Code("the policy names no such platform"),
    "policy.evidence.missing": Code("evidence that the policy wants together with this is missing"),
    "policy.release": Code("the policy is for verification alone, and releases nothing"),
    "policy.signing_key": Code("the report is signed by the other kind of key"),
    "policy.workload.measurement": Code("what was launched is not what the policy allows"),
    "policy.chip.allowed": Code("the chip is not on the policy's list"),
    "policy.chip.denied": Code("the chip is shut out by the policy"),
    "policy.crl": Code("the policy wants a revocation list, and none came along"),
    "policy.file.toml": Code("the policy file is not TOML"),
    "policy.file.missing": Code("a field of the policy is missing"),
    "policy.file.unknown": Code("the policy has a field that is not known"),
    "policy.file.value": Code("a field of the policy has a value that is not possible"),
    "policy.file.waiver": Code("a check is waived without a reason"),
    "policy.file.simulated": Code("a production policy names a simulated root"),
    "policy.sample": Code("a policy is suggested from a sample that is not verified"),
}

CODES: dict[str, Code] = (
    _OWN
    | codes_snp.CODES
    | codes_intel.CODES
    | codes_nitro.CODES
    | codes_tpm.CODES
    | codes_nvidia.CODES
    | codes_jwt.CODES
    | codes_cca.CODES
    | codes_azure.CODES
)
