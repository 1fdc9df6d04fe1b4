"""JSON from untrusted hands: bounded in size and depth, no duplicate keys, no NaN, typed at once."""

from __future__ import annotations

import json
import re
from typing import NoReturn, TypeVar

import msgspec

from confide.errors import Misuse

__all__ = ["MAX_BYTES", "MAX_DEPTH", "load_as", "loads"]

MAX_BYTES = 1 << 20
MAX_DEPTH = 32
_BRACKETS = re.compile(rb"[\[\]{}]")

T = TypeVar("T")


def _misuse(what: str, got: str) -> Misuse:
    return Misuse.because(
        "json.malformed",
        got=got,
        wanted=f"{what} as strict JSON",
        remedy="Make the file again with the command that writes it.",
    )


def _no_duplicates(pairs: list[tuple[str, object]]) -> dict[str, object]:
    table = dict(pairs)
    if len(table) != len(pairs):
        raise ValueError("the same key twice")
    return table


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"the number {name}")


def _check_depth(data: bytes) -> None:
    """Bounds nesting before the recursive parser runs; brackets inside strings may count, which is safe."""
    depth = 0
    for bracket in _BRACKETS.findall(data):
        if bracket in b"[{":
            depth += 1
            if depth > MAX_DEPTH:
                raise ValueError(f"nesting deeper than {MAX_DEPTH}")
        else:
            depth = max(0, depth - 1)


def _check_characters(raw: bytes, value: object) -> None:
    """Half a surrogate pair is no character: such a string cannot be hashed, stored or printed."""
    if b"\\u" in raw:
        json.dumps(value, ensure_ascii=False).encode()


def loads(data: bytes | str, what: str = "document", max_bytes: int = MAX_BYTES) -> object:
    """The JSON value in `data`. Raises Misuse for anything that is not strict JSON (RFC 8259)."""
    raw = data.encode() if isinstance(data, str) else data
    if len(raw) > max_bytes:
        raise _misuse(what, f"{len(raw)} bytes, more than {max_bytes}")
    try:
        _check_depth(raw)
        value: object = json.loads(raw.decode("utf-8"), object_pairs_hook=_no_duplicates, parse_constant=_no_constant)
        _check_characters(raw, value)
    except (ValueError, RecursionError) as error:
        raise _misuse(what, str(error)[:120]) from None
    return value


def load_as(kind: type[T], data: bytes | str, what: str = "document", max_bytes: int = MAX_BYTES) -> T:
    """`loads`, then typed: unknown, missing and mistyped fields are Misuse, with the field's path."""
    try:
        return msgspec.convert(loads(data, what, max_bytes), kind, strict=True)
    except msgspec.ValidationError as error:
        raise _misuse(what, str(error)[:200]) from None
