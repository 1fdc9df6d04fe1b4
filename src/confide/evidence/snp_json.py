"""SEV-SNP evidence in JSON, as attesters write it, to a bundle with the report's own 1184 bytes. No trust.

Shapes: `attestation_report` with the fields of the report by name (Confidential Containers' attester; bytes as lists
of numbers or hexadecimal) or as its bytes in text; `cert_chain` as a list of entries or a table of certificates.
What is not in the JSON (the reserved bytes) is written as zero: the signature tells whether it was.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping

from confide.errors import Refused
from confide.evidence.bundle import EvidenceBundle, pack_evidence
from confide.evidence.endorsements import MAX_ITEMS, split_endorsements
from confide.evidence.json_bytes import read_bytes, read_object, wrong_shape
from confide.evidence.snp import CPUID_SINCE, FORMAT, SnpReport, Tcb, write_tcb

_NUMBERS = {
    "version": "version", "guest_svn": "guest_svn", "policy": "policy", "vmpl": "vmpl",
    "sig_algo": "signature_algorithm", "plat_info": "platform_info", "key_info": "flags",
}  # fmt: skip
_MITIGATIONS = {"launch_mit_vector": "launch_mitigations", "current_mit_vector": "current_mitigations"}
_BYTES = {
    "family_id": 16, "image_id": 16, "report_data": 64, "measurement": 48, "host_data": 32, "id_key_digest": 48,
    "author_key_digest": 48, "report_id": 32, "report_id_ma": 32, "chip_id": 64,
}  # fmt: skip
_TCBS = ("current_tcb", "reported_tcb", "committed_tcb", "launch_tcb")
_VERSIONS = ("current", "committed")
_CPUID = ("cpuid_fam_id", "cpuid_mod_id", "cpuid_step")
_SIGNATURE_PART = 72


def recognise(data: bytes) -> EvidenceBundle | None:
    """The bundle that JSON with an `attestation_report` makes; None for anything else. Raises Refused
    (`evidence.format`) for a field of another shape, and `endorsement.malformed` for certificates that are none.
    """
    document = read_object(data, "attestation_report")
    report = document.get("attestation_report") if document else None
    if document is None or report is None or (isinstance(report, Mapping) and "measurement" not in report):
        return None
    raw = _report_of(report) if isinstance(report, Mapping) else read_bytes(report, "attestation_report")
    return pack_evidence(FORMAT, raw, _certificates(document.get("cert_chain")))


def _report_of(fields: Mapping[str, object]) -> bytes:
    values: dict[str, object] = {ours: _number(fields, theirs) for theirs, ours in _NUMBERS.items()}
    values |= {ours: _number(fields, theirs) for theirs, ours in _MITIGATIONS.items() if fields.get(theirs) is not None}
    values |= {name: _sized(fields.get(name), name, size) for name, size in _BYTES.items()}
    values |= {name: _tcb(_table(fields, name), name) for name in _TCBS}
    values |= {
        name: tuple(_number(_table(fields, name), one) for one in ("major", "minor", "build")) for name in _VERSIONS
    }
    if values["version"] >= CPUID_SINCE or any(fields.get(name) for name in _CPUID):  # type: ignore[operator]  # a number
        values["cpuid"] = tuple(_number(fields, name) for name in _CPUID)
    signature = _table(fields, "signature")
    values |= {name: _sized(signature.get(name), name, _SIGNATURE_PART) for name in ("r", "s")}
    try:
        return SnpReport(**values).encode()  # type: ignore[arg-type]  # every field was read as its type
    except struct.error:
        raise wrong_shape("attestation_report", "numbers that fit the fields of a report") from None


def _table(fields: Mapping[str, object], name: str) -> Mapping[str, object]:
    value = fields.get(name)
    if not isinstance(value, Mapping):
        raise wrong_shape(name, "an object")
    return value


def _number(fields: Mapping[str, object], name: str) -> int:
    value = fields.get(name)
    if type(value) is not int or value < 0:
        raise wrong_shape(name, "a number")
    return value


def _sized(value: object, name: str, size: int) -> bytes:
    data = read_bytes(value, name)
    if len(data) != size:
        raise wrong_shape(name, f"{size} bytes")
    return data


def _tcb(fields: Mapping[str, object], name: str) -> bytes:
    names = ("bootloader", "tee", "snp", "microcode", *(["fmc"] if fields.get("fmc") is not None else []))
    levels = {one: _number(fields, one) for one in names}
    if max(levels.values()) > 255:  # noqa: PLR2004 - a byte each
        raise wrong_shape(name, "security patch levels from 0 to 255")
    return write_tcb(Tcb(**levels))


def _certificates(chain: object) -> tuple[bytes, ...]:
    """The DER certificates of a chain: entries with a `cert_type` and `data`, or a table by type; none where absent."""
    if isinstance(chain, Mapping):
        entries = [value for value in chain.values() if value is not None]
    elif isinstance(chain, list):
        entries = [entry.get("data") if isinstance(entry, Mapping) else entry for entry in chain]
    else:
        entries = []
    if len(entries) > MAX_ITEMS:
        raise wrong_shape("cert_chain", f"at most {MAX_ITEMS} certificates")
    return tuple(item for entry in entries for item in _split(read_bytes(entry, "cert_chain")))


def _split(data: bytes) -> tuple[bytes, ...]:
    """Entries that are no certificate (the host may add others) are left out, as those of a certificate table are."""
    try:
        return split_endorsements(data)
    except Refused:
        return ()
