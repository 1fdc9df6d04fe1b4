"""Vectors of Arm CCA, by a fake Arm: collections, claims, keys, what binds the two tokens, and what policies want."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import cbor2
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.hashes import SHA384
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import NameOID

from confide.evidence.bundle import EvidenceBundle, pack_evidence
from confide.evidence.cca import FORMAT, PLATFORM, PRODUCT, REALM
from confide.evidence.cose_key import write_cose_key
from confide.ids import sha256_of
from confide.policy.model import Waiver
from confide.testing.fake_arm import FakeArm, issue
from confide.testing.vectors import Vector
from vectors._make import make, policy_for

DESCRIPTION = "Attestation tokens of a fake Arm CCA platform: one fault each, all else right down to the signatures."
NOW = datetime(2026, 6, 1, tzinfo=UTC)
DAY = timedelta(days=1)
NONCE = bytes(range(64))
ARM = FakeArm.create(NOW)
KEYS, ROOTS = (ARM.key_fingerprint,), (ARM.root_fingerprint,)
STRANGER = ec.generate_private_key(ec.SECP384R1())
HESRAK = "tag:arm.com,2026:cca_platform#2.0.0;HESRAK"
REALM_KEY = cbor2.dumps(write_cose_key(ARM.realm_key.public_key()))
BINDING = hashlib.sha256(REALM_KEY).digest()
RMM = {1: "RMM", 2: b"\x22" * 32, 4: "1.0", 5: b"\x55" * 32, 6: "sha-256"}


def right(*, platform: dict[str, Any] | None = None, realm: dict[str, Any] | None = None, **how: Any) -> EvidenceBundle:
    """A healthy token with the nonce, with the claims in `platform` and `realm` as given; `how` is the fake's."""
    claims = {"challenge": NONCE} | (realm or {})
    return ARM.evidence(platform=ARM.platform(**(platform or {})), realm=ARM.realm(**claims), **how)


def vector(name: str, fault: str, bundle: EvidenceBundle, *codes: str, **fields: Any) -> Vector:
    """One vector; without a policy the platform's key is trusted, unless `fields` say otherwise."""
    values: dict[str, Any] = {"now": NOW, "data": NONCE, "keys": KEYS} | fields
    return make(f"cca/{name}", fault, bundle, *codes, **values)


def vectors() -> Iterator[Vector]:
    """All of them."""
    yield from healthy()
    yield from collections()
    yield from claims_of_platforms()
    yield from claims_of_realms()
    yield from signatures()
    yield from bindings()
    yield from keys()
    yield from certificates()
    yield from questions()
    yield from policies()


def healthy() -> Iterator[Vector]:
    """Right ones: the positive twins."""
    yield vector("right", "", right())
    yield vector("right-without-a-question", "", right(), data=None)
    yield vector("right-older-collection", "", right(tag=399))
    under_root: dict[str, Any] = {"keys": (), "roots": ROOTS}
    yield vector("right-under-a-certificate", "", right(endorsements=ARM.certificates), **under_root)
    inside = {PLATFORM: {"unprotected": {33: list(ARM.certificates)}}}
    yield vector("right-certificates-inside", "", right(endorsements=(), envelopes=inside), **under_root)
    later = {"profile": "tag:arm.com,2026:cca_platform#2.0.0", "challenge": ..., "binding": BINDING}
    yield vector("right-later-profile", "", right(platform=later))
    both = {"profile": HESRAK, "challenge": NONCE, "binding": BINDING}
    yield vector("right-challenge-of-the-platform", "", right(platform=both))
    point = ARM.realm_key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    yield vector("right-realm-key-as-a-point", "", right(realm={"profile": ..., "realm_key": point}))
    for name in ("sha-384", "sha-512"):
        yield vector(f"right-bound-by-{name}", "", right(realm={"key_hash": name}))
    yield vector("right-unknown-claims", "", right(platform={"claim_77": 1}, realm={"claim_-77": "text"}))
    for curve in (ec.SECP256R1(), ec.SECP521R1()):
        arm = replace(ARM, platform_key=ec.generate_private_key(curve), realm_key=ec.generate_private_key(curve))
        bundle = arm.evidence(realm=arm.realm(challenge=NONCE))
        yield vector(f"right-keys-on-{curve.name}", "", bundle, keys=(arm.key_fingerprint,))


def collections() -> Iterator[Vector]:
    """Faults of the collection and of its envelopes."""
    raw = right().evidence_bytes()
    whole = dict(cbor2.loads(raw).value)

    def packed(entries: Any, tag: int = 907) -> EvidenceBundle:
        return pack_evidence(FORMAT, cbor2.dumps(cbor2.CBORTag(tag, entries)), (ARM.public_key,))

    for name, data, code in (
        ("empty", b"", "cca.size"),
        ("too-large", bytes(70_000), "cca.size"),
        ("last-byte-cut", raw[:-1], "cca.collection"),
        ("byte-behind", raw + b"\0", "cca.collection"),
        ("text", b"token", "cca.collection"),
    ):
        yield vector(name, "not one whole token", pack_evidence(FORMAT, data, (ARM.public_key,)), code)
    entries = {
        "tag-of-another": packed(whole, 61), "no-realm": packed({PLATFORM: whole[PLATFORM]}),
        "no-platform": packed({REALM: whole[REALM]}), "one-more": packed({**whole, 44242: whole[REALM]}),
        "a-list": packed(list(whole.values())), "entry-is-text": packed({**whole, REALM: "token"}),
        "content-type": packed({**whole, REALM: [61, whole[REALM][1]]}),
    }  # fmt: skip
    for name, bundle in entries.items():
        yield vector(f"collection-{name}", "no collection of two tokens", bundle, "cca.collection")
    for part, label in (("platform", PLATFORM), ("realm", REALM)):
        protected, unprotected, payload, signature = cbor2.loads(whole[label][1]).value
        for name, message in {
            "detached": cbor2.CBORTag(18, [protected, unprotected, None, signature]),
            "mac": cbor2.CBORTag(17, [protected, unprotected, payload, signature]),
            "untagged": [protected, unprotected, payload, signature],
            "header": cbor2.CBORTag(18, [protected, {99: 1}, payload, signature]),
            "payload": cbor2.CBORTag(18, [protected, unprotected, b"\x01", signature]),
        }.items():
            bundle = packed({**whole, label: [263, cbor2.dumps(message)]})
            yield vector(f"{part}-{name}", "no signed map of claims", bundle, "cca.cose")
    unknown = EvidenceBundle(FORMAT, right().evidence, right().endorsements, {"log": "eA=="})
    yield vector("unknown-part", "a part that no token has", unknown, "evidence.parts")


def claims_of_platforms() -> Iterator[Vector]:
    """Faults of the platform's claims."""
    for name in ("instance_id", "implementation_id", "lifecycle", "config", "components", "platform_hash"):
        yield vector(f"no-{name.replace('_', '-')}", f"{name} is missing", right(platform={name: ...}), "cca.claims")
    wrong: dict[str, dict[str, Any]] = {
        "instance-id-of-another-kind": {"instance_id": b"\2" + bytes(32)}, "instance-id-short": {"instance_id": b"\1"},
        "implementation-id-short": {"implementation_id": bytes(31)}, "lifecycle-reserved": {"lifecycle": 0x7000},
        "lifecycle-true": {"lifecycle": True}, "config-text": {"config": "none"}, "components-none": {"components": []},
        "components-text": {"components": ["RMM"]}, "component-short": {"components": [RMM | {2: bytes(31)}]},
        "component-without-signer": {"components": [{1: "RMM", 2: RMM[2]}]},
        "binding-twice": {"challenge": NONCE, "binding": BINDING}, "binding-none": {"challenge": ...},
        "challenge-short": {"challenge": bytes(31)},
    }  # fmt: skip
    for name, changes in wrong.items():
        yield vector(name, "a claim of a wrong type or size", right(platform=changes), "cca.claims")
    for name, profile in {"none": ..., "number": 1, "direct": "tag:arm.com,2026:cca_platform#2.0.0;direct"}.items():
        bundle = right(platform={"profile": profile})
        yield vector(f"profile-{name}", "a profile that is not known", bundle, "cca.profile")
    for state in (0x0000, 0x1000, 0x2000, 0x4000, 0x5000, 0x6000):
        bundle = right(platform={"lifecycle": state})
        yield vector(f"lifecycle-{state:#06x}", "the platform is not secured", bundle, "cca.lifecycle")
    yield vector("right-lifecycle-0x30ff", "", right(platform={"lifecycle": 0x30FF}))


def claims_of_realms() -> Iterator[Vector]:
    """Faults of the realm's claims."""
    for name in ("challenge", "personalization", "initial", "extensible", "realm_hash", "key_hash"):
        bundle = right(realm={name: ...})
        yield vector(f"realm-no-{name.replace('_', '-')}", f"{name} is missing", bundle, "cca.claims")
    wrong: dict[str, dict[str, Any]] = {
        "challenge-short": {"challenge": NONCE[:32]}, "personalization-short": {"personalization": bytes(63)},
        "initial-short": {"initial": bytes(47)}, "three-registers": {"extensible": [bytes(48)] * 3},
        "five-registers": {"extensible": [bytes(48)] * 5}, "hash-md5": {"realm_hash": "md5"},
        "key-hash-sha-1": {"key_hash": "sha-1"}, "memory-key-2": {"claim_44243": 2}, "key-text": {"realm_key": "key"},
    }  # fmt: skip
    for name, changes in wrong.items():
        yield vector(f"realm-{name}", "a claim of a wrong type or size", right(realm=changes), "cca.claims")
    yield vector("realm-profile", "another profile", right(realm={"profile": "tag:arm.com,2023:psa#1"}), "cca.profile")
    for name, key in {"empty": b"", "no-point": b"\4" + bytes(96), "no-fields": b"\xa0"}.items():
        bundle = right(realm={"realm_key": key})
        yield vector(f"realm-key-{name}", "a public key that is none", bundle, "cca.realm.key")


def signatures() -> Iterator[Vector]:
    """Faults of both signatures."""
    codes = {PLATFORM: "cca.platform.signature", REALM: "cca.realm.signature"}
    yield vector("platform-by-another-key", "another key", right(platform_key=STRANGER), codes[PLATFORM])
    yield vector("platform-by-the-realm", "the realm's own key", right(platform_key=ARM.realm_key), codes[PLATFORM])
    yield vector("realm-by-another-key", "another key", right(realm_key=STRANGER), codes[REALM])
    for part, label in (("platform", PLATFORM), ("realm", REALM)):
        for algorithm in (-7, -36, -8, 5):
            header = {"protected": {1: algorithm}, "protected_bytes": cbor2.dumps({1: algorithm})}
            bundle = right(envelopes={label: header})
            yield vector(f"{part}-algorithm{algorithm}", "not the key's algorithm", bundle, codes[label])
        raw = right().evidence_bytes()
        signature = cbor2.loads(dict(cbor2.loads(raw).value)[label][1]).value[3]
        flipped = raw.replace(signature, signature[:-1] + bytes((signature[-1] ^ 1,)))
        bundle = pack_evidence(FORMAT, flipped, (ARM.public_key,))
        yield vector(f"{part}-signature-bit", "a bit of the signature", bundle, codes[label])


def bindings() -> Iterator[Vector]:
    """What binds realm and platform."""
    own = {"realm_key": cbor2.dumps(write_cose_key(STRANGER.public_key()))}
    bundle = right(platform={"challenge": BINDING}, realm=own, realm_key=STRANGER)
    yield vector("realm-of-an-attacker", "the platform names another realm's key", bundle, "cca.binding")
    other = replace(ARM, realm_key=STRANGER)
    theirs = dict(cbor2.loads(other.token(realm=other.realm(challenge=NONCE))).value)
    mine = dict(cbor2.loads(right().evidence_bytes()).value)
    mixed = cbor2.dumps(cbor2.CBORTag(907, {PLATFORM: mine[PLATFORM], REALM: theirs[REALM]}))
    bundle = pack_evidence(FORMAT, mixed, (ARM.public_key,))
    yield vector("tokens-of-two-platforms", "both right, but not together", bundle, "cca.binding")
    for named, used in (("sha-512", "sha256"), ("sha-256", "sha512")):
        digest = hashlib.new(used, REALM_KEY).digest()
        bundle = right(platform={"challenge": digest}, realm={"key_hash": named})
        yield vector(f"bound-by-{used}", "another hash than the realm names", bundle, "cca.binding")
    forged = {"profile": HESRAK, "challenge": BINDING, "binding": bytes(32)}
    both = ("cca.binding", "cca.report_data")
    yield vector("bound-by-the-challenge", "the caller's challenge binds nothing", right(platform=forged), *both)


def keys() -> Iterator[Vector]:
    """Faults of the platform's key."""
    stranger = STRANGER.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    yield vector("key-untrusted", "a key that nobody vouches for", right(), "cca.key", keys=())
    none = right(endorsements=())
    yield vector("key-missing", "no key came along", none, "cca.key.missing", verdict="unavailable")
    both = ("cca.key.missing", "cca.realm.signature")
    yield vector("key-missing-and-forged", "nor is it signed", right(endorsements=(), realm_key=STRANGER), *both)
    wrong = right(endorsements=(stranger,))
    yield vector("key-of-another", "another platform's key", wrong, "cca.platform.signature")
    signed = right(platform_key=STRANGER, endorsements=(ARM.public_key, stranger))
    yield vector("key-beside-a-trusted-one", "the trusted key did not sign", signed, "cca.key")
    yield vector("right-key-among-others", "", right(endorsements=(stranger, ARM.public_key)))
    numbers = ARM.platform_key.public_key().public_numbers()
    x, y = (base64.urlsafe_b64encode(n.to_bytes(48, "big")).decode().rstrip("=") for n in (numbers.x, numbers.y))
    jwk = {"kty": "EC", "crv": "P-384", "x": x, "y": y}
    yield vector("right-key-as-jwk", "", right(endorsements=(json.dumps(jwk).encode(),)))
    other = json.dumps([{"pkey": jwk, "instance-id": (b"\1" + b"\x34" * 32).hex()}]).encode()
    bundle = right(endorsements=(other,))
    yield vector("key-of-another-instance", "said to be of another", bundle, "cca.key.missing", verdict="unavailable")
    foreign = ed25519.Ed25519PrivateKey.generate().public_key()
    raw = foreign.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    private = json.dumps(jwk | {"d": x}).encode()
    for name, item in {"junk": b"\0", "ed25519": raw, "private-key": private}.items():
        bundle = right(endorsements=(ARM.public_key, item))
        yield vector(f"endorsement-{name}", "an endorsement that is nothing known", bundle, "endorsement.malformed")
    many = right(endorsements=(ARM.public_key,) * 33)
    yield vector("endorsements-33", "too many endorsements", many, "endorsement.malformed")


def revocation_list(issuer: str, key: ec.EllipticCurvePrivateKey, serial: int) -> bytes:
    """A list (DER) of thirty days that names one certificate."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)])
    one = x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(NOW - DAY).build()
    builder = x509.CertificateRevocationListBuilder(name, NOW - DAY, NOW + DAY * 30, revoked_certificates=[one])
    return builder.sign(key, SHA384()).public_bytes(Encoding.DER)


def certificates() -> Iterator[Vector]:
    """Faults of the certificates above the platform's key."""
    root_key = ec.generate_private_key(ec.SECP384R1())
    root = issue("R", root_key, "R", root_key, now=NOW, is_authority=True).public_bytes(Encoding.DER)
    roots = (sha256_of(root),)

    def under(issuer: str = "R", key: ec.EllipticCurvePrivateKey = root_key, **how: Any) -> EvidenceBundle:
        leaf = issue("CPAK", ARM.platform_key, issuer, key, **({"now": NOW} | how))
        return right(endorsements=(leaf.public_bytes(Encoding.DER), root))

    trust: dict[str, Any] = {"keys": (), "roots": roots}
    forged = right(endorsements=ARM.certificates)
    yield vector("forged-root", "a root that nobody trusts", forged, "cca.chain.root", keys=())
    yield vector("right-own-root", "", under(), **trust)
    yield vector("leaf-forged", "not by the root's key", under(key=STRANGER), "cca.chain.signature", **trust)
    yield vector("leaf-of-another", "the root is missing", under(issuer="Q"), "cca.chain.root", **trust)
    brief = under(life=timedelta(minutes=1))
    yield vector("leaf-expired", "no longer valid", brief, "cca.chain.validity", **trust)
    yield vector("time-after", "years later", under(), "cca.chain.validity", **trust, now=NOW + DAY * 4000)
    yield vector("time-before", "before the certificates", under(), "cca.chain.validity", **trust, now=NOW - DAY)
    leaf = issue("CPAK", ARM.platform_key, "R", root_key, now=NOW)
    middle = issue("M", STRANGER, "R", root_key, now=NOW).public_bytes(Encoding.DER)
    below = issue("CPAK", ARM.platform_key, "M", STRANGER, now=NOW).public_bytes(Encoding.DER)
    between = right(endorsements=(below, middle, root))
    yield vector("authority-may-not-sign", "no authority", between, "cca.chain.authority", **trust)
    for name, revoked, codes in (("right-list", 1, ()), ("revoked", leaf.serial_number, ("cca.crl",))):
        crl = revocation_list("R", root_key, revoked)
        bundle = right(endorsements=(leaf.public_bytes(Encoding.DER), root, crl))
        yield vector(name, "the platform's certificate is revoked" if codes else "", bundle, *codes, **trust)
    authority = under(is_authority=True)
    yield vector("leaf-is-an-authority", "no leaf", authority, "cca.key.missing", verdict="unavailable", **trust)


def questions() -> Iterator[Vector]:
    """Faults of what the verifier asked."""
    for name, data in {"reversed": NONCE[::-1], "short": NONCE[:32], "long": NONCE + b"\0", "empty": b""}.items():
        yield vector(f"question-{name}", "made for another question", right(), "cca.report_data", data=data)
    two = {"profile": HESRAK, "challenge": bytes(64), "binding": BINDING}
    for name, question in {"with": NONCE, "without": None}.items():
        bundle = right(platform=two)
        yield vector(f"two-challenges-{name}-a-question", "two challenges", bundle, "cca.report_data", data=question)


def policies() -> Iterator[Vector]:
    """What a policy wants: each rule, held and broken."""
    always: dict[str, Any] = {
        "measurements": ["11" * 48], "firmware": {"RMM": ["22" * 32], "BL31": ["23" * 32]},
        "implementation_ids": ["44" * 32],
    }  # fmt: skip
    held: dict[str, Any] = {
        "firmware_signers": ["55" * 32], "config": "cf" * 4, "instance_ids": ["01" + "33" * 32],
        "denied_instance_ids": ["01" + "34" * 32], "personalization": "66" * 64,
        "registers": {"REM0": ["00" * 48], "REM3": ["03" * 48]}, "hash_algorithms": ["sha-384", "sha-256"],
    }  # fmt: skip
    broken: dict[str, tuple[Any, str]] = {
        "measurements": (["11" * 32], "policy.workload.measurement"),
        "firmware": ({"RMM": ["22" * 32]}, "cca.firmware"),
        "implementation_ids": (["45" * 32], "cca.implementation_id"),
        "firmware_signers": (["56" * 32], "cca.firmware.signer"),
        "config": ("", "cca.config"),
        "instance_ids": (["01" + "34" * 32], "policy.chip.allowed"),
        "denied_instance_ids": (["01" + "33" * 32], "policy.chip.denied"),
        "personalization": ("00" * 64, "cca.personalization"),
        "registers": ({"REM1": ["00" * 48]}, "cca.rem"),
        "hash_algorithms": (["sha-384", "sha-512"], "cca.hash"),
        "memory_key": ("private", "cca.memory_key"),
    }

    def under(values: dict[str, Any]) -> str:
        return policy_for(FORMAT, PRODUCT, keys=KEYS, **(always | values))

    yield vector("policy-defaults", "", right(), policy=under({}))
    yield vector("policy-all-held", "", right(), policy=under(held))
    for name, (value, code) in broken.items():
        yield vector(f"policy-{name}", "the policy wants otherwise", right(), code, policy=under({name: value}))
    states: dict[str, tuple[dict[str, Any], str]] = {
        "secured": ({"platform": {"lifecycle": 0x4000}}, "cca.lifecycle"),
        "extensions": ({"platform": {"claim_2404": [{}]}}, "cca.extensions"),
        "live_activation": ({"realm": {"claim_44244": 1}}, "cca.live_activation"),
        "devices": ({"realm": {"claim_44257": bytes(32)}}, "cca.devices"),
    }
    for name, (claims, code) in states.items():
        yield vector(f"policy-{name}", "a state that weakens a realm", right(**claims), code, policy=under({}))
        waived = under({name: Waiver("a test machine")})
        yield vector(f"policy-{name}-waived", "", right(**claims), policy=waived)
    private = right(realm={"claim_44243": 1})
    yield vector("policy-right-memory_key", "", private, policy=under({"memory_key": "private"}))
    other = policy_for(FORMAT, PRODUCT, keys=(f"sha256:{'00' * 32}",), **always)
    yield vector("policy-key", "the policy trusts another key", right(), "cca.key", policy=other)
    simulated = policy_for(FORMAT, PRODUCT, roots=ROOTS, **always)
    yield vector("policy-right-simulation", "", right(endorsements=ARM.certificates), policy=simulated)
