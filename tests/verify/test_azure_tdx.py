"""Azure confidential virtual machines on TDX: every check of TDX and of the vTPM, and what ties the two together."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from confide.errors import Refused, Unavailable
from confide.evidence import EvidenceBundle, pack_evidence
from confide.evidence.hcl import parse_hcl_report
from confide.testing.fake_azure_tdx import FakeAzureTdx
from confide.verify import VerifiedEvidence, verify_evidence
from confide.verify.verifier import verifier_of

NOW = datetime(2026, 6, 1, tzinfo=UTC)
NONCE = b"a nonce of the verifier's"
# Version, CPUSVN and MAC of the TDREPORT: nobody but its own machine can check them, and nothing uses them.
UNCHECKED = {0x20 + 2, *range(0x20 + 16, 0x20 + 32), *range(0x20 + 224, 0x20 + 256)}


@pytest.fixture(scope="module")
def azure() -> FakeAzureTdx:
    return FakeAzureTdx.create(NOW)


def verify(azure: FakeAzureTdx, bundle: EvidenceBundle, nonce: bytes | None = NONCE) -> VerifiedEvidence:
    return verify_evidence(bundle, now=NOW, report_data=nonce, simulated_roots=[azure.root_fingerprint])


def codes_of(azure: FakeAzureTdx, bundle: EvidenceBundle, nonce: bytes | None = NONCE) -> set[str]:
    with pytest.raises(Refused) as caught:
        verify(azure, bundle, nonce)
    return set(caught.value.codes)


def with_evidence(bundle: EvidenceBundle, data: bytes) -> EvidenceBundle:
    parts: dict[str, Any] = {name: bundle.part(name) for name in bundle.parts}
    return pack_evidence(bundle.format, data, bundle.endorsement_bytes(), **parts)


def test_healthy_machine_is_accepted_with_every_check(azure: FakeAzureTdx):
    verified = verify(azure, azure.evidence(NONCE))
    assert {check.code for check in verified.checks} >= verifier_of("azure-tdx-vtpm").REQUIRED
    assert {check.outcome for check in verified.checks} <= {"passed", "not applicable"}
    assert len({check.code for check in verified.checks}) == len(verified.checks)
    assert verified.subject.product == "TDX"
    assert verified.simulated


@pytest.mark.parametrize("number", [1, 2, 3])
def test_hash_type_of_the_report_is_honoured(azure: FakeAzureTdx, number: int):
    assert verify(azure, azure.evidence(NONCE, hcl={"hash_number": number}))


def test_a_forged_vendor_is_refused_by_default(azure: FakeAzureTdx):
    with pytest.raises(Refused) as caught:
        verify_evidence(azure.evidence(NONCE), now=NOW, report_data=NONCE)
    assert "tdx.chain.root" in caught.value.codes


def test_claims_that_the_hardware_did_not_sign_are_refused(azure: FakeAzureTdx):
    report = parse_hcl_report(azure.evidence(NONCE).evidence_bytes())
    changed = replace(report, runtime_data=report.runtime_data.replace(b'"secure-boot":true', b'"secure-boot":null'))
    assert codes_of(azure, with_evidence(azure.evidence(NONCE), changed.encode())) == {"azure.runtime_data"}


def test_a_quote_of_another_domain_than_the_tdreport_is_refused(azure: FakeAzureTdx):
    other = parse_hcl_report(azure.evidence(NONCE, domain={"mr_td": b"\7" * 48}).evidence_bytes())
    assert codes_of(azure, with_evidence(azure.evidence(NONCE), other.encode())) == {"azure.td_report"}


@pytest.mark.parametrize("at", range(4))
def test_a_report_of_another_type_than_a_tdreport_is_refused(azure: FakeAzureTdx, at: int):
    """REPORTTYPE is behind the MAC alone: nothing else holds these four bytes."""
    bundle = azure.evidence(NONCE)
    changed = bytearray(bundle.evidence_bytes())
    changed[0x20 + at] ^= 2
    assert codes_of(azure, with_evidence(bundle, bytes(changed))) == {"azure.td_report"}


def test_a_machine_without_its_td_quote_is_refused(azure: FakeAzureTdx):
    assert codes_of(azure, azure.evidence(NONCE, without_quote=True)) == {"azure.td_quote.missing"}


def test_what_is_no_td_quote_is_refused(azure: FakeAzureTdx):
    bundle = azure.evidence(NONCE)
    parts: dict[str, Any] = {name: bundle.part(name) for name in bundle.parts} | {"td_quote": b"\4\0"}
    broken = pack_evidence(bundle.format, bundle.evidence_bytes(), bundle.endorsement_bytes(), **parts)
    assert all(code.startswith("tdx.") for code in codes_of(azure, broken))
    with pytest.raises(Refused) as caught:
        verify(azure, broken)
    (runtime,) = (check for check in caught.value.checks if check.code == "azure.runtime_data")
    assert runtime.reason.startswith("not checked")


def test_a_quote_of_the_vtpm_for_another_nonce_is_refused(azure: FakeAzureTdx):
    assert codes_of(azure, azure.evidence(b"another")) == {"tpm.report_data"}


def test_debug_mode_is_refused_without_a_policy(azure: FakeAzureTdx):
    assert codes_of(azure, azure.evidence(NONCE, domain={"td_attributes": 1 << 28 | 1})) == {"tdx.debug"}


def test_without_collateral_nobody_can_tell(azure: FakeAzureTdx):
    bundle = azure.evidence(NONCE)
    with pytest.raises(Unavailable) as caught:
        verify(azure, EvidenceBundle(bundle.format, bundle.evidence, (), bundle.parts))
    assert caught.value.codes == ("tdx.collateral.missing",)


def test_no_flipped_bit_of_a_report_is_accepted_but_of_what_nobody_can_check(azure: FakeAzureTdx):
    bundle = azure.evidence(NONCE)
    data = bundle.evidence_bytes()
    for bit in random.Random(1).sample(range(8 * len(data)), 600):
        if bit // 8 in UNCHECKED:
            continue
        flipped = bytearray(data)
        flipped[bit // 8] ^= 1 << bit % 8
        assert codes_of(azure, with_evidence(bundle, bytes(flipped)))


def test_the_unchecked_bytes_of_a_tdreport_change_nothing_that_is_claimed(azure: FakeAzureTdx):
    bundle = azure.evidence(NONCE)
    claims = verify(azure, bundle).claims
    for at in (min(UNCHECKED), max(UNCHECKED)):
        flipped = bytearray(bundle.evidence_bytes())
        flipped[at] ^= 1
        assert verify(azure, with_evidence(bundle, bytes(flipped))).claims == claims
