"""Is evidence genuine, now? Offline, against pinned anchors; every check is in the result."""

from confide.verify.examination import Examination, VerifiedEvidence
from confide.verify.verifier import FORMATS, examine, verify_evidence

__all__ = ["FORMATS", "Examination", "VerifiedEvidence", "examine", "verify_evidence"]
