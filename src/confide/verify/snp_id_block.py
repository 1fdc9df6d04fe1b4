"""Is this the ID block that a SEV-SNP guest was launched with? Step 10 of `confide.verify.snp`, where it came along.

ABI is AMD 56860 (SEV-SNP firmware ABI, revision 1.58), SNP_LAUNCH_FINISH, section 8.18.

 1. The block names the report's measurement (or any: zero), family, image, security version and guest policy.
 2. The ID key's SHA-384 is the report's ID_KEY_DIGEST, and the key signed the block.
 3. Where the report says that there was an author key (AUTHOR_KEY_EN): its SHA-384 is AUTHOR_KEY_DIGEST, and it signed
    the ID key; where it says that there was none, the digest is zero.

Whose keys these are is the policy's business (`id_key_digests`, `author_key_digests`).
"""

from __future__ import annotations

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, SECP384R1, EllipticCurvePublicNumbers
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA384

from confide.checklist import Checklist
from confide.errors import Refused
from confide.evidence.bundle import EvidenceBundle
from confide.evidence.snp import SnpReport
from confide.evidence.snp_id_block import IdAuth, IdBlock, IdKey, parse_id_auth, parse_id_block

PARTS = frozenset({"id_block", "id_auth"})
CODES = frozenset({"snp.id_block", "snp.id_block.signature", "snp.id_block.author"})

_AUTHOR_KEY_ENABLED = 1
_REMEDY = "Give the block that this guest was launched with; where it was, do not trust this evidence."


def check_id_block(bundle: EvidenceBundle, report: SnpReport, checklist: Checklist) -> None:
    """Records the three codes: not applicable where no block came along."""
    if not PARTS & bundle.parts.keys():
        for code in sorted(CODES):
            checklist.not_applicable(code, "no ID block came with the evidence")
        return
    try:
        block, auth = parse_id_block(bundle.part("id_block") or b""), parse_id_auth(bundle.part("id_auth") or b"")
    except Refused as failure:
        checklist.absorb(failure)
        for code in sorted(CODES - {"snp.id_block"}):
            checklist.unchecked(code, "snp.id_block")
        return
    _check_content(block, report, checklist)
    _check_signature(block, auth, report, checklist)
    _check_author(auth, report, checklist)


def _check_content(block: IdBlock, report: SnpReport, checklist: Checklist) -> None:
    """Step 1."""
    pairs = {
        "launch digest": (block.launch_digest, report.measurement if any(block.launch_digest) else bytes(48)),
        "family": (block.family_id, report.family_id),
        "image": (block.image_id, report.image_id),
        "security version": (block.guest_svn, report.guest_svn),
        "guest policy": (block.policy, report.policy),
    }
    wrong = [name for name, (said, shown) in pairs.items() if said != shown]
    checklist.expect(
        "snp.id_block",
        not wrong,
        got=f"an ID block with another {', '.join(wrong)} than the report",
        wanted="the ID block that the guest was launched with",
        remedy=_REMEDY,
    )


def _check_signature(block: IdBlock, auth: IdAuth, report: SnpReport, checklist: Checklist) -> None:
    """Step 2."""
    checklist.expect(
        "snp.id_block.signature",
        auth.id_key.digest == report.id_key_digest and _signed(auth.id_key, auth.block_signature, block.encode()),
        got=f"an ID key with the digest {auth.id_key.digest.hex()[:16]}…, or a block that it did not sign",
        wanted=f"a block signed by the key with the digest {report.id_key_digest.hex()[:16]}…",
        remedy=_REMEDY,
    )


def _check_author(auth: IdAuth, report: SnpReport, checklist: Checklist) -> None:
    """Step 3."""
    if not report.flags & _AUTHOR_KEY_ENABLED:
        passed, got = (
            not any(report.author_key_digest),
            "the digest of an author key without the flag that there is one",
        )
    elif auth.author_key is None:
        passed, got = False, "no author key"
    else:
        same = auth.author_key.digest == report.author_key_digest
        passed = same and _signed(auth.author_key, auth.key_signature, auth.id_key.raw)
        got = f"an author key with the digest {auth.author_key.digest.hex()[:16]}…, or an ID key that it did not sign"
    checklist.expect(
        "snp.id_block.author",
        passed,
        got=got,
        wanted="the author key that the report names, which signed the ID key; or none on both sides",
        remedy=_REMEDY,
    )


def _signed(key: IdKey, signature: tuple[int, int], message: bytes) -> bool:
    """Whether the key made the ECDSA P-384 signature (r, s) of the message (SHA-384)."""
    point = key.point
    if point is None:
        return False
    try:
        public = EllipticCurvePublicNumbers(*point, SECP384R1()).public_key()
        public.verify(encode_dss_signature(*signature), message, ECDSA(SHA384()))
    except (ValueError, InvalidSignature):
        return False
    return True
