"""Signed ID blocks for tests: what an image's owner hands to the hypervisor before a SEV-SNP guest is launched.

    owner = ImageOwner.create()
    report = owner.launched(amd.report(), with_author=True)
    amd.evidence(report, parts=owner.parts(report))

`launched` gives the report that such a launch leads to; `parts` the block and its authentication.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, SECP384R1, EllipticCurvePrivateKey, generate_private_key
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA384

from confide.evidence.snp import SnpReport
from confide.evidence.snp_id_block import IdAuth, IdBlock, IdKey


@dataclass(frozen=True, slots=True)
class ImageOwner:
    """An ID key and the author key above it."""

    id_private: EllipticCurvePrivateKey
    author_private: EllipticCurvePrivateKey

    @classmethod
    def create(cls) -> ImageOwner:
        """Two fresh keys on P-384."""
        return cls(generate_private_key(SECP384R1()), generate_private_key(SECP384R1()))

    @property
    def id_key(self) -> IdKey:
        """The public ID key as AMD writes it."""
        return _public(self.id_private)

    @property
    def author_key(self) -> IdKey:
        """The public author key as AMD writes it."""
        return _public(self.author_private)

    def launched(self, report: SnpReport, *, with_author: bool = False) -> SnpReport:
        """The report after a launch with this owner's block."""
        report = replace(report, id_key_digest=self.id_key.digest)
        if not with_author:
            return report
        return replace(report, flags=report.flags | 1, author_key_digest=self.author_key.digest)

    def block(self, report: SnpReport) -> IdBlock:
        """The block that names what the report shows."""
        return IdBlock(
            launch_digest=report.measurement,
            family_id=report.family_id,
            image_id=report.image_id,
            guest_svn=report.guest_svn,
            policy=report.policy,
        )

    def authenticate(self, block: IdBlock, *, with_author: bool) -> IdAuth:
        """The block signed by the ID key, and the ID key by the author key."""
        auth = IdAuth(block_signature=_sign(self.id_private, block.encode()), id_key=self.id_key)
        if not with_author:
            return auth
        return replace(auth, key_signature=_sign(self.author_private, self.id_key.raw), author_key=self.author_key)

    def parts(self, report: SnpReport) -> dict[str, bytes]:
        """The parts of the bundle: the block that fits the report, and its authentication."""
        block = self.block(report)
        auth = self.authenticate(block, with_author=bool(report.flags & 1))
        return {"id_block": block.encode(), "id_auth": auth.encode()}


def _public(key: EllipticCurvePrivateKey) -> IdKey:
    numbers = key.public_key().public_numbers()
    return IdKey.of(numbers.x, numbers.y)


def _sign(key: EllipticCurvePrivateKey, message: bytes) -> tuple[int, int]:
    return decode_dss_signature(key.sign(message, ECDSA(SHA384())))
