"""Evidence as it travels: the bytes of one format, with the certificates that came along. No trust."""

from __future__ import annotations

from typing import Literal

import msgspec

from confide.ids import digest_of, from_base64, to_base64


class EvidenceBundle(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`evidence` is the raw evidence and `endorsements` are DER certificates or lists, all in base64."""

    format: str
    evidence: str
    endorsements: tuple[str, ...] = ()
    type: Literal["confide-evidence/1"] = "confide-evidence/1"

    @property
    def digest(self) -> str:
        """`sha256:…` of the canonical JSON of the bundle."""
        return digest_of(msgspec.to_builtins(self))

    def evidence_bytes(self) -> bytes:
        """The raw evidence. Raises Misuse where it is not canonical base64."""
        return from_base64(self.evidence, "evidence")

    def endorsement_bytes(self) -> tuple[bytes, ...]:
        """The raw endorsements, in order. Raises Misuse where one is not canonical base64."""
        return tuple(from_base64(item, "endorsement") for item in self.endorsements)


def pack_evidence(name: str, evidence: bytes, endorsements: tuple[bytes, ...] = ()) -> EvidenceBundle:
    """The bundle of raw evidence of the format `name` and its endorsements."""
    return EvidenceBundle(name, to_base64(evidence), tuple(to_base64(item) for item in endorsements))
