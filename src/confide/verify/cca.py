"""Is an attestation token of an Arm CCA realm genuine? The steps, in order; the body carries the same numbers.

RMM is Arm's Realm Management Monitor specification (DEN0137); CCA is draft-ffm-rats-cca-token-04.

 1. Size; a collection of two tagged COSE_Sign1 messages; profiles; claims, their types and sizes (RMM, A7.2.3).
 2. The platform's key: the endorsed one that verifies the platform token (CCA, section 7).
 3. The platform token's signature, by the algorithm of the key's curve, never by the token's own word (RFC 9053).
 4. Trust in that key: by its fingerprint, since CCA's reference platforms sign with bare keys and Arm publishes no
    root (CCA, section 6); or by a path of certificates to a root that the caller trusts.
 5. The realm's key in the realm token is a public key; it signed the realm token (RMM, A7.2.3.1.7).
 6. The binding: the platform token holds the hash of the realm's key, by the algorithm that the realm token names
    (CCA, section 4.10). The realm's token counts for nothing without it.
 7. The realm's challenge is what the caller asked for, all 64 bytes (RMM, A7.2.3.1.1). A platform's own challenge, in
    the profiles HESRAK, is the same one (CCA, section 4.3.3.6).

The lifecycle state is a rule of the policy (RMM, A7.2.3.2.6), and judged by `check_alone` for callers without one.
Tokens carry no time: their freshness rests on the challenge alone.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey

from confide.checklist import Checklist
from confide.evidence.bundle import EvidenceBundle
from confide.evidence.cbor import MalformedCborError
from confide.evidence.cca import (
    CHALLENGE_SIZE,
    FORMAT,
    HASHES,
    PRODUCT,
    CcaToken,
    PlatformToken,
    RealmToken,
    parse_token,
)
from confide.evidence.cca_keys import MAX_KEYS, NoKeysError, PlatformKey, read_platform_keys
from confide.evidence.cose import X5CHAIN, CoseSign1
from confide.evidence.cose_key import MalformedKeyError, algorithm_of, fingerprint_of, read_cose_key, read_point
from confide.verify.chains import PathRules, check_path, find_path
from confide.verify.cose_signature import cose_verifies
from confide.verify.examination import Examination
from confide.verify.parse_step import check_parsed
from confide.verify.parts import check_parts
from confide.verify.signatures import ECDSA_ANY
from confide.verify.trust import Trust
from confide.verify.x509 import Certificate, MalformedCertificateError, RevocationList, parse_item

PARTS = frozenset[str]()
NONCE_SIZE = CHALLENGE_SIZE
CANNOT_TELL = frozenset({"cca.key.missing"})
MAX_ITEMS = 32

_PARSED = ("cca.size", "cca.collection", "cca.cose", "cca.profile", "cca.claims")
_RULES = PathRules(prefix="cca", vendor="a manufacturer", roots=frozenset(), algorithms=ECDSA_ANY)
_NEED_KEY = frozenset({"cca.platform.signature", "cca.key"}) | _RULES.codes
_NEED_TOKEN = frozenset({
    "cca.key.missing", "cca.realm.key", "cca.realm.signature", "cca.binding", "cca.report_data",
}) | _NEED_KEY  # fmt: skip
# Every one of these has a result before evidence counts as verified.
REQUIRED = frozenset({"evidence.parts", "cca.lifecycle", *_PARSED}) | _NEED_TOKEN

_FORGED = "Do not trust this evidence: it was changed, or it does not belong to this key."


@dataclass(frozen=True, slots=True)
class CcaSubject:
    """A token of a realm and of the platform that it runs on."""

    token: CcaToken

    @property
    def product(self) -> str:
        """There is one kind of realm."""
        return PRODUCT

    def claims(self) -> dict[str, object]:
        """The token as JSON values."""
        return self.token.claims()


@dataclass(frozen=True, slots=True)
class Endorsed:
    """What came along: bare keys, certificates of keys and of authorities, and revocation lists."""

    keys: Sequence[PlatformKey]
    certificates: Sequence[Certificate]
    lists: Sequence[RevocationList]


def examine(bundle: EvidenceBundle, *, now: datetime, report_data: bytes | None, trust: Trust) -> Examination:
    """Runs every step and records every result; whoever calls `conclude` on the answer gets the verdict."""
    exam = Examination(format=FORMAT, now=now, required=REQUIRED, cannot_tell=CANNOT_TELL)
    checklist = exam.checklist
    check_parts(bundle, PARTS, checklist)
    token = check_parsed(parse_token, bundle.evidence_bytes(), checklist, codes=_PARSED, others=_NEED_TOKEN)  # 1
    if token is None:
        return exam
    exam.unverified_subject = CcaSubject(token)
    endorsed = read_endorsements((*_x5chain(token.platform.message), *bundle.endorsement_bytes()), checklist)
    key = check_platform_signature(token.platform, endorsed, checklist)  # 2, 3
    if key is not None:
        check_key(exam, key, endorsed, trust)  # 4
    check_realm_signature(token.realm, checklist)  # 5
    check_binding(token, checklist)  # 6
    check_report_data(token, report_data, checklist)  # 7
    return exam


# 2. to 4. The platform's key


def _x5chain(message: CoseSign1) -> tuple[bytes, ...]:
    """The certificates in the platform token's own header, from the leaf upwards (RFC 9360, section 2)."""
    chain = message.protected.get(X5CHAIN) or message.unprotected.get(X5CHAIN) or ()
    entries = [chain] if isinstance(chain, bytes) else chain if isinstance(chain, list) else []
    return tuple(one for one in entries if isinstance(one, bytes))


def read_endorsements(items: Sequence[bytes], checklist: Checklist) -> Endorsed:
    """Each endorsement told apart by its content. One that is nothing known is a finding."""
    keys: list[PlatformKey] = []
    parsed: list[Certificate | RevocationList] = []
    unknown = [f"{len(items)} of them"] if len(items) > MAX_ITEMS else []
    for index, item in enumerate(items[:MAX_ITEMS]):
        try:
            parsed.append(parse_item(item))
            continue
        except MalformedCertificateError:
            pass
        try:
            keys += read_platform_keys(item)
        except NoKeysError as error:
            unknown.append(f"endorsement {index + 1}, {error}")
    if len(keys) > MAX_KEYS:
        unknown.append(f"{len(keys)} public keys")
    if unknown:
        checklist.expect(
            "endorsement.malformed",
            passed=False,
            got="; ".join(unknown[:4]),
            wanted=f"at most {MAX_ITEMS} endorsements and {MAX_KEYS} keys: public keys (DER, PEM, JWK, CoRIM), "
            "certificates or revocation lists",
            remedy="Leave out what does not belong to the evidence.",
        )
    certificates = [one for one in parsed if isinstance(one, Certificate)]
    return Endorsed(keys[:MAX_KEYS], certificates, [one for one in parsed if isinstance(one, RevocationList)])


def check_platform_signature(
    platform: PlatformToken, endorsed: Endorsed, checklist: Checklist
) -> EllipticCurvePublicKey | None:
    """Steps 2 and 3: the key that verifies the token, among those that came along for this instance."""
    bare = [one.key for one in endorsed.keys if one.instance_id in {None, platform.instance_id}]
    certified = [one.public_key for one in endorsed.certificates if not one.is_authority]
    candidates = [key for key in (*bare, *certified) if isinstance(key, EllipticCurvePublicKey)]
    found = checklist.expect(
        "cca.key.missing",
        bool(candidates),
        got="no public key for this platform",
        wanted=f"the attestation key of the instance {platform.instance_id.hex()}",
        remedy="Get the key from the platform's manufacturer or operator, and give it as an endorsement.",
    )
    key = next((one for one in candidates if _verifies(platform.message, one)), None)
    if found:
        checklist.expect(
            "cca.platform.signature",
            key is not None,
            got=f"a platform token that none of {len(candidates)} keys signed, algorithm {platform.message.algorithm}",
            wanted="a signature by the platform's key, by the algorithm of its curve",
            remedy="Give the key of this platform; if it is the right one, do not trust this evidence.",
        )
    if key is None:
        for code in sorted(_NEED_KEY - ({"cca.platform.signature"} if found else set())):
            checklist.unchecked(code, "cca.platform.signature" if found else "cca.key.missing")
    return key


def _verifies(message: CoseSign1, key: EllipticCurvePublicKey) -> bool:
    """By the algorithm that goes with the key's curve."""
    algorithm = algorithm_of(key)
    return algorithm is not None and cose_verifies(message, key, algorithm=algorithm)


def check_key(exam: Examination, key: EllipticCurvePublicKey, endorsed: Endorsed, trust: Trust) -> None:
    """Step 4: the caller trusts the key itself, or a path of certificates from it to a root."""
    fingerprint = fingerprint_of(key)
    trusted = fingerprint in trust.keys
    leaves = [one for one in endorsed.certificates if one.public_key == key]
    exam.checklist.expect(
        "cca.key",
        trusted or bool(leaves),
        got=f"a key that nobody vouches for, {fingerprint}",
        wanted="a key whose fingerprint is trusted, or certificates from it to a trusted root",
        remedy="Compare the fingerprint with what the platform's manufacturer or operator says, and trust it by name.",
        reason="the caller trusts the key by its fingerprint" if trusted else "by the certificates above it",
    )
    if leaves and not trusted:
        _check_certificates(exam, leaves[0], endorsed, trust)
        return
    exam.unverified_root = fingerprint
    for code in sorted(_RULES.codes):
        if trusted:
            exam.checklist.not_applicable(code, "the key is trusted by its fingerprint, not by certificates")
        else:
            exam.checklist.unchecked(code, "cca.key")


def _check_certificates(exam: Examination, leaf: Certificate, endorsed: Endorsed, trust: Trust) -> None:
    rules = replace(_RULES, simulated=trust.simulated_roots)
    path = find_path(leaf, endorsed.certificates, ECDSA_ANY)
    exam.unverified_root = path[-1].fingerprint
    exam.simulated = path[-1].fingerprint in trust.simulated_roots
    check_path(path, rules, now=exam.now, checklist=exam.checklist, lists=endorsed.lists)


# 5. and 6. The realm's key


def check_realm_signature(realm: RealmToken, checklist: Checklist) -> None:
    """Step 5: the realm token is signed by the key in it."""
    key, fault = _realm_key(realm)
    checklist.expect(
        "cca.realm.key",
        key is not None,
        got=f"a realm public key of {len(realm.public_key)} bytes that is none: {fault}",
        wanted="a COSE_Key, or the uncompressed point that older firmware writes",
        remedy=_FORGED,
    )
    if key is None:
        checklist.unchecked("cca.realm.signature", "cca.realm.key")
        return
    checklist.expect(
        "cca.realm.signature",
        _verifies(realm.message, key),
        got="a realm token that its key did not sign",
        wanted="a signature by the realm's key, by the algorithm of its curve",
        remedy=_FORGED,
    )


def _realm_key(realm: RealmToken) -> tuple[EllipticCurvePublicKey | None, str]:
    """The key and, where it is none, why. A point begins with 4, which begins no map in CBOR."""
    data = realm.public_key
    try:
        return (read_point(data) if data[:1] == b"\x04" else read_cose_key(data, variant=True)), ""
    except (MalformedKeyError, MalformedCborError) as error:
        return None, str(error)


def check_binding(token: CcaToken, checklist: Checklist) -> None:
    """Step 6: the hardware vouches for the realm's key by its hash."""
    digest = hashlib.new(HASHES[token.realm.public_key_hash_algorithm], token.realm.public_key).digest()
    checklist.expect(
        "cca.binding",
        hmac.compare_digest(digest, token.platform.binding),
        got=f"a platform token for the key {token.platform.binding.hex()}",
        wanted=f"the {token.realm.public_key_hash_algorithm} of the realm's key, {digest.hex()}",
        remedy="Do not trust this evidence: the two tokens do not belong together.",
    )


# 7. The challenge


def check_report_data(token: CcaToken, wanted: bytes | None, checklist: Checklist) -> None:
    """Step 7: the token was made for this question. Without one, that is said, and freshness is not claimed."""
    challenges = {token.realm.challenge, token.platform.challenge or token.realm.challenge}
    got = " and ".join(sorted(one.hex() for one in challenges))
    if wanted is None and len(challenges) == 1:
        checklist.not_applicable("cca.report_data", "the caller gave no challenge to compare with")
        return
    checklist.expect(
        "cca.report_data",
        len(challenges) == 1 and wanted is not None and hmac.compare_digest(wanted, token.realm.challenge),
        got=f"the challenge {got}",
        wanted=wanted.hex() or "no challenge" if wanted is not None else "one challenge for realm and platform",
        remedy="The token was made for another question: ask the realm for one with this challenge.",
    )


def check_alone(exam: Examination) -> None:
    """A platform that is not secured can be debugged, and vouches for nothing: refused where there is no policy."""
    subject = exam.unverified_subject
    if not isinstance(subject, CcaSubject):
        exam.checklist.unchecked("cca.lifecycle", "the reading of the token")
        return
    platform = subject.token.platform
    exam.checklist.expect(
        "cca.lifecycle",
        platform.state == "secured",
        got=f"{platform.state} ({platform.lifecycle:#06x})",
        wanted="secured (0x3000 to 0x30ff)",
        remedy="Use a platform that is not open to debugging.",
    )
