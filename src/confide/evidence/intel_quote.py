"""Intel quotes, what SGX and TDX have in common: bytes to a typed value and back. No trust.

Sources: Intel SGX ECDSA QuoteLibReference DCAP API, appendix A (quote version 3); Intel TDX DCAP Quoting Library API,
appendix A (versions 4 and 5). All numbers are little-endian. A quote ends where its length fields say; the buffers
in which platforms deliver it are often larger, and zero behind it.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Any, NoReturn

from confide.errors import Refused

# A quote with a chain of three certificates has about 5 KiB; the largest buffer in use (configfs-tsm) has 32 KiB.
MAX_SIZE = 1 << 15
VERSIONS = (3, 4, 5)
INTEL = bytes.fromhex("939a7233f79c4ca9940a0db3957f0607")
SGX, TDX = 0x00, 0x81
ECDSA_P256 = 2
PCK_CHAIN, QE_REPORT = 5, 6

ENCLAVE, TD_1_0, TD_1_5 = 1, 2, 3
BODY_SIZES = {ENCLAVE: 384, TD_1_0: 584, TD_1_5: 648}
_BODY_TEES = {ENCLAVE: SGX, TD_1_0: TDX, TD_1_5: TDX}
_NAMES = {SGX: "sgx", TDX: "tdx"}
_DESCRIBED_SINCE = 5
_NESTED_SINCE = 4

# version, attestation key type, TEE type, QE SVN, PCE SVN (both zero since version 4), QE vendor, user data
_HEADER = struct.Struct("<HHIHH16s20s")
_DESCRIPTOR = struct.Struct("<HI")
_CERTIFICATION = struct.Struct("<HI")
_REMEDY = "Give the quote as the platform wrote it, whole; do not trust one that was cut or changed."


@dataclass(frozen=True, slots=True, kw_only=True)
class Quote:
    """A quote: `body` is the report of the enclave (384 bytes) or of the trust domain (584 or 648), by `body_type`;
    `signature`, `qe_signature` and `attestation_key` are 64 bytes (two big-endian numbers each), `qe_report` 384;
    `certification` is what vouches for the quoting enclave's key; `padding` is the number of zeros behind the quote.
    """

    version: int
    key_type: int = ECDSA_P256
    tee_type: int
    qe_svn: int = 0
    pce_svn: int = 0
    vendor: bytes = INTEL
    user_data: bytes = bytes(20)
    body_type: int
    body: bytes
    signature: bytes = bytes(64)
    attestation_key: bytes = bytes(64)
    qe_report: bytes = bytes(384)
    qe_signature: bytes = bytes(64)
    qe_auth: bytes = bytes(32)
    certification_type: int = PCK_CHAIN
    certification: bytes = b""
    padding: int = 0

    def signed_bytes(self) -> bytes:
        """What the attestation key signs: header and body, since version 5 with the body's type and size."""
        numbers = (self.version, self.key_type, self.tee_type, self.qe_svn, self.pce_svn)
        header = _HEADER.pack(*numbers, self.vendor, self.user_data)
        described = _DESCRIPTOR.pack(self.body_type, len(self.body)) if self.version >= _DESCRIBED_SINCE else b""
        return header + described + self.body

    def encode(self) -> bytes:
        """The bytes of the quote, the reverse of `parse_quote`."""
        vouched = self.qe_report + self.qe_signature + struct.pack("<H", len(self.qe_auth)) + self.qe_auth
        vouched += _CERTIFICATION.pack(self.certification_type, len(self.certification)) + self.certification
        if self.version >= _NESTED_SINCE:
            vouched = _CERTIFICATION.pack(QE_REPORT, len(vouched)) + vouched
        signatures = self.signature + self.attestation_key + vouched
        return self.signed_bytes() + struct.pack("<I", len(signatures)) + signatures + bytes(self.padding)


class _Reader:
    """Takes bytes from the front; a length that is not there is refused before anything is allocated."""

    def __init__(self, data: bytes, prefix: str) -> None:
        self._data, self._at, self.prefix = data, 0, prefix

    def take(self, size: int, what: str) -> bytes:
        if size > self.left:
            self.refuse("size", f"{self.left} bytes left for {what} of {size} bytes", "a quote with all its bytes")
        self._at += size
        return self._data[self._at - size : self._at]

    def number(self, size: int, what: str) -> int:
        return int.from_bytes(self.take(size, what), "little")

    @property
    def left(self) -> int:
        return len(self._data) - self._at

    def refuse(self, code: str, got: object, wanted: str) -> NoReturn:
        raise Refused.because(f"{self.prefix}.{code}", got=got, wanted=wanted, remedy=_REMEDY)

    def expect_end(self, what: str) -> None:
        if self.left:
            self.refuse("size", f"{self.left} bytes too many in {what}", "length fields that agree")


def is_quote(data: bytes, tee_type: int) -> bool:
    """Whether bytes look like a quote of this TEE: known version, its type, and Intel's quoting enclave."""
    if len(data) < _HEADER.size:
        return False
    version, _, found, _, _, vendor, _ = _HEADER.unpack_from(data)
    return version in VERSIONS and found == tee_type and vendor == INTEL


def parse_quote(data: bytes, tee_type: int) -> Quote:
    """The quote of this TEE in the bytes. Raises Refused with the codes `<tdx or sgx>.` and `size`, `version`,
    `tee_type`, `body_type`, `key_type`, `certification_type` or `trailing`.
    """
    reader = _Reader(data, _NAMES[tee_type])
    if len(data) > MAX_SIZE:
        reader.refuse("size", f"{len(data)} bytes", f"at most {MAX_SIZE} bytes")
    fields = _read_header(reader, tee_type)
    fields |= _read_body(reader, fields["version"], tee_type)
    signatures = _Reader(reader.take(reader.number(4, "the length of the signatures"), "the signatures"), reader.prefix)
    fields |= _read_signatures(signatures, fields["version"])
    padding = reader.take(reader.left, "what follows")
    if any(padding):
        reader.refuse("trailing", f"{len(padding)} bytes behind the quote", "nothing behind it but zeros")
    return Quote(**fields, padding=len(padding))


def _read_header(reader: _Reader, tee_type: int) -> dict[str, Any]:
    fields = _HEADER.unpack(reader.take(_HEADER.size, "the header"))
    names = ("version", "key_type", "tee_type", "qe_svn", "pce_svn", "vendor", "user_data")
    header = dict(zip(names, fields, strict=True))
    if header["version"] not in VERSIONS or (header["version"] == VERSIONS[0] and tee_type != SGX):
        reader.refuse("version", header["version"], "3 (SGX alone), 4 or 5")
    if header["tee_type"] != tee_type:
        reader.refuse("tee_type", f"{header['tee_type']:#x}", f"{tee_type:#x}")
    if header["key_type"] != ECDSA_P256:
        reader.refuse("key_type", header["key_type"], "2, ECDSA with P-256")
    return header


def _read_body(reader: _Reader, version: int, tee_type: int) -> dict[str, Any]:
    """The body: before version 5 its type follows from the TEE, since then it says type and size itself."""
    kind = ENCLAVE if tee_type == SGX else TD_1_0
    if version >= _DESCRIBED_SINCE:
        kind, size = _DESCRIPTOR.unpack(reader.take(_DESCRIPTOR.size, "the body's type and size"))
        if _BODY_TEES.get(kind) != tee_type or size != BODY_SIZES[kind]:
            wanted = ", ".join(f"{one} of {BODY_SIZES[one]}" for one, tee in _BODY_TEES.items() if tee == tee_type)
            reader.refuse("body_type", f"type {kind} of {size} bytes", f"type {wanted} bytes")
    return {"body_type": kind, "body": reader.take(BODY_SIZES[kind], "the body")}


def _read_signatures(reader: _Reader, version: int) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "signature": reader.take(64, "the signature"),
        "attestation_key": reader.take(64, "the attestation key"),
    }
    if version >= _NESTED_SINCE:
        nested = _read_certification(reader, QE_REPORT)
        reader.expect_end("the signatures")
        reader = _Reader(nested, reader.prefix)
    fields["qe_report"] = reader.take(384, "the report of the quoting enclave")
    fields["qe_signature"] = reader.take(64, "the signature of that report")
    fields["qe_auth"] = reader.take(reader.number(2, "a length"), "the quoting enclave's data")
    fields["certification"] = _read_certification(reader, PCK_CHAIN)
    reader.expect_end("the certification data")
    return fields


def _read_certification(reader: _Reader, wanted: int) -> bytes:
    kind, size = _CERTIFICATION.unpack(reader.take(_CERTIFICATION.size, "the certification data's type and size"))
    if kind != wanted:
        names = {PCK_CHAIN: "5, the chain of certificates", QE_REPORT: "6, the quoting enclave's report"}
        reader.refuse("certification_type", f"certification data of type {kind}", names[wanted])
    return reader.take(size, "the certification data")
