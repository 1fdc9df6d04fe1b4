"""What the agent and the broker say to each other, message by message (design, steps 5 to 8).

`POST /v1/challenge` takes a ChallengeRequest and gives a Challenge; `POST /v1/release` takes a
ReleaseRequest and gives a Release. A failure is `{"error": kind, "codes": [...]}`: the caller gets
codes, the owner finds the detail in the audit log.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from confide.binding import Binding
from confide.evidence.bundle import EvidenceBundle
from confide.ids import canonical_json
from confide.job import Job
from confide.sealed.manifest import Manifest


class ChallengeRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Asks for a nonce for the job with this id."""

    job: str


class Challenge(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A single-use nonce (32 bytes, base64) and the moment it ends (RFC 3339)."""

    nonce: str
    expires_at: str


class ReleaseRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Evidence for a challenge. What the evidence must be bound to is computed by the broker from
    these fields and its own identity; nothing here says which key to release.
    """

    job: str
    nonce: str
    hpke_key: str
    signing_key: str
    evidence: EvidenceBundle

    def binding(self, broker: str) -> Binding:
        """The binding that the evidence must carry for the broker with the identity `broker`."""
        return Binding(self.nonce, self.hpke_key, self.signing_key, self.job, broker)


class Grant(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the broker says about a release. `policy` is the SHA-256 of the policy's text, `evidence`
    the digest of the evidence bundle, `released_at` the broker's time.
    """

    binding: Binding
    policy_name: str
    policy: str
    policy_revision: int
    evidence: str
    released_at: str
    type: Literal["confide-grant/1"] = "confide-grant/1"

    def signed_bytes(self) -> bytes:
        """What the broker's identity key signs."""
        return canonical_json(msgspec.to_builtins(self))


class SignedGrant(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A grant with the broker's Ed25519 public key (32 bytes) and signature (64 bytes), both base64."""

    grant: Grant
    broker_key: str
    signature: str


class WrappedDataKey(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A data key for the attested key: HPKE (RFC 9180, base mode) with the grant as info, base64."""

    data_key_id: str
    ciphertext: str


class Release(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Everything the enclave needs: the job, its manifests (in the order of its inputs), the text of the
    policy that allowed it, the signed grant and the wrapped keys.
    """

    job: Job
    manifests: tuple[Manifest, ...]
    policy_text: str
    grant: SignedGrant
    keys: tuple[WrappedDataKey, ...]
