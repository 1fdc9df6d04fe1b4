"""`palabs ancestry` as a program: one JSON document, the promised fields and exit codes, no traceback."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from palabs.populations import CONTINENTS, POPULATIONS

REPO = Path(__file__).parents[2]
EXAMPLE = REPO / "examples" / "finnish.23andme.txt"


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
    assert set(document["populations"]) == set(POPULATIONS)
    assert sum(document["populations"].values()) == pytest.approx(1)
    assert document["snps"]["panel"] == 2584
    assert 0 < document["snps"]["used"] <= document["snps"]["panel"]
    assert document["protection"]["mode"] == "none"
    assert "Nothing protected this computation" in document["protection"]["statement"]
    assert document["receipt"] is None
    assert (tmp_path / "report.html").read_text().startswith("<!doctype html>")


def test_the_text_for_a_person_says_what_was_found_and_what_was_not_protected():
    done = palabs("ancestry", EXAMPLE, "--protect", "none")
    assert "Finnish in Finland" in done.stdout
    assert "Nothing protected this computation" in done.stdout


def test_tee_is_the_default():
    from argparse import ArgumentParser

    from palabs.ancestry import configure

    parser = ArgumentParser()
    configure(parser)
    assert parser.parse_args(["genome.txt"]).protect == "tee"


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
    assert inside == {"type": "palabs-ancestry/1"} | {key: outside[key] for key in inside}


def test_in_a_tee_the_receipt_lies_beside_the_report_and_can_be_verified(tmp_path):
    done = palabs("ancestry", EXAMPLE, "-o", tmp_path / "report.html", "--json")
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert document["protection"]["mode"] == "tee"
    assert document["receipt"]["simulated"] is True
    assert max(document["populations"], key=document["populations"].get) == "FIN"
    report = (tmp_path / "report.html").read_text()
    assert "SIMULATED" in report
    assert "confide receipt verify report.receipt.json" in report
    command = [sys.executable, "-m", "confide.cli.main", "receipt", "verify", document["receipt_file"], "--json"]
    verified = subprocess.run(command, capture_output=True, text=True, check=False)
    assert verified.returncode == 0, verified.stdout
    assert json.loads(verified.stdout)["simulated"] is True


def test_the_same_answer_comes_out_of_the_tee_and_without_it(tmp_path):
    example = REPO / "examples" / "luhya.vcf"
    inside = json.loads(palabs("ancestry", example, "--json").stdout)
    outside = json.loads(palabs("ancestry", example, "--protect", "none", "--json").stdout)
    for key in ("superpopulations", "populations", "snps", "file", "model"):
        assert inside[key] == outside[key]


def test_a_bad_file_is_the_same_finding_in_a_tee(tmp_path):
    path = tmp_path / "genome.txt"
    path.write_bytes(b"\x00\x01\x02" * 99)
    done = palabs("ancestry", path, "--json")
    assert done.returncode == 2
    assert [finding["code"] for finding in json.loads(done.stdout)["findings"]] == ["genotypes.binary"]
