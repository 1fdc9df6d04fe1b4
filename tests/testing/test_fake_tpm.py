"""The fake TPM and its boot make what they say, so that a test's one fault is the only one."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from confide.evidence.tcg_log import parse_log, replay
from confide.evidence.tpm import ECDSA, parse_quote, parse_signature
from confide.evidence.tpm_key import parse_key
from confide.testing.fake_boot import DRTM, FakeBoot, secure_boot, separator
from confide.testing.fake_tpm import FakeTpm
from confide.verify.tpm import signature_verifies

NOW = datetime(2026, 6, 1, tzinfo=UTC)


def test_every_pcr_has_a_value_and_those_of_dynamic_launch_are_ones():
    values = FakeBoot.healthy().values("sha256")
    assert list(values) == list(range(24))
    assert {values[index] for index in DRTM} == {b"\xff" * 32}
    assert values[15] == bytes(32)


def test_log_leads_to_the_values():
    boot = FakeBoot.healthy()
    assert replay(parse_log(boot.encode()), "sha384").items() <= boot.values("sha384").items()


def test_event_is_replaced_by_others_and_a_wrong_name_is_an_error():
    boot = FakeBoot.healthy()
    changed = boot.replace("SecureBoot", secure_boot(on=False), separator(1))
    assert len(changed.events) == len(boot.events) + 1
    with pytest.raises(ValueError, match="no event says"):
        boot.replace("nobody says this", separator(0))


@pytest.mark.parametrize("kind", ["rsa", "p256", "p384"])
def test_evidence_is_signed_by_the_key_that_comes_with_it(kind: str):
    bundle = FakeTpm.create(NOW, kind).evidence(report_data=b"question")
    key = parse_key(bundle.part("ak") or b"")
    signature = parse_signature(bundle.part("signature") or b"")
    assert key.is_attestation_key
    assert (signature.scheme == ECDSA) == (kind != "rsa")
    assert parse_quote(bundle.evidence_bytes()).extra_data == b"question"
    assert signature_verifies(signature, key.key, bundle.evidence_bytes())


def test_same_tpm_with_another_key_has_the_same_root():
    tpm = FakeTpm.create(NOW)
    other = tpm.with_key("p256")
    assert other.root_fingerprint == tpm.root_fingerprint
    assert other.key_fingerprint != tpm.key_fingerprint
