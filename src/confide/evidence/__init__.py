"""Bytes to typed evidence, one module per format. No trust, no input or output."""

from confide.evidence.bundle import EvidenceBundle, pack_evidence

__all__ = ["EvidenceBundle", "pack_evidence"]
