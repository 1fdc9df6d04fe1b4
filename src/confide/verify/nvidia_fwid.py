"""The firmware id (FWID) that an NVIDIA chip certified in its leaf when the firmware started.

Sources: TCG DICE Attestation Architecture 1.1, section 6.1.1 (DiceTcbInfo, tag [6] is the list of FWIDs); TCG Implicit
Identity Based Device Attestation 1.0 (CompositeDeviceID: version, key, FWID), which Hopper and the LS10 still carry.
"""

from __future__ import annotations

from confide.evidence.der import OCTET_STRING, SEQUENCE, content_of, header
from confide.verify.x509 import Certificate

EXTENSIONS = ("2.23.133.5.4.1", "2.23.133.5.4.1.1")
_FWID_LIST = 0xA6
_SHA384 = bytes.fromhex("0609608648016503040202")
_SIZE = 48
_COMPOSITE = 3  # elements of a CompositeDeviceID: version, key, FWID


def certified_fwid(leaf: Certificate) -> bytes | None:
    """The SHA-384 of the firmware (48 bytes), None where the leaf certifies none, or in another form."""
    values = [leaf.extensions[oid] for oid in EXTENSIONS if oid in leaf.extensions]
    items = _items(content_of(SEQUENCE, values[0])) if len(values) == 1 else []
    listed = [content for tag, content in items if tag == _FWID_LIST]
    if listed:
        fwids = _items(listed[0])
        return _digest(*fwids[0]) if fwids else None
    return _digest(*items[-1]) if len(items) == _COMPOSITE else None


def _digest(tag: int, content: bytes) -> bytes | None:
    """The digest in a FWID: a SEQUENCE of the algorithm and an OCTET STRING. All zero means that there is none."""
    if tag != SEQUENCE or not content.startswith(_SHA384):
        return None
    digest = content_of(OCTET_STRING, content[len(_SHA384) :])
    return digest if digest is not None and len(digest) == _SIZE and any(digest) else None


def _items(data: bytes | None) -> list[tuple[int, bytes]]:
    """Tag and content of the DER items one after the other; empty where they are not canonical."""
    found: list[tuple[int, bytes]] = []
    rest = data or b""
    while rest:
        size = _content_size(rest)
        if size is None:
            return []
        start = len(header(rest[0], size))
        found.append((rest[0], rest[start : start + size]))
        rest = rest[start + size :]
    return found


def _content_size(data: bytes) -> int | None:
    """The size of the first item's content, None where its length is not canonical or more than there is."""
    long_form = data[1] - 0x80 if data[1:2] > b"\x80" else 0
    size = int.from_bytes(data[2 : 2 + long_form], "big") if long_form else int.from_bytes(data[1:2], "big")
    start = header(data[0], size)
    return size if data.startswith(start) and len(data) >= len(start) + size else None
