"""`confide evidence show`: what evidence says of itself, without trusting it."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from confide.cli.evidence_files import add_evidence_arguments, read_evidence
from confide.cli.framework import Reply

if TYPE_CHECKING:
    from confide.evidence.bundle import EvidenceBundle

DESCRIPTION = """\
Prints what evidence says of itself: every field by name, and what came along with it. Nothing is verified: whoever
wrote the file may have written anything. `confide evidence verify` says whether it is genuine.

Example:
  confide evidence show report.bin
"""
UNVERIFIED = "UNVERIFIED: this is what the file says, and nobody has checked it. Use `confide evidence verify`."


def configure(parser: argparse.ArgumentParser) -> None:
    """Adds the command's arguments."""
    add_evidence_arguments(parser)


def run(args: argparse.Namespace) -> Reply:
    """Reads and prints. Raises Refused for what is no evidence, or cannot be read."""
    bundle = read_evidence(args)
    whole = _show(bundle)
    devices = [_show(device) for device in bundle.devices]
    document = {"verified": False, "note": UNVERIFIED, **whole} | ({"devices": devices} if devices else {})
    return Reply(document, lambda: _text(whole, devices))


def _text(whole: dict[str, object], devices: list[dict[str, object]]) -> str:
    lines = [UNVERIFIED, "", _table(whole)]
    for number, device in enumerate(devices, 1):
        lines += ["", f"device {number}", _table(device)]
    return "\n".join([*lines, "", UNVERIFIED])


def _show(bundle: EvidenceBundle) -> dict[str, object]:
    """One piece of evidence: its claims, as its format's verifier reads them before it has checked anything."""
    from confide.clock import system_clock  # noqa: PLC0415 - --help needs no verifier
    from confide.errors import Refused  # noqa: PLC0415 - the same
    from confide.verify import Trust, verifier_of  # noqa: PLC0415 - the same

    exam = verifier_of(bundle.format).examine(bundle, now=system_clock(), report_data=None, trust=Trust())
    if exam.unverified_subject is None:
        raise Refused(exam.checklist.findings, exam.checklist.checks)
    return {
        "format": bundle.format,
        "product": exam.unverified_product,
        "size": len(bundle.evidence_bytes()),
        "claims": exam.claims(),
        "parts": {name: len(bundle.part(name) or b"") for name in bundle.parts},
        "endorsements": [describe(item) for item in bundle.endorsement_bytes()],
    }


def describe(item: bytes) -> dict[str, object]:
    """An endorsement as it calls itself."""
    from confide.clock import to_rfc3339  # noqa: PLC0415 - --help needs no certificates
    from confide.verify.x509 import Certificate, MalformedCertificateError, parse_item  # noqa: PLC0415 - the same

    try:
        parsed = parse_item(item)
    except MalformedCertificateError:
        return {"kind": "other", "size": len(item)}
    issuer = parsed.parsed.issuer.rfc4514_string()
    if isinstance(parsed, Certificate):
        told: dict[str, object] = {"kind": "certificate", "name": parsed.common_name, "issuer": issuer}
        period = {"from": to_rfc3339(parsed.not_before), "to": to_rfc3339(parsed.not_after)}
        return told | period | {"fingerprint": parsed.fingerprint}
    ends = to_rfc3339(parsed.next_update) if parsed.next_update else None
    return {"kind": "revocation list", "issuer": issuer, "from": to_rfc3339(parsed.this_update), "to": ends,
            "revoked": len(parsed.revoked)}  # fmt: skip


def _table(shown: dict[str, object]) -> str:
    from confide.cli.tables import flat_rows, table  # noqa: PLC0415 - answers in JSON need no tables

    return table(flat_rows(shown))
