"""Attestation reports of NVIDIA GPUs (Hopper, Blackwell) and NVSwitches: what the opaque data of the SPDM exchange say.
No trust.

Sources: DMTF DSP0274 1.1 (`confide.evidence.spdm`); NVIDIA nvtrust, guest_tools/gpu_verifiers (opaque data types) and
NVIDIA attestation-sdk, gpu_opaque_data_parser.hpp and spdm_opaque_data_parser.hpp (newer firmware's NVDAOD header).
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from confide.errors import ConfideError, Refused
from confide.evidence.bundle import EvidenceBundle, pack_evidence
from confide.evidence.endorsements import split_endorsements
from confide.evidence.spdm import REQUEST_CODE, REQUEST_SIZE, RESPONSE_CODE, VERSION, Exchange, parse_exchange
from confide.ids import from_base64
from confide.strictjson import loads

FORMAT = "nvidia"
MAX_DEVICES = 16

# The opaque data types; the numbers are NVIDIA's. The switch has some of its own.
FIELDS = {
    "cert_issuer_name": 1, "cert_authority_key_identifier": 2, "driver_version": 3, "gpu_info": 4, "sku": 5,
    "vbios_version": 6, "manufacturer_id": 7, "tamper_detection": 8, "smc": 9, "vpr": 10, "nvdec0_status": 11,
    "measurement_counts": 12, "cpr_info": 13, "board_id": 14, "chip_sku": 15, "chip_sku_mod": 16, "project": 17,
    "project_sku": 18, "project_sku_mod": 19, "fwid": 20, "protected_pcie": 21, "switch_pdi": 22,
    "disabled_ports": 23, "position_id": 24, "lock_status": 25, "switch_gpu_pdis": 26, "gpu_link_connections": 32,
    "system_enable": 33, "opaque_version": 34, "chip_info": 35, "feature_flag": 36,
}  # fmt: skip
_NAMES = {number: name for name, number in FIELDS.items()}
_TEXTS = frozenset({"driver_version", "chip_sku", "chip_sku_mod", "project", "project_sku", "project_sku_mod"})
MAX_OPAQUE_VERSION = 2
DISABLED, ENABLED = b"\x55", b"\xaa"
_SWITCHES = {DISABLED: "disabled", ENABLED: "enabled"}
# How GPUs are handed to a guest, in the newer firmware's words: one, several, or several behind protected PCIe.
MODES = {0: "single-gpu", 1: "multi-gpu", 2: "protected-pcie"}

_MAGIC = b"NVDAOD"
_HEADER = struct.Struct("<6sHBBH")
_BINARY_VBIOS = 8


@dataclass(frozen=True, slots=True)
class NvidiaReport:
    """A report: the SPDM exchange, and its opaque data by type number. `opaque_version` is the major version of the
    opaque data (0 where none is told).
    """

    exchange: Exchange
    fields: Mapping[int, bytes] = field(default_factory=dict)
    opaque_version: int = 0

    def raw(self, name: str) -> bytes | None:
        """The opaque field of this name (a key of FIELDS), None where the report has none."""
        return self.fields.get(FIELDS[name])

    def text(self, name: str) -> str | None:
        """The same as text, without the zero bytes at its end."""
        value = self.raw(name)
        return None if value is None else value.rstrip(b"\0").decode("ascii", "replace")

    @property
    def driver_version(self) -> str | None:
        """The version of the driver, which a switch has none of."""
        return self.text("driver_version")

    @property
    def vbios_version(self) -> str | None:
        """The version of the VBIOS as NVIDIA writes it, such as `96.00.5E.00.01`. A GPU gives eight bytes,
        little-endian, of which the last of the five numbers comes first; a switch gives text.
        """
        raw = self.raw("vbios_version")
        if raw is None or len(raw) != _BINARY_VBIOS:
            return None if raw is None else self.text("vbios_version")
        return ".".join(f"{number:02X}" for number in (*reversed(raw[:4]), raw[4]))

    @property
    def mode(self) -> str | None:
        """A value of MODES, None where the firmware does not tell."""
        raw = self.raw("feature_flag")
        return None if raw is None else MODES.get(int.from_bytes(raw, "little"), "unknown")

    def switch(self, name: str) -> str | None:
        """`enabled`, `disabled` or `unknown` of a field such as `nvdec0_status`, None where it is not there."""
        raw = self.raw(name)
        return None if raw is None else _SWITCHES.get(raw, "unknown")

    def measured(self) -> dict[int, bytes]:
        """The measurements by NVIDIA's index, which counts from 0 where SPDM's counts from 1."""
        return {one.index - 1: one.value for one in self.exchange.measurements}

    def claims(self) -> dict[str, object]:
        """The report as JSON values: measurements by index, fields by name, bytes in hexadecimal."""
        others = {
            _NAMES.get(number, f"field-{number}"): self._shown(number, value) for number, value in self.fields.items()
        }
        return {
            "nonce": self.exchange.nonce.hex(), "driver_version": self.driver_version,
            "vbios_version": self.vbios_version, "mode": self.mode, "protected_pcie": self.switch("protected_pcie"),
            "nvdec0_status": self.switch("nvdec0_status"), "opaque_version": self.opaque_version,
            "measurements": {str(index): value.hex() for index, value in self.measured().items()},
            "fields": others,
        }  # fmt: skip

    def _shown(self, number: int, value: bytes) -> str:
        name = _NAMES.get(number)
        return self.text(name) or "" if name in _TEXTS else value.hex()


def parse_report(data: bytes) -> NvidiaReport:
    """The report in the bytes of request and response. Raises Refused: those of `parse_exchange`, `nvidia.opaque`."""
    exchange = parse_exchange(data)
    fields, version = _read_opaque(exchange.opaque)
    report = NvidiaReport(exchange, fields, version)
    _check_texts(report)
    return report


def encode_fields(fields: Mapping[int, bytes]) -> bytes:
    """Opaque data with these fields by type number, in the form without a header."""
    return b"".join(struct.pack("<HH", number, len(value)) + value for number, value in fields.items())


def _refused(got: str, wanted: str) -> Refused:
    remedy = (
        "Give the report as the driver delivered it; where the firmware is newer than this Confide, update Confide."
    )
    return Refused.because("nvidia.opaque", got=got, wanted=wanted, remedy=remedy)


def _read_opaque(data: bytes) -> tuple[dict[int, bytes], int]:
    """The fields and the major version of the opaque data, in the older form or the one with the NVDAOD header."""
    if not data.startswith(_MAGIC):
        fields = _read_fields(data, "<HH")
        return fields, _checked_version(int.from_bytes(fields.get(FIELDS["opaque_version"], b""), "little"))
    if len(data) < _HEADER.size:
        raise _refused("a header that is cut off", f"{_HEADER.size} bytes of header")
    _, profile, major, _, _ = _HEADER.unpack_from(data)
    if profile:
        raise _refused(f"opaque data of the profile {profile}", "the profile 0")
    return _read_fields(data[_HEADER.size :], "<HHH"), _checked_version(major)


def _checked_version(version: int) -> int:
    if version > MAX_OPAQUE_VERSION:
        raise _refused(f"opaque data of the version {version}", f"a version up to {MAX_OPAQUE_VERSION}")
    return version


def _read_fields(data: bytes, layout: str) -> dict[int, bytes]:
    """Type, perhaps the type of the value, size and value of each field; each type once."""
    header = struct.Struct(layout)
    fields: dict[int, bytes] = {}
    offset = 0
    while offset < len(data):
        if offset + header.size > len(data):
            raise _refused("a field that is cut off", "whole fields")
        number, *_, size = header.unpack_from(data, offset)
        offset += header.size
        if number in fields or offset + size > len(data):
            raise _refused(f"field {number} twice, or longer than the data", "each field once, within the data")
        fields[number] = data[offset : offset + size]
        offset += size
    return fields


def _check_texts(report: NvidiaReport) -> None:
    """Versions and names are printable: they are shown, compared and looked up."""
    texts = [report.text(name) for name in _TEXTS]
    for text in (*texts, report.vbios_version):
        if text is not None and not (text.isascii() and text.isprintable()):
            raise _refused("a version or name that is not printable text", "ASCII")


def recognise(data: bytes) -> EvidenceBundle | None:
    """A raw report, or the JSON in which tools deliver evidence of one or several devices: objects with `evidence` and
    `certificate` in base64, in a list (NVIDIA's attestation-sdk, nvtrust), below `evidence_list` (requests to NVIDIA's
    service) or `device_evidence_list` (Confidential Containers). None for anything else.
    """
    codes = (VERSION, REQUEST_CODE, VERSION, RESPONSE_CODE)
    if data[:2] + data[REQUEST_SIZE : REQUEST_SIZE + 2] == bytes(codes):
        return pack_evidence(FORMAT, data)
    text = data.strip()
    return _from_json(text) if text[:1] in {b"[", b"{"} and b'"certificate"' in text and b'"evidence"' in text else None


def _from_json(text: bytes) -> EvidenceBundle | None:
    """The bundle of the first device, with the others as its devices."""
    try:
        devices = [_bundle(one) for one in _entries(loads(text, "evidence of NVIDIA devices"))]
    except (ConfideError, KeyError, TypeError):
        return None
    if not 0 < len(devices) <= MAX_DEVICES:
        return None
    first, *others = devices
    return EvidenceBundle(FORMAT, first.evidence, first.endorsements, devices=tuple(others))


def _entries(value: Any) -> Any:
    """The list of devices. Raises KeyError or TypeError."""
    return value if isinstance(value, list) else value.get("evidence_list") or value["device_evidence_list"]


def _bundle(entry: Any) -> EvidenceBundle:
    """One device. Raises KeyError, TypeError, or Misuse and Refused where evidence or certificates are malformed."""
    report, chain = (from_base64(str(entry[name])) for name in ("evidence", "certificate"))
    return pack_evidence(FORMAT, report, split_endorsements(chain))
