"""A policy can be suggested from the real evidence of every platform, and nothing of it refuses its own sample."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import pytest

from confide.cli.framework import run_cli
from confide.cli.main import COMMANDS
from confide.clock import to_rfc3339
from confide.errors import Misuse, Refused
from confide.evidence import EvidenceBundle
from confide.evidence.nitro import parse_document
from confide.evidence.recognition import recognise
from confide.policy import explain_policy, judge, parse_policy
from confide.policy.suggestion import suggest_policy
from confide.verify import Trust, examine

SHARED = Path(__file__).parents[3] / "shared" / "evidence"
NOW = datetime(2025, 1, 1, tzinfo=UTC)
pytestmark = pytest.mark.skipif(not SHARED.exists(), reason="the shared evidence is not here")


def real_evidence() -> list[tuple[str, EvidenceBundle]]:
    """Every file marked real that is evidence by itself, once."""
    found: dict[str, tuple[str, EvidenceBundle]] = {}
    for row in json.loads((SHARED / "MANIFEST.json").read_text()):
        if row["origin"] != "real" or row["sha256"] in found:
            continue
        try:
            found[row["sha256"]] = (row["path"], recognise((SHARED / row["path"]).read_bytes()))
        except Refused:
            continue
    return list(found.values())


TDX = SHARED / "tdx/Phala-Network+dcap-qvl/sample"
SNP = SHARED / "snp/confidential-containers+trustee/deps/verifier"
NITRO = SHARED / "nitro/evervault+attestation-doc-validation/test-data/beta/valid-attestation-doc-bytes"
GENUINE = {
    "tdx": ([TDX / "tdx_quote"], [TDX / "tdx_quote_collateral.json"], "2025-06-25T00:00:00Z"),
    "sev-snp": (
        [SNP / "test_data/snp/test-report.bin"],
        [SNP / "test_data/snp/test-vcek.der", SNP / "src/snp/milan_ask_ark_asvk.pem"],
        "2026-06-01T00:00:00Z",
    ),
    "aws-nitro": ([NITRO], [], None),
}


@pytest.mark.parametrize("name", GENUINE)
def test_genuine_sample_gets_a_policy_that_verify_affirms(name: str, tmp_path: Path, capsys):
    files, endorsements, at = GENUINE[name]
    if at is None:
        at = to_rfc3339(parse_document(recognise(files[0].read_bytes()).evidence_bytes()).made_at)
    given = [*files, *(["--endorsements", *endorsements] if endorsements else []), "--at", at, "--json"]
    suggest = ["policy", "suggest", *given, "-o", tmp_path / "policy.toml"]
    assert run_cli("confide", "", "0", COMMANDS, list(map(str, suggest))) == 0, capsys.readouterr().out
    assert json.loads(capsys.readouterr().out)["kind"] == "production"
    verify = ["evidence", "verify", *given, "--policy", tmp_path / "policy.toml"]
    assert run_cli("confide", "", "0", COMMANDS, list(map(str, verify))) == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["verdict"], document["simulated"]) == ("affirmed", False)


def test_suggested_policies_affirm_what_the_samples_show():
    """Whether a sample is genuine is another matter: most come without certificates, or are of another time."""
    suggested: Counter[str] = Counter()
    for path, bundle in real_evidence():
        exam = examine(bundle, now=NOW, report_data=None, trust=Trust())
        if exam.unverified_product is None:
            with pytest.raises(Misuse):
                suggest_policy(exam, "sample", verified=False)
            continue
        text = suggest_policy(exam, "sample", verified=False).render()
        policy = parse_policy(text)
        assert "UNVERIFIED" in text
        assert len(explain_policy(policy)) > 5
        before = {finding.code for finding in exam.checklist.findings}
        after = {finding.code for finding in judge(bundle, policy, report_data=None, now=NOW).checklist.findings}
        assert after - before - {code for one in exam.devices for code in (f.code for f in one.checklist.findings)} == (
            set()
        ), path
        suggested[bundle.format] += 1
    assert suggested.keys() >= {
        "aws-nitro",
        "azure-snp-vtpm",
        "azure-tdx-vtpm",
        "nvidia",
        "sev-snp",
        "sgx",
        "tdx",
        "tpm",
    }
    assert suggested.total() >= 40
