"""Sealing a file into the cloud's store: a stream from the owner's disk to the store, encrypted on the way."""

from __future__ import annotations

from datetime import datetime
from typing import BinaryIO

from confide.broker import StoredObject, register_object
from confide.ids import new_id
from confide.owner.home import OwnerHome
from confide.sealed.objects import seal_stream
from confide.sealed.store import Store, object_name
from confide.secrets import Secret, wiped_after


def seal_into(home: OwnerHome, store: Store, source: BinaryIO, *, location: str, now: datetime) -> StoredObject:
    """Seals `source` under a fresh key, puts the ciphertext into the store, and then registers manifest and
    wrapped key. `location` is the store's URL, for the owner's listings.

    Where it fails, nothing is registered, and at most ciphertext is left, under a key that is gone; running
    it again makes a new object.
    """
    object_id, data_key_id = new_id("object"), new_id("key")
    recipients = [home.folder.identity_key()]
    with wiped_after(Secret.random()) as data_key:
        with store.writer(object_name(object_id)) as sink:
            manifest = seal_stream(
                source, sink, data_key=data_key, data_key_id=data_key_id, recipients=recipients, object_id=object_id
            )
        try:
            return register_object(
                home.database, home.custody, manifest=manifest, data_key=data_key, location=location, now=now
            )
        except BaseException:
            store.delete(object_name(object_id))
            raise
