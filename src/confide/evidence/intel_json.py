"""The shapes in which real attesters deliver quotes. No trust.

Raw; hexadecimal with `0x` in front (tappd of Dstack); and the JSON of Trustee's attesters (confidential-containers/
guest-components): `{"quote": base64, "cc_eventlog": base64 or null}` for TDX and `{"quote": base64}` for SGX.
"""

from __future__ import annotations

import binascii

import msgspec

from confide.errors import Misuse
from confide.ids import from_base64
from confide.strictjson import load_as


class _TrusteeEvidence(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    quote: str
    cc_eventlog: str | None = None


def find_quote(data: bytes) -> tuple[bytes, bytes | None] | None:
    """The quote in the data and the event log beside it (None where there is none); None for JSON of another kind.
    Whether the bytes are a quote is not looked at.
    """
    if data.lstrip().startswith(b"{"):
        return _in_json(data)
    if data.startswith(b"0x"):
        try:
            return binascii.unhexlify(data[2:].strip()), None
        except ValueError:
            return None
    return data, None


def _in_json(data: bytes) -> tuple[bytes, bytes | None] | None:
    try:
        found = load_as(_TrusteeEvidence, data, "evidence")
        log = from_base64(found.cc_eventlog, "event log") if found.cc_eventlog else None
        return from_base64(found.quote, "quote"), log
    except Misuse:
        return None
