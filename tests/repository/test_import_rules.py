"""The checker of the import rules is itself tested: each rule is broken once."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest

REPO = Path(__file__).parents[2]


@pytest.fixture
def checker(monkeypatch):
    monkeypatch.syspath_prepend(str(REPO / "tools"))
    import check_imports

    return check_imports


@pytest.mark.parametrize(
    ("where", "code", "reason"),
    [
        ("verify/x.py", "import socket", "no socket"),
        ("policy/x.py", "def f():\n    from sqlite3 import connect", "no socket"),
        ("evidence/x.py", "from confide.verify import x", "stands above"),
        ("verify/x.py", "from confide.broker.app import x", "stands above"),
        ("broker/x.py", "import confide.cli.main", "stands above"),
        ("keys/x.py", "import palabs", "knows nothing of palabs"),
    ],
)
def test_a_forbidden_import_of_the_platform_is_reported(checker, where, code, reason):
    offences = list(checker.confide_offences(checker.SOURCE / "confide" / where, ast.parse(code)))
    assert len(offences) == 1
    assert reason in offences[0]


@pytest.mark.parametrize(
    "code", ["import confide.errors", "from confide.cli import _hidden", "from confide.cli.framework import Command"]
)
def test_palabs_may_use_only_public_names(checker, code):
    assert len(list(checker.palabs_offences(checker.SOURCE / "palabs" / "x.py", ast.parse(code)))) == 1


def test_allowed_imports_pass(checker):
    allowed = ast.parse("import socket\nfrom confide.errors import Refused")
    assert list(checker.confide_offences(checker.SOURCE / "confide" / "broker" / "x.py", allowed)) == []
    assert (
        list(checker.palabs_offences(checker.SOURCE / "palabs" / "x.py", ast.parse("from confide.cli import Reply")))
        == []
    )


def test_the_tree_as_it_is_keeps_the_rules(checker, capsys):
    with pytest.raises(SystemExit) as ended:
        checker.main()
    assert (ended.value.code, capsys.readouterr().out.strip()) == (False, "imports: in order")
    assert sys.modules["check_imports"] is checker
