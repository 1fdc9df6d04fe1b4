from __future__ import annotations

import errno
import json
import sys
import types

import pytest

from confide.cli.framework import Command, Reply, from_os_error, run_cli
from confide.errors import Misuse, Refused, Unavailable

COMMANDS = (Command("greet", "say hello", "fake_greet"), Command("group one", "first", "fake_greet"))


@pytest.fixture
def greet(monkeypatch):
    """A command module whose behaviour a test sets."""
    module = types.ModuleType("fake_greet")
    module.DESCRIPTION = "Says hello.\n\nExample: tool greet world"
    module.configure = lambda parser: parser.add_argument("name")
    module.run = lambda args: Reply({"hello": args.name}, f"Hello {args.name}")
    monkeypatch.setitem(sys.modules, "fake_greet", module)
    return module


def call(*argv):
    return run_cli("tool", "about", "1.2", COMMANDS, list(argv))


def test_a_command_prints_text_for_a_person(greet, capsys):
    assert call("greet", "world") == 0
    assert capsys.readouterr().out == "Hello world\n"


@pytest.mark.parametrize("argv", [("greet", "world", "--json"), ("--json", "group", "one", "world")])
def test_json_is_exactly_one_document(greet, capsys, argv):
    assert call(*argv) == 0
    assert json.loads(capsys.readouterr().out) == {"hello": "world"}


@pytest.mark.parametrize(("branch", "code"), [(Refused, 1), (Misuse, 2), (Unavailable, 3)])
def test_each_branch_has_its_exit_code_and_is_json_too(greet, capsys, branch, code):
    def fail(args):
        raise branch.because("a.one", got=1, wanted=2, remedy="Change it.")

    greet.run = fail
    assert call("greet", "world", "--json") == code
    document = json.loads(capsys.readouterr().out)
    assert document == {
        "error": branch.kind,
        "findings": [{"code": "a.one", "got": "1", "wanted": "2", "remedy": "Change it."}],
    }
    assert call("greet", "world") == code
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "a.one" in shown.err
    assert "Change it." in shown.err


@pytest.mark.parametrize(
    "argv", [("nonsense",), ("greet",), ("greet", "a", "b"), ("greet", "a", "--wrong"), ("group",)]
)
def test_wrong_words_are_misuse_or_help(greet, capsys, argv):
    expected = 0 if argv == ("group",) else 2
    assert call(*argv) == expected
    assert "--help" in "".join(capsys.readouterr())


def test_help_teaches_and_lists_every_command(greet, capsys):
    assert call("--help") == 0
    shown = capsys.readouterr().out
    assert all(command.words in shown for command in COMMANDS)
    assert "Exit codes" in shown
    with pytest.raises(SystemExit):
        call("greet", "--help")
    assert "Example: tool greet world" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("number", "branch", "code"),
    [
        (errno.ENOENT, Misuse, "file.enoent"),
        (errno.EISDIR, Misuse, "file.eisdir"),
        (errno.ENOSPC, Unavailable, "disk.full"),
        (errno.EIO, Unavailable, "os.eio"),
    ],
)
def test_errors_of_the_system_are_sorted_into_misuse_and_unavailable(number, branch, code):
    failure = from_os_error(OSError(number, "text", "name"))
    assert (type(failure), failure.codes) == (branch, (code,))


def test_a_missing_file_gives_one_sentence_and_no_traceback(greet, capsys):
    greet.run = lambda _args: open("/nonexistent/file")  # noqa: PTH123, SIM115 - it must raise
    assert call("greet", "world") == 2
    shown = capsys.readouterr().err
    assert "No such file" in shown
    assert "Traceback" not in shown
