"""Row 20 of the attestation checklist. Each refusal has its positive twin: the healthy document is accepted by the
same call, and each case differs from it in one fact, with everything else signed again.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from confide.errors import Refused
from confide.evidence import EvidenceBundle
from confide.evidence.cose import ES256, PS384
from confide.ids import to_base64
from confide.testing.fake_aws import AwsAuthority, FakeAws
from confide.verify import VerifiedEvidence, verify_evidence
from confide.verify.nitro import REQUIRED

AWS = FakeAws.create(datetime(2026, 6, 1, tzinfo=UTC))
DAY = timedelta(days=1)
NONCE = b"a question of any length"


def verify(bundle: EvidenceBundle, now: datetime | None = None, **how: object) -> VerifiedEvidence:
    given = {"report_data": None, "simulated_roots": [AWS.root_fingerprint]} | how
    return verify_evidence(bundle, now=now or AWS.now, **given)


def refusal(bundle: EvidenceBundle, now: datetime | None = None, **how: object) -> Refused:
    with pytest.raises(Refused) as caught:
        verify(bundle, now, **how)
    return caught.value


def codes_of(bundle: EvidenceBundle, now: datetime | None = None, **how: object) -> set[str]:
    return set(refusal(bundle, now, **how).codes)


def outcome(verified: VerifiedEvidence, code: str) -> str:
    return next(check.outcome for check in verified.checks if check.code == code)


def test_healthy_document_is_accepted():
    verified = verify(AWS.evidence(AWS.document(nonce=NONCE)), report_data=NONCE)
    assert verified.simulated
    assert verified.root == AWS.root_fingerprint
    assert {check.outcome for check in verified.checks} == {"passed", "not applicable"}
    assert verified.claims["module_id"] == "i-0123456789abcdef0-enc0123456789abcdef"


def test_row_20_tagged_envelope_is_accepted():
    verify(AWS.evidence(AWS.document(), tagged=True))


# The algorithm


@pytest.mark.parametrize("algorithm", [ES256, -36, PS384, -7, 0])
def test_row_20_other_algorithm_is_refused(algorithm: int):
    import cbor2

    bundle = AWS.evidence(AWS.document(), protected_bytes=cbor2.dumps({1: algorithm}))
    assert codes_of(bundle) == {"nitro.header"}


def test_row_20_algorithm_that_is_not_protected_is_refused():
    bundle = AWS.evidence(AWS.document(), protected_bytes=b"", unprotected={1: -35})
    assert codes_of(bundle) == {"nitro.cose"}


def test_row_20_key_on_another_curve_is_refused():
    leaf = AWS.leaf(key=ec.generate_private_key(ec.SECP256R1()))
    assert codes_of(AWS.evidence(AWS.document(), leaf=leaf)) == {"nitro.signature"}


def test_row_20_signature_by_another_key_is_refused():
    stranger = replace(AWS.leaf(), key=ec.generate_private_key(ec.SECP384R1()))
    assert codes_of(AWS.evidence(AWS.document(), leaf=stranger)) == {"nitro.signature"}


def test_row_20_signature_of_another_document_is_refused():
    own = AWS.evidence(AWS.document(nonce=b"1")).evidence_bytes()
    other = AWS.evidence(AWS.document(nonce=b"2")).evidence_bytes()
    assert codes_of(EvidenceBundle("aws-nitro", to_base64(own[:-96] + other[-96:]))) == {"nitro.signature"}


# The chain


def test_row_20_forged_root_with_awss_names_is_refused_under_default_settings():
    assert codes_of(AWS.evidence(AWS.document()), simulated_roots=[]) == {"nitro.chain.root"}


def test_row_20_real_root_above_a_forged_chain_is_refused(real_root: AwsAuthority):
    """The attacker puts AWS's own root above certificates of its own."""
    bundle = AWS.evidence(AWS.document(), authorities=(real_root, *AWS.authorities[1:]))
    assert codes_of(bundle, simulated_roots=[]) == {"nitro.chain.signature"}


@pytest.fixture(scope="module")
def real_root(shared) -> AwsAuthority:
    from cryptography.x509 import load_pem_x509_certificate

    folder = shared / "evidence/nitro/evervault+attestation-doc-validation"
    pem = (folder / "attestation-doc-validation/src/nitro.pem").read_bytes()
    return AwsAuthority(AWS.authorities[0].key, load_pem_x509_certificate(pem))


def test_row_20_bundle_in_reverse_order_is_refused():
    bundle = AWS.evidence(AWS.document(), authorities=tuple(reversed(AWS.authorities)))
    assert {"nitro.chain.names", "nitro.chain.root"} <= codes_of(bundle)


def test_row_20_bundle_with_two_authorities_exchanged_is_refused():
    root, region, zone, instance = AWS.authorities
    codes = codes_of(AWS.evidence(AWS.document(), authorities=(root, zone, region, instance)))
    assert {"nitro.chain.names", "nitro.chain.signature"} <= codes


def test_row_20_bundle_without_its_root_is_refused():
    bundle = AWS.evidence(AWS.document(), authorities=AWS.authorities[1:])
    assert codes_of(bundle) == {"nitro.chain.root"}


def test_row_20_bundle_without_an_authority_between_is_refused():
    root, region, _, instance = AWS.authorities
    codes = codes_of(AWS.evidence(AWS.document(), authorities=(root, region, instance)))
    assert codes == {"nitro.chain.names", "nitro.chain.signature"}


def with_instance(**changes: object) -> tuple[FakeAws, AwsAuthority]:
    """AWS with another lowest authority, and a leaf under it."""
    zone = AWS.authorities[2]
    given = {"now": AWS.now, "life": DAY, "path_length": 0} | changes
    instance = AwsAuthority.issue("instance", ec.generate_private_key(ec.SECP384R1()), zone, **given)
    aws = FakeAws(AWS.now, (*AWS.authorities[:3], instance))
    return aws, aws.leaf()


def test_row_20_another_instance_authority_is_accepted():
    aws, leaf = with_instance()
    verify(aws.evidence(aws.document(), leaf=leaf))


def test_row_20_authority_that_may_not_certify_is_refused():
    aws, leaf = with_instance(is_authority=False, path_length=None)
    assert codes_of(aws.evidence(aws.document(), leaf=leaf)) == {"nitro.chain.authority"}


def test_row_20_path_longer_than_its_constraint_is_refused():
    """The instance's authority may have leaves below it, and no further authority."""
    below = AwsAuthority.issue(
        "below", ec.generate_private_key(ec.SECP384R1()), AWS.authorities[-1], now=AWS.now, life=DAY
    )
    aws = FakeAws(AWS.now, (*AWS.authorities, below))
    assert codes_of(aws.evidence(aws.document())) == {"nitro.chain.authority"}


def test_row_20_leaf_that_is_an_authority_is_refused():
    bundle = AWS.evidence(AWS.document(), leaf=AWS.leaf(is_authority=True))
    assert codes_of(bundle) == {"nitro.chain.authority"}


@pytest.mark.parametrize("usage", [{"signs": False}, {"has_usage": False}])
def test_row_20_leaf_that_may_not_sign_is_refused(usage: dict[str, bool]):
    failure = refusal(AWS.evidence(AWS.document(), leaf=AWS.leaf(**usage)))
    assert failure.codes == ("nitro.leaf",)
    assert failure.findings[0].got == "a leaf that may not sign"


def test_row_20_leaf_with_a_path_length_is_refused():
    leaf = AWS.leaf(is_authority=True, path_length=0)
    failure = refusal(AWS.evidence(AWS.document(), leaf=leaf))
    assert set(failure.codes) == {"nitro.leaf", "nitro.chain.authority"}


def test_row_20_authority_that_its_issuer_did_not_sign_is_refused():
    root, region, zone, instance = AWS.authorities
    forged = AwsAuthority.issue(
        "0123456789abcdef.zonal.us-east-1.aws.nitro-enclaves", zone.key, replace(region, key=instance.key),
        now=AWS.now, life=DAY, path_length=1,
    )  # fmt: skip
    assert codes_of(AWS.evidence(AWS.document(), authorities=(root, region, forged, instance))) == {
        "nitro.chain.signature"
    }


@pytest.mark.parametrize("field", ["certificate", "cabundle"])
def test_row_20_certificates_that_do_not_parse_are_refused(field: str):
    broken = b"0\x03\x02\x01\x01"
    bundle = AWS.evidence(AWS.document(**{field: [broken] if field == "cabundle" else broken}))
    assert codes_of(bundle) == {"nitro.certificates"}


def test_row_20_a_revocation_list_in_place_of_a_certificate_is_refused():
    crl = AWS.authorities[0].revocation_list(AWS.now)
    assert codes_of(AWS.evidence(AWS.document(cabundle=[crl]))) == {"nitro.certificates"}


# The time


def test_row_20_leaf_that_was_not_valid_when_the_document_was_made_is_refused():
    """The document's own time decides, although the leaf is valid now."""
    later = AWS.leaf(now=AWS.now + timedelta(hours=1))
    now = AWS.now + timedelta(hours=2)
    assert codes_of(AWS.evidence(AWS.document(), leaf=later), now) == {"nitro.chain.validity"}


@pytest.mark.parametrize("minutes", [0, 90, 179])
def test_row_20_document_is_accepted_while_its_leaf_lives(minutes: int):
    verify(AWS.evidence(AWS.document()), AWS.now + timedelta(minutes=minutes))


@pytest.mark.parametrize("moment", [timedelta(hours=3), DAY, timedelta(days=4000), timedelta(minutes=-5)])
def test_row_20_document_outside_of_its_leafs_life_is_refused(moment: timedelta):
    failure = refusal(AWS.evidence(AWS.document()), AWS.now + moment)
    assert failure.codes == ("nitro.time",)
    assert "only the time is wrong" in failure.findings[0].remedy
    assert "2026-06-01T00:00:00Z" in failure.findings[0].remedy


def test_row_20_old_and_forged_is_not_said_to_be_old_alone():
    failure = refusal(AWS.evidence(AWS.document()), AWS.now + DAY, simulated_roots=[])
    assert set(failure.codes) == {"nitro.chain.root", "nitro.time"}
    assert all("only the time" not in finding.remedy for finding in failure.findings)


def test_row_20_document_from_the_future_is_refused():
    leaf = AWS.leaf(life=timedelta(hours=9))
    ahead = int((AWS.now + timedelta(seconds=61)).timestamp() * 1000)
    assert codes_of(AWS.evidence(AWS.document(timestamp=ahead), leaf=leaf)) == {"nitro.time"}


def test_row_20_clocks_may_differ_by_a_minute():
    ahead = int((AWS.now + timedelta(seconds=60)).timestamp() * 1000)
    verify(AWS.evidence(AWS.document(timestamp=ahead)))


# Revocation


@pytest.mark.parametrize("level", [0, 1, 2, 3])
def test_a_list_of_any_authority_is_heeded(level: int):
    authority = AWS.authorities[level]
    leaf = AWS.leaf()
    below = (*AWS.authorities, leaf)[level + 1]
    healthy = authority.revocation_list(AWS.now, (1, 2))
    assert outcome(verify(AWS.evidence(AWS.document(), leaf=leaf, lists=(healthy,))), "nitro.crl") == "passed"
    revoking = authority.revocation_list(AWS.now, (below.certificate.serial_number,))
    assert codes_of(AWS.evidence(AWS.document(), leaf=leaf, lists=(revoking,))) == {"nitro.crl"}


def test_a_list_that_is_out_of_date_now_is_refused():
    crl = replace(AWS.authorities[0]).revocation_list(AWS.now - DAY, days=1)
    bundle = AWS.evidence(AWS.document(), lists=(crl,))
    assert codes_of(bundle, AWS.now + timedelta(hours=1)) == {"nitro.crl", "nitro.time"}


def test_an_endorsement_that_is_no_certificate_is_refused():
    assert codes_of(AWS.evidence(AWS.document(), lists=(b"\x30\x00",))) == {"endorsement.malformed"}


# The question


@pytest.mark.parametrize("nonce", [None, b"", NONCE[:-1], NONCE + b"\0", NONCE[::-1]])
def test_document_for_another_question_is_refused(nonce: bytes | None):
    assert codes_of(AWS.evidence(AWS.document(nonce=nonce)), report_data=NONCE) == {"nitro.report_data"}


def test_question_in_user_data_alone_is_refused():
    bundle = AWS.evidence(AWS.document(user_data=NONCE, public_key=NONCE))
    assert codes_of(bundle, report_data=NONCE) == {"nitro.report_data"}


def test_without_a_question_freshness_is_not_claimed():
    assert outcome(verify(AWS.evidence(AWS.document(nonce=NONCE))), "nitro.report_data") == "not applicable"


# Debug mode, and the rest


def test_row_20_debug_mode_is_refused_without_a_policy():
    assert codes_of(AWS.evidence(AWS.document(pcrs={i: bytes(48) for i in range(16)}))) == {"nitro.debug"}


@pytest.mark.parametrize("index", [0, 1, 2])
def test_row_20_one_measurement_that_is_not_zero_is_no_debug_mode(index: int):
    verify(AWS.evidence(AWS.document(pcrs={i: bytes([i == index]) * 48 for i in range(16)})))


def test_unknown_parts_are_refused():
    bundle = AWS.evidence(AWS.document())
    assert codes_of(EvidenceBundle(bundle.format, bundle.evidence, (), {"log": ""})) == {"evidence.parts"}


CHAIN = {f"nitro.chain.{name}" for name in ("root", "names", "authority", "signature", "validity")} | {"nitro.crl"}
DOCUMENT = {f"nitro.{name}" for name in ("size", "cose", "header", "fields", "limits")}
NEEDS_CERTIFICATES = CHAIN | {"nitro.leaf", "nitro.signature", "nitro.time"}


def test_what_must_have_a_result_is_complete():
    others = {"evidence.parts", "nitro.certificates", "nitro.report_data", "nitro.debug"}
    assert DOCUMENT | NEEDS_CERTIFICATES | others == REQUIRED


def outcomes(failure: Refused) -> dict[str, str]:
    return {check.code: check.outcome for check in failure.checks}


def test_a_document_that_does_not_parse_passes_no_check():
    failure = refusal(EvidenceBundle("aws-nitro", to_base64(b"\x84")), report_data=NONCE)
    assert failure.codes == ("nitro.cose",)
    assert outcomes(failure) == dict.fromkeys(REQUIRED, "failed") | {"evidence.parts": "passed"}


def test_without_certificates_nothing_that_needs_them_passes():
    failure = refusal(AWS.evidence(AWS.document(certificate=b"0\x03\x02\x01\x01")))
    assert failure.codes == ("nitro.certificates",)
    assert failure.findings[0].got == "1 of 5 certificates that do not parse"
    assert {code for code, one in outcomes(failure).items() if one == "failed"} == NEEDS_CERTIFICATES | {
        "nitro.certificates"
    }


def test_the_finding_names_the_certificate_that_lives_the_shortest():
    finding = refusal(AWS.evidence(AWS.document()), AWS.now + timedelta(days=30)).findings[0]
    assert "enc0123456789abcdef.us-east-1.aws from 2026-05-31T23:59:30Z to 2026-06-01T02:59:30Z" in finding.got
    assert "zonal" not in finding.got
