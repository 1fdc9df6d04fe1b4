"""Quotes inside JSON, as real attesters deliver them. No trust.

Trustee's attesters (confidential-containers/guest-components) write `{"quote": base64, "cc_eventlog": base64 or null}`
for TDX and `{"quote": base64}` for SGX.
"""

from __future__ import annotations

import msgspec

from confide.errors import Misuse
from confide.ids import from_base64
from confide.strictjson import load_as


class _TrusteeEvidence(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    quote: str
    cc_eventlog: str | None = None


def quote_in_json(data: bytes) -> tuple[bytes, bytes | None] | None:
    """The quote and the event log (None where there is none) in the JSON; None where it is JSON of another kind."""
    try:
        found = load_as(_TrusteeEvidence, data, "evidence")
        log = from_base64(found.cc_eventlog, "event log") if found.cc_eventlog else None
        return from_base64(found.quote, "quote"), log
    except Misuse:
        return None
