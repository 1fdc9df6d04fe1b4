"""Reads the tables of a policy file: every mistake is noted with its line, and reading goes on."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from confide.errors import Finding
from confide.policy.model import Waiver

T = TypeVar("T")
Path = tuple[str | int, ...]

_HEADER = re.compile(r"\s*(\[{1,2})\s*([\w.\-]+)\s*\]")
_KEY = re.compile(r"\s*([\w.\-]+)\s*=")


def find_lines(text: str) -> dict[Path, int]:
    """The line (from 1) of every table header and key of a TOML text. tomllib does not tell, so this reads lines:
    right for everything a policy holds; keys inside inline tables have their table's line.
    """
    lines: dict[Path, int] = {(): 1}
    counts: dict[str, int] = {}
    table: Path = ()
    for number, line in enumerate(text.splitlines(), 1):
        if header := _HEADER.match(line):
            name = header[2]
            if header[1] == "[[":
                counts[name] = counts.get(name, -1) + 1
            table = _table_path(name, counts)
            lines.setdefault(table, number)
        elif key := _KEY.match(line):
            lines.setdefault((*table, *key[1].split(".")), number)
    return lines


def _table_path(name: str, counts: Mapping[str, int]) -> Path:
    path: Path = ()
    for part in name.split("."):
        path = (*path, part)
        array = ".".join(str(step) for step in path if isinstance(step, str))
        path = (*path, counts[array]) if array in counts else path
    return path


class WrongValueError(ValueError):
    """A value that a reader does not take. The message says what is wanted."""


@dataclass(slots=True)
class Problems:
    """The findings about a file so far, each with its line."""

    lines: Mapping[Path, int]
    findings: list[Finding] = field(default_factory=list)

    def add(self, code: str, path: Path, *, got: str, wanted: str, remedy: str) -> None:
        """Notes a mistake at the path, or at the nearest table around it that has a line."""
        at = path
        while at not in self.lines:
            at = at[:-1]
        self.findings.append(Finding(code, f"line {self.lines[at]}: {got}", wanted, remedy))


@dataclass(slots=True)
class Table:
    """A table of the file, read key by key. `close` notes the keys that nobody asked for."""

    values: Mapping[str, object]
    path: Path
    problems: Problems
    asked: set[str] = field(default_factory=set)

    def read(self, key: str, read: Callable[[object], T]) -> T | None:
        """The value of a required key, or None where it was noted as missing or wrong."""
        self.asked.add(key)
        if key not in self.values:
            self._missing(key)
            return None
        return self._read(key, self.values[key], read)

    def read_or_waiver(self, key: str, read: Callable[[object], T]) -> T | Waiver | None:
        """Like `read`, but `{ waived = "reason" }` is taken too."""
        value = self.values.get(key)
        if isinstance(value, dict) and "waived" in value:
            self.asked.add(key)
            return self._waiver(key, value)
        return self.read(key, read)

    def close(self) -> None:
        """Notes every key that is not known: a misspelt field must not be an unset one."""
        for key in sorted(self.values.keys() - self.asked):
            self.problems.add(
                "policy.file.unknown",
                (*self.path, key),
                got=f"`{self._name(key)}`, which is not a field of a policy",
                wanted=f"one of {', '.join(sorted(self.asked))}",
                remedy="Correct the spelling, or take the line out.",
            )

    def _name(self, key: str) -> str:
        return ".".join(str(part) for part in (*self.path, key) if isinstance(part, str))

    def _missing(self, key: str) -> None:
        self.problems.add(
            "policy.file.missing",
            (*self.path, key),
            got=f"no `{self._name(key)}`",
            wanted="every field set, or waived with a reason",
            remedy=f"Add `{key} = …` to this table; `confide policy new` writes one with every field.",
        )

    def _read(self, key: str, value: object, read: Callable[[object], T]) -> T | None:
        try:
            return read(value)
        except WrongValueError as error:
            self.problems.add(
                "policy.file.value",
                (*self.path, key),
                got=f"`{self._name(key)} = {_shown(value)}`",
                wanted=str(error),
                remedy="Correct the value.",
            )
            return None

    def _waiver(self, key: str, value: dict[str, object]) -> Waiver | None:
        reason = value.get("waived")
        if isinstance(reason, str) and reason.strip() and len(value) == 1:
            return Waiver(reason.strip())
        self.problems.add(
            "policy.file.waiver",
            (*self.path, key),
            got=f"a waiver of `{self._name(key)}` without a reason",
            wanted='`{ waived = "why this check is given up" }`',
            remedy="Say why, in words that you will understand in a year.",
        )
        return None


def _shown(value: object) -> str:
    text = {True: "true", False: "false"}.get(value) if isinstance(value, bool) else repr(value)
    return f"{text}"[:80]


# Readers of single values: what is not taken raises WrongValueError with what is wanted.


def integer(low: int, high: int) -> Callable[[object], int]:
    """A reader of whole numbers from `low` to `high`."""

    def read(value: object) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise WrongValueError(f"a whole number from {low} to {high}")
        return value

    return read


def exactly(wanted: bool) -> Callable[[object], bool]:
    """A reader that takes one boolean alone: the other one would be a waiver without a reason."""

    def read(value: object) -> bool:
        if value is not wanted:
            word = str(wanted).lower()
            raise WrongValueError(f'{word}; to give the check up, write {{ waived = "why" }}')
        return wanted

    return read


def one_of(*choices: str) -> Callable[[object], str]:
    """A reader of one of a few words."""

    def read(value: object) -> str:
        if not isinstance(value, str) or value not in choices:
            raise WrongValueError(f"one of {', '.join(repr(choice) for choice in choices)}")
        return value

    return read


def matching(pattern: str, wanted: str) -> Callable[[object], str]:
    """A reader of texts that match the pattern as a whole."""

    def read(value: object) -> str:
        if not isinstance(value, str) or not re.fullmatch(pattern, value, re.ASCII):
            raise WrongValueError(wanted)
        return value

    return read


def hexadecimal(size: int) -> Callable[[object], str]:
    """A reader of `size` bytes in lower-case hexadecimal."""
    return matching(f"[0-9a-f]{{{2 * size}}}", f"{size} bytes as {2 * size} lower-case hexadecimal digits")


def list_of(read_one: Callable[[object], T]) -> Callable[[object], tuple[T, ...]]:
    """A reader of lists with at least one entry and no entry twice."""

    def read(value: object) -> tuple[T, ...]:
        if not isinstance(value, list) or not value:
            raise WrongValueError("a list with at least one entry; an empty list would allow nothing or everything")
        entries = tuple(read_one(entry) for entry in value)
        if len(set(entries)) != len(entries):
            raise WrongValueError("a list without an entry twice")
        return entries

    return read
