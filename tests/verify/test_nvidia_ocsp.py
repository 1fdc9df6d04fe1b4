"""Answers of the revocation service: each refusal differs from an accepted twin in one fact."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA1, SHA384
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp

from confide.checklist import Checklist
from confide.errors import Refused
from confide.evidence import EvidenceBundle
from confide.testing.fake_nvidia import MEASUREMENTS, VBIOS, VBIOS_INDEXES, FakeAuthority, FakeNvidia, ec_key
from confide.verify import VerifiedEvidence, verify_evidence
from confide.verify.nvidia_ocsp import MAX_ANSWERS, check_answers, parse_answer
from confide.verify.x509 import Certificate, parse_item

NOW = datetime(2026, 6, 1, tzinfo=UTC)
HOPPER = FakeNvidia.create(NOW)
ROOT, IDENTITY, PROVISIONER, BOOT = HOPPER.devices
REVOKED, UNKNOWN = ocsp.OCSPCertStatus.REVOKED, ocsp.OCSPCertStatus.UNKNOWN
DAY = timedelta(days=1)
PATH = [one for one in map(parse_item, HOPPER.evidence().endorsement_bytes()) if isinstance(one, Certificate)]


def verify(bundle: EvidenceBundle, now: datetime = NOW) -> VerifiedEvidence:
    return verify_evidence(bundle, now=now, report_data=None, simulated_roots=HOPPER.roots)


def with_answers(*answers: bytes) -> EvidenceBundle:
    return HOPPER.evidence(lists=answers)


def codes_of(*answers: bytes, now: datetime = NOW) -> tuple[str, ...]:
    with pytest.raises(Refused) as caught:
        verify(with_answers(*answers), now)
    return caught.value.codes


def outcome(verified: VerifiedEvidence, code: str = "nvidia.ocsp") -> str:
    return next(check.outcome for check in verified.checks if check.code == code)


def responder(issuer: FakeAuthority = PROVISIONER, **changes: Any) -> FakeAuthority:
    values = {"now": NOW, "is_authority": False, "answers": True} | changes
    return FakeAuthority.issue("OCSP", ec_key("responder"), issuer, **values)


@pytest.mark.parametrize("digest", [None, SHA1(), SHA384()])
def test_good_answer_is_accepted(digest: Any):
    answers = [above.answer(one, NOW, digest=digest) for above, one in
               [(ROOT, IDENTITY), (IDENTITY, PROVISIONER), (PROVISIONER, BOOT)]]  # fmt: skip
    assert outcome(verify(with_answers(*answers))) == "passed"


def test_good_answer_by_an_appointed_responder_is_accepted():
    assert outcome(verify(with_answers(PROVISIONER.answer(BOOT, NOW, responder=responder())))) == "passed"


def test_row_24_no_answer_is_said():
    assert outcome(verify(HOPPER.evidence())) == "not applicable"


@pytest.mark.parametrize("status", [REVOKED, UNKNOWN])
def test_row_21_device_that_is_revoked_on_hold_or_unknown_is_refused(status: ocsp.OCSPCertStatus):
    assert codes_of(PROVISIONER.answer(BOOT, NOW, status=status)) == ("nvidia.ocsp",)


def test_row_21_leaf_that_is_on_hold_is_refused_and_the_reason_is_told():
    leaf = HOPPER.leaf()
    bundle = HOPPER.evidence(leaf=leaf, lists=[BOOT.answer(leaf, NOW, status=REVOKED)])
    with pytest.raises(Refused) as caught:
        verify(bundle)
    assert caught.value.findings[0].got == "GH100 A01 GSP FMC LF is revoked (certificateHold)"


def test_one_bad_answer_among_good_ones_is_refused():
    good = PROVISIONER.answer(BOOT, NOW)
    assert codes_of(good, PROVISIONER.answer(BOOT, NOW, status=REVOKED)) == ("nvidia.ocsp",)


def test_answer_that_is_old_early_or_endless_is_refused():
    answer = PROVISIONER.answer(BOOT, NOW)
    began = NOW - timedelta(minutes=5)
    verify(with_answers(answer), began)
    verify(with_answers(answer), began + DAY)
    assert codes_of(answer, now=began + DAY + timedelta(seconds=1)) == ("nvidia.ocsp",)
    assert codes_of(answer, now=NOW + DAY) == ("nvidia.ocsp",)
    assert codes_of(PROVISIONER.answer(BOOT, NOW + DAY)) == ("nvidia.ocsp",)
    assert codes_of(PROVISIONER.answer(BOOT, NOW, life=None)) == ("nvidia.ocsp",)


@pytest.mark.parametrize(
    "signer",
    [
        responder(answers=False),
        responder(IDENTITY),
        responder(life=timedelta(minutes=1)),
        responder(replace(PROVISIONER, key=ec_key("stranger"))),
        FakeAuthority.issue("OCSP", ec.generate_private_key(ec.SECP256R1()), now=NOW, answers=True),
    ],
    ids=["no right to answer", "appointed by another authority", "expired", "forged", "appointed by itself"],
)
def test_answer_by_a_responder_that_the_issuer_did_not_appoint_is_refused(signer: FakeAuthority):
    assert codes_of(PROVISIONER.answer(BOOT, NOW, responder=signer)) == ("nvidia.ocsp",)


def test_answers_for_others_say_nothing():
    other = FakeAuthority.issue("GH100 A01 GSP BROM", ec_key("other"), PROVISIONER, now=NOW)
    revoked = PROVISIONER.answer(other, NOW, status=REVOKED)
    assert outcome(verify(with_answers(revoked))) == "not applicable"
    assert outcome(verify(with_answers(IDENTITY.answer(BOOT, NOW, status=REVOKED)))) == "not applicable"


def test_answer_without_success_is_no_endorsement():
    failed = ocsp.OCSPResponseBuilder.build_unsuccessful(ocsp.OCSPResponseStatus.TRY_LATER).public_bytes(Encoding.DER)
    assert codes_of(failed) == ("endorsement.malformed",)


def test_too_many_answers_are_refused():
    answers = [PROVISIONER.answer(BOOT, NOW + timedelta(seconds=n)) for n in range(MAX_ANSWERS + 1)]
    verify(with_answers(*answers[1:]))
    assert codes_of(*answers) == ("nvidia.ocsp",)


def test_signer_of_a_manifest_that_is_revoked_is_refused():
    signer = HOPPER.signer()
    manifest = HOPPER.manifest(VBIOS, {index: [MEASUREMENTS[index]] for index in VBIOS_INDEXES}, signer=signer)
    good = HOPPER.signers[-1].answer(signer, NOW)
    assert outcome(verify(HOPPER.evidence(lists=[good], manifests=[manifest])), "rim.ocsp") == "passed"
    bad = HOPPER.signers[-1].answer(signer, NOW, status=REVOKED)
    with pytest.raises(Refused) as caught:
        verify(HOPPER.evidence(lists=[bad], manifests=[manifest]))
    assert caught.value.codes == ("rim.ocsp",)


def test_no_single_bit_flip_of_an_answer_is_accepted_as_one():
    """It is refused, or it speaks of another certificate; nothing else escapes."""
    answer = PROVISIONER.answer(BOOT, NOW, responder=responder())
    for bit in range(len(answer) * 8):
        changed = bytearray(answer)
        changed[bit // 8] ^= 1 << bit % 8
        parsed = parse_answer(bytes(changed))
        checklist = Checklist()
        check_answers("nvidia", PATH, [parsed] if parsed else [], NOW, checklist)
        assert checklist.checks[0].outcome != "passed"
