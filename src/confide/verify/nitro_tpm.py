"""Is an attestation document of an AWS NitroTPM genuine, at this moment? The steps are those of `confide.verify.nitro`:
the same envelope, certificates and times, and other registers (EC2 user guide, "NitroTPM Attestation Document").

A NitroTPM attests what an instance has booted. It has no debug mode; who may log in is a matter of the image.
"""

from __future__ import annotations

from datetime import datetime

from confide.evidence.bundle import EvidenceBundle
from confide.evidence.nitro import TPM_FORMAT, parse_tpm_document
from confide.verify import nitro
from confide.verify.examination import Examination
from confide.verify.trust import Trust

FORMAT = TPM_FORMAT
NONCE_SIZE = None
# Every one of these has a result before evidence counts as verified.
REQUIRED = nitro.REQUIRED - {"nitro.debug"}


def examine(bundle: EvidenceBundle, *, now: datetime, report_data: bytes | None, trust: Trust) -> Examination:
    """Runs every step and records every result; whoever calls `conclude` on the answer gets the verdict."""
    exam = Examination(format=FORMAT, now=now, required=REQUIRED)
    return nitro.examine_document(exam, bundle, parse_tpm_document, report_data=report_data, trust=trust)


def check_alone(_exam: Examination) -> None:
    """Nothing that holds for everyone is left to the policy."""
