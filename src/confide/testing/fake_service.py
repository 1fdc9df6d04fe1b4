"""Forged attestation services for negative tests: Google's, Microsoft's, Intel's and NVIDIA's results with any claim
changed, signed again.

What one makes is accepted only by a caller who names its root among the simulated ones, or its key among the trusted
ones; that is the positive twin of every refusal:

    service = FakeService.create("google-confidential-space", now)
    bundle = service.evidence(service.claims(dbgstat="enabled"))
    verify_evidence(bundle, now=now, report_data=NONCE, simulated_roots=[service.root_fingerprint])
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import Any

from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import get_default_algorithms

from confide.evidence.bundle import EvidenceBundle, pack_evidence
from confide.evidence.jwt import FORMAT
from confide.ids import to_base64
from confide.testing.fake_nvidia import FakeAuthority, PrivateKey, ec_key
from confide.verify.jwt_keys import key_fingerprint
from confide.verify.jwt_services import GOOGLE, INTEL, MICROSOFT, NVIDIA

NONCE = bytes(range(32))
DIGEST = "sha256:" + hashlib.sha256(b"image").hexdigest()
MEASUREMENT = hashlib.sha384(b"machine").hexdigest()
KEY_ID = "key-1"
ALGORITHMS = {GOOGLE: "RS256", MICROSOFT: "RS256", INTEL: "PS384", NVIDIA: "ES384"}
ISSUERS = {
    GOOGLE: "https://confidentialcomputing.googleapis.com", MICROSOFT: "https://sharedeus2.eus2.attest.azure.net",
    INTEL: "https://portal.trustauthority.intel.com", NVIDIA: "https://nras.attestation.nvidia.com",
}  # fmt: skip


@cache
def rsa_key(role: str, bits: int = 2048) -> rsa.RSAPrivateKey:
    """One RSA key for each role, size and process."""
    del role
    return rsa.generate_private_key(65537, bits)


def to_base64url(data: bytes) -> str:
    """Base64url without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def assemble(header: object, claims: object, sign: Callable[[bytes], bytes]) -> str:
    """A token of any header and claims, JSON-able or ready-made bytes, with any signature."""
    parts = [value if isinstance(value, bytes) else json.dumps(value).encode() for value in (header, claims)]
    text = ".".join(to_base64url(part) for part in parts)
    return f"{text}.{to_base64url(sign(text.encode()))}"


def _google() -> dict[str, object]:
    return {
        "aud": "https://owner.example", "sub": "https://www.googleapis.com/compute/v1/projects/p/zones/z/instances/i",
        "eat_nonce": [NONCE.hex()], "secboot": True, "oemid": 11129, "hwmodel": "GCP_INTEL_TDX",
        "swname": "CONFIDENTIAL_SPACE", "swversion": ["250800"], "dbgstat": "disabled-since-boot",
        "submods": {
            "confidential_space": {"support_attributes": ["LATEST", "STABLE", "USABLE"]},
            "container": {"image_digest": DIGEST, "image_reference": "registry.example/image:1", "env": {}},
            "gce": {"project_id": "project", "zone": "zone"},
        },
    }  # fmt: skip


def _microsoft() -> dict[str, object]:
    tee = {
        "x-ms-attestation-type": "sevsnpvm", "x-ms-compliance-status": "azure-compliant-cvm",
        "x-ms-sevsnpvm-is-debuggable": False, "x-ms-sevsnpvm-launchmeasurement": MEASUREMENT,
    }  # fmt: skip
    return {
        "x-ms-ver": "1.0", "x-ms-attestation-type": "azurevm", "x-ms-policy-hash": "policyhash", "secureboot": True,
        "x-ms-runtime": {"client-payload": {"nonce": to_base64(NONCE)}}, "x-ms-isolation-tee": tee,
    }  # fmt: skip


def _intel() -> dict[str, object]:
    return {
        "ver": "2.0.0", "attester_type": "TDX", "tdx": {
            "tdx_mrtd": MEASUREMENT, "tdx_is_debuggable": False, "tdx_report_data": NONCE.hex(),
            "attester_tcb_status": "UpToDate",
        },
        "policy_ids_matched": [{"id": "2d2b8f6e-8a52-4d33-9d5c-8e6e0f4d0a11", "version": "v1"}],
    }  # fmt: skip


def _nvidia() -> dict[str, object]:
    return {
        "sub": "NVIDIA-PLATFORM-ATTESTATION", "x-nvidia-ver": "3.0", "x-nvidia-overall-att-result": True,
        "eat_nonce": NONCE.hex(),
    }  # fmt: skip


def nvidia_device(**changes: object) -> dict[str, object]:
    """The claims about a healthy GPU in NVIDIA's detached tokens."""
    claims: dict[str, object] = {
        "hwmodel": "GH100 A01 GSP BROM", "dbgstat": "disabled", "secboot": True, "measres": "success", "oemid": "5703",
        "eat_nonce": NONCE.hex(), "x-nvidia-gpu-driver-version": "550.90.07",
    }  # fmt: skip
    return claims | changes


_CLAIMS = {GOOGLE: _google, MICROSOFT: _microsoft, INTEL: _intel, NVIDIA: _nvidia}


@dataclass(frozen=True, slots=True)
class FakeService:
    """A service by its product name: a signing key, and a root and certificate of it."""

    product: str
    now: datetime
    key: PrivateKey
    root: FakeAuthority
    leaf: FakeAuthority
    key_id: str = field(default=KEY_ID)

    @classmethod
    def create(cls, product: str, now: datetime, key: PrivateKey | None = None) -> FakeService:
        """A service whose certificates are valid for ten years from five minutes before `now`."""
        key = key or (ec_key("service") if product == NVIDIA else rsa_key("service"))
        root = FakeAuthority.issue(f"{product} root", rsa_key("service root"), now=now)
        leaf = FakeAuthority.issue(f"{product} signer", key, root, now=now, is_authority=False)
        return cls(product, now, key, root, leaf)

    @property
    def root_fingerprint(self) -> str:
        """`sha256:…` of the forged root."""
        return self.root.fingerprint

    @property
    def key_fingerprint(self) -> str:
        """`sha256:…` of the DER SubjectPublicKeyInfo of the signing key."""
        return key_fingerprint(self.key.public_key())

    def claims(self, **changes: object) -> dict[str, object]:
        """Healthy claims of the service, good for an hour; `changes` replaces claims, or with `...` removes them."""
        issued = int(self.now.timestamp())
        times = {"iss": ISSUERS[self.product], "iat": issued, "nbf": issued, "exp": issued + 3600}
        values = _CLAIMS[self.product]() | times | changes
        return {name: value for name, value in values.items() if value is not ...}

    def header(self, **changes: object) -> dict[str, object]:
        """The header: algorithm and key id, and what `changes` says; `...` removes."""
        values = {"alg": ALGORITHMS[self.product], "kid": self.key_id, "typ": "JWT"} | changes
        return {name: value for name, value in values.items() if value is not ...}

    def token(
        self, claims: Mapping[str, object], *, header: Mapping[str, object] | None = None, key: Any = None
    ) -> str:
        """A token over the claims. It is signed by the algorithm that the header names, with `key` or the own one."""
        values = header or self.header()
        algorithm = get_default_algorithms()[str(values["alg"])]
        return assemble(values, claims, lambda text: algorithm.sign(text, algorithm.prepare_key(key or self.key)))

    def certificates(self) -> list[str]:
        """The certificates of the signing key as `x5c` has them, the root last."""
        return [to_base64(self.leaf.der), to_base64(self.root.der)]

    def jwk(self, *, x5c: bool = True, **changes: object) -> dict[str, object]:
        """The signing key as JWK, with its certificates unless told otherwise; `...` removes."""
        algorithm = get_default_algorithms()[ALGORITHMS[self.product]]
        values: dict[str, Any] = json.loads(algorithm.to_jwk(self.key.public_key()))
        values = {name: value for name, value in values.items() if name != "key_ops"} | {"kid": self.key_id}
        values |= {"x5c": self.certificates()} if x5c else {}
        return {name: value for name, value in (values | changes).items() if value is not ...}

    def key_set(self, *keys: Mapping[str, object]) -> bytes:
        """A key set of these keys, or of the own one with its certificates."""
        return json.dumps({"keys": keys or [self.jwk()]}).encode()

    def evidence(
        self, claims: Mapping[str, object] | None = None, *, token: str | bytes | None = None,
        endorsements: Sequence[bytes] | None = None,
    ) -> EvidenceBundle:  # fmt: skip
        """The claims, signed, with the key set. NVIDIA's come as its list, with one healthy GPU."""
        if token is None:
            made = self.claims() if claims is None else claims
            token = self.detached(made) if self.product == NVIDIA else self.token(made)
        data = token.encode() if isinstance(token, str) else token
        return pack_evidence(FORMAT, data, tuple([self.key_set()] if endorsements is None else endorsements))

    def detached(self, claims: Mapping[str, object], devices: Mapping[str, Mapping[str, object]] | None = None) -> str:
        """NVIDIA's list: a token that names by their digests the tokens about each device."""
        times = {name: claims[name] for name in ("iss", "iat", "nbf", "exp") if name in claims}
        healthy = {"GPU-0": nvidia_device()} if devices is None else devices
        tokens = {name: self.token({**times, **device}) for name, device in healthy.items()}
        named = {
            name: ["DIGEST", ["SHA-256", hashlib.sha256(text.encode()).hexdigest()]] for name, text in tokens.items()
        }
        return json.dumps([["JWT", self.token({**claims, "submods": named})], tokens])
