"""Certificates and revocation lists in the shapes in which they are delivered, to single DER items. No trust.

Certificate tables: AMD 56421, SEV-ES guest-hypervisor communication block, section 4.1.8.1 (extended guest
request); PEM: RFC 7468; Azure's cache of certificates (THIM): Microsoft, "Trusted Hardware Identity Management".
"""

from __future__ import annotations

import base64
import re
import struct

from confide.errors import Misuse, Refused
from confide.evidence.der import SEQUENCE, content_of
from confide.strictjson import loads

MAX_ITEMS = 32
MAX_BYTES = 1 << 20

_ENTRY = struct.Struct("<16sII")
_PEM = re.compile(rb"-----BEGIN (CERTIFICATE|X509 CRL)-----\s([A-Za-z0-9+/=\s]*?)-----END \1-----")


def _refused(got: str, wanted: str) -> Refused:
    return Refused.because(
        "endorsement.malformed",
        got=got,
        wanted=wanted,
        remedy="Give certificates or revocation lists as DER, PEM, or the certificate table of the firmware.",
    )


# The members of the cache's JSON that hold certificates, in PEM.
_THIM = ("vcekCert", "certificateChain")


def split_endorsements(data: bytes) -> tuple[bytes, ...]:
    """The DER items in a file: one DER item, PEM with any number of them, a certificate table, or the JSON of Azure's
    cache. Raises Refused for anything else, and for more than 1 MiB or 32 items.
    """
    if len(data) > MAX_BYTES:
        raise _refused(f"{len(data)} bytes", f"at most {MAX_BYTES} bytes")
    if is_der(data):
        return (data,)
    if data.lstrip().startswith(b"{"):
        data = _pem_of_cache(data)
    items = split_pem(data) if b"-----BEGIN " in data else read_certificate_table(data)
    if not 0 < len(items) <= MAX_ITEMS:
        raise _refused(f"{len(items)} items", f"1 to {MAX_ITEMS} certificates or lists")
    return items


def _pem_of_cache(data: bytes) -> bytes:
    """The PEM in the JSON of Azure's cache (`host-amd-cert-base64`, decoded)."""
    try:
        document = loads(data, "certificates")
    except Misuse as failure:
        raise _refused(failure.findings[0].got, "strict JSON") from None
    texts = [document.get(name) for name in _THIM] if isinstance(document, dict) else []
    if not texts or not all(isinstance(text, str) and "-----BEGIN " in text for text in texts):
        raise _refused("JSON without certificates", f"JSON with {' and '.join(_THIM)} in PEM")
    return "\n".join(map(str, texts)).encode()


def split_pem(data: bytes) -> tuple[bytes, ...]:
    """The certificates and revocation lists in PEM text, as DER, in order."""
    found = _PEM.findall(data)
    if len(found) != data.count(b"-----BEGIN "):
        raise _refused("a PEM block that is not a certificate or list, or not complete", "PEM of certificates only")
    try:
        return tuple(base64.b64decode(b"".join(body.split()), validate=True) for _, body in found)
    except ValueError:
        raise _refused("PEM with broken base64", "PEM of certificates only") from None


def is_der(data: bytes) -> bool:
    """Whether the bytes are exactly one DER SEQUENCE by their tag and length (X.690, section 8.1)."""
    return content_of(SEQUENCE, data) is not None


def read_certificate_table(data: bytes) -> tuple[bytes, ...]:
    """The DER items of a certificate table: entries of GUID, offset and length up to an all-zero one. Entries that
    are not DER (the host may add others) are left out: the GUID is the host's word, the content decides.
    """
    items: list[bytes] = []
    for position in range(0, min(len(data), _ENTRY.size * (MAX_ITEMS + 1)), _ENTRY.size):
        if position + _ENTRY.size > len(data):
            break
        guid, offset, length = _ENTRY.unpack_from(data, position)
        if guid == bytes(16) and offset == length == 0:
            return tuple(items)
        if offset < _ENTRY.size or offset + length > len(data):
            raise _refused("an entry that points outside of the table", "a certificate table")
        # Tables written in PEM exist; a certificate in either shape is one item.
        entry = data[offset : offset + length]
        items += split_pem(entry) if entry.startswith(b"-----BEGIN ") else [entry] if is_der(entry) else []
    raise _refused("neither DER, nor PEM, nor a certificate table that ends", "certificates or lists")
