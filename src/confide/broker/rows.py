"""What the broker's database holds, as typed values. Whatever is named by a digest is read back by it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import msgspec

from confide.ids import canonical_json, digest_of, sha256_of
from confide.sealed.manifest import Manifest

ChallengeState = Literal["issued", "released", "refused"]


class StoredObject(msgspec.Struct, frozen=True):
    """A sealed object: its manifest, and its data key wrapped by the key `custody_key_id` of a custody.
    `location` is the URL of the cloud's store that it was put into, for the owner's listings only.
    """

    manifest: Manifest
    wrapped_key: bytes
    custody: str
    custody_key_id: str
    location: str
    registered_at: str


class PolicyRevision(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One revision of a policy, as the owner signed it: `digest` is the SHA-256 of the text's bytes,
    `previous` the record digest of the revision before (empty for the first).
    """

    name: str
    revision: int
    digest: str
    previous: str
    activated_at: str
    type: Literal["confide-policy-revision/1"] = "confide-policy-revision/1"

    @property
    def record_digest(self) -> str:
        """What the next revision links to."""
        return digest_of(msgspec.to_builtins(self))

    def signed_bytes(self) -> bytes:
        """What the owner's broker identity signs."""
        return canonical_json(msgspec.to_builtins(self))


class StoredPolicy(msgspec.Struct, frozen=True):
    """A revision with the text that its digest names, and its Ed25519 signature (64 bytes)."""

    record: PolicyRevision
    text: str
    signature: bytes

    @property
    def text_digest(self) -> str:
        """The digest of the text as it was read, to be compared with the record's."""
        return sha256_of(self.text.encode())


class StoredChallenge(msgspec.Struct, frozen=True):
    """A nonce (base64), the job that it was issued for, its time, and whether it was used."""

    nonce: str
    job: str
    issued_at: str
    expires_at: str
    state: ChallengeState


class KeyRelease(msgspec.Struct, frozen=True):
    """One data key released once: for which job, against which nonce, under which policy revision."""

    nonce: str
    data_key_id: str
    job: str
    policy: str
    revision: int
    at: str


class AuditRow(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One row of the audit log. `hash` is the digest of all the rest, `previous` the hash of the row
    before (empty for the first), so that a change anywhere shows in every later row.
    """

    sequence: int
    at: str
    kind: str
    body: Mapping[str, object]
    previous: str
    hash: str = ""

    def computed_hash(self) -> str:
        """The hash that this row must carry."""
        row = msgspec.to_builtins(self)
        del row["hash"]
        return digest_of(row | {"type": "confide-audit/1"})
