"""The first step of a verifier: the bytes are evidence of its format, and each way of not being so has a code."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import TypeVar

from confide.checklist import Checklist
from confide.errors import Refused

T = TypeVar("T")


def check_parsed(
    parse: Callable[[bytes], T],
    evidence: bytes,
    checklist: Checklist,
    *,
    codes: Collection[str],
    others: Collection[str],
) -> T | None:
    """What `parse` makes of the evidence, with a result for each of its `codes`; None where it refuses, and then
    `others`, which need what was not read, have a result too: not checked.
    """
    try:
        parsed = parse(evidence)
    except Refused as failure:
        checklist.absorb(failure)
        for code in sorted({*codes, *others} - set(failure.codes)):
            checklist.unchecked(code, failure.codes[0])
        return None
    for code in codes:
        checklist.expect(code, passed=True, got="", wanted="", remedy="")
    return parsed
