"""Promises that every command keeps."""

from __future__ import annotations

import importlib
import subprocess
import sys
from pathlib import Path

import pytest

import palabs.cli
from confide.cli.main import COMMANDS

ALL = [("confide", command) for command in COMMANDS] + [("palabs", command) for command in palabs.cli.COMMANDS]
NAMES = [f"{prog} {command.words}" for prog, command in ALL]
BIN = Path(sys.executable).parent


@pytest.mark.parametrize(("prog", "command"), ALL, ids=NAMES)
def test_every_command_teaches_with_an_example(prog, command):
    description = importlib.import_module(command.module).DESCRIPTION
    assert f"{prog} {command.words}" in description


@pytest.mark.parametrize(("prog", "command"), ALL, ids=NAMES)
def test_every_command_is_in_the_reference(prog, command):
    reference = Path(__file__).parents[2] / "docs" / "reference" / "commands.md"
    assert f"## {prog} {command.words}\n" in reference.read_text()


@pytest.mark.parametrize(("prog", "command"), ALL, ids=NAMES)
def test_every_command_answers_a_wrong_option_with_misuse_as_json(prog, command):
    done = subprocess.run(
        [BIN / prog, *command.words.split(), "--no-such-option", "--json"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout.count("\n")) == (2, 1)
    assert done.stdout.startswith('{"error": "misuse"')
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("prog", ["confide", "palabs"])
def test_help_loads_no_heavy_module(prog):
    heavy = {"numpy", "rich", "starlette", "uvicorn", "fsspec", "cryptography", "asyncio", "ssl", "sqlite3"}
    script = f"import sys; sys.argv=['{prog}','--help']; import {prog}.cli.main as m"
    if prog == "palabs":
        script = "import sys; sys.argv=['palabs','--help']; import palabs.cli as m"
    script += "\ntry: m.main()\nexcept SystemExit: pass\nprint(sorted(sys.modules), file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    loaded = set(done.stderr.replace("'", "").strip("[]\n").split(", "))
    assert loaded & heavy == set()


@pytest.mark.parametrize(
    "words",
    [
        "evidence verify",
        "evidence show",
        "policy suggest",
        "policy new",
        "policy check",
        "endorsements fetch",
        "vectors run",
    ],
)
def test_help_of_the_evidence_commands_loads_no_heavy_module(words):
    heavy = {
        "rich",
        "cryptography",
        "msgspec",
        "jwt",
        "cbor2",
        "lxml",
        "ssl",
        "socket",
        "confide.policy",
        "confide.verify",
    }
    script = f"import sys; sys.argv=['confide', *{words.split()}, '--help']; import confide.cli.main as m"
    script += "\ntry: m.main()\nexcept SystemExit: pass\nprint(*sys.modules, file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert f"confide {words}" in done.stdout
    assert set(done.stderr.split()) & heavy == set()


def test_answer_in_json_draws_no_tables(tmp_path):
    (tmp_path / "x").write_bytes(b"hello")
    script = f"import sys; sys.argv=['confide', 'evidence', 'verify', '{tmp_path / 'x'}', '--json']"
    script += (
        "\nimport confide.cli.main as m\ntry: m.main()\nexcept SystemExit: pass\nprint(*sys.modules, file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert "rich" not in done.stderr.split()
