"""The finding codes of SEV-SNP. Fields and offsets are those of AMD 56860, table 23."""

from __future__ import annotations

from confide.policy.code import Code

CODES = {
    "snp.size": Code("the report is not 1184 bytes long", "the whole report, bytes 0x000 to 0x49F"),
    "snp.version": Code("the report is not of version 2 to 5", "VERSION, bytes 0x000 to 0x003"),
    "snp.reserved": Code(
        "bits that must be zero (or one) in this version are not", "the reserved bytes and bits of table 23"
    ),
    "snp.product": Code(
        "the processor is of no known product", "CPUID_FAM_ID, CPUID_MOD_ID and CPUID_STEP, bytes 0x188 to 0x18A"
    ),
    "snp.signature.algorithm": Code(
        "the signature is not ECDSA P-384 with SHA-384", "SIGNATURE_ALGO, bytes 0x034 to 0x037"
    ),
    "snp.signature.encoding": Code(
        "the numbers of the signature are out of range, or not zero-padded", "SIGNATURE, bytes 0x2A0 to 0x49F"
    ),
    "snp.signature": Code(
        "the signature is not by the certified key over these bytes",
        "SIGNATURE, bytes 0x2A0 to 0x49F, over bytes 0x000 to 0x29F",
    ),
    "snp.signing_key": Code(
        "report and certificate name different kinds of key", "SIGNING_KEY, bits 2 to 4 of bytes 0x048 to 0x04B"
    ),
    "snp.chain.missing": Code("a certificate between the report and the vendor's root is missing: nobody can tell"),
    "snp.chain.names": Code("leaf, issuer and root do not belong together by their names"),
    "snp.chain.root": Code("the root is not a pinned anchor"),
    "snp.chain.product": Code("the certificates are of another product than the report"),
    "snp.chain.authority": Code("a certificate is used against its purpose"),
    "snp.chain.signature": Code("a certificate is not signed by the one above it"),
    "snp.chain.validity": Code("a certificate is not valid at this time"),
    "snp.crl": Code("a revocation list is forged, not in force, or names a certificate of the chain"),
    "snp.chip_id": Code(
        "the certificate is of another chip, or of no chip or provider", "CHIP_ID, bytes 0x1A0 to 0x1DF"
    ),
    "snp.certificate.tcb": Code(
        "the certificate is for another TCB version than the report reports", "REPORTED_TCB, bytes 0x180 to 0x187"
    ),
    "snp.tcb.order": Code(
        "the TCB versions are not reported <= committed <= current",
        "CURRENT_TCB (0x038), REPORTED_TCB (0x180), COMMITTED_TCB (0x1E0)",
    ),
    "snp.firmware.order": Code(
        "the committed firmware is newer than the current one", "CURRENT_VERSION (0x1E8) and COMMITTED_VERSION (0x1EC)"
    ),
    "snp.report_data": Code("the evidence was made for another question", "REPORT_DATA, bytes 0x050 to 0x08F"),
    "snp.id_block": Code(
        "the ID block is not the one that the guest was launched with",
        "the ID block of SNP_LAUNCH_FINISH, beside MEASUREMENT, FAMILY_ID, IMAGE_ID, GUEST_SVN and POLICY",
    ),
    "snp.id_block.signature": Code(
        "the ID block is not signed by the key that the report names", "ID_KEY_DIGEST, bytes 0x0E0 to 0x10F"
    ),
    "snp.id_block.author": Code(
        "the ID key is not signed by the author key that the report names",
        "AUTHOR_KEY_EN, bit 0 of bytes 0x048 to 0x04B, and AUTHOR_KEY_DIGEST, bytes 0x110 to 0x13F",
    ),
    "snp.policy.debug": Code("debug mode is on", "POLICY, byte 0x008, bit 19"),
    "snp.policy.migration_agent": Code("a migration agent may move the guest", "POLICY, byte 0x008, bit 18"),
    "snp.policy.smt": Code("simultaneous multithreading is allowed", "POLICY, byte 0x008, bit 16"),
    "snp.policy.single_socket": Code("the guest may run on several sockets", "POLICY, byte 0x008, bit 20"),
    "snp.policy.abi": Code("the guest agrees to firmware of too old an interface", "POLICY, byte 0x008, bits 0 to 15"),
    "snp.platform_info.alias_check": Code("the memory was not checked for aliases", "PLATFORM_INFO, byte 0x040, bit 5"),
    "snp.platform_info.ecc": Code("the memory does not correct errors", "PLATFORM_INFO, byte 0x040, bit 2"),
    "snp.platform_info.tsme": Code("not all memory of the host is encrypted", "PLATFORM_INFO, byte 0x040, bit 1"),
    "snp.vmpl": Code("the report was asked for at another privilege level", "VMPL, bytes 0x030 to 0x033"),
    "snp.guest_svn": Code("the image's security version is too low", "GUEST_SVN, bytes 0x004 to 0x007"),
    "snp.mitigations": Code(
        "the firmware lacks a mitigation, at launch or now",
        "LAUNCH_MIT_VECTOR and CURRENT_MIT_VECTOR, bytes 0x1F8 to 0x207",
    ),
    "snp.host_data": Code("the host attached other data", "HOST_DATA, bytes 0x0C0 to 0x0DF"),
    "snp.family_id": Code("the image is of another family", "FAMILY_ID, bytes 0x010 to 0x01F"),
    "snp.image_id": Code("the image has another name", "IMAGE_ID, bytes 0x020 to 0x02F"),
    "snp.id_key_digest": Code("the image was signed by another key", "ID_KEY_DIGEST, bytes 0x0E0 to 0x10F"),
    "snp.author_key_digest": Code(
        "the image's signer was appointed by another key", "AUTHOR_KEY_DIGEST, bytes 0x110 to 0x13F"
    ),
    "snp.tcb.fmc": Code(
        "the security patch level of the FMC is too low", "REPORTED_TCB (0x180) and LAUNCH_TCB (0x1F0)"
    ),
    "snp.tcb.bootloader": Code(
        "the security patch level of the bootloader is too low", "REPORTED_TCB (0x180) and LAUNCH_TCB (0x1F0)"
    ),
    "snp.tcb.tee": Code(
        "the security patch level of the TEE is too low", "REPORTED_TCB (0x180) and LAUNCH_TCB (0x1F0)"
    ),
    "snp.tcb.snp": Code(
        "the security patch level of the SNP firmware is too low", "REPORTED_TCB (0x180) and LAUNCH_TCB (0x1F0)"
    ),
    "snp.tcb.microcode": Code(
        "the security patch level of the microcode is too low", "REPORTED_TCB (0x180) and LAUNCH_TCB (0x1F0)"
    ),
}
