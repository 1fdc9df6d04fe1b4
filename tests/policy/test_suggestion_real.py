"""A policy can be suggested from the real evidence of every platform, and nothing of it refuses its own sample."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import pytest

from confide.errors import Misuse, Refused
from confide.evidence import EvidenceBundle
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
