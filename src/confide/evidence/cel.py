"""TCG canonical event logs in the TLV encoding, as the launcher of Google's Confidential Space writes them. No trust.

Source: TCG Canonical Event Log Format, version 1.0, section 5.1 (TLV encoding). Each record has its number, its
register (a PCR, or for confidential computing a measurement register: 1 to 4 is RTMR0 to RTMR3), its digests, and
one content. Type 80 is the launcher's own: a kind and a value, both inside what is measured.
"""

from __future__ import annotations

from confide.errors import Refused
from confide.evidence.tcg_log import ALGORITHMS, MAX_BYTES, MAX_EVENTS, TcgEvent, TcgLog

_RECORD_NUMBER, _PCR, _DIGESTS, _COS, _CC_REGISTER = 0, 1, 3, 80, 108
_HEADER = 5
_NUMBER_SIZE = 8
# The types of events in canonical logs, out of the way of those in firmware's logs.
_CONTENT = 1 << 32
COS_EVENT = _CONTENT + _COS

_COS_KINDS = {
    0: "image_reference", 1: "image_digest", 2: "restart_policy", 3: "image_id", 4: "argument", 5: "environment",
    6: "overridden_argument", 7: "overridden_environment", 8: "launch_separator",
}  # fmt: skip


def _malformed(got: str) -> Refused:
    return Refused.because(
        "log.malformed",
        got=got,
        wanted="a canonical event log in the TLV encoding",
        remedy="Give the whole log as its writer keeps it, and nothing else.",
    )


def _split(data: bytes, position: int) -> tuple[int, bytes, int]:
    """The type and value of the item at the position, and the position behind it."""
    start = position + _HEADER
    end = start + int.from_bytes(data[position + 1 : start], "big")
    if start > len(data) or end > len(data):
        raise _malformed(f"an item that reaches beyond the log, at byte {position}")
    return data[position], data[start:end], end


def parse_cel(data: bytes) -> TcgLog:
    """The log in the bytes, so that `replay` and `read_boot_events` take it. Raises Refused: `log.size` for none or
    more than 1 MiB or 1024 records, `log.malformed`.
    """
    if not 0 < len(data) <= MAX_BYTES:
        raise Refused.because(
            "log.size", got=f"{len(data)} bytes", wanted=f"1 to {MAX_BYTES} bytes", remedy="Give the whole log."
        )
    events: list[TcgEvent] = []
    position = 0
    while position < len(data):
        event, position = _read_record(data, position, len(events))
        events.append(event)
        if len(events) > MAX_EVENTS:
            raise _malformed(f"more than {MAX_EVENTS} records")
    first = events[0].digests
    return TcgLog(tuple(name for name in first if all(name in one.digests for one in events)), tuple(events))


def _read_record(data: bytes, position: int, number: int) -> tuple[TcgEvent, int]:
    items = []
    for _ in range(4):
        kind, value, position = _split(data, position)
        items.append((kind, value))
    (number_kind, written), (register_kind, register), (digests_kind, digests), (content_kind, content) = items
    if number_kind != _RECORD_NUMBER or len(written) != _NUMBER_SIZE or int.from_bytes(written, "big") != number:
        raise _malformed(f"another record where number {number} is due")
    if register_kind not in {_PCR, _CC_REGISTER} or len(register) != 1 or digests_kind != _DIGESTS:
        raise _malformed(f"record {number} without its register or its digests")
    return TcgEvent(register[0], _CONTENT + content_kind, _read_digests(digests), content), position


def _read_digests(data: bytes) -> dict[str, bytes]:
    digests: dict[str, bytes] = {}
    position = 0
    while position < len(data):
        number, value, position = _split(data, position)
        name, size = ALGORITHMS.get(number, ("", -1))
        if len(value) != size or name in digests:
            raise _malformed(f"a digest of {len(value)} bytes by the algorithm {number:#04x}")
        digests[name] = value
    if not digests:
        raise _malformed("a record without a digest")
    return digests


def measured_cos(content: bytes) -> bytes:
    """What the launcher measures of its event: the whole item, with its type and size."""
    return bytes([_COS]) + len(content).to_bytes(4, "big") + content


def describe_cos(content: bytes) -> str:
    """The launcher's event as `kind=value`."""
    try:
        kind, value, end = _split(content, 0)
    except Refused:
        return content[:32].hex()
    if end != len(content):
        return content[:32].hex()
    text = value.decode("utf-8", "replace")
    shown = "".join(one if one.isprintable() or one in "\n\t" else "?" for one in text)
    return f"{_COS_KINDS.get(kind, f'kind {kind}')}={shown}"
