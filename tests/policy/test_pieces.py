"""Rules on a piece of evidence that could not be read pass nothing over."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from confide.checklist import Checklist
from confide.policy import snp_rules
from confide.policy.pieces import on_pieces

RULES = on_pieces("report", [one for one in snp_rules.RULES if one.name in {"vmpl", "minimum_tcb"}], without=set())


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_piece_that_could_not_be_read_is_a_finding_for_every_code(rule):
    checklist = Checklist()
    rule.judge(SimpleNamespace(report=None), 0, checklist)
    assert {finding.code for finding in checklist.findings} & set(rule.codes)
    assert {check.code for check in checklist.checks} == set(rule.codes)
    assert {check.outcome for check in checklist.checks} == {"failed"}
