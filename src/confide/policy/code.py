"""What a finding code means."""

from __future__ import annotations

from typing import NamedTuple


class Code(NamedTuple):
    """`meaning` in words, and the `field` of the vendor's specification that the finding is about, where it is one."""

    meaning: str
    field: str = ""
