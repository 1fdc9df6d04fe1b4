"""The segments of a Crypt4GH object: 64 KiB each, nonce, ciphertext, tag (GA4GH Crypt4GH 1.0, section 3.4).

Nonces: 8 bytes drawn for each batch, then the segment's number in the object. Within one object the
number alone makes them unique. The drawn part is for what should not happen: one key used for two
objects, or a process or machine that is cloned in the middle of one. It is drawn *after* the batch's
plaintext is in memory, so two clones either encrypt the same plaintext, which tells nothing, or draw
different nonces. What remains is a hypervisor that also clones the kernel's generator without telling
it; Linux reseeds on the VM generation id.
"""

from __future__ import annotations

import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from confide.errors import Misuse, Refused
from confide.sealed.header import NONCE_SIZE, TAG_SIZE
from confide.sealed.manifest import Manifest

SEGMENT_SIZE = 65536
OVERHEAD = NONCE_SIZE + TAG_SIZE
STORED_SIZE = SEGMENT_SIZE + OVERHEAD
MAX_SEGMENTS = 1 << 32  # what the four bytes of the counter hold: 256 TiB
BATCH = 16  # segments handled at a time: few enough to stay in a core's cache, enough to pay for handing over

PLAIN_BATCH = BATCH * SEGMENT_SIZE
STORED_BATCH = BATCH * STORED_SIZE


def segments_of(size: int) -> int:
    """How many segments a plaintext of `size` bytes has; none where it is empty."""
    return -(-size // SEGMENT_SIZE)


def stored_length(size: int) -> int:
    """The bytes that the segments of a plaintext of `size` bytes take in the object."""
    return size + OVERHEAD * segments_of(size)


def seal_segments(cipher: ChaCha20Poly1305, plain: memoryview, stored: memoryview, first: int) -> int:
    """Encrypts `plain` into `stored` from segment number `first` on; returns the bytes written.
    Raises Misuse past the last segment number.
    """
    if first + segments_of(len(plain)) > MAX_SEGMENTS:
        raise Misuse.because(
            "object.size",
            got="more than 256 TiB",
            wanted=f"at most {MAX_SEGMENTS} segments",
            remedy="Split the data into several objects.",
        )
    drawn = os.urandom(NONCE_SIZE - 4)  # only now that the plaintext is fixed: see the module's docstring
    at = 0
    for number, start in enumerate(range(0, len(plain), SEGMENT_SIZE), first):
        segment = plain[start : start + SEGMENT_SIZE]
        nonce = drawn + number.to_bytes(4, "big")
        end = at + len(segment) + OVERHEAD
        stored[at : at + NONCE_SIZE] = nonce
        cipher.encrypt_into(nonce, segment, None, stored[at + NONCE_SIZE : end])
        at = end
    return at


def open_segments(cipher: ChaCha20Poly1305, stored: memoryview, plain: memoryview, first: int) -> int:
    """Decrypts `stored` into `plain`; returns the bytes written. Raises Refused (`object.segment`) with the
    number of the first segment that does not authenticate. Any nonce is taken: the digest fixes them.
    """
    at = 0
    for number, start in enumerate(range(0, len(stored), STORED_SIZE), first):
        segment = stored[start : start + STORED_SIZE]
        end = at + len(segment) - OVERHEAD
        if end <= at:  # an empty segment authenticates, but nobody writes one
            raise _bad_segment(number)
        try:
            cipher.decrypt_into(segment[:NONCE_SIZE], segment[NONCE_SIZE:], None, plain[at:end])
        except InvalidTag:
            raise _bad_segment(number) from None
        at = end
    return at


def check_manifest(manifest: Manifest) -> int:
    """The length of the object behind its header, from a manifest that agrees with itself.
    Raises Refused (`object.segments`) where its size and its number of segments do not.
    """
    size, count = manifest.size, manifest.segments
    if size < 0 or count > MAX_SEGMENTS or count != segments_of(size):
        raise Refused.because(
            "object.segments",
            got=f"{count} segments for {size} bytes",
            wanted="one segment for each 64 KiB begun",
            remedy="Ask the owner for the manifest again.",
        )
    return stored_length(size)


def check_digest(manifest: Manifest, digest: str) -> None:
    """Raises Refused (`object.digest`) where the stored bytes are not those of the manifest."""
    if digest != manifest.digest:
        raise Refused.because(
            "object.digest",
            got=digest,
            wanted=manifest.digest[:80],
            remedy="The object was changed after it was sealed, or is another one. Fetch it again from its owner.",
        )


def wrong_size(got: str, wanted: int) -> Refused:
    """The refusal (`object.size`) of an object that is shorter or longer than its manifest says."""
    return Refused.because(
        "object.size",
        got=f"{got} behind the header",
        wanted=f"{wanted} bytes",
        remedy="The object was cut or extended after it was sealed. Fetch it again from its owner.",
    )


def _bad_segment(number: int) -> Refused:
    return Refused.because(
        "object.segment",
        got=f"segment {number} (the first is 0), which does not authenticate",
        wanted="a segment sealed under this data key",
        remedy="The object was changed, or the key is another object's. Fetch both again from the owner.",
    )
