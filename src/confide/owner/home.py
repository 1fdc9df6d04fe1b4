"""A home is a folder that only its owner can read. It is made whole or not at all."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal

import msgspec

from confide.broker import Broker, BrokerIdentity, Database, WrappedIdentity
from confide.clock import system_clock, to_rfc3339
from confide.errors import Misuse
from confide.ids import canonical_json, from_base64, sha256_of
from confide.keys.custody import KeyCustody
from confide.keys.software import SoftwareKeyStore
from confide.sealed.files import whole_file
from confide.sealed.keyfile import public_path, read_public_key, write_key_pair
from confide.secrets import Secret
from confide.strictjson import load_as


class HomeFacts(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a home says about itself without being unlocked: how its keys are kept, and who its broker is."""

    created_at: str
    broker: WrappedIdentity
    custody: dict[str, str]
    type: Literal["confide-home/1"] = "confide-home/1"

    @property
    def broker_key(self) -> bytes:
        """The broker's Ed25519 public key, 32 bytes."""
        return from_base64(self.broker.public_key, "public key")

    @property
    def broker_id(self) -> str:
        """`sha256:…` of the broker's public key: what agents pin."""
        return sha256_of(self.broker_key)


@dataclass(frozen=True)
class HomeFolder:
    """Where things are in a home, and what can be done with it while it is locked."""

    path: Path

    @property
    def facts_file(self) -> Path:
        """`home.json`: the facts, and the broker's key wrapped by the key store."""
        return self.path / "home.json"

    @property
    def key_store_file(self) -> Path:
        """The software key store."""
        return self.path / "keys.json"

    @property
    def identity_file(self) -> Path:
        """The owner's X25519 identity, a Crypt4GH key file; the public half is beside it as `.pub`."""
        return self.path / "identity.c4gh"

    @property
    def certificate_file(self) -> Path:
        """The broker's self-signed certificate, in PEM."""
        return self.path / "broker.pem"

    @property
    def policies_folder(self) -> Path:
        """Copies of the activated policies, for a person to read; the database holds those in force."""
        return self.path / "policies"

    @property
    def database_file(self) -> Path:
        """Objects, policies, jobs, challenges, releases and the audit log."""
        return self.path / "confide.db"

    def facts(self) -> HomeFacts:
        """Reads `home.json`. Raises Misuse where the folder is no home."""
        if not self.facts_file.is_file():
            raise Misuse.because(
                "home.missing",
                got=str(self.path),
                wanted="an owner's home",
                remedy=f"Make one with `confide owner init {self.path}`.",
            )
        return load_as(HomeFacts, self.facts_file.read_bytes(), "home.json")

    def database(self) -> Database:
        """The database. Raises Misuse where the folder is no home, Unavailable where it does not open."""
        self.facts()
        return Database.open(self.database_file)

    def identity_key(self) -> bytes:
        """The owner's X25519 public key, 32 bytes."""
        return read_public_key(public_path(self.identity_file))

    def keep_policy(self, name: str, revision: int, text: str) -> None:
        """Puts a copy of an activated policy into the folder, for a person to read."""
        path = self.policies_folder / f"{name}-{revision}.toml"
        _write(path, text.encode())


class OwnerHome:
    """An unlocked home: the folder, its key custody, the broker's identity and the database."""

    def __init__(self, folder: HomeFolder, custody: KeyCustody, identity: BrokerIdentity, database: Database) -> None:
        self.folder = folder
        self.custody = custody
        self.identity = identity
        self.database = database

    @classmethod
    def create(cls, path: Path | str, passphrase: Secret, *, now: datetime | None = None) -> OwnerHome:
        """Makes a home at `path`, where nothing may be yet. It is made beside and renamed once it is
        whole, so that a process killed in the middle leaves no half of a home. Raises Misuse.
        """
        folder = HomeFolder(Path(path).absolute())
        refuse_existing(folder.path)
        folder.path.parent.mkdir(parents=True, exist_ok=True)
        draft = HomeFolder(folder.path.with_name(f".{folder.path.name}.unfinished"))
        shutil.rmtree(draft.path, ignore_errors=True)  # what a killed run left: nothing was ever sealed under it
        try:
            _fill(draft, passphrase, now or system_clock())
            draft.path.rename(folder.path)
        except BaseException:
            shutil.rmtree(draft.path, ignore_errors=True)
            raise
        _sync(folder.path.parent)
        return cls.open(folder.path, passphrase)

    @classmethod
    def open(cls, path: Path | str, passphrase: Secret) -> OwnerHome:
        """Unlocks a home. Raises Misuse for a wrong passphrase, Refused where its parts were tampered with."""
        folder = HomeFolder(Path(path).absolute())
        facts = folder.facts()
        custody = SoftwareKeyStore.open(folder.key_store_file, passphrase)
        return cls(folder, custody, BrokerIdentity.unwrap(facts.broker, custody), folder.database())

    def broker(self, *, production: bool = False) -> Broker:
        """The broker of this home."""
        own_keys = frozenset({self.identity.public_key, self.folder.identity_key()})
        return Broker(self.database, self.identity, self.custody, own_keys, production)


def refuse_existing(path: Path) -> None:
    """Raises Misuse where something is at `path`; an empty folder is nothing."""
    if path.exists() and not (path.is_dir() and not any(path.iterdir())):
        raise Misuse.because(
            "home.exists",
            got=str(path),
            wanted="a path where nothing is yet",
            remedy="Choose another path. An existing home is never overwritten: its keys cannot be made again.",
        )


def _fill(folder: HomeFolder, passphrase: Secret, now: datetime) -> None:
    folder.path.mkdir(mode=0o700)
    folder.policies_folder.mkdir(mode=0o700)
    custody = SoftwareKeyStore.create(folder.key_store_file, passphrase)
    write_key_pair(folder.identity_file, passphrase)
    identity = BrokerIdentity.generate()
    facts = HomeFacts(to_rfc3339(now), identity.wrap(custody), custody.describe())
    _write(folder.certificate_file, identity.certificate(now))
    Database.create(folder.database_file).close()
    _write(folder.facts_file, canonical_json(msgspec.to_builtins(facts)))
    for item in folder.path.iterdir():
        item.chmod(0o700 if item.is_dir() else 0o600)
        _sync(item)
    _sync(folder.path)


def _write(path: Path, content: bytes) -> None:
    with whole_file(path) as sink:
        sink.write(content)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
