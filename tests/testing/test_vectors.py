"""The repository's vectors come out as they say, on a fresh machine; a file that is not well-formed is Misuse."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from confide.cli.main import main
from confide.errors import Misuse
from confide.policy.codes import CODES
from confide.testing.vectors import Outcome, Vector, dump_vectors, findings_of, load_vectors, reasons_of, run_vector

VECTORS = Path(__file__).parents[2] / "vectors"
WORDS = Path(__file__).parents[1] / "verify"
FILES = sorted(VECTORS.glob("*.json"))


@pytest.fixture(scope="module")
def every() -> list[Vector]:
    return [vector for file in FILES for vector in load_vectors(file.read_bytes())]


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_every_vector_comes_out_as_expected(file: Path):
    wrong = {one.name: run_vector(one) for one in load_vectors(file.read_bytes()) if run_vector(one) != one.expected}
    assert wrong == {}


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_every_finding_says_exactly_what_was_got_and_wanted_and_what_to_do(file: Path):
    """Written by tools/write_vectors.py: whoever changes a word sees it here, and decides whether it is better."""
    said = {one.name: found for one in load_vectors(file.read_bytes()) if (found := findings_of(one))}
    assert said == json.loads((WORDS / "findings" / file.name).read_text(encoding="utf-8"))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_every_check_says_exactly_why_it_passed_did_not_apply_or_was_not_made(file: Path):
    said = reasons_of(load_vectors(file.read_bytes()))
    assert said == json.loads((WORDS / "reasons" / file.name).read_text(encoding="utf-8"))


def test_there_are_400_vectors_and_70_percent_are_refusals(every: list[Vector]):
    refusals = [one for one in every if one.expected.verdict in {"refused", "unavailable"}]
    assert len(every) >= 400
    assert len(refusals) >= 0.7 * len(every)


def test_names_are_unique_and_every_code_is_a_known_one(every: list[Vector]):
    assert len({one.name for one in every}) == len(every)
    assert {code for one in every for code in one.expected.codes} <= CODES.keys()


def test_what_is_refused_says_its_fault_and_what_is_right_has_none(every: list[Vector]):
    for one in every:
        assert bool(one.fault) == bool(one.expected.codes), one.name


def test_vectors_survive_writing_and_reading(every: list[Vector]):
    some = every[::40]
    assert load_vectors(dump_vectors("some", some)) == some


def test_two_vectors_of_one_name_are_not_written(every: list[Vector]):
    with pytest.raises(ValueError, match="same name"):
        dump_vectors("twice", [every[0], every[0]])


def test_vector_that_expects_something_else_is_reported(
    every: list[Vector], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    wrong = replace(every[0], expected=Outcome("refused", ("snp.vmpl",)))
    (tmp_path / "wrong.json").write_bytes(dump_vectors("wrong", [wrong, *every[1:4]]))
    monkeypatch.setattr("sys.argv", ["confide", "vectors", "run", str(tmp_path), "--json"])
    with pytest.raises(SystemExit) as ended:
        main()
    said = json.loads(capsys.readouterr().out)
    assert ended.value.code == 1
    assert said["vectors"] == 4
    assert [one["name"] for one in said["wrong"]] == [every[0].name]


@pytest.mark.parametrize(
    "change",
    [{"type": "other/1"}, {"vectors": [{}]}, {"blobs": {}}, {"policies": {}, "surprise": 1}],
    ids=["type", "fields", "blobs", "unknown"],
)
def test_file_that_is_not_well_formed_is_misuse(every: list[Vector], change: dict[str, object]):
    document = json.loads(dump_vectors("some", every[:2])) | change
    with pytest.raises(Misuse) as caught:
        load_vectors(json.dumps(document).encode())
    assert caught.value.codes[0] in {"json.malformed", "vectors.malformed"}
