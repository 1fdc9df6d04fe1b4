"""`palabs ancestry` as a program: one JSON document, the promised fields and exit codes, no traceback."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from argparse import ArgumentParser
from pathlib import Path

import msgspec
import pytest

from confide.errors import Misuse
from palabs import ancestry
from palabs.answer import NONE_STATEMENT, Analysis, Answer, read_answer
from palabs.populations import CONTINENTS, POPULATIONS, REGIONS

REPO = Path(__file__).parents[2]
EXAMPLE = REPO / "examples" / "finnish.23andme.txt"
ANSWERS = Path(__file__).parent / "answers"
ANSWER = [field.name for field in msgspec.structs.fields(Answer)]


def palabs(*arguments):
    command = [sys.executable, "-m", "palabs.cli", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert "Traceback" not in done.stderr
    return done


def test_without_protection_the_document_has_the_promised_fields_and_says_so(tmp_path):
    done = palabs("ancestry", EXAMPLE, "--protect", "none", "-o", tmp_path / "report.html", "--json")
    assert done.returncode == 0
    document = json.loads(done.stdout)
    assert set(document["superpopulations"]) == set(CONTINENTS)
    assert set(document["regions"]) == set(REGIONS)
    assert set(document["populations"]) == set(POPULATIONS)
    assert sum(document["populations"].values()) == pytest.approx(1)
    assert document["type"] == "palabs-ancestry/2"
    assert set(document["intervals"]) == {*CONTINENTS, *REGIONS, *POPULATIONS}
    assert document["reference"]["verdict"] in {"inside", "uncertain"}
    assert document["conclusion"]["code"] in {"FIN", "EUR-F", "EUR"}
    assert 0 < document["snps"]["used"] <= document["snps"]["panel"]
    assert document["protection"]["mode"] == "none"
    assert "Nothing protected this computation" in document["protection"]["statement"]
    assert document["receipt"] is None
    assert (tmp_path / "report.html").read_text().startswith("<!doctype html>")


def test_the_text_for_a_person_says_what_was_found_and_what_was_not_protected():
    done = palabs("ancestry", EXAMPLE, "--protect", "none")
    assert "Finnish in Finland" in done.stdout
    assert "Nothing protected this computation" in done.stdout


def arguments(*words):
    parser = ArgumentParser()
    ancestry.configure(parser)
    return parser.parse_args(list(map(str, words)))


def test_tee_is_the_default():
    assert arguments("genome.txt").protect == "tee"


@pytest.fixture
def computed(monkeypatch, tmp_path):
    """`palabs ancestry` on a file of this folder, with a made-up answer; returns the parameters that were asked for."""
    asked = {}
    (tmp_path / "genome.txt").write_bytes(b"rsid")

    def compute(genome, parameters):
        asked.update(parameters)
        answer = read_answer((ANSWERS / "finnish.json").read_bytes())
        receipt = {"simulated": True, "document": "{}", "checks": []}
        return Analysis(answer, {"mode": "none", "statement": NONE_STATEMENT}, receipt)

    monkeypatch.setattr(ancestry, "analyse_in_place", compute)
    monkeypatch.chdir(tmp_path)
    return asked


def run(*words):
    return ancestry.run(arguments("genome.txt", "--protect", "none", *words))


def test_report_pdf_and_receipt_are_written_and_named(computed):
    document = run("-o", "r.html", "--pdf", "p.pdf").document
    assert (document["report"], document["pdf"], document["receipt_file"]) == ("r.html", "p.pdf", "r.receipt.json")
    assert Path("r.html").read_text().startswith("<!doctype html>")
    assert Path("p.pdf").read_bytes().startswith(b"%PDF-")
    assert Path("r.receipt.json").read_text() == "{}"
    assert "confide receipt verify r.receipt.json" in Path("r.html").read_text()
    assert sorted(path.name for path in Path().iterdir()) == ["genome.txt", "p.pdf", "r.html", "r.receipt.json"]


def test_without_a_name_for_it_nothing_is_written(computed):
    assert "report" not in run().document
    assert [path.name for path in Path().iterdir()] == ["genome.txt"]


@pytest.mark.parametrize(
    "words",
    [
        ("-o", "genome.txt"),
        ("--pdf", "./genome.txt"),
        ("-o", "same.html", "--pdf", "same.html"),
        ("-o", "a.html", "--pdf", "a.receipt.json"),
    ],
)
def test_no_file_is_written_over_the_genome_or_another_result(words, computed):
    with pytest.raises(Misuse) as caught:
        run(*words)
    assert caught.value.codes == ("file.same",)
    assert Path("genome.txt").read_bytes() == b"rsid"
    assert computed == {}


def test_the_genome_is_not_written_over_by_its_receipt(computed):
    Path("genome.txt").rename("r.receipt.json")
    with pytest.raises(Misuse) as caught:
        ancestry.run(arguments("r.receipt.json", "--protect", "none", "-o", "r.html"))
    assert caught.value.codes == ("file.same",)


def test_without_the_extra_a_pdf_is_misuse_before_anything_is_computed(computed, monkeypatch):
    monkeypatch.setattr(ancestry, "is_installed", lambda name: name != "reportlab")
    with pytest.raises(Misuse) as caught:
        run("--pdf", "p.pdf", "--sample", "A")
    assert caught.value.codes == ("report.pdf",)
    assert "confide[report]" in caught.value.findings[0].remedy
    assert computed == {}
    assert run("-o", "r.html").exit_code == 0


def test_the_sample_goes_into_the_jobs_parameters_and_nothing_else_does(computed):
    run("--sample", "HG00171")
    assert computed == {"sample": "HG00171"}
    computed.clear()
    run()
    assert computed == {}


@pytest.fixture
def several(tmp_path):
    """A VCF of two people."""
    path = tmp_path / "two.vcf"
    rows = [line.split("\t") for line in (REPO / "examples" / "luhya.vcf").read_text().splitlines()]
    path.write_text(
        "".join(
            "\t".join([*row, "SOMEBODY" if row[0] == "#CHROM" else "0/0"] if len(row) > 1 else row) + "\n"
            for row in rows
        )
    )
    return path


def test_of_a_file_of_several_people_one_must_be_chosen(several):
    refused = palabs("ancestry", several, "--protect", "none", "--json")
    assert refused.returncode == 2
    (finding,) = json.loads(refused.stdout)["findings"]
    assert finding["code"] == "genotypes.samples"
    assert "NA19035, SOMEBODY" in finding["got"]


@pytest.mark.parametrize("protect", ["none", "tee"])
def test_the_person_chosen_is_the_one_that_is_read(protect, several):
    done = palabs("ancestry", several, "--protect", protect, "--sample", "NA19035", "--json")
    assert done.returncode == 0
    document = json.loads(done.stdout)
    assert max(document["populations"], key=document["populations"].get) == "LWK"


def test_a_phased_file_has_its_chromosomes_painted(tmp_path):
    report = tmp_path / "report.html"
    done = palabs(
        "ancestry", REPO / "examples" / "puerto-rican.phased.vcf.gz", "--protect", "none", "-o", report, "--json"
    )
    document = json.loads(done.stdout)
    assert document["conclusion"]["code"] in {"AMR", "AMR-C", "PUR"}
    assert len(document["painting"]["chromosomes"]) == 22
    shares = {row["code"]: row["share"] for row in document["admixture"]["components"]}
    assert max(shares, key=shares.get) == "EUR"
    assert shares["AMR"] > 0.1 < shares["AFR"]
    assert "Along your chromosomes" in report.read_text()


@pytest.mark.parametrize(
    ("content", "code"),
    [(b"", "genotypes.empty"), (b"\x00\x01\x02" * 99, "genotypes.binary"), (b"hello\n", "genotypes.format")],
)
def test_a_bad_file_is_misuse_with_exit_code_2_and_one_document(content, code, tmp_path):
    path = tmp_path / "genome.txt"
    path.write_bytes(content)
    done = palabs("ancestry", path, "--protect", "none", "-o", tmp_path / "report.html", "--json")
    assert done.returncode == 2
    document = json.loads(done.stdout)
    assert document["error"] == "misuse"
    assert [finding["code"] for finding in document["findings"]] == [code]
    assert not (tmp_path / "report.html").exists()


@pytest.mark.parametrize("arguments", [("nowhere.txt",), (REPO,), (), (EXAMPLE, "--protect", "magic")])
def test_a_wrong_call_is_misuse(arguments):
    extra = () if "--protect" in arguments else ("--protect", "none")
    done = palabs("ancestry", *arguments, *extra, "--json")
    assert done.returncode == 2
    assert json.loads(done.stdout)["error"] == "misuse"


@pytest.mark.parametrize("name", ["a\x1b[31mred", "a\u202egnp.exe", "loop"])
def test_a_files_name_does_not_steer_the_terminal(name, tmp_path):
    path = tmp_path / name
    if name == "loop":
        path.symlink_to(path)
    done = palabs("ancestry", path, "--protect", "none")
    assert done.returncode == 2
    assert ("file.loop" in done.stderr) is (name == "loop")
    assert done.stdout == ""
    assert not {"\x1b", "\u202e"} & set(done.stderr)
    path.unlink(missing_ok=True)
    report = palabs("ancestry", EXAMPLE, "--protect", "none", "-o", path)
    assert report.returncode == 0
    assert path.exists()
    assert not {"\x1b", "\u202e"} & set(report.stdout)


def test_a_report_that_cannot_be_written_is_not_a_traceback(tmp_path):
    done = palabs("ancestry", EXAMPLE, "--protect", "none", "-o", tmp_path / "no" / "such" / "folder.html", "--json")
    assert done.returncode == 2
    full = palabs("ancestry", EXAMPLE, "--protect", "none", "-o", "/dev/full", "--json")
    assert full.returncode == 3
    assert json.loads(full.stdout)["findings"][0]["code"] == "disk.full"


def test_help_starts_without_loading_numpy():
    script = "import sys; sys.argv = ['palabs', 'ancestry', '--help']; import palabs.cli\ntry: palabs.cli.main()\n"
    script += "except SystemExit: pass\nsys.exit('numpy' in sys.modules or 'starlette' in sys.modules)"
    started = time.monotonic()
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0
    assert "--protect" in done.stdout
    assert time.monotonic() - started < 2


def test_training_on_a_folder_without_data_is_misuse(tmp_path):
    done = palabs("train", "--genomes", tmp_path, "-o", tmp_path / "model.bin", "--json")
    assert done.returncode == 2
    assert not (tmp_path / "model.bin").exists()


def test_the_workload_runs_from_its_bundles_folder_without_palabs_or_confide(tmp_path):
    import numpy as np

    source = REPO / "src/palabs/workload"
    script = (
        f"import sys; sys.path[:] = [{str(source)!r}, *[p for p in sys.path if p.startswith(sys.base_prefix)], "
        f"{str(Path(np.__file__).parents[1])!r}]\n"
        "from ancestry.main import main\n"
        f"out = main({{'genome': open({str(EXAMPLE)!r}, 'rb').read()}}, {{}})\n"
        "assert not [m for m in sys.modules if m.split('.')[0] in ('palabs', 'confide')]\n"
        "sys.stdout.buffer.write(out)"
    )
    done = subprocess.run([sys.executable, "-I", "-c", script], capture_output=True, check=False, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    inside = json.loads(done.stdout)
    outside = json.loads(palabs("ancestry", EXAMPLE, "--protect", "none", "--json").stdout)
    assert inside == {key: outside[key] for key in inside}
    assert inside["type"] == "palabs-ancestry/2"


def test_out_of_a_tee_comes_the_same_answer_and_a_receipt_beside_the_report_that_can_be_verified(tmp_path):
    done = palabs("ancestry", EXAMPLE, "-o", tmp_path / "report.html", "--json")
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert document["protection"]["mode"] == "tee"
    assert document["receipt"]["simulated"] is True
    assert max(document["populations"], key=document["populations"].get) == "FIN"
    outside = json.loads(palabs("ancestry", EXAMPLE, "--protect", "none", "--json").stdout)
    assert {k: document[k] for k in ANSWER} == {k: outside[k] for k in ANSWER}
    report = (tmp_path / "report.html").read_text()
    assert "SIMULATED" in report
    assert "confide receipt verify report.receipt.json" in report
    command = [sys.executable, "-m", "confide.cli.main", "receipt", "verify", document["receipt_file"], "--json"]
    verified = subprocess.run(command, capture_output=True, text=True, check=False)
    assert verified.returncode == 0, verified.stdout
    assert json.loads(verified.stdout)["simulated"] is True


def test_a_bad_file_is_the_same_finding_in_a_tee(tmp_path):
    path = tmp_path / "genome.txt"
    path.write_bytes(b"\x00\x01\x02" * 99)
    done = palabs("ancestry", path, "--json")
    assert done.returncode == 2
    assert [finding["code"] for finding in json.loads(done.stdout)["findings"]] == ["genotypes.binary"]
