"""CBOR from untrusted hands: bounded in size, depth and number of items, and with one way to write each value.

Source: RFC 8949. What is taken is its preferred serialisation (section 4.1): definite lengths, every number in its
shortest form, no duplicate keys (section 5.6), nothing after the item. Tags are refused unless the caller asks for
them, and none is interpreted; floating-point numbers and simple values other than false, true and null are refused,
since no format of evidence has them. With `deterministic`, keys must also stand in bytewise order (section 4.2.1);
with `variant`, longer forms of numbers are taken, where a format lets its attesters write them.

The decoder is our own since a general one does more: `cbor2` turns tags into dates, regular expressions and shared
references, and takes any length form. It stays the encoder here, and the oracle of the tests.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

MAX_BYTES = 1 << 16
MAX_DEPTH = 16
MAX_ITEMS = 2048

_SIMPLE = {20: False, 21: True, 22: None}
# Additional information: below 24 the argument itself, then 1, 2, 4 or 8 bytes that hold it.
_DIRECT = 24
_BYTES_OF_ARGUMENT = {24: 1, 25: 2, 26: 4, 27: 8}
_UNSIGNED, _NEGATIVE, _BYTES, _TEXT, _ARRAY, _MAP, _TAG, _SIMPLE_OR_FLOAT = range(8)


class MalformedCborError(ValueError):
    """The bytes are not one CBOR item within the rules. The message says which rule, and where."""


@dataclass(frozen=True, slots=True)
class Tagged:
    """A tagged item: the tag's number and the value in it, not interpreted."""

    tag: int
    value: Any


def load_cbor(
    data: bytes,
    *,
    tags: Collection[int] = (),
    deterministic: bool = False,
    variant: bool = False,
    max_bytes: int = MAX_BYTES,
) -> Any:
    """The one item in `data`: int, bytes, str, list, dict, bool, None, or `Tagged` for a tag in `tags`.
    Raises MalformedCborError; more than `max_bytes` are refused unread.
    """
    if len(data) > max_bytes:
        raise MalformedCborError(f"{len(data)} bytes, more than {max_bytes}")
    reader = _Reader(data, frozenset(tags), deterministic=deterministic, variant=variant)
    value = reader.item(0)
    if reader.position != len(data):
        raise MalformedCborError(f"{len(data) - reader.position} bytes after the item")
    return value


class _Reader:
    """Walks over the bytes once. `item` reads the item at `position`."""

    def __init__(self, data: bytes, tags: frozenset[int], *, deterministic: bool, variant: bool) -> None:
        self.data, self.tags, self.deterministic, self.variant = data, tags, deterministic, variant
        self.position = self.items = 0

    def item(self, depth: int) -> Any:
        self.items += 1
        if self.items > MAX_ITEMS or depth > MAX_DEPTH:
            raise self.error(f"more than {MAX_ITEMS} items, or nesting deeper than {MAX_DEPTH}")
        major, argument = self.head()
        if major <= _NEGATIVE:
            return argument if major == _UNSIGNED else -1 - argument
        if major <= _TEXT:
            return self.string(major, argument)
        if major == _ARRAY:
            return [self.item(depth + 1) for _ in range(self.count(argument, 1))]
        if major == _MAP:
            return self.map(argument, depth)
        if major == _TAG:
            return self.tagged(argument, depth)
        return self.simple(argument)

    def head(self) -> tuple[int, int]:
        """The major type and its argument (section 3), which must be in its shortest form."""
        first = self.take(1)[0]
        major, info = first >> 5, first & 0x1F
        if info < _DIRECT:
            return major, info
        if info not in _BYTES_OF_ARGUMENT or major == _SIMPLE_OR_FLOAT:
            raise self.error("an indefinite length, a reserved one, or a float")
        size = _BYTES_OF_ARGUMENT[info]
        argument = int.from_bytes(self.take(size), "big")
        if not self.variant and argument < (_DIRECT if size == 1 else 1 << 4 * size):
            raise self.error("a number that is not in its shortest form")
        return major, argument

    def take(self, size: int) -> bytes:
        begin = self.position
        if size > len(self.data) - begin:
            raise self.error(f"{size} bytes announced, {len(self.data) - begin} left")
        self.position += size
        return self.data[begin : self.position]

    def string(self, major: int, size: int) -> bytes | str:
        raw = self.take(size)
        if major == _BYTES:
            return raw
        try:
            return raw.decode("utf-8")
        except UnicodeDecodeError:
            raise self.error("text that is not UTF-8") from None

    def count(self, items: int, bytes_each: int) -> int:
        """A number of items, of which each takes a byte at least: refused before anything is made for them."""
        if items * bytes_each > len(self.data) - self.position:
            raise self.error(f"{items} items announced, {len(self.data) - self.position} bytes left")
        return items

    def map(self, pairs: int, depth: int) -> dict[Any, Any]:
        table: dict[Any, Any] = {}
        last = b""
        for _ in range(self.count(pairs, 2)):
            begin = self.position
            key = self.item(depth + 1)
            encoded = self.data[begin : self.position]
            # Integers, text and byte strings: false, true and null would equal 0 and 1 in Python, or nothing.
            if isinstance(key, bool) or not isinstance(key, int | str | bytes) or key in table:
                raise self.error("the same key twice, or a key that is neither a number nor a string")
            if self.deterministic and encoded <= last:
                raise self.error("keys that are not in order")
            last = encoded
            table[key] = self.item(depth + 1)
        return table

    def tagged(self, tag: int, depth: int) -> Tagged:
        if tag not in self.tags:
            raise self.error(f"the tag {tag}")
        return Tagged(tag, self.item(depth + 1))

    def simple(self, argument: int) -> bool | None:
        if argument not in _SIMPLE:
            raise self.error("undefined, or an unassigned simple value")
        return _SIMPLE[argument]

    def error(self, what: str) -> MalformedCborError:
        return MalformedCborError(f"{what}, at byte {self.position}")
