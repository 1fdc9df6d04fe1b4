"""The way in: evidence of any known format is examined by the verifier of its format."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from confide.errors import Refused
from confide.evidence.bundle import EvidenceBundle
from confide.evidence.snp import FORMAT as SNP
from confide.verify import snp
from confide.verify.examination import Examination, VerifiedEvidence

FORMATS = {SNP: snp.examine}


def examine(
    bundle: EvidenceBundle, *, now: datetime, report_data: bytes | None, simulated_roots: Collection[str]
) -> Examination:
    """Makes every check of the format's verifier. Raises Refused for an unknown format, Misuse for broken base64."""
    verifier = FORMATS.get(bundle.format)
    if verifier is None:
        raise Refused.because(
            "evidence.format",
            got=repr(bundle.format[:40]),
            wanted=f"one of {', '.join(FORMATS)}",
            remedy="Name the format of the evidence, or use a platform that is known.",
        )
    return verifier(
        bundle.evidence_bytes(),
        bundle.endorsement_bytes(),
        now=now,
        report_data=report_data,
        simulated_roots=simulated_roots,
    )


def examine_alone(
    bundle: EvidenceBundle, *, now: datetime, report_data: bytes | None, simulated_roots: Collection[str] = ()
) -> Examination:
    """`examine`, and debug mode is refused: what holds for everyone who has no policy."""
    exam = examine(bundle, now=now, report_data=report_data, simulated_roots=simulated_roots)
    snp.check_debug(exam)
    return exam


def verify_evidence(
    bundle: EvidenceBundle,
    *,
    now: datetime,
    report_data: bytes | None,
    simulated_roots: Collection[str] = (),
) -> VerifiedEvidence:
    """Genuine, at `now`? Offline. `report_data` are the 64 bytes that the evidence must carry; None compares
    nothing, and the checks say so. `simulated_roots` are fingerprints of roots that are not a vendor's; only a
    policy of kind simulation has any. Debug mode is refused.

    Raises Refused with all findings; Unavailable where only the certificates to tell by are missing.
    """
    return examine_alone(bundle, now=now, report_data=report_data, simulated_roots=simulated_roots).conclude()
