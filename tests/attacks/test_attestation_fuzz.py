"""No bytes make the verifier or the appraisal raise anything but its own errors, or accept."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from confide.errors import ConfideError
from confide.evidence import pack_evidence
from confide.evidence.endorsements import split_endorsements
from confide.evidence.recognition import recognise
from confide.evidence.snp import REPORT_SIZE
from confide.ids import sha256_of, to_base64
from confide.policy import Policy, appraise, judge, parse_policy, render_policy
from confide.testing import FakeAmd

BODIES = st.binary(min_size=REPORT_SIZE - 4, max_size=REPORT_SIZE - 4)


def simulation(amd: FakeAmd) -> Policy:
    return parse_policy(
        render_policy(
            name="fuzz", kind="simulation", workload=sha256_of(b"w"), runtime=sha256_of(b"r"),
            recipients=[to_base64(bytes(32))], measurement=bytes(48), simulated_root=amd.root_fingerprint,
        )
    )  # fmt: skip


def accepts(raw: bytes, endorsements: tuple[bytes, ...], amd: FakeAmd) -> bool:
    with contextlib.suppress(ConfideError):
        appraise(pack_evidence("sev-snp", raw, endorsements), simulation(amd), report_data=bytes(64), now=amd.now)
        return True
    return False


@pytest.fixture(scope="module")
def items(fake_amd: FakeAmd) -> tuple[bytes, ...]:
    """The report, VCEK, ASK, ARK and revocation list of acceptable evidence."""
    bundle = fake_amd.evidence(fake_amd.report(), lists=(fake_amd.ark.revocation_list(fake_amd.now),))
    return bundle.evidence_bytes(), *bundle.endorsement_bytes()


def test_unchanged_evidence_is_accepted(fake_amd: FakeAmd, items: tuple[bytes, ...]):
    assert accepts(items[0], items[1:], fake_amd)


def test_no_bit_flip_in_a_revocation_list_is_accepted(fake_amd: FakeAmd, items: tuple[bytes, ...]):
    """Every second byte, under a policy that wants a list."""
    accepted = []
    for position in range(0, len(items[-1]), 2):
        changed = bytearray(items[-1])
        changed[position] ^= 1 << position // 2 % 8
        if accepts(items[0], (*items[1:-1], bytes(changed)), fake_amd):
            accepted.append(position)
    assert accepted == []


@settings(deadline=None)
@given(version=st.integers(2, 5), body=BODIES, missing=st.integers(0, 4))
def test_random_reports_are_refused(
    fake_amd: FakeAmd, items: tuple[bytes, ...], version: int, body: bytes, missing: int
):
    raw = version.to_bytes(4, "little") + body
    kept = tuple(item for index, item in enumerate(items) if index not in {0, missing})
    assert not accepts(raw, kept, fake_amd)
    exam = judge(pack_evidence("sev-snp", raw, kept), simulation(fake_amd), report_data=bytes(64), now=fake_amd.now)
    assert exam.claims()["version"] == version


@settings(deadline=None)
@given(st.lists(st.binary(max_size=100), max_size=5))
def test_random_endorsements_are_refused(fake_amd: FakeAmd, items: tuple[bytes, ...], endorsements: list[bytes]):
    assert not accepts(items[0], tuple(endorsements), fake_amd)


@settings(deadline=None, max_examples=300)
@given(which=st.integers(0, 4), begin=st.integers(0, 2000), new=st.binary(min_size=1, max_size=8))
def test_changed_bytes_anywhere_are_refused(
    fake_amd: FakeAmd, items: tuple[bytes, ...], which: int, begin: int, new: bytes
):
    begin %= len(items[which])
    changed = items[which][:begin] + new + items[which][begin + len(new) :]
    parts = (*items[:which], changed, *items[which + 1 :])
    assert parts == items or not accepts(parts[0], parts[1:], fake_amd)


@given(st.binary(max_size=3000))
def test_random_files_are_read_or_refused(data: bytes):
    for read in (recognise, split_endorsements):
        with contextlib.suppress(ConfideError):
            read(data)
