"""The finding codes of SGX and TDX. Fields are those of Intel's quotes: DCAP quoting libraries, appendices A."""

from __future__ import annotations

from confide.policy.code import Code

_QE_REPORT = "QE report, in the signature data"
_CERTIFICATION = "QE certification data, in the signature data"

# What quotes of both have in common; offsets are those of the header, which all versions share.
_SHARED = {
    "size": Code("the quote is too large, or ends inside a field", "the length fields of the quote"),
    "version": Code("the quote is of a version that its TEE does not have", "Version, bytes 0x00 to 0x01"),
    "tee_type": Code("the quote is of another TEE", "TEE type, bytes 0x04 to 0x07"),
    "body_type": Code("the body is of a type or size that is not known", "Body type and size, bytes 0x30 to 0x35"),
    "key_type": Code("the attestation key is not one for ECDSA P-256", "Attestation key type, bytes 0x02 to 0x03"),
    "certification_type": Code(
        "the certification data are no chain of certificates", "Certification data type, in the signature data"
    ),
    "trailing": Code("something stands behind the quote", "the bytes behind the signature data"),
    "vendor": Code("the quoting enclave is not by Intel, by the quote's own account", "QE vendor id, bytes 0x0C-0x1B"),
    "report_data": Code("the evidence was made for another question", "REPORTDATA"),
    "signature.encoding": Code(
        "the key is no point of the curve, or numbers of a signature are out of range", "the signature data"
    ),
    "signature": Code("the attestation key did not sign header and body", "Quote signature, in the signature data"),
    "qe.signature": Code("the platform's key did not sign the quoting enclave's report", _QE_REPORT),
    "qe.report_data": Code("the quoting enclave vouches for another attestation key", f"{_QE_REPORT}, REPORTDATA"),
    "qe.mrsigner": Code("the quoting enclave was signed by someone else", f"{_QE_REPORT}, MRSIGNER"),
    "qe.isvprodid": Code("the quoting enclave is another product of Intel's", f"{_QE_REPORT}, ISVPRODID"),
    "qe.miscselect": Code("the quoting enclave has another MISCSELECT than Intel says", f"{_QE_REPORT}, MISCSELECT"),
    "qe.attributes": Code("the quoting enclave has other attributes than Intel says", f"{_QE_REPORT}, ATTRIBUTES"),
    "qe.level": Code("the quoting enclave is older than any that Intel lists", f"{_QE_REPORT}, ISVSVN"),
    "chain.form": Code("the certificates in the quote do not parse", _CERTIFICATION),
    "chain.kind": Code("a certificate is of another kind than its place asks for", _CERTIFICATION),
    "chain.root": Code("the root is not the pinned one of Intel", _CERTIFICATION),
    "chain.names": Code("the certificates do not stand in order, each under its issuer", _CERTIFICATION),
    "chain.authority": Code("a certificate is used against its purpose", _CERTIFICATION),
    "chain.signature": Code("a certificate is not signed by the one above it", _CERTIFICATION),
    "chain.validity": Code("a certificate is not valid at this time", _CERTIFICATION),
    "crl": Code("a revocation list is forged, not in force, or names a certificate of the platform's path"),
    "pck": Code("the platform's certificate does not say which platform it is", "SGX extension 1.2.840.113741.1.13.1"),
    "collateral.missing": Code("collateral is missing: nobody can tell how current the platform is"),
    "collateral.kind": Code("the collateral is of the other TEE", "id of the document"),
    "collateral.platform": Code("the TCB info is of another kind of platform", "fmspc and pceId of the TCB info"),
    "collateral.ca": Code("the revocation list is of another authority than the platform's", "issuer of the list"),
    "collateral.signature": Code("Intel did not sign these bytes of the collateral", "signature of the document"),
    "collateral.dates": Code("the collateral is not in force at this time", "issueDate and nextUpdate"),
    "collateral.age": Code("the collateral is older than the policy allows", "issueDate"),
    "collateral.chain.root": Code("the root of the collateral's signer is not the pinned one of Intel"),
    "collateral.chain.names": Code("the certificates of the collateral's signer do not belong together"),
    "collateral.chain.authority": Code("a certificate above the collateral's signer is used against its purpose"),
    "collateral.chain.signature": Code("a certificate above the collateral's signer is not signed by the next"),
    "collateral.chain.validity": Code("a certificate of the collateral's signer is not valid at this time"),
    "collateral.crl": Code("a revocation list is forged, not in force, or names the collateral's signer"),
    "tcb.level": Code("the platform is older than any level that Intel lists", "tcbLevels of the TCB info"),
    "tcb.revoked": Code("Intel has revoked this level of the platform, module or quoting enclave", "tcbStatus"),
    "tcb_status": Code("the platform's status is not good enough", "tcbStatus, merged"),
    "advisories": Code("an advisory applies that the policy does not accept", "advisoryIDs"),
    "evaluation": Code("the collateral knows less than the policy wants", "tcbEvaluationDataNumber"),
    "fmspc": Code("the processor is of a family that the policy does not list", "FMSPC of the SGX extension"),
    "smt": Code("simultaneous multithreading is on, or not known to be off", "SMT enabled, of the SGX extension"),
    "dcap_qvl": Code("dcap-qvl, an independent verifier, disagrees"),
    "debug": Code("debug mode is on", "ATTRIBUTES"),
    "reserved": Code("bits that must be zero are not", "the reserved fields of the body"),
}

_TDX = {
    "tdx.module": Code("the TDX module is none that Intel knows", "MRSIGNERSEAM, SEAMATTRIBUTES, TEE_TCB_SVN"),
    "tdx.event_log": Code("the event log does not replay to the registers", "RTMR0 to RTMR3, body 0x148 to 0x207"),
    "tdx.event_log.missing": Code("the policy wants an event log, and none came along"),
    "tdx.rtmr0": Code("the machine is put together otherwise than the policy allows", "RTMR0, body 0x148 to 0x177"),
    "tdx.rtmr1": Code("something else was booted than the policy allows", "RTMR1, body 0x178 to 0x1A7"),
    "tdx.rtmr2": Code("command line or ramdisk are not what the policy allows", "RTMR2, body 0x1A8 to 0x1D7"),
    "tdx.rtmr3": Code("the guest measured something else than the policy allows", "RTMR3, body 0x1D8 to 0x207"),
    "tdx.mr_config_id": Code("the host configured something else", "MRCONFIGID, body 0x0B8 to 0x0E7"),
    "tdx.mr_owner": Code("the domain has another owner", "MROWNER, body 0x0E8 to 0x117"),
    "tdx.mr_owner_config": Code("the owner configured something else", "MROWNERCONFIG, body 0x118 to 0x147"),
    "tdx.mr_signer_seam": Code("the TDX module was signed by someone else", "MRSIGNERSEAM, body 0x040 to 0x06F"),
    "tdx.mr_service_td": Code("other service domains can act on this one", "MRSERVICETD, body 0x258 to 0x287"),
    "tdx.sept_ve_disable": Code("the host can run an exception handler in the domain", "TDATTRIBUTES, bit 28"),
    "tdx.migratable": Code("the domain can be moved to another machine", "TDATTRIBUTES, bit 29"),
    "tdx.td_attributes": Code("the domain has attributes that are not allowed", "TDATTRIBUTES, body 0x078 to 0x07F"),
    "tdx.xfam": Code("the domain may use features that are not allowed", "XFAM, body 0x080 to 0x087"),
}

_SGX = {
    "sgx.mr_signer": Code("the enclave was signed by another key", "MRSIGNER, body 0x080 to 0x09F"),
    "sgx.isv_prod_id": Code("the enclave is another product", "ISVPRODID, body 0x100 to 0x101"),
    "sgx.isv_svn": Code("the enclave's security version is too low", "ISVSVN, body 0x102 to 0x103"),
    "sgx.attributes": Code("the enclave has attributes that are not allowed", "ATTRIBUTES, body 0x030 to 0x037"),
    "sgx.xfrm": Code("the enclave may use features that are not allowed", "ATTRIBUTES.XFRM, body 0x038 to 0x03F"),
    "sgx.misc_select": Code("the enclave has a MISCSELECT that is not allowed", "MISCSELECT, body 0x010 to 0x013"),
    "sgx.config_id": Code("the enclave was started with another configuration", "CONFIGID, body 0x0C0 to 0x0FF"),
    "sgx.config_svn": Code("the configuration's version is too low", "CONFIGSVN, body 0x104 to 0x105"),
}

CODES = {f"{tee}.{name}": code for tee in ("tdx", "sgx") for name, code in _SHARED.items()} | _TDX | _SGX
