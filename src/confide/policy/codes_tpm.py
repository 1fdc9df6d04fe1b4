"""The finding codes of TPM 2.0 quotes and of event logs. Fields are those of the TPM 2.0 Library, part 2."""

from __future__ import annotations

from confide.policy.code import Code

CODES: dict[str, Code] = {
    "log.algorithm": Code("the event log has no digests of a bank that is quoted with its values"),
    "log.malformed": Code("the event log does not parse"),
    "log.secure_boot": Code("a secure boot database in the event log does not parse"),
    "log.size": Code("the event log is empty, too long, or has too many events"),
    "tpm.ak.attributes": Code(
        "the attestation key may leave its TPM, or may sign what looks like a quote", "TPMT_PUBLIC.objectAttributes"
    ),
    "tpm.ak.malformed": Code("the attestation key does not parse", "TPMT_PUBLIC"),
    "tpm.ak.missing": Code("no attestation key came with the quote: nobody can tell"),
    "tpm.bank": Code("the bank that is quoted is by too weak a hash", "TPML_PCR_SELECTION.pcrSelections[].hash"),
    "tpm.boot.applications": Code("the firmware started code that the policy does not list"),
    "tpm.boot.command_line": Code("the kernel was started with a command line that the policy does not list"),
    "tpm.boot.files": Code("the boot loader read a file that the policy does not list"),
    "tpm.boot.firmware_version": Code("the firmware is of a version that the policy does not list"),
    "tpm.boot.secure_boot": Code("secure boot was off, or the log does not show that it was on"),
    "tpm.boot.technology": Code("the machine is not protected by a technology that the policy lists"),
    "tpm.boot.workload": Code("a container was started that the policy does not list"),
    "tpm.chain.authority": Code("a certificate is used against its purpose"),
    "tpm.chain.missing": Code("a certificate between the attestation key and the root is missing: nobody can tell"),
    "tpm.chain.names": Code("the certificates do not stand under each other by their names"),
    "tpm.chain.root": Code("the root is not a pinned anchor"),
    "tpm.chain.signature": Code("a certificate is not signed by the one above it"),
    "tpm.chain.usage": Code("the certificate is not one of a TPM's key that signs"),
    "tpm.chain.validity": Code("a certificate is not valid at this time"),
    "tpm.clock.safe": Code("the TPM's clock may have gone back", "TPMS_CLOCK_INFO.safe"),
    "tpm.crl": Code("a revocation list is forged, not in force, or names a certificate of the path"),
    "tpm.firmware": Code("the TPM's own firmware is older than the policy allows", "TPMS_ATTEST.firmwareVersion"),
    "tpm.gce.instance": Code("the machine is not one that the policy lists"),
    "tpm.gce.project": Code("the machine is of a project that the policy does not list"),
    "tpm.gce.zone": Code("the machine runs in a zone that the policy does not list"),
    "tpm.log.missing": Code("the policy wants an event log, and none came along that replays"),
    "tpm.log.replay": Code("the event log does not replay to the values that the TPM signed"),
    "tpm.pcrs.digest": Code("the PCR values are not those that the quote was made over", "TPMS_QUOTE_INFO.pcrDigest"),
    "tpm.pcrs.malformed": Code("the PCR values do not parse"),
    "tpm.pcrs.value": Code("a PCR has another value than the policy lists, or is not in the quote"),
    "tpm.quote.magic": Code("the structure was not made by a TPM", "TPMS_ATTEST.magic, bytes 0x00 to 0x03"),
    "tpm.quote.malformed": Code("the quote does not parse", "TPMS_ATTEST"),
    "tpm.quote.type": Code("the structure is another attestation than a quote", "TPMS_ATTEST.type, bytes 0x04, 0x05"),
    "tpm.report_data": Code("the quote was made for another question", "TPMS_ATTEST.extraData"),
    "tpm.selection": Code("the quote is over no PCR", "TPMS_QUOTE_INFO.pcrSelect"),
    "tpm.signature": Code("the signature is not by the attestation key over these bytes", "TPMT_SIGNATURE"),
    "tpm.signature.algorithm": Code(
        "the signature is by another scheme or a shorter hash than is accepted", "TPMT_SIGNATURE.sigAlg and hash"
    ),
    "tpm.signature.malformed": Code("the signature does not parse", "TPMT_SIGNATURE"),
    "tpm.signature.missing": Code("no signature came with the quote"),
    "tpm.size": Code("the quote is empty or longer than one can be"),
    "policy.key.allowed": Code("the attestation key is not on the policy's list"),
    "policy.key.denied": Code("the attestation key is shut out by the policy"),
}
