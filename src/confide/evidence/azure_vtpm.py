"""Evidence of Azure confidential virtual machines as tools deliver it, to one bundle: the HCL report, with the vTPM's
quote, its signature, PCR values and for TDX the hardware's quote as parts. No trust.

Shapes: the HCL report as the vTPM holds it; the JSON of `az-snp-vtpm` and `az-tdx-vtpm` as Confidential Containers'
attesters write it, of version 0 (numbers in lists) and 1 or 2 (hexadecimal, base64url); with a `platform` around it.
"""

from __future__ import annotations

from collections.abc import Mapping

from confide.evidence.bundle import EvidenceBundle, pack_evidence
from confide.evidence.endorsements import split_endorsements
from confide.evidence.hcl import MAGIC, Platform, parse_hcl_report
from confide.evidence.json_bytes import read_bytes, read_object, wrong_shape
from confide.ids import canonical_json

SNP_FORMAT, TDX_FORMAT = "azure-snp-vtpm", "azure-tdx-vtpm"
FORMATS: dict[Platform, str] = {"snp": SNP_FORMAT, "tdx": TDX_FORMAT}
QUOTE_PARTS = frozenset({"quote", "signature", "pcrs", "event_log"})
TD_QUOTE = "td_quote"

PCR_COUNT = 24
_BANKS = {20: "sha1", 32: "sha256", 48: "sha384", 64: "sha512"}
# The paravisor's attestation key signs by RSASSA with SHA-256; tools keep the bare signature.
_RSASSA_SHA256 = bytes.fromhex("0014000b")
_BARE_SIGNATURES = {256, 384, 512}


def recognise(data: bytes) -> EvidenceBundle | None:
    """The bundle that an HCL report, or the JSON of a known tool, makes; None for anything else. Raises Refused for
    an HCL report that does not parse, and for JSON of a known shape with wrong values (`evidence.format`).
    """
    if data.startswith(MAGIC):
        return pack_evidence(FORMATS[parse_hcl_report(data).platform], data)
    document = read_object(data, "message", "signature", "pcrs")
    return _from_json(document) if document is not None else None


def tpm_signature(data: bytes) -> bytes:
    """The signature as a TPMT_SIGNATURE (TPM 2.0 library, part 2, section 11.3.4): a bare RSA signature is taken for
    RSASSA with SHA-256, which the vTPM uses; whether it is one the signature check tells.
    """
    return _RSASSA_SHA256 + len(data).to_bytes(2, "big") + data if len(data) in _BARE_SIGNATURES else data


def _from_json(document: Mapping[str, object]) -> EvidenceBundle | None:
    report = document.get("hcl_report", document.get("report"))
    quote = document.get("tpm_quote", document.get("quote"))
    if report is None or not isinstance(quote, dict) or not {"message", "signature", "pcrs"} <= quote.keys():
        return None
    data = read_bytes(report, "hcl_report")
    name = FORMATS[parse_hcl_report(data).platform]
    parts = {
        "quote": read_bytes(quote["message"], "message"),
        "signature": tpm_signature(read_bytes(quote["signature"], "signature")),
        "pcrs": _read_pcrs(quote["pcrs"]),
    }
    if name == TDX_FORMAT and "td_quote" in document:
        parts[TD_QUOTE] = read_bytes(document["td_quote"], "td_quote")
    vcek = document.get("vcek")
    certificates = split_endorsements(read_bytes(vcek, "vcek")) if vcek is not None else ()
    return pack_evidence(name, data, certificates, **parts)


def _read_pcrs(value: object) -> bytes:
    """The values of PCR 0 to 23, of one bank by their size, as canonical JSON {bank: {index: hexadecimal}}."""
    values = [read_bytes(one, "pcrs") for one in value] if isinstance(value, list) and len(value) == PCR_COUNT else []
    sizes = {len(one) for one in values}
    if len(sizes) != 1 or not sizes <= _BANKS.keys():
        raise wrong_shape("pcrs", f"{PCR_COUNT} values of one size")
    bank = _BANKS[sizes.pop()]
    return canonical_json({bank: {str(index): one.hex() for index, one in enumerate(values)}})
