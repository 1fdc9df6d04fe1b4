"""What comes out of a workload is believed only where it holds together; anything else is Refused with a finding."""

from __future__ import annotations

import json
import re
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import palabs.answer as answer_module
from confide.errors import Misuse, Refused
from palabs.answer import Answer, FindingRow, Part, Refusal, read_answer
from palabs.populations import COMPONENTS, CONTINENTS, POPULATIONS, REGIONS
from palabs.workload.ancestry.model import REGION_OF
from palabs.workload.ancestry.model import REGIONS as MODEL_REGIONS

ANSWERS = sorted((Path(__file__).parent / "answers").glob("*.json"))
PHASED = next(path for path in ANSWERS if path.stem == "puerto-rican-phased")


@pytest.fixture
def document():
    """A whole answer as JSON values, to break in one place."""
    return json.loads(PHASED.read_bytes())


def codes_of(document):
    with pytest.raises(Refused) as caught:
        read_answer(json.dumps(document).encode())
    return caught.value.codes


@pytest.mark.parametrize("path", ANSWERS, ids=[path.stem for path in ANSWERS])
def test_an_answer_is_read_as_it_was_written(path):
    answer = read_answer(path.read_bytes())
    assert json.loads(msgspec.json.encode(answer)) == json.loads(path.read_bytes())
    assert read_answer(msgspec.json.encode(answer)) == answer


def test_the_tree_is_that_of_the_model():
    assert {code: (region.name, region.continent) for code, region in REGIONS.items()} == MODEL_REGIONS
    assert {code: population.region for code, population in POPULATIONS.items()} == REGION_OF
    assert {region.continent for region in REGIONS.values()} == set(CONTINENTS)


def shift(table, code, by):
    table[code] += by


@pytest.mark.parametrize(
    "change",
    [
        lambda d: shift(d["populations"], "FIN", 0.3),
        lambda d: d["populations"].pop("FIN"),
        lambda d: d["superpopulations"].update({"<b>": 0.0}),
        lambda d: d.update(regions=dict.fromkeys(REGIONS, 0.3)),
    ],
)
def test_probabilities_that_are_none_are_refused(change, document):
    change(document)
    assert "answer.probabilities" in codes_of(document)


def test_levels_that_do_not_agree_are_refused(document):
    table = document["regions"]
    table["EUR-F"], table["AMR-C"] = table["AMR-C"], table["EUR-F"]
    assert "answer.levels" in codes_of(document)


@pytest.mark.parametrize(
    "change",
    [
        lambda d: d["intervals"].update(PUR=[0.1, 0.2]),
        lambda d: d["intervals"].update(PUR=[0.99, 0.9]),
        lambda d: d["intervals"].pop("AMR-C"),
        lambda d: d["intervals"].update(XXX=[0, 1]),
    ],
)
def test_an_interval_without_its_probability_is_refused(change, document):
    change(document)
    assert codes_of(document) == ("answer.intervals",)


@pytest.mark.parametrize(
    "conclusion",
    [
        {"level": "population", "code": "AMR-C", "probability": 0.9796},
        {"level": "region", "code": "PUR", "probability": 0.93},
        {"level": "population", "code": "PUR", "probability": 0.99},
        {"level": "world", "code": "PUR", "probability": 1.0},
        {"level": "continent", "code": "<script>", "probability": 1.0},
    ],
)
def test_a_conclusion_that_is_no_node_of_its_level_is_refused(conclusion, document):
    assert codes_of(document | {"conclusion": conclusion}) == ("answer.conclusion",)


def test_a_conclusion_at_each_level_is_read(document):
    for level, code in (("continent", "AMR"), ("region", "AMR-C"), ("population", "PUR"), ("world", "world")):
        table = {"world": 1.0, **document["superpopulations"], **document["regions"], **document["populations"]}
        document["conclusion"] = {"level": level, "code": code, "probability": table[code]}
        assert read_answer(json.dumps(document).encode()).conclusion.code == code


@pytest.mark.parametrize("codes", [[], ["XXX"], ["PUR", "PUR"], ["AMR"]])
def test_a_prediction_set_that_is_empty_or_unknown_is_refused(codes, document):
    document["prediction_sets"]["population"] = codes
    assert codes_of(document) == ("answer.sets",)


@pytest.mark.parametrize(
    "change",
    [
        lambda rows: rows[0].update(share=0.9, high=0.95),
        lambda rows: rows[0].update(low=0.7),
        lambda rows: rows[1].update(code="EUR"),
        lambda rows: rows[0].update(code="ATL"),
        lambda rows: rows.clear(),
    ],
)
def test_shares_that_do_not_add_up_are_refused(change, document):
    change(document["admixture"]["components"])
    assert codes_of(document) == ("answer.admixture",)


def many(number):
    return ({"start": 2 * i, "end": 2 * i + 1, "component": "EUR", "probability": 1} for i in range(number))


@pytest.mark.parametrize(
    "change",
    [
        lambda rows: rows.reverse(),
        lambda rows: rows[1].update(chromosome=1),
        lambda rows: rows[0]["haplotypes"][0][0].update(component="ATL"),
        lambda rows: rows[0]["haplotypes"][0].reverse(),
        lambda rows: rows[0]["haplotypes"][0][0].update(start=249_000_000, end=249_000_000),
        lambda rows: rows[0]["haplotypes"][0][0].update(end=249_000_000),
        lambda rows: [row.update(haplotypes=[list(many(101)), list(many(101))]) for row in rows],
    ],
)
def test_a_painting_that_is_unusable_is_refused(change, document):
    change(document["painting"]["chromosomes"])
    assert codes_of(document) == ("answer.painting",)


@pytest.mark.parametrize(
    "change",
    [lambda s: s.pop("used"), lambda s: s.update(used=30_000), lambda s: s.pop("strand_flipped")],
)
def test_snps_that_do_not_add_up_are_refused(change, document):
    change(document["snps"])
    assert codes_of(document) == ("answer.snps",)


def test_all_that_is_wrong_is_said_at_once(document):
    document["prediction_sets"]["region"] = []
    document["snps"].pop("used")
    assert codes_of(document) == ("answer.sets", "answer.snps")


@pytest.mark.parametrize(
    "change",
    [
        lambda d: d.update(surprise=1),
        lambda d: d.pop("reference"),
        lambda d: d["populations"].update(FIN=-0.1),
        lambda d: d["populations"].update(FIN="much"),
        lambda d: d["file"].update(build="GRCh99"),
        lambda d: d["file"].update(format="a\x1b[2J"),
        lambda d: d["file"].update(format="a\u202eb"),
        lambda d: d["file"].update(format="a" * 33),
        lambda d: d["model"].update(digest="<script>"),
        lambda d: d["snps"].update({"<b>": 1}),
        lambda d: d["reference"].update(verdict="perhaps"),
        lambda d: d["painting"]["chromosomes"][0].update(chromosome=23),
        lambda d: d["painting"]["chromosomes"][0]["haplotypes"].pop(),
        lambda d: d["painting"]["chromosomes"][0]["haplotypes"].__setitem__(0, list(many(251))),
        lambda d: d.update(type="palabs-ancestry/1"),
    ],
)
def test_an_answer_of_another_shape_is_refused(change, document):
    change(document)
    assert codes_of(document) == ("answer.malformed",)


@pytest.mark.parametrize(
    "data",
    [b"", b"{}", b"[]", b'{"type":"palabs-refusal/1"}', b"\xff", b'{"a":1,"a":2}', b"[" * 1000, b"NaN", b"null"],
)
def test_bytes_that_are_no_answer_are_refused(data):
    with pytest.raises(Refused) as caught:
        read_answer(data)
    assert caught.value.codes == ("answer.malformed",)


def refusal(**what):
    finding = {"code": "genotypes.empty", "got": "no bytes", "wanted": "genotypes", "remedy": "Give a file."} | what
    return json.dumps({"type": "palabs-refusal/1", "finding": finding}).encode()


def test_a_workloads_refusal_of_the_file_is_misuse_with_its_own_finding():
    with pytest.raises(Misuse) as caught:
        read_answer(refusal())
    assert caught.value.codes == ("genotypes.empty",)


@pytest.mark.parametrize("what", [{"got": "\x1b[2Jowned"}, {"code": "A B"}, {"remedy": ""}, {"more": "x"}])
def test_a_refusal_that_would_steer_the_terminal_is_refused_itself(what):
    with pytest.raises(Refused) as caught:
        read_answer(refusal(**what))
    assert caught.value.codes == ("answer.malformed",)


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=8,
)
FIELDS = [field.name for field in msgspec.structs.fields(Answer)]


@settings(max_examples=150, deadline=None)
@given(field=st.sampled_from(FIELDS), value=JSON)
def test_whatever_a_field_holds_it_is_an_answer_or_refused(field, value):
    document = json.loads(PHASED.read_bytes()) | {field: value}
    if field in {"admixture", "painting"} and value is None:
        assert getattr(read_answer(json.dumps(document).encode()), field) is None
    else:
        assert all(code.startswith("answer.") for code in codes_of(document))


@settings(max_examples=100, deadline=None)
@given(data=st.binary(max_size=200))
def test_no_bytes_are_a_traceback(data):
    with pytest.raises(Refused):
        read_answer(data)


DOCUMENT = (Path(__file__).parents[2] / "docs" / "reference" / "ancestry-answer.md").read_text()


def test_every_field_and_every_finding_is_documented():
    parts = (part for part in vars(answer_module).values() if isinstance(part, type) and issubclass(part, Part))
    fields = {
        field.name for part in parts if part not in {Refusal, FindingRow} for field in msgspec.structs.fields(part)
    }
    assert len(fields) > 40
    assert [name for name in sorted(fields) if f"`{name}`" not in DOCUMENT] == []
    sources = (Path(answer_module.__file__).with_name(name).read_text() for name in ("answer.py", "answer_checks.py"))
    codes = {code for source in sources for code in re.findall(r'"(answer\.[a-z]+)"', source)}
    assert codes == set(re.findall(r"`(answer\.[a-z]+)`", DOCUMENT))


def test_components_have_names_and_colours_of_their_own():
    from palabs.populations import COLOURS

    assert set(COLOURS) == set(COMPONENTS) > set(CONTINENTS)
    assert len({colour.light for colour in COLOURS.values()}) == len({colour.dark for colour in COLOURS.values()}) == 6
