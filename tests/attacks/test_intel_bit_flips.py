"""No truncation and no changed bit of a quote is accepted: 5,000 seeded bits of each kind, all of the header and of the
length fields, and seeded bits of each kind of collateral. What stands behind a quote are zeros, and nothing else.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import UTC, datetime

import pytest

from confide.errors import ConfideError
from confide.evidence import pack_evidence
from confide.evidence.intel_collateral import read_collateral
from confide.testing.fake_intel import FakeIntel, Machine
from confide.verify import verify_evidence

NOW = datetime(2026, 6, 1, tzinfo=UTC)
FAKE = FakeIntel.create(NOW)
MACHINES = {
    "tdx-4": FAKE.domain(),
    "tdx-5": FAKE.domain(version=5, mr_service_td=bytes(48)),
    "sgx-3": FAKE.enclave(),
}
RAW = {name: FAKE.sign_quote(machine).encode() for name, machine in MACHINES.items()}
COLLATERAL = {name: FAKE.collateral(machine) for name, machine in MACHINES.items()}
# Flips of the ends of lines, of the certificates' letters, and of all that is signed.
SAMPLES = 5000


def accepts(machine: Machine, quote: bytes, collateral: Sequence[bytes]) -> bool:
    try:
        bundle = pack_evidence(machine.tee, quote, tuple(collateral))
        verify_evidence(bundle, now=NOW, report_data=None, simulated_roots=[FAKE.root_fingerprint])
    except ConfideError:
        return False
    return True


def flipped(data: bytes, bit: int) -> bytes:
    changed = bytearray(data)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


@pytest.fixture(params=MACHINES)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_the_quote_itself_is_accepted(kind: str):
    assert accepts(MACHINES[kind], RAW[kind], COLLATERAL[kind])


def test_no_truncation_is_accepted(kind: str):
    raw = RAW[kind]
    assert [size for size in range(len(raw)) if accepts(MACHINES[kind], raw[:size], COLLATERAL[kind])] == []


def test_no_flipped_bit_is_accepted(kind: str):
    raw, header = RAW[kind], range(8 * 54)
    bits = {*header, *random.Random(12).sample(range(8 * len(raw)), SAMPLES)}
    assert [bit for bit in bits if accepts(MACHINES[kind], flipped(raw, bit), COLLATERAL[kind])] == []


def test_no_flipped_bit_behind_the_quote_is_accepted(kind: str):
    raw = RAW[kind] + bytes(70)
    assert accepts(MACHINES[kind], raw, COLLATERAL[kind])
    behind = range(8 * len(RAW[kind]), 8 * len(raw))
    assert [bit for bit in behind if accepts(MACHINES[kind], flipped(raw, bit), COLLATERAL[kind])] == []


def meaning(piece: bytes) -> object:
    """What is read of a piece: signatures are hexadecimal, of which small and capital letters are the same."""
    try:
        found = read_collateral((piece,))
    except ConfideError:
        return None
    documents = [(one.text, one.signature) for one in (*found.tcb_infos, *found.identities)]
    return found.items, documents


def test_no_flipped_bit_of_collateral_is_accepted(kind: str):
    pieces, found = list(COLLATERAL[kind]), []
    for index, piece in enumerate(pieces):
        for bit in random.Random(index).sample(range(8 * len(piece)), 300):
            changed = flipped(piece, bit)
            rest = [*pieces[:index], changed, *pieces[index + 1 :]]
            if meaning(changed) != meaning(piece) and accepts(MACHINES[kind], RAW[kind], rest):
                found.append((index, bit))
    assert found == []
