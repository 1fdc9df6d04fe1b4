"""Writes the test vectors of the repository: `python tools/write_vectors.py [--words] [snp …]`.

Each module of tools/vectors makes those of one format with that format's fake vendor. Every vector is run before it is
written, so that a file never holds one that this verifier contradicts; the keys are new each time. What this verifier
says of each in words goes to tests/verify/findings, and the reasons of its checks to tests/verify/reasons; a test holds
both: read the difference. With `--words` the vectors stay, and only these are written again.
"""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path

from confide.testing.vectors import Vector, dump_vectors, findings_of, load_vectors, reasons_of, run_vector

HERE = Path(__file__).parent
TARGET = HERE.parent / "vectors"
WORDS = HERE.parent / "tests" / "verify"


def write(name: str) -> int:
    """Makes, runs and writes the vectors of one module; returns how many came out otherwise than they say."""
    module = importlib.import_module(f"vectors.{name}")
    vectors: list[Vector] = list(module.vectors())
    wrong = [(one, said) for one in vectors if (said := run_vector(one)) != one.expected]
    for one, said in wrong:
        print(f"{one.name}: got {said}, expected {one.expected}")
    if not wrong:
        (TARGET / f"{name}.json").write_bytes(dump_vectors(module.DESCRIPTION, vectors))
        write_words(name, vectors)
        refusals = sum(one.expected.verdict not in {"genuine", "affirmed"} for one in vectors)
        print(f"{name}: {len(vectors)} vectors, {refusals} of them refusals")
    return len(wrong)


def write_words(name: str, vectors: list[Vector]) -> None:
    """What the verifier says of the vectors: findings by vector, and the reasons of all checks."""
    findings = {one.name: found for one in vectors if (found := findings_of(one))}
    for kind, words in (("findings", findings), ("reasons", reasons_of(vectors))):
        text = json.dumps(words, indent=1, ensure_ascii=False) + "\n"
        (WORDS / kind / f"{name}.json").write_text(text, encoding="utf-8")


def rewrite_words(name: str) -> int:
    """The words of the vectors as they are."""
    write_words(name, load_vectors((TARGET / f"{name}.json").read_bytes()))
    return 0


if __name__ == "__main__":
    words_only = "--words" in sys.argv
    names = [one for one in sys.argv[1:] if one != "--words"] or sorted(
        path.stem for path in (HERE / "vectors").glob("[a-z]*.py")
    )
    sys.exit(1 if sum((rewrite_words if words_only else write)(name) for name in names) else 0)
