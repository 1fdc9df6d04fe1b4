"""Time is passed in. `now` is read once per request; everything is UTC, to the second, RFC 3339."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from confide.errors import Misuse

__all__ = ["Clock", "from_rfc3339", "system_clock", "to_rfc3339"]

Clock = Callable[[], datetime]


def system_clock() -> datetime:
    """The machine's clock. Its administrator can set it: nothing's safety may rest on it alone."""
    return datetime.now(UTC).replace(microsecond=0)


def to_rfc3339(moment: datetime) -> str:
    """`2026-01-31T12:00:00Z`. Raises ValueError for a time without a zone."""
    if moment.tzinfo is None:
        raise ValueError("a time without a zone")
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def from_rfc3339(text: str) -> datetime:
    """The reverse of `to_rfc3339`; any offset is taken. Raises Misuse (RFC 3339, section 5.6)."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None or "T" not in text.upper():
        raise Misuse.because(
            "time.format",
            got=repr(text[:40]),
            wanted="a date and time with a zone, such as 2026-01-31T12:00:00Z",
            remedy="Write the time as RFC 3339.",
        )
    return moment.astimezone(UTC)
