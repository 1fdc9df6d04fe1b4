"""SPDM 1.1 measurement exchanges: a GET_MEASUREMENTS request and its MEASUREMENTS response, and back. No trust.

Source: DMTF DSP0274, Security Protocol and Data Model, version 1.1: tables 46 (GET_MEASUREMENTS), 50 (MEASUREMENTS),
52 (measurement block) and 53 (DMTF measurement). The signature's size is that of ECDSA P-384, r and s in 48 bytes each.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from confide.errors import Refused

VERSION = 0x11
REQUEST_CODE, RESPONSE_CODE = 0xE0, 0x60
REQUEST_SIZE, SIGNATURE_SIZE, NONCE_SIZE = 37, 96, 32
MAX_SIZE = 1 << 13  # NVML_CC_GPU_ATTESTATION_REPORT_SIZE, the buffer in which a driver delivers a report

_REQUEST = struct.Struct("<BBBB32sB")
_RESPONSE = struct.Struct("<BBBBB3s")
_BLOCK = struct.Struct("<BBHBH")
_DMTF = 1
_BLOCK_HEADER, _VALUE_HEADER = 4, 3
_TAIL = NONCE_SIZE + 2


@dataclass(frozen=True, slots=True)
class Measurement:
    """A measurement block: its index (1 to 254), the DMTF value type (bit 7: raw bytes and no digest), the value."""

    index: int
    kind: int
    value: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """A request and its response. `attributes`, `operation` and `slot` are of the request (1: with a signature; 255:
    all measurements; the certificate slot), `response_slot` is the slot that the response names; `nonce` is the
    requester's, `response_nonce` the device's.
    """

    nonce: bytes
    measurements: tuple[Measurement, ...]
    opaque: bytes = b""
    signature: bytes = bytes(SIGNATURE_SIZE)
    response_nonce: bytes = bytes(NONCE_SIZE)
    attributes: int = 1
    operation: int = 0xFF
    slot: int = 0
    count: int = 0
    response_slot: int = 0

    def signed_bytes(self) -> bytes:
        """What the signature is over: the request and the response up to the signature (section 10.11.1, L1)."""
        record = b"".join(_encode_block(one) for one in self.measurements)
        return (
            _REQUEST.pack(VERSION, REQUEST_CODE, self.attributes, self.operation, self.nonce, self.slot)
            + _RESPONSE.pack(
                VERSION, RESPONSE_CODE, self.count, self.response_slot, len(self.measurements),
                len(record).to_bytes(3, "little"),
            )
            + record + self.response_nonce + len(self.opaque).to_bytes(2, "little") + self.opaque
        )  # fmt: skip

    def encode(self) -> bytes:
        """The bytes of the exchange."""
        return self.signed_bytes() + self.signature


def _encode_block(one: Measurement) -> bytes:
    size = len(one.value)
    return _BLOCK.pack(one.index, _DMTF, size + _VALUE_HEADER, one.kind, size) + one.value


def _refused(
    code: str, got: object, wanted: str, remedy: str = "Give the report as the driver delivered it."
) -> Refused:
    return Refused.because(f"nvidia.{code}", got=got, wanted=wanted, remedy=remedy)


def parse_exchange(data: bytes) -> Exchange:
    """The exchange in the bytes, which must end with the signature. Raises Refused: `nvidia.size`, `.version`,
    `.request`, `.response`, `.measurements`, `.trailing`.
    """
    if not REQUEST_SIZE + _RESPONSE.size <= len(data) <= MAX_SIZE:
        wanted = f"{REQUEST_SIZE + _RESPONSE.size} to {MAX_SIZE} bytes of request and response"
        raise _refused("size", f"{len(data)} bytes", wanted)
    version, code, attributes, operation, nonce, slot = _REQUEST.unpack_from(data)
    _check_header("request", version, code, REQUEST_CODE)
    version, code, count, response_slot, blocks, length = _RESPONSE.unpack_from(data, REQUEST_SIZE)
    _check_header("response", version, code, RESPONSE_CODE)
    start = REQUEST_SIZE + _RESPONSE.size
    end = start + int.from_bytes(length, "little")
    if end + _TAIL > len(data):
        raise _refused("size", f"{len(data)} bytes", "the whole measurement record and what follows it")
    opaque_end = end + _TAIL + int.from_bytes(data[end + NONCE_SIZE : end + _TAIL], "little")
    _check_end(len(data) - opaque_end)
    return Exchange(
        nonce=nonce, attributes=attributes, operation=operation, slot=slot, count=count, response_slot=response_slot,
        measurements=_read_record(data[start:end], blocks), response_nonce=data[end : end + NONCE_SIZE],
        opaque=data[end + _TAIL : opaque_end], signature=data[opaque_end:],
    )  # fmt: skip


def _check_header(which: str, version: int, code: int, wanted: int) -> None:
    if version != VERSION:
        raise _refused("version", f"SPDM version {version:#04x} in the {which}", "SPDM 1.1, 0x11")
    if code != wanted:
        raise _refused(which, f"the code {code:#04x}", f"{wanted:#04x} at the beginning of the {which}")


def _check_end(rest: int) -> None:
    if rest < SIGNATURE_SIZE:
        raise _refused("size", f"{rest} bytes after the opaque data", f"a signature of {SIGNATURE_SIZE} bytes")
    if rest > SIGNATURE_SIZE:
        raise _refused(
            "trailing",
            f"{rest - SIGNATURE_SIZE} bytes after the signature",
            "nothing after the signature",
            "Cut the driver's buffer at the size that the driver tells beside it.",
        )


def _read_record(record: bytes, blocks: int) -> tuple[Measurement, ...]:
    """All blocks of the record: as many as announced, each index once, nothing between or after them."""
    found: dict[int, Measurement] = {}
    offset = 0
    for _ in range(blocks):
        if offset + _BLOCK.size > len(record):
            raise _refused("measurements", "a record that ends within a block", f"{blocks} whole blocks")
        index, specification, size, kind, value_size = _BLOCK.unpack_from(record, offset)
        end = offset + _BLOCK_HEADER + size
        if specification != _DMTF or size != value_size + _VALUE_HEADER or end > len(record) or index in found:
            wanted = "each index once, DMTF's form, sizes that agree"
            raise _refused("measurements", f"a malformed block at index {index}", wanted)
        found[index] = Measurement(index, kind, record[offset + _BLOCK.size : end])
        offset = end
    if offset != len(record) or not found:
        raise _refused("measurements", f"{len(record) - offset} bytes more", f"exactly {blocks} blocks, at least one")
    return tuple(found.values())
