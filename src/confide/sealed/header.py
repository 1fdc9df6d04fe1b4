"""The Crypt4GH header: the data key, sealed to each recipient (GA4GH Crypt4GH 1.0, sections 3.2 and 3.3).

Parsing is bounded before anything is allocated, and stricter than the specification where leniency
helps only an attacker: one data key an object (section 4.1 allows readers to insist), no edit lists,
no unknown methods.
"""

from __future__ import annotations

import hashlib
import io
import os
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import BinaryIO, NoReturn

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from confide.errors import Misuse, Refused
from confide.sealed.streams import read_up_to
from confide.secrets import Secret

MAGIC = b"crypt4gh"
VERSION = 1
MAX_PACKETS = 256
MAX_PACKET_LENGTH = 1024

MAX_HEADER_LENGTH = 16 + MAX_PACKETS * MAX_PACKET_LENGTH

KEY_SIZE = 32
NONCE_SIZE = 12
TAG_SIZE = 16

_X25519_CHACHA20_POLY1305 = 0
_DATA_ENCRYPTION_PARAMETERS = 0
_DATA_EDIT_LIST = 1
_CHACHA20_POLY1305 = 0

_PREFIX = struct.Struct("<II")  # packet length and encryption method
_PAYLOAD = struct.Struct("<II32s")  # packet type, data encryption method, data key
_MIN_PACKET_LENGTH = _PREFIX.size + KEY_SIZE + NONCE_SIZE + 4 + TAG_SIZE


@dataclass(frozen=True, slots=True)
class Packet:
    """One encrypted header packet: the writer's public key (32), nonce (12), ciphertext with its tag."""

    writer_key: bytes
    nonce: bytes
    ciphertext: bytes


def write_header(data_key: Secret, recipients: Sequence[bytes]) -> bytes:
    """The header that gives `data_key` (32 bytes) to each X25519 public key (32 bytes), each once.

    Every packet has a writer's key of its own, discarded at once (section 3.3.1). Raises Misuse for no
    recipients, too many, or a key that is no X25519 public key.
    """
    distinct = list(dict.fromkeys(recipients))
    if not 0 < len(distinct) <= MAX_PACKETS:
        raise Misuse.because(
            "object.recipients",
            got=f"{len(distinct)} recipients",
            wanted=f"1 to {MAX_PACKETS} public keys",
            remedy="Name who may open the object.",
        )
    payload = _PAYLOAD.pack(_DATA_ENCRYPTION_PARAMETERS, _CHACHA20_POLY1305, checked_key(data_key))
    packets = [_seal_packet(payload, recipient) for recipient in distinct]
    return b"".join([MAGIC, struct.pack("<II", VERSION, len(packets)), *packets])


def read_packets(source: BinaryIO) -> list[Packet]:
    """The packets of the header at the source's position, still encrypted; leaves the source at the first
    segment. Raises Refused (`object.header`) for anything but a version 1 header within the bounds.
    """
    head = read_up_to(source, 16)
    if head[:8] != MAGIC or len(head) < 16:  # noqa: PLR2004 - magic (8), version (4), count (4): section 3.2
        _refuse_header("bytes that do not begin as Crypt4GH", "a Crypt4GH object")
    version, count = struct.unpack("<II", head[8:])
    if version != VERSION:
        _refuse_header(f"Crypt4GH version {version}", f"version {VERSION}")
    if not 0 < count <= MAX_PACKETS:
        _refuse_header(f"{count} header packets", f"1 to {MAX_PACKETS}")
    return [_read_packet(source) for _ in range(count)]


def recover_data_key(source: BinaryIO, private_key: X25519PrivateKey) -> Secret:
    """The data key that the header at the source's position holds for this key. Raises Refused:
    `object.key` where no packet is for it, `object.header` or `object.edit_list` where one is bad.
    """
    payloads = [payload for packet in read_packets(source) if (payload := _open_packet(packet, private_key))]
    keys = {_data_key_in(payload) for payload in payloads}
    if not keys:
        raise Refused.because(
            "object.key",
            got="a header without a packet for this key",
            wanted="an object sealed to this key",
            remedy="Open it with the key of one of its recipients.",
        )
    if len(keys) > 1:
        _refuse_header(f"{len(keys)} data keys", "one data key for the whole object")
    return Secret(keys.pop())


def reencrypt_header(header: bytes, private_key: X25519PrivateKey, recipients: Sequence[bytes]) -> bytes:
    """The header for other recipients: what follows it stays as it is (and so does the manifest).
    Raises Refused as `recover_data_key` does, also where bytes follow the header; Misuse as `write_header`.
    """
    source = io.BytesIO(header)
    data_key = recover_data_key(source, private_key)
    if source.read(1):
        _refuse_header("bytes behind the last packet", "a header alone")
    return write_header(data_key, recipients)


def checked_key(data_key: Secret) -> bytes:
    """The bytes of a data key. Raises Misuse (`object.key`) where they are not 32."""
    if len(data_key) != KEY_SIZE:
        raise Misuse.because(
            "object.key",
            got=f"a data key of {len(data_key)} bytes",
            wanted=f"{KEY_SIZE} bytes",
            remedy="Draw a data key with Secret.random().",
        )
    return data_key.reveal()


def _read_packet(source: BinaryIO) -> Packet:
    prefix = read_up_to(source, _PREFIX.size)
    if len(prefix) < _PREFIX.size:
        _refuse_header("a header that ends too soon", "every packet that it counts")
    length, method = _PREFIX.unpack(prefix)
    if method != _X25519_CHACHA20_POLY1305:
        _refuse_header(f"header encryption method {method}", "method 0, X25519 with ChaCha20-Poly1305")
    if not _MIN_PACKET_LENGTH <= length <= MAX_PACKET_LENGTH:
        _refuse_header(f"a header packet of {length} bytes", f"{_MIN_PACKET_LENGTH} to {MAX_PACKET_LENGTH} bytes")
    body = read_up_to(source, length - _PREFIX.size)
    if len(body) < length - _PREFIX.size:
        _refuse_header("a header packet that ends too soon", f"{length} bytes")
    split = KEY_SIZE + NONCE_SIZE
    return Packet(body[:KEY_SIZE], body[KEY_SIZE:split], body[split:])


def _seal_packet(payload: bytes, recipient: bytes) -> bytes:
    writer = X25519PrivateKey.generate()
    writer_key = writer.public_key().public_bytes_raw()
    shared = _exchange(writer, recipient)
    if shared is None:
        raise Misuse.because(
            "object.recipients",
            got="a recipient that is no usable X25519 public key",
            wanted="32 bytes, not of low order",
            remedy="Ask the recipient for the public key file again.",
        )
    nonce = os.urandom(NONCE_SIZE)
    sealed = ChaCha20Poly1305(_shared_key(shared, recipient, writer_key)).encrypt(nonce, payload, None)
    body = writer_key + nonce + sealed
    return _PREFIX.pack(_PREFIX.size + len(body), _X25519_CHACHA20_POLY1305) + body


def _open_packet(packet: Packet, private_key: X25519PrivateKey) -> bytes | None:
    """The packet's payload, or None where it is for another reader, which is no error (section 3.2.1)."""
    shared = _exchange(private_key, packet.writer_key)
    if shared is None:
        _refuse_header("a writer's key of low order", "an X25519 public key")
    key = _shared_key(shared, private_key.public_key().public_bytes_raw(), packet.writer_key)
    try:
        return ChaCha20Poly1305(key).decrypt(packet.nonce, packet.ciphertext, None)
    except InvalidTag:
        return None


def _data_key_in(payload: bytes) -> bytes:
    """The data key of a decrypted packet; padding behind it is allowed (section 3.2.1)."""
    kind = int.from_bytes(payload[:4], "little")
    if kind == _DATA_EDIT_LIST:
        raise Refused.because(
            "object.edit_list",
            got="an object with an edit list",
            wanted="an object whose plaintext is all of its segments",
            remedy="Decrypt it with the tool that made it, and seal the result.",
        )
    if kind != _DATA_ENCRYPTION_PARAMETERS or len(payload) < _PAYLOAD.size:
        _refuse_header(f"a packet of type {kind} with {len(payload)} bytes", "data encryption parameters")
    _, method, key = _PAYLOAD.unpack_from(payload)
    if method != _CHACHA20_POLY1305:
        _refuse_header(f"data encryption method {method}", "method 0, ChaCha20-Poly1305")
    return bytes(key)


def _exchange(private_key: X25519PrivateKey, public_key: bytes) -> bytes | None:
    """X25519 (RFC 7748, section 6.1), or None for a key of the wrong length or an all-zero result."""
    try:
        return private_key.exchange(X25519PublicKey.from_public_bytes(public_key))
    except ValueError:
        return None


def _shared_key(shared: bytes, reader_key: bytes, writer_key: bytes) -> bytes:
    """The first half of BLAKE2b-512 over the exchange and both public keys (section 3.3.1)."""
    return hashlib.blake2b(shared + reader_key + writer_key).digest()[:KEY_SIZE]


def _refuse_header(got: str, wanted: str) -> NoReturn:
    raise Refused.because("object.header", got=got, wanted=wanted, remedy="Fetch the object again from its owner.")
