"""UEFI secure boot databases as they stand in event logs: lists of certificates and hashes. No trust.

Source: UEFI specification, revision 2.10, section 32.4.1 (EFI_SIGNATURE_LIST) and section 32.2.6 (signature types);
TCG PC Client Platform Firmware Profile, revision 1.06, section 10.2.6 (UEFI_VARIABLE_DATA).
"""

from __future__ import annotations

import struct
import uuid
from dataclasses import dataclass

from confide.errors import Refused
from confide.ids import sha256_of

X509 = uuid.UUID("a5c059a1-94e4-4aa7-87b5-ab155c2bf072")
SHA256 = uuid.UUID("c1c41626-504c-4092-aca9-41f936934328")

MAX_SIGNATURES = 4096
_MAX_NAME = 256
_LIST = struct.Struct("<16sIII")
_VARIABLE = struct.Struct("<16sQQ")
_OWNER = 16
_SHA256_SIZE = 32


@dataclass(frozen=True, slots=True)
class UefiVariable:
    """A variable as it was measured (UEFI_VARIABLE_DATA): its vendor's GUID, its name and its content."""

    vendor: uuid.UUID
    name: str
    content: bytes


@dataclass(frozen=True, slots=True)
class SignatureDatabase:
    """The entries of a database: `certificates` are DER, `hashes` are SHA-256 of images; `others` counts the entries
    of any other kind (hashes of certificates, keys without a certificate).
    """

    certificates: tuple[bytes, ...] = ()
    hashes: tuple[bytes, ...] = ()
    others: int = 0

    def claims(self) -> dict[str, object]:
        """Certificates by fingerprint, and how many hashes and other entries there are."""
        return {
            "certificates": [sha256_of(one) for one in self.certificates],
            "hashes": len(self.hashes),
            "others": self.others,
        }


def _malformed(got: str) -> Refused:
    return Refused.because(
        "log.secure_boot",
        got=got,
        wanted="a UEFI variable with signature lists",
        remedy="Give the log as the firmware keeps it; a log that was changed does not replay.",
    )


def read_variable(data: bytes) -> UefiVariable:
    """The variable in the data of an event. Raises Refused `log.secure_boot`. What stands behind it is left out: shim
    writes a byte more than it measures.
    """
    if len(data) < _VARIABLE.size:
        raise _malformed(f"a variable of {len(data)} bytes")
    vendor, characters, size = _VARIABLE.unpack_from(data)
    start = _VARIABLE.size + 2 * characters
    if characters > _MAX_NAME or start + size > len(data):
        raise _malformed(f"a variable with a name of {characters} characters and {size} bytes")
    name = data[_VARIABLE.size : start].decode("utf-16-le", "replace")
    return UefiVariable(uuid.UUID(bytes_le=vendor), name, data[start : start + size])


def read_database(content: bytes) -> SignatureDatabase:
    """The entries of all lists in a variable such as `db`. Raises Refused `log.secure_boot`, for more than 4096 too."""
    certificates: list[bytes] = []
    hashes: list[bytes] = []
    others = position = 0
    while position < len(content):
        kind, size, entries = _read_list(content, position)
        position += size
        if kind == X509:
            certificates += entries
        elif kind == SHA256:
            hashes += entries
        else:
            others += len(entries)
        if len(certificates) + len(hashes) + others > MAX_SIGNATURES:
            raise _malformed(f"more than {MAX_SIGNATURES} entries")
    if any(len(one) != _SHA256_SIZE for one in hashes):
        raise _malformed("a hash that is not of 32 bytes")
    return SignatureDatabase(tuple(certificates), tuple(hashes), others)


def _read_list(content: bytes, position: int) -> tuple[uuid.UUID, int, list[bytes]]:
    """The kind of one list, its size, and its entries without their owners."""
    if position + _LIST.size > len(content):
        raise _malformed("a list that ends inside its header")
    kind, size, header, entry = _LIST.unpack_from(content, position)
    room = size - _LIST.size - header
    if position + size > len(content) or room < 0 or entry <= _OWNER or room % entry or room // entry > MAX_SIGNATURES:
        raise _malformed(f"a list of {size} bytes with entries of {entry}")
    start = position + _LIST.size + header
    entries = [content[at + _OWNER : at + entry] for at in range(start, position + size, entry)]
    return uuid.UUID(bytes_le=kind), size, entries
