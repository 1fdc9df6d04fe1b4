"""A path of certificates from a leaf to a pinned root, checked as RFC 5280, section 6.1, asks.

What each vendor asks beyond that (names, products, extensions of the leaf) is the business of its own verifier.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise

from confide.checklist import Checklist
from confide.clock import to_rfc3339
from confide.verify.x509 import Certificate, RevocationList

MAX_LENGTH = 8
# Critical extensions that the checks below take into account: basic constraints, key usage, extended key usage.
UNDERSTOOD = frozenset({"2.5.29.19", "2.5.29.15", "2.5.29.37"})

_FORGED = "Do not trust this evidence: it was changed, or it does not belong to these certificates."


def find_path(leaf: Certificate, certificates: Sequence[Certificate], algorithms: Collection[str]) -> list[Certificate]:
    """The certificates from the leaf upwards: each the one that signed the one before, to one that signed itself or
    whose issuer is not there. No trust: `check_path` judges. At most MAX_LENGTH.
    """
    path = [leaf]
    while len(path) < MAX_LENGTH and path[-1].issuer != path[-1].subject:
        above = [one for one in certificates if one.subject == path[-1].issuer]
        signers = [one for one in above if len(above) == 1 or path[-1].signed_by(one, algorithms)]
        if not signers:
            break
        path.append(signers[0])
    return path


@dataclass(frozen=True, slots=True, kw_only=True)
class PathRules:
    """How the paths of one vendor are judged. `prefix` begins the codes, `roots` are the fingerprints of the pinned
    roots, `simulated` those of other roots that the caller trusts; `vendor` names the owner of the roots in words;
    `understood` are critical extensions that the caller judges itself.
    """

    prefix: str
    vendor: str
    roots: Collection[str]
    algorithms: Collection[str]
    simulated: Collection[str] = ()
    understood: frozenset[str] = field(default=frozenset())

    @property
    def codes(self) -> frozenset[str]:
        """The codes that `check_path` gives a result for."""
        names = ("root", "names", "authority", "signature", "validity")
        return frozenset({f"{self.prefix}.chain.{name}" for name in names} | {f"{self.prefix}.crl"})


def check_path(
    path: Sequence[Certificate],
    rules: PathRules,
    *,
    now: datetime,
    checklist: Checklist,
    lists: Sequence[RevocationList] = (),
) -> None:
    """Records the codes of `rules.codes` for a path from leaf to root (at least one certificate)."""
    check_root(path[-1], rules, checklist)
    _check_names(path, rules, checklist)
    _check_authority(path, rules, checklist)
    _check_signatures(path, rules, checklist)
    check_validity(path, rules.prefix, now, checklist)
    _check_revocation(path, rules, lists, now, checklist)


def check_root(root: Certificate, rules: PathRules, checklist: Checklist) -> None:
    """The root is one of the pinned anchors by value, whatever it calls itself."""
    simulated = root.fingerprint in rules.simulated and root.fingerprint not in rules.roots
    checklist.expect(
        f"{rules.prefix}.chain.root",
        root.fingerprint in rules.roots or simulated,
        got=f"a path that ends in {root.common_name or 'a certificate without a name'}, {root.fingerprint}",
        wanted=f"a root of {rules.vendor}, pinned by its fingerprint",
        remedy="Give the certificates up to the vendor's root. Where they are there, do not trust this evidence; "
        "if it is SIMULATED, only a policy of kind simulation can name its root.",
        reason="a SIMULATED root that the caller trusts" if simulated else "",
    )


def _check_names(path: Sequence[Certificate], rules: PathRules, checklist: Checklist) -> None:
    """Each certificate names the subject of the next as its issuer."""
    broken = [one.common_name for one, above in pairwise(path) if one.issuer != above.subject]
    checklist.expect(
        f"{rules.prefix}.chain.names",
        not broken,
        got=f"{', '.join(broken)}, whose issuer is not the certificate above",
        wanted="certificates in order, each under the one that it names as its issuer",
        remedy="Give the whole chain, in the vendor's order.",
    )


def _check_authority(path: Sequence[Certificate], rules: PathRules, checklist: Checklist) -> None:
    """All but the leaf may sign certificates, the leaf may not; path lengths and critical extensions are heeded."""
    known = UNDERSTOOD | rules.understood
    faults = [f"{one.common_name} with a critical extension that is not known" for one in path if one.critical - known]
    faults += [f"{one.common_name}, which may not sign certificates" for one in path[1:] if not one.is_authority]
    faults += [f"{path[0].common_name}, an authority, as the leaf"] if len(path) > 1 and path[0].is_authority else []
    faults += [
        f"{one.common_name} above {below} authorities"
        for below, one in enumerate(path[1:])
        if one.path_length is not None and one.path_length < below
    ]
    checklist.expect(
        f"{rules.prefix}.chain.authority",
        not faults,
        got="; ".join(faults),
        wanted="authorities that may sign certificates, within their path lengths, above a leaf that may not",
        remedy=_FORGED,
    )


def _check_signatures(path: Sequence[Certificate], rules: PathRules, checklist: Checklist) -> None:
    """Each is signed by the next by one of the vendor's algorithms. The root is pinned: its own adds nothing."""
    wrong = [one.common_name for one, above in pairwise(path) if not one.signed_by(above, rules.algorithms)]
    checklist.expect(
        f"{rules.prefix}.chain.signature",
        not wrong,
        got=f"{', '.join(wrong)}, not signed by the certificate above",
        wanted=f"valid signatures by {' or '.join(sorted(rules.algorithms))}",
        remedy=_FORGED,
    )


def check_validity(path: Sequence[Certificate], prefix: str, now: datetime, checklist: Checklist) -> None:
    """All are valid at `now` (RFC 5280, section 4.1.2.5)."""
    outside = [one.period() for one in path if not one.valid_at(now)]
    checklist.expect(
        f"{prefix}.chain.validity",
        not outside,
        got=f"{to_rfc3339(now)}, outside of {'; '.join(outside)}",
        wanted="a time within the validity of every certificate",
        remedy="Fetch current certificates; check this machine's clock; old evidence is verified at its own time.",
    )


def _check_revocation(
    path: Sequence[Certificate],
    rules: PathRules,
    lists: Sequence[RevocationList],
    now: datetime,
    checklist: Checklist,
) -> None:
    """Every list of an authority of the path is signed by it, in force, and names no certificate of the path."""
    pairs = [(one, above) for one in lists for above in path[1:] if one.issuer == above.subject]
    if not pairs:
        checklist.not_applicable(f"{rules.prefix}.crl", "no revocation list of this path's authorities came along")
        return
    faults = [fault for one, above in pairs for fault in list_faults(one, above, path, rules, now)]
    checklist.expect(
        f"{rules.prefix}.crl",
        not faults,
        got="; ".join(faults),
        wanted="lists signed by their authorities, in force now, that name no certificate of the path",
        remedy="Fetch the current lists from the vendor; where a certificate is revoked, do not trust the machine.",
    )


def list_faults(
    crl: RevocationList, authority: Certificate, path: Sequence[Certificate], rules: PathRules, now: datetime
) -> list[str]:
    """What is wrong with one list of an authority, as words; nothing where all is well."""
    if not crl.signed_by(authority, rules.algorithms):
        return [f"a list that {authority.common_name} did not sign"]
    revoked = [
        f"{one.common_name} (serial number {one.serial}) is revoked"
        for one in path
        if one.issuer == authority.subject and one.serial in crl.revoked
    ]
    return revoked if crl.current_at(now) else [*revoked, f"a list that is not in force at {to_rfc3339(now)}"]
