"""Intel TDX quotes: the report of a trust domain as a typed value and back. No trust.

Sources: Intel TDX DCAP Quoting Library API, appendix A.3 (TD quote bodies 1.0 and 1.5); Intel TDX Module ABI
specification, section 3.4 (TD_ATTRIBUTES and XFAM).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Literal

from confide.evidence.bundle import EvidenceBundle, pack_evidence
from confide.evidence.intel_json import find_quote
from confide.evidence.intel_quote import TD_1_5, TDX, Quote, is_quote, parse_quote

FORMAT = "tdx"
RTMRS = 4

AttributeBit = Literal["debug", "hgs_plus_prof", "perf_prof", "pmt_prof", "icssd", "lass", "sept_ve_disable",
                       "migratable", "pks", "key_locker", "tpa", "perfmon"]  # fmt: skip
_ATTRIBUTE_BITS: dict[AttributeBit, int] = {
    "debug": 0, "hgs_plus_prof": 4, "perf_prof": 5, "pmt_prof": 6, "icssd": 16, "lass": 27, "sept_ve_disable": 28,
    "migratable": 29, "pks": 30, "key_locker": 31, "tpa": 62, "perfmon": 63,
}  # fmt: skip
_UNDER_DEBUG = 0xFF

# TEE TCB SVN, MRSEAM, MRSIGNERSEAM, SEAM attributes, TD attributes, XFAM, MRTD, MRCONFIGID, MROWNER, MROWNERCONFIG,
# RTMR0 to 3, report data
_LAYOUT = struct.Struct("<16s48s48s8sQQ48s48s48s48s48s48s48s48s64s")
_SERVICE = struct.Struct("<16s48s")


@dataclass(frozen=True, slots=True, kw_only=True)
class TdReport:
    """The report of a trust domain. Measurements have 48 bytes, `tee_tcb_svn` 16, `report_data` 64, `rtmrs` four
    measurements. `tee_tcb_svn_2` and `mr_service_td` are there in bodies of TDX 1.5 alone.
    """

    tee_tcb_svn: bytes = bytes(16)
    mr_seam: bytes = bytes(48)
    mr_signer_seam: bytes = bytes(48)
    seam_attributes: bytes = bytes(8)
    td_attributes: int = 1 << 28
    xfam: int = 3
    mr_td: bytes = bytes(48)
    mr_config_id: bytes = bytes(48)
    mr_owner: bytes = bytes(48)
    mr_owner_config: bytes = bytes(48)
    rtmrs: tuple[bytes, ...] = (bytes(48),) * RTMRS
    report_data: bytes = bytes(64)
    tee_tcb_svn_2: bytes | None = None
    mr_service_td: bytes | None = None

    def has(self, bit: AttributeBit) -> bool:
        """Whether a bit of TD_ATTRIBUTES is set."""
        return bool(self.td_attributes >> _ATTRIBUTE_BITS[bit] & 1)

    @property
    def under_debug(self) -> bool:
        """Whether any bit of the group TUD (0 to 7) is set: the domain is then not to be trusted, whatever else."""
        return bool(self.td_attributes & _UNDER_DEBUG)

    def reserved_attributes(self) -> int:
        """The bits of TD_ATTRIBUTES that are set although they have no meaning yet."""
        return self.td_attributes & ~sum(1 << bit for bit in _ATTRIBUTE_BITS.values())

    def encode(self) -> bytes:
        """The 584 bytes of a body of TDX 1.0, or the 648 of one of TDX 1.5; the reverse of `parse_report`."""
        base = _LAYOUT.pack(
            self.tee_tcb_svn, self.mr_seam, self.mr_signer_seam, self.seam_attributes, self.td_attributes, self.xfam,
            self.mr_td, self.mr_config_id, self.mr_owner, self.mr_owner_config, *self.rtmrs, self.report_data,
        )  # fmt: skip
        if self.tee_tcb_svn_2 is None or self.mr_service_td is None:
            return base
        return base + _SERVICE.pack(self.tee_tcb_svn_2, self.mr_service_td)

    def claims(self) -> dict[str, object]:
        """The report as JSON-able values, byte fields in hexadecimal."""
        measurements = {f"rtmr{index}": value.hex() for index, value in enumerate(self.rtmrs)}
        service = {} if self.mr_service_td is None else {"mr_service_td": self.mr_service_td.hex()}
        return {
            "mr_td": self.mr_td.hex(),
            **measurements,
            "mr_config_id": self.mr_config_id.hex(),
            "mr_owner": self.mr_owner.hex(),
            "mr_owner_config": self.mr_owner_config.hex(),
            "mr_seam": self.mr_seam.hex(),
            "mr_signer_seam": self.mr_signer_seam.hex(),
            "seam_attributes": self.seam_attributes.hex(),
            **service,
            "td_attributes": {name: self.has(name) for name in _ATTRIBUTE_BITS},
            "xfam": f"{self.xfam:#018x}",
            "tee_tcb_svn": self.tee_tcb_svn.hex(),
            "report_data": self.report_data.hex(),
        }


def parse_report(data: bytes) -> TdReport:
    """The report in 584 bytes (TDX 1.0) or 648 (TDX 1.5), which the quote's parser has cut out."""
    svn, seam, signer, seam_bits, bits, xfam, td, config, owner, owner_config, *rtmrs, text = _LAYOUT.unpack_from(data)
    service = _SERVICE.unpack_from(data, _LAYOUT.size) if len(data) > _LAYOUT.size else (None, None)
    return TdReport(
        tee_tcb_svn=svn, mr_seam=seam, mr_signer_seam=signer, seam_attributes=seam_bits, td_attributes=bits, xfam=xfam,
        mr_td=td, mr_config_id=config, mr_owner=owner, mr_owner_config=owner_config, rtmrs=tuple(rtmrs),
        report_data=text, tee_tcb_svn_2=service[0], mr_service_td=service[1],
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class TdxQuote:
    """A quote of a trust domain: the envelope and the report in it."""

    quote: Quote
    report: TdReport

    def claims(self) -> dict[str, object]:
        """Quote and report as JSON-able values."""
        body = "1.5" if self.quote.body_type == TD_1_5 else "1.0"
        return {"quote_version": self.quote.version, "body": f"TDX {body}"} | self.report.claims()


def parse_tdx(data: bytes) -> TdxQuote:
    """The quote in the bytes: version 4 or 5. Raises Refused with the codes of `parse_quote`, prefix `tdx`."""
    quote = parse_quote(data, TDX)
    return TdxQuote(quote, parse_report(quote.body))


def recognise(data: bytes) -> EvidenceBundle | None:
    """A raw quote of a trust domain, or the JSON in which Trustee's attester delivers one; otherwise None."""
    found = find_quote(data)
    if found is None or not is_quote(found[0], TDX):
        return None
    quote, log = found
    return pack_evidence(FORMAT, quote) if log is None else pack_evidence(FORMAT, quote, event_log=log)
