"""The finding codes of Azure: confidential virtual machines (HCL report, runtime claims) and containers (endorsements
of utility machines). Fields are those of the HCL report (openvmm, IgvmAttestRequestBase).
"""

from __future__ import annotations

from confide.policy.code import Code

CODES = {
    "azure.hcl.size": Code("the HCL report is cut off, too long, or has something behind it", "the whole HCL report"),
    "azure.hcl.header": Code(
        "the header or the request data of the HCL report is not of a known kind, or their lengths do not agree",
        "header, bytes 0x000 to 0x01F, and request data, bytes 0x4C0 to 0x4D3",
    ),
    "azure.hcl.platform": Code("the HCL report is of another kind of hardware", "report type, bytes 0x4C8 to 0x4CB"),
    "azure.claims": Code("the runtime claims are not JSON with one attestation key", "runtime claims, from byte 0x4D4"),
    "azure.attestation_key": Code("the attestation key in the claims is no fit RSA key", "runtime claims, HCLAkPub"),
    "azure.runtime_data": Code(
        "the hardware does not vouch for the runtime claims", "hash type, bytes 0x4CC to 0x4CF, and the report data"
    ),
    "azure.quote.missing": Code("the vTPM's quote is missing, without which the report may be of any time"),
    "azure.td_quote.missing": Code("the quote of the TDREPORT is missing, which nobody else can verify"),
    "azure.td_report": Code("the TDREPORT is not the one that was quoted", "hardware report, bytes 0x020 to 0x41F"),
    "azure.security_policy": Code("the container policy is not the one in force", "HOST_DATA, bytes 0x0C0 to 0x0DF"),
    "azure.vm.secure_boot": Code("secure boot is off", "runtime claims, vm-configuration, secure-boot"),
    "azure.vm.console": Code("the machine has a console", "runtime claims, vm-configuration, console-enabled"),
    "azure.vm.id": Code("the machine is not on the policy's list", "runtime claims, vm-configuration, vmUniqueId"),
    "azure.user_data": Code("the guest had put other data into the claims", "runtime claims, user-data"),
    "policy.workload.security_policy": Code(
        "the container group runs under another policy than the owner allows", "HOST_DATA, bytes 0x0C0 to 0x0DF"
    ),
    "uvm.missing": Code("Microsoft's endorsement of the utility machine is missing"),
    "uvm.malformed": Code(
        "the endorsement is no COSE_Sign1 message with measurement, SVN, issuer, feed and certificates"
    ),
    "uvm.certificates": Code("a certificate of the endorsement does not parse", "protected header, x5chain (33)"),
    "uvm.chain.root": Code("the root of the endorsement's certificates is not a pinned anchor"),
    "uvm.chain.names": Code("the endorsement's certificates do not belong together by their names"),
    "uvm.chain.authority": Code("a certificate of the endorsement is used against its purpose"),
    "uvm.chain.signature": Code("a certificate of the endorsement is not signed by the one above it"),
    "uvm.chain.validity": Code("a certificate of the endorsement was not valid when it was signed"),
    "uvm.crl": Code("a revocation list names a certificate of the endorsement"),
    "uvm.time": Code("the endorsement was signed in the future", "protected header, signing time"),
    "uvm.issuer": Code("the issuer is not of the endorsement's certificates", "protected header, iss"),
    "uvm.signature": Code("the endorsement is not signed by its leaf's key", "signature"),
    "uvm.measurement": Code(
        "the endorsement is for another utility machine", "payload, x-ms-sevsnpvm-launchmeasurement, and MEASUREMENT"
    ),
    "uvm.policy.issuer": Code("the utility machine is endorsed by another issuer", "protected header, iss"),
    "uvm.policy.feed": Code("the endorsement is of another feed", "protected header, feed"),
    "uvm.policy.svn": Code("the utility machine's security version is too low", "payload, x-ms-sevsnpvm-guestsvn"),
}
