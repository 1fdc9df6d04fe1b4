"""The forged Intel is what it says: everything right but the root, one fact changed at a time."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from confide.errors import Refused
from confide.evidence.intel_collateral import read_collateral
from confide.testing.fake_intel import FakeIntel, Machine
from confide.verify import verify_evidence
from confide.verify.anchors import VENDOR_ROOTS

NOW = datetime(2026, 6, 1, tzinfo=UTC)
FAKE = FakeIntel.create(NOW)


@pytest.fixture(params=["tdx", "sgx"])
def machine(request: pytest.FixtureRequest) -> Machine:
    return FAKE.domain() if request.param == "tdx" else FAKE.enclave()


def test_root_is_no_vendors():
    assert FAKE.root_fingerprint not in VENDOR_ROOTS


def test_its_evidence_is_accepted_by_who_names_its_root_and_by_nobody_else(machine: Machine):
    bundle = FAKE.evidence(machine)
    assert verify_evidence(bundle, now=NOW, report_data=None, simulated_roots=[FAKE.root_fingerprint]).simulated
    with pytest.raises(Refused) as caught:
        verify_evidence(bundle, now=NOW, report_data=None)
    assert set(caught.value.codes) == {f"{machine.tee}.chain.root", f"{machine.tee}.collateral.chain.root"}


def test_adopted_machine_is_the_one_that_was_signed(machine: Machine):
    adopted = FakeIntel.adopt(FAKE.evidence(machine))
    assert (adopted.report, adopted.pck) == (machine.report, machine.pck)
    assert (adopted.tcb_info, adopted.identity) == (machine.tcb_info, machine.identity)
    assert adopted.qe == machine.qe


def test_adopted_machine_of_another_root_can_be_signed_anew(machine: Machine):
    other = FakeIntel.create(NOW, "Another Corporation")
    adopted = other.adopt(FAKE.evidence(machine))
    changed = replace(adopted, report=replace(adopted.report, report_data=b"\7" * 64))
    verified = verify_evidence(
        other.evidence(changed), now=NOW, report_data=b"\7" * 64, simulated_roots=[other.root_fingerprint]
    )
    assert verified.root == other.root_fingerprint


def test_what_cannot_be_adopted_is_said(machine: Machine):
    with pytest.raises(ValueError, match="without collateral"):
        FakeIntel.adopt(FAKE.evidence(machine, collateral=()))


def test_collateral_is_in_the_shape_of_intels_service(machine: Machine):
    found = read_collateral(FAKE.collateral(machine))
    assert (len(found.items), len(found.tcb_infos), len(found.identities)) == (4, 1, 1)
