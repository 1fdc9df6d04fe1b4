"""Attestation documents of AWS Nitro Enclaves and of NitroTPM: COSE_Sign1 in CBOR to a typed value. No trust.

Source: AWS, Nitro Enclaves attestation process (aws-nitro-enclaves-nsm-api, docs/attestation_process.md), sections
2.2 (fields), 3.1 (envelope) and 3.2.2 (limits). Real documents write optional fields that are not set as null,
although section 3.2.2.1 forbids it: null is taken as absent there, and nowhere else. Documents of NitroTPM (EC2 user
guide, "Validate a NitroTPM Attestation Document") are the same but for the name of the registers.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from confide.errors import Refused
from confide.evidence.bundle import EvidenceBundle, pack_evidence
from confide.evidence.cbor import MalformedCborError, load_cbor
from confide.evidence.cbor_delivery import find_in_json
from confide.evidence.cose import ES384, CoseSign1, MalformedCoseError, parse_sign1
from confide.evidence.endorsements import is_der, split_pem

FORMAT, TPM_FORMAT = "aws-nitro", "aws-nitro-tpm"
PRODUCT, TPM_PRODUCT = "enclave", "instance"
# Section 3.1: a document of at most 16384 bytes; the rest is the header, the signature and their lengths.
MAX_DOCUMENT = 16384
MAX_SIZE = MAX_DOCUMENT + 128
MAX_CERTIFICATE = 1024
MAX_AUTHORITIES = 7
PCR_SIZES = frozenset({32, 48, 64})
PCR_COUNT = 32
DIGEST = "SHA384"
# The protected header {1: -35}, to the byte (section 3.1), and the start of an envelope that has it.
PROTECTED = bytes.fromhex("a1013822")
_STARTS = (b"\x84\x44" + PROTECTED, b"\xd2\x84\x44" + PROTECTED)
_IN_HEXADECIMAL = re.compile(_STARTS[0].hex().encode() + rb"(?:[0-9a-f]{2})+")
# The name of a NitroTPM's registers as a key in CBOR.
_TPM_MARK = b"\x6dnitrotpm_pcrs"
_JSON_NAMES = ("attestation_document", "attestationDocument", "attestation_doc", "document")

_MANDATORY = frozenset({"module_id", "digest", "timestamp", "certificate", "cabundle"})
# The name of the registers in a document of each product.
_REGISTERS = {PRODUCT: "pcrs", TPM_PRODUCT: "nitrotpm_pcrs"}
_OPTIONAL = {"public_key": range(1, 1025), "user_data": range(513), "nonce": range(513)}
_MAX_MODULE_ID = 256
# Milliseconds up to the year 10000, which is where dates end in Python.
_MAX_TIMESTAMP = 253_402_300_800_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class NitroDocument:
    """An attestation document of an enclave or (by `product`) of an instance. `timestamp` is in milliseconds since
    1970, `pcrs` maps 0 to 31 to 32, 48 or 64 bytes, `certificate` and `cabundle` are DER (the root first); optional
    fields are None where they are not set. `message` is the signed envelope that it came in.
    """

    product: str
    module_id: str
    digest: str
    timestamp: int
    pcrs: Mapping[int, bytes]
    certificate: bytes
    cabundle: tuple[bytes, ...]
    public_key: bytes | None
    user_data: bytes | None
    nonce: bytes | None
    message: CoseSign1

    @property
    def made_at(self) -> datetime:
        """When the hypervisor made the document."""
        return _EPOCH + timedelta(milliseconds=self.timestamp)

    @property
    def debug(self) -> bool:
        """Whether an enclave runs in debug mode: then PCR0, PCR1 and PCR2 are zero (or not there)."""
        return self.product == PRODUCT and not any(any(self.pcrs.get(index, b"")) for index in range(3))

    def pcr(self, index: int) -> str:
        """A register in hexadecimal; empty where the document has none."""
        return self.pcrs.get(index, b"").hex()

    def claims(self) -> dict[str, object]:
        """The document as JSON values: bytes in hexadecimal, the registers by number."""
        optional = {"public_key": self.public_key, "user_data": self.user_data, "nonce": self.nonce}
        return {
            "module_id": self.module_id,
            "timestamp": self.made_at.isoformat(timespec="milliseconds"),
            "digest": self.digest,
            **({"debug": self.debug} if self.product == PRODUCT else {}),
            "pcrs": {str(index): value.hex() for index, value in sorted(self.pcrs.items())},
            **{name: None if value is None else value.hex() for name, value in optional.items()},
        }


def parse_tpm_document(data: bytes) -> NitroDocument:
    """The document of a NitroTPM in the bytes: `parse_document` of an instance."""
    return parse_document(data, TPM_PRODUCT)


def parse_document(data: bytes, product: str = PRODUCT) -> NitroDocument:
    """The document of an enclave (or of another product) in the bytes, its signature not checked. Raises Refused:
    `nitro.size`, `nitro.cose`, `nitro.header`, `nitro.fields` and `nitro.limits`.
    """
    if not 0 < len(data) <= MAX_SIZE:
        raise _refused("nitro.size", f"{len(data)} bytes", f"a document of 1 to {MAX_SIZE} bytes")
    message = _parse_message(data)
    fields = _parse_fields(message.payload or b"", _REGISTERS[product])
    _check_limits(fields)
    optional = {name: fields.get(name) for name in _OPTIONAL}
    values = {name: fields[name] for name in _MANDATORY} | optional | {"cabundle": tuple(fields["cabundle"])}
    return NitroDocument(**values, pcrs=fields["pcrs"], product=product, message=message)


def _refused(code: str, got: str, wanted: str) -> Refused:
    remedy = "Give the document as the Nitro Secure Module returned it, without anything before or after it."
    return Refused.because(code, got=got, wanted=wanted, remedy=remedy)


def _parse_message(data: bytes) -> CoseSign1:
    """The envelope (section 3.1): the protected header is {1: -35} to the byte, and nothing is unprotected."""
    try:
        message = parse_sign1(data, max_bytes=MAX_SIZE)
    except MalformedCoseError as error:
        raise _refused("nitro.cose", str(error), "a COSE_Sign1 message (RFC 9052, section 4.2)") from None
    if message.protected_bytes != PROTECTED or message.unprotected:
        got = f"protected header {message.protected_bytes[:32].hex()}, {len(message.unprotected)} unprotected"
        raise _refused("nitro.header", got, f"{PROTECTED.hex()} (algorithm {ES384}, ES384) and nothing unprotected")
    if not message.payload or len(message.payload) > MAX_DOCUMENT:
        got = f"a document of {len(message.payload or b'')} bytes"
        raise _refused("nitro.size", got, f"1 to {MAX_DOCUMENT} bytes")
    return message


def _parse_fields(payload: bytes, registers: str) -> dict[str, Any]:
    """The fields that are set, the registers by the name `pcrs`."""
    try:
        fields = load_cbor(payload, max_bytes=MAX_DOCUMENT)
    except MalformedCborError as error:
        raise _refused("nitro.fields", str(error), "a document in CBOR (RFC 8949)") from None
    names = fields.keys() if isinstance(fields, dict) else set()
    wanted = _MANDATORY | {registers}
    if not wanted <= names <= wanted | _OPTIONAL.keys():
        odd = sorted(str(name)[:40] for name in names ^ (wanted | (names & _OPTIONAL.keys())))
        raise _refused("nitro.fields", f"missing or unknown: {', '.join(odd[:8])}", "the fields of section 3.2.2.1")
    fields["pcrs"] = fields.pop(registers)
    return {name: value for name, value in fields.items() if name not in _OPTIONAL or value is not None}


def _check_limits(fields: Mapping[str, Any]) -> None:
    """The types and limits of section 3.2.2.2, every field that is there."""
    wrong = [f"{name}, {_shown(fields[name])}" for name in fields if not _LIMITS[name](fields[name])]
    if wrong:
        raise _refused("nitro.limits", "; ".join(wrong), "fields of the types and sizes of section 3.2.2.2")


def _shown(value: object) -> str:
    if isinstance(value, bytes | str | list | dict):
        return f"{type(value).__name__} of size {len(value)}"
    return repr(value)[:40]


def _bytes_of(sizes: range) -> Callable[[object], bool]:
    return lambda value: isinstance(value, bytes) and len(value) in sizes


_is_certificate = _bytes_of(range(1, MAX_CERTIFICATE + 1))


def _is_integer(value: object, numbers: range) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value in numbers


def _are_pcrs(value: object) -> bool:
    return (
        isinstance(value, dict)
        and 0 < len(value) <= PCR_COUNT
        and all(_is_integer(index, range(PCR_COUNT)) for index in value)
        and all(isinstance(one, bytes) and len(one) in PCR_SIZES for one in value.values())
    )


_LIMITS: dict[str, Callable[[Any], bool]] = {
    "module_id": lambda value: isinstance(value, str) and 0 < len(value) <= _MAX_MODULE_ID,
    "digest": lambda value: value == DIGEST,
    "timestamp": lambda value: _is_integer(value, range(1, _MAX_TIMESTAMP)),
    "pcrs": _are_pcrs,
    "certificate": _is_certificate,
    "cabundle": lambda value: (
        isinstance(value, list) and 0 < len(value) <= MAX_AUTHORITIES and all(map(_is_certificate, value))
    ),
    **{name: _bytes_of(sizes) for name, sizes in _OPTIONAL.items()},
}


def recognise(data: bytes) -> EvidenceBundle | None:
    """The bundle of a document as the module returns it, in the JSON of a service, or inside a TLS certificate: some
    enclaves deliver it in hexadecimal as the first label of a DNS name. The certificate around it is not looked at.
    """
    document = data if data.startswith(_STARTS) else find_in_json(data, _JSON_NAMES, _STARTS)
    document = document or _document_in_certificate(data)
    if not document:
        return None
    return pack_evidence(TPM_FORMAT if _TPM_MARK in document[:MAX_SIZE] else FORMAT, document)


def _document_in_certificate(data: bytes) -> bytes | None:
    try:
        items = split_pem(data) if data.startswith(b"-----BEGIN CERTIFICATE-----") else (data,)
    except Refused:
        return None
    found = [match[0] for one in items if is_der(one) and (match := _IN_HEXADECIMAL.search(one))]
    return binascii.unhexlify(found[0]) if found else None
