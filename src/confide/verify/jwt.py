"""Is an attestation result in a JSON Web Token genuine, now? The steps, in order; the body has the same numbers.

 1. One signed token in the compact form, strict JSON, or NVIDIA's list of tokens, each named by its digest in the first
    (RFC 7515, section 7.1; RFC 8725, section 3; `confide.evidence.jwt`).
 2. Issuer: a known service, the same for all tokens (RFC 7519, section 4.1.1).
 3. Algorithm: one that the service signs with; never `none`, never a shared secret (RFC 8725, sections 3.1 and 3.2).
 4. Key: by the certificates in the header, or by its id in a key set that came along. Either its certificates lead to
    the service's pinned root, or the caller trusts the key. It is of the algorithm's kind (RFC 8725, section 3.5).
 5. Signature of every token (RFC 7515, section 5.2).
 6. Time: issued, in force, not expired (RFC 7519, sections 4.1.4 to 4.1.6).
 7. The nonce is what the caller asked for.

A result says what the service found, not what this verifier found: whoever takes it trusts the service. What it has to
say (audience, hardware, workload, status) is the policy's business; debug mode and a result that is no success are
refused without one.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from jwt.algorithms import get_default_algorithms

from confide.checklist import Checklist
from confide.clock import to_rfc3339
from confide.errors import Refused
from confide.evidence.bundle import EvidenceBundle
from confide.evidence.jwt import FORMAT, JwtEvidence, Token, parse_jwt
from confide.verify.certificates import parse_certificates
from confide.verify.chains import PathRules, check_path
from confide.verify.examination import Examination
from confide.verify.jwt_claims import JwtSubject, carries, seconds
from confide.verify.jwt_keys import (
    ALGORITHMS,
    MalformedKeyError,
    TokenKey,
    anchored,
    find_key,
    is_key_set,
    read_key_sets,
)
from confide.verify.jwt_services import SERVICES, Service, key_fits, service_of
from confide.verify.parts import check_parts
from confide.verify.trust import Trust
from confide.verify.x509 import Certificate, RevocationList

NONCE_SIZE = None
_READ = ("size", "malformed", "header", "detached")
_CHAIN = ("chain.root", "chain.names", "chain.authority", "chain.signature", "chain.validity", "crl")
_JUDGED = ("issuer", "algorithm", "key.malformed", "key.missing", *_CHAIN, "signature", "time", "report_data",
           "debug", "result")  # fmt: skip
REQUIRED = frozenset({"evidence.parts", *(f"jwt.{name}" for name in (*_READ, *_JUDGED))})
CANNOT_TELL = frozenset({"jwt.key.missing"})
ALONE = frozenset({"jwt.debug", "jwt.result"})

# How far the service's clock may be ahead of this one, in seconds; an expired token has no such grace.
SKEW = 60
_VERIFIERS = get_default_algorithms()
_FORGED = "Do not trust this result: it was changed, or it was signed by somebody else."


def examine(bundle: EvidenceBundle, *, now: datetime, report_data: bytes | None, trust: Trust) -> Examination:
    """Runs every step and records every result; whoever calls `conclude` on the answer gets the verdict."""
    exam = Examination(format=FORMAT, now=now, required=REQUIRED, cannot_tell=CANNOT_TELL)
    checklist = exam.checklist
    check_parts(bundle, (), checklist)
    evidence = check_form(bundle.evidence_bytes(), checklist)  # 1
    service = check_issuer(evidence, checklist) if evidence else None  # 2
    if evidence is None or service is None:
        made = {check.code for check in checklist.checks}
        _not_checked(REQUIRED - ALONE - made, checklist.findings[-1].code, checklist)
        return exam
    exam.unverified_subject = JwtSubject(evidence, service.product, now)
    check_algorithm(evidence, service, checklist)  # 3
    endorsements = bundle.endorsement_bytes()
    items = parse_certificates([one for one in endorsements if not is_key_set(one)], checklist)
    found = check_keys(evidence, [one for one in endorsements if is_key_set(one)], items, checklist)  # 4
    for token, key in zip(evidence.tokens, found, strict=True):
        _check_key(token, key, service=service, items=items, trust=trust, exam=exam)  # 4, 5
    check_time(evidence, now, checklist)  # 6
    check_report_data(exam.unverified_subject, report_data, checklist)  # 7
    return exam


def _not_checked(codes: Collection[str], cause: str, checklist: Checklist) -> None:
    for code in sorted(codes):
        checklist.unchecked(code, cause)


# 1. The form


def check_form(data: bytes, checklist: Checklist) -> JwtEvidence | None:
    """Step 1: the token, where the bytes are one."""
    try:
        evidence = parse_jwt(data)
    except Refused as failure:
        checklist.absorb(failure)
        return None
    for name in _READ:
        checklist.expect(f"jwt.{name}", passed=True, got="", wanted="", remedy="")
    return evidence


# 2. Issuer


def check_issuer(evidence: JwtEvidence, checklist: Checklist) -> Service | None:
    """Step 2: the service, by what every token says; the key decides whether that is true."""
    issuers = [token.claims.get("iss") for token in evidence.tokens]
    service = service_of(issuers[0])
    passed = checklist.expect(
        "jwt.issuer",
        service is not None and all(one == issuers[0] for one in issuers),
        got=" and ".join(dict.fromkeys(repr(one)[:80] for one in issuers)),
        wanted=f"one known service: {', '.join(one.product for one in SERVICES)}",
        remedy="Use the result of a known service, or a newer Confide that knows this one.",
    )
    return service if passed else None


# 3. Algorithm


def check_algorithm(evidence: JwtEvidence, service: Service, checklist: Checklist) -> None:
    """Step 3: the algorithm is the service's, whatever the token would like."""
    names = {token.algorithm for token in evidence.tokens}
    checklist.expect(
        "jwt.algorithm",
        names <= service.algorithms,
        got=", ".join(sorted(repr(name)[:40] for name in names)),
        wanted=" or ".join(sorted(service.algorithms)),
        remedy=_FORGED,
    )


# 4. Key


def check_keys(
    evidence: JwtEvidence,
    key_sets: Sequence[bytes],
    items: Sequence[Certificate | RevocationList],
    checklist: Checklist,
) -> list[TokenKey | None]:
    """Step 4: a key for each token, found and not yet trusted."""
    certificates = [one for one in items if isinstance(one, Certificate)]
    try:
        keys = read_key_sets(key_sets)
        found = [find_key(token, keys, certificates) for token in evidence.tokens]
        fault = ""
    except MalformedKeyError as error:
        found, fault = [None] * len(evidence.tokens), str(error)
    checklist.expect(
        "jwt.key.malformed", not fault, got=fault, wanted="public keys of one algorithm, each with an id of its own",
        remedy="Fetch the key set of the service again.",
    )  # fmt: skip
    if fault:
        checklist.unchecked("jwt.key.missing", "jwt.key.malformed")
        return found
    ids = [token.key_id for token, key in zip(evidence.tokens, found, strict=True) if key is None]
    missing = [repr(name)[:100] for name in dict.fromkeys(ids)]
    checklist.expect(
        "jwt.key.missing", not missing, got=f"no key with the id {', '.join(missing)}",
        wanted="the service's key set (JWKS) as an endorsement",
        remedy="Fetch the key set from the service; keys that it no longer publishes have to be kept with the result.",
    )  # fmt: skip
    return found


def _check_key(
    token: Token,
    found: TokenKey | None,
    *,
    service: Service,
    items: Sequence[Certificate | RevocationList],
    trust: Trust,
    exam: Examination,
) -> None:
    """Steps 4 and 5 for one token: the key is trusted, and made the signature."""
    if found is None:
        _not_checked({f"jwt.{name}" for name in (*_CHAIN, "signature")}, "the finding of the key", exam.checklist)
        return
    if found.fingerprint in trust.keys or not found.path:
        check_trusted_key(found, trust, exam)
    else:
        lists = [one for one in items if isinstance(one, RevocationList)]
        check_chain(found, service, lists, trust, exam)
    check_signature(token, found, service, exam.checklist)


def check_trusted_key(found: TokenKey, trust: Trust, exam: Examination) -> None:
    """Step 4: a key without certificates is trusted by its fingerprint alone."""
    trusted = exam.checklist.expect(
        "jwt.chain.root",
        found.fingerprint in trust.keys,
        got=f"a key with the fingerprint {found.fingerprint} and no certificates to a pinned root",
        wanted="a key that the caller trusts, or certificates to the service's root",
        remedy="Compare the key with the service's own publication, and name its fingerprint among the trusted keys.",
        reason="a key that the caller trusts",
    )
    for name in _CHAIN[1:]:
        if trusted:
            exam.checklist.not_applicable(f"jwt.{name}", "the key itself is trusted")
        else:
            exam.checklist.unchecked(f"jwt.{name}", "jwt.chain.root")
    exam.unverified_root = exam.unverified_root or found.fingerprint


def check_chain(
    found: TokenKey, service: Service, lists: Sequence[RevocationList], trust: Trust, exam: Examination
) -> None:
    """Step 4: the certificates lead to the service's root. SIMULATED where it is one that only the caller names."""
    path, by_key = anchored(found, service, trust)
    rules = PathRules(
        prefix="jwt", vendor=service.product, roots={*service.roots, *by_key}, algorithms=ALGORITHMS,
        simulated=trust.simulated_roots,
    )  # fmt: skip
    check_path(path, rules, now=exam.now, checklist=exam.checklist, lists=lists)
    root = path[-1].fingerprint
    exam.unverified_root = exam.unverified_root or root
    exam.simulated = exam.simulated or (root in trust.simulated_roots and root not in rules.roots)


# 5. Signature


def check_signature(token: Token, found: TokenKey, service: Service, checklist: Checklist) -> None:
    """Step 5: the key made the signature, by an algorithm of the service, which is also of the key's kind."""
    known, fits = token.algorithm in service.algorithms, key_fits(token.algorithm, found.key)
    checklist.expect(
        "jwt.signature",
        known and fits and _VERIFIERS[token.algorithm].verify(token.signing_input, found.key, token.signature),
        got=f"a signature by {token.algorithm[:20]!r} that does not verify"
        if fits
        else f"a key of another kind or size than {token.algorithm[:20]!r} takes",
        wanted=f"a signature by the key {found.fingerprint}, {' or '.join(sorted(service.algorithms))}",
        remedy=_FORGED,
    )


# 6. Time


def check_time(evidence: JwtEvidence, now: datetime, checklist: Checklist) -> None:
    """Step 6: every token says when it was issued and when it ends; the end is exclusive."""
    moment = now.timestamp()
    faults = [fault for token in evidence.tokens for fault in _time_faults(token, moment)]
    checklist.expect(
        "jwt.time",
        not faults,
        got=f"at {to_rfc3339(now)}: {'; '.join(dict.fromkeys(faults))}",
        wanted="a token that is issued, in force and not expired",
        remedy="Ask for a new token; check this machine's clock; old results are verified at their own time.",
    )


def _time_faults(token: Token, moment: float) -> list[str]:
    names = ("iat", "exp", *(["nbf"] if "nbf" in token.claims else []))
    times = {name: seconds(token.claims.get(name)) for name in names}
    faults = [f"no usable `{name}`" for name, value in times.items() if value is None]
    begins = {name: value for name, value in times.items() if name != "exp" and value is not None}
    faults += [f"`{name}` {value:.0f} is to come" for name, value in begins.items() if value > moment + SKEW]
    ends = times["exp"]
    return [*faults, f"`exp` {ends:.0f} is past"] if ends is not None and moment >= ends else faults


# 7. Nonce


def check_report_data(subject: JwtSubject, wanted: bytes | None, checklist: Checklist) -> None:
    """Step 7: the result was made for this question. Without one, that is said, and freshness is not claimed."""
    if wanted is None:
        checklist.not_applicable("jwt.report_data", "the caller gave no nonce to compare with")
        return
    checklist.expect(
        "jwt.report_data",
        carries(subject, wanted),
        got=", ".join(repr(one)[:90] for one in subject.nonces) or "no nonce",
        wanted=f"{wanted.hex()}, as text, hexadecimal or base64",
        remedy="The result was made for another question: ask for a fresh one with this nonce.",
    )


def check_alone(exam: Examination) -> None:
    """Debug mode lets others read the workload's memory: refused for everyone without a policy, as is a result that
    does not say, or that is no success.
    """
    subject = exam.unverified_subject
    if not isinstance(subject, JwtSubject):
        for code in sorted(ALONE):
            exam.checklist.unchecked(code, "the reading of the token")
        return
    exam.checklist.expect(
        "jwt.debug",
        subject.debug is False,
        got="debug mode on" if subject.debug else "a result that does not say whether debug mode is on",
        wanted="debug mode off",
        remedy="Launch the workload without debug mode, and ask the service for a result that says so.",
    )
    exam.checklist.expect(
        "jwt.result",
        subject.succeeded,
        got="a result of a failed appraisal",
        wanted="a result that says that everything was in order",
        remedy="See the claims for what the service found wrong.",
    )
