"""Crypt4GH key files, format c4gh-v1: what the reference tool reads and writes.

    magic "c4gh-v1" | kdf name | kdf options: rounds (4) and salt (16) | cipher name | nonce (12) and ciphertext

Each string behind a two-byte big-endian length, all of it in base64 between PEM-like lines. The key
derivation is scrypt with N=2^14, r=8, p=1 (RFC 7914); its "rounds" are unused and 0.
"""

from __future__ import annotations

import base64
import hashlib
import io
import os
from pathlib import Path
from typing import Literal

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from confide.errors import Misuse
from confide.sealed.files import whole_file
from confide.sealed.header import KEY_SIZE, NONCE_SIZE
from confide.secrets import Secret

MAX_FILE_SIZE = 16384
_MAGIC = b"c4gh-v1"
_KDF, _CIPHER = b"scrypt", b"chacha20_poly1305"
_SALT_SIZE = 16

Kind = Literal["PRIVATE", "PUBLIC"]


def write_key_pair(path: Path, passphrase: Secret) -> bytes:
    """Makes an X25519 key pair: the private key to `path`, encrypted and readable by its owner only, the
    public key to `path` with `.pub` behind it. Returns the public key (32 bytes).

    Raises Misuse for an empty passphrase (`keys.passphrase`) or a path that is taken (`file.exists`).
    """
    private_key = X25519PrivateKey.generate()
    public_key = private_key.public_key().public_bytes_raw()
    _write(path, "PRIVATE", _encrypt(private_key, passphrase), mode=0o600)
    try:
        _write(public_path(path), "PUBLIC", public_key, mode=0o644)
    except BaseException:
        path.unlink()
        raise
    return public_key


def public_path(path: Path) -> Path:
    """Where the public half of the key pair at `path` is."""
    return path.with_name(f"{path.name}.pub")


def read_private_key(path: Path, passphrase: Secret) -> X25519PrivateKey:
    """The private key in the file. Raises Misuse: `keys.format` for a file of another kind, also one that
    is not encrypted; `keys.passphrase` where the passphrase does not open it.
    """
    source = io.BytesIO(_read(path, "PRIVATE"))
    if source.read(len(_MAGIC)) != _MAGIC:
        raise _bad_format(path, "a key of another format")
    kdf = _read_string(source, path)
    if kdf != _KDF:
        raise _bad_format(path, "a key that is not encrypted" if kdf == b"none" else "another key derivation")
    options, cipher, sealed = (_read_string(source, path) for _ in range(3))
    if len(options) != 4 + _SALT_SIZE or cipher != _CIPHER:
        raise _bad_format(path, "another cipher or salt")
    key = ChaCha20Poly1305(_derive(passphrase, options[4:]))
    try:
        return X25519PrivateKey.from_private_bytes(key.decrypt(sealed[:NONCE_SIZE], sealed[NONCE_SIZE:], None))
    except InvalidTag:
        raise Misuse.because(
            "keys.passphrase",
            got=f"a passphrase that does not open {path.name}",
            wanted="the one it was made with",
            remedy="Try again; if it is surely right, the file was altered.",
        ) from None
    except ValueError:
        raise _bad_format(path, "a key of the wrong length") from None


def read_public_key(path: Path) -> bytes:
    """The public key (32 bytes) in the file. Raises Misuse (`keys.format`) for a file of another kind."""
    key = _read(path, "PUBLIC")
    if len(key) != KEY_SIZE:
        raise _bad_format(path, f"{len(key)} bytes")
    return key


def _encrypt(private_key: X25519PrivateKey, passphrase: Secret) -> bytes:
    salt, nonce = os.urandom(_SALT_SIZE), os.urandom(NONCE_SIZE)
    cipher = ChaCha20Poly1305(_derive(passphrase, salt))
    sealed = cipher.encrypt(nonce, private_key.private_bytes_raw(), None)
    return _MAGIC + b"".join(map(_string, (_KDF, bytes(4) + salt, _CIPHER, nonce + sealed)))


def _derive(passphrase: Secret, salt: bytes) -> bytes:
    if not len(passphrase):
        raise Misuse.because(
            "keys.passphrase",
            got="an empty passphrase",
            wanted="one that protects the key file",
            remedy="Choose a passphrase.",
        )
    return hashlib.scrypt(passphrase.reveal(), salt=salt, n=1 << 14, r=8, p=1, dklen=KEY_SIZE)


def _string(value: bytes) -> bytes:
    return len(value).to_bytes(2, "big") + value


def _read_string(source: io.BytesIO, path: Path) -> bytes:
    length = int.from_bytes(source.read(2), "big")
    value = source.read(length)
    if not length or len(value) < length:
        raise _bad_format(path, "a key that ends too soon")
    return value


def _write(path: Path, kind: Kind, payload: bytes, *, mode: int) -> None:
    with whole_file(path, mode=mode, replace=False) as sink:
        sink.write(b"%b\n%b\n%b\n" % (_line("BEGIN", kind), base64.b64encode(payload), _line("END", kind)))


def _read(path: Path, kind: Kind) -> bytes:
    with path.open("rb") as source:
        text = source.read(MAX_FILE_SIZE + 1)
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    framed = len(lines) > 2 and (lines[0], lines[-1]) == (_line("BEGIN", kind), _line("END", kind))  # noqa: PLR2004 - frame and content
    if len(text) > MAX_FILE_SIZE or not framed:
        raise _bad_format(path, "another kind of file")
    try:
        return base64.b64decode(b"".join(lines[1:-1]), validate=True)
    except ValueError:
        raise _bad_format(path, "something other than base64") from None


def _line(word: Literal["BEGIN", "END"], kind: Kind) -> bytes:
    return f"-----{word} CRYPT4GH {kind} KEY-----".encode()


def _bad_format(path: Path, got: str) -> Misuse:
    return Misuse.because(
        "keys.format",
        got=f"{got} in {path.name}",
        wanted="a Crypt4GH key file (private: encrypted with scrypt)",
        remedy="Make a key pair with `confide identity new PATH`.",
    )
