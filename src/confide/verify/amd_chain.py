"""The certificates of a SEV-SNP report: from the signing key to the pinned root, and what they certify.

Sources: AMD 57230 (VCEK certificate and key distribution), section 3; RFC 5280. Steps 5 to 7 of `confide.verify.snp`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from confide.checklist import Checklist
from confide.clock import to_rfc3339
from confide.evidence.der import IA5_STRING, OCTET_STRING, content_of, read_small_integer
from confide.evidence.snp import SnpReport
from confide.verify.anchors import AMD_ROOTS
from confide.verify.x509 import Certificate, RevocationList

# RSASSA-PSS, SHA-384, MGF1 of SHA-384, salt of 48 bytes (AMD 57230, sections 3 and 4).
AMD_ALGORITHMS = frozenset({"rsa-pss-sha384"})

LEAF_NAMES = {"vcek": "SEV-VCEK", "vlek": "SEV-VLEK"}
_ISSUER_NAMES = {"SEV-VCEK": "SEV-{}", "SEV-VLEK": "SEV-VLEK-{}"}
# The names in the certificates' productName, before any stepping, by the product whose roots certify them.
_PRODUCT_NAMES = {"Milan": "Milan", "Genoa": "Genoa", "Bergamo": "Genoa", "Siena": "Genoa", "Turin": "Turin"}

_HWID_SIZES = {8, 64}

_OID = "1.3.6.1.4.1.3704.1."
_PRODUCT_NAME, _HWID, CSP_ID = f"{_OID}2", f"{_OID}4", f"{_OID}5"
# The security patch level extensions in the order of the TCB version's eight bytes; None: no extension, zero.
_SPL = (1, 2, 4, 5, 6, 7, 3, 8)
_SPL_TURIN = (9, 1, 2, 3, None, None, None, 8)

FETCH = "Give the certificates with the evidence, or fetch them from the vendor's key distribution service."
FORGED = "Do not trust this evidence: it was changed, or it does not belong to these certificates."


@dataclass(frozen=True, slots=True)
class Chain:
    """The three certificates from the signing key to the root, and the revocation lists that came along."""

    leaf: Certificate
    issuer: Certificate
    root: Certificate
    lists: tuple[RevocationList, ...]


def find_chain(
    report: SnpReport, items: Sequence[Certificate | RevocationList], trusted: Collection[str], checklist: Checklist
) -> Chain | None:
    """Leaf, issuer and root by their names. Where several have the name that is looked for, the one that fits is
    taken, so that a folder with the certificates of many machines can be given; the checks judge the choice.
    """
    certificates = [item for item in items if isinstance(item, Certificate)]
    wanted = LEAF_NAMES.get(report.signing_key)
    leaves = [one for one in certificates if one.common_name in LEAF_NAMES.values()]
    leaf = _best(leaves, lambda one: (one.common_name == wanted, _fits(report, one)))
    issuer = root = None
    if leaf is not None:
        issuer = _best(_named(certificates, leaf.issuer), lambda one: (leaf.signed_by(one, AMD_ALGORITHMS),))
    if issuer is not None:
        root = _best(_named(certificates, issuer.issuer), lambda one: (one.fingerprint in trusted,))
    found = {"the signing key (VCEK or VLEK)": leaf, "its issuer (ASK or ASVK)": issuer, "the root (ARK)": root}
    missing = [name for name, one in found.items() if one is None]
    checklist.expect(
        "snp.chain.missing",
        not missing,
        got=f"no certificate for {missing[0] if missing else ''}",
        wanted="the certificates from the signing key to the vendor's root",
        remedy=FETCH,
    )
    if leaf is None or issuer is None or root is None:
        return None
    lists = tuple(item for item in items if isinstance(item, RevocationList) and item.issuer == root.subject)
    return Chain(leaf, issuer, root, lists)


def _named(certificates: Sequence[Certificate], subject: bytes) -> list[Certificate]:
    return [one for one in certificates if one.subject == subject]


def _best(candidates: Sequence[Certificate], rank: Callable[[Certificate], tuple[bool, ...]]) -> Certificate | None:
    """The highest-ranking candidate; a single one is not ranked, since ranking may cost a signature check."""
    return max(candidates, key=rank) if len(candidates) > 1 else next(iter(candidates), None)


def _fits(report: SnpReport, leaf: Certificate) -> bool:
    """Whether the leaf looks like the one of this report: the same chip and the same TCB."""
    hwid = hardware_id(leaf)
    tcb = certified_tcb(leaf, turin=certified_product(leaf) == "Turin")
    return (hwid is None or report.chip_id.startswith(hwid)) and tcb == report.reported_tcb


def certified_product(leaf: Certificate) -> str | None:
    """The product in the leaf's productName extension: an IA5String such as `Milan-B0` (KDS, section 3.1)."""
    name = content_of(IA5_STRING, leaf.extensions.get(_PRODUCT_NAME, b""))
    return _PRODUCT_NAMES.get(name.decode("ascii", "replace").split("-")[0]) if name else None


def hardware_id(leaf: Certificate) -> bytes | None:
    """The hardware id, raw or as an OCTET STRING: AMD has issued both."""
    value = leaf.extensions.get(_HWID)
    inner = content_of(OCTET_STRING, value) if value and len(value) not in _HWID_SIZES else None
    return value if inner is None else inner


def certified_tcb(leaf: Certificate, *, turin: bool) -> bytes | None:
    """The eight bytes of the TCB version that the leaf certifies, or None where an extension is missing."""
    layout = _SPL_TURIN if turin else _SPL
    values = [0 if part is None else read_small_integer(leaf.extensions.get(f"{_OID}3.{part}", b"")) for part in layout]
    numbers = [value for value in values if value is not None]
    return bytes(numbers) if len(numbers) == len(values) else None


def check_root(root: Certificate, trusted: Collection[str], checklist: Checklist) -> None:
    """Step 5: the root is one of the pinned anchors by value, whatever it calls itself."""
    checklist.expect(
        "snp.chain.root",
        root.fingerprint in trusted,
        got=f"a root named {root.common_name} with the fingerprint {root.fingerprint}",
        wanted="a root of AMD, pinned by its fingerprint",
        remedy="Do not trust this evidence. If it is SIMULATED, only a policy of kind simulation can name its root.",
        reason="a SIMULATED root that the policy names" if root.fingerprint in set(trusted) - AMD_ROOTS.keys() else "",
    )


def check_names(chain: Chain, product: str | None, checklist: Checklist) -> None:
    """Steps 4 and 5: leaf and issuer are of one kind, and the whole chain is of the report's product."""
    kind = _ISSUER_NAMES[chain.leaf.common_name]
    checklist.expect(
        "snp.chain.names",
        chain.issuer.common_name == kind.format(product) and chain.root.common_name == f"ARK-{product}",
        got=f"{chain.leaf.common_name} under {chain.issuer.common_name} under {chain.root.common_name}",
        wanted=f"{chain.leaf.common_name} under {kind.format(product)} under ARK-{product}",
        remedy="Give the chain of the report's product: ASK for a VCEK, ASVK for a VLEK.",
    )
    certified = certified_product(chain.leaf)
    checklist.expect(
        "snp.chain.product",
        product is not None and certified == product,
        got=f"a certificate for {certified}",
        wanted=f"a certificate for {product}",
        remedy="Give the chain of the report's product.",
    )


def check_chain_signatures(chain: Chain, checklist: Checklist) -> None:
    """Step 5: the issuer is an authority; the root signed it, and it signed the leaf (RSA-PSS, SHA-384, salt 48)."""
    checklist.expect(
        "snp.chain.authority",
        chain.issuer.is_authority and chain.root.is_authority and not chain.leaf.is_authority,
        got="a certificate used against its purpose",
        wanted="root and issuer that may sign certificates, and a leaf that may not",
        remedy=FORGED,
    )
    checklist.expect(
        "snp.chain.signature",
        chain.leaf.signed_by(chain.issuer, AMD_ALGORITHMS) and chain.issuer.signed_by(chain.root, AMD_ALGORITHMS),
        got=f"{chain.leaf.common_name} and {chain.issuer.common_name}, of which one is not signed by its issuer",
        wanted="a chain of valid signatures, RSA-PSS with SHA-384",
        remedy=FORGED,
    )


def check_validity(chain: Chain, now: datetime, checklist: Checklist) -> None:
    """Step 5: all three certificates are valid at `now` (RFC 5280, section 4.1.2.5)."""
    outside = [one.period() for one in (chain.leaf, chain.issuer, chain.root) if not one.valid_at(now)]
    checklist.expect(
        "snp.chain.validity",
        not outside,
        got=f"{to_rfc3339(now)}, outside of {'; '.join(outside)}",
        wanted="a time within the validity of every certificate",
        remedy="Fetch current certificates; check this machine's clock; old evidence is verified at its own time.",
    )


def check_revocation(chain: Chain, now: datetime, checklist: Checklist) -> None:
    """Step 5: every list of the root that came along is signed by the root, in force, and does not name the chain.
    Without one the check does not apply here; whether one is required is the policy's business.
    """
    if not chain.lists:
        checklist.not_applicable("snp.crl", "no revocation list came with the evidence")
        return
    faults = [fault for one in chain.lists for fault in _list_faults(one, chain, now)]
    checklist.expect(
        "snp.crl",
        not faults,
        got="; ".join(faults),
        wanted="a list signed by the root, in force now, that names no certificate of the chain",
        remedy="Fetch the current list from the vendor; where a certificate is revoked, do not trust the machine.",
    )


def _list_faults(crl: RevocationList, chain: Chain, now: datetime) -> list[str]:
    if not crl.signed_by(chain.root, AMD_ALGORITHMS):
        return ["a list that the root did not sign"]
    serials = {chain.issuer.serial, chain.root.serial} & crl.revoked
    revoked = [f"serial number {serial} is revoked" for serial in sorted(serials)]
    return revoked if crl.current_at(now) else [*revoked, f"a list that is not in force at {to_rfc3339(now)}"]
