"""The docs are true: the tutorial runs, the guarantees name tests that exist, links lead somewhere."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

REPO = Path(__file__).parents[2]
PAGES = sorted(REPO.glob("*.md")) + sorted((REPO / "docs").rglob("*.md")) + sorted((REPO / "examples").glob("*.md"))
TESTS = {
    node.name
    for path in (REPO / "tests").rglob("test_*.py")
    for node in ast.walk(ast.parse(path.read_text()))
    if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
}


def shell_blocks(page):
    return re.findall(r"^```sh\n(.*?)^```$", page.read_text(), re.MULTILINE | re.DOTALL)


def test_the_tutorial_runs_as_written(tmp_path):
    script = "set -euo pipefail\ntrap 'kill $(jobs -p) 2>/dev/null || true' EXIT\n"
    script += "".join(shell_blocks(REPO / "docs" / "tutorial.md"))
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-c", script],
        cwd=tmp_path,
        env={"PATH": path, "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert '{"asthma": 2, "gout": 1}' in done.stdout
    assert "policy.workload" in done.stdout + done.stderr


def test_every_guarantee_names_a_test_that_exists():
    named = set(re.findall(r"`(test_\w+)`", (REPO / "docs" / "guarantees.md").read_text()))
    assert named
    assert named - TESTS == set()


@pytest.mark.parametrize("page", PAGES, ids=[str(page.relative_to(REPO)) for page in PAGES])
def test_every_link_leads_to_a_file(page):
    targets = re.findall(r"\]\((?!https?:|#|mailto:)([^)#]+)", page.read_text())
    assert [target for target in targets if not (page.parent / target).exists()] == []


def test_the_command_reference_is_up_to_date():
    sys.path.insert(0, str(REPO / "tools"))
    try:
        import write_reference
    finally:
        sys.path.pop(0)
    assert write_reference.REFERENCE.read_text() == write_reference.page()


def test_no_document_names_a_package_host_or_a_machine_path():
    forbidden = re.compile(r"pypi\.org|pythonhosted|/root/|/work/|/home/\w+/")
    tracked = subprocess.run(["git", "ls-files"], cwd=REPO, capture_output=True, text=True, check=True).stdout.split(
        "\n"
    )
    texts = {name: (REPO / name) for name in tracked if name.endswith((".md", ".txt", ".toml", ".py", ".sh", ".html"))}
    texts.pop("tests/docs/test_documents.py", None)
    assert [name for name, path in texts.items() if path.exists() and forbidden.search(path.read_text())] == []
