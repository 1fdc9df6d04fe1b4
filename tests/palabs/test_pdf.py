"""The page to print: one page, real text, the same bytes for the same answer, nothing left out for want of room."""

from __future__ import annotations

import re
import shutil
import subprocess
from itertools import pairwise
from pathlib import Path

import msgspec
import pytest

from palabs.answer import NONE_STATEMENT, read_answer
from palabs.pdf import printable, render_pdf, tree_rows
from palabs.populations import CONTINENTS, POPULATIONS, REGIONS
from palabs.report_basis import REASONS
from palabs.report_words import LIMITS, fit_in_words, headline, percent
from palabs.service import STATEMENT

ANSWERS = Path(__file__).parent / "answers"
NAMES = sorted(path.stem for path in ANSWERS.glob("*.json"))
TEE, NONE = {"mode": "tee", "statement": STATEMENT}, {"mode": "none", "statement": NONE_STATEMENT}
RECEIPT = {
    "simulated": True,
    "job": "sha256:" + "ab" * 32,
    "workload": "sha256:" + "cd" * 32,
    "released_at": "2026-06-01T12:00:00Z",
    "file": "report.receipt.json",
}


def read(name):
    return read_answer((ANSWERS / f"{name}.json").read_bytes())


def text_of(pdf, tmp_path):
    if not shutil.which("pdftotext"):
        pytest.skip("needs pdftotext (poppler)")
    path = tmp_path / "report.pdf"
    path.write_bytes(pdf)
    done = subprocess.run(["pdftotext", "-layout", path, "-"], capture_output=True, text=True, check=True)
    assert done.stdout.count("\f") == 1
    return " ".join(done.stdout.split())


def outside_the_margins(path):
    """Words that reach into the margin of an A4 page, or beyond it."""
    boxes = subprocess.run(["pdftotext", "-bbox", path, "-"], capture_output=True, text=True, check=True).stdout
    words = re.findall(r'xMin="([\d.-]+)" yMin="([\d.-]+)" xMax="([\d.-]+)" yMax="([\d.-]+)">(.*?)<', boxes)
    assert len(words) > 100
    return [w[4] for w in words if float(w[0]) < 40 or float(w[1]) < 30 or float(w[2]) > 556 or float(w[3]) > 822]


@pytest.mark.parametrize("name", NAMES)
def test_the_page_says_what_the_report_says(name, tmp_path):
    answer = read(name)
    text = text_of(render_pdf(answer, TEE, RECEIPT), tmp_path)
    assert headline(answer).lead in text
    assert fit_in_words(answer)[:60] in text
    assert "SIMULATED protection: a rehearsal" in text
    assert "proves nothing about hardware" in text
    assert "confide receipt verify report.receipt.json" in text
    assert RECEIPT["job"] in text
    assert answer.model.digest in text
    assert ("made in this way hold the truth" in text) is (name != "outside")
    assert ("not known for people like you" in text) is (name == "outside")
    assert percent(max(answer.superpopulations.values())) in text
    assert outside_the_margins(tmp_path / "report.pdf") == []
    words = text.split()
    assert all(word in words for limit in LIMITS for word in limit.split())


def test_of_shares_that_could_be_nearly_anything_the_page_tells_the_intervals_alone(tmp_path):
    answer = read("finnish")
    rows = [msgspec.structs.replace(row, low=0.0, high=0.54) for row in answer.admixture.components]
    vague = msgspec.structs.replace(answer.admixture, components=tuple(rows))
    text = text_of(render_pdf(msgspec.structs.replace(answer, admixture=vague), TEE, RECEIPT), tmp_path)
    assert "Too few SNPs to tell the shares" in text
    assert text.count("0 to 54 %") == len(rows)
    assert percent(max(row.share for row in rows)) not in text.split("made of")[1].split("How sure")[0]
    assert outside_the_margins(tmp_path / "report.pdf") == []


def test_without_protection_the_page_says_so(tmp_path):
    text = text_of(render_pdf(read("finnish"), NONE, None), tmp_path)
    assert text.startswith("Not protected Nothing protected this computation")
    assert "There is no receipt" in text


def test_a_receipt_of_real_hardware_is_not_called_simulated(tmp_path):
    text = text_of(
        render_pdf(read("finnish"), {"statement": "In an enclave."}, RECEIPT | {"simulated": False}), tmp_path
    )
    assert text.startswith("Computed in an attested enclave")
    assert "SIMULATED" not in text


def test_the_page_has_a_title_a_language_and_one_page_and_is_the_same_each_time():
    answer = read("colombian")
    pdf = render_pdf(answer, TEE, RECEIPT)
    assert pdf == render_pdf(answer, TEE, RECEIPT)
    assert b"/Title (Ancestry report)" in pdf
    assert b"/Lang (en-GB)" in pdf
    assert len(re.findall(rb"/Type /Page\b", pdf)) == 1
    assert b"/JavaScript" not in pdf
    assert b"/URI" not in pdf
    assert len(pdf) < 100_000


def worst():
    """As much as an answer can say: every group likely, every set full."""
    answer = read("few-snps")
    populations = dict.fromkeys(POPULATIONS, 1 / 26)
    regions = {code: sum(p.region == code for p in POPULATIONS.values()) / 26 for code in REGIONS}
    continents = {code: sum(p.continent == code for p in POPULATIONS.values()) / 26 for code in CONTINENTS}
    sets = msgspec.structs.replace(
        answer.prediction_sets, continent=(*CONTINENTS,), region=(*REGIONS,), population=(*POPULATIONS,)
    )
    return msgspec.structs.replace(
        answer,
        populations=populations,
        regions=regions,
        superpopulations=continents,
        intervals=dict.fromkeys([*populations, *regions, *continents], (0.0, 1.0)),
        prediction_sets=sets,
        admixture=read("outside").admixture,
        file=msgspec.structs.replace(answer.file, format="W" * 32),
        snps=answer.snps | dict.fromkeys(REASONS, 1_000) | {"in_file": 9_999_999, "panel": answer.snps["used"] + 7_000},
    )


def test_the_most_that_an_answer_can_say_fits_one_page(tmp_path):
    answer = read_answer(msgspec.json.encode(worst()))
    text = text_of(render_pdf(answer, TEE, RECEIPT), tmp_path)
    assert text.endswith("confide receipt verify report.receipt.json")
    assert outside_the_margins(tmp_path / "report.pdf") == []
    assert all(population.name.split()[0] in text for population in POPULATIONS.values())
    words = text.split()
    assert all(word in words for reason in REASONS.values() for word in reason.split()[:-1])


def test_the_tree_is_cut_where_it_has_no_room_and_keeps_its_order():
    rows = tree_rows(worst())
    assert 5 <= len(rows) <= 15
    assert rows[0].depth == 0
    assert all(after.depth <= before.depth + 1 for before, after in pairwise(rows))


def test_letters_that_the_fonts_lack_are_replaced_and_others_kept(tmp_path):
    assert printable("Medellín – “Ł”") == "Medellín – “?”"
    assert "Medellín" in text_of(render_pdf(read("colombian"), TEE, RECEIPT), tmp_path)
