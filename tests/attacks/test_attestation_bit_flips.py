"""Every single-bit flip and every truncation of a signed report: none is accepted."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime

import pytest

from confide.errors import Refused, Unavailable
from confide.evidence import EvidenceBundle, pack_evidence
from confide.evidence.snp import REPORT_SIZE
from confide.ids import from_base64
from confide.testing import FakeAmd
from confide.verify import verify_evidence
from confide.verify.x509 import parse_item

NOW = datetime(2026, 6, 1, tzinfo=UTC)


def refused(raw: bytes, bundle: EvidenceBundle, roots: list[str]) -> bool:
    changed = pack_evidence(bundle.format, raw, bundle.endorsement_bytes())
    try:
        verify_evidence(changed, now=NOW, report_data=None, simulated_roots=roots)
    except Refused:
        return True
    return False


def accepted_flips(bundle: EvidenceBundle, roots: list[str]) -> list[int]:
    original = bundle.evidence_bytes()
    accepted = []
    for bit in range(8 * REPORT_SIZE):
        raw = bytearray(original)
        raw[bit // 8] ^= 1 << bit % 8
        if not refused(bytes(raw), bundle, roots):
            accepted.append(bit)
    return accepted


@pytest.mark.timeout(300)
def test_none_of_9472_bit_flips_of_a_forged_report_is_accepted(fake_amd: FakeAmd):
    bundle, roots = fake_amd.evidence(fake_amd.report()), [fake_amd.root_fingerprint]
    assert not refused(bundle.evidence_bytes(), bundle, roots)
    assert accepted_flips(bundle, roots) == []


@pytest.mark.timeout(300)
def test_none_of_9472_bit_flips_of_a_real_report_is_accepted(real_milan: EvidenceBundle):
    assert not refused(real_milan.evidence_bytes(), real_milan, [])
    assert accepted_flips(real_milan, []) == []


def test_no_truncation_and_no_extension_is_accepted(fake_amd: FakeAmd):
    bundle, roots = fake_amd.evidence(fake_amd.report()), [fake_amd.root_fingerprint]
    original = bundle.evidence_bytes()
    assert not refused(original, bundle, roots)
    assert all(refused(original[:size], bundle, roots) for size in range(REPORT_SIZE))
    assert all(refused(original + bytes(size), bundle, roots) for size in (1, 24, 32, 1184))


def accepted_certificate_flips(bundle: EvidenceBundle, roots: list[str]) -> list[tuple[int, int]]:
    """(endorsement, byte) where the flip of a bit leaves the evidence accepted, of every third byte."""
    items = bundle.endorsement_bytes()
    accepted = []
    for index, item in enumerate(items):
        for position in range(0, len(item), 3):
            changed = bytearray(item)
            changed[position] ^= 1 << position % 8
            endorsements = (*items[:index], bytes(changed), *items[index + 1 :])
            with contextlib.suppress(Refused, Unavailable):
                flipped = pack_evidence(bundle.format, bundle.evidence_bytes(), endorsements)
                verify_evidence(flipped, now=NOW, report_data=None, simulated_roots=roots)
                accepted.append((index, position))
    return accepted


def test_no_bit_flip_in_a_certificate_is_accepted(fake_amd: FakeAmd):
    bundle = fake_amd.evidence(fake_amd.report())
    assert accepted_certificate_flips(bundle, [fake_amd.root_fingerprint]) == []


def test_no_bit_flip_in_a_real_certificate_is_accepted(real_milan: EvidenceBundle):
    """The issuer that a VCEK does not need (ASVK) is left out: nothing of it is looked at."""
    chain = {parse_item(from_base64(item)).common_name: item for item in real_milan.endorsements}  # type: ignore[union-attr]
    used = (chain["SEV-VCEK"], chain["SEV-Milan"], chain["ARK-Milan"])
    assert accepted_certificate_flips(EvidenceBundle("sev-snp", real_milan.evidence, used), []) == []
