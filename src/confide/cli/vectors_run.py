"""`confide vectors run`: does this verifier say of every test vector what the vector expects?"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from confide.cli.framework import Reply
from confide.errors import Misuse

if TYPE_CHECKING:
    from confide.testing.vectors import Outcome, Vector

DESCRIPTION = """\
Runs test vectors: evidence of fake vendors with one fault each, and the verdict and finding codes that are to come
out. The format is described in docs/reference/vectors.md, so that other verifiers can run the same files.
Exit codes: 0 all as expected, 1 not.

Example:
  confide vectors run vectors --json
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Adds the command's arguments."""
    parser.add_argument("paths", type=Path, nargs="+", metavar="PATH", help="a file of vectors, or a folder of them")


def run(args: argparse.Namespace) -> Reply:
    """Runs every vector of every file."""
    from rich.console import Console  # noqa: PLC0415 - --help stays quick
    from rich.progress import track  # noqa: PLC0415 - the same

    from confide.testing.vectors import run_vector  # noqa: PLC0415 - the same

    vectors = [vector for path in args.paths for file in _files(path) for vector in _load(file)]
    console = Console(stderr=True)
    shown = track(vectors, "Running vectors", console=console, disable=not sys.stderr.isatty())
    wrong = [(vector, said) for vector in shown if (said := run_vector(vector)) != vector.expected]
    verdicts = Counter(vector.expected.verdict for vector in vectors)
    document = {
        "vectors": len(vectors),
        "expected": dict(sorted(verdicts.items())),
        "wrong": [_wrong(vector, said) for vector, said in wrong],
    }
    lines = [
        f"{vector.name}: {_say(said)}, where {_say(vector.expected)} was expected ({vector.fault})"
        for vector, said in wrong
    ]
    counted = ", ".join(f"{number} {verdict}" for verdict, number in sorted(verdicts.items()))
    lines.append(f"{len(vectors) - len(wrong)} of {len(vectors)} vectors came out as expected ({counted}).")
    return Reply(document, "\n".join(lines), 1 if wrong else 0)


def _files(path: Path) -> Iterator[Path]:
    """The file, or the JSON files of the folder. Raises Misuse where it has none."""
    found = sorted(path.glob("*.json")) if path.is_dir() else [path]
    if not found:
        raise Misuse.because(
            "vectors.none",
            got=f"no file of vectors in {path}",
            wanted="files named *.json",
            remedy="Name another folder.",
        )
    yield from found


def _load(file: Path) -> list[Vector]:
    from confide.testing.vectors import MAX_BYTES, load_vectors  # noqa: PLC0415 - --help stays quick

    with file.open("rb") as stream:
        return load_vectors(stream.read(MAX_BYTES + 1))


def _wrong(vector: Vector, said: Outcome) -> dict[str, object]:
    return {"name": vector.name, "expected": _document(vector.expected), "got": _document(said)}


def _document(outcome: Outcome) -> dict[str, object]:
    return {"verdict": outcome.verdict, "codes": list(outcome.codes)}


def _say(outcome: Outcome) -> str:
    return f"{outcome.verdict} ({', '.join(outcome.codes)})" if outcome.codes else outcome.verdict
