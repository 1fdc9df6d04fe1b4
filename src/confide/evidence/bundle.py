"""Evidence as it travels: the bytes of one format, with what came along. No trust."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

import msgspec

from confide.ids import digest_of, from_base64, to_base64


class EvidenceBundle(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`evidence` is the raw evidence; `endorsements` are certificates, lists, collateral or reference manifests;
    `parts` are further pieces of the same evidence by name, such as an event log. All in base64. `devices` is the
    evidence of other devices that belong to the same machine, such as its GPUs; a device has none of its own.
    """

    format: str
    evidence: str
    endorsements: tuple[str, ...] = ()
    parts: dict[str, str] = {}
    devices: tuple[EvidenceBundle, ...] = ()
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

    def part(self, name: str) -> bytes | None:
        """The raw part of this name, None where there is none. Raises Misuse where it is not canonical base64."""
        return from_base64(self.parts[name], f"part {name}") if name in self.parts else None

    def check_base64(self) -> None:
        """Raises Misuse where any piece is not canonical base64."""
        self.evidence_bytes(), self.endorsement_bytes(), [self.part(name) for name in self.parts]
        for device in self.devices:
            device.check_base64()


def pack_evidence(name: str, evidence: bytes, endorsements: tuple[bytes, ...] = (), **parts: bytes) -> EvidenceBundle:
    """The bundle of raw evidence of the format `name`, its endorsements and parts."""
    return EvidenceBundle(
        name,
        to_base64(evidence),
        tuple(to_base64(item) for item in endorsements),
        {part: to_base64(data) for part, data in parts.items()},
    )


def with_devices(bundle: EvidenceBundle, devices: Iterable[EvidenceBundle]) -> EvidenceBundle:
    """The bundle with these devices after its own."""
    return msgspec.structs.replace(bundle, devices=(*bundle.devices, *devices))
