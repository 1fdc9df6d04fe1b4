from __future__ import annotations

import pytest

from confide.checklist import Checklist
from confide.errors import ConfideError, Finding, Misuse, Refused, Unavailable


def test_the_three_branches_have_their_own_exit_code_and_http_status():
    assert [(e.exit_code, e.http_status) for e in (Refused, Misuse, Unavailable)] == [(1, 403), (2, 400), (3, 503)]
    assert all(issubclass(e, ConfideError) for e in (Refused, Misuse, Unavailable))


def test_a_failure_without_a_finding_cannot_be_raised():
    with pytest.raises(ValueError, match="at least one finding"):
        Refused([])


def test_all_findings_are_reported_at_once():
    checks = Checklist()
    checks.expect("a.one", passed=False, got=1, wanted=2, remedy="Change it.")
    checks.expect("b.two", passed=True, got=1, wanted=1, remedy="")
    checks.expect("c.three", passed=False, got=3, wanted=4, remedy="Change it.")
    with pytest.raises(Refused) as refusal:
        checks.refuse_if_failed()
    assert refusal.value.codes == ("a.one", "c.three")
    assert [check.outcome for check in refusal.value.checks] == ["failed", "passed", "failed"]


def test_an_empty_checklist_accepts_nothing():
    with pytest.raises(ValueError, match="accepts nothing"):
        Checklist().refuse_if_failed()


def test_a_waiver_without_a_reason_is_impossible():
    with pytest.raises(ValueError, match="gives no reason"):
        Checklist().waive("a.one", " ")


def test_absorbing_a_refusal_keeps_its_checks_and_findings_once():
    inner = Checklist()
    inner.expect("a.one", passed=False, got=1, wanted=2, remedy="Change it.")
    outer = Checklist()
    with pytest.raises(Refused) as refusal:
        inner.refuse_if_failed()
    outer.absorb(refusal.value)
    outer.absorb(Refused.because("b.two", got=1, wanted=2, remedy="Change it."))
    assert [check.code for check in outer.checks] == ["a.one", "b.two"]
    assert [finding.code for finding in outer.findings] == ["a.one", "b.two"]


def test_a_finding_reads_as_one_sentence():
    assert str(Finding("a.one", "1", "2", "Change it.")) == "a.one: got 1, wanted 2. Change it."
