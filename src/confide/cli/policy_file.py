"""Reads a policy file for a command."""

from __future__ import annotations

from pathlib import Path

from confide.errors import Misuse
from confide.policy import Policy, parse_policy
from confide.policy.parsing import MAX_BYTES


def read_policy(path: Path) -> Policy:
    """The policy in the file. Raises Misuse with every mistake, OSError where it cannot be read."""
    with path.open("rb") as file:
        data = file.read(MAX_BYTES + 1)
    try:
        return parse_policy(data.decode("utf-8"))
    except UnicodeDecodeError:
        raise Misuse.because(
            "policy.file.toml",
            got="a file that is not UTF-8 text",
            wanted="a policy, as `confide policy new` writes one",
            remedy="Check the path.",
        ) from None
