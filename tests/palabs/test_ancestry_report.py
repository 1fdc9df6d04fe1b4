"""The report: one file, no network, no script, readable by machines that read aloud, and nothing unescaped."""

from __future__ import annotations

import itertools
import re
from html.parser import HTMLParser
from pathlib import Path

import msgspec
import pytest

from palabs.answer import NONE_STATEMENT, read_answer
from palabs.figures import Bin, Evaluation, Quality, Row, evaluation
from palabs.populations import COMPONENTS, CONTINENTS, POPULATIONS, REGIONS
from palabs.report import render
from palabs.report_basis import REASONS, reliability_section
from palabs.report_html import Html, join, tag
from palabs.report_tree import split
from palabs.report_words import (
    LIMITS,
    below,
    headline,
    interval,
    listed,
    odds,
    of_100,
    percent,
    sets_in_words,
    shares_in_words,
)
from palabs.versions import version_of
from palabs.workload.ancestry.hits import REASONS as READER_REASONS

ANSWERS = Path(__file__).parent / "answers"
NAMES = sorted(path.stem for path in ANSWERS.glob("*.json"))
VOID = {"meta", "rect", "circle", "path"}
NONE = {"mode": "none", "statement": NONE_STATEMENT}
TEE = {"mode": "tee", "statement": "Computed in an enclave."}
RECEIPT = {
    "simulated": True,
    "job": "sha256:" + "ab" * 32,
    "workload": "sha256:" + "cd" * 32,
    "measurement": "ef" * 48,
    "policy": "ancestry, revision 1",
    "broker": "sha256:" + "12" * 32,
    "released_at": "2026-06-01T12:00:00Z",
    "checks": [{"code": "a", "outcome": "passed"}] * 9,
}


class Page(HTMLParser):
    """Collects tags, text and attributes, and fails on tags that are not closed in order."""

    def __init__(self, html):
        super().__init__()
        self.tags, self.open, self.text, self.attributes = [], [], "", []
        self.feed(html)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(tag, *pair) for pair in attrs]
        self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        assert tag in VOID
        self.tags.append(tag)
        self.attributes += [(tag, *pair) for pair in attrs]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data.replace("\u00a0", " ") if "style" not in self.open else ""


def read(name):
    return read_answer((ANSWERS / f"{name}.json").read_bytes())


@pytest.fixture
def answer():
    return read("finnish")


def changed(answer, **what):
    """The answer with other parts, also such as `read_answer` would refuse."""
    return msgspec.structs.replace(answer, **what)


def text_of(answer, protection=NONE, receipt=None):
    return Page(render(answer, protection, receipt)).text


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("receipt", [None, RECEIPT, RECEIPT | {"simulated": False}], ids=["none", "simulated", "real"])
def test_the_report_refers_to_nothing_outside_itself(receipt, name):
    html = render(read(name), TEE, receipt)
    page = Page(html)
    assert {"script", "link", "img", "iframe", "object", "form", "a"}.isdisjoint(page.tags)
    names = {name for _, name, _ in page.attributes}
    assert {"src", "href", "srcset", "action"}.isdisjoint(names)
    assert not [name for name in names if name.startswith("on")]
    assert re.search(r"https?:|//[a-z]|url\((?!#)|@import", html) is None
    (policy,) = [value for _, name, value in page.attributes if name == "content" and "default-src" in value]
    assert policy.startswith("default-src 'none'; style-src 'unsafe-inline';")
    assert len(html) < 400_000


def test_the_largest_answer_that_is_read_makes_a_report_under_400_kilobytes():
    answer = read("puerto-rican-phased")
    segment = answer.painting.chromosomes[0].haplotypes[0][0]
    copies = tuple(
        msgspec.structs.replace(segment, start=i * 400_000, end=i * 400_000 + 399_999, probability=0.5)
        for i in range(100)
    )
    rows = tuple(msgspec.structs.replace(row, haplotypes=(copies, copies)) for row in answer.painting.chromosomes)
    largest = changed(answer, painting=msgspec.structs.replace(answer.painting, chromosomes=rows))
    assert read_answer(msgspec.json.encode(largest)) == largest
    assert 200_000 < len(render(largest, TEE, RECEIPT)) < 400_000


@pytest.mark.parametrize("name", NAMES)
def test_the_report_is_accessible_in_structure(name):
    page = Page(render(read(name), TEE, RECEIPT))
    assert ("html", "lang", "en-GB") in page.attributes
    assert page.tags.count("h1") == page.tags.count("main") == 1
    headings = [tag for tag in page.tags if tag in {"h1", "h2", "h3"}]
    assert headings[0] == "h1"
    assert all(int(b[1]) - int(a[1]) <= 1 for a, b in itertools.pairwise(headings))
    assert ("svg", "aria-labelledby", "map-title map-text") in page.attributes
    ids = [value for _, name, value in page.attributes if name == "id"]
    assert len(ids) == len(set(ids))
    scopes = sum(1 for tag, name, _ in page.attributes if (tag, name) == ("th", "scope"))
    assert page.tags.count("th") == scopes


@pytest.mark.parametrize("name", NAMES)
def test_all_45_numbers_are_there_in_words_with_their_intervals(name):
    answer = read(name)
    text = text_of(answer)
    for code, known in [(c, n) for table in (CONTINENTS, REGIONS, POPULATIONS) for c, n in table.items()]:
        title = known if isinstance(known, str) else known.name
        assert f"{title}{percent(answer.probability_of(code))}{interval(answer.intervals[code])}" in text


@pytest.mark.parametrize("name", NAMES)
def test_every_branch_of_the_tree_that_is_shown_sums_to_the_node_above_it(name):
    answer = read(name)
    levels = [answer.superpopulations, *(below(answer, code) for code in (*CONTINENTS, *REGIONS))]
    wholes = [1, *(answer.probability_of(code) for code in (*CONTINENTS, *REGIONS))]
    for table, whole in zip(levels, wholes, strict=True):
        likely, rest = split(table)
        shown = sum(table[code] for code in likely) + sum(value for _, value in rest)
        assert shown == pytest.approx(whole, abs=1e-4)


def test_the_headline_names_the_deepest_group_on_which_the_evidence_settles():
    assert headline(read("finnish")).lead == "Your closest reference population: Finnish in Finland"
    words = headline(read("colombian"))
    assert words.lead == "Your closest continental group: Mixed American"
    assert "Which of its regions is closest is not settled" in words.more
    assert "does not choose between the regions" in text_of(read("colombian"))
    assert "does not choose" not in text_of(read("finnish"))


def test_where_not_even_a_continent_is_settled_the_report_says_so(answer):
    conclusion = msgspec.structs.replace(answer.conclusion, level="world", code="world", probability=1.0)
    open_ended = changed(answer, conclusion=conclusion)
    assert headline(open_ended).kind == "open"
    code, probability = max(open_ended.superpopulations.items(), key=lambda item: item[1])
    assert f"Likeliest: {CONTINENTS[code]} {percent(probability)}" in headline(open_ended).more
    assert "does not choose between the continental groups" in text_of(open_ended)


@pytest.mark.parametrize(
    ("verdict", "p_value", "words"),
    [
        ("outside", 0.0001, "does not fit our reference populations"),
        ("outside", 0.5, "does not fit our reference populations"),
        ("uncertain", 0.005, "It is uncertain"),
    ],
)
def test_whom_the_references_seem_not_to_fit_no_population_is_named_first(verdict, p_value, words, answer):
    """Whatever the workload concludes."""
    reference = msgspec.structs.replace(answer.reference, verdict=verdict, p_value=p_value)
    misfit = changed(answer, reference=reference)
    said = headline(misfit)
    assert said.kind == verdict
    assert words in said.lead
    assert not [p.name for p in POPULATIONS.values() if p.name in said.lead + said.more]
    opening = text_of(misfit).split("How likely")[0]
    assert "Finnish" not in opening
    assert re.search("Your DNA (may fit|fits) none of these places", text_of(misfit))
    assert "suppose that your family comes from one of the 26" in text_of(misfit)
    assert "as you were" not in text_of(misfit)
    assert "suppose that" not in text_of(answer)
    assert "as you were" in text_of(answer)


def test_an_outsider_is_promised_nothing(answer):
    """No list that holds the truth, and no count of those who were right, which were people of the 26."""
    outside = changed(answer, reference=msgspec.structs.replace(answer.reference, verdict="outside"))
    assert sets_in_words(outside)[1] == []
    text = text_of(outside)
    assert "hold the truth" not in text
    assert "Of 100 people who were told" not in text
    assert "not known for people like you" in text
    assert "Which groups are least unlike you?" in text
    assert "Of 100 people who were told" in text_of(answer)
    assert [names for _, names in sets_in_words(answer)[1]][-1] == "Finnish in Finland"


def test_the_sets_promise_what_they_hold_of_all_people_with_such_a_file(answer):
    assert (
        sets_in_words(answer)[0] == "Lists made in this way hold the truth for 9 of 10 people with a file like yours:"
    )
    unsure = changed(answer, reference=msgspec.structs.replace(answer.reference, verdict="uncertain", p_value=0.005))
    assert sets_in_words(unsure)[0].startswith("If you come from one of the 26: lists made in this way")
    assert "That holds for people of the 26 populations only" in text_of(unsure)
    assert "That holds for people of the 26" not in text_of(answer)


def test_one_name_comes_with_the_warning_that_parents_may_have_come_from_two():
    assert "If your parents come from two populations" in headline(read("finnish")).more
    assert "If your parents come from two populations" not in headline(read("colombian")).more
    assert all("If your parents come from two populations" in text_of(read(name)) for name in NAMES)


def test_a_name_on_which_a_few_stretches_decide_is_said_to_be_so(answer):
    code = answer.conclusion.code
    for low, fragile in ((0.3, True), (0.7, False)):
        wide = changed(answer, intervals=answer.intervals | {code: (low, 1.0)})
        assert ("a few stretches of your genome decide" in headline(wide).more) is fragile
    narrow = changed(answer, intervals=answer.intervals | {code: (0.9987, 0.9989)})
    assert "interval less than 0.1 % wide" in headline(narrow).more


def test_where_the_file_shows_too_little_to_test_the_fit_that_stands_beside_the_answer(answer):
    """Few SNPs do not speak against a person: the answer is given, under its condition."""
    untested = changed(answer, reference=msgspec.structs.replace(answer.reference, verdict="uncertain", p_value=0.4))
    said = headline(untested)
    assert said.kind == "uncertain"
    assert said.lead == headline(answer).lead
    assert "merely the nearest" in said.more
    assert "merely the nearest" not in headline(answer).more
    assert "the file shows too little for the test" in text_of(untested)
    assert "Your DNA may fit none of these places" in text_of(untested)


def test_shares_that_are_foreign_to_the_continent_are_a_doubt_and_said(answer):
    """An uncertain verdict can come of them, however likely the p-value."""
    low = {"OCE": 0.84}
    rows = tuple(
        msgspec.structs.replace(row, share=float(row.code in low), low=low.get(row.code, 0.0), high=1.0)
        for row in answer.admixture.components
    )
    reference = msgspec.structs.replace(answer.reference, verdict="uncertain", p_value=0.4)
    papuan = changed(answer, reference=reference, admixture=msgspec.structs.replace(answer.admixture, components=rows))
    assert headline(papuan).kind == "uncertain"
    assert "It is uncertain" in headline(papuan).lead
    assert "do not have" in headline(papuan).more
    assert "too little" not in text_of(papuan)
    assert "do not have" not in text_of(changed(answer, reference=reference))


def test_doubts_and_conclusions_begin_where_the_workload_says():
    from palabs.report_words import DOUBTFUL, THRESHOLD
    from palabs.workload.ancestry import fit_test, posterior

    assert fit_test.DOUBTFUL == DOUBTFUL
    assert posterior.THRESHOLD == THRESHOLD


def test_why_a_likely_population_is_not_named_is_said(answer):
    """The workload names no population whose people are hardly ever like the person, however likely."""
    assert answer.regions["EUR-F"] > 0.8
    held = msgspec.structs.replace(
        answer.conclusion, level="continent", code="EUR", probability=answer.probability_of("EUR")
    )
    unlike = changed(answer, conclusion=held)
    assert headline(unlike).lead == "Your closest continental group: European"
    assert "Finnish is likeliest below it" in headline(unlike).more
    assert "its people are hardly ever like you" in headline(unlike).more
    assert "the people of the likeliest group are hardly ever like you" in text_of(unlike)
    assert "does not choose" not in text_of(unlike)
    assert "hardly ever" not in text_of(read("colombian"))


def test_without_protection_the_report_says_so_first(answer):
    text = text_of(answer)
    assert text.index("Not protected") < text.index("Your closest")
    assert NONE_STATEMENT in text
    assert "There is no receipt" in text
    assert "confide receipt verify" not in text


def test_a_simulated_receipt_is_said_to_prove_nothing_about_hardware(answer):
    text = text_of(answer, TEE, RECEIPT)
    assert "SIMULATED protection" in text
    assert "proves nothing about hardware" in text
    assert "could have seen everything" in text
    assert "confide receipt verify receipt.json" in text
    assert all(RECEIPT[key] in text for key in ("job", "workload", "measurement", "policy", "broker", "released_at"))
    real = text_of(answer, TEE, RECEIPT | {"simulated": False})
    assert "SIMULATED" not in real
    assert "attested enclave" in real


@pytest.mark.parametrize("unsaid", [{}, {"simulated": None}, {"simulated": "no"}, {"simulated": 0}])
def test_a_receipt_that_does_not_say_counts_as_simulated(unsaid, answer):
    receipt = {key: value for key, value in RECEIPT.items() if key != "simulated"} | unsaid
    text = text_of(answer, TEE, receipt)
    assert "SIMULATED protection" in text
    assert "This receipt is SIMULATED" in text


def test_the_proof_panel_says_who_saw_what_and_how_to_have_it_deleted(answer):
    text = text_of(answer, TEE, RECEIPT | {"simulated": False})
    for words in ("Who saw what", "The cloud", "an encrypted file", "Check it yourself", "Have it deleted"):
        assert words in text
    assert "no command that destroys the key of a single file" in text


def test_the_limits_are_stated(answer):
    text = text_of(answer)
    assert all(limit in text for limit in LIMITS)
    for words in ("not a medical result", "no proof of identity", "26 reference populations", "parents, children"):
        assert words in text


def test_the_snps_are_accounted_for_with_reasons(answer):
    snps = answer.snps | {"no_call": 7, "conflicting_duplicate": 3, "strand_flipped": 50, "from_mars": 2}
    text = text_of(changed(answer, snps=snps))
    assert "50 of the SNPs used stood on the other strand and were turned" in text
    assert "not used: in the file, but without a result7" in text
    assert "not used: twice in the file, with different results3" in text
    assert "not used: from mars2" in text
    assert "found from the data and not from the header" in text
    seen = snps["panel"] - snps["missing"]
    assert "at other SNPs, or repeated1,234" in text_of(changed(answer, snps=snps | {"in_file": seen + 1234}))
    assert "at other SNPs" not in text_of(changed(answer, snps=snps | {"in_file": seen}))
    none_turned = changed(answer, snps=answer.snps | {"strand_flipped": 0})
    assert "0 of the SNPs used stood on the other strand" in text_of(none_turned)
    assert set(REASONS) == {"missing", *READER_REASONS}


def test_what_the_file_is_like_is_said(answer):
    facts = msgspec.structs.replace(answer.file, variants_only=True, build="unknown", phased=True)
    text = text_of(changed(answer, file=facts))
    assert "lists only places where you differ" in text
    assert "by the names of its SNPs" in text
    assert "It is phased" in text
    assert "lists only places" not in text_of(answer)


def test_the_shares_are_shown_with_intervals_or_said_to_be_missing(answer):
    text = text_of(answer)
    for row in answer.admixture.components:
        assert f"{COMPONENTS[row.code]}{percent(row.share)} ({interval((row.low, row.high))})" in text
    assert "Shares were not estimated" in text_of(changed(answer, admixture=None))
    assert "Too few SNPs to tell the shares" not in text


def vague(answer):
    """The answer with shares that could be nearly anything."""
    rows = [msgspec.structs.replace(row, low=0.0, high=0.54) for row in answer.admixture.components]
    return changed(answer, admixture=msgspec.structs.replace(answer.admixture, components=tuple(rows)))


def test_of_shares_that_could_be_nearly_anything_the_intervals_alone_are_told(answer):
    few = vague(answer)
    section_of_shares = text_of(few).split("What your DNA is made of")[1].split("How often is it right?")[0]
    assert "Too few SNPs to tell the shares" in section_of_shares
    assert "99.9" not in section_of_shares
    assert all(f"{name}0 to 54 %" in section_of_shares for name in COMPONENTS.values())
    said = shares_in_words(few)
    assert said.startswith("Too few SNPs to tell the shares")
    assert "European 0 to 54 %" in said
    assert shares_in_words(answer).startswith("Shares: European ")


def test_every_stretch_of_a_painting_is_drawn_once_with_a_pattern_of_its_own():
    painting = read("puerto-rican-phased").painting
    page = Page(render(read("puerto-rican-phased"), TEE, RECEIPT))
    fills = [value for tag, name, value in page.attributes if (tag, name) == ("rect", "fill")]
    stretches = [s for row in painting.chromosomes for copy in row.haplotypes for s in copy]
    legend = len({s.component for s in stretches})
    assert len(fills) == len(stretches) + legend
    patterns = {value for tag, name, value in page.attributes if (tag, name) == ("pattern", "id")}
    assert {value[5:-1] for value in fills} <= patterns == set(COMPONENTS)
    drawn = [value for tag, name, value in page.attributes if (tag, name) == ("path", "class")]
    assert drawn.count("hatch") == 6
    assert "Along your chromosomes" not in text_of(read("finnish"))


def row(name, information, bins=(), accuracy=0.8, snps=100):
    quality = Quality(accuracy, 0.95, 0.5, 0.3, 0.02, bins)
    return Row(name, snps, information, 500, quality, quality, quality)


def test_the_reliability_is_that_of_the_files_with_the_most_similar_information(answer):
    measured = Evaluation("sha256:x", (row("few", 10, snps=90), row("many", 1000, snps=800), row("one", 1, snps=1)))
    for information, name in ((60.0, 90), (200.0, 800), (0.0, 1), (1e6, 800)):
        other = changed(answer, evidence=msgspec.structs.replace(answer.evidence, information=information))
        assert f"({name} SNPs)" in Page(reliability_section(other, measured)).text


def test_of_100_people_told_as_much_the_number_that_was_right_is_said(answer):
    bins = (Bin(0.8, 0.9, 60, 0.85, 0.8), Bin(0.9, 1.0, 40, 0.96, 0.95))
    text = Page(reliability_section(answer, Evaluation(answer.model.digest, (row("all", 800, bins),)))).text
    assert "Of 100 people who were told 90 to 100 % (on average 96 %), 95 were right: counted on 40 people" in text
    assert "another version of the model" not in text


def test_how_often_the_sets_held_the_truth_is_said_where_it_was_measured(answer):
    sets = {"all": {"populations": 0.914, "continents": 0.996}}
    said = "held the truth for this many of 100 people: 91 (populations) and 99.6 (continents)."
    assert said in Page(reliability_section(answer, Evaluation("sha256:x", (row("all", 800),), sets))).text
    assert "held the truth" not in Page(reliability_section(answer, Evaluation("sha256:x", (row("all", 800),)))).text


@pytest.mark.parametrize("bins", [(), (Bin(0.9, 1.0, 4, 0.96, 1.0),)])
def test_nothing_is_concluded_from_a_handful_of_people(bins, answer):
    text = Page(reliability_section(answer, Evaluation("sha256:x", (row("all", 800, bins),)))).text
    assert "Too few people" in text
    assert "another version of the model" in text


def test_the_packaged_evaluation_is_read_and_adds_up():
    for kind in evaluation().classes:
        for level in ("population", "region", "continent"):
            quality = kind.quality(level)
            assert sum(found.people for found in quality.bins) == kind.people
            right = sum(found.people * found.right for found in quality.bins) / kind.people
            assert right == pytest.approx(quality.accuracy, abs=0.002)


def test_an_evaluation_of_another_shape_is_an_error(tmp_path):
    path = tmp_path / "evaluation.json"
    path.write_text('{"model": "sha256:x", "classes": []}')
    with pytest.raises(ValueError, match="classes"):
        evaluation(path)


def test_the_model_is_named_with_what_changed_in_it(answer, tmp_path):
    assert answer.model.digest in text_of(answer)
    path = tmp_path / "versions.toml"
    path.write_text('[[version]]\ndigest = "sha256:x"\ndate = "2026-01-01"\nchanges = "More."\n')
    assert version_of("sha256:x", path).changes == "More."
    assert version_of("sha256:y", path) is None
    path.write_text('[[version]]\ndigest = "sha256:x"\n')
    with pytest.raises(ValueError, match="date"):
        version_of("sha256:x", path)


def test_the_packaged_model_is_among_the_versions():
    from palabs.workload.ancestry.model import load

    assert version_of(load()[1]) is not None


def test_a_model_that_this_program_does_not_know_is_not_explained(answer):
    model = msgspec.structs.replace(answer.model, digest="sha256:" + "0" * 64)
    text = text_of(changed(answer, model=model))
    assert "does not know what changed" in text


def test_the_people_of_each_reference_population_are_counted():
    from palabs.report_basis import reference_people
    from palabs.workload.ancestry.model import load

    model, digest = load()
    people = reference_people(digest)
    assert set(people) == set(POPULATIONS)
    assert sum(people.values()) == model.people
    assert reference_people("sha256:other") == {}


HOSTILE = "<script>alert(1)</script>\"'&"


def test_every_value_from_outside_is_escaped(answer):
    """Even where the checks of an answer were passed by."""
    hostile = changed(
        answer,
        file=msgspec.structs.replace(answer.file, format=HOSTILE, build=HOSTILE),
        model=msgspec.structs.replace(answer.model, digest=HOSTILE),
        snps=answer.snps | {HOSTILE: 1},
    )
    named = ("job", "workload", "measurement", "policy", "broker", "released_at", "file")
    html = render(hostile, {"mode": HOSTILE, "statement": HOSTILE}, dict.fromkeys(named, HOSTILE))
    assert "<script" not in html
    assert Page(html).text.count(HOSTILE) == 4 + 1 + len(named)


def test_text_is_escaped_and_markup_is_not():
    assert tag("p", "<b>", tag("b", "&")) == "<p>&lt;b&gt;<b>&amp;</b></p>"
    assert tag("p", f"{tag('b', 'x')}") == "<p>&lt;b&gt;x&lt;/b&gt;</p>"
    assert (
        tag("rect", class_='"', x=1.5, y=None, aria_hidden="true")
        == '<rect class="&quot;" x="1.5" aria-hidden="true"/>'
    )
    assert join(["<", Html("<br>")]) == "&lt;<br>"


@pytest.mark.parametrize(
    ("value", "text"),
    [(1.0, "> 99.9 %"), (0.9995, "> 99.9 %"), (0.999, "99.9 %"), (0.5, "50.0 %"), (0.001, "0.1 %"), (0, "< 0.1 %")],
)
def test_a_probability_is_never_shown_as_certain(value, text):
    assert percent(value) == text


@pytest.mark.parametrize(
    ("bounds", "text"),
    [((0.2, 0.41), "20 to 41 %"), ((0, 0.0204), "0 to 2 %"), ((0.914, 0.9936), "91 to 99.4 %"), ((0, 0.0006), "0 %")],
)
def test_an_interval_is_short_and_exact_near_its_ends(bounds, text):
    assert interval(bounds) == text


def test_small_words():
    assert (odds(0.9), odds(0.95), odds(0.8)) == ("9 of 10", "95 of 100", "8 of 10")
    assert (listed(["a"]), listed(["a", "b"]), listed(["a", "b", "c"])) == ("a", "a and b", "a, b and c")
    assert (of_100(0.5), of_100(0.9951), of_100(0.9999), of_100(1.0)) == ("50", "99.5", "99.9", "100")
