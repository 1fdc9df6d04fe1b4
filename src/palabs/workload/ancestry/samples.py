"""Which of the people of a file is meant."""

from __future__ import annotations

from collections.abc import Sequence

from .refusal import BadGenotypes

NAMED = 10
NAME_LENGTH = 40


def choose(names: Sequence[str], sample: str | None) -> int:
    """The index of `sample`, or of the only person there is. Raises BadGenotypes where that is no clear choice."""
    if sample is None and len(names) == 1:
        return 0
    if sample is None:
        raise _several(names)
    if names.count(sample) != 1:
        raise BadGenotypes(
            "genotypes.sample_unknown",
            got=f"a sample name that {names.count(sample) or 'none'} of the {len(names)} people of the file have",
            wanted=f"one of {_listed(names)}",
            remedy="Name one of them with --sample NAME, or leave it out where the file holds one person.",
        )
    return names.index(sample)


def check_unnamed(sample: str | None) -> None:
    """Raises BadGenotypes where a sample is asked for of a file that names none."""
    if sample is not None:
        raise BadGenotypes(
            "genotypes.sample_unknown",
            got="a sample name for a file that names no samples",
            wanted="no sample name",
            remedy="Leave out --sample: the file holds one person.",
        )


def _several(names: Sequence[str]) -> BadGenotypes:
    if not names:
        return BadGenotypes(
            "genotypes.samples",
            got="a file of 0 people",
            wanted="a file with the genotypes of one person",
            remedy="Give a file with genotypes, not a list of sites.",
        )
    return BadGenotypes(
        "genotypes.samples",
        got=f"a file of {len(names)} people: {_listed(names)}",
        wanted="one person",
        remedy="Say which one with --sample NAME.",
    )


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return ", ".join(_shown(name) for name in names[:NAMED]) + more


def decode(name: bytes) -> str:
    """The name of a sample, whatever its bytes are."""
    return name.decode("utf-8", "replace")


def _shown(name: str) -> str:
    """The name in a finding: short, and nothing in it steers a terminal."""
    return "".join(c if c.isascii() and c.isprintable() else "?" for c in name[:NAME_LENGTH])
