"""A forged Arm for negative tests: builds or adopts an attestation token of a CCA realm, and signs both parts again.

What it makes is accepted only by a caller who trusts its platform key, or names the root above that key's
certificate; that is the positive twin of every refusal:

    arm = FakeArm.create(now)
    bundle = arm.evidence(realm=arm.realm(challenge=question))
    verify_evidence(bundle, now=now, report_data=question, trusted_keys=[arm.key_fingerprint])

One claim of a real token is changed with `arm.adopt(data)`, which gives both maps of claims; `evidence` binds them to
each other again, unless told otherwise. Claims are plain maps by label, so that wrong types can be made as well.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cache
from typing import Any

import cbor2
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256, SHA384, SHA512, HashAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import NameOID

from confide.evidence.bundle import EvidenceBundle, pack_evidence
from confide.evidence.cbor import Tagged, load_cbor
from confide.evidence.cca import CMW_COLLECTION, EAT_COLLECTION, EAT_CWT, FORMAT, HASHES, PLATFORM, REALM
from confide.evidence.cose import CoseSign1, parse_sign1
from confide.evidence.cose_key import algorithm_of, fingerprint_of, write_cose_key
from confide.ids import sha256_of

PROFILE, CHALLENGE, BINDING = 265, 10, 2408
INSTANCE_ID, IMPLEMENTATION_ID, LIFECYCLE, CONFIG, COMPONENTS, PLATFORM_HASH = 256, 2396, 2395, 2401, 2399, 2402
PERSONALIZATION, REALM_HASH, REALM_KEY, INITIAL, EXTENSIBLE, KEY_HASH = 44235, 44236, 44237, 44238, 44239, 44240
_HASHES: dict[str, type[HashAlgorithm]] = {"secp256r1": SHA256, "secp384r1": SHA384, "secp521r1": SHA512}
_BEFORE, _YEARS = timedelta(minutes=5), timedelta(days=3653)

Claims = dict[Any, Any]


@cache
def _key(role: str) -> ec.EllipticCurvePrivateKey:
    """One key for each role and process."""
    del role
    return ec.generate_private_key(ec.SECP384R1())


def sign_message(message: CoseSign1, key: ec.EllipticCurvePrivateKey) -> bytes:
    """The message with a signature by the key, by the hash that goes with its curve."""
    signature = key.sign(message.to_be_signed(), ec.ECDSA(_HASHES[key.curve.name]()))
    size = (key.key_size + 7) // 8
    r, s = decode_dss_signature(signature)
    return replace(message, signature=r.to_bytes(size, "big") + s.to_bytes(size, "big")).encode()


@dataclass(frozen=True, slots=True)
class FakeArm:
    """A platform with its attestation key, a certificate for it under a forged root, and the key of its realms."""

    now: datetime
    platform_key: ec.EllipticCurvePrivateKey
    realm_key: ec.EllipticCurvePrivateKey
    root: x509.Certificate
    leaf: x509.Certificate

    @classmethod
    def create(cls, now: datetime) -> FakeArm:
        """Keys on P-384; certificates valid for ten years from five minutes before `now`."""
        root = issue("CCA Root", _key("root"), "CCA Root", _key("root"), now=now, is_authority=True)
        leaf = issue("CPAK", _key("platform"), "CCA Root", _key("root"), now=now)
        return cls(now, _key("platform"), _key("realm"), root, leaf)

    @property
    def key_fingerprint(self) -> str:
        """`sha256:…` of the platform's public key: what a caller trusts."""
        return fingerprint_of(self.platform_key.public_key())

    @property
    def root_fingerprint(self) -> str:
        """`sha256:…` of the forged root: what a policy of kind simulation names."""
        return sha256_of(self.root.public_bytes(Encoding.DER))

    @property
    def public_key(self) -> bytes:
        """The platform's public key in DER, as an endorsement."""
        return self.platform_key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)

    @property
    def certificates(self) -> tuple[bytes, bytes]:
        """The certificate of the platform's key and the root's, in DER."""
        return self.leaf.public_bytes(Encoding.DER), self.root.public_bytes(Encoding.DER)

    def platform(self, **changes: object) -> Claims:
        """The claims of a healthy platform; its challenge is filled in by `evidence`. `changes` are by the names below,
        or by label as `claim_265`; `...` (Ellipsis) removes a claim.
        """
        component = {1: "RMM", 2: b"\x22" * 32, 4: "1.0", 5: b"\x55" * 32, 6: "sha-256"}
        healthy: Claims = {
            PROFILE: "tag:arm.com,2023:cca_platform#1.0.0", INSTANCE_ID: b"\x01" + b"\x33" * 32,
            IMPLEMENTATION_ID: b"\x44" * 32, LIFECYCLE: 0x3003, CONFIG: b"\xcf" * 4,
            COMPONENTS: [component, component | {1: "BL31", 2: b"\x23" * 32}], PLATFORM_HASH: "sha-256",
        }  # fmt: skip
        return _changed(healthy, changes)

    def realm(self, **changes: object) -> Claims:
        """The claims of a healthy realm; its public key is filled in by `evidence`."""
        healthy: Claims = {
            PROFILE: "tag:arm.com,2023:realm#1.0.0", CHALLENGE: bytes(64), PERSONALIZATION: b"\x66" * 64,
            INITIAL: b"\x11" * 48, EXTENSIBLE: [bytes([index]) * 48 for index in range(4)], REALM_HASH: "sha-384",
            KEY_HASH: "sha-256",
        }  # fmt: skip
        return _changed(healthy, changes)

    def adopt(self, data: bytes) -> tuple[Claims, Claims]:
        """The claims of a real token's platform and realm, without what binds them, for `evidence` to sign again."""
        wrapper: Tagged = load_cbor(data, tags={EAT_COLLECTION, CMW_COLLECTION}, variant=True)
        tokens = [wrapper.value[label] for label in (PLATFORM, REALM)]
        bare = [token[1] if wrapper.tag == CMW_COLLECTION else token for token in tokens]
        platform, realm = (load_cbor(parse_sign1(one, variant=True).payload or b"", variant=True) for one in bare)
        for claims, label in ((platform, CHALLENGE), (platform, BINDING), (realm, REALM_KEY)):
            claims.pop(label, None)
        return platform, realm

    def evidence(
        self,
        *,
        platform: Mapping[Any, Any] | None = None,
        realm: Mapping[Any, Any] | None = None,
        endorsements: tuple[bytes, ...] | None = None,
        **how: Any,
    ) -> EvidenceBundle:
        """The token of these claims, signed and bound, with the platform's key; `how` are arguments of `token`."""
        items = (self.public_key,) if endorsements is None else endorsements
        return pack_evidence(FORMAT, self.token(platform=platform, realm=realm, **how), items)

    def token(
        self,
        *,
        platform: Mapping[Any, Any] | None = None,
        realm: Mapping[Any, Any] | None = None,
        tag: int = CMW_COLLECTION,
        platform_key: ec.EllipticCurvePrivateKey | None = None,
        realm_key: ec.EllipticCurvePrivateKey | None = None,
        envelopes: Mapping[int, Mapping[str, Any]] | None = None,
    ) -> bytes:
        """The bytes of a token. `envelopes` replaces fields of `CoseSign1` before it is signed, by PLATFORM or REALM;
        other keys than the own ones can sign.
        """
        realm_claims = {REALM_KEY: cbor2.dumps(write_cose_key(self.realm_key.public_key()))}
        realm_claims |= dict(self.realm() if realm is None else realm)
        bound = {CHALLENGE: _hash_of_key(realm_claims)} | dict(self.platform() if platform is None else platform)
        given = envelopes or {}
        parts = {
            PLATFORM: _sign(bound, platform_key or self.platform_key, given.get(PLATFORM, {})),
            REALM: _sign(realm_claims, realm_key or self.realm_key, given.get(REALM, {})),
        }
        entries = {label: [EAT_CWT, one] for label, one in parts.items()} if tag == CMW_COLLECTION else parts
        return cbor2.dumps(cbor2.CBORTag(tag, entries))


def _changed(healthy: Claims, changes: Mapping[str, object]) -> Claims:
    labels = {
        "profile": PROFILE, "challenge": CHALLENGE, "binding": BINDING, "instance_id": INSTANCE_ID,
        "implementation_id": IMPLEMENTATION_ID, "lifecycle": LIFECYCLE, "config": CONFIG, "components": COMPONENTS,
        "personalization": PERSONALIZATION, "initial": INITIAL, "extensible": EXTENSIBLE, "realm_key": REALM_KEY,
        "key_hash": KEY_HASH, "realm_hash": REALM_HASH, "platform_hash": PLATFORM_HASH,
    }  # fmt: skip
    named = {labels[name] if name in labels else int(name.removeprefix("claim_")): v for name, v in changes.items()}
    return healthy | named


def _hash_of_key(realm: Claims) -> object:
    """The hash that binds, where the realm's claims allow one."""
    name, key = realm.get(KEY_HASH), realm.get(REALM_KEY)
    return hashlib.new(HASHES.get(str(name), "sha256"), key if isinstance(key, bytes) else b"").digest()


def _sign(claims: Claims, key: ec.EllipticCurvePrivateKey, envelope: Mapping[str, Any]) -> bytes:
    payload = cbor2.dumps({label: value for label, value in claims.items() if value is not ...})
    protected: dict[int | str, Any] = {1: algorithm_of(key.public_key())}
    message = CoseSign1(cbor2.dumps(protected), protected, {}, payload, b"", tagged=True)
    return sign_message(replace(message, **envelope), key)


def issue(
    name: str,
    key: ec.EllipticCurvePrivateKey,
    issuer: str,
    issuer_key: ec.EllipticCurvePrivateKey,
    *,
    now: datetime,
    is_authority: bool = False,
    life: timedelta = _YEARS,
) -> x509.Certificate:
    """A certificate by ECDSA with SHA-384."""
    subject, above = (x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, one)]) for one in (name, issuer))
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(above).public_key(key.public_key())
    builder = builder.serial_number(x509.random_serial_number())
    builder = builder.not_valid_before(now - _BEFORE).not_valid_after(now - _BEFORE + life)
    builder = builder.add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
    usage = x509.KeyUsage(
        digital_signature=not is_authority, content_commitment=False, key_encipherment=False, key_agreement=False,
        data_encipherment=False, key_cert_sign=is_authority, crl_sign=is_authority, encipher_only=False,
        decipher_only=False,
    )  # fmt: skip
    return builder.add_extension(usage, critical=True).sign(issuer_key, SHA384())
