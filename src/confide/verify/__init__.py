"""Is evidence genuine, now? Offline, against pinned anchors; every check is in the result."""

from confide.verify.examination import Examination, Subject, VerifiedEvidence
from confide.verify.trust import Trust
from confide.verify.verifier import FORMATS, examine, examine_alone, verifier_of, verify_evidence

__all__ = [
    "FORMATS", "Examination", "Subject", "Trust", "VerifiedEvidence", "examine", "examine_alone", "verifier_of",
    "verify_evidence",
]  # fmt: skip
