"""EAR: what is signed says what was found, and what is read back was signed by the key that the caller trusts."""

from __future__ import annotations

import base64
import contextlib
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256K1, SECP256R1, SECP384R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key as generate_rsa_key
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from hypothesis import given
from hypothesis import strategies as st

from confide.errors import Check, Misuse, Refused
from confide.results import Appraised, Tier, make_ear, read_ear, read_unverified_ear, sign_ear
from confide.results.ear import PROFILE, load_signing_key

NOW = datetime(2026, 11, 24, tzinfo=UTC)
KEYS = {"ES256": generate_private_key(SECP256R1()), "ES384": generate_private_key(SECP384R1()),
        "EdDSA": Ed25519PrivateKey.generate()}  # fmt: skip
SIGNER = KEYS["EdDSA"]
CHECKS = (Check("snp.signature", "passed"), Check("policy.workload.measurement", "passed"), Check("snp.vmpl", "passed"))
VERAISON = Path(__file__).parents[3] / "shared/evidence/eat-ear/veraison+services/policy/test"
needs_veraison = pytest.mark.skipif(not VERAISON.exists(), reason="the shared evidence is not here")


def piece(**changes: object) -> Appraised:
    fields = {"format": "sev-snp", "verdict": "affirmed", "simulated": False, "checks": CHECKS, "policy": "sha256:00"}
    return Appraised(**(fields | changes))  # type: ignore[arg-type]


def signed(key=SIGNER, **claims: object) -> str:
    return sign_ear(make_ear({"cpu": piece()}, now=NOW) | claims, key)


def code_of(token: str, key=SIGNER, now: datetime = NOW) -> str:
    with pytest.raises(Refused) as caught:
        read_ear(token, key.public_key(), now=now)
    (code,) = caught.value.codes
    return code


@pytest.mark.parametrize("algorithm", KEYS)
def test_signed_ear_is_read_back(algorithm: str):
    token = signed(KEYS[algorithm])
    assert jwt.get_unverified_header(token)["alg"] == algorithm
    assert jwt.get_unverified_header(token)["typ"] == "eat+jwt"
    ear = read_ear(token, KEYS[algorithm].public_key(), now=NOW)
    assert (ear.profile, ear.status, ear.issued_at) == (PROFILE, Tier.AFFIRMING, NOW)
    assert ear.verifier["developer"] == "Confide"
    assert ear.submods["cpu"].vector == {"configuration": 2, "executables": 3, "hardware": 2}
    assert ear.submods["cpu"].policies == ("sha256:00",)


def test_every_check_with_its_outcome_is_in_the_token_and_no_detail_of_a_refusal():
    refused = piece(verdict="refused", failed=("snp.vmpl",), checks=(Check("snp.vmpl", "failed"),))
    ear = read_ear(sign_ear(make_ear({"cpu": refused}, now=NOW), SIGNER), SIGNER.public_key(), now=NOW)
    assert ear.submods["cpu"].verifier_claims == {
        "format": "sev-snp", "verdict": "refused", "simulated": False,
        "checks": [{"code": "snp.vmpl", "outcome": "failed"}],
    }  # fmt: skip


def test_nonce_is_in_the_appraisal_as_the_draft_writes_it():
    assert piece(nonce=b"\xff" * 64).to_dict()["eat_nonce"] == "_" * 85 + "w"
    assert "eat_nonce" not in piece().to_dict()


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({}, Tier.AFFIRMING),
        ({"verdict": "genuine"}, Tier.NONE),
        ({"verdict": "unavailable", "failed": ("snp.chain.missing",)}, Tier.NONE),
        ({"verdict": "refused", "failed": ("snp.vmpl",)}, Tier.CONTRAINDICATED),
        ({"verdict": "refused", "failed": ("evidence.incomplete",)}, Tier.CONTRAINDICATED),
        ({"simulated": True}, Tier.CONTRAINDICATED),
        ({"simulated": True, "verdict": "genuine"}, Tier.CONTRAINDICATED),
        ({"checks": (*CHECKS, Check("snp.policy.debug", "waived", "a test bench"))}, Tier.WARNING),
    ],
)
def test_status_is_never_better_than_what_was_found(changes: dict[str, object], status: Tier):
    assert piece(**changes).status is status


@pytest.mark.parametrize(
    ("other", "status"),
    [("affirmed", "affirming"), ("genuine", "none"), ("refused", "contraindicated"), ("unavailable", "none")],
)
def test_whole_is_as_good_as_its_worst_piece(other: str, status: str):
    ear = make_ear({"cpu": piece(), "gpu": piece(verdict=other)}, now=NOW)
    assert ear["ear_status"] == status


def test_ear_of_nothing_is_refused():
    with pytest.raises(ValueError, match="submodule"):
        make_ear({}, now=NOW)


def test_signature_of_another_key_is_refused():
    assert code_of(signed(Ed25519PrivateKey.generate())) == "ear.signature"
    assert code_of(signed(KEYS["ES384"]), KEYS["ES256"]) == "ear.signature"


def test_no_algorithm_of_the_tokens_choosing_is_taken():
    claims = make_ear({"cpu": piece()}, now=NOW)
    public = SIGNER.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    assert code_of(jwt.encode(claims, public, algorithm="HS256")) == "ear.signature"
    assert code_of(jwt.encode(claims, None, algorithm="none")) == "ear.malformed"  # an empty third part
    none = jwt.encode(claims, None, algorithm="none") + "AA"
    assert code_of(none) == "ear.signature"


def test_every_changed_bit_of_the_payload_is_refused():
    token = signed()
    head, body, tail = token.split(".")
    raw = bytearray(base64.urlsafe_b64decode(body + "=="))
    for position in range(0, len(raw) * 8, 7):
        raw[position // 8] ^= 1 << position % 8
        changed = base64.urlsafe_b64encode(bytes(raw)).rstrip(b"=").decode()
        assert code_of(f"{head}.{changed}.{tail}") == "ear.signature"
        raw[position // 8] ^= 1 << position % 8


@pytest.mark.parametrize("token", ["", "a", "a.b", "a.b.c", "a.b.c.d", "é.b.c", "." * 3, "A" * (1 << 18) + ".b.c"])
def test_what_is_no_token_is_refused(token: str):
    assert code_of(token) in {"ear.malformed", "ear.signature"}


def test_token_is_in_force_from_its_issue_to_its_expiry():
    token = sign_ear(make_ear({"cpu": piece()}, now=NOW, expires=NOW + timedelta(hours=1)), SIGNER)
    assert read_ear(token, SIGNER.public_key(), now=NOW - timedelta(seconds=60)).expires == NOW + timedelta(hours=1)
    assert code_of(token, now=NOW - timedelta(seconds=61)) == "ear.time"
    assert code_of(token, now=NOW + timedelta(hours=1)) == "ear.time"


BROKEN: dict[str, object] = {
    "profile": {"eat_profile": "tag:example.com,2026:other"}, "no submods": {"submods": {}},
    "submods a list": {"submods": []}, "float time": {"iat": 1.5}, "boolean time": {"iat": True},
    "time beyond": {"iat": 10**20}, "status too good": {"ear_status": "affirming"},
    "two labels": {"ear.status": "none"},
    "unknown tier": {"ear_status": "splendid"}, "no verifier": {"ear_verifier_id": {}},
    "verifier of numbers": {"ear_verifier_id": {"developer": 1, "build": 2}},
}  # fmt: skip


@pytest.mark.parametrize("changes", BROKEN.values(), ids=BROKEN.keys())
def test_malformed_claims_are_refused_though_they_are_signed(changes: dict[str, object]):
    bad = make_ear({"cpu": piece(verdict="refused", failed=("snp.vmpl",))}, now=NOW) | changes
    assert code_of(sign_ear(bad, SIGNER)) == "ear.malformed"


@pytest.mark.parametrize(
    "changes",
    [
        {"ear_status": "affirming", "ear_trustworthiness_vector": {"hardware": 96}},
        {"ear_status": "warning", "ear_trustworthiness_vector": {"hardware": 99}},
        {"ear_trustworthiness_vector": {"hardware": 200}}, {"ear_trustworthiness_vector": {"hardware": True}},
        {"ear_trustworthiness_vector": {"luck": 2}}, {"ear_status": None}, {"ear_status": 7},
        {"ear_appraisal_policy_ids": "all"}, {"ear_attester_claims": 3},
    ],
)  # fmt: skip
def test_malformed_appraisal_is_refused(changes: dict[str, object]):
    assert code_of(signed(submods={"cpu": piece().to_dict() | changes})) == "ear.malformed"


def test_duplicate_keys_are_refused():
    text = json.dumps(make_ear({"cpu": piece()}, now=NOW)).replace('"iat"', '"iat": 0, "iat"', 1)
    with pytest.raises(Refused):
        read_unverified_ear(text.encode())


def test_unknown_claims_are_ignored_as_the_draft_demands():
    assert read_ear(signed(**{"com.example.extra": [1]}), SIGNER.public_key(), now=NOW).status is Tier.AFFIRMING


@needs_veraison
@pytest.mark.parametrize("name", ["enacttrust", "parsec-cca", "psa"])
def test_results_of_the_veraison_project_are_read(name: str):
    """Real results of another verifier, of the profile before the draft's; unsigned, as its tests keep them."""
    ear = read_unverified_ear((VERAISON / "inputs" / f"{name}-result.json").read_bytes())
    assert ear.status is Tier.AFFIRMING
    assert next(iter(ear.submods.values())).vector["executables"] == 2


@needs_veraison
def test_outcomes_of_the_veraison_project_have_the_status_of_their_worst_claim():
    """The other files of the folder are evidence, endorsements and policies of Veraison: no results."""
    vectors = json.loads((VERAISON / "evaluate-vectors.json").read_text())
    read = {
        vector["title"]: read_unverified_ear(json.dumps(vector["expected"]["outcome"]).encode()).status
        for vector in vectors
        if vector["expected"]["outcome"]
    }
    assert len(read) == 7
    assert {title for title, status in read.items() if status > Tier.AFFIRMING} == {
        title for title in read if title.endswith("FAILURE")
    }


@pytest.mark.parametrize("algorithm", KEYS)
def test_signing_key_is_loaded_from_pem(algorithm: str):
    pem = KEYS[algorithm].private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    assert load_signing_key(pem).public_key() == KEYS[algorithm].public_key()


def test_other_keys_are_misuse():
    pkcs8 = (Encoding.PEM, PrivateFormat.PKCS8)
    rsa = generate_rsa_key(65537, 2048).private_bytes(*pkcs8, NoEncryption())
    koblitz = generate_private_key(SECP256K1()).private_bytes(*pkcs8, NoEncryption())
    locked = SIGNER.private_bytes(*pkcs8, BestAvailableEncryption(b"secret"))
    public = SIGNER.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    for pem in (rsa, koblitz, locked, public, b"", b"hello"):
        with pytest.raises(Misuse) as caught:
            load_signing_key(pem)
        assert caught.value.codes == ("ear.key",)


@given(st.binary(max_size=300))
def test_no_bytes_raise_anything_but_refused(data: bytes):
    with contextlib.suppress(Refused):
        read_unverified_ear(data)


@given(
    st.dictionaries(
        st.sampled_from(["eat_profile", "iat", "exp", "ear_status", "ear.status", "submods", "ear_verifier_id"]),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.just(PROFILE),
            lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
        ),
    )
)
def test_no_claims_raise_anything_but_refused(claims: dict[str, object]):
    with contextlib.suppress(Refused):
        read_unverified_ear(json.dumps(claims).encode())
