"""Attestation tokens of the Arm Confidential Compute Architecture: a platform token and a realm token. No trust.

Sources: Arm, Realm Management Monitor specification (DEN0137), sections A7.2.1 to A7.2.3, versions 1.0 and 2.0;
draft-ffm-rats-cca-token-04, section 4, and -00, section 4 (the older wrapper). Claims that are not known are kept and
shown, not refused: the profile demands it ("the receiver MUST NOT error out on claims it does not understand").
Numbers need not be in their shortest form (-04, section 5.1: "variant serialization").
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from confide.errors import Refused
from confide.evidence.bundle import EvidenceBundle, pack_evidence
from confide.evidence.cbor import MAX_BYTES, MalformedCborError, Tagged, load_cbor
from confide.evidence.cbor_delivery import find_in_json
from confide.evidence.cose import KEY_ID, X5CHAIN, CoseSign1, MalformedCoseError, parse_sign1

FORMAT = "arm-cca"
PRODUCT = "realm"
MAX_SIZE = MAX_BYTES
CHALLENGE_SIZE = 64
# The wrapper: a collection of tokens, and since RMM 2.0 a CMW collection, in which each has its content type.
EAT_COLLECTION, CMW_COLLECTION = 399, 907
PLATFORM, REALM = 44234, 44241
EAT_CWT = 263
HASHES = {"sha-256": "sha256", "sha-384": "sha384", "sha-512": "sha512"}
_HASH_SIZES = frozenset({32, 48, 64})
_MAX_COMPONENTS = 64
_MAX_TEXT = 512

# The profiles of the delegated model, old names first (draft -04, sections 4.3.3 and 4.5.1). In the direct model
# there is no realm key at all; it is refused by name.
_TAG = "tag:arm.com,{}:cca_platform#{}"
PLATFORM_PROFILES = frozenset({
    "http://arm.com/CCA-SSD/1.0.0", _TAG.format(2023, "1.0.0"), _TAG.format(2024, "1.1.0"), _TAG.format(2024, "2.0.0"),
    *(_TAG.format(2026, version + model) for version in ("2.0.0", "2.1.0") for model in ("", ";delegated", ";HESRAK")),
})  # fmt: skip
REALM_PROFILES = frozenset({
    None, *(f"tag:arm.com,{name}" for name in (
        "2023:realm#1.0.0", "2024:realm#1.1.0", "2024:realm#2.0.0", "2026:realm#2.0.0", "2026:realm#2.1.0",
    )),
})  # fmt: skip
# Lifecycle states by their upper byte (RMM, A7.2.3.2.6); the lower byte is the implementation's.
LIFECYCLES = {
    0x00: "unknown", 0x10: "assembly and test", 0x20: "provisioning", 0x30: "secured", 0x40: "realm debug",
    0x50: "recoverable root debug", 0x60: "decommissioned",
}  # fmt: skip
_MEMORY_KEYS = {0: "shared", 1: "private"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Component:
    """A piece of the platform's firmware: its measurement and its signer's key hash, 32, 48 or 64 bytes each."""

    type: str
    measurement: bytes
    signer: bytes
    version: str = ""
    algorithm: str = ""
    live: bool = False

    def claims(self) -> dict[str, object]:
        """The component as JSON values."""
        return {
            "type": self.type, "version": self.version, "measurement": self.measurement.hex(),
            "signer": self.signer.hex(), "algorithm": self.algorithm, "live_activation": self.live,
        }  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class PlatformToken:
    """What the hardware says of the platform. `binding` is the hash of the realm's public key; `challenge` is there
    beside it only in the profiles HESRAK. `extra` holds claims by label that are not looked at.
    """

    profile: str
    binding: bytes
    challenge: bytes | None
    instance_id: bytes
    implementation_id: bytes
    lifecycle: int
    config: bytes
    components: tuple[Component, ...]
    hash_algorithm: str
    service: str | None
    extensions: int
    extra: Mapping[Any, Any]
    message: CoseSign1

    @property
    def state(self) -> str:
        """The lifecycle state by name."""
        return LIFECYCLES.get(self.lifecycle >> 8, "reserved")

    def claims(self) -> dict[str, object]:
        """The token as JSON values."""
        return {
            "profile": self.profile, "instance_id": self.instance_id.hex(),
            "implementation_id": self.implementation_id.hex(),
            "lifecycle": f"{self.state} ({self.lifecycle:#06x})", "config": self.config.hex(),
            "hash_algorithm": self.hash_algorithm, "verification_service": self.service,
            "extension_devices": self.extensions,
            "components": [one.claims() for one in self.components], "other_claims": sorted(map(str, self.extra)),
        }  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class RealmToken:
    """What the Realm Management Monitor says of the realm. `challenge` and `personalization` are 64 bytes, measurements
    32, 48 or 64 bytes; `public_key` is as it was hashed. `memory_key` is empty where the token does not say.
    """

    profile: str | None
    challenge: bytes
    personalization: bytes
    initial_measurement: bytes
    extensible_measurements: tuple[bytes, ...]
    hash_algorithm: str
    public_key: bytes
    public_key_hash_algorithm: str
    memory_key: str
    live_activation: bool
    has_devices: bool
    instance_id: bytes | None
    extra: Mapping[Any, Any]
    message: CoseSign1

    def claims(self) -> dict[str, object]:
        """The token as JSON values."""
        return {
            "profile": self.profile, "challenge": self.challenge.hex(), "personalization": self.personalization.hex(),
            "initial_measurement": self.initial_measurement.hex(),
            "extensible_measurements": [one.hex() for one in self.extensible_measurements],
            "hash_algorithm": self.hash_algorithm, "public_key": self.public_key.hex(),
            "public_key_hash_algorithm": self.public_key_hash_algorithm, "memory_key": self.memory_key or None,
            "live_activation": self.live_activation, "devices": self.has_devices,
            "instance_id": self.instance_id.hex() if self.instance_id else None,
            "other_claims": sorted(map(str, self.extra)),
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class CcaToken:
    """An attestation token: both of its parts, signatures not checked."""

    platform: PlatformToken
    realm: RealmToken

    def claims(self) -> dict[str, object]:
        """The token as JSON values."""
        return {"platform": self.platform.claims(), "realm": self.realm.claims()}


def parse_token(data: bytes) -> CcaToken:
    """The token in the bytes. Raises Refused: `cca.size`, `cca.collection`, `cca.cose`, `cca.profile`, `cca.claims`."""
    if not 0 < len(data) <= MAX_SIZE:
        raise _refused("cca.size", f"{len(data)} bytes", f"a token of 1 to {MAX_SIZE} bytes")
    platform, realm = _split(data)
    return CcaToken(_platform(*_open(platform, "platform")), _realm(*_open(realm, "realm")))


def _refused(code: str, got: str, wanted: str) -> Refused:
    remedy = "Give the whole token as the Realm Management Monitor returned it."
    return Refused.because(code, got=got, wanted=wanted, remedy=remedy)


def _split(data: bytes) -> tuple[bytes, bytes]:
    """The platform and the realm token of the collection (RMM, A7.2.3)."""
    wanted = f"a collection (tag {CMW_COLLECTION} or {EAT_COLLECTION}) of a platform and a realm token"
    try:
        wrapper = load_cbor(data, tags={EAT_COLLECTION, CMW_COLLECTION}, variant=True)
    except MalformedCborError as error:
        raise _refused("cca.collection", str(error), wanted) from None
    entries = wrapper.value if isinstance(wrapper, Tagged) else None
    if not isinstance(entries, dict) or entries.keys() != {PLATFORM, REALM}:
        labels = ", ".join(str(label)[:20] for label in list(entries)[:8]) if isinstance(entries, dict) else "no map"
        raise _refused("cca.collection", labels or "nothing", wanted)
    if isinstance(wrapper, Tagged) and wrapper.tag == CMW_COLLECTION:
        entries = {label: _cmw_record(entry) for label, entry in entries.items()}
    if not all(isinstance(entry, bytes) for entry in entries.values()):
        raise _refused("cca.collection", "an entry that is no signed token", wanted)
    return entries[PLATFORM], entries[REALM]


def _cmw_record(entry: object) -> object:
    """The value of a CMW record [263, token]; None for another type."""
    return entry[1] if isinstance(entry, list) and len(entry) == 2 and entry[0] == EAT_CWT else None  # noqa: PLR2004 - type and value


def _open(data: bytes, name: str) -> tuple[CoseSign1, dict[Any, Any]]:
    """The envelope and the claims of one token: a tagged COSE_Sign1 (RMM, A7.2.3)."""
    message = None
    try:
        message = parse_sign1(data, tagged=True, variant=True)
        claims = load_cbor(message.payload or b"", variant=True)
    except (MalformedCoseError, MalformedCborError) as error:
        fault = str(error) if message is None or message.payload else "a message without its payload"
        raise _refused("cca.cose", f"{name}: {fault}", "a COSE_Sign1 message with claims in CBOR") from None
    if not isinstance(claims, dict) or message.unprotected.keys() - {KEY_ID, X5CHAIN}:
        raise _refused("cca.cose", f"{name}: no map of claims, or headers that are not known", "a map of claims")
    return message, claims


@dataclass(frozen=True, slots=True)
class _Claims:
    """The claims of one token, taken out one by one; what is left over at the end is not known."""

    token: str
    values: dict[Any, Any]

    def take(self, label: int, name: str, fits: Callable[[Any], bool], *, optional: bool = False) -> Any:
        """The value of a claim. Raises Refused where it is missing and not optional, or does not fit."""
        value = self.values.pop(label, None)
        if value is None and optional:
            return None
        if not fits(value):
            raise _refused("cca.claims", f"{self.token}: {name}, {_shown(value)}", "the claims of its profile")
        return value


def _shown(value: object) -> str:
    if isinstance(value, bytes | str | list | dict):
        return f"{type(value).__name__} of size {len(value)}"
    return "missing" if value is None else repr(value)[:40]


def _bytes(*sizes: int) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, bytes) and len(value) in sizes


def _text(value: object) -> bool:
    return isinstance(value, str) and len(value) <= _MAX_TEXT


def _any_bytes(value: object) -> bool:
    return isinstance(value, bytes)


def _integer(*numbers: int) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, int) and not isinstance(value, bool) and value in numbers


_is_hash = _bytes(*_HASH_SIZES)


def _is_ueid(value: object) -> bool:
    """33 bytes, of which the first says "random" (draft -04, section 4.4.1)."""
    return isinstance(value, bytes) and len(value) == 33 and value[0] == 1  # noqa: PLR2004 - the size of the claim


def _is_lifecycle(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >> 8 in LIFECYCLES


def _is_hash_name(value: object) -> bool:
    return isinstance(value, str) and value in HASHES


def _profile(claims: _Claims, known: frozenset[Any]) -> Any:
    value = claims.values.pop(265, None)
    if value not in known if isinstance(value, str | None) else True:
        names = " or ".join(sorted(str(name) for name in known if name))
        got = "no profile" if value is None else f"the profile {str(value)[:80]!r}"
        raise _refused("cca.profile", f"{claims.token}: {got}", names)
    return value


def _platform(message: CoseSign1, values: dict[Any, Any]) -> PlatformToken:
    """The platform's claims (draft -04, sections 4.3 to 4.7)."""
    claims = _Claims("platform", values)
    profile = _profile(claims, PLATFORM_PROFILES)
    challenge = claims.take(10, "challenge", _is_hash, optional=True)
    binding = claims.take(2408, "workload binding", _is_hash, optional=challenge is not None)
    # HESRAK's challenge is the caller's, and binds nothing (section 4.3.3.6); elsewhere there is one of the two.
    if (challenge is not None and binding is not None) != profile.endswith(";HESRAK"):
        raise _refused("cca.claims", "platform: challenge and workload binding", "one of the two; both with HESRAK")
    claims.take(2394, "client id", _integer(1), optional=True)
    extensions = claims.take(2404, "extensions", lambda value: isinstance(value, list), optional=True)
    return PlatformToken(
        profile=profile,
        binding=challenge if binding is None else binding,
        challenge=None if binding is None else challenge,
        instance_id=claims.take(256, "instance id", _is_ueid),
        implementation_id=claims.take(2396, "implementation id", _bytes(32)),
        lifecycle=claims.take(2395, "lifecycle", _is_lifecycle),
        config=claims.take(2401, "config", _any_bytes),
        components=_components(claims),
        hash_algorithm=claims.take(2402, "hash algorithm", _text),
        service=claims.take(2400, "verification service", _text, optional=True),
        extensions=len(extensions or ()),
        extra=claims.values,
        message=message,
    )


def _components(claims: _Claims) -> tuple[Component, ...]:
    """The software components (draft -04, section 4.6.1), at least one."""
    fits = lambda value: isinstance(value, list) and 0 < len(value) <= _MAX_COMPONENTS  # noqa: E731 - as the others are
    entries = claims.take(2399, "software components", fits)
    return tuple(_component(index, entry) for index, entry in enumerate(entries))


def _component(index: int, entry: object) -> Component:
    if not isinstance(entry, dict):
        raise _refused("cca.claims", f"platform: component {index}, no map", "the claims of its profile")
    parts = _Claims(f"platform: component {index}", dict(entry))
    return Component(
        type=parts.take(1, "type", _text, optional=True) or f"component {index}",
        measurement=parts.take(2, "measurement", _is_hash),
        version=parts.take(4, "version", _text, optional=True) or "",
        signer=parts.take(5, "signer", _is_hash),
        algorithm=parts.take(6, "hash algorithm", _text, optional=True) or "",
        live=bool(parts.take(7, "live activation", lambda value: isinstance(value, bool), optional=True)),
    )


def _realm(message: CoseSign1, values: dict[Any, Any]) -> RealmToken:
    """The realm's claims (draft -04, section 4.8)."""
    claims = _Claims("realm", values)
    memory_key = claims.take(44243, "MEC policy", _integer(*_MEMORY_KEYS), optional=True)
    return RealmToken(
        profile=_profile(claims, REALM_PROFILES),
        challenge=claims.take(10, "challenge", _bytes(CHALLENGE_SIZE)),
        personalization=claims.take(44235, "personalization value", _bytes(64)),
        initial_measurement=claims.take(44238, "initial measurement", _is_hash),
        extensible_measurements=tuple(claims.take(44239, "extensible measurements", _are_registers)),
        hash_algorithm=claims.take(44236, "hash algorithm", _is_hash_name),
        public_key=claims.take(44237, "public key", _any_bytes),
        public_key_hash_algorithm=claims.take(44240, "public key hash algorithm", _is_hash_name),
        memory_key=_MEMORY_KEYS.get(memory_key, ""),
        live_activation=bool(claims.take(44244, "LFA policy", _integer(0, 1), optional=True)),
        has_devices=claims.take(44257, "devices token hash", _is_hash, optional=True) is not None,
        instance_id=claims.take(256, "instance id", _is_ueid, optional=True),
        extra=claims.values,
        message=message,
    )


def _are_registers(value: object) -> bool:
    """Four measurements (RMM, A7.2.3.1.5)."""
    return isinstance(value, list) and len(value) == 4 and all(map(_is_hash, value))  # noqa: PLR2004 - REM0 to REM3


_STARTS = (b"\xd9\x01\x8f", b"\xd9\x03\x8b")  # the two tags


def recognise(data: bytes) -> EvidenceBundle | None:
    """The bundle of a token as the Realm Management Monitor returns it, or as the attester of Confidential Containers
    writes it: JSON with the bytes in `token`.
    """
    token = data if data.startswith(_STARTS) else find_in_json(data, ("token", "cca_token"), _STARTS)
    return pack_evidence(FORMAT, token) if token else None
