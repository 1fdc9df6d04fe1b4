"""Row 22 of the attestation checklist. Each refusal has its positive twin: the healthy token is accepted by the same
call, and each case differs from it in one fact, with everything else signed again.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import cbor2
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from confide.errors import Refused, Unavailable
from confide.evidence import EvidenceBundle
from confide.evidence.cca import PLATFORM, REALM
from confide.evidence.cose_key import fingerprint_of, write_cose_key
from confide.testing.fake_arm import CHALLENGE, FakeArm, issue
from confide.verify import VerifiedEvidence, verify_evidence
from confide.verify.cca import REQUIRED

ARM = FakeArm.create(datetime(2026, 6, 1, tzinfo=UTC))
QUESTION = bytes(range(64))
STRANGER = ec.generate_private_key(ec.SECP384R1())
HESRAK = "tag:arm.com,2026:cca_platform#2.0.0;HESRAK"


def verify(bundle: EvidenceBundle, **how: object) -> VerifiedEvidence:
    given = {"now": ARM.now, "report_data": None, "trusted_keys": [ARM.key_fingerprint]} | how
    return verify_evidence(bundle, **given)


def codes_of(bundle: EvidenceBundle, **how: object) -> set[str]:
    with pytest.raises(Refused) as caught:
        verify(bundle, **how)
    return set(caught.value.codes)


def outcome(verified: VerifiedEvidence, code: str) -> str:
    return next(check.outcome for check in verified.checks if check.code == code)


@pytest.mark.parametrize("tag", [399, 907])
def test_healthy_token_is_accepted(tag: int):
    verified = verify(ARM.evidence(realm=ARM.realm(challenge=QUESTION), tag=tag), report_data=QUESTION)
    assert not verified.simulated
    assert verified.root == ARM.key_fingerprint
    assert {check.outcome for check in verified.checks} == {"passed", "not applicable"}


def test_healthy_token_under_a_certificate_is_accepted_and_simulated():
    bundle = ARM.evidence(endorsements=ARM.certificates)
    verified = verify(bundle, trusted_keys=[], simulated_roots=[ARM.root_fingerprint])
    assert verified.simulated
    assert verified.root == ARM.root_fingerprint
    assert outcome(verified, "cca.chain.signature") == "passed"


def test_a_key_that_is_trusted_by_itself_needs_no_certificates():
    verified = verify(ARM.evidence(endorsements=ARM.certificates))
    assert outcome(verified, "cca.chain.root") == "not applicable"
    assert verified.root == ARM.key_fingerprint


def test_healthy_token_with_its_certificates_inside_is_accepted():
    for chain in (list(ARM.certificates), ARM.certificates[0]):
        rest = ARM.certificates[1:] if isinstance(chain, bytes) else ()
        bundle = ARM.evidence(endorsements=rest, envelopes={PLATFORM: {"unprotected": {33: chain}}})
        verify(bundle, trusted_keys=[], simulated_roots=[ARM.root_fingerprint])


def test_healthy_token_with_its_certificates_in_the_protected_header_is_accepted():
    protected = {1: -35, 33: list(ARM.certificates)}
    envelope = {"protected": protected, "protected_bytes": cbor2.dumps(protected)}
    bundle = ARM.evidence(endorsements=(), envelopes={PLATFORM: envelope})
    verify(bundle, trusted_keys=[], simulated_roots=[ARM.root_fingerprint])


@pytest.mark.parametrize("chain", [1, "text", [1], [], b"", {}])
def test_chains_in_the_header_that_are_none_vouch_for_nothing(chain: object):
    bundle = ARM.evidence(endorsements=(), envelopes={PLATFORM: {"unprotected": {33: chain}}})
    with pytest.raises((Refused, Unavailable)) as caught:
        verify(bundle, trusted_keys=[], simulated_roots=[ARM.root_fingerprint])
    assert set(caught.value.codes) <= {"cca.key.missing", "endorsement.malformed"}


def test_key_of_a_foreign_curve_is_refused():
    foreign = ec.generate_private_key(ec.SECP256K1()).public_key()
    item = foreign.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    assert codes_of(ARM.evidence(endorsements=(item,))) == {"cca.platform.signature"}


@pytest.mark.parametrize("curve", [ec.SECP256R1, ec.SECP384R1, ec.SECP521R1])
def test_healthy_token_of_any_curve_is_accepted(curve: type[ec.EllipticCurve]):
    arm = replace(ARM, platform_key=ec.generate_private_key(curve()), realm_key=ec.generate_private_key(curve()))
    verify(arm.evidence(), trusted_keys=[arm.key_fingerprint])


def test_realm_key_as_a_point_is_accepted():
    """As firmware before the realm profile writes it."""
    point = ARM.realm_key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    verify(ARM.evidence(realm=ARM.realm(profile=..., realm_key=point)))


def test_realm_key_in_longer_numbers_is_accepted():
    """A COSE_Key whose first label takes two bytes: the profile lets platforms write so."""
    key = cbor2.dumps(write_cose_key(ARM.realm_key.public_key()))
    assert key[:2] == b"\xa4\x01"
    verify(ARM.evidence(realm=ARM.realm(realm_key=b"\xa4\x18\x01" + key[2:])))


# The binding of platform and realm


def test_row_22_realm_key_that_the_platform_does_not_name_is_refused():
    """The attacker has a genuine platform token, and signs a realm token with a key of its own."""
    realm = ARM.realm(realm_key=cbor2.dumps(write_cose_key(STRANGER.public_key())))
    bound = ARM.platform(challenge=b"\1" * 32)
    assert codes_of(ARM.evidence(platform=bound, realm=realm, realm_key=STRANGER)) == {"cca.binding"}


def test_row_22_binding_by_another_hash_is_refused():
    """The hash is of the realm's key, by another algorithm than the realm token names."""
    import hashlib

    key = cbor2.dumps(write_cose_key(ARM.realm_key.public_key()))
    for named, used in (("sha-512", "sha256"), ("sha-256", "sha512")):
        platform = ARM.platform(challenge=hashlib.new(used, key).digest())
        assert codes_of(ARM.evidence(platform=platform, realm=ARM.realm(key_hash=named))) == {"cca.binding"}


@pytest.mark.parametrize("name", ["sha-256", "sha-384", "sha-512"])
def test_row_22_binding_by_each_hash_is_accepted(name: str):
    verify(ARM.evidence(realm=ARM.realm(key_hash=name)))


def test_row_22_two_healthy_tokens_of_different_platforms_are_refused():
    other = replace(ARM, realm_key=STRANGER)
    mine, theirs = (cbor2.loads(one.token()).value for one in (ARM, other))
    mixed = cbor2.dumps(cbor2.CBORTag(907, {PLATFORM: mine[PLATFORM], REALM: theirs[REALM]}))
    bundle = ARM.evidence()
    assert codes_of(replace_evidence(bundle, mixed)) == {"cca.binding"}


def replace_evidence(bundle: EvidenceBundle, data: bytes) -> EvidenceBundle:
    from confide.evidence import pack_evidence

    return pack_evidence(bundle.format, data, bundle.endorsement_bytes())


def test_row_22_callers_challenge_binds_nothing_in_hesrak():
    """There the platform's challenge is the caller's: it could be made the hash of any key."""
    import hashlib

    key = cbor2.dumps(write_cose_key(ARM.realm_key.public_key()))
    digest = hashlib.sha256(key).digest()
    challenge = bytes(64)
    healthy = ARM.platform(profile=HESRAK, challenge=challenge, binding=digest)
    verify(ARM.evidence(platform=healthy))
    forged = ARM.platform(profile=HESRAK, challenge=digest, binding=bytes(32))
    assert "cca.binding" in codes_of(ARM.evidence(platform=forged))


def test_binding_in_the_claim_of_later_profiles_is_accepted():
    import hashlib

    digest = hashlib.sha256(cbor2.dumps(write_cose_key(ARM.realm_key.public_key()))).digest()
    platform = ARM.platform(profile="tag:arm.com,2026:cca_platform#2.0.0", challenge=..., binding=digest)
    verify(ARM.evidence(platform=platform))


# Both signatures


def test_row_22_platform_token_by_another_key_is_refused():
    assert codes_of(ARM.evidence(platform_key=STRANGER)) == {"cca.platform.signature"}


def test_row_22_realm_token_by_another_key_is_refused():
    assert codes_of(ARM.evidence(realm_key=STRANGER)) == {"cca.realm.signature"}


def test_row_22_platform_token_signed_by_the_realms_key_is_refused():
    assert codes_of(ARM.evidence(platform_key=ARM.realm_key)) == {"cca.platform.signature"}


@pytest.mark.parametrize("part", [PLATFORM, REALM])
@pytest.mark.parametrize("algorithm", [-7, -36, -37, -8, 0, 5])
def test_row_22_token_that_names_another_algorithm_is_refused(part: int, algorithm: int):
    protected = {1: algorithm}
    envelope = {"protected_bytes": cbor2.dumps(protected), "protected": protected}
    codes = codes_of(ARM.evidence(envelopes={part: envelope}))
    assert codes == {"cca.platform.signature" if part == PLATFORM else "cca.realm.signature"}


@pytest.mark.parametrize("part", [PLATFORM, REALM])
def test_row_22_detached_payload_is_refused(part: int):
    own = dict(cbor2.loads(ARM.token()).value)
    protected, unprotected, _, signature = cbor2.loads(own[part][1]).value
    own[part] = [263, cbor2.dumps(cbor2.CBORTag(18, [protected, unprotected, None, signature]))]
    assert codes_of(replace_evidence(ARM.evidence(), cbor2.dumps(cbor2.CBORTag(907, own)))) == {"cca.cose"}


@pytest.mark.parametrize("key", [b"", b"\4" + bytes(96), b"\xa0", b"\xff", b"\x04"])
def test_row_22_realm_key_that_is_none_is_refused(key: bytes):
    codes = codes_of(ARM.evidence(realm=ARM.realm(realm_key=key)))
    assert codes == {"cca.realm.key"}


# Trust in the platform's key


def test_row_22_key_that_nobody_vouches_for_is_refused_under_default_settings():
    assert codes_of(ARM.evidence(), trusted_keys=[]) == {"cca.key"}


def test_forged_root_is_refused_under_default_settings():
    assert codes_of(ARM.evidence(endorsements=ARM.certificates), trusted_keys=[]) == {"cca.chain.root"}


def test_root_of_another_vendor_vouches_for_no_platform():
    from confide.verify.anchors import AMD_ROOTS

    with pytest.raises(Refused) as caught:
        verify(ARM.evidence(), trusted_keys=list(AMD_ROOTS))
    assert caught.value.codes == ("cca.key",)


def test_without_a_key_nobody_can_tell():
    with pytest.raises(Unavailable) as caught:
        verify(ARM.evidence(endorsements=()))
    assert caught.value.codes == ("cca.key.missing",)
    assert "013333" in caught.value.findings[0].wanted


def test_a_key_of_another_instance_is_not_tried():
    import json

    from confide.evidence.cca_keys import read_platform_keys

    numbers = ARM.platform_key.public_key().public_numbers()
    import base64

    x, y = (base64.urlsafe_b64encode(n.to_bytes(48, "big")).decode().rstrip("=") for n in (numbers.x, numbers.y))
    jwk = {"kty": "EC", "crv": "P-384", "x": x, "y": y}
    for instance, accepted in ((b"\1" + b"\x33" * 32, True), (b"\1" + b"\x34" * 32, False)):
        data = json.dumps([{"pkey": jwk, "instance-id": instance.hex()}]).encode()
        assert read_platform_keys(data)
        if accepted:
            verify(ARM.evidence(endorsements=(data,)))
        else:
            with pytest.raises(Unavailable):
                verify(ARM.evidence(endorsements=(data,)))


def test_missing_keys_do_not_hide_what_is_wrong():
    codes = codes_of(ARM.evidence(endorsements=(), realm_key=STRANGER))
    assert codes == {"cca.key.missing", "cca.realm.signature"}


def test_the_right_key_is_found_among_others():
    others = tuple(
        ec.generate_private_key(ec.SECP384R1())
        .public_key()
        .public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        for _ in range(4)
    )
    for items in ((*others, ARM.public_key), (ARM.public_key, *others)):
        verify(ARM.evidence(endorsements=items))


def test_a_trusted_key_does_not_vouch_for_another_that_signed():
    other = STRANGER.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    bundle = ARM.evidence(platform_key=STRANGER, endorsements=(ARM.public_key, other))
    assert codes_of(bundle) == {"cca.key"}
    assert verify(bundle, trusted_keys=[fingerprint_of(STRANGER.public_key())])


ROOT_KEY = ec.generate_private_key(ec.SECP384R1())


def under(
    name: str = "CPAK", issuer: str = "R", key: ec.EllipticCurvePrivateKey = ROOT_KEY, **how: object
) -> tuple[bytes, ...]:
    """A certificate of the platform's key and its root."""
    root = issue("R", ROOT_KEY, "R", ROOT_KEY, now=ARM.now, is_authority=True)
    leaf = issue(name, ARM.platform_key, issuer, key, **({"now": ARM.now} | how))
    return leaf.public_bytes(Encoding.DER), root.public_bytes(Encoding.DER)


def chain_codes(items: tuple[bytes, ...], now: datetime = ARM.now) -> set[str]:
    from confide.ids import sha256_of

    return codes_of(ARM.evidence(endorsements=items), now=now, trusted_keys=[], simulated_roots=[sha256_of(items[-1])])


def test_certificates_are_judged():
    from confide.ids import sha256_of

    items = under()
    verify(ARM.evidence(endorsements=items), trusted_keys=[], simulated_roots=[sha256_of(items[-1])])
    assert chain_codes(under(key=STRANGER)) == {"cca.chain.signature"}
    assert chain_codes(under(), ARM.now + timedelta(days=4000)) == {"cca.chain.validity"}
    assert chain_codes(under(life=timedelta(minutes=1))) == {"cca.chain.validity"}
    assert chain_codes(under(issuer="Q")) == {"cca.chain.root"}


def test_authority_as_the_platforms_certificate_is_not_tried():
    with pytest.raises(Unavailable):
        verify(ARM.evidence(endorsements=under(is_authority=True)))


UNKNOWN = [
    b"\0",
    b"",
    *(
        key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        for key in (ed25519.Ed25519PrivateKey.generate(), rsa.generate_private_key(65537, 2048))
    ),
]


@pytest.mark.parametrize("item", UNKNOWN, ids=range(len(UNKNOWN)))
def test_endorsements_that_are_nothing_known_are_refused(item: bytes):
    with pytest.raises(Refused) as caught:
        verify(ARM.evidence(endorsements=(ARM.public_key, item)))
    assert caught.value.codes == ("endorsement.malformed",)
    assert caught.value.findings[0].got.startswith("endorsement 2, ")


def test_too_many_endorsements_are_refused():
    assert codes_of(ARM.evidence(endorsements=(ARM.public_key,) * 33)) == {"endorsement.malformed"}
    verify(ARM.evidence(endorsements=(ARM.public_key,) * 32))


def test_too_many_keys_are_refused():
    """Each would cost a signature check."""
    import base64
    import json

    numbers = ARM.platform_key.public_key().public_numbers()
    x, y = (base64.urlsafe_b64encode(n.to_bytes(48, "big")).decode().rstrip("=") for n in (numbers.x, numbers.y))
    file = [json.dumps([{"kty": "EC", "crv": "P-384", "x": x, "y": y, "kid": f"{n}"}] * 16).encode() for n in range(3)]
    verify(ARM.evidence(endorsements=tuple(file[:2])))
    assert codes_of(ARM.evidence(endorsements=tuple(file))) == {"endorsement.malformed"}


# The challenge


@pytest.mark.parametrize("challenge", [bytes(64), QUESTION[::-1], QUESTION[:63] + b"\0"])
def test_row_22_token_for_another_question_is_refused(challenge: bytes):
    bundle = ARM.evidence(realm=ARM.realm(challenge=challenge))
    assert codes_of(bundle, report_data=QUESTION) == {"cca.report_data"}


@pytest.mark.parametrize("question", [b"", QUESTION[:32], QUESTION + b"\0"])
def test_row_22_questions_of_another_size_are_refused(question: bytes):
    bundle = ARM.evidence(realm=ARM.realm(challenge=QUESTION))
    assert codes_of(bundle, report_data=question) == {"cca.report_data"}


def test_without_a_question_freshness_is_not_claimed():
    assert outcome(verify(ARM.evidence()), "cca.report_data") == "not applicable"


def test_platforms_own_challenge_is_the_realms():
    import hashlib

    digest = hashlib.sha256(cbor2.dumps(write_cose_key(ARM.realm_key.public_key()))).digest()
    realm = ARM.realm(challenge=QUESTION)
    same = ARM.platform(profile=HESRAK, binding=digest) | {CHALLENGE: QUESTION}
    verify(ARM.evidence(platform=same, realm=realm), report_data=QUESTION)
    other = same | {CHALLENGE: bytes(64)}
    for question in (QUESTION, bytes(64), None):
        assert codes_of(ARM.evidence(platform=other, realm=realm), report_data=question) == {"cca.report_data"}


# The lifecycle


@pytest.mark.parametrize("lifecycle", [0x3000, 0x3003, 0x30FF])
def test_row_22_secured_platform_is_accepted(lifecycle: int):
    verify(ARM.evidence(platform=ARM.platform(lifecycle=lifecycle)))


@pytest.mark.parametrize("lifecycle", [0x0000, 0x1000, 0x20FF, 0x4000, 0x5000, 0x6000])
def test_row_22_platform_that_is_not_secured_is_refused(lifecycle: int):
    assert codes_of(ARM.evidence(platform=ARM.platform(lifecycle=lifecycle))) == {"cca.lifecycle"}


def test_unknown_parts_are_refused():
    bundle = ARM.evidence()
    assert codes_of(EvidenceBundle(bundle.format, bundle.evidence, bundle.endorsements, {"log": ""})) == {
        "evidence.parts"
    }


CHAIN = {f"cca.chain.{name}" for name in ("root", "names", "authority", "signature", "validity")} | {"cca.crl"}
NEEDS_TOKEN = {
    "cca.key.missing", "cca.key", "cca.platform.signature", "cca.realm.key", "cca.realm.signature", "cca.binding",
    "cca.report_data", "cca.lifecycle", *CHAIN,
}  # fmt: skip


def test_what_must_have_a_result_is_complete():
    parsed = {f"cca.{name}" for name in ("size", "collection", "cose", "profile", "claims")}
    assert NEEDS_TOKEN | parsed | {"evidence.parts"} == REQUIRED


def outcomes(failure: Refused | Unavailable) -> dict[str, str]:
    return {check.code: check.outcome for check in failure.checks}


def test_a_token_that_does_not_parse_passes_no_check():
    with pytest.raises(Refused) as caught:
        verify(replace_evidence(ARM.evidence(), b"\xd9\x03\x8b"), report_data=QUESTION)
    assert caught.value.codes == ("cca.collection",)
    assert outcomes(caught.value) == dict.fromkeys(REQUIRED, "failed") | {"evidence.parts": "passed"}


FAILED_WITH = [
    ({"endorsements": ()}, CHAIN | {"cca.key.missing", "cca.key", "cca.platform.signature"}),
    ({"platform_key": STRANGER}, CHAIN | {"cca.platform.signature", "cca.key"}),
    ({"realm": ARM.realm(realm_key=b"")}, {"cca.realm.key", "cca.realm.signature"}),
]


@pytest.mark.parametrize(("fault", "failed"), FAILED_WITH)
def test_what_needs_a_check_that_failed_does_not_pass(fault: dict[str, object], failed: set[str]):
    with pytest.raises((Refused, Unavailable)) as caught:
        verify(ARM.evidence(**fault))
    assert {code for code, one in outcomes(caught.value).items() if one == "failed"} == failed
    assert outcomes(caught.value).keys() == REQUIRED


def test_under_a_key_that_nobody_vouches_for_no_chain_passes():
    with pytest.raises(Refused) as caught:
        verify(ARM.evidence(), trusted_keys=[])
    assert {code for code, one in outcomes(caught.value).items() if one == "failed"} == CHAIN | {"cca.key"}
