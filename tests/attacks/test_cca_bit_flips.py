"""No truncation and no changed bit of a token is accepted: all 8 bits of every byte."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from confide.errors import ConfideError
from confide.evidence import pack_evidence
from confide.testing.fake_arm import FakeArm
from confide.verify import verify_evidence

ARM = FakeArm.create(datetime(2026, 6, 1, tzinfo=UTC))
TOKEN = ARM.token()


def accepts(data: bytes) -> bool:
    try:
        bundle = pack_evidence("arm-cca", data, (ARM.public_key,))
        verify_evidence(bundle, now=ARM.now, report_data=bytes(64), trusted_keys=[ARM.key_fingerprint])
    except ConfideError:
        return False
    return True


def flipped(bit: int) -> bytes:
    changed = bytearray(TOKEN)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


def test_the_token_itself_is_accepted():
    assert accepts(TOKEN)


def test_no_truncation_is_accepted():
    assert [size for size in range(len(TOKEN)) if accepts(TOKEN[:size])] == []


def test_no_byte_before_or_after_is_accepted():
    assert not any(accepts(TOKEN + tail) or accepts(tail + TOKEN) for tail in (b"\0", b"\xf6", b"\xff", TOKEN))


@pytest.mark.parametrize("part", range(4))
def test_no_flipped_bit_is_accepted(part: int):
    bits = range(part, 8 * len(TOKEN), 4)
    assert [bit for bit in bits if accepts(flipped(bit))] == []
