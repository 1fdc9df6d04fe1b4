"""A block of lines as a table: where each field begins and ends, and what numbers stand in them, as arrays.

No Python object is made for a line. Numbers are read eight digits at a time from 64-bit windows of the text
(Lemire 2018, "Quickly parsing eight digits"; Mycroft 1987 for the test that all bytes are digits).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Bytes = NDArray[np.uint8]
Words = NDArray[np.uint64]

PAD = 16  # windows reach beyond the text on both sides
LINE_FEED, HASH = 10, 35
DIGITS = 8
MAX_DIGITS = 2 * DIGITS
PREFIX = b"chr"
LAST_AUTOSOME = 22  # 23 to 26 are X, Y, the shared part of both, and MT
# The highest n bytes of a word: the last n characters of a window.
LAST = np.array([0, *((0xFFFFFFFFFFFFFFFF << 8 * (8 - n)) & 0xFFFFFFFFFFFFFFFF for n in range(1, 9))], dtype=np.uint64)


def _word(byte: int) -> np.uint64:
    return np.uint64(byte * 0x0101010101010101)


class Table:
    """The lines of a block, which ends with a line feed, cut at `separator` (one byte).

    Fields are asked for by their number, for all lines or for some `rows`; a field that a line lacks is empty.
    """

    def __init__(self, block: bytes, separator: bytes) -> None:
        padded = bytes(PAD) + block + bytes(PAD)
        self.text = np.frombuffer(padded, dtype=np.uint8)
        self._words: Words = np.ndarray((len(padded) - 7,), dtype="<u8", buffer=padded, strides=(1,))
        marks = np.flatnonzero((self.text == ord(separator)) | (self.text == LINE_FEED))
        last = np.flatnonzero(self.text[marks] == LINE_FEED)
        self._marks = np.concatenate([[PAD - 1], marks])
        self._first = np.concatenate([[0], last + 1])[:-1]
        self.fields = last - self._first + 1
        self._choose(self._is_content())

    def __len__(self) -> int:
        return len(self._first)

    def _is_content(self) -> NDArray[np.bool_]:
        """Which lines are neither empty nor comments."""
        head = self.text[self._marks[self._first] + 1]
        return np.asarray((head != LINE_FEED) & (head != HASH))

    def _choose(self, keep: NDArray[np.bool_]) -> None:
        if not keep.all():
            self._first, self.fields = self._first[keep], self.fields[keep]

    def field(self, number: int, rows: Ints | None = None) -> tuple[Ints, Ints]:
        """Where the field begins and ends in `text`, one a line."""
        first = self._first if rows is None else self._first[rows]
        fields = self.fields if rows is None else self.fields[rows]
        there = fields > number
        if there.all():
            mark = first + number
            return self._marks[mark] + 1, self._marks[mark + 1]
        mark = np.where(there, first + number, 0)
        return np.where(there, self._marks[mark] + 1, 0), np.where(there, self._marks[mark + 1], 0)

    def lines(self, rows: Ints) -> list[bytes]:
        """Whole lines without their ends."""
        starts = self._marks[self._first[rows]] + 1
        ends = self._marks[self._first[rows] + self.fields[rows]]
        return self.strings(starts, ends)

    def strings(self, starts: Ints, ends: Ints) -> list[bytes]:
        """The fields as bytes: for few of them."""
        text = self.text.data
        return [bytes(text[start:end]) for start, end in zip(starts.tolist(), ends.tolist(), strict=True)]

    def numbers(self, starts: Ints, ends: Ints) -> Ints:
        """The numbers that stand in fields, -1 where there is anything but 1 to MAX_DIGITS digits."""
        length = ends - starts
        value, good = self._eight(ends, np.minimum(length, DIGITS))
        good &= (length > 0) & (length <= MAX_DIGITS)
        long = np.flatnonzero(good & (length > DIGITS))
        high, high_good = self._eight(ends[long] - DIGITS, length[long] - DIGITS)
        value[long] += high * 10**DIGITS
        good[long] &= high_good
        value[~good] = -1
        return value

    def _eight(self, ends: Ints, length: Ints) -> tuple[Ints, NDArray[np.bool_]]:
        """The number in the last `length` (up to 8) characters before `ends`, and whether they are digits."""
        word = (self._words[np.maximum(ends - DIGITS, 0)] ^ _word(0x30)) & LAST[np.maximum(length, 0)]
        good = ((word + _word(0x06)) | word) & _word(0xF0) == 0
        word = (word * np.uint64(10) + (word >> np.uint64(8))) & np.uint64(0x00FF00FF00FF00FF)
        word = (word * np.uint64(100) + (word >> np.uint64(16))) & np.uint64(0x0000FFFF0000FFFF)
        word = (word * np.uint64(10000) + (word >> np.uint64(32))) & np.uint64(0xFFFFFFFF)
        return word.astype(np.int64), good

    def names(self, starts: Ints, ends: Ints) -> Ints:
        """The numbers of rs names (`rs123` is 123), -1 for other names."""
        value = self.numbers(np.minimum(starts + 2, ends), ends)
        value[~self.begins(starts, b"rs", any_case=True)] = -1
        return value

    def chromosomes(self, starts: Ints, ends: Ints) -> Ints:
        """1 to 22 with or without "chr", 0 where none is named ("0", "--", "."), -1 for X, Y, MT and others."""
        starts = starts + len(PREFIX) * (self.begins(starts, PREFIX, any_case=True) & (ends - starts > len(PREFIX)))
        value = self.numbers(starts, ends)
        value[value > LAST_AUTOSOME] = -1
        none = self.equal(starts, ends, b"") | self.equal(starts, ends, b".")
        value[none | self.equal(starts, ends, b"-") | self.equal(starts, ends, b"--")] = 0
        return value

    def begins(self, starts: Ints, word: bytes, *, any_case: bool = False) -> NDArray[np.bool_]:
        """Which fields begin with the word."""
        case = 0x20 if any_case else 0
        result = np.ones(len(starts), dtype=np.bool_)
        for i, letter in enumerate(word):
            result &= self.text[starts + i] | case == letter
        return result

    def equal(self, starts: Ints, ends: Ints, word: bytes) -> NDArray[np.bool_]:
        """Which fields are the word."""
        return np.asarray(self.begins(starts, word) & (ends - starts == len(word)))
