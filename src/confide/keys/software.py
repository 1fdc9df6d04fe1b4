"""A key store in a file: a random key-encryption key, itself encrypted under a passphrase.

The passphrase goes through Argon2id with the second recommended option of RFC 9106, section 4 (64 MiB,
3 passes, 4 lanes). Wrapping is AES-256-GCM with a nonce drawn for each key, which one key-encryption
key may do 2^32 times (NIST SP 800-38D, section 8.3).
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal, Self

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from confide import strictjson
from confide.errors import Misuse, Refused
from confide.ids import canonical_json, digest_of, from_base64, new_id, to_base64
from confide.sealed.files import whole_file
from confide.secrets import Secret

MAX_FILE_SIZE = 4096
KEY_SIZE, NONCE_SIZE, TAG_SIZE, SALT_SIZE = 32, 12, 16, 16
_WRAPPED_SIZE = NONCE_SIZE + KEY_SIZE + TAG_SIZE

# What a file may ask for: not less than what we write, and not so much that opening it is an attack.
_MEMORY_KIB = range(1 << 16, (1 << 20) + 1)
_ITERATIONS = range(3, 17)
_LANES = range(1, 17)


class _Argon2(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The parameters of Argon2id; `salt` is 16 bytes in base64."""

    salt: str
    memory_kib: int = 1 << 16
    iterations: int = 3
    lanes: int = 4
    name: Literal["argon2id"] = "argon2id"


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The file. `sealed_key` is nonce, key and tag in base64; `checksum` tells damage from a wrong
    passphrase, and stops nobody who means it: the tag does.
    """

    key_id: str
    kdf: _Argon2
    sealed_key: str
    checksum: str
    type: Literal["confide-software-keys/1"] = "confide-software-keys/1"

    def bound(self) -> bytes:
        """What the sealed key is bound to: the type, the identifier and the derivation."""
        return canonical_json({"type": self.type, "key_id": self.key_id, "kdf": msgspec.to_builtins(self.kdf)})

    def expected_checksum(self) -> str:
        """The SHA-256 of the canonical JSON of all other fields."""
        return digest_of(msgspec.to_builtins(msgspec.structs.replace(self, checksum="")))


class SoftwareKeyStore:
    """A `KeyCustody` without hardware: whoever has a copy of the file and the passphrase has the key."""

    kind = "software"

    def __init__(self, key_id: str, key: Secret) -> None:
        self.key_id = key_id
        self._key = key

    @classmethod
    def create(cls, path: Path, passphrase: Secret) -> Self:
        """Makes a store with a fresh key at `path` (mode 0600). Raises Misuse for an empty passphrase
        (`keys.passphrase`) or a path that is taken (`file.exists`).
        """
        key = Secret.random(KEY_SIZE)
        unsealed = _File(new_id("kek"), _Argon2(to_base64(os.urandom(SALT_SIZE))), sealed_key="", checksum="")
        sealed = _seal(_derive(passphrase, unsealed.kdf), key, unsealed.bound())
        document = msgspec.structs.replace(unsealed, sealed_key=to_base64(sealed))
        document = msgspec.structs.replace(document, checksum=document.expected_checksum())
        with whole_file(path, replace=False) as sink:
            sink.write(canonical_json(msgspec.to_builtins(document)) + b"\n")
        return cls(document.key_id, key)

    @classmethod
    def open(cls, path: Path, passphrase: Secret) -> Self:
        """The store at `path`. Raises Misuse (`keys.passphrase`) for a wrong passphrase, Refused
        (`keys.file`) for a file that was damaged or asks for too little or too much work.
        """
        document = _read(path)
        key = _unseal(_derive(passphrase, document.kdf), from_base64(document.sealed_key), document.bound())
        if key is None:
            raise Misuse.because(
                "keys.passphrase",
                got=f"a passphrase that does not open {path.name}",
                wanted="the one it was made with",
                remedy="Try again; if it is surely right, the file was altered on purpose.",
            )
        return cls(document.key_id, key)

    def wrap(self, data_key: Secret, context: bytes) -> bytes:
        """60 bytes: nonce (12), encrypted data key (32), tag (16). The context is associated data.
        Raises Misuse (`keys.size`) for a data key that is not 32 bytes.
        """
        if len(data_key) != KEY_SIZE:
            raise Misuse.because(
                "keys.size", got=f"{len(data_key)} bytes", wanted=f"{KEY_SIZE} bytes", remedy="Wrap data keys only."
            )
        return _seal(self._key, data_key, self._bound(context))

    def unwrap(self, wrapped: bytes, context: bytes) -> Secret:
        """The data key. Raises Refused (`keys.wrapped`) for other bytes, another key or another context."""
        data_key = _unseal(self._key, wrapped, self._bound(context))
        if data_key is None:
            raise Refused.because(
                "keys.wrapped",
                got="a wrapped key that does not open",
                wanted=f"one wrapped by {self.key_id} for this data key and object",
                remedy="Restore the record of the object from a backup.",
            )
        return data_key

    def describe(self) -> dict[str, str]:
        """What a listing says: no hardware keeps this key."""
        return {
            "kind": self.kind,
            "key_id": self.key_id,
            "protection": "a file encrypted under a passphrase (Argon2id, AES-256-GCM)",
            "meaning": "A copy of the file plus the passphrase is the key: no hardware keeps it in.",
        }

    def _bound(self, context: bytes) -> bytes:
        return canonical_json({"key_id": self.key_id, "context": to_base64(context)})


def _read(path: Path) -> _File:
    with path.open("rb") as source:
        data = source.read(MAX_FILE_SIZE + 1)
    try:
        document = strictjson.load_as(_File, data, "key store", MAX_FILE_SIZE)
        sizes = len(from_base64(document.kdf.salt)), len(from_base64(document.sealed_key))
    except Misuse as failure:
        raise _bad_file(path, failure.findings[0].got) from None
    if document.checksum != document.expected_checksum():
        raise _bad_file(path, "a damaged file")
    kdf = document.kdf
    if kdf.memory_kib not in _MEMORY_KIB or kdf.iterations not in _ITERATIONS or kdf.lanes not in _LANES:
        raise _bad_file(path, f"Argon2id with {kdf.memory_kib} KiB, {kdf.iterations} passes, {kdf.lanes} lanes")
    if sizes != (SALT_SIZE, _WRAPPED_SIZE):
        raise _bad_file(path, "a salt or key of the wrong length")
    return document


def _derive(passphrase: Secret, kdf: _Argon2) -> Secret:
    if not len(passphrase):
        raise Misuse.because(
            "keys.passphrase",
            got="an empty passphrase",
            wanted="one that protects the key store",
            remedy="Choose a passphrase.",
        )
    derivation = Argon2id(
        salt=from_base64(kdf.salt),
        length=KEY_SIZE,
        iterations=kdf.iterations,
        lanes=kdf.lanes,
        memory_cost=kdf.memory_kib,
    )
    return Secret(derivation.derive(passphrase.reveal()))


def _seal(key: Secret, value: Secret, bound: bytes) -> bytes:
    nonce = os.urandom(NONCE_SIZE)
    return nonce + AESGCM(key.reveal()).encrypt(nonce, value.reveal(), bound)


def _unseal(key: Secret, sealed: bytes, bound: bytes) -> Secret | None:
    if len(sealed) != _WRAPPED_SIZE:
        return None
    try:
        return Secret(AESGCM(key.reveal()).decrypt(sealed[:NONCE_SIZE], sealed[NONCE_SIZE:], bound))
    except InvalidTag:
        return None


def _bad_file(path: Path, got: str) -> Refused:
    return Refused.because(
        "keys.file",
        got=f"{got} ({path.name})",
        wanted="a software key store as it was written",
        remedy="Restore the file from a backup.",
    )
