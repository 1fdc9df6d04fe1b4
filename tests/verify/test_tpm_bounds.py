"""Hostile TPM evidence: only the three kinds of error, in a time that does not depend on who sends it."""

from __future__ import annotations

import contextlib
import json
import random
import struct
import time
from datetime import UTC, datetime

import pytest

from confide.errors import ConfideError
from confide.evidence import EvidenceBundle
from confide.evidence.recognition import recognise
from confide.evidence.tpm_wire import sized
from confide.ids import to_base64
from confide.testing.fake_boot import FakeBoot, FakeEvent, container_log, encode_header, grub, signature_list, variable
from confide.testing.fake_tpm import FakeTpm
from confide.verify import verify_evidence

NOW = datetime(2026, 6, 1, tzinfo=UTC)
# Measured: 2 to 10 ms. Ten times that, for slow and busy machines: what this catches grows with the square.
LIMIT = 0.1


def seconds(tpm: FakeTpm, event_log: bytes) -> float:
    """The processor time of a whole verification, the best of several."""
    bundle = tpm.evidence(event_log=event_log)
    best = 1.0
    for _ in range(7):
        begun = time.process_time()
        with contextlib.suppress(ConfideError):
            verify_evidence(bundle, now=NOW, report_data=b"", simulated_roots=[tpm.root_fingerprint])
        best = min(best, time.process_time() - begun)
    return best


SIZE = 1 << 16


def many(event: bytes, head: bytes = b"") -> bytes:
    return head + event * ((SIZE - len(head)) // len(event))


LOGS = {
    "smallest events": many(
        struct.pack("<III", 0, 5, 1) + b"\x0b\0" + bytes(32) + bytes(4), encode_header(("sha256",))
    ),
    "smallest old events": many(struct.pack("<II20sI", 0, 13, b"\1" * 20, 0)),
    "zeros": bytes(SIZE),
    "ones": b"\xff" * SIZE,
    "zeros behind a header": encode_header(("sha256",)).ljust(SIZE, b"\0"),
    "a database of many": FakeBoot((variable("dbx", signature_list([bytes(32)] * 1300)),), ("sha256",)).encode(),
    "databases of many": FakeBoot((variable("dbx", signature_list([bytes(32)] * 30)),) * 40, ("sha256",)).encode(),
    "commands": FakeBoot((grub("/x y"),) * 900, ("sha256",)).encode(),
    "one long command": FakeBoot((grub("x" * 60000),), ("sha256",)).encode(),
    "wide text": FakeBoot((FakeEvent(12, 13, b"x\0" * 30000),), ("sha256",)).encode(),
}


@pytest.mark.parametrize("name", LOGS)
def test_event_log_of_64_kib_is_answered_at_once(name: str):
    boot = FakeBoot.healthy()
    assert seconds(FakeTpm.create(NOW, boot=boot), LOGS[name][:SIZE]) < LIMIT


@pytest.mark.parametrize("name", ["databases of many", "commands", "wide text", "one long command"])
def test_event_log_that_replays_is_answered_at_once(name: str):
    """The same logs where the TPM signed what they lead to: now all of the meaning is read."""
    boots = {
        "databases of many": (variable("dbx", signature_list([bytes(32)] * 30)),) * 40,
        "commands": (grub("/x y"),) * 900,
        "wide text": (FakeEvent(8, 13, b"x\0" * 30000),),
        "one long command": (grub("x" * 60000),),
    }
    tpm = FakeTpm.create(NOW, boot=FakeBoot(boots[name], ("sha256",)))
    assert seconds(tpm, tpm.boot.encode()) < LIMIT


def changed(raw: bytes, chance: random.Random) -> bytes:
    piece = bytearray(raw)
    for _ in range(chance.randrange(1, 6)):
        at = chance.randrange(len(piece))
        piece[at : at + chance.randrange(3)] = chance.randbytes(chance.randrange(4))
    return bytes(piece)


def test_random_changes_raise_nothing_but_our_errors():
    chance = random.Random(9)
    tpm = FakeTpm.create(NOW)
    whole = tpm.evidence(canonical_event_log=container_log("sha256:00"))
    for name in (*whole.parts, "evidence"):
        raw = whole.part(name) or whole.evidence_bytes()
        for _ in range(600):
            piece = to_base64(changed(raw, chance))
            bundle = EvidenceBundle(whole.format, whole.evidence, whole.endorsements, whole.parts | {name: piece})
            if name == "evidence":
                bundle = EvidenceBundle(whole.format, piece, whole.endorsements, whole.parts)
            with contextlib.suppress(ConfideError):
                verify_evidence(bundle, now=NOW, report_data=None, simulated_roots=[tpm.root_fingerprint])


def test_random_changes_of_deliveries_raise_nothing_but_our_errors():
    chance = random.Random(10)
    tpm = FakeTpm.create(NOW)
    bundle = tpm.evidence()
    quote = {"message": bundle.evidence, "signature": bundle.parts["signature"], "pcrs": ["00"] * 24}
    trustee = json.dumps({"ak_public": bundle.parts["ak"], "tpm_quote": quote}).encode()
    token = bytes(16) + sized(bundle.evidence_bytes()) + b"signature"
    for shape in (trustee, token, bundle.evidence_bytes()):
        for _ in range(600):
            with contextlib.suppress(ConfideError):
                recognise(changed(shape, chance))
