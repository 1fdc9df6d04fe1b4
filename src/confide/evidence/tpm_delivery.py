"""TPM evidence in the shapes in which tools deliver it, and the PCR values that travel with a quote. No trust.

The parts of a bundle of the format `tpm`: `signature` (TPMT_SIGNATURE), `ak` (the attestation key: TPMT_PUBLIC,
TPM2B_PUBLIC, or DER of a SubjectPublicKeyInfo), `pcrs` (JSON: bank to index to hexadecimal), `event_log` (TCG log of
the firmware), `canonical_event_log` (of what runs later). The evidence itself is the TPMS_ATTEST.
"""

from __future__ import annotations

import binascii
import json
from collections.abc import Mapping

from confide.errors import ConfideError, Misuse, Refused
from confide.evidence.bundle import EvidenceBundle, pack_evidence
from confide.evidence.cbor import MalformedCborError, load_cbor
from confide.evidence.gce import read_attestation
from confide.evidence.tcg_log import SIZES
from confide.evidence.tpm import FORMAT, MAGIC, MAX_ATTEST, PCR_COUNT, TYPE_QUOTE, parse_quote
from confide.evidence.tpm_wire import unwrap
from confide.ids import from_base64
from confide.strictjson import loads

PARTS = ("signature", "ak", "pcrs", "event_log", "canonical_event_log")
MAX_PCRS = 1 << 15

_HEAD = MAGIC.to_bytes(4, "big") + TYPE_QUOTE.to_bytes(2, "big")
_NODE_ID = 16


def _malformed(got: str) -> Refused:
    return Refused.because(
        "tpm.pcrs.malformed",
        got=got,
        wanted='JSON of bank, index and value, such as {"sha256": {"0": "…64 hexadecimal digits…"}}',
        remedy="Write the values again, each as long as its bank's digests.",
    )


def parse_pcrs(data: bytes) -> dict[str, dict[int, bytes]]:
    """The values in the part `pcrs`, by bank and index. Raises Refused `tpm.pcrs.malformed`."""
    if len(data) > MAX_PCRS:
        raise _malformed(f"{len(data)} bytes, more than {MAX_PCRS}")
    try:
        table = loads(data, "PCR values")
    except Misuse as failure:
        raise _malformed(failure.findings[0].got) from None
    if not isinstance(table, dict) or not table.keys() <= SIZES.keys():
        raise _malformed("something else than a table of banks")
    return {bank: _read_bank(bank, values) for bank, values in table.items()}


def _read_bank(bank: str, values: object) -> dict[int, bytes]:
    if not isinstance(values, dict) or not values.keys() <= {str(index) for index in range(PCR_COUNT)}:
        raise _malformed(f"a bank {bank} that is no table of PCRs 0 to {PCR_COUNT - 1}")
    return {int(index): _read_value(bank, value) for index, value in values.items()}


def _read_value(bank: str, value: object) -> bytes:
    try:
        raw = binascii.unhexlify(value) if isinstance(value, str) else b""
    except ValueError:
        raw = b""
    if len(raw) != SIZES[bank]:
        raise _malformed(f"a value in {bank} that is not {2 * SIZES[bank]} hexadecimal digits")
    return raw


def encode_pcrs(values: Mapping[str, Mapping[int, bytes]]) -> bytes:
    """The part `pcrs` for these values."""
    table = {
        bank: {str(i): value.hex() for i, value in sorted(bank_values.items())} for bank, bank_values in values.items()
    }
    return json.dumps(table).encode()


def recognise(data: bytes) -> EvidenceBundle | None:
    """The bundle in a quote itself, in an attestation of go-tpm-tools (protobuf), in the JSON of Trustee's TPM
    attester, in a token of Parsec (CBOR), or in one of EnactTrust. None for anything else.
    """
    if data.startswith(_HEAD) or unwrap(data).startswith(_HEAD):
        return pack_evidence(FORMAT, unwrap(data)) if len(data) <= MAX_ATTEST else None
    if data.lstrip().startswith(b"{"):
        return _from_trustee(data)
    return _from_node_token(data) or _from_parsec(data) or read_attestation(data)


def _from_trustee(data: bytes) -> EvidenceBundle | None:
    """`{"ak_public": …, "tpm_quote": {"message": …, "signature": …, "pcrs": […]}}`, the values of one bank in order
    (confidential-containers/guest-components, attester `tpm`).
    """
    try:
        table = loads(data)
        if not isinstance(table, dict) or not isinstance(quote := table.get("tpm_quote"), dict):
            return None
        message, signature = (from_base64(str(quote.get(name, ""))) for name in ("message", "signature"))
        key = from_base64(str(table.get("ak_public", "")))
        if not message.startswith(_HEAD) or not key:
            return None
        pcrs = _number(quote.get("pcrs"), message)
    except ConfideError:
        return None
    return pack_evidence(FORMAT, message, signature=signature, ak=key, pcrs=pcrs)


def _number(values: object, message: bytes) -> bytes:
    """The part `pcrs` for a list of values from PCR 0, in the bank that the quote selects."""
    if not isinstance(values, list):
        return b"{}"
    banks = [bank for bank, _ in parse_quote(message).selection]
    table = {str(index): str(value) for index, value in enumerate(values)}
    return json.dumps(dict.fromkeys(banks, table)).encode()


def _from_parsec(data: bytes) -> EvidenceBundle | None:
    """A CBOR map of a key attestation (`kat`) and a platform attestation (`pat`), which is the quote. Both are signed
    by an attestation key that does not come along; the key in `kat` is another, and nothing is said of it here.
    """
    try:
        table = load_cbor(data)
    except MalformedCborError:
        return None
    kat, pat = (table.get(name) if isinstance(table, dict) else None for name in ("kat", "pat"))
    if not isinstance(kat, dict) or not isinstance(pat, dict):
        return None
    quote, signature = pat.get("attestInfo"), pat.get("sig")
    if not (isinstance(quote, bytes) and isinstance(signature, bytes)):
        return None
    return pack_evidence(FORMAT, quote, signature=signature)


def _from_node_token(data: bytes) -> EvidenceBundle | None:
    """A node's id of 16 bytes, the quote as a sized buffer, and the signature (EnactTrust)."""
    start = _NODE_ID + 2
    end = start + int.from_bytes(data[_NODE_ID:start], "big")
    if not data[start:].startswith(_HEAD) or end >= len(data) or len(data) > 2 * MAX_ATTEST:
        return None
    return pack_evidence(FORMAT, data[start:end], signature=data[end:])
