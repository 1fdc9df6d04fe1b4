"""The report: one file, no network, no script, readable by machines that read aloud, and nothing unescaped."""

from __future__ import annotations

import itertools
import re
from html.parser import HTMLParser

import msgspec
import pytest

from confide.errors import Misuse, Refused
from palabs.answer import NONE_STATEMENT, Answer, analyse_in_place, read_answer
from palabs.populations import CONTINENTS, POPULATIONS
from palabs.report import REASONS, percent, render
from palabs.workload.ancestry.genotypes import REASONS as READER_REASONS

VOID = {"meta", "br", "img", "line", "circle", "polygon"}
NONE = {"mode": "none", "statement": NONE_STATEMENT}
TEE = {"mode": "tee", "statement": "Computed in an enclave."}
RECEIPT = {
    "simulated": True,
    "job": "sha256:" + "ab" * 32,
    "workload": "sha256:" + "cd" * 32,
    "measurement": "ef" * 48,
    "policy": "ancestry, revision 1",
    "released_at": "2026-06-01T12:00:00Z",
    "checks": [{"code": "a", "outcome": "passed"}] * 9,
}


class Page(HTMLParser):
    """Collects tags and text, and fails on tags that are not closed in order."""

    def __init__(self, html):
        super().__init__()
        self.tags, self.open, self.text, self.attributes = [], [], "", []
        self.feed(html)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(tag, *pair) for pair in attrs]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(tag, *pair) for pair in attrs]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data if "style" not in self.open else ""


@pytest.fixture(scope="module")
def answer(make_person):
    return analyse_in_place(make_person("FIN").twentythree()).answer


def changed(answer, **what):
    return msgspec.convert(msgspec.to_builtins(answer) | what, Answer)


@pytest.mark.parametrize("receipt", [None, RECEIPT, RECEIPT | {"simulated": False}])
def test_the_report_refers_to_nothing_outside_itself(receipt, answer):
    html = render(answer, TEE, receipt)
    page = Page(html)
    assert {"script", "link", "img", "iframe", "object", "form"}.isdisjoint(page.tags)
    names = {name for _, name, _ in page.attributes}
    assert {"src", "href", "srcset", "action", "onclick", "onload"}.isdisjoint(names)
    assert re.search(r"https?:|//[a-z]|url\(|@import", html) is None
    assert ("meta", "content", "default-src 'none'; style-src 'unsafe-inline'") in page.attributes


def test_the_report_is_accessible_in_structure(answer):
    page = Page(render(answer, NONE, None))
    assert ("html", "lang", "en") in page.attributes
    assert page.tags.count("h1") == page.tags.count("main") == page.tags.count("title") - 1 == 1
    headings = [tag for tag in page.tags if tag in {"h1", "h2", "h3"}]
    assert headings[0] == "h1"
    assert all(int(b[1]) - int(a[1]) <= 1 for a, b in itertools.pairwise(headings))
    assert ("svg", "role", "img") in page.attributes
    assert ("svg", "aria-labelledby", "world-title world-text") in page.attributes
    assert page.tags.count("th") == sum(
        1 for tag, name, value in page.attributes if (tag, name, value) == ("th", "scope", "row")
    )


def test_all_31_probabilities_are_there_in_words(answer):
    text = Page(render(answer, NONE, None)).text
    assert all(name in text for name in CONTINENTS.values())
    assert all(p.name in text for p in POPULATIONS.values())


def test_the_headline_follows_the_evidence(answer):
    def lead(**probabilities):
        return Page(render(changed(answer, superpopulations=probabilities), NONE, None)).text.split("Continental")[0]

    rest = {"AFR": 0.0, "AMR": 0.0, "SAS": 0.0}
    assert "is most like that of the European" in lead(EUR=0.99, EAS=0.01, **rest)
    assert "is probably most like that of the European" in lead(EUR=0.7, EAS=0.3, **rest)
    assert "does not settle" in lead(EUR=0.5, EAS=0.5, **rest)


def test_without_protection_the_report_says_so_first(answer):
    text = Page(render(answer, NONE, None)).text
    assert text.index("Not protected") < text.index("Ancestry report", text.index("Not protected"))
    assert NONE_STATEMENT in text
    assert "There is no receipt" in text
    assert "confide receipt verify" not in text


def test_a_simulated_receipt_is_said_to_prove_nothing_about_hardware(answer):
    text = Page(render(answer, TEE, RECEIPT)).text
    assert "SIMULATED protection" in text
    assert "proves nothing about hardware" in text
    assert "confide receipt verify receipt.json" in text
    assert all(RECEIPT[key] in text for key in ("job", "workload", "measurement", "policy", "released_at"))
    real = Page(render(answer, TEE, RECEIPT | {"simulated": False})).text
    assert "SIMULATED" not in real
    assert "attested enclave" in real


def test_a_receipt_that_does_not_say_counts_as_simulated(answer):
    unsaid = {key: value for key, value in RECEIPT.items() if key != "simulated"}
    text = Page(render(answer, TEE, unsaid)).text
    assert "SIMULATED protection" in text
    assert "This receipt is SIMULATED" in text


def test_the_limits_are_stated(answer):
    text = Page(render(answer, NONE, None)).text
    for words in (
        "not a medical result",
        "does not prove who you are",
        "26 reference populations",
        "parents, children",
    ):
        assert words in text
    assert answer.model.digest in text


def test_the_snps_are_accounted_for_with_reasons(answer):
    snps = answer.snps | {"used": 100, "no_call": 7, "conflicting_duplicate": 3, "strand_flipped": 50}
    text = Page(render(changed(answer, snps=snps), NONE, None)).text
    assert "100 could be used" in text
    assert "50 of them were read from the other strand" in text
    assert "7 in the file, but without a result" in text
    assert "3 twice in the file, with different results" in text
    assert set(REASONS) == {"missing", *READER_REASONS}


HOSTILE = "<script>alert(1)</script>\"'&"


def test_every_value_from_outside_is_escaped(answer):
    hostile = changed(
        answer,
        file={"format": HOSTILE, "build": HOSTILE, "variants_only": True},
        model={"digest": HOSTILE, "snps": 1, "populations": 26},
    )
    receipt = dict.fromkeys(("job", "workload", "measurement", "policy", "released_at"), HOSTILE) | {"simulated": True}
    html = render(hostile, {"mode": HOSTILE, "statement": HOSTILE}, receipt)
    assert "<script" not in html
    assert Page(html).text.count(HOSTILE) == 9


@pytest.mark.parametrize(
    ("value", "text"),
    [(1.0, "> 99.9 %"), (0.9995, "> 99.9 %"), (0.999, "99.9 %"), (0.5, "50.0 %"), (0.001, "0.1 %"), (0, "< 0.1 %")],
)
def test_a_probability_is_never_shown_as_certain(value, text):
    assert percent(value) == text


def encode(answer, **what):
    return msgspec.json.encode(msgspec.to_builtins(answer) | what)


def test_an_answer_is_read_as_it_was_written(answer):
    assert read_answer(encode(answer)) == answer


@pytest.mark.parametrize(
    "what",
    [
        {"populations": {"FIN": 1.0}},
        {"superpopulations": dict.fromkeys(CONTINENTS, 0.3)},
        {"superpopulations": {"EUR": 2.0, "AFR": -1.0, "AMR": 0.0, "EAS": 0.0, "SAS": 0.0}},
        {"superpopulations": {"EUR": 1.0, "AFR": 0.0, "AMR": 0.0, "EAS": 0.0, "<b>": 0.0}},
    ],
)
def test_an_answer_that_is_no_probability_is_refused(what, answer):
    with pytest.raises(Refused) as caught:
        read_answer(encode(answer, **what))
    assert caught.value.codes == ("answer.probabilities",)


@pytest.mark.parametrize(
    "data",
    [b"", b"{}", b"[]", b'{"type":"palabs-ancestry/2"}', b'{"type":"palabs-refusal/1"}', b"\xff", b'{"a":1,"a":2}'],
)
def test_bytes_that_are_no_answer_are_misuse(data):
    with pytest.raises(Misuse) as caught:
        read_answer(data)
    assert caught.value.codes == ("json.malformed",)
