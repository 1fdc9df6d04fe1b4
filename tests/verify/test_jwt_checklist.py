"""Row 21 of the attestation checklist, for results of attestation services, and rows 23 to 26. Each refusal has its
accepted twin: each case differs from it in one fact, with everything else signed again.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import random
import time
from datetime import UTC, datetime, timedelta

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from confide.errors import Refused, Unavailable
from confide.evidence import EvidenceBundle
from confide.evidence.jwt import MAX_BYTES
from confide.testing.fake_nvidia import FakeAuthority, ec_key
from confide.testing.fake_service import (
    ALGORITHMS,
    ISSUERS,
    KEY_ID,
    NONCE,
    FakeService,
    assemble,
    nvidia_device,
    rsa_key,
    to_base64url,
)
from confide.verify import Trust, VerifiedEvidence, examine_alone, verify_evidence
from confide.verify.jwt import REQUIRED
from confide.verify.jwt_services import GOOGLE, INTEL, MICROSOFT, NVIDIA, key_fits, service_of

NOW = datetime(2026, 6, 1, tzinfo=UTC)
SERVICES = {product: FakeService.create(product, NOW) for product in ALGORITHMS}
SPACE, AZURE, TRUST, NRAS = (SERVICES[product] for product in (GOOGLE, MICROSOFT, INTEL, NVIDIA))
ROOTS = [one.root_fingerprint for one in SERVICES.values()]
HOUR = timedelta(hours=1)


def verify(bundle: EvidenceBundle, now: datetime = NOW, **how: object) -> VerifiedEvidence:
    given = {"report_data": None, "simulated_roots": ROOTS} | how
    return verify_evidence(bundle, now=now, **given)


def codes_of(bundle: EvidenceBundle, now: datetime = NOW, **how: object) -> set[str]:
    with pytest.raises(Refused) as caught:
        verify(bundle, now, **how)
    return set(caught.value.codes)


def missing(bundle: EvidenceBundle, **how: object) -> tuple[str, ...]:
    with pytest.raises(Unavailable) as caught:
        verify(bundle, **how)
    return caught.value.codes


def token(service: FakeService = SPACE, **how: object) -> str:
    return service.token(service.claims(), **how)


# The positive twins


@pytest.mark.parametrize("product", SERVICES)
def test_healthy_result_is_accepted(product: str):
    verified = verify(SERVICES[product].evidence(), report_data=NONCE)
    assert verified.simulated
    assert verified.root == SERVICES[product].root_fingerprint
    assert verified.claims["product"] == product
    assert verified.claims["debug"] is False


@pytest.mark.parametrize("product", SERVICES)
def test_result_by_a_trusted_key_is_accepted_and_real(product: str):
    service = SERVICES[product]
    bundle = service.evidence(endorsements=[service.key_set(service.jwk(x5c=False))])
    verified = verify(bundle, simulated_roots=[], trusted_keys=[service.key_fingerprint])
    assert not verified.simulated
    assert verified.root == service.key_fingerprint


def test_certificates_in_the_header_are_enough():
    """Google's PKI tokens: no key set, the chain is in the token."""
    verify(SPACE.evidence(token=token(header=SPACE.header(x5c=SPACE.certificates(), kid=...)), endorsements=[]))


def test_a_trusted_key_of_an_authority_vouches_for_what_it_certifies():
    key = SPACE.root.certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    verified = verify(SPACE.evidence(), simulated_roots=[], trusted_keys=[f"sha256:{hashlib.sha256(key).hexdigest()}"])
    assert not verified.simulated


# Key and root


@pytest.mark.parametrize("product", SERVICES)
def test_forged_root_with_the_services_names_is_refused_by_default(product: str):
    assert codes_of(SERVICES[product].evidence(), simulated_roots=[]) == {"jwt.chain.root"}


def test_key_set_alone_vouches_for_nothing():
    bundle = SPACE.evidence(endorsements=[SPACE.key_set(SPACE.jwk(x5c=False))])
    assert codes_of(bundle) == {"jwt.chain.root"}


def test_key_id_selects_and_never_trusts():
    """A stranger's key under the service's key id."""
    stranger = FakeService.create(GOOGLE, NOW, rsa_key("stranger"))
    bundle = stranger.evidence(endorsements=[stranger.key_set(stranger.jwk(x5c=False))])
    assert codes_of(bundle, trusted_keys=[SPACE.key_fingerprint]) == {"jwt.chain.root"}


def test_signature_by_another_key_than_the_trusted_one_is_refused():
    assert codes_of(SPACE.evidence(token=token(key=rsa_key("stranger")))) == {"jwt.signature"}


def test_no_key_is_unavailable():
    assert missing(SPACE.evidence(endorsements=[])) == ("jwt.key.missing",)
    assert missing(SPACE.evidence(endorsements=[SPACE.key_set(SPACE.jwk(kid="other"))])) == ("jwt.key.missing",)
    assert missing(SPACE.evidence(token=token(header=SPACE.header(kid=...)))) == ("jwt.key.missing",)


def test_no_key_and_an_expired_token_is_refused():
    assert codes_of(SPACE.evidence(endorsements=[]), NOW + 2 * HOUR) == {"jwt.key.missing", "jwt.time"}


def test_key_of_the_header_is_never_used():
    bundle = SPACE.evidence(token=token(header=SPACE.header(jwk=SPACE.jwk(), kid="x")), endorsements=[])
    assert missing(bundle, trusted_keys=[SPACE.key_fingerprint]) == ("jwt.key.missing",)


JWKS = {
    "not JSON": b"{",
    "no list": b'{"keys": {}}',
    "a list of texts": b'{"keys": ["a"]}',
    "the same key twice in JSON": b'{"keys": [], "keys": []}',
    "two keys with one id": SPACE.key_set(SPACE.jwk(), SPACE.jwk()),
    "another algorithm": SPACE.key_set(SPACE.jwk(alg="RS512")),
    "another use": SPACE.key_set(SPACE.jwk(use="enc")),
    "a private key": SPACE.key_set(SPACE.jwk(d="AQAB")),
    "a shared secret": SPACE.key_set({"kty": "oct", "k": "AAAA", "kid": KEY_ID}),
    "no key": SPACE.key_set({"kty": "RSA", "kid": KEY_ID}),
    "broken modulus": SPACE.key_set({"kty": "RSA", "kid": KEY_ID, "n": "", "e": "AQAB"}),
    "modulus that is no text": SPACE.key_set({"kty": "RSA", "kid": KEY_ID, "n": 5, "e": "AQAB"}),
    "a modulus of 60,000 bytes": SPACE.key_set({"kty": "RSA", "kid": KEY_ID, "n": "_" * 80000, "e": "AQAB"}),
    "exponent missing": SPACE.key_set(SPACE.jwk(x5c=False, e=...)),
    "point off the curve": SPACE.key_set({"kty": "EC", "kid": KEY_ID, "crv": "P-256", "x": "AAAA", "y": "AAAA"}),
    "unknown kind": SPACE.key_set({"kty": "AKP", "kid": KEY_ID, "x": "AAAA"}),
    "x5c that is no list": SPACE.key_set(SPACE.jwk(x5c="AAAA") | {"x5c": "AAAA"}),
    "x5c that is empty": SPACE.key_set(SPACE.jwk() | {"x5c": []}),
    "x5c with broken base64": SPACE.key_set(SPACE.jwk() | {"x5c": ["!"]}),
    "x5c that is no certificate": SPACE.key_set(SPACE.jwk() | {"x5c": ["AAAA"]}),
    "x5c with a list": SPACE.key_set(
        SPACE.jwk() | {"x5c": [*SPACE.certificates(), base64.b64encode(ec_list := FakeAuthority.issue(
            "a", ec_key("a"), now=NOW).revocation_list(NOW)).decode()]}
    ),
    "x5c of another key": SPACE.key_set(
        FakeService.create(GOOGLE, NOW, rsa_key("stranger")).jwk() | {"x5c": SPACE.certificates()}
    ),
    "x5c with a key of another kind": SPACE.key_set({"kid": KEY_ID, "x5c": [base64.b64encode(FakeAuthority.issue(
        "ed", ed25519.Ed25519PrivateKey.generate(), SPACE.root, now=NOW).der).decode()]}),  # type: ignore[arg-type]
    "too many keys": SPACE.key_set(*[{"kid": str(n)} for n in range(65)]),
}  # fmt: skip


@pytest.mark.parametrize("fault", JWKS)
def test_malformed_key_set_is_refused(fault: str):
    assert codes_of(SPACE.evidence(endorsements=[JWKS[fault]])) == {"jwt.key.malformed"}
    assert ec_list  # it is a real list, told apart from a certificate


def test_too_many_key_sets_are_refused():
    empty = SPACE.key_set({})
    verify(SPACE.evidence(endorsements=[SPACE.key_set(), *[empty] * 7]))
    verify(SPACE.evidence(endorsements=[SPACE.key_set(SPACE.jwk(), *[{"kid": str(n)} for n in range(63)])]))
    assert codes_of(SPACE.evidence(endorsements=[SPACE.key_set()] * 9)) == {"jwt.key.malformed"}


def chain_of(*authorities: FakeAuthority) -> EvidenceBundle:
    values = [base64.b64encode(one.der).decode() for one in authorities]
    return SPACE.evidence(endorsements=[SPACE.key_set(SPACE.jwk() | {"x5c": values})])


def test_certificates_are_checked():
    root, key = SPACE.root, SPACE.key
    middle = FakeAuthority.issue("middle", rsa_key("middle"), root, now=NOW)
    good = FakeAuthority.issue("leaf", key, middle, now=NOW, is_authority=False)
    verify(chain_of(good, middle, root))
    stranger = FakeAuthority(rsa_key("stranger"), middle.certificate)
    forged = FakeAuthority.issue("leaf", key, stranger, now=NOW, is_authority=False)
    assert codes_of(chain_of(forged, middle, root)) == {"jwt.chain.signature"}
    not_one = FakeAuthority.issue("middle", rsa_key("middle"), root, now=NOW, is_authority=False)
    below = FakeAuthority.issue("leaf", key, not_one, now=NOW, is_authority=False)
    assert codes_of(chain_of(below, not_one, root)) == {"jwt.chain.authority"}
    short = FakeAuthority.issue("leaf", key, root, now=NOW, is_authority=False, life=HOUR)
    verify(chain_of(short, root))
    late = SPACE.token(SPACE.claims(exp=int((NOW + 4 * HOUR).timestamp())))
    bundle = EvidenceBundle("jwt", base64.b64encode(late.encode()).decode(), chain_of(short, root).endorsements)
    assert codes_of(bundle, NOW + 2 * HOUR) == {"jwt.chain.validity"}


def test_path_ends_where_trust_begins():
    """The caller trusts the middle one's key: what is above it does not matter."""
    root = FakeAuthority.issue("unknown root", rsa_key("unknown"), now=NOW, life=HOUR / 60)
    middle = FakeAuthority.issue("middle", rsa_key("middle"), root, now=NOW)
    leaf = FakeAuthority.issue("leaf", SPACE.key, middle, now=NOW, is_authority=False)
    key = middle.certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    fingerprint = f"sha256:{hashlib.sha256(key).hexdigest()}"
    verified = verify(chain_of(leaf, middle, root), simulated_roots=[], trusted_keys=[fingerprint])
    assert not verified.simulated
    assert codes_of(chain_of(leaf, middle, root), simulated_roots=[]) == {"jwt.chain.root", "jwt.chain.validity"}


# Algorithm: none, shared secrets, key confusion


def unsigned(algorithm: str) -> str:
    return assemble(SPACE.header(alg=algorithm), SPACE.claims(), lambda _: b"x")


@pytest.mark.parametrize("algorithm", ["none", "None", "NONE", "", "RS512", "ES256", "PS256", "EdDSA", "HS512"])
def test_row_21_token_with_another_algorithm_is_refused(algorithm: str):
    assert codes_of(SPACE.evidence(token=unsigned(algorithm))) == {"jwt.algorithm", "jwt.signature"}


def test_row_21_token_without_a_signature_is_refused():
    text = unsigned("none").rpartition(".")[0] + "."
    assert codes_of(SPACE.evidence(token=text)) == {"jwt.malformed"}


@pytest.mark.parametrize("encoding", [Encoding.PEM, Encoding.DER])
def test_row_21_public_key_as_a_shared_secret_is_refused(encoding: Encoding):
    secret = SPACE.key.public_key().public_bytes(encoding, PublicFormat.SubjectPublicKeyInfo)
    forged = assemble(SPACE.header(alg="HS256"), SPACE.claims(), lambda text: hmac.new(secret, text, "sha256").digest())
    assert codes_of(SPACE.evidence(token=forged)) == {"jwt.algorithm", "jwt.signature"}


def test_row_21_good_signature_by_an_algorithm_of_another_service_is_refused():
    """PS384 is Intel's: the same key, a valid signature, and yet not Google's way."""
    forged = token(header=SPACE.header(alg="PS384"))
    assert codes_of(SPACE.evidence(token=forged)) == {"jwt.algorithm", "jwt.signature"}
    bare = [TRUST.key_set(TRUST.jwk(x5c=False))]
    both = TRUST.token(TRUST.claims(), header=TRUST.header(alg="RS256"))
    verify(TRUST.evidence(token=both, endorsements=bare), trusted_keys=[TRUST.key_fingerprint])


def test_row_21_key_of_another_kind_is_never_tried():
    bundle = SPACE.evidence(endorsements=[SPACE.key_set(NRAS.jwk())])
    assert codes_of(bundle) == {"jwt.signature"}


def test_keys_fit_one_algorithm():
    small = rsa_key("small", 1024)
    for algorithm, key, fits in [
        ("RS256", rsa_key("service").public_key(), True), ("PS384", rsa_key("service").public_key(), True),
        ("RS256", small.public_key(), False), ("RS256", ec_key("a").public_key(), False),
        ("ES384", ec_key("a").public_key(), True), ("ES256", ec_key("a").public_key(), False),
        ("ES384", rsa_key("service").public_key(), False), ("HS256", b"secret", False), ("none", None, False),
        ("ES384", ec.generate_private_key(ec.SECP256R1()).public_key(), False),
    ]:  # fmt: skip
        assert key_fits(algorithm, key) is fits, algorithm


def test_small_rsa_key_is_refused_even_where_it_is_trusted():
    service = FakeService.create(GOOGLE, NOW, rsa_key("small", 1024))
    bundle = service.evidence(endorsements=[service.key_set(service.jwk(x5c=False))])
    assert codes_of(bundle, trusted_keys=[service.key_fingerprint]) == {"jwt.signature"}


# Issuer


@pytest.mark.parametrize(
    "issuer",
    ["https://confidentialcomputing.googleapis.com/", "https://confidentialcomputing.googleapis.com.evil.example",
     "http://confidentialcomputing.googleapis.com", "https://evil.example", "", 5, ["a"], ...],
)  # fmt: skip
def test_unknown_issuer_is_refused(issuer: object):
    assert codes_of(SPACE.evidence(SPACE.claims(iss=issuer))) == {"jwt.issuer"}


@pytest.mark.parametrize(
    ("issuer", "product"),
    [
        ("https://sharedeus2.eus2.attest.azure.net", MICROSOFT), ("https://x.attest.azure.us", MICROSOFT),
        ("https://a.b.c.attest.azure.net", None), ("https://attest.azure.net", None),
        ("https://a.attest.azure.net.evil.example", None), ("https://evil.example/a.attest.azure.net", None),
        ("Intel Trust Authority", INTEL), ("https://portal.eu.trustauthority.intel.com", INTEL),
        ("https://nras.attestation.nvidia.com", NVIDIA), ("https://nras.attestation-stg.nvidia.com", None),
        ("https://a.attest.azure.net\n", None),
    ],
)  # fmt: skip
def test_services_are_known_by_their_whole_issuer(issuer: str, product: str | None):
    service = service_of(issuer)
    assert (service.product if service else None) == product


def test_a_service_does_not_vouch_for_another_one():
    """Each service has its own roots and algorithms, whoever else is trusted."""
    assert not set(service_of(ISSUERS[GOOGLE]).roots) & set(service_of(ISSUERS[NVIDIA]).roots)  # type: ignore[union-attr]
    text = SPACE.token(NRAS.claims())
    assert codes_of(SPACE.evidence(token=text)) >= {"jwt.algorithm", "jwt.signature"}


# Time


@pytest.mark.parametrize(
    "changes",
    [{"exp": ...}, {"iat": ...}, {"exp": "soon"}, {"exp": True}, {"exp": None}, {"exp": -1}, {"exp": 10**400},
     {"iat": 1e300}, {"nbf": "x"}, {"nbf": None}],
)  # fmt: skip
def test_missing_or_absurd_times_are_refused(changes: dict[str, object]):
    assert codes_of(SPACE.evidence(SPACE.claims(**changes))) == {"jwt.time"}


def test_token_without_a_beginning_is_accepted():
    verify(SPACE.evidence(SPACE.claims(nbf=...)))


@pytest.mark.parametrize(
    ("seconds", "accepted"),
    [(-60, True), (-61, False), (0, True), (3599, True), (3600, False), (3601, False)],
)
def test_row_25_time_is_injected_and_the_end_is_exclusive(seconds: int, accepted: bool):
    bundle, now = SPACE.evidence(), NOW + timedelta(seconds=seconds)
    if accepted:
        verify(bundle, now)
    else:
        assert codes_of(bundle, now) == {"jwt.time"}


# Nonce


@pytest.mark.parametrize("product", SERVICES)
def test_row_23_other_nonce_is_refused(product: str):
    assert codes_of(SERVICES[product].evidence(), report_data=bytes(32)) == {"jwt.report_data"}
    assert codes_of(SERVICES[product].evidence(), report_data=b"") == {"jwt.report_data"}


def test_row_24_no_question_is_said():
    check = next(one for one in verify(SPACE.evidence()).checks if one.code == "jwt.report_data")
    assert check.outcome == "not applicable"


@pytest.mark.parametrize(
    "carried",
    [NONCE.hex(), NONCE.hex().upper(), base64.b64encode(NONCE).decode(), to_base64url(NONCE), ["another", NONCE.hex()]],
)
def test_nonce_is_read_in_every_form(carried: object):
    verify(SPACE.evidence(SPACE.claims(eat_nonce=carried)), report_data=NONCE)


@pytest.mark.parametrize("carried", [..., None, 5, [], [5, NONCE.hex()], {"a": NONCE.hex()}, NONCE.hex()[:-1]])
def test_row_23_nonce_that_is_missing_or_malformed_is_refused(carried: object):
    assert codes_of(SPACE.evidence(SPACE.claims(eat_nonce=carried)), report_data=NONCE) == {"jwt.report_data"}


def test_nonce_as_text_is_compared_as_it_is():
    bundle = SPACE.evidence(SPACE.claims(eat_nonce="thisIsAcustomNonce"))
    verify(bundle, report_data=b"thisIsAcustomNonce")
    assert codes_of(bundle, report_data=b"thisisacustomnonce") == {"jwt.report_data"}


# NVIDIA's detached tokens


def test_row_21_every_detached_token_is_verified():
    two = {"GPU-0": nvidia_device(), "GPU-1": nvidia_device()}
    assert verify(NRAS.evidence(token=NRAS.detached(NRAS.claims(), two)), report_data=NONCE)
    wrong = {"GPU-0": nvidia_device(), "GPU-1": nvidia_device(eat_nonce="00" * 32)}
    assert codes_of(NRAS.evidence(token=NRAS.detached(NRAS.claims(), wrong)), report_data=NONCE) == {"jwt.report_data"}
    wrong = {"GPU-0": nvidia_device(), "GPU-1": nvidia_device(dbgstat="enabled")}
    assert codes_of(NRAS.evidence(token=NRAS.detached(NRAS.claims(), wrong))) == {"jwt.debug"}
    wrong = {"GPU-0": nvidia_device(iss=ISSUERS[GOOGLE])}
    assert codes_of(NRAS.evidence(token=NRAS.detached(NRAS.claims(), wrong))) == {"jwt.issuer"}
    wrong = {"GPU-0": nvidia_device(exp=int(NOW.timestamp()))}
    assert codes_of(NRAS.evidence(token=NRAS.detached(NRAS.claims(), wrong))) == {"jwt.time"}


def detached_parts() -> tuple[str, dict[str, str]]:
    (_, outer), inner = json.loads(NRAS.detached(NRAS.claims()))
    return outer, inner


def test_row_21_detached_token_of_another_result_is_refused():
    outer, _ = detached_parts()
    other = json.loads(NRAS.detached(NRAS.claims(), {"GPU-0": nvidia_device(hwmodel="other")}))[1]
    assert codes_of(NRAS.evidence(token=json.dumps([["JWT", outer], other]))) == {"jwt.detached"}


@pytest.mark.parametrize("change", ["left out", "added", "renamed"])
def test_row_26_detached_tokens_are_those_that_are_named(change: str):
    outer, inner = detached_parts()
    gpu = inner["GPU-0"]
    changed = {"left out": {}, "added": {**inner, "GPU-1": gpu}, "renamed": {"GPU-1": gpu}}[change]
    expected = {"jwt.malformed"} if change == "left out" else {"jwt.detached"}
    assert codes_of(NRAS.evidence(token=json.dumps([["JWT", outer], changed]))) == expected


def test_row_26_outer_token_alone_says_nothing_of_a_gpu():
    """Signed, genuine, and without a word on debug mode."""
    outer, _ = detached_parts()
    assert codes_of(NRAS.evidence(token=outer)) == {"jwt.debug"}


@pytest.mark.parametrize(
    "value",
    [[], [["JWT"]], [["JWT", "a"], []], [["XYZ", "a"], {"a": "b"}], [["JWT", "a"], {"a": 5}], ["a", {"b": "c"}]],
)
def test_row_25_lists_of_another_form_are_refused(value: object):
    assert codes_of(NRAS.evidence(token=json.dumps(value))) == {"jwt.malformed"}


# Debug mode and the service's own verdict


@pytest.mark.parametrize("state", ["enabled", "unknown", "", 5, False, None, [], {}, ["disabled"]])
def test_debug_mode_is_refused(state: object):
    assert codes_of(SPACE.evidence(SPACE.claims(dbgstat=state))) == {"jwt.debug"}


@pytest.mark.parametrize(
    ("service", "claims"),
    [
        (SPACE, {"dbgstat": ...}), (AZURE, {"x-ms-isolation-tee": ...}), (TRUST, {"tdx": ...}),
        (AZURE, {"x-ms-sgx-is-debuggable": True}), (TRUST, {"tdx_is_debuggable": True}),
        (TRUST, {"sgx_is_debuggable": "false"}), (AZURE, {"dbgstat": "enabled"}), (TRUST, {"dbgstat": "enabled"}),
    ],
)  # fmt: skip
def test_result_that_is_silent_or_contradicts_itself_on_debug_mode_is_refused(service, claims):
    assert codes_of(service.evidence(service.claims(**claims))) == {"jwt.debug"}


@pytest.mark.parametrize(
    ("service", "claims"),
    [(NRAS, {"x-nvidia-overall-att-result": False}), (NRAS, {"x-nvidia-overall-att-result": ...}),
     (NRAS, {"x-nvidia-overall-att-result": "true"}), (TRUST, {"policy_ids_unmatched": [{"id": "a"}]})],
)  # fmt: skip
def test_result_of_a_failed_appraisal_is_refused(service, claims):
    assert codes_of(service.evidence(service.claims(**claims))) == {"jwt.result"}


def test_debug_state_is_read_in_the_form_of_eat_as_well():
    """Microsoft's profile for TDX tells it as `dbgstat`."""
    for service in (AZURE, TRUST):
        claims = {"tdx": ..., "x-ms-isolation-tee": ..., "dbgstat": "disabled"}
        verify(service.evidence(service.claims(**claims)))


# Form


ODD: list[object] = [None, True, 5, 1e300, "", "x", [], {}, [5], [[]], [{}], {"a": {}}, {"id": []}]


def paths_in(value: object) -> list[tuple[str, ...]]:
    items = value.items() if isinstance(value, dict) else []
    return [path for name, inner in items for path in [(name,), *((name, *rest) for rest in paths_in(inner))]]


def replaced(value: dict[str, object], path: tuple[str, ...], odd: object) -> dict[str, object]:
    name, *rest = path
    inner = value[name]
    assert not rest or isinstance(inner, dict)
    return value | {name: replaced(inner, tuple(rest), odd) if rest and isinstance(inner, dict) else odd}


@pytest.mark.parametrize("product", SERVICES)
def test_claims_of_any_type_make_nothing_but_a_verdict(product: str):
    service = SERVICES[product]
    claims = service.claims() | {
        "aud": "a",
        "policy_ids_unmatched": [],
        "x-ms-runtime": {"client-payload": {"nonce": ""}},
    }
    devices = nvidia_device()
    for path in paths_in(claims):
        for odd in ODD:
            bundle = service.evidence(
                replaced(claims, path, odd), endorsements=[service.key_set(service.jwk(x5c=False))]
            )
            exam = examine_alone(bundle, now=NOW, report_data=NONCE, trust=Trust.of(keys=[service.key_fingerprint]))
            assert json.dumps(exam.claims())
    for name in devices if product == NVIDIA else []:
        for odd in ODD:
            text = service.detached(claims, {"GPU-0": devices | {name: odd}})
            exam = examine_alone(service.evidence(token=text), now=NOW, report_data=NONCE, trust=Trust())
            assert exam.checklist.checks


@pytest.mark.parametrize("product", [GOOGLE, NVIDIA])
def test_keys_and_headers_of_any_type_make_nothing_but_a_verdict(product: str):
    service = SERVICES[product]
    for name in ("kty", "kid", "n", "e", "crv", "x", "y", "x5c", "alg", "use"):
        for odd in ODD:
            for certified in (True, False):
                bundle = service.evidence(endorsements=[service.key_set(service.jwk(x5c=certified) | {name: odd})])
                with pytest.raises((Refused, Unavailable)):
                    verify(bundle, simulated_roots=[])
    for name in ("alg", "kid", "typ", "x5c", "jku", "crit"):
        for odd in ODD:
            text = forged(SPACE.header() | {name: odd}, SPACE.claims())
            examined = examine_alone(SPACE.evidence(token=text), now=NOW, report_data=None, trust=Trust())
            assert examined.checklist.findings


def forged(header: object, claims: object) -> str:
    return assemble(header, claims, lambda text: SPACE_ALGORITHM.sign(text, SPACE.key))


SPACE_ALGORITHM = jwt.algorithms.get_default_algorithms()["RS256"]
DUPLICATE = json.dumps(SPACE.claims())[:-1].encode() + b', "iss": "https://evil.example"}'
FORMS = {
    "two parts": ("a.b", "malformed"),
    "four parts": (token() + ".a", "malformed"),
    "padding": (token() + "=", "malformed"),
    "white space within": (token().replace(".", ". ", 1), "malformed"),
    "a duplicate claim": (forged(SPACE.header(), DUPLICATE), "malformed"),
    "a duplicate header": (forged(b'{"alg": "RS256", "alg": "none"}', SPACE.claims()), "malformed"),
    "a number that is none": (forged(SPACE.header(), b'{"exp": NaN}'), "malformed"),
    "claims that are a list": (forged(SPACE.header(), []), "malformed"),
    "a header that is a text": (forged("RS256", SPACE.claims()), "malformed"),
    "deep nesting": (forged(SPACE.header(), b"[" * 500 + b"]" * 500), "malformed"),
    "half a surrogate": (forged(SPACE.header(), b'{"a": "\\ud800"}'), "malformed"),
    "no algorithm": (forged(SPACE.header(alg=...), SPACE.claims()), "header"),
    "an algorithm that is no text": (forged(SPACE.header(alg=["RS256"]), SPACE.claims()), "header"),
    "a critical extension": (forged(SPACE.header(crit=["b64"]), SPACE.claims()), "header"),
    "an unencoded payload": (forged(SPACE.header(b64=False), SPACE.claims()), "header"),
    "encryption": (forged(SPACE.header(enc="A128GCM"), SPACE.claims()), "header"),
    "too many certificates": (forged(SPACE.header(x5c=["AAAA"] * 9), SPACE.claims()), "header"),
    "certificates that are no list": (forged(SPACE.header(x5c="AAAA"), SPACE.claims()), "header"),
    "certificates with broken base64": (forged(SPACE.header(x5c=["A"]), SPACE.claims()), "header"),
    "nothing": ("", "size"),
    "too much": ("a" * (MAX_BYTES + 1), "size"),
}


@pytest.mark.parametrize("form", FORMS)
def test_row_25_token_in_another_form_is_refused(form: str):
    text, code = FORMS[form]
    assert codes_of(SPACE.evidence(token=text)) == {f"jwt.{code}"}


def test_certificates_in_the_header_that_do_not_parse_are_refused():
    assert codes_of(SPACE.evidence(token=token(header=SPACE.header(x5c=["AAAA"])))) == {"jwt.key.malformed"}


def test_white_space_around_a_token_is_ignored():
    verify(SPACE.evidence(token=f" {token()}\n"))


def test_unknown_parts_are_refused():
    bundle = SPACE.evidence()
    with_part = EvidenceBundle(bundle.format, bundle.evidence, bundle.endorsements, {"log": "AAAA"})
    assert codes_of(with_part) == {"evidence.parts"}


CASES = {
    "malformed": SPACE.evidence(token="a.b"),
    "unknown issuer": SPACE.evidence(SPACE.claims(iss="x")),
    "no key": SPACE.evidence(endorsements=[]),
    "malformed key": SPACE.evidence(endorsements=[b"{"]),
    "key that nobody trusts": SPACE.evidence(endorsements=[SPACE.key_set(SPACE.jwk(x5c=False))]),
}


@pytest.mark.parametrize("case", CASES)
def test_row_24_every_check_of_a_refused_result_has_a_result(case: str):
    """What could not be checked counts as failed, and names what it was waiting for."""
    with pytest.raises((Refused, Unavailable)) as caught:
        verify(CASES[case])
    assert {check.code for check in caught.value.checks} >= REQUIRED
    left_out = [check for check in caught.value.checks if "not checked" in check.reason]
    assert left_out
    assert {check.outcome for check in left_out} == {"failed"}


def test_all_findings_come_at_once():
    text = token(key=rsa_key("stranger"))
    codes = codes_of(SPACE.evidence(token=text), NOW + 2 * HOUR, report_data=bytes(32), simulated_roots=[])
    assert codes == {"jwt.signature", "jwt.time", "jwt.report_data", "jwt.chain.root"}


# Damage and size


def test_no_truncation_of_a_token_is_accepted():
    text = token().encode()
    for size in range(len(text)):
        assert codes_of(SPACE.evidence(token=text[:size]))


@pytest.mark.parametrize("product", SERVICES)
def test_no_single_bit_flip_of_a_token_is_accepted(product: str):
    service = SERVICES[product]
    text = service.evidence().evidence_bytes()
    key_set = [service.key_set(service.jwk(x5c=False))]
    for bit in random.Random(7).sample(range(len(text) * 8), 1250):
        changed = bytearray(text)
        changed[bit // 8] ^= 1 << bit % 8
        bundle = service.evidence(token=bytes(changed), endorsements=key_set)
        with pytest.raises((Refused, Unavailable)):
            verify(bundle, trusted_keys=[service.key_fingerprint])


@pytest.mark.parametrize("data", [b"[" * 65536, b"{" * 65536, b"a." * 32768, b"." * 65536, b"eyJ" + b"A" * 65533])
def test_row_20_hostile_input_is_answered_at_once(data: bytes):
    began = time.perf_counter()
    codes_of(SPACE.evidence(token=data))
    assert time.perf_counter() - began < 0.25  # ten milliseconds on an idle machine
