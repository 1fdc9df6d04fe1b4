"""The finding codes of NVIDIA devices and their reference manifests. Fields are those of DMTF DSP0274 1.1 (SPDM)."""

from __future__ import annotations

from confide.policy.code import Code

CODES = {
    "nvidia.size": Code("the report is shorter or longer than any can be", "the whole exchange"),
    "nvidia.version": Code("request or response is not of SPDM 1.1", "SPDMVersion, byte 0 of each"),
    "nvidia.request": Code("the exchange does not begin with a request for measurements", "RequestResponseCode, 0xE0"),
    "nvidia.response": Code("no response with measurements follows the request", "RequestResponseCode, 0x60"),
    "nvidia.measurements": Code("the measurement record is malformed", "MeasurementRecord, table 52"),
    "nvidia.trailing": Code("bytes follow the signature", "after Signature"),
    "nvidia.opaque": Code("NVIDIA's fields in the opaque data are malformed, or of a newer kind", "OpaqueData"),
    "nvidia.exchange": Code(
        "not all measurements were asked for, or not with a signature", "Param1 and Param2 of the request, SlotIDParam"
    ),
    "nvidia.chain.missing": Code("a certificate between the device and the root is missing: nobody can tell"),
    "nvidia.chain.root": Code("the root is not NVIDIA's pinned device root"),
    "nvidia.chain.names": Code("the certificates do not belong together by their names"),
    "nvidia.chain.authority": Code("a certificate is used against its purpose"),
    "nvidia.chain.signature": Code("a certificate is not signed by the one above it"),
    "nvidia.chain.validity": Code("a certificate is not valid at this time"),
    "nvidia.crl": Code("a revocation list is forged, not in force, or names a certificate of the chain"),
    "nvidia.ocsp": Code("an answer of the revocation service is forged, not in force, or does not say good"),
    "nvidia.product": Code("the chip is of no known product, or leaf and issuer name different ones"),
    "nvidia.signature": Code("the signature is not by the certified key over this exchange", "Signature"),
    "nvidia.fwid": Code(
        "the firmware that reports is not the one that the chip certified", "OpaqueData, field 20; DICE TCB info"
    ),
    "nvidia.report_data": Code("the report was made for another question", "Nonce of the request, bytes 4 to 35"),
    "nvidia.manifests": Code("the policy wants NVIDIA's reference manifests, and not all came along"),
    "nvidia.driver": Code("the driver is older than the policy allows", "OpaqueData, field 3"),
    "nvidia.vbios": Code("the VBIOS is older than the policy allows", "OpaqueData, field 6"),
    "nvidia.firmware": Code("the chip certified firmware that the policy does not list", "DICE TCB info, fwids"),
    "nvidia.mode": Code("the GPU is handed to the machine in another mode, or does not tell", "OpaqueData, field 36"),
    "rim.library": Code("a reference manifest came along, and the library for signed XML is not installed"),
    "rim.malformed": Code("a reference manifest is not in NVIDIA's form", "the SWID tag"),
    "rim.digest": Code("a reference manifest was changed after it was signed", "DigestValue"),
    "rim.signature": Code("the signature of a reference manifest is not by its signer", "SignatureValue"),
    "rim.chain.root": Code("the root is not NVIDIA's pinned root of reference manifests", "X509Data"),
    "rim.chain.names": Code("the manifest's certificates do not belong together by their names", "X509Data"),
    "rim.chain.authority": Code("a certificate of the manifest is used against its purpose", "X509Data"),
    "rim.chain.signature": Code("a certificate of the manifest is not signed by the one above it", "X509Data"),
    "rim.chain.validity": Code("a certificate of the manifest is not valid at this time", "X509Data"),
    "rim.crl": Code("a revocation list is forged, not in force, or names the manifest's signer"),
    "rim.ocsp": Code("an answer of the revocation service on the manifest's signer is forged, old, or not good"),
    "rim.device": Code("the manifest is for another chip, driver or VBIOS", "Meta: product, colloquialVersion"),
    "rim.conflict": Code("two manifests name values for one measurement", "Resource: index"),
    "rim.measurements": Code("a measurement has none of the values that NVIDIA released", "Resource: Hash0 and so on"),
}
