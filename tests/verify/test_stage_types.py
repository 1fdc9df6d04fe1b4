from __future__ import annotations

import copy
import dataclasses
import pickle

import pytest

from confide.checklist import Checklist
from confide.errors import Refused
from confide.evidence import EvidenceBundle
from confide.testing import FakeAmd
from confide.verify import Examination, Trust, VerifiedEvidence, examine, snp, verify_evidence


@pytest.fixture
def verified(fake_amd: FakeAmd) -> VerifiedEvidence:
    bundle = fake_amd.evidence(fake_amd.report())
    return verify_evidence(bundle, now=fake_amd.now, report_data=None, simulated_roots=[fake_amd.root_fingerprint])


def test_nobody_but_the_verifier_builds_verified_evidence(verified: VerifiedEvidence):
    fields = {field.name: getattr(verified, field.name) for field in dataclasses.fields(verified)}
    for token in (None, object(), True):
        with pytest.raises(TypeError):
            VerifiedEvidence(**fields, token=token)
    with pytest.raises(TypeError):
        VerifiedEvidence(**fields)


def test_verified_evidence_is_not_copied_with_a_change(verified: VerifiedEvidence):
    with pytest.raises((TypeError, ValueError)):
        dataclasses.replace(verified, simulated=False)


def test_verified_evidence_does_not_survive_serialisation(verified: VerifiedEvidence):
    for break_out in (pickle.dumps, copy.deepcopy):
        with pytest.raises(TypeError):
            break_out(verified)


def test_verified_evidence_is_not_changed_after_it_was_made(verified: VerifiedEvidence):
    with pytest.raises(dataclasses.FrozenInstanceError):
        verified.simulated = False  # type: ignore[misc]


def test_examination_without_the_debug_check_concludes_nothing(fake_amd: FakeAmd):
    """A caller who leaves a required check out gets a refusal, not evidence."""
    exam = examine(
        fake_amd.evidence(fake_amd.report()),
        now=fake_amd.now,
        report_data=None,
        trust=Trust.of([fake_amd.root_fingerprint]),
    )
    with pytest.raises(Refused) as caught:
        exam.conclude()
    assert caught.value.codes == ("evidence.incomplete",)
    assert "snp.policy.debug" in caught.value.findings[0].got


def test_unknown_format_is_refused(fake_amd: FakeAmd):
    with pytest.raises(Refused) as caught:
        verify_evidence(EvidenceBundle("sample", ""), now=fake_amd.now, report_data=None)
    assert caught.value.codes == ("evidence.format",)


@pytest.mark.parametrize(
    "step",
    [
        "check_reserved", "check_signature_encoding", "check_signature", "check_signing_key", "check_root",
        "check_names", "check_chain_signatures", "check_validity", "check_revocation", "check_chip_id",
        "check_certificate_tcb",
        "check_tcb_order", "check_firmware_order", "check_report_data",
    ],
)  # fmt: skip
def test_step_that_is_left_out_is_a_refusal(fake_amd: FakeAmd, monkeypatch: pytest.MonkeyPatch, step: str):
    """Fail closed: a verifier from which a step was cut accepts nothing."""
    monkeypatch.setattr(snp, step, lambda *_: None)
    with pytest.raises(Refused) as caught:
        verify_evidence(
            fake_amd.evidence(fake_amd.report()),
            now=fake_amd.now,
            report_data=None,
            simulated_roots=[fake_amd.root_fingerprint],
        )
    assert caught.value.codes == ("evidence.incomplete",)


def test_check_is_left_out_only_where_something_failed():
    checklist = Checklist()
    with pytest.raises(ValueError, match="nothing failed"):
        checklist.unchecked("snp.signature", "snp.size")
    checklist.expect("snp.size", passed=False, got="1", wanted="2", remedy="")
    checklist.unchecked("snp.signature", "snp.size")
    assert [(check.code, check.outcome) for check in checklist.checks][-1] == ("snp.signature", "failed")


def test_examination_that_read_nothing_concludes_nothing(fake_amd: FakeAmd):
    """Every required check may have passed: without a subject and a root there is no evidence."""
    exam = Examination(format="sev-snp", now=fake_amd.now, required=frozenset({"snp.size"}))
    exam.checklist.expect("snp.size", passed=True, got="", wanted="", remedy="")
    with pytest.raises(Refused) as caught:
        exam.conclude()
    assert caught.value.codes == ("evidence.incomplete",)
