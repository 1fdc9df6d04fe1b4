"""Row 17 of the attestation checklist for enclaves: attributes and reserved fields of the report."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from confide.errors import Refused
from confide.evidence import EvidenceBundle
from confide.testing.fake_intel import FakeIntel, Machine
from confide.verify import VerifiedEvidence, verify_evidence

NOW = datetime(2026, 6, 1, tzinfo=UTC)
FAKE = FakeIntel.create(NOW)
ENCLAVE = FAKE.enclave()
HEALTHY = 0x5


def verify(bundle: EvidenceBundle) -> VerifiedEvidence:
    return verify_evidence(bundle, now=NOW, report_data=None, simulated_roots=[FAKE.root_fingerprint])


def codes_of(machine: Machine) -> set[str]:
    with pytest.raises(Refused) as caught:
        verify(FAKE.evidence(machine))
    return set(caught.value.codes)


def with_report(**changes: Any) -> Machine:
    return replace(ENCLAVE, report=replace(ENCLAVE.report, **changes))


def test_healthy_enclave_is_accepted():
    verified = verify(FAKE.evidence(ENCLAVE))
    assert verified.claims["product"] == "SGX"
    assert verified.claims["mr_enclave"] == "11" * 32
    assert verified.claims["quote_version"] == 3


def test_row_17_enclave_in_debug_mode_is_refused():
    assert codes_of(with_report(flags=HEALTHY | 2)) == {"sgx.debug"}


def test_row_17_debug_is_found_although_dcap_qvl_cannot_be_asked():
    with pytest.raises(Refused) as caught:
        verify(FAKE.evidence(with_report(flags=HEALTHY | 2)))
    (check,) = [one for one in caught.value.checks if one.code == "sgx.dcap_qvl"]
    assert (check.outcome, check.reason) == ("not applicable", "dcap-qvl does not take enclaves in debug mode")


@pytest.mark.parametrize("bit", [3, 8, 9, 11, 32, 63])
def test_row_17_reserved_attribute_is_refused(bit: int):
    assert codes_of(with_report(flags=HEALTHY | 1 << bit)) == {"sgx.reserved"}


@pytest.mark.parametrize("bit", [4, 5, 6, 7, 10])
def test_row_17_attribute_that_a_policy_decides_on_is_taken(bit: int):
    verify(FAKE.evidence(with_report(flags=HEALTHY | 1 << bit)))


@pytest.mark.parametrize("index", range(4))
def test_row_17_reserved_bytes_are_zero(index: int):
    fields = list(ENCLAVE.report.reserved)  # type: ignore[union-attr]
    fields[index] = b"\1" + fields[index][1:]
    assert codes_of(with_report(reserved=tuple(fields))) == {"sgx.reserved"}


def test_part_of_a_trust_domain_is_refused():
    bundle = FAKE.evidence(ENCLAVE, event_log=b"log")
    with pytest.raises(Refused) as caught:
        verify(bundle)
    assert caught.value.codes == ("evidence.parts",)
