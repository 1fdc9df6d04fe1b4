"""A TDX machine with its NVIDIA GPU: verified together, suggested together, and never one for the other."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

pytest.importorskip("signxml", reason="manifests need the extra nvidia")

from confide.errors import Refused, Unavailable
from confide.evidence import EvidenceBundle
from confide.evidence.bundle import pack_evidence, with_devices
from confide.policy import Policy, judge, parse_policy
from confide.policy.suggestion import suggest_policy
from confide.testing.fake_intel import FakeIntel
from confide.testing.fake_nvidia import FakeNvidia
from confide.verify import Trust, VerifiedEvidence, examine

NOW = datetime(2026, 6, 1, tzinfo=UTC)
DATA = bytes(range(64))


@pytest.fixture(scope="module")
def intel() -> FakeIntel:
    return FakeIntel.create(NOW)


@pytest.fixture(scope="module")
def nvidia() -> FakeNvidia:
    return FakeNvidia.create(NOW)


@pytest.fixture(scope="module")
def machine(intel: FakeIntel) -> EvidenceBundle:
    return intel.evidence(intel.domain(report_data=DATA))


def gpu(nvidia: FakeNvidia, nonce: bytes = DATA[:32]) -> EvidenceBundle:
    return nvidia.evidence(nvidia.exchange(nonce=nonce), manifests=nvidia.manifests())


@pytest.fixture(scope="module")
def policy(intel: FakeIntel, nvidia: FakeNvidia, machine: EvidenceBundle) -> Policy:
    trust = Trust.of([intel.root_fingerprint, *nvidia.roots])
    sample = examine(with_devices(machine, [gpu(nvidia)]), now=NOW, report_data=DATA, trust=trust)
    policy = parse_policy(suggest_policy(sample, "both", verified=True).render())
    # The GPU's manifests have a root of their own, which no piece of evidence ends in.
    return replace(policy, simulated_roots=(intel.root_fingerprint, *nvidia.roots))


def conclude(bundle: EvidenceBundle, policy: Policy) -> VerifiedEvidence:
    return judge(bundle, policy, report_data=DATA, now=NOW).conclude()


def codes_of(bundle: EvidenceBundle, policy: Policy) -> set[str]:
    with pytest.raises(Refused) as caught:
        conclude(bundle, policy)
    return set(caught.value.codes)


def test_machine_with_its_gpu_is_affirmed(machine: EvidenceBundle, nvidia: FakeNvidia, policy: Policy):
    verified = conclude(with_devices(machine, [gpu(nvidia)]), policy)
    assert (verified.format, [one.format for one in verified.devices]) == ("tdx", ["nvidia"])
    assert conclude(with_devices(machine, [gpu(nvidia)] * 8), policy)


def test_row_26_machine_without_its_gpu_is_refused(machine: EvidenceBundle, policy: Policy):
    assert codes_of(machine, policy) == {"policy.evidence.missing"}


def test_gpu_without_its_machine_is_refused(nvidia: FakeNvidia, policy: Policy):
    bundle = gpu(nvidia)
    with pytest.raises(Refused) as caught:
        judge(bundle, policy, report_data=DATA[:32], now=NOW).conclude()
    assert caught.value.codes == ("policy.evidence.missing",)


def test_gpu_that_answered_another_question_is_refused(machine: EvidenceBundle, nvidia: FakeNvidia, policy: Policy):
    assert codes_of(with_devices(machine, [gpu(nvidia, bytes(32))]), policy) == {"nvidia.report_data"}


def test_one_bad_gpu_of_eight_refuses_all(machine: EvidenceBundle, nvidia: FakeNvidia, policy: Policy):
    devices = [gpu(nvidia)] * 7 + [nvidia.evidence(nvidia.exchange(nonce=DATA[:32]))]
    with pytest.raises((Refused, Unavailable)) as caught:
        conclude(with_devices(machine, devices), policy)
    assert all(finding.got.startswith("device 8 (nvidia)") for finding in caught.value.findings)


def test_machine_whose_collateral_is_missing_is_unavailable_and_so_is_a_device(
    machine: EvidenceBundle, nvidia: FakeNvidia, policy: Policy
):
    """The codes by which nobody can tell are those of each format."""
    bare = pack_evidence("tdx", machine.evidence_bytes())
    with pytest.raises((Refused, Unavailable)) as caught:
        conclude(with_devices(bare, [gpu(nvidia)]), policy)
    assert isinstance(caught.value, Unavailable)
    swapped = with_devices(gpu(nvidia), [bare])
    exam = judge(swapped, policy, report_data=DATA, now=NOW)
    assert {"tdx.collateral.missing"} <= {finding.code for finding in exam.checklist.findings}
    assert "tdx.collateral.missing" in exam.cannot_tell
