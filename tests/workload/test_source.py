"""What is wrong with a workload's folder is said before anything is built."""

from __future__ import annotations

import os

import pytest

from confide.errors import Misuse
from confide.workload.source import read_source

GOOD = {"name": '"echo"', "version": '"1"', "entry": '"main:main"', "inputs": '["text"]'}


def source(folder, **fields):
    lines = [f"{name} = {value}" for name, value in {**GOOD, **fields}.items() if value is not None]
    (folder / "workload.toml").write_text("\n".join(lines))
    (folder / "main.py").write_text("def main(inputs, parameters): return b''\n")
    return folder


def code_of(folder):
    with pytest.raises(Misuse) as caught:
        read_source(folder)
    assert len(caught.value.codes) == 1
    return caught.value.codes[0]


def test_a_good_folder_is_read(tmp_path):
    read = read_source(source(tmp_path))
    assert read.toml.name == "echo"
    assert list(read.files) == ["main.py"]


@pytest.mark.parametrize("field", list(GOOD))
def test_a_missing_field_is_misuse(tmp_path, field):
    assert code_of(source(tmp_path, **{field: None})) == "workload.toml"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", '"Echo"'),
        ("name", '""'),
        ("name", "3"),
        ("version", '"1 2"'),
        ("entry", '"main"'),
        ("entry", '"../main:main"'),
        ("entry", '"main:main:main"'),
        ("inputs", "[]"),
        ("inputs", '["a", "a"]'),
        ("inputs", '["A b"]'),
        ("inputs", '"text"'),
        ("surprise", "1"),
    ],
)
def test_a_wrong_field_is_misuse(tmp_path, field, value):
    assert code_of(source(tmp_path, **{field: value})) == "workload.toml"


def test_a_folder_without_workload_toml_is_misuse(tmp_path):
    assert code_of(tmp_path) == "workload.toml"


def test_broken_toml_is_misuse(tmp_path):
    (tmp_path / "workload.toml").write_bytes(b"name = \xff")
    assert code_of(tmp_path) == "workload.toml"


def test_an_entry_that_is_not_there_is_misuse(tmp_path):
    assert code_of(source(tmp_path, entry='"other:main"')) == "workload.entry"


def test_a_package_can_be_the_entry(tmp_path):
    (tmp_path / "pack").mkdir()
    (tmp_path / "pack" / "__init__.py").write_text("")
    assert read_source(source(tmp_path, entry='"pack:main"')).toml.entry == "pack:main"


def test_a_symbolic_link_is_refused_even_inside_the_folder(tmp_path):
    (source(tmp_path) / "link.py").symlink_to("main.py")
    assert code_of(tmp_path) == "workload.file"


def test_a_link_to_a_folder_is_refused(tmp_path):
    (source(tmp_path) / "link").symlink_to("/etc")
    assert code_of(tmp_path) == "workload.file"


def test_a_special_file_is_refused(tmp_path):
    os.mkfifo(source(tmp_path) / "pipe")
    assert code_of(tmp_path) == "workload.file"


def test_requirements_that_are_not_there_are_misuse(tmp_path):
    assert code_of(source(tmp_path, requirements='"requirements.txt"')) == "workload.requirements"


def test_requirements_outside_of_the_folder_are_misuse(tmp_path):
    (tmp_path / "requirements.txt").write_text("")
    inner = tmp_path / "inner"
    inner.mkdir()
    assert code_of(source(inner, requirements='"../requirements.txt"')) == "workload.requirements"
