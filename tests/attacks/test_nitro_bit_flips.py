"""No truncation and no changed bit of an attestation document is accepted. Seeded: 5,000 of some 40,000 bits, and all
of those that nobody signed.
"""

from __future__ import annotations

import random
from datetime import UTC, datetime

import pytest

from confide.errors import ConfideError
from confide.evidence import pack_evidence
from confide.testing.fake_aws import FakeAws
from confide.verify import verify_evidence

AWS = FakeAws.create(datetime(2026, 6, 1, tzinfo=UTC))
NONCE = b"question"
DOCUMENT = AWS.sign(AWS.document(nonce=NONCE))
HEAD, SIGNATURE = 12, 98


def accepts(data: bytes) -> bool:
    try:
        bundle = pack_evidence("aws-nitro", data)
        verify_evidence(bundle, now=AWS.now, report_data=NONCE, simulated_roots=[AWS.root_fingerprint])
    except ConfideError:
        return False
    return True


def flipped(bit: int) -> bytes:
    changed = bytearray(DOCUMENT)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


def test_the_document_itself_is_accepted():
    assert accepts(DOCUMENT)


def test_no_truncation_is_accepted():
    assert [size for size in range(len(DOCUMENT)) if accepts(DOCUMENT[:size])] == []


def test_no_byte_before_or_after_is_accepted():
    assert not any(accepts(DOCUMENT + tail) or accepts(tail + DOCUMENT) for tail in (b"\0", b"\xf6", b"\xff", DOCUMENT))


def test_no_flipped_bit_of_envelope_and_signature_is_accepted():
    size = len(DOCUMENT)
    places = [*range(HEAD), *range(size - SIGNATURE, size)]
    assert [bit for place in places for bit in range(8 * place, 8 * place + 8) if accepts(flipped(bit))] == []


@pytest.mark.parametrize("part", range(5))
def test_no_flipped_bit_of_the_document_is_accepted(part: int):
    bits = random.Random(20 + part).sample(range(8 * len(DOCUMENT)), 1000)
    assert [bit for bit in bits if accepts(flipped(bit))] == []
