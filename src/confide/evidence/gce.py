"""What Google Compute Engine adds to TPM 2.0: the protobuf message in which go-tpm-tools delivers an attestation, and
the instance that a certificate of an attestation key names. Bytes to typed values. No trust.

Sources: github.com/google/go-tpm-tools, proto/attest.proto and proto/tpm.proto; protobuf.dev, "Encoding".
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

from confide.evidence.bundle import EvidenceBundle, pack_evidence
from confide.evidence.der import SEQUENCE
from confide.evidence.tcg_log import ALGORITHMS, SIZES

INSTANCE_OID = "1.3.6.1.4.1.11129.2.1.21"

# The banks in the order in which a quote is taken where there are several: published reference values are by SHA-256.
_PREFERRED = ("sha256", "sha384", "sha512", "sha1")

_MAX_FIELDS = 4096
_MAX_QUOTES = 16
_MAX_VARINT_BITS = 64
_VARINT, _BYTES = 0, 2
_AK_PUB, _QUOTES, _EVENT_LOG, _INSTANCE, _CANONICAL_LOG, _AK_CERT, _INTERMEDIATES, _SNP, _TDX = range(1, 10)
_QUOTE, _RAW_SIGNATURE, _PCRS = 1, 2, 3

_UTF8, _INTEGER, _CONTEXT_0 = 0x0C, 0x02, 0xA0
_LONG_FORM = 0x80

Fields = list[tuple[int, int | bytes]]


class NotAMessageError(ValueError):
    """The bytes are no protobuf message of the kind that is looked for."""


def read_fields(data: bytes) -> Fields:
    """The fields of a message in order: number and value. Only numbers and bytes: nothing else is in these messages.
    Raises NotAMessageError.
    """
    fields: Fields = []
    position = 0
    while position < len(data):
        key, position = _varint(data, position)
        value: int | bytes
        value, position = _varint(data, position)
        if key & 7 == _BYTES:
            if position + value > len(data):
                raise NotAMessageError("a field that reaches beyond the message")
            start, position = position, position + value
            value = data[start:position]
        elif key & 7 != _VARINT:
            raise NotAMessageError("a field of another kind")
        fields.append((key >> 3, value))
        if len(fields) > _MAX_FIELDS:
            raise NotAMessageError("too many fields")
    return fields


def _varint(data: bytes, position: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, _MAX_VARINT_BITS, 7):
        if position >= len(data):
            raise NotAMessageError("a number that does not end")
        value |= (data[position] & 0x7F) << shift
        position += 1
        if data[position - 1] < _LONG_FORM:
            return value, position
    raise NotAMessageError("a number of more than 64 bits")


def _bytes_of(fields: Fields, number: int) -> list[bytes]:
    return [value for found, value in fields if found == number and isinstance(value, bytes)]


def _one(fields: Fields, number: int) -> bytes:
    """The last value, as protobuf has it for fields that are not repeated; empty where there is none."""
    return next(reversed(_bytes_of(fields, number)), b"")


def read_attestation(data: bytes) -> EvidenceBundle | None:
    """The bundle of the format `tpm` in an `attest.Attestation`: one of its quotes (SHA-256 where there is one), with
    the values, the logs, the key and its certificates. What the message says of the instance without a signature is
    left out, as is the report of another technology in it. None where the bytes are no such message.
    """
    try:
        fields = read_fields(data)
        quotes = [_read_quote(one) for one in _bytes_of(fields, _QUOTES)]
    except NotAMessageError:
        return None
    key = _one(fields, _AK_PUB)
    if not quotes or not key or len(quotes) > _MAX_QUOTES:
        return None
    quote, signature, bank, values = min(quotes, key=lambda one: _PREFERRED.index(one[2]))
    pcrs = json.dumps({bank: {str(index): value.hex() for index, value in sorted(values.items())}})
    logs = {"event_log": _one(fields, _EVENT_LOG), "canonical_event_log": _one(fields, _CANONICAL_LOG)}
    parts = {"signature": signature, "ak": key, "pcrs": pcrs.encode()}
    certificates = (*_bytes_of(fields, _AK_CERT)[-1:], *_bytes_of(fields, _INTERMEDIATES))
    return pack_evidence("tpm", quote, certificates, **parts, **{name: log for name, log in logs.items() if log})


def _read_quote(data: bytes) -> tuple[bytes, bytes, str, dict[int, bytes]]:
    """The quote, its signature, the bank (by TPM algorithm number) and the values."""
    fields = read_fields(data)
    bank, values = _read_pcrs(_one(fields, _PCRS))
    quote, signature = _one(fields, _QUOTE), _one(fields, _RAW_SIGNATURE)
    if not quote or not signature:
        raise NotAMessageError("a quote without its signature")
    return quote, signature, bank, values


def _read_pcrs(data: bytes) -> tuple[str, dict[int, bytes]]:
    fields = read_fields(data)
    number = next((value for found, value in reversed(fields) if found == 1 and isinstance(value, int)), 0)
    bank = ALGORITHMS.get(number, ("",))[0]
    if bank not in _PREFERRED:
        raise NotAMessageError("an unknown bank")
    values: dict[int, bytes] = {}
    for entry in (read_fields(one) for one in _bytes_of(fields, 2)):
        # A map's entry: field 1 is the key, left out where it is zero, field 2 the value.
        index = next((value for found, value in entry if found == 1 and isinstance(value, int)), 0)
        values[index] = _one(entry, 2)
    if any(len(value) != SIZES[bank] for value in values.values()):
        raise NotAMessageError("a value of the wrong size")
    return bank, values


@dataclass(frozen=True, slots=True)
class GceInstance:
    """The machine that Google's certificate of an attestation key names."""

    zone: str
    project_number: int
    project_id: str
    instance_id: int
    instance_name: str

    def claims(self) -> dict[str, object]:
        """The fields by name; the numbers as text, since they exceed what JSON readers keep."""
        return {name: str(value) for name, value in asdict(self).items()}


def read_instance(extension: bytes) -> GceInstance | None:
    """The instance in the certificate's extension: a SEQUENCE of zone, project number, project id, instance id,
    instance name, and optional security properties. None for anything else.
    """
    outer = _items(extension)
    items = _items(outer[0][1]) if outer is not None and len(outer) == 1 and outer[0][0] == SEQUENCE else None
    shape = (_UTF8, _INTEGER, _UTF8, _INTEGER, _UTF8)
    if items is None or tuple(tag for tag, _ in items[:5]) != shape or [tag for tag, _ in items[5:]] not in _TAILS:
        return None
    try:
        zone, project, name = (items[at][1].decode() for at in (0, 2, 4))
    except UnicodeDecodeError:
        return None
    number, instance = (int.from_bytes(items[at][1], "big") for at in (1, 3))
    return GceInstance(zone, number, project, instance, name)


_TAILS: tuple[list[int], ...] = ([], [_CONTEXT_0])


def _items(data: bytes) -> list[tuple[int, bytes]] | None:
    """The DER items that stand one behind another, with contents of up to 65535 bytes; None where they do not fit."""
    items = []
    position = 0
    while position < len(data):
        head = data[position : position + 4]
        extra = {0x81: 1, 0x82: 2}.get(head[1], 0) if len(head) > 1 and head[1] >= _LONG_FORM else 0
        size = int.from_bytes(head[2 : 2 + extra], "big") if extra else (head[1] if len(head) > 1 else _LONG_FORM)
        start = position + 2 + extra
        if (not extra and size >= _LONG_FORM) or start + size > len(data):
            return None
        items.append((data[position], data[start : start + size]))
        position = start + size
    return items
