from __future__ import annotations

from dataclasses import replace

import pytest

from confide.errors import Refused
from confide.evidence import EvidenceBundle
from confide.evidence.snp import parse_report
from confide.testing import FakeAmd
from confide.verify import verify_evidence
from confide.verify.x509 import Certificate, parse_item


def test_it_carries_amds_exact_names(fake_amd: FakeAmd, real_milan: EvidenceBundle):
    fake = FakeAmd.create(fake_amd.now, "Milan")
    forged = {one.common_name for one in map(parse_item, fake.evidence(fake.report()).endorsement_bytes())}  # type: ignore[union-attr]
    real = {one.common_name for one in map(parse_item, real_milan.endorsement_bytes())}  # type: ignore[union-attr]
    assert forged < real


def test_real_report_with_one_field_changed_is_signed_again(fake_amd: FakeAmd, real_milan: EvidenceBundle):
    """The way of every negative test: adopt, change one field, re-sign the whole chain."""
    milan = FakeAmd.create(fake_amd.now, "Milan")
    roots = [milan.root_fingerprint]
    report = parse_report(real_milan.evidence_bytes())
    twin = verify_evidence(milan.evidence(report), now=milan.now, report_data=None, simulated_roots=roots)
    assert twin.subject.report.measurement == report.measurement
    changed = replace(report, policy=report.policy | 1 << 19)
    with pytest.raises(Refused) as caught:
        verify_evidence(milan.evidence(changed), now=milan.now, report_data=None, simulated_roots=roots)
    assert caught.value.codes == ("snp.policy.debug",)


def test_its_root_is_nobodys_anchor(fake_amd: FakeAmd):
    with pytest.raises(Refused) as caught:
        verify_evidence(fake_amd.evidence(fake_amd.report()), now=fake_amd.now, report_data=None)
    assert caught.value.codes == ("snp.chain.root",)


def test_leaf_is_made_for_the_report(fake_amd: FakeAmd):
    leaf = parse_item(fake_amd.leaf(fake_amd.report(chip_id=b"\1" * 64)))
    assert isinstance(leaf, Certificate)
    assert leaf.common_name == "SEV-VCEK"
    assert leaf.extensions["1.3.6.1.4.1.3704.1.4"] == b"\1" * 64
