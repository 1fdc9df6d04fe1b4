"""How the enclave reaches the machine that it runs on: reports over a socket, events over a pipe.

A request is 64 bytes of report data. The answer is four bytes of length (big-endian) and an evidence
bundle as JSON. The machine puts in what it measured itself: there is no way to ask for a measurement.
"""

from __future__ import annotations

import json
import os
import socket
import time
from collections.abc import Callable

from confide.binding import REPORT_DATA_SIZE
from confide.errors import ConfideError, Misuse, Unavailable
from confide.evidence import EvidenceBundle
from confide.strictjson import load_as

LENGTH_SIZE = 4
MAX_EVIDENCE = 1 << 20
_TIMEOUT = 30.0

Emit = Callable[..., None]


def receive(connection: socket.socket, size: int) -> bytes:
    """Exactly `size` bytes, or fewer where the peer has gone."""
    data = bytearray()
    while len(data) < size and (piece := connection.recv(size - len(data))):
        data += piece
    return bytes(data)


def ask_for_evidence(connection: socket.socket, report_data: bytes) -> EvidenceBundle:
    """Evidence of this enclave that carries the 64 bytes. Raises Unavailable where the machine gives none."""
    assert len(report_data) == REPORT_DATA_SIZE
    try:
        connection.settimeout(_TIMEOUT)
        connection.sendall(report_data)
        size = int.from_bytes(receive(connection, LENGTH_SIZE), "big")
        data = receive(connection, min(size, MAX_EVIDENCE))
        return load_as(EvidenceBundle, data, "evidence", MAX_EVIDENCE)
    except (OSError, Misuse):
        raise Unavailable.because(
            "enclave.evidence",
            got="no evidence from the machine",
            wanted="a signed report",
            remedy="Launch the enclave again; if it stays so, look at the machine's attestation device.",
        ) from None


def event_writer(descriptor: int) -> Emit:
    """A function that writes an event (name and JSON fields, never data) as one line of JSON."""
    start = time.monotonic()

    def emit(event: str, **fields: object) -> None:
        line = {"event": event, "seconds": round(time.monotonic() - start, 4), **fields}
        data = json.dumps(line).encode() + b"\n"
        while data:
            data = data[os.write(descriptor, data) :]

    return emit


def emit_failure(emit: Emit, failure: ConfideError) -> None:
    """The last event of a run that failed: the failure's kind and findings."""
    emit("failed", kind=failure.kind, findings=[finding.to_dict() for finding in failure.findings])
