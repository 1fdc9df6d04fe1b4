"""Intel SGX enclave reports: the 384 bytes that a quote signs, and those of the quoting enclave itself. No trust.

Source: Intel 64 and IA-32 Architectures Software Developer's Manual, volume 3D, tables 36-21 (REPORT) and 36-3
(ATTRIBUTES); Intel SGX ECDSA QuoteLibReference DCAP API, appendix A.4.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Any, Literal

from confide.evidence.bundle import EvidenceBundle, pack_evidence
from confide.evidence.intel_json import find_quote
from confide.evidence.intel_quote import SGX, Quote, is_quote, parse_quote

FORMAT = "sgx"
REPORT_SIZE = 384

AttributeBit = Literal["init", "debug", "mode64", "provision_key", "launch_key", "cet", "kss", "aex_notify"]
_ATTRIBUTE_BITS: dict[AttributeBit, int] = {
    "init": 0, "debug": 1, "mode64": 2, "provision_key": 4, "launch_key": 5, "cet": 6, "kss": 7, "aex_notify": 10,
}  # fmt: skip

# CPU SVN, MISCSELECT, reserved, extended product id, flags, XFRM, MRENCLAVE, reserved, MRSIGNER, reserved, CONFIGID,
# product id, SVN, CONFIGSVN, reserved, family id, report data
_LAYOUT = struct.Struct("<16sI12s16sQQ32s32s32s32s64sHHH42s16s64s")


@dataclass(frozen=True, slots=True, kw_only=True)
class EnclaveReport:
    """A report of an enclave. Byte fields have the sizes of the layout; `flags` and `xfrm` are the two halves of
    ATTRIBUTES; `reserved` holds all reserved bytes in order.
    """

    cpu_svn: bytes = bytes(16)
    misc_select: int = 0
    isv_ext_prod_id: bytes = bytes(16)
    flags: int = 5
    xfrm: int = 3
    mr_enclave: bytes = bytes(32)
    mr_signer: bytes = bytes(32)
    config_id: bytes = bytes(64)
    isv_prod_id: int = 0
    isv_svn: int = 0
    config_svn: int = 0
    isv_family_id: bytes = bytes(16)
    report_data: bytes = bytes(64)
    reserved: tuple[bytes, ...] = (bytes(12), bytes(32), bytes(32), bytes(42))

    def has(self, bit: AttributeBit) -> bool:
        """Whether a bit of ATTRIBUTES (table 36-3) is set."""
        return bool(self.flags >> _ATTRIBUTE_BITS[bit] & 1)

    def reserved_flags(self) -> int:
        """The bits of ATTRIBUTES that are set although they have no meaning yet."""
        return self.flags & ~sum(1 << bit for bit in _ATTRIBUTE_BITS.values())

    @property
    def attributes(self) -> bytes:
        """ATTRIBUTES as the 16 bytes of the report: what identities of enclaves are compared with under a mask."""
        return struct.pack("<QQ", self.flags, self.xfrm)

    def encode(self) -> bytes:
        """The 384 bytes, the reverse of `parse_report`."""
        first, second, third, fourth = self.reserved
        return _LAYOUT.pack(
            self.cpu_svn, self.misc_select, first, self.isv_ext_prod_id, self.flags, self.xfrm, self.mr_enclave,
            second, self.mr_signer, third, self.config_id, self.isv_prod_id, self.isv_svn, self.config_svn, fourth,
            self.isv_family_id, self.report_data,
        )  # fmt: skip

    def claims(self) -> dict[str, object]:
        """The report as JSON-able values, byte fields in hexadecimal."""
        return {
            "mr_enclave": self.mr_enclave.hex(),
            "mr_signer": self.mr_signer.hex(),
            "isv_prod_id": self.isv_prod_id,
            "isv_svn": self.isv_svn,
            "attributes": {name: self.has(name) for name in _ATTRIBUTE_BITS} | {"xfrm": f"{self.xfrm:#x}"},
            "misc_select": f"{self.misc_select:#010x}",
            "config_id": self.config_id.hex(),
            "config_svn": self.config_svn,
            "isv_ext_prod_id": self.isv_ext_prod_id.hex(),
            "isv_family_id": self.isv_family_id.hex(),
            "cpu_svn": self.cpu_svn.hex(),
            "report_data": self.report_data.hex(),
        }


def parse_report(data: bytes) -> EnclaveReport:
    """The report in exactly 384 bytes, which the quote's parser has cut out. Raises struct.error for another size."""
    fields: tuple[Any, ...] = _LAYOUT.unpack(data)
    (
        cpu,
        misc,
        first,
        ext,
        flags,
        xfrm,
        enclave,
        second,
        signer,
        third,
        config,
        prod,
        svn,
        csvn,
        fourth,
        family,
        text,
    ) = fields
    return EnclaveReport(
        cpu_svn=cpu, misc_select=misc, isv_ext_prod_id=ext, flags=flags, xfrm=xfrm, mr_enclave=enclave,
        mr_signer=signer, config_id=config, isv_prod_id=prod, isv_svn=svn, config_svn=csvn, isv_family_id=family,
        report_data=text, reserved=(first, second, third, fourth),
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class SgxQuote:
    """A quote of an enclave: the envelope and the report in it."""

    quote: Quote
    report: EnclaveReport

    def claims(self) -> dict[str, object]:
        """Quote and report as JSON-able values."""
        return {"quote_version": self.quote.version} | self.report.claims()


def parse_sgx(data: bytes) -> SgxQuote:
    """The quote in the bytes: version 3, 4 or 5. Raises Refused with the codes of `parse_quote`, prefix `sgx`."""
    quote = parse_quote(data, SGX)
    return SgxQuote(quote, parse_report(quote.body))


def recognise(data: bytes) -> EvidenceBundle | None:
    """A raw quote of an enclave, or the JSON in which Trustee's attester delivers one; otherwise None."""
    found = find_quote(data)
    if found is None or found[1] is not None or not is_quote(found[0], SGX):
        return None
    return pack_evidence(FORMAT, found[0])
