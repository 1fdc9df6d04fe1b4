"""Every single-bit flip and every truncation of a TPM quote and of each piece that comes with it: none is accepted.

An event log holds bytes that nothing measures: types, labels of files, and the data of some events. A flip there may
leave the verdict as it is; then what is *claimed* is the same, or says less, or counts more as code that was started.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from confide.errors import Refused, Unavailable
from confide.evidence import EvidenceBundle
from confide.ids import to_base64
from confide.testing.fake_tpm import FakeTpm
from confide.verify import VerifiedEvidence, verify_evidence

NOW = datetime(2026, 6, 1, tzinfo=UTC)


def verified(bundle: EvidenceBundle, tpm: FakeTpm) -> VerifiedEvidence | None:
    try:
        return verify_evidence(bundle, now=NOW, report_data=b"question", simulated_roots=[tpm.root_fingerprint])
    except (Refused, Unavailable):
        return None


def with_piece(bundle: EvidenceBundle, piece: str, raw: bytes) -> EvidenceBundle:
    if piece == "evidence":
        return EvidenceBundle(bundle.format, to_base64(raw), bundle.endorsements, bundle.parts)
    return EvidenceBundle(bundle.format, bundle.evidence, bundle.endorsements, bundle.parts | {piece: to_base64(raw)})


def piece_of(bundle: EvidenceBundle, piece: str) -> bytes:
    return bundle.evidence_bytes() if piece == "evidence" else bundle.part(piece) or b""


def flips(raw: bytes, bits: int | None = None) -> Iterator[bytes]:
    chosen = range(8 * len(raw)) if bits is None else sorted(random.Random(4).sample(range(8 * len(raw)), bits))
    for bit in chosen:
        changed = bytearray(raw)
        changed[bit // 8] ^= 1 << bit % 8
        yield bytes(changed)


@pytest.fixture(scope="module", params=["rsa", "p256"])
def tpm(request: pytest.FixtureRequest) -> FakeTpm:
    return FakeTpm.create(NOW, request.param)


@pytest.mark.timeout(300)
@pytest.mark.parametrize("piece", ["evidence", "signature"])
def test_no_bit_flip_and_no_truncation_is_accepted(tpm: FakeTpm, piece: str):
    bundle = tpm.evidence(report_data=b"question", event_log=None, pcrs=None)
    raw = piece_of(bundle, piece)
    assert verified(bundle, tpm) is not None
    accepted = [index for index, changed in enumerate(flips(raw)) if verified(with_piece(bundle, piece, changed), tpm)]
    assert accepted == []
    assert all(verified(with_piece(bundle, piece, raw[:size]), tpm) is None for size in range(len(raw)))


def test_flips_of_a_keys_area_leave_the_key_what_it_is(tpm: FakeTpm):
    """Nothing signs the public area: what is asked of its attributes stays as it was, or is refused."""
    bundle = tpm.evidence(report_data=b"question", event_log=None, pcrs=None)
    raw = piece_of(bundle, "ak")
    assert all(verified(with_piece(bundle, "ak", raw[:size]), tpm) is None for size in range(len(raw)))
    for changed in flips(raw):
        found = verified(with_piece(bundle, "ak", changed), tpm)
        assert found is None or (found.claims["key"], found.claims["restricted_key"]) == (tpm.key_fingerprint, True)


@pytest.mark.timeout(300)
def test_no_flip_of_a_pcr_value_is_accepted(tpm: FakeTpm):
    bundle = tpm.evidence(report_data=b"question", event_log=None)
    raw = piece_of(bundle, "pcrs")
    before = verified(bundle, tpm)
    assert before is not None
    for changed in flips(raw, 2000):
        # A digit in capitals, or another name for a PCR that is not quoted, is the same values.
        found = verified(with_piece(bundle, "pcrs", changed), tpm)
        assert found is None or found.claims == before.claims


@pytest.mark.timeout(300)
def test_flips_of_an_event_log_change_nothing_that_is_claimed():
    tpm = FakeTpm.create(NOW)
    bundle = tpm.evidence(report_data=b"question")
    raw = piece_of(bundle, "event_log")
    before = verified(bundle, tpm)
    assert before is not None
    kept = 0
    for changed in flips(raw, 5000):
        found = verified(with_piece(bundle, "event_log", changed), tpm)
        if found is not None:
            kept += 1
            assert weaker_or_equal(found.claims["boot"], before.claims["boot"])
    assert 0 < kept < 4000


def weaker_or_equal(boot: object, before: object) -> bool:
    """What is claimed is what was claimed, or nothing where something was, or less where lists grow with trust. Of
    code that was started, more may be claimed: then a rule refuses.
    """
    assert isinstance(boot, dict)
    assert isinstance(before, dict)
    same = {name for name, value in boot.items() if value is None or value == before[name]}
    checks = {
        "databases": lambda now, then: now.items() <= then.items(),
        "registers": lambda now, then: set(now) < set(then),
        "events": lambda now, then: now < then,
        "applications": lambda now, then: set(now) > set(then),
    }
    return all(name in checks and checks[name](boot[name], before[name]) for name in boot.keys() - same)


def test_no_truncation_of_an_event_log_is_accepted():
    tpm = FakeTpm.create(NOW)
    bundle = tpm.evidence(report_data=b"question")
    raw = piece_of(bundle, "event_log")
    accepted = [size for size in range(len(raw)) if verified(with_piece(bundle, "event_log", raw[:size]), tpm)]
    assert accepted == []
