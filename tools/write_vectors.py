"""Writes the test vectors of the repository: `python tools/write_vectors.py [snp …]`.

Each module of tools/vectors makes those of one format with that format's fake vendor. Every vector is run before it is
written, so that a file never holds one that this verifier contradicts; the keys are new each time. Beside them, in
tests/verify/findings, it writes what this verifier says of each in words, which a test holds: read the difference.
"""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path

from confide.testing.vectors import Vector, dump_vectors, findings_of, run_vector

HERE = Path(__file__).parent
TARGET = HERE.parent / "vectors"
FINDINGS = HERE.parent / "tests" / "verify" / "findings"


def write(name: str) -> int:
    """Makes, runs and writes the vectors of one module; returns how many came out otherwise than they say."""
    module = importlib.import_module(f"vectors.{name}")
    vectors: list[Vector] = list(module.vectors())
    wrong = [(one, said) for one in vectors if (said := run_vector(one)) != one.expected]
    for one, said in wrong:
        print(f"{one.name}: got {said}, expected {one.expected}")
    if not wrong:
        (TARGET / f"{name}.json").write_bytes(dump_vectors(module.DESCRIPTION, vectors))
        words = {one.name: found for one in vectors if (found := findings_of(one))}
        (FINDINGS / f"{name}.json").write_text(json.dumps(words, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        refusals = sum(one.expected.verdict not in {"genuine", "affirmed"} for one in vectors)
        print(f"{name}: {len(vectors)} vectors, {refusals} of them refusals")
    return len(wrong)


if __name__ == "__main__":
    names = sys.argv[1:] or sorted(path.stem for path in (HERE / "vectors").glob("[a-z]*.py"))
    sys.exit(1 if sum(write(name) for name in names) else 0)
