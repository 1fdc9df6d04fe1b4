"""The ID block of a SEV-SNP guest and its authentication: what the owner of the image signed before the launch.

The firmware compares the block with the guest at launch and keeps of it what the report shows: family, image,
security version, and the digests of the keys. Whoever has the block can compute these digests again. No trust.

Source: AMD 56860, SEV-SNP firmware ABI, revision 1.58: SNP_LAUNCH_FINISH, section 8.18: structure of the ID block and
of the ID authentication information; section 10.4 and 10.5 (ECDSA P-384 keys and signatures).
"""

from __future__ import annotations

import hashlib
import struct
from dataclasses import dataclass

from confide.errors import Refused

ID_BLOCK_SIZE = 96
ID_AUTH_SIZE = 4096
KEY_SIZE = 0x404
SIGNATURE_SIZE = 512
P384_CURVE = 2
_ECDSA_P384 = 1

# digest, family, image, version, security version, policy
_BLOCK = struct.Struct("<48s16s16sIIQ")
# algorithms, reserved, signature of the block, ID key, reserved, signature of the ID key, author key, reserved
_AUTH = struct.Struct("<II56s512s1028s60s512s1028s892s")
# curve, x, y, reserved
_KEY = struct.Struct("<I72s72s880s")
# r, s, reserved
_SIGNATURE = struct.Struct("<72s72s368s")


@dataclass(frozen=True, slots=True, kw_only=True)
class IdBlock:
    """What the image's owner signed: the launch digest (48 bytes; zero: any), family and image (16 bytes each), the
    image's security version and the guest policy.
    """

    launch_digest: bytes
    family_id: bytes = bytes(16)
    image_id: bytes = bytes(16)
    version: int = 1
    guest_svn: int = 0
    policy: int = 1 << 17

    def encode(self) -> bytes:
        """The 96 bytes that are signed."""
        numbers = (self.version, self.guest_svn, self.policy)
        return _BLOCK.pack(self.launch_digest, self.family_id, self.image_id, *numbers)


@dataclass(frozen=True, slots=True)
class IdKey:
    """An ECDSA P-384 public key as AMD writes it: the 1028 bytes whose SHA-384 stands in the report, and the point."""

    raw: bytes

    @property
    def digest(self) -> bytes:
        """The SHA-384 of the key, as ID_KEY_DIGEST and AUTHOR_KEY_DIGEST have it."""
        return hashlib.sha384(self.raw).digest()

    @property
    def point(self) -> tuple[int, int] | None:
        """The point (x, y); None where the curve is not P-384 or a reserved byte is not zero."""
        curve, x, y, reserved = _KEY.unpack(self.raw)
        if curve != P384_CURVE or any(reserved):
            return None
        return int.from_bytes(x, "little"), int.from_bytes(y, "little")

    @classmethod
    def of(cls, x: int, y: int) -> IdKey:
        """The key with this point of P-384."""
        return cls(_KEY.pack(P384_CURVE, x.to_bytes(72, "little"), y.to_bytes(72, "little"), bytes(880)))


@dataclass(frozen=True, slots=True, kw_only=True)
class IdAuth:
    """Who signed the block: the ID key with its signature of the block, and where there is one the author key with its
    signature of the ID key. Signatures are pairs (r, s).
    """

    block_signature: tuple[int, int]
    id_key: IdKey
    key_signature: tuple[int, int] = (0, 0)
    author_key: IdKey | None = None

    def encode(self) -> bytes:
        """The 4096 bytes of the authentication information."""
        author = self.author_key.raw if self.author_key else bytes(KEY_SIZE)
        signatures = [_write_signature(pair) for pair in (self.block_signature, self.key_signature)]
        algorithm = _ECDSA_P384 if self.author_key else 0
        return _AUTH.pack(
            _ECDSA_P384,
            algorithm,
            bytes(56),
            signatures[0],
            self.id_key.raw,
            bytes(60),
            signatures[1],
            author,
            bytes(892),
        )


def parse_id_block(data: bytes) -> IdBlock:
    """The ID block in exactly 96 bytes, of version 1. Raises Refused (`snp.id_block`)."""
    if len(data) != ID_BLOCK_SIZE:
        raise _refused(f"an ID block of {len(data)} bytes", f"{ID_BLOCK_SIZE} bytes")
    digest, family, image, version, svn, policy = _BLOCK.unpack(data)
    if version != 1:
        raise _refused(f"an ID block of version {version}", "version 1")
    return IdBlock(launch_digest=digest, family_id=family, image_id=image, guest_svn=svn, policy=policy)


def parse_id_auth(data: bytes) -> IdAuth:
    """The authentication information in exactly 4096 bytes. Raises Refused (`snp.id_block`) for another algorithm than
    ECDSA P-384 with SHA-384, and for reserved bytes that are not zero.
    """
    if len(data) != ID_AUTH_SIZE:
        raise _refused(f"ID authentication of {len(data)} bytes", f"{ID_AUTH_SIZE} bytes")
    algorithm, author_algorithm, *reserved = (f := _AUTH.unpack(data))[0], f[1], f[2], f[5], f[8]
    if algorithm != _ECDSA_P384 or author_algorithm not in {0, _ECDSA_P384} or any(map(any, reserved)):
        got = f"algorithms {algorithm} and {author_algorithm}, or reserved bytes that are not zero"
        raise _refused(got, "algorithm 1 for the ID key, and 1 or none (0) for the author key")
    return IdAuth(
        block_signature=_read_signature(f[3]),
        id_key=IdKey(f[4]),
        key_signature=_read_signature(f[6]),
        author_key=IdKey(f[7]) if author_algorithm else None,
    )


def _read_signature(raw: bytes) -> tuple[int, int]:
    r, s, reserved = _SIGNATURE.unpack(raw)
    if any(reserved):
        raise _refused("a signature with reserved bytes that are not zero", "r and s of 72 bytes, then zero bytes")
    return int.from_bytes(r, "little"), int.from_bytes(s, "little")


def _write_signature(pair: tuple[int, int]) -> bytes:
    return _SIGNATURE.pack(*(number.to_bytes(72, "little") for number in pair), bytes(368))


def _refused(got: str, wanted: str) -> Refused:
    remedy = "Give the ID block and its authentication as they were given to the hypervisor (id-block, id-auth)."
    return Refused.because("snp.id_block", got=got, wanted=wanted, remedy=remedy)
