"""The pages about evidence are true: their examples run, and their tables are the program's own."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

REPO = Path(__file__).parents[2]
DOCS = REPO / "docs"
PAGES = [DOCS / "reference" / "policy.md", DOCS / "reference" / "results.md", DOCS / "how-to" / "verify-evidence.md"]


def blocks(page: Path, language: str) -> str:
    return "".join(re.findall(rf"^```{language}\n(.*?)^```$", page.read_text(), re.MULTILINE | re.DOTALL))


def run(arguments: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    env = {"PATH": path, "HOME": str(folder)}
    return subprocess.run(arguments, cwd=folder, env=env, capture_output=True, text=True, check=False, timeout=120)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_examples_run_as_written(page: Path, tmp_path: Path):
    code = blocks(page, "python")
    assert code
    done = run([sys.executable, "-c", code], tmp_path)
    assert done.returncode == 0, done.stderr[-3000:]


def test_the_walk_through_verification_runs_as_written(tmp_path: Path):
    page = DOCS / "how-to" / "verify-evidence.md"
    assert run([sys.executable, "-c", blocks(page, "python")], tmp_path).returncode == 0
    done = run(["bash", "-euo", "pipefail", "-c", blocks(page, "sh")], tmp_path)
    assert done.returncode == 0, done.stderr[-3000:]
    assert "snp.chain.root" in (tmp_path / "refused.txt").read_text()
    assert "snp.report_data" in (tmp_path / "other.txt").read_text()
    assert "UNVERIFIED" in (tmp_path / "shown.txt").read_text()
    assert "affirmed (SIMULATED: it protects nothing)" in done.stdout
    assert "EAR: ey" in done.stdout


@pytest.mark.parametrize("name", ["policy.md", "results.md"])
def test_the_tables_are_up_to_date(name: str):
    sys.path.insert(0, str(REPO / "tools"))
    try:
        import write_results
    finally:
        sys.path.pop(0)
    text = (DOCS / "reference" / name).read_text()
    assert write_results.renewed(text) == text, "run tools/write_results.py"


def test_every_command_that_the_page_names_exists():
    from confide.cli.main import COMMANDS

    named = set(re.findall(r"confide ([a-z]+ [a-z]+)", (DOCS / "how-to" / "verify-evidence.md").read_text()))
    assert named <= {command.words for command in COMMANDS}
