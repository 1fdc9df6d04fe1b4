"""`confide evidence verify`, `policy check` and `policy explain`, as a real process where that matters."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import msgspec
import pytest

from confide.cli.framework import run_cli
from confide.cli.main import COMMANDS
from confide.ids import sha256_of, to_base64
from confide.policy import Waiver, render_policy
from confide.testing import FakeAmd

SHARED = Path(__file__).parents[3] / "shared" / "evidence" / "snp"
TRUSTEE = SHARED / "confidential-containers+trustee/deps/verifier"
REPORT = TRUSTEE / "test_data/snp/test-report.bin"
VCEK = TRUSTEE / "test_data/snp/test-vcek.der"
CHAIN = TRUSTEE / "src/snp/milan_ask_ark_asvk.pem"
NONCE = "ec6c52d7533cc2c4f45be7849cf112ab82b2009fe7bd43e71ed08c14400ad7e2"
AT = "2026-06-01T00:00:00Z"
KEYS = {"verdict", "format", "simulated", "claims", "checks", "findings", "verified_at"}

needs_shared = pytest.mark.skipif(not REPORT.exists(), reason="the shared evidence is not here")


def confide(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, dict[str, object]]:
    code = run_cli("confide", "", "0", COMMANDS, [*map(str, arguments), "--json"])
    return code, json.loads(capsys.readouterr().out)


def codes(document: dict[str, object]) -> list[str]:
    findings = document["findings"]
    assert isinstance(findings, list)
    return [finding["code"] for finding in findings]


@pytest.fixture
def folder(fake_amd: FakeAmd, tmp_path: Path) -> Path:
    """A forged evidence with its endorsements and a simulation policy that it satisfies."""
    bundle = fake_amd.evidence(fake_amd.report(report_data=b"\7" * 64))
    (tmp_path / "bundle.json").write_bytes(msgspec.json.encode(bundle))
    (tmp_path / "report.bin").write_bytes(bundle.evidence_bytes())
    (tmp_path / "policy.toml").write_text(
        render_policy(
            name="test", kind="simulation", workload=sha256_of(b"w"), runtime=sha256_of(b"r"),
            recipients=[to_base64(bytes(32))], measurement=bytes(48), simulated_root=fake_amd.root_fingerprint,
            overrides={"crl": Waiver("not the subject")},
        )
    )  # fmt: skip
    return tmp_path


@needs_shared
def test_genuine_report(capsys):
    arguments = ("evidence", "verify", REPORT, "--endorsements", VCEK, CHAIN, "--nonce", NONCE, "--at", AT)
    code, document = confide(capsys, *arguments)
    assert (code, document["verdict"], document["format"]) == (0, "genuine", "sev-snp")
    assert document.keys() == KEYS
    assert document["simulated"] is False
    assert document["verified_at"] == AT
    assert document["findings"] == []
    assert document["claims"]["product"] == "Milan"
    assert all(check["outcome"] in {"passed", "not applicable"} for check in document["checks"])
    assert all(check["reason"] for check in document["checks"] if check["outcome"] != "passed")


@needs_shared
@pytest.mark.parametrize(
    ("arguments", "code", "verdict", "findings"),
    [
        (["--endorsements", VCEK, "--endorsements", CHAIN], 0, "genuine", []),
        (["--endorsements", VCEK.parent, CHAIN.parent], 0, "genuine", []),
        ([], 3, "unavailable", ["snp.chain.missing"]),
        (["--endorsements", VCEK], 3, "unavailable", ["snp.chain.missing"]),
        (["--endorsements", VCEK, CHAIN, "--nonce", "00"], 1, "refused", ["snp.report_data"]),
        (["--endorsements", VCEK, CHAIN, "--at", "2040-01-01T00:00:00Z"], 1, "refused", ["snp.chain.validity"]),
        (["--endorsements", VCEK, CHAIN, REPORT], 1, "refused", ["endorsement.malformed"]),
        (["--nonce", "00"], 1, "refused", ["snp.chain.missing", "snp.report_data"]),
    ],
)
def test_verdicts_and_exit_codes(capsys, arguments: list[object], code: int, verdict: str, findings: list[str]):
    at = [] if "--at" in arguments else ["--at", AT]
    got, document = confide(capsys, "evidence", "verify", REPORT, *arguments, *at)
    assert (got, document["verdict"], codes(document)) == (code, verdict, findings)
    assert document.keys() == KEYS


@needs_shared
def test_debug_mode_is_refused_for_genuine_too(capsys):
    google = SHARED / "google+go-sev-guest/verify/testdata"
    report = google / "attestation.bin"
    code, document = confide(
        capsys, "evidence", "verify", report, "--endorsements", google / "vcek.testcer", CHAIN, "--at", AT
    )
    assert (code, document["verdict"], codes(document)) == (1, "refused", ["snp.policy.debug"])


@pytest.mark.parametrize("content", [b"", b"hello", b"\0" * 5000, b"{}", b"\xff" * 1183])
def test_file_that_is_no_evidence_is_refused_with_the_same_document(capsys, tmp_path: Path, content: bytes):
    (tmp_path / "x").write_bytes(content)
    code, document = confide(capsys, "evidence", "verify", tmp_path / "x")
    assert (code, document["verdict"], codes(document)) == (1, "refused", ["evidence.format"])
    assert document.keys() == KEYS


def test_truncated_report_is_refused(capsys, folder: Path):
    (folder / "x").write_bytes((folder / "report.bin").read_bytes()[:-1])
    code, document = confide(capsys, "evidence", "verify", folder / "x")
    assert (code, document["verdict"]) == (1, "refused")
    assert codes(document) == ["snp.size"]


def test_policy_affirms(capsys, folder: Path, fake_amd: FakeAmd):
    policy = ("--policy", folder / "policy.toml", "--at", fake_amd.now.isoformat())
    code, document = confide(capsys, "evidence", "verify", folder / "bundle.json", *policy, "--nonce", "07" * 64)
    assert (code, document["verdict"], document["simulated"]) == (0, "affirmed", True)
    assert {"code": "policy.crl", "outcome": "waived", "reason": "not the subject"} in document["checks"]
    code, document = confide(capsys, "evidence", "verify", folder / "bundle.json", *policy, "--nonce", "08" * 64)
    assert (code, document["verdict"], codes(document)) == (1, "refused", ["snp.report_data"])
    code, document = confide(capsys, "evidence", "verify", folder / "bundle.json", "--at", fake_amd.now.isoformat())
    assert (code, document["verdict"], codes(document)) == (1, "refused", ["snp.chain.root"])


@pytest.mark.parametrize(
    "arguments",
    [
        ["--nonce", "xyz"], ["--nonce", ""], ["--nonce", "00" * 65], ["--at", "yesterday"], ["--format", "nonsense"],
        ["--policy", "absent.toml"], ["--endorsements", "absent.der"], ["--simulated-root", "sha256:00"],
    ],
)  # fmt: skip
def test_wrong_arguments_are_misuse(capsys, folder: Path, arguments: list[str]):
    code, document = confide(capsys, "evidence", "verify", folder / "report.bin", *arguments)
    assert (code, document["error"]) == (2, "misuse")


def test_broken_policy_is_misuse_with_its_lines(capsys, folder: Path):
    (folder / "policy.toml").write_text("version = 1\nname = 3\n")
    code, document = confide(capsys, "evidence", "verify", folder / "report.bin", "--policy", folder / "policy.toml")
    assert (code, document["error"]) == (2, "misuse")
    assert any(finding["got"].startswith("line 2: ") for finding in document["findings"])


def test_document_is_the_only_thing_on_standard_output(folder: Path):
    command = [
        sys.executable,
        "-m",
        "confide.cli.main",
        "evidence",
        "verify",
        "report.bin",
        "--endorsements",
        ".",
        "--json",
    ]
    result = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=60)
    assert json.loads(result.stdout)["verdict"] == "unavailable"
    assert result.returncode == 3
    assert "it is left out" in result.stderr


def test_table_for_a_person_ends_with_the_verdict(capsys, folder: Path, fake_amd: FakeAmd):
    arguments = ["evidence", "verify", str(folder / "bundle.json"), "--policy", str(folder / "policy.toml")]
    assert run_cli("confide", "", "0", COMMANDS, [*arguments, "--at", fake_amd.now.isoformat()]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[-1].startswith("affirmed (SIMULATED: it protects nothing)")
    assert any(line.startswith("waived") and line.endswith("not the subject") for line in lines)


def test_policy_check_and_explain(capsys, folder: Path):
    code, document = confide(capsys, "policy", "check", folder / "policy.toml")
    assert (code, document["name"], document["kind"]) == (0, "test", "simulation")
    code, document = confide(capsys, "policy", "explain", folder / "policy.toml")
    assert code == 0
    assert any("protect nothing" in sentence for sentence in document["sentences"])
    (folder / "policy.toml").write_bytes(b"\xff\xfe")
    assert confide(capsys, "policy", "check", folder / "policy.toml")[0] == 2
    assert confide(capsys, "policy", "explain", folder)[0] == 2


def test_huge_file_is_refused_unread(capsys, tmp_path: Path):
    with (tmp_path / "huge").open("wb") as file:
        file.truncate(8 << 30)
    begin = time.perf_counter()
    assert codes(confide(capsys, "evidence", "verify", tmp_path / "huge")[1]) == ["evidence.format"]
    assert confide(capsys, "policy", "check", tmp_path / "huge")[0] == 2
    assert time.perf_counter() - begin < 5
