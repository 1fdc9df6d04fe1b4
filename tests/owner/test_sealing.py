"""Sealing into the store: the key is registered after the ciphertext is there, or not at all."""

from __future__ import annotations

import io
import sqlite3

import pytest
from crypt4gh import lib
from crypt4gh.keys import get_private_key

from confide.errors import Unavailable
from confide.ids import sha256_of
from confide.keys.custody import wrap_context
from confide.owner.sealing import seal_into
from confide.sealed.keyfile import read_private_key
from confide.sealed.objects import open_bytes, recover_data_key
from confide.sealed.store import Store, object_name
from confide.secrets import Secret
from confide.testing.lab import PASSPHRASE

GENOME = b"rs123\tAG\n" * 20_000


def seal(lab, source=None, store=None):
    return seal_into(lab.home, store or lab.store, source or io.BytesIO(GENOME), location="cloud", now=lab.now)


def test_registered_key_and_manifest_open_the_object_in_the_store(lab):
    stored = seal(lab)
    context = wrap_context(data_key_id=stored.manifest.data_key_id, object_id=stored.manifest.object_id)
    data_key = lab.home.custody.unwrap(stored.wrapped_key, context)
    sealed = lab.store.read(object_name(stored.manifest.object_id), 1 << 24)
    assert bytes(open_bytes(sealed, manifest=stored.manifest, data_key=data_key)) == GENOME
    with lab.broker.database.read() as reader:
        assert reader.object_by(stored.manifest.object_id) == stored
        assert reader.object_by(stored.manifest.manifest_digest) == stored


def test_owners_identity_opens_the_object_also_with_the_reference_tool(lab):
    stored = seal(lab)
    sealed = lab.store.read(object_name(stored.manifest.object_id), 1 << 24)
    identity = read_private_key(lab.home.folder.identity_file, Secret(PASSPHRASE))
    assert len(recover_data_key(io.BytesIO(sealed), identity)) == 32
    private_key = get_private_key(str(lab.home.folder.identity_file), PASSPHRASE.decode)
    plain = io.BytesIO()
    lib.decrypt([(0, private_key, None)], io.BytesIO(sealed), plain)
    assert plain.getvalue() == GENOME


class Broken(io.RawIOBase):
    """A source that fails after some bytes."""

    def __init__(self):
        super().__init__()
        self.given = 0

    def readable(self):
        return True

    def readinto(self, buffer):
        self.given += 1
        if self.given > 2:
            raise OSError(5, "Input/output error")
        buffer[:1000] = b"x" * 1000
        return 1000


def left(lab):
    with lab.broker.database.read() as reader:
        return reader.objects(), lab.store.list()


def test_source_that_fails_in_the_middle_leaves_nothing(lab):
    with pytest.raises((OSError, Unavailable)):
        seal(lab, Broken())
    assert left(lab) == ([], [])


def test_full_store_is_unavailable_and_leaves_nothing(lab):
    """/dev/full's sibling: a store whose folder is a file."""
    (lab.home.folder.path.parent / "blocked").write_text("")
    with pytest.raises(Unavailable):
        seal(lab, store=Store(str(lab.home.folder.path.parent / "blocked")))
    assert left(lab) == ([], [])


def test_key_that_cannot_be_registered_leaves_no_object_behind(lab):
    with sqlite3.connect(lab.home.folder.database_file) as connection:
        connection.execute("CREATE TRIGGER full BEFORE INSERT ON objects BEGIN SELECT RAISE(ABORT, 'no'); END")
    with pytest.raises(Unavailable) as failure:
        seal(lab)
    assert failure.value.codes == ("database.failed",)
    assert left(lab) == ([], [])


def test_ciphertext_is_in_the_store_before_the_key_is_registered(lab):
    """At the moment of wrapping the object is there, whole."""
    seen, custody = [], lab.home.custody

    class Watching:
        kind, key_id = custody.kind, custody.key_id

        def wrap(self, data_key, context):
            seen.extend(lab.store.list("objects/"))
            return custody.wrap(data_key, context)

    lab.home.custody = Watching()
    stored = seal(lab)
    assert seen == [object_name(stored.manifest.object_id)]


def test_sealing_twice_makes_two_objects_under_two_keys(lab):
    first, second = seal(lab).manifest, seal(lab).manifest
    assert first.data_key_id != second.data_key_id
    ciphertexts = {sha256_of(lab.store.read(object_name(one.object_id), 1 << 24)) for one in (first, second)}
    assert len(ciphertexts) == 2
