"""Is evidence genuine, now? Offline, against pinned anchors; every check is in the result."""

from confide.verify.examination import Examination, VerifiedEvidence
from confide.verify.verifier import FORMATS, examine, examine_alone, verify_evidence

__all__ = ["FORMATS", "Examination", "VerifiedEvidence", "examine", "examine_alone", "verify_evidence"]
