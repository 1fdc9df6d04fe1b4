"""Tables of text as arrays: the same fields, numbers and names as plain Python finds in the same lines."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from palabs.workload.ancestry import container, text
from palabs.workload.ancestry.container import unpack
from palabs.workload.ancestry.table import Table
from palabs.workload.ancestry.text import blocks

WORDS = st.one_of(
    st.integers(0, 10**18).map(str),
    st.integers(0, 10**11).map(lambda n: f"rs{n}"),
    st.sampled_from(
        ["", "0", "-", "--", ".", "X", "MT", "chr7", "CHR22", "chr", "chrX", "23", "22", "RS12", "rs", "rs-1", "١"]
    ),
    st.text("0123456789rsch:-+ _", max_size=20),
)
LINES = st.lists(st.lists(WORDS, min_size=1, max_size=5).map("\t".join), max_size=30)


def content(lines):
    return [line.encode() for line in lines if line and not line.startswith("#")]


def table_of(lines):
    return Table("".join(f"{line}\n" for line in lines).encode(), b"\t")


@settings(max_examples=300, deadline=None)
@given(lines=LINES)
def test_fields_are_those_of_splitting_each_line(lines):
    table, expected = table_of(lines), [line.split(b"\t") for line in content(lines)]
    assert len(table) == len(expected)
    assert table.fields.tolist() == [len(fields) for fields in expected]
    for number in range(6):
        fields = [fields[number] if number < len(fields) else b"" for fields in expected]
        assert table.strings(*table.field(number)) == fields
    assert table.lines(np.arange(len(table))) == content(lines)


def number_in(word):
    return int(word) if re.fullmatch(rb"[0-9]{1,16}", word) else -1


def name_in(word):
    return number_in(word[2:]) if word[:2].lower() == b"rs" else -1


def chromosome_in(word):
    if word in {b"", b".", b"-", b"--"}:
        return 0
    number = number_in(word[3:] if word[:3].lower() == b"chr" and len(word) > 3 else word)
    return number if number <= 22 else -1


@settings(max_examples=500, deadline=None)
@given(words=st.lists(WORDS.filter(lambda word: "\t" not in word), min_size=1, max_size=30))
def test_numbers_names_and_chromosomes_are_those_that_python_reads(words):
    table = table_of([f"a\t{word}" for word in words])
    fields = table.field(1)
    encoded = [word.encode() for word in words]
    assert table.numbers(*fields).tolist() == list(map(number_in, encoded))
    assert table.names(*fields).tolist() == list(map(name_in, encoded))
    assert table.chromosomes(*fields).tolist() == list(map(chromosome_in, encoded))


@pytest.mark.parametrize("block", [b"", b"\n", b"#\n", b"# a\tb\n\n"])
def test_a_block_without_content_has_no_rows(block):
    table = Table(block, b"\t")
    assert len(table) == 0
    assert [array.tolist() for array in table.field(3)] == [[], []]


@settings(max_examples=100, deadline=None)
@given(data=st.lists(st.text("ab\t", max_size=20), min_size=1), size=st.integers(1, 64))
def test_lines_survive_being_cut_into_blocks_anywhere(data, size):
    raw = ("\n".join(data) + "x\n").encode()
    old, container.BLOCK_BYTES = container.BLOCK_BYTES, size
    try:
        pieces = list(blocks(unpack(raw)))
    finally:
        container.BLOCK_BYTES = old
    assert b"".join(pieces) == raw
    assert all(piece.endswith(b"\n") for piece in pieces)


def test_a_line_end_of_windows_that_falls_on_the_end_of_a_block_is_one_line_end():
    assert b"".join(blocks(iter([b"a\r", b"\nb\r\n", b"c\r"]))).split(b"\n") == [b"a", b"", b"b", b"c", b""]
    assert text.MAX_LINE_BYTES < container.BLOCK_BYTES
