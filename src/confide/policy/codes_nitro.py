"""The finding codes of AWS Nitro Enclaves and NitroTPM. Fields are those of AWS's document (attestation_process.md,
section 2.2).
"""

from __future__ import annotations

from confide.policy.code import Code

CODES = {
    "nitro.size": Code("the document is empty, or larger than any can be", "the whole document"),
    "nitro.cose": Code("the bytes are no COSE_Sign1 message", "the envelope, an array of four"),
    "nitro.header": Code(
        "the header is not exactly {1: -35}, or something stands unprotected", "protected and unprotected header"
    ),
    "nitro.fields": Code("a field of the document is missing or unknown", "the keys of the document"),
    "nitro.limits": Code("a field has the wrong type or size", "the values of the document (section 3.2.2.2)"),
    "nitro.certificates": Code("a certificate in the document does not parse", "certificate and cabundle"),
    "nitro.chain.root": Code("the root is not the pinned one of AWS", "cabundle, first entry"),
    "nitro.chain.names": Code("the certificates do not stand in order, each under its issuer", "cabundle"),
    "nitro.chain.authority": Code("a certificate is used against its purpose", "certificate and cabundle"),
    "nitro.chain.signature": Code("a certificate is not signed by the one above it", "certificate and cabundle"),
    "nitro.chain.validity": Code("a certificate was not valid when the document was made", "timestamp"),
    "nitro.crl": Code("a revocation list is forged, not in force, or names a certificate of the path"),
    "nitro.leaf": Code("the leaf may not sign documents", "certificate, key usage and basic constraints"),
    "nitro.signature": Code("the signature is not by the certified key over this document", "signature"),
    "nitro.time": Code("a certificate is not in force now, or the document is from the future", "timestamp"),
    "nitro.report_data": Code("the document was made for another question", "nonce"),
    "nitro.debug": Code("the enclave runs in debug mode", "pcrs 0, 1 and 2, all zero"),
    "nitro.age": Code("the document is older than the policy allows", "timestamp"),
    "nitro.pcr.kernel": Code("kernel and boot ramdisk are not what the policy allows", "pcrs 1"),
    "nitro.pcr.application": Code("the application is not what the policy allows", "pcrs 2"),
    "nitro.pcr.role": Code("the parent instance has another IAM role", "pcrs 3"),
    "nitro.pcr.instance": Code("the parent instance is another one", "pcrs 4"),
    "nitro.pcr.signer": Code("the image was signed by another certificate, or by none", "pcrs 8"),
    "nitro.pcr.others": Code("a register that the policy names has another value", "pcrs"),
    "nitro.pcr.secure_boot": Code("an instance boots under other Secure Boot keys", "nitrotpm_pcrs 7"),
    "nitro.pcr.command_line": Code("an instance's kernel has another command line", "nitrotpm_pcrs 12"),
    "nitro.user_data": Code("the enclave attached other data", "user_data"),
    "nitro.public_key": Code("the enclave attached another public key", "public_key"),
}
