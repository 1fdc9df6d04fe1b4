"""Vectors of AWS Nitro Enclaves, by a fake AWS: envelopes, fields, certificates, times, and what a policy wants."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import cbor2
from cryptography.hazmat.primitives.asymmetric import ec

from confide.evidence.bundle import EvidenceBundle, pack_evidence
from confide.evidence.nitro import FORMAT, PRODUCT
from confide.testing.fake_aws import AwsAuthority, FakeAws
from confide.testing.vectors import Vector
from vectors._make import make, policy_for

DESCRIPTION = "Attestation documents of a fake AWS: one fault each, all else right down to the signatures."
NOW = datetime(2026, 6, 1, tzinfo=UTC)
DAY = timedelta(days=1)
NONCE = bytes(range(64))
AWS = FakeAws.create(NOW)
ROOT, REGION, ZONE, INSTANCE = AWS.authorities
ROOTS = (AWS.root_fingerprint,)


@cache
def leaf() -> AwsAuthority:
    """The certificate that signs all right documents."""
    return AWS.leaf()


def right(**changes: Any) -> EvidenceBundle:
    """A healthy document with the nonce, with the fields in `changes` as given."""
    return AWS.evidence(AWS.document(**{"nonce": NONCE, **changes}), leaf=leaf())


def vector(name: str, fault: str, bundle: EvidenceBundle, *codes: str, **fields: Any) -> Vector:
    """One vector without a policy."""
    values: dict[str, Any] = {"now": NOW, "data": NONCE, "roots": ROOTS} | fields
    return make(f"nitro/{name}", fault, bundle, *codes, **values)


def vectors() -> Iterator[Vector]:
    """All of them."""
    yield from healthy()
    yield from envelopes()
    yield from fields()
    yield from certificates()
    yield from times()
    yield from questions()
    yield from policies()


def healthy() -> Iterator[Vector]:
    """Right ones: the positive twins."""
    yield vector("right", "", right())
    yield vector("right-without-a-question", "", right(), data=None)
    yield vector("right-tagged", "", AWS.evidence(AWS.document(nonce=NONCE), leaf=leaf(), tagged=True))
    yield vector("right-with-user-data-and-key", "", right(user_data=b"\1" * 512, public_key=b"\2" * 1024))
    yield vector("right-optional-fields-left-out", "", right(user_data=..., public_key=...))
    yield vector("right-after-179-minutes", "", right(), now=NOW + timedelta(minutes=179))
    yield vector(
        "right-with-list", "", AWS.evidence(AWS.document(nonce=NONCE), leaf=leaf(), lists=(ROOT.revocation_list(NOW),))
    )


def envelopes() -> Iterator[Vector]:
    """Faults of the COSE envelope and its signature."""
    document, raw = AWS.document(nonce=NONCE), right().evidence_bytes()
    for algorithm in (-7, -36, -38, 0):
        bundle = AWS.evidence(document, leaf=leaf(), protected_bytes=cbor2.dumps({1: algorithm}))
        yield vector(f"algorithm{algorithm}", "another algorithm than ES384", bundle, "nitro.header")
    bundle = AWS.evidence(document, leaf=leaf(), unprotected={4: b"key"})
    yield vector("unprotected-header", "something in the unprotected header", bundle, "nitro.header")
    bundle = AWS.evidence(document, leaf=leaf(), protected_bytes=b"", unprotected={1: -35})
    yield vector("algorithm-unprotected", "the algorithm is not protected", bundle, "nitro.cose")
    for name, data in {"trailing-byte": raw + b"\0", "last-byte-cut": raw[:-1], "nothing-but-a-list": b"\x84"}.items():
        yield vector(name, "not one COSE message", pack_evidence(FORMAT, data), "nitro.cose")
    yield vector("empty", "no bytes", pack_evidence(FORMAT, b""), "nitro.size")
    yield vector("too-large", "more bytes than any document has", pack_evidence(FORMAT, bytes(70_000)), "nitro.size")
    flipped = raw[:-1] + bytes([raw[-1] ^ 1])
    yield vector("signature-bit", "a bit of the signature", pack_evidence(FORMAT, flipped), "nitro.signature")
    other = right(nonce=NONCE[::-1]).evidence_bytes()
    mixed = pack_evidence(FORMAT, raw[:-96] + other[-96:])
    yield vector("signature-of-another", "the signature of another document", mixed, "nitro.signature")
    stranger = replace(leaf(), key=ec.generate_private_key(ec.SECP384R1()))
    yield vector(
        "signature-by-another-key", "signed by another key", AWS.evidence(document, leaf=stranger), "nitro.signature"
    )
    small = AWS.leaf(key=ec.generate_private_key(ec.SECP256R1()))
    yield vector("key-on-another-curve", "a key on P-256", AWS.evidence(document, leaf=small), "nitro.signature")
    yield vector("unknown-part", "a part that no document has", pack_evidence(FORMAT, raw, log=b"x"), "evidence.parts")


def fields() -> Iterator[Vector]:
    """Faults of the document's fields."""
    for name in ("module_id", "digest", "timestamp", "pcrs", "certificate", "cabundle"):
        yield vector(f"no-{name}", f"{name} is missing", right(**{name: ...}), "nitro.fields")
    yield vector("unknown-field", "a field that is not known", right(surprise=1), "nitro.fields")
    limits: dict[str, dict[str, Any]] = {
        "empty-module-id": {"module_id": ""}, "digest-sha256": {"digest": "SHA256"}, "timestamp-zero": {"timestamp": 0},
        "timestamp-text": {"timestamp": "now"}, "no-registers": {"pcrs": {}}, "register-32": {"pcrs": {32: bytes(48)}},
        "register-too-short": {"pcrs": {0: bytes(47)}}, "register-named": {"pcrs": {"0": bytes(48)}},
        "user-data-too-long": {"user_data": bytes(513)}, "nonce-too-long": {"nonce": bytes(513)},
        "public-key-too-long": {"public_key": bytes(1025)}, "public-key-empty": {"public_key": b""},
        "empty-bundle": {"cabundle": []}, "empty-certificate-in-bundle": {"cabundle": [b""]},
        "certificate-text": {"certificate": "leaf"}, "user-data-text": {"user_data": "text"},
    }  # fmt: skip
    for name, changes in limits.items():
        yield vector(name, "a field of a wrong type or size", right(**changes), "nitro.limits")
    yield vector(
        "debug", "debug mode: all measurements are zero", right(pcrs={n: bytes(48) for n in range(16)}), "nitro.debug"
    )


def certificates() -> Iterator[Vector]:
    """Faults of the chain."""
    document = AWS.document(nonce=NONCE)

    def chain(name: str, fault: str, authorities: tuple[AwsAuthority, ...], *codes: str) -> Vector:
        return vector(name, fault, AWS.evidence(document, leaf=leaf(), authorities=authorities), *codes)

    yield vector("forged-root", "a root with AWS's name that nobody trusts", right(), "nitro.chain.root", roots=())
    yield chain("no-root", "the bundle begins below the root", (REGION, ZONE, INSTANCE), "nitro.chain.root")
    both = ("nitro.chain.names", "nitro.chain.signature")
    yield chain("authority-missing", "an authority between is missing", (ROOT, REGION, INSTANCE), *both)
    other = FakeAws.create(NOW).authorities
    own = (ROOT, replace(other[1], key=INSTANCE.key), ZONE, INSTANCE)
    forged = AwsAuthority.issue(
        "fedcba9876543210.us-east-1.aws.nitro-enclaves", REGION.key, replace(ROOT, key=ZONE.key), now=NOW,
        life=DAY * 20,
        path_length=2,
    )  # fmt: skip
    yield chain(
        "authority-forged", "the root did not sign the authority", (ROOT, forged, *own[2:]), "nitro.chain.signature"
    )
    for name, changes, codes in (
        ("leaf-is-an-authority", {"is_authority": True}, ("nitro.chain.authority",)),
        ("leaf-may-not-sign", {"signs": False}, ("nitro.leaf",)),
        ("leaf-with-path-length", {"is_authority": True, "path_length": 0}, ("nitro.leaf", "nitro.chain.authority")),
    ):
        made: Any = changes
        yield vector(name, "the leaf's rights", AWS.evidence(document, leaf=AWS.leaf(**made)), *codes)
    crl = ROOT.revocation_list(NOW)
    for name, changes2 in {
        "certificate": {"certificate": b"0\3\2\1\1"},
        "bundle": {"cabundle": [b"0\3\2\1\1"]},
        "list-as-certificate": {"cabundle": [crl]},
    }.items():
        broken: Any = changes2
        yield vector(f"broken-{name}", "a certificate that does not parse", right(**broken), "nitro.certificates")
    serial = REGION.certificate.serial_number
    lists = {
        "revoked": ROOT.revocation_list(NOW, revoked=(serial,)),
        "list-forged": replace(ROOT, key=ZONE.key).revocation_list(NOW),
        "list-outdated": ROOT.revocation_list(NOW - DAY * 2, days=1),
    }
    for name, given in lists.items():
        codes = ("nitro.crl", "nitro.time") if name == "list-outdated" else ("nitro.crl",)
        yield vector(name, "a revocation list", AWS.evidence(document, leaf=leaf(), lists=(given,)), *codes)
    bundle = AWS.evidence(document, leaf=leaf(), lists=(b"\x30\x00",))
    yield vector("junk-endorsement", "an endorsement that is nothing", bundle, "endorsement.malformed")


def times() -> Iterator[Vector]:
    """Faults of time."""
    for name, moment in {
        "3-hours": timedelta(hours=3),
        "a-day": DAY,
        "years": DAY * 4000,
        "before": -timedelta(minutes=5),
    }.items():
        yield vector(f"time-{name}", "the leaf is not in force", right(), "nitro.time", now=NOW + moment)
    ahead = int((NOW + timedelta(minutes=2)).timestamp() * 1000)
    yield vector("time-future", "the document is from the future", right(timestamp=ahead), "nitro.time")
    behind = int((NOW - timedelta(hours=1)).timestamp() * 1000)
    yield vector(
        "time-before-its-leaf", "made before its leaf was valid", right(timestamp=behind), "nitro.chain.validity"
    )


def questions() -> Iterator[Vector]:
    """Faults of what the verifier asked."""
    for name, nonce in {
        "none": None,
        "empty": b"",
        "short": NONCE[:-1],
        "long": NONCE + b"\0",
        "reversed": NONCE[::-1],
    }.items():
        yield vector(f"question-{name}", "made for another question", right(nonce=nonce), "nitro.report_data")
    bundle = right(nonce=None, user_data=NONCE)
    yield vector("question-in-user-data", "the answer is in another field", bundle, "nitro.report_data")


def policies() -> Iterator[Vector]:
    """What one policy wants and another does not get."""

    def made(name: str, fault: str, wishes: dict[str, Any], *codes: str, **fields_: Any) -> Vector:
        every = {"measurements": ["01" * 48]} | wishes
        policy = policy_for(FORMAT, PRODUCT, roots=ROOTS, **every)
        return vector(f"policy-{name}", fault, right(), *codes, policy=policy, **fields_)

    yield made("right", "", {})
    yield made(
        "right-all-registers",
        "",
        {"kernels": ["02" * 48], "applications": ["03" * 48], "registers": {"PCR8": ["09" * 48]}},
    )
    yield made("measurement", "another image", {"measurements": ["aa" * 48]}, "policy.workload.measurement")
    yield made("kernel", "another kernel", {"kernels": ["aa" * 48]}, "nitro.pcr.kernel")
    yield made("application", "another application", {"applications": ["aa" * 48]}, "nitro.pcr.application")
    yield made("role", "another role", {"roles": ["arn:aws:iam::123456789012:role/other"]}, "nitro.pcr.role")
    yield made("instance", "another instance", {"instances": ["i-0fedcba9876543210"]}, "nitro.pcr.instance")
    yield made("signer", "another signer", {"signers": ["aa" * 48]}, "nitro.pcr.signer")
    yield made("register", "another register", {"registers": {"PCR15": ["aa" * 48]}}, "nitro.pcr.others")
    yield made("user-data", "other user data", {"user_data": "0102"}, "nitro.user_data")
    yield made("public-key", "another public key", {"public_key": "0102"}, "nitro.public_key")
    yield made("age", "older than the policy allows", {}, "nitro.age", now=NOW + timedelta(minutes=6))
