"""A forged Azure on Intel TDX, for tests: the machine of `confide.testing.fake_azure`, in a trust domain.

azure = FakeAzureTdx.create(now)
bundle = azure.evidence(nonce)
verify_evidence(bundle, now=now, report_data=nonce, simulated_roots=[azure.root_fingerprint])
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from confide.evidence.azure_vtpm import TD_QUOTE, TDX_FORMAT
from confide.evidence.bundle import EvidenceBundle, pack_evidence
from confide.evidence.hcl import TD_REPORT_SIZE
from confide.evidence.tdx import TdReport
from confide.testing.fake_azure import FakeAzure
from confide.testing.fake_intel import FakeIntel

_INFO_SIZE, _TCB_INFO_SIZE = 512, 239


def td_report(report: TdReport) -> bytes:
    """The TDREPORT_STRUCT (1024 bytes) of which this is the quote; its MAC is zero, since nobody can check it."""
    numbers = report.td_attributes.to_bytes(8, "little") + report.xfam.to_bytes(8, "little")
    fields = (report.mr_td, report.mr_config_id, report.mr_owner, report.mr_owner_config, *report.rtmrs)
    info = (numbers + b"".join(fields)).ljust(_INFO_SIZE, b"\0")
    tcb = bytes(8) + report.tee_tcb_svn + report.mr_seam + report.mr_signer_seam + report.seam_attributes
    tcb_info = tcb.ljust(_TCB_INFO_SIZE, b"\0")
    hashes = hashlib.sha384(tcb_info).digest() + hashlib.sha384(info).digest()
    head = b"\x81" + bytes(31) + hashes + report.report_data
    return (head.ljust(256, b"\0") + tcb_info).ljust(TD_REPORT_SIZE - _INFO_SIZE, b"\0") + info


@dataclass(frozen=True, slots=True)
class FakeAzureTdx:
    """A machine in a trust domain: the forged Intel above it, and the paravisor with its vTPM."""

    intel: FakeIntel
    azure: FakeAzure

    @classmethod
    def create(cls, now: datetime) -> FakeAzureTdx:
        """A machine whose certificates are valid for ten years from five minutes before `now`."""
        return cls(FakeIntel.create(now), FakeAzure.create(now))

    @property
    def root_fingerprint(self) -> str:
        """`sha256:…` of the forged Intel's root."""
        return self.intel.root_fingerprint

    def evidence(
        self,
        nonce: bytes = b"nonce",
        *,
        claims: Mapping[str, object] | None = None,
        domain: Mapping[str, object] | None = None,
        hcl: Mapping[str, object] | None = None,
        parts: Mapping[str, bytes] | None = None,
        without_quote: bool = False,
    ) -> EvidenceBundle:
        """The evidence of the machine. `claims` replaces members of the runtime claims, `domain` fields of the domain's
        report, `hcl` fields of the HCL report after the hardware has signed, `parts` all parts but the TD quote.
        """
        runtime = json.dumps(self.azure.claims() | dict(claims or {}), separators=(",", ":")).encode()
        changes = {"platform": "tdx"} | dict(hcl or {})
        hashed = self.azure.hcl(runtime, b"", {name: changes[name] for name in changes.keys() & {"hash_number"}})
        fields: dict[str, Any] = {"report_data": hashed.expected_report_data()} | dict(domain or {})
        machine = self.intel.domain(**fields)
        inner = self.intel.evidence(machine)
        hardware = td_report(machine.report) if isinstance(machine.report, TdReport) else b""
        whole = self.azure.hcl(runtime, hardware.ljust(1184, b"\0"), changes)
        pieces = dict(self.azure.parts(self.azure.quote(nonce)) if parts is None else parts)
        quoted = {} if without_quote else {TD_QUOTE: inner.evidence_bytes()}
        return pack_evidence(TDX_FORMAT, whole.encode(), inner.endorsement_bytes(), **(quoted | pieces))
