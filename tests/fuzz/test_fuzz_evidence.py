"""A short run of the fuzzer for evidence, the same each time, from every piece of right evidence of every format."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

FUZZER = Path(__file__).with_name("fuzz_evidence.py")
RUNS = 3000
HANGING, ENDLESS = 60, 240  # seconds of one input and of all, on a machine as busy as may be
COVERAGE_FLOOR = 2050  # edges of confide.evidence and confide.verify; the corpus alone reaches more


def fuzz(folder: Path, *options: str, source: Path | None = None) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PYTHONPATH": str(FUZZER.parents[2] / "src")}
    return subprocess.run(
        [sys.executable, source or FUZZER, *options, folder],
        capture_output=True, text=True, check=False, env=environment, cwd=folder, timeout=ENDLESS,
    )  # fmt: skip


LIMITS = "-seed=1", f"-timeout={HANGING}", "-max_len=65536", f"-runs={RUNS}"


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    pytest.importorskip("atheris", reason="the fuzzer is not installed")
    folder = tmp_path / "corpus"
    folder.mkdir()
    return folder


def test_nothing_but_the_three_errors_comes_out_in_bounded_time_and_most_of_the_code_is_reached(corpus: Path):
    done = fuzz(corpus, *LIMITS)
    assert done.returncode == 0, done.stderr[-3000:]
    assert f"Done {RUNS} runs" in done.stderr
    assert max(int(number) for number in re.findall(r"cov: (\d+)", done.stderr)) >= COVERAGE_FLOOR


def test_the_fuzzer_finds_a_planted_fault(corpus: Path, tmp_path: Path):
    """The same fuzzer with a parser that forgets to look at a length: it must stop with it."""
    source = tmp_path / "planted.py"
    text = FUZZER.read_text().replace("Path(__file__).parents[2]", f"Path({str(FUZZER.parents[2])!r})")
    source.write_text(
        text.replace("    seed = SEEDS", "    data[2:][700] if data[2:4] == b'\\3\\0' else 0\n    seed = SEEDS")
    )
    done = fuzz(corpus, *LIMITS, source=source)
    assert done.returncode != 0
    assert "IndexError" in done.stderr + done.stdout
