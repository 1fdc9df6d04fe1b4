"""Attestation tokens of CCA: wrappers, profiles, claims."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime

import cbor2
import pytest

from confide.errors import Refused
from confide.evidence import cca
from confide.evidence.cca import MAX_SIZE, PLATFORM, PLATFORM_PROFILES, REALM, REALM_PROFILES, parse_token
from confide.evidence.recognition import recognise
from confide.testing.fake_arm import FakeArm

ARM = FakeArm.create(datetime(2026, 6, 1, tzinfo=UTC))
HASHES = [bytes(32), bytes(48), bytes(64)]
TAG = "tag:arm.com,2026:cca_platform#2.1.0"


def code_of(data: bytes) -> str:
    with pytest.raises(Refused) as caught:
        parse_token(data)
    (code,) = caught.value.codes
    return code


def platform_code(**changes: object) -> str:
    return code_of(ARM.token(platform=ARM.platform(**changes)))


def realm_code(**changes: object) -> str:
    return code_of(ARM.token(realm=ARM.realm(**changes)))


@pytest.mark.parametrize("tag", [399, 907])
def test_both_wrappers_are_read(tag: int):
    token = parse_token(ARM.token(tag=tag))
    assert token.platform.state == "secured"
    assert token.realm.initial_measurement == b"\x11" * 48
    assert [one.type for one in token.platform.components] == ["RMM", "BL31"]
    assert token.claims()["realm"]["challenge"] == "00" * 64
    assert recognise(ARM.token(tag=tag)).format == "arm-cca"


def test_a_token_in_the_json_of_an_attester_is_recognised():
    """Confidential Containers write the bytes as numbers, others as base64."""
    data = ARM.token()
    for value in (list(data), base64.b64encode(data).decode()):
        assert recognise(json.dumps({"token": value}).encode()).evidence_bytes() == data
    assert cca.recognise(json.dumps({"token": "eyJhbGciOiJub25lIn0.e30."}).encode()) is None


def test_claims_of_later_profiles_are_read():
    platform = ARM.platform(
        profile=TAG, binding=bytes(32), challenge=..., claim_2394=1, claim_2404=[{}], claim_2406=[b"x"]
    )
    component = {2: bytes(64), 5: bytes(48), 7: True, 8: [bytes(32)]}
    realm = ARM.realm(
        profile="tag:arm.com,2026:realm#2.0.0",
        claim_44243=1,
        claim_44244=1,
        claim_44257=bytes(32),
        claim_256=b"\1" * 33,
    )
    token = parse_token(ARM.token(platform=platform | {2399: [component]}, realm=realm))
    assert token.platform.binding == bytes(32)
    assert (token.platform.extensions, list(token.platform.extra)) == (1, [2406])
    assert (token.platform.components[0].type, token.platform.components[0].live) == ("component 0", True)
    assert (token.realm.memory_key, token.realm.live_activation, token.realm.has_devices) == ("private", True, True)
    assert token.claims()["platform"]["other_claims"] == ["2406"]


def test_claims_that_are_not_known_are_kept_and_not_refused():
    token = parse_token(ARM.token(realm=ARM.realm(claim_99999="new")))
    assert token.realm.extra == {99999: "new"}


def test_labels_and_states_are_those_of_the_specification():
    """By their numbers (RMM, A7.2.3 and A7.2.3.2.6), not by this project's names."""
    for tag in (399, 907):
        wrapper = cbor2.loads(ARM.token(tag=tag))
        assert (wrapper.tag, set(wrapper.value)) == (tag, {44234, 44241})
        assert tag == 399 or {entry[0] for entry in wrapper.value.values()} == {263}
    states = {0x0001: "unknown", 0x1001: "assembly and test", 0x2001: "provisioning", 0x3001: "secured",
              0x4001: "realm debug", 0x5001: "recoverable root debug", 0x6001: "decommissioned"}  # fmt: skip
    for lifecycle, state in states.items():
        assert parse_token(ARM.token(platform=ARM.platform(lifecycle=lifecycle))).platform.state == state


def test_a_component_is_live_only_where_it_says_so():
    assert [one.live for one in parse_token(ARM.token()).platform.components] == [False, False]


def test_numbers_in_longer_forms_are_read():
    """The profile lets platforms write them (variant serialization)."""
    data = ARM.token()
    assert data.startswith(b"\xd9\x03\x8b\xa2\x19")
    longer = b"\xda\x00\x00\x03\x8b" + data[3:]
    assert parse_token(longer) == parse_token(data)


@pytest.mark.parametrize("data", [b"", bytes(MAX_SIZE + 1)])
def test_tokens_that_are_empty_or_too_large_are_refused(data: bytes):
    assert code_of(data) == "cca.size"


def wrap(entries: object, tag: int = 907) -> bytes:
    return cbor2.dumps(cbor2.CBORTag(tag, entries))


RECORD = [263, b""]
COLLECTIONS = {
    "no CBOR": b"\xff",
    "no tag": cbor2.dumps({PLATFORM: RECORD, REALM: RECORD}),
    "another tag": wrap({}, 400),
    "no map": wrap([RECORD, RECORD]),
    "an empty map": wrap({}),
    "no realm": wrap({PLATFORM: RECORD}),
    "no platform": wrap({REALM: RECORD}),
    "a third entry": wrap({PLATFORM: RECORD, REALM: RECORD, 44258: [601, b""]}),
    "a type beside the entries": wrap({PLATFORM: RECORD, REALM: RECORD, "__cmwc_t": "x"}),
    "bare tokens in the new wrapper": wrap({PLATFORM: b"", REALM: b""}),
    "records in the old one": wrap({PLATFORM: RECORD, REALM: RECORD}, 399),
    "another content type": wrap({PLATFORM: [264, b""], REALM: RECORD}),
    "a record of three": wrap({PLATFORM: [263, b"", 1], REALM: RECORD}),
    "a record as a map": wrap({PLATFORM: {0: 263, 1: b""}, REALM: RECORD}),
    "as large as can be": bytes(MAX_SIZE),
    "a record of text": wrap({PLATFORM: [263, ""], REALM: RECORD}),
    "a byte after it": ARM.token() + b"\0",
    "indefinite lengths": b"\xd9\x03\x8b\xbf\xff",
}


@pytest.mark.parametrize("data", COLLECTIONS.values(), ids=COLLECTIONS.keys())
def test_what_is_no_collection_of_two_tokens_is_refused(data: bytes):
    assert code_of(data) == "cca.collection"


ENVELOPES = [
    {"tagged": False},
    {"payload": b"\x80"},
    {"payload": b"\xff"},
    {"unprotected": {7: b""}},
    {"unprotected": {2: [9]}},
]


@pytest.mark.parametrize("part", [PLATFORM, REALM])
@pytest.mark.parametrize("envelope", ENVELOPES)
def test_envelopes_that_are_none_are_refused(part: int, envelope: dict[str, object]):
    assert code_of(ARM.token(envelopes={part: envelope})) == "cca.cose"


@pytest.mark.parametrize("profile", sorted(PLATFORM_PROFILES))
def test_platform_profiles_of_the_delegated_model_are_read(profile: str):
    both = {"binding": bytes(32)} if profile.endswith("HESRAK") else {}
    assert parse_token(ARM.token(platform=ARM.platform(profile=profile, **both))).platform.profile == profile


@pytest.mark.parametrize("profile", sorted(map(str, REALM_PROFILES)))
def test_realm_profiles_are_read(profile: str):
    given = ... if profile == "None" else profile
    assert str(parse_token(ARM.token(realm=ARM.realm(profile=given))).realm.profile) == profile


@pytest.mark.parametrize(
    "profile", ["http://arm.com/CCA-SSD/2.0.0", f"{TAG};direct", "tag:psacertified.org,2023:psa#tfm", "", 1, ..., [TAG]]
)
def test_other_platform_profiles_are_refused(profile: object):
    assert platform_code(profile=profile) == "cca.profile"


@pytest.mark.parametrize("profile", ["tag:arm.com,2023:realm#9.0.0", "", 1, True])
def test_other_realm_profiles_are_refused(profile: object):
    assert realm_code(profile=profile) == "cca.profile"


COMPONENT = {2: bytes(32), 5: bytes(32)}
PLATFORM_CLAIMS = {
    "challenge": (HASHES, [bytes(31), b"", "x", 1, [bytes(32)], ...]),
    "binding": ([...], [bytes(31), "x", bytes(32)]),  # beside a challenge it is for HESRAK alone
    "instance_id": ([b"\1" * 33], [bytes(33), b"\1" * 32, b"\2" * 33, "x", ...]),
    "implementation_id": ([bytes(32)], [bytes(31), bytes(33), "x", ...]),
    "lifecycle": ([0x3000, 0x30FF, 0x0000, 0x60FF], [0x7000, 0x3100, -1, "12288", True, None, ...]),
    "config": ([b"", bytes(100)], ["x", 1, ...]),
    "components": (
        [[COMPONENT], [COMPONENT] * 64],
        [[], [COMPONENT] * 65, {}, [1], [{}], [{2: bytes(32)}], [{5: bytes(32)}], ...],
    ),
    "platform_hash": (["sha-256", "any"], [1, b"sha-256", "x" * 513, ...]),
    "claim_2400": (["https://example", ...], [1, b"x"]),
    "claim_2394": ([1, ...], [0, 2, True, "1"]),
    "claim_2404": ([[], [{}], ...], [{}, 1]),
}
REALM_CLAIMS = {
    "challenge": ([bytes(64)], [bytes(63), bytes(32), b"", "x" * 64, [bytes(64)], ...]),
    "personalization": ([bytes(64)], [bytes(32), bytes(65), 1, ...]),
    "initial": (HASHES, [bytes(20), "x", ...]),
    "extensible": ([[bytes(32)] * 4], [[bytes(32)] * 3, [bytes(32)] * 5, [bytes(20)] * 4, bytes(128), ...]),
    "realm_hash": (["sha-256", "sha-384", "sha-512"], ["sha-1", "SHA-256", "md5", 1, [], {}, ...]),
    "key_hash": (["sha-256", "sha-384", "sha-512"], ["sha-224", 1, ...]),
    "realm_key": ([b"", b"\4"], ["x", {}, ...]),
    "claim_44243": ([0, 1, ...], [2, "private", True]),
    "claim_44244": ([0, 1, ...], [2, True, "allow"]),
    "claim_44257": ([bytes(32), ...], [b"", "x"]),
    "claim_256": ([b"\1" * 33, ...], [b"\2" * 33, b""]),
}
COMPONENT_PARTS = {
    1: (["BL", "", ...], [1, b"BL"]),
    2: (HASHES, [bytes(20), "x", ...]),
    4: (["1", ...], [1]),
    5: (HASHES, [b"", ...]),
    6: (["sha-256", ...], [1]),
    7: ([True, False, ...], [1]),
}


def cases(table: dict, which: int) -> list[tuple[object, object]]:
    return [(name, value) for name, sides in table.items() for value in sides[which]]


@pytest.mark.parametrize(("name", "value"), cases(PLATFORM_CLAIMS, 0))
def test_platform_claims_within_their_limits_are_read(name: str, value: object):
    parse_token(ARM.token(platform=ARM.platform(**{name: value})))


@pytest.mark.parametrize(("name", "value"), cases(PLATFORM_CLAIMS, 1))
def test_platform_claims_outside_of_their_limits_are_refused(name: str, value: object):
    assert platform_code(**{name: value}) == "cca.claims"


@pytest.mark.parametrize(("name", "value"), cases(REALM_CLAIMS, 0))
def test_realm_claims_within_their_limits_are_read(name: str, value: object):
    parse_token(ARM.token(realm=ARM.realm(**{name: value})))


@pytest.mark.parametrize(("name", "value"), cases(REALM_CLAIMS, 1))
def test_realm_claims_outside_of_their_limits_are_refused(name: str, value: object):
    assert realm_code(**{name: value}) == "cca.claims"


def component(key: object, value: object) -> list[dict[object, object]]:
    return [{label: part for label, part in (COMPONENT | {key: value}).items() if part is not ...}]


@pytest.mark.parametrize(("key", "value"), cases(COMPONENT_PARTS, 0))
def test_parts_of_a_component_are_read(key: int, value: object):
    parse_token(ARM.token(platform=ARM.platform(components=component(key, value))))


@pytest.mark.parametrize(("key", "value"), cases(COMPONENT_PARTS, 1))
def test_parts_of_a_component_that_do_not_fit_are_refused(key: int, value: object):
    assert platform_code(components=component(key, value)) == "cca.claims"


def test_a_challenge_and_a_binding_stand_together_in_hesrak_alone():
    assert platform_code(profile=f"{TAG};HESRAK") == "cca.claims"
    assert platform_code(profile=f"{TAG};HESRAK", challenge=..., binding=bytes(32)) == "cca.claims"
    assert platform_code(profile=TAG, binding=bytes(32)) == "cca.claims"
    token = parse_token(ARM.token(platform=ARM.platform(profile=f"{TAG};HESRAK", binding=b"\1" * 32)))
    assert token.platform.binding == b"\1" * 32
    assert token.platform.challenge is not None


def test_the_finding_names_token_and_claim():
    with pytest.raises(Refused) as caught:
        parse_token(ARM.token(realm=ARM.realm(challenge=bytes(32))))
    assert caught.value.findings[0].got == "realm: challenge, bytes of size 32"
