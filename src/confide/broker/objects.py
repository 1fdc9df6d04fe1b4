"""Sealed objects as the owner knows them: the manifest, and the data key wrapped by the owner's custody."""

from __future__ import annotations

from datetime import datetime

from confide.broker.database import Database
from confide.broker.rows import StoredObject
from confide.clock import to_rfc3339
from confide.keys.custody import KeyCustody, wrap_context
from confide.sealed.manifest import Manifest
from confide.secrets import Secret


def register_object(
    database: Database, custody: KeyCustody, *, manifest: Manifest, data_key: Secret, location: str, now: datetime
) -> StoredObject:
    """Wraps the data key and stores it with the manifest; from here on the object can be computed on.
    Call it once the ciphertext is in the store: ciphertext without a key is garbage, a key without
    ciphertext would be a loss.
    """
    stored = StoredObject(
        manifest=manifest,
        wrapped_key=custody.wrap(
            data_key, wrap_context(data_key_id=manifest.data_key_id, object_id=manifest.object_id)
        ),
        custody=custody.kind,
        custody_key_id=custody.key_id,
        location=location,
        registered_at=to_rfc3339(now),
    )
    body = {"object": manifest.object_id, "manifest": manifest.manifest_digest, "key": manifest.data_key_id}
    with database.write() as writer:
        writer.add_object(stored)
        writer.append_audit("object.registered", body, to_rfc3339(now))
    return stored
