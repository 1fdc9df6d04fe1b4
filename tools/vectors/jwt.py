"""Vectors of attestation services' results, by forged services: form, keys, algorithms, times, claims, policies."""

from __future__ import annotations

import hmac
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from confide.evidence.bundle import EvidenceBundle
from confide.evidence.jwt import FORMAT, MAX_BYTES
from confide.ids import to_base64
from confide.policy.model import Waiver
from confide.testing.fake_nvidia import FakeAuthority
from confide.testing.fake_service import (
    ALGORITHMS,
    DIGEST,
    ISSUERS,
    MEASUREMENT,
    NONCE,
    FakeService,
    assemble,
    nvidia_device,
    rsa_key,
)
from confide.testing.vectors import Vector
from confide.verify.jwt_services import GOOGLE, INTEL, MICROSOFT, NVIDIA
from vectors._make import make, policy_for

DESCRIPTION = "Results of forged attestation services: one fault each, all else right down to the signatures."
NOW = datetime(2026, 6, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
SERVICES = {product: FakeService.create(product, NOW) for product in ALGORITHMS}
SPACE, AZURE, TRUST, NRAS = (SERVICES[product] for product in (GOOGLE, MICROSOFT, INTEL, NVIDIA))
STRANGER = FakeService.create(GOOGLE, NOW, rsa_key("stranger"))
ROOTS = tuple(one.root_fingerprint for one in SERVICES.values())


def vector(name: str, fault: str, bundle: EvidenceBundle, *codes: str, **fields: Any) -> Vector:
    """One vector without a policy."""
    values: dict[str, Any] = {"now": NOW, "data": NONCE, "roots": ROOTS} | fields
    return make(f"jwt/{name}", fault, bundle, *codes, **values)


def right(service: FakeService = SPACE, **claims: object) -> EvidenceBundle:
    """A healthy result with the claims as given."""
    return service.evidence(service.claims(**claims))


def vectors() -> Iterator[Vector]:
    """All of them."""
    yield from healthy()
    yield from forms()
    yield from keys()
    yield from algorithms()
    yield from times()
    yield from claims()
    yield from detached()
    yield from policies()


def healthy() -> Iterator[Vector]:
    """Right ones: the positive twins."""
    for product, service in SERVICES.items():
        yield vector(f"right-{product}", "", right(service))
        bare = service.evidence(endorsements=[service.key_set(service.jwk(x5c=False))])
        yield vector(f"right-{product}-by-key", "", bare, roots=(), keys=(service.key_fingerprint,))
    yield vector("right-without-a-question", "", right(), data=None)
    header = SPACE.header(x5c=SPACE.certificates(), kid=...)
    own = SPACE.evidence(token=SPACE.token(SPACE.claims(), header=header), endorsements=[])
    yield vector("right-with-certificates-in-the-header", "", own)


def forged(header: object, payload: object) -> EvidenceBundle:
    """A token of any header and payload, with a signature that is not looked at."""
    return SPACE.evidence(token=assemble(header, payload, lambda _: b"signature"))


def forms() -> Iterator[Vector]:
    """Tokens that do not parse."""
    token = SPACE.token(SPACE.claims())
    texts = {
        "empty": ("", "size"), "too-large": ("a" * (MAX_BYTES + 1), "size"), "two-parts": ("a.b", "malformed"),
        "padded": (token + "=", "malformed"), "unsigned": (token.rpartition(".")[0] + ".", "malformed"),
        "list-of-another-form": ('[["JWT"]]', "malformed"),
    }  # fmt: skip
    for name, (text, code) in texts.items():
        yield vector(name, f"the token is {name.replace('-', ' ')}", SPACE.evidence(token=text), f"jwt.{code}")
    twice = json.dumps(SPACE.claims())[:-1].encode() + b', "iss": "https://evil.example"}'
    payloads = {
        "claim-twice": twice,
        "not-a-number": b'{"exp": NaN}',
        "no-object": b"[]",
        "deep": b"[" * 99 + b"]" * 99,
    }
    for name, payload in payloads.items():
        yield vector(name, "the claims are no strict JSON object", forged(SPACE.header(), payload), "jwt.malformed")
    headers: dict[str, dict[str, object]] = {
        "no-algorithm": {"alg": ...}, "critical": {"crit": ["b64"]}, "unencoded": {"b64": False},
        "certificates-too-many": {"x5c": ["AAAA"] * 9}, "certificates-broken": {"x5c": ["A"]},
    }  # fmt: skip
    for name, changes in headers.items():
        bundle = forged(SPACE.header(**changes), SPACE.claims())
        yield vector(f"header-{name}", "the header asks for what is not understood", bundle, "jwt.header")
    part = EvidenceBundle(FORMAT, right().evidence, right().endorsements, {"log": "AAAA"})
    yield vector("unknown-part", "a part that nobody knows", part, "evidence.parts")


def keys() -> Iterator[Vector]:
    """Which key, and why it should be trusted."""
    bare = SPACE.key_set(SPACE.jwk(x5c=False))
    yield vector("forged-root", "the root is nobody's", right(), "jwt.chain.root", roots=())
    yield vector("key-set-alone", "nobody trusts the key", SPACE.evidence(endorsements=[bare]), "jwt.chain.root")
    same = STRANGER.evidence(endorsements=[STRANGER.key_set(STRANGER.jwk(x5c=False))])
    trusted = (SPACE.key_fingerprint,)
    yield vector("stranger-with-the-key-id", "another key of that id", same, "jwt.chain.root", roots=(), keys=trusted)
    other = SPACE.evidence(token=SPACE.token(SPACE.claims(), key=rsa_key("stranger")))
    yield vector("signed-by-a-stranger", "another key signed", other, "jwt.signature")
    missing = {"no-key-set": [], "key-of-another-id": [SPACE.key_set(SPACE.jwk(kid="other"))]}
    for name, sets in missing.items():
        bundle = SPACE.evidence(endorsements=sets)
        yield vector(name, "the key did not come along", bundle, "jwt.key.missing", verdict="unavailable")
    header = SPACE.header(jwk=SPACE.jwk(), kid="x")
    own = SPACE.evidence(token=SPACE.token(SPACE.claims(), header=header), endorsements=[])
    yield vector("key-in-the-header", "the token brings its key", own, "jwt.key.missing", verdict="unavailable")
    malformed = {
        "two-of-one-id": SPACE.key_set(SPACE.jwk(), SPACE.jwk()), "private": SPACE.key_set(SPACE.jwk(d="AQAB")),
        "for-encryption": SPACE.key_set(SPACE.jwk(use="enc")), "no-list": b'{"keys": {}}', "not-json": b"{",
        "certificate-of-another": SPACE.key_set(STRANGER.jwk() | {"x5c": SPACE.certificates()}),
        "too-large": SPACE.key_set({"kty": "RSA", "kid": SPACE.key_id, "n": "_" * 4096, "e": "AQAB"}),
    }  # fmt: skip
    for name, data in malformed.items():
        yield vector(
            f"key-{name}", "the key set is malformed", SPACE.evidence(endorsements=[data]), "jwt.key.malformed"
        )
    yield from certificates()


def certified(*authorities: FakeAuthority) -> EvidenceBundle:
    """A healthy result whose key has these certificates."""
    chain = [to_base64(one.der) for one in authorities]
    return SPACE.evidence(endorsements=[SPACE.key_set(SPACE.jwk() | {"x5c": chain})])


def certificates() -> Iterator[Vector]:
    """The certificates of the key."""
    root, key = SPACE.root, SPACE.key
    middle = FakeAuthority.issue("middle", rsa_key("middle"), root, now=NOW)
    leaf = FakeAuthority.issue("leaf", key, middle, now=NOW, is_authority=False)
    yield vector("right-with-a-middle", "", certified(leaf, middle, root))
    stranger = FakeAuthority(rsa_key("stranger"), middle.certificate)
    forged_leaf = FakeAuthority.issue("leaf", key, stranger, now=NOW, is_authority=False)
    yield vector("certificate-forged", "by a stranger", certified(forged_leaf, middle, root), "jwt.chain.signature")
    no_authority = FakeAuthority.issue("middle", rsa_key("middle"), root, now=NOW, is_authority=False)
    below = FakeAuthority.issue("leaf", key, no_authority, now=NOW, is_authority=False)
    chain = certified(below, no_authority, root)
    yield vector("certificate-below-a-leaf", "by no authority", chain, "jwt.chain.authority")
    short = FakeAuthority.issue("leaf", key, root, now=NOW, is_authority=False, life=HOUR / 2)
    yield vector("certificate-expired", "past", certified(short, root), "jwt.chain.validity", now=NOW + HOUR / 2)


def algorithms() -> Iterator[Vector]:
    """`none`, shared secrets, other algorithms."""
    for name in ("none", "None", "HS256", "RS512", "PS256", "ES256"):
        bundle = forged(SPACE.header(alg=name), SPACE.claims())
        yield vector(f"algorithm-{name}", "another algorithm", bundle, "jwt.algorithm", "jwt.signature")
    secret = SPACE.key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    token = assemble(SPACE.header(alg="HS256"), SPACE.claims(), lambda text: hmac.new(secret, text, "sha256").digest())
    confused = SPACE.evidence(token=token)
    yield vector("public-key-as-a-secret", "the public key as secret", confused, "jwt.algorithm", "jwt.signature")
    valid = SPACE.evidence(token=SPACE.token(SPACE.claims(), header=SPACE.header(alg="PS384")))
    yield vector("algorithm-of-intel", "a valid signature, not Google's way", valid, "jwt.algorithm", "jwt.signature")
    kind = SPACE.evidence(endorsements=[SPACE.key_set(NRAS.jwk())])
    yield vector("key-of-another-kind", "an EC key for an RSA signature", kind, "jwt.signature")
    small = FakeService.create(GOOGLE, NOW, rsa_key("small", 1024))
    weak = small.evidence(endorsements=[small.key_set(small.jwk(x5c=False))])
    yield vector("key-of-1024-bits", "a key that is too small", weak, "jwt.signature", keys=(small.key_fingerprint,))


def times() -> Iterator[Vector]:
    """When."""
    yield vector("expired", "past its end", right(), "jwt.time", now=NOW + HOUR)
    yield vector("right-at-the-last-second", "", right(), now=NOW + HOUR - timedelta(seconds=1))
    yield vector("to-come", "before it was issued", right(), "jwt.time", now=NOW - timedelta(seconds=61))
    yield vector("right-a-minute-early", "", right(), now=NOW - timedelta(seconds=60))
    odd: dict[str, dict[str, Any]] = {
        "no-end": {"exp": ...}, "no-issue": {"iat": ...}, "end-as-text": {"exp": "soon"}, "end-true": {"exp": True},
        "begin-absurd": {"nbf": 1e300},
    }  # fmt: skip
    for name, changes in odd.items():
        yield vector(f"time-{name}", "a time that is none", right(**changes), "jwt.time")


def claims() -> Iterator[Vector]:
    """What everyone asks, with or without a policy."""
    for name, issuer in {"lookalike": f"{ISSUERS[GOOGLE]}.evil.example", "other": "https://evil.example"}.items():
        yield vector(f"issuer-{name}", "an unknown issuer", right(iss=issuer), "jwt.issuer")
    for product, service in SERVICES.items():
        yield vector(f"nonce-{product}", "another question", right(service), "jwt.report_data", data=bytes(32))
    yield vector("nonce-missing", "no question was answered", right(eat_nonce=...), "jwt.report_data")
    debug: dict[str, tuple[FakeService, dict[str, Any]]] = {
        "google": (SPACE, {"dbgstat": "enabled"}), "google-silent": (SPACE, {"dbgstat": ...}),
        "microsoft": (AZURE, {"x-ms-sevsnpvm-is-debuggable": True}), "intel": (TRUST, {"tdx_is_debuggable": True}),
        "microsoft-silent": (AZURE, {"x-ms-isolation-tee": ...}), "intel-silent": (TRUST, {"tdx": ...}),
    }  # fmt: skip
    for name, (service, changes) in debug.items():
        bundle = right(service, **changes)
        yield vector(f"debug-{name}", "debug mode on, or not told", bundle, "jwt.debug", data=None)
    verdict: dict[str, Any] = {"x-nvidia-overall-att-result": False}
    failed = right(NRAS, **verdict)
    yield vector("result-nvidia", "the service found something", failed, "jwt.result")
    yield vector("result-intel", "a policy was not met", right(TRUST, policy_ids_unmatched=[{"id": "a"}]), "jwt.result")


def detached() -> Iterator[Vector]:
    """NVIDIA's lists."""
    (kind, outer), inner = json.loads(NRAS.detached(NRAS.claims()))
    gpu = inner["GPU-0"]
    other = json.loads(NRAS.detached(NRAS.claims(), {"GPU-0": nvidia_device(hwmodel="another")}))[1]
    for name, tokens in {"of-another": other, "added": {**inner, "GPU-1": gpu}, "renamed": {"GPU-1": gpu}}.items():
        bundle = NRAS.evidence(token=json.dumps([[kind, outer], tokens]))
        yield vector(f"detached-{name}", "not the tokens that are named", bundle, "jwt.detached")
    yield vector("detached-left-out", "the outer token alone", NRAS.evidence(token=outer), "jwt.debug")
    wrong: dict[str, tuple[dict[str, object], str]] = {
        "debug": ({"dbgstat": "enabled"}, "jwt.debug"), "nonce": ({"eat_nonce": "00" * 32}, "jwt.report_data"),
        "issuer": ({"iss": ISSUERS[GOOGLE]}, "jwt.issuer"), "time": ({"exp": int(NOW.timestamp())}, "jwt.time"),
    }  # fmt: skip
    for name, (changes, code) in wrong.items():
        devices = {"GPU-0": nvidia_device(), "GPU-1": nvidia_device(**changes)}
        bundle = NRAS.evidence(token=NRAS.detached(NRAS.claims(), devices))
        yield vector(f"detached-{name}", "the second device differs", bundle, code)


OWN: dict[str, dict[str, Any]] = {
    GOOGLE: {"audiences": ["https://owner.example"], "measurements": [DIGEST], "projects": ["project"]},
    MICROSOFT: {"issuers": [ISSUERS[MICROSOFT]], "measurements": [MEASUREMENT], "service_policies": ["policyhash"]},
    INTEL: {"measurements": [MEASUREMENT], "service_policies": ["2d2b8f6e-8a52-4d33-9d5c-8e6e0f4d0a11"]},
    NVIDIA: {},
}


def under(product: str, **values: Any) -> str:
    """A policy that the healthy result satisfies, with fields as given."""
    return policy_for(FORMAT, product, roots=(SERVICES[product].root_fingerprint,), **(OWN[product] | values))


def policies() -> Iterator[Vector]:
    """What a policy wants: each rule, held and broken."""
    for product, service in SERVICES.items():
        yield vector(f"policy-right-{product}", "", right(service), policy=under(product))
    broken: list[tuple[str, str, Any, str]] = [
        (GOOGLE, "issuers", ["https://other.example"], "jwt.instance"),
        (GOOGLE, "audiences", ["https://other.example"], "jwt.audience"),
        (GOOGLE, "hardware", ["GCP_AMD_SEV"], "jwt.hardware"),
        (GOOGLE, "measurements", ["00" * 32], "policy.workload.measurement"),
        (GOOGLE, "software", ["GCE"], "jwt.software"), (GOOGLE, "support", ["EXPERIMENTAL"], "jwt.support"),
        (GOOGLE, "projects", ["another"], "jwt.project"),
        (MICROSOFT, "statuses", ["azure-signed-policy"], "jwt.status"),
        (MICROSOFT, "service_policies", ["another"], "jwt.policy"), (INTEL, "statuses", ["OutOfDate"], "jwt.status"),
        (INTEL, "secure_boot", True, "jwt.secure_boot"), (NVIDIA, "hardware", ["GB100 A01 GSP BROM"], "jwt.hardware"),
    ]  # fmt: skip
    for product, rule, value, code in broken:
        bundle = right(SERVICES[product])
        wanted = under(product, **{rule: value})
        yield vector(f"policy-{product}-{rule}", "the policy wants otherwise", bundle, code, policy=wanted)
    old = NOW + timedelta(seconds=301)
    yield vector("policy-age", "older than the policy allows", right(), "jwt.age", policy=under(GOOGLE), now=old)
    off: dict[str, dict[str, Any]] = {"secure-boot": {"secboot": False}, "debug": {"dbgstat": "enabled"}}
    for name, changes in off.items():
        code = f"jwt.{name.replace('-', '_')}"
        yield vector(f"policy-{name}-off", "not as the policy wants", right(**changes), code, policy=under(GOOGLE))
    waived = under(GOOGLE, secure_boot=Waiver("an old machine"))
    yield vector("policy-right-with-a-waiver", "", right(secboot=False), policy=waived)
    untold: dict[str, Any] = {"x-nvidia-overall-att-result": ...}
    silent = right(NRAS, **untold)
    yield vector("policy-result", "no verdict of the service", silent, "jwt.result", policy=under(NVIDIA))
    container = {"image_digest": DIGEST, "cmd_override": ["sh"]}
    submods: Any = SPACE.claims()["submods"]
    bundle = right(submods={**submods, "container": container})
    yield vector("policy-overrides", "the command was replaced", bundle, "jwt.overrides", policy=under(GOOGLE))
