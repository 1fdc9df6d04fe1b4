"""Where a passphrase comes from, and `confide identity new`, as real processes and at a real terminal."""

from __future__ import annotations

import argparse
import json
import os
import pty
import subprocess
import sys

import pytest

from confide.cli.passphrase import add_passphrase_arguments, read_passphrase
from confide.errors import Misuse
from confide.ids import to_base64
from confide.sealed import read_private_key, read_public_key
from confide.secrets import Secret

CONFIDE = [sys.executable, "-m", "confide.cli.main"]


def _read(*argv: str) -> bytes:
    parser = argparse.ArgumentParser()
    add_passphrase_arguments(parser)
    return read_passphrase(parser.parse_args(argv), "Passphrase").reveal()


def _codes(*argv: str) -> tuple[str, ...]:
    with pytest.raises(Misuse) as misuse:
        _read(*argv)
    return misuse.value.codes


def _identity_new(path, *options: str, **how) -> subprocess.CompletedProcess[str]:
    run = [*CONFIDE, "identity", "new", str(path), *options]
    return subprocess.run(run, check=False, capture_output=True, text=True, timeout=60, **how)


def _at_a_terminal(path, *lines: str) -> tuple[str, int]:
    """Runs `identity new` with a controlling terminal of its own, types the lines; output and exit code."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.execv(sys.executable, [*CONFIDE, "identity", "new", str(path)])  # pragma: no cover - another program
    output = b""
    waiting = list(lines)
    try:
        while chunk := os.read(terminal, 4096):
            output += chunk
            if waiting and output.count(b"Passphrase for") > len(lines) - len(waiting):
                os.write(terminal, waiting.pop(0).encode() + b"\n")
    except OSError:  # the terminal of an ended process
        pass
    os.close(terminal)
    return output.decode(), os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


@pytest.mark.parametrize("end", [b"", b"\n", b"\r\n"], ids=["none", "unix", "dos"])
def test_a_file_gives_the_passphrase_without_its_line_end(end, tmp_path):
    (tmp_path / "p").write_bytes(b" spaces count " + end)
    assert _read("--passphrase-file", str(tmp_path / "p")) == b" spaces count "


def test_a_descriptor_gives_the_passphrase():
    reading, writing = os.pipe()
    os.write(writing, b"secret\n")
    os.close(writing)
    assert _read("--passphrase-fd", str(reading)) == b"secret"


@pytest.mark.parametrize("content", [b"", b"\n", b"\r\n"], ids=["nothing", "line", "dos-line"])
def test_an_empty_passphrase_is_misuse(content, tmp_path):
    (tmp_path / "p").write_bytes(content)
    assert _codes("--passphrase-file", str(tmp_path / "p")) == ("passphrase.empty",)


def test_a_file_that_is_no_passphrase_is_misuse(tmp_path):
    (tmp_path / "p").write_bytes(b"x" * 4097)
    assert _codes("--passphrase-file", str(tmp_path / "p")) == ("passphrase.long",)
    (tmp_path / "p").write_bytes(b"x" * 4096 + b"\n")
    assert len(_read("--passphrase-file", str(tmp_path / "p"))) == 4096


@pytest.mark.parametrize("descriptor", ["-1", "9999"])
def test_a_descriptor_that_is_not_open_is_misuse(descriptor):
    assert _codes("--passphrase-fd", descriptor) == ("passphrase.descriptor",)


def test_identity_new_makes_a_pair_that_reads_back(tmp_path):
    (tmp_path / "p").write_text("secret words\n")
    run = _identity_new(tmp_path / "key", "--passphrase-file", str(tmp_path / "p"), "--json")
    assert (run.returncode, run.stderr) == (0, "")
    document = json.loads(run.stdout)
    public = read_private_key(tmp_path / "key", Secret(b"secret words")).public_key().public_bytes_raw()
    assert read_public_key(tmp_path / "key.pub") == public
    assert document["recipient"] == to_base64(public)
    assert document["public_key"] == str(tmp_path / "key.pub")


def test_identity_new_takes_the_passphrase_from_a_descriptor_and_never_shows_it(tmp_path):
    reading, writing = os.pipe()
    os.write(writing, b"secret words")
    os.close(writing)
    run = _identity_new(tmp_path / "key", "--passphrase-fd", str(reading), pass_fds=[reading])
    os.close(reading)
    assert run.returncode == 0
    assert "secret words" not in run.stdout + run.stderr
    assert read_private_key(tmp_path / "key", Secret(b"secret words"))


def test_identity_new_overwrites_nothing(tmp_path):
    (tmp_path / "p").write_text("secret words")
    (tmp_path / "key").write_text("precious")
    run = _identity_new(tmp_path / "key", "--passphrase-file", str(tmp_path / "p"), "--json")
    assert run.returncode == 2
    assert [finding["code"] for finding in json.loads(run.stdout)["findings"]] == ["file.exists"]
    assert (tmp_path / "key").read_text() == "precious"


def test_without_a_terminal_nothing_is_asked(tmp_path):
    run = _identity_new(tmp_path / "key", "--json", start_new_session=True, stdin=subprocess.DEVNULL)
    assert run.returncode == 2
    assert [finding["code"] for finding in json.loads(run.stdout)["findings"]] == ["passphrase.missing"]
    assert not (tmp_path / "key").exists()


def test_at_a_terminal_it_is_typed_twice_and_not_echoed(tmp_path):
    output, code = _at_a_terminal(tmp_path / "key", "typed words", "typed words")
    assert code == 0, output
    assert "typed words" not in output
    assert read_private_key(tmp_path / "key", Secret(b"typed words"))


def test_two_different_passphrases_at_a_terminal_are_misuse(tmp_path):
    output, code = _at_a_terminal(tmp_path / "key", "typed words", "other words")
    assert code == 2
    assert "passphrase.mismatch" in output
    assert not (tmp_path / "key").exists()
