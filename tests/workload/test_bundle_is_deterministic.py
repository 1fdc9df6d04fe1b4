"""The same folder gives the same bytes, wherever, whenever and however it is built."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from confide.errors import Misuse
from confide.workload import Target, build_bundle, read_bundle_file
from confide.workload.archive import pack, unpack
from confide.workload.build import bundle_bytes

TOML = 'name = "echo"\nversion = "1"\nentry = "main:main"\ninputs = ["text"]\n'
CODE = 'def main(inputs, parameters):\n    return inputs["text"]\n'
ANY = Target("3.12", "x86_64")


def write_source(folder: Path, names: list[str] | None = None, **extra: str) -> Path:
    files = {"workload.toml": TOML, "main.py": CODE, "deep/er/data.txt": "x", "deep/__init__.py": "", **extra}
    for name in names or list(files):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(files[name])
    return folder


def digest(folder: Path) -> str:
    return hashlib.sha256(bundle_bytes(folder, ANY, folder / "cache")).hexdigest()


def test_digest_is_the_sha256_of_the_file_and_is_what_the_reader_says(tmp_path):
    out = tmp_path / "echo.bundle"
    shown = build_bundle(write_source(tmp_path / "w"), out)
    assert shown == f"sha256:{hashlib.sha256(out.read_bytes()).hexdigest()}" == read_bundle_file(out).digest


def test_a_known_folder_has_a_known_digest(tmp_path):
    # Written down once: another digest for this folder would break every policy that names a bundle.
    assert digest(write_source(tmp_path)) == "82e8e5e2f0b9dbefe4394b96668bf705184d033dd992fafc9d484bdf0bb069aa"


def test_the_order_in_which_files_were_made_changes_nothing(tmp_path):
    names = ["workload.toml", "main.py", "deep/er/data.txt", "deep/__init__.py"]
    assert digest(write_source(tmp_path / "a", names)) == digest(write_source(tmp_path / "b", names[::-1]))


def test_times_and_modes_change_nothing(tmp_path):
    plain, odd = write_source(tmp_path / "a"), write_source(tmp_path / "b")
    for number, path in enumerate(odd.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o600)
        os.utime(path, (number * 86400, number * 86400))
    assert digest(plain) == digest(odd)


@pytest.mark.parametrize(
    "surroundings",
    [
        {"TZ": "Pacific/Kiritimati", "LC_ALL": "tr_TR.UTF-8"},
        {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONHASHSEED": "7"},
        {"PYTHONHASHSEED": "1", "SOURCE_DATE_EPOCH": "1"},
    ],
)
@pytest.mark.parametrize("umask", ["000", "077"])
def test_the_environment_and_the_umask_change_nothing(tmp_path, surroundings, umask):
    source, out = write_source(tmp_path / "w"), tmp_path / "out.bundle"
    program = "import sys; from confide.cli.main import main; sys.argv[0] = 'confide'; main()"
    command = [sys.executable, "-c", program, "workload", "build", str(source), "-o", str(out)]
    env = {**os.environ, **surroundings}
    subprocess.run(["sh", "-c", f'umask {umask}; exec "$@"', "sh", *command], env=env, check=True, capture_output=True)
    assert hashlib.sha256(out.read_bytes()).hexdigest() == digest(source)


@pytest.mark.parametrize(
    "name",
    ["__pycache__/main.cpython-312.pyc", "main.pyc", ".git/HEAD", ".hidden", "main.py~", ".main.py.swp", "#main.py#"],
)
def test_files_of_editors_tools_and_version_control_are_left_out(tmp_path, name):
    clean = write_source(tmp_path / "a")
    littered = write_source(tmp_path / "b", **{name: "litter"})
    assert digest(clean) == digest(littered)


def test_one_byte_of_code_changes_the_digest(tmp_path):
    changed = write_source(tmp_path / "b")
    (changed / "main.py").write_text(CODE + "\n")
    assert digest(write_source(tmp_path / "a")) != digest(changed)


def test_a_workload_without_requirements_is_the_same_for_every_interpreter(tmp_path):
    source = write_source(tmp_path / "w")
    assert bundle_bytes(source, ANY, tmp_path) == bundle_bytes(source, Target("3.11", "aarch64"), tmp_path)


def test_tar_can_list_a_bundle(tmp_path):
    out = tmp_path / "echo.bundle"
    build_bundle(write_source(tmp_path / "w"), out)
    listing = subprocess.run(["tar", "tf", out], check=True, capture_output=True, text=True).stdout.split()
    assert listing == ["app/deep/__init__.py", "app/deep/er/data.txt", "app/main.py", "bundle.json"]


NAME = st.from_regex(
    r"[A-Za-z0-9_+@-][A-Za-z0-9_.+@ -]{0,40}(/[A-Za-z0-9_+@-][A-Za-z0-9_.+@ -]{0,40}){0,4}", fullmatch=True
)


@given(st.dictionaries(NAME, st.binary(max_size=2000), max_size=8), st.randoms())
@settings(max_examples=200, deadline=None)
def test_every_set_of_files_has_one_archive_and_comes_back_from_it(files, random):
    shuffled = dict(random.sample(sorted(files.items()), len(files)))
    data = pack(shuffled)
    assert data == pack(files)
    assert {name: bytes(content) for name, content in unpack(data).items()} == files


@pytest.mark.parametrize("length", [99, 100, 101, 155, 200, 250])
def test_long_names_survive(length):
    name = ("abcdefghi/" * 30)[: length - 1] + "z"
    assert list(unpack(pack({name: b"1"}))) == [name]


@pytest.mark.parametrize("name", ["ä.txt", "a" * 101, "a\\b.txt", "tab\t.txt", " lead.txt"])
def test_a_name_that_some_system_would_write_otherwise_is_misuse(tmp_path, name):
    with pytest.raises(Misuse) as caught:
        digest(write_source(tmp_path, **{name: "x"}))
    assert caught.value.codes == ("workload.name",)


def test_an_interrupted_build_leaves_no_file_behind(tmp_path, monkeypatch):
    source, out = write_source(tmp_path / "w"), tmp_path / "out" / "echo.bundle"
    out.parent.mkdir()
    monkeypatch.setattr("os.fsync", lambda _: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    with pytest.raises(OSError, match="No space"):
        build_bundle(source, out)
    assert list(out.parent.iterdir()) == []
