"""CBOR: the examples of RFC 8949, appendix A and F, the library cbor2 as oracle, and bombs."""

from __future__ import annotations

import contextlib
import sys
import time

import cbor2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from confide.evidence.cbor import MAX_BYTES, MAX_DEPTH, MAX_ITEMS, MalformedCborError, Tagged, load_cbor

# RFC 8949, appendix A: those of the kinds that are taken.
EXAMPLES = {
    "00": 0, "17": 23, "1818": 24, "1864": 100, "1903e8": 1000, "1a000f4240": 1000000,
    "1b000000e8d4a51000": 1000000000000, "1bffffffffffffffff": 2**64 - 1, "3bffffffffffffffff": -(2**64), "20": -1,
    "3863": -100, "3903e7": -1000, "f4": False, "f5": True, "f6": None, "40": b"", "4401020304": b"\1\2\3\4",
    "60": "", "6449455446": "IETF", "62225c": '"\\', "62c3bc": "ü", "64f0908591": "\U00010151", "80": [],
    "83010203": [1, 2, 3], "8301820203820405": [1, [2, 3], [4, 5]], "a0": {}, "a201020304": {1: 2, 3: 4},
    "a26161016162820203": {"a": 1, "b": [2, 3]}, "826161a161626163": ["a", {"b": "c"}],
}  # fmt: skip

REFUSED = {
    "nothing": "", "a byte after the item": "0000", "a head without its argument": "18",
    "a string that ends early": "4301", "an array that ends early": "8301", "a map that ends early": "a101",
    "a reserved length": "1c", "another reserved length": "5e", "an array of indefinite length": "9fff",
    "a map of indefinite length": "bfff", "a string of indefinite length": "5f42010243030405ff",
    "a text of indefinite length": "7f657374726561646d696e67ff", "a break alone": "ff",
    "0 in two bytes": "1800", "23 in two bytes": "1817", "255 in three bytes": "1900ff", "65535 in five": "1a0000ffff",
    "2**32-1 in nine": "1b00000000ffffffff", "a length in two bytes": "580101", "a float of two bytes": "f93c00",
    "a float of four bytes": "fa47c35000", "a float of eight bytes": "fb3ff199999999999a", "undefined": "f7",
    "a simple value": "f0", "a simple value in two bytes": "f8ff", "false in two bytes": "f814",
    "the same key twice": "a201000101", "the same text twice": "a2616100616101", "true as a key": "a1f500",
    "null as a key": "a1f600", "a list as a key": "a18000", "a map as a key": "a1a000",
    "text that is not UTF-8": "61ff", "half a surrogate pair": "63eda080", "a tag": "c000", "a big number": "c24101",
    "a regular expression": "d8236161", "a shared reference": "d81c80", "2**64-1 bytes": "5bffffffffffffffff",
    "2**64-1 items": "9bffffffffffffffff", "2**63 pairs": "bb8000000000000000",
}  # fmt: skip


@pytest.mark.parametrize("encoded", EXAMPLES)
def test_examples_of_the_rfc_are_read(encoded: str):
    value = load_cbor(bytes.fromhex(encoded))
    assert value == EXAMPLES[encoded]
    assert type(value) is type(EXAMPLES[encoded])


@pytest.mark.parametrize("encoded", REFUSED.values(), ids=REFUSED.keys())
def test_what_breaks_a_rule_is_refused(encoded: str):
    with pytest.raises(MalformedCborError):
        load_cbor(bytes.fromhex(encoded))


def test_only_tags_that_are_asked_for_are_taken():
    assert load_cbor(bytes.fromhex("d28100"), tags={18}) == Tagged(18, [0])
    with pytest.raises(MalformedCborError, match="the tag 18"):
        load_cbor(bytes.fromhex("d28100"), tags={17})


def test_tags_are_not_interpreted():
    assert load_cbor(bytes.fromhex("c24101"), tags={2}) == Tagged(2, b"\1")


@pytest.mark.parametrize(
    ("encoded", "in_order"), [("a201000200", True), ("a202000100", False), ("a2616100187800", False)]
)
def test_keys_stand_in_order_where_that_is_asked_for(encoded: str, in_order: bool):
    load_cbor(bytes.fromhex(encoded))
    with contextlib.nullcontext() if in_order else pytest.raises(MalformedCborError, match="order"):
        load_cbor(bytes.fromhex(encoded), deterministic=True)


@pytest.mark.parametrize("encoded", ["1800", "1900ff", "1b0000000000000000", "580101", "a1180101"])
def test_longer_forms_of_numbers_are_taken_where_that_is_asked_for(encoded: str):
    data = bytes.fromhex(encoded)
    assert load_cbor(data, variant=True) == cbor2.loads(data)
    with pytest.raises(MalformedCborError, match="shortest"):
        load_cbor(data)


@pytest.mark.parametrize("encoded", ["f93c00", "f814", "9fff", "a20100180101", "fb3ff199999999999a"])
def test_other_variants_are_refused_even_then(encoded: str):
    with pytest.raises(MalformedCborError):
        load_cbor(bytes.fromhex(encoded), variant=True)


def test_number_and_text_keys_of_the_same_look_are_two():
    assert load_cbor(bytes.fromhex("a30100613101413102")) == {1: 0, "1": 1, b"1": 2}


@pytest.mark.parametrize("levels", [MAX_DEPTH, MAX_DEPTH + 1])
def test_nesting_has_a_limit(levels: int):
    deep = b"\x81" * levels + b"\0"
    with contextlib.nullcontext() if levels == MAX_DEPTH else pytest.raises(MalformedCborError, match="deeper"):
        load_cbor(deep)


@pytest.mark.parametrize("items", [MAX_ITEMS - 1, MAX_ITEMS])
def test_the_number_of_items_has_a_limit(items: int):
    many = b"\x99" + items.to_bytes(2, "big") + bytes(items)
    with contextlib.nullcontext() if items < MAX_ITEMS else pytest.raises(MalformedCborError, match="items"):
        load_cbor(many)


def test_more_than_the_largest_size_is_refused_unread():
    with pytest.raises(MalformedCborError, match="more than 65536"):
        load_cbor(b"\xff" * (MAX_BYTES + 1))
    with pytest.raises(MalformedCborError, match="more than 3"):
        load_cbor(bytes.fromhex("83010203"), max_bytes=3)


BOMBS = {
    "long list": b"\x99\xff\xf0" + bytes(65520),
    "nested lists": b"\x81" * MAX_BYTES,
    "nested maps": b"\xa1\x00" * (MAX_BYTES // 2),
    "many keys": b"\xb9\x55\x00" + b"".join(b"\x19" + (300 + i).to_bytes(2, "big") + b"\0" for i in range(16000)),
    "keys of one hash": b"\xb9\x0f\x00"
    + b"".join(b"\x1b" + (i << 49 | 1 << 63).to_bytes(8) + b"\0" for i in range(6000)),
}


@pytest.mark.skipif(sys.gettrace() is not None, reason="coverage takes the time")
@pytest.mark.parametrize("bomb", BOMBS.values(), ids=BOMBS.keys())
def test_bombs_are_answered_at_once(bomb: bytes):
    times = []
    for _ in range(5):
        begin = time.process_time()
        with pytest.raises(MalformedCborError):
            load_cbor(bomb)
        times.append(time.process_time() - begin)
    # Measured: under 10 ms. Ten times that, for slow and busy machines: what this catches grows with the square.
    assert min(times) < 0.1


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**64), 2**64 - 1) | st.binary(max_size=30) | st.text(max_size=10),
    lambda inner: (
        st.lists(inner, max_size=5) | st.dictionaries(st.integers(-5, 300) | st.text(max_size=3), inner, max_size=5)
    ),
    max_leaves=20,
)


@given(VALUES)
def test_what_the_library_writes_is_read_as_the_same_value(value: object):
    assert load_cbor(cbor2.dumps(value)) == value
    assert load_cbor(cbor2.dumps(value, canonical=True)) == value


@given(st.binary(max_size=40))
def test_what_is_read_is_what_the_library_reads_and_writes(data: bytes):
    """Where both take it, they agree, and writing gives the same bytes back: there is one encoding of a value."""
    with contextlib.suppress(MalformedCborError):
        value = load_cbor(data)
        assert cbor2.loads(data) == value
        assert cbor2.dumps(value) == data
