"""HCL reports of Azure confidential virtual machines: what the paravisor leaves in the vTPM (NV index 0x01400001).

Around the report of the hardware (SEV-SNP, or the TDREPORT of TDX) stand a header and the runtime data: JSON that
names the vTPM's keys, and whose hash is the hardware report's report data. Header and request data are not
measured: nothing in them is believed that the hardware report does not bear out. No trust.

Sources: Microsoft, "Confidential VM guest attestation design detail" (vTPM-based design, hardware report);
openvmm, `openhcl_attestation_protocol::igvm_attest::get` (IgvmAttestRequestBase, IgvmAttestRequestData,
IgvmAttestRequestDataExt, RuntimeClaims).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import struct
from dataclasses import dataclass
from typing import Literal

from confide.errors import Misuse, Refused
from confide.strictjson import loads

Platform = Literal["snp", "tdx"]

MAGIC = b"HCLA"
# The NV index holds 2600 bytes today; claims may grow, but not beyond what a vTPM can hold.
MAX_SIZE = 1 << 14
MAX_CLAIMS = 1 << 13
HARDWARE_SIZE = 1184
TD_REPORT_SIZE = 1024
REPORT_DATA_SIZE = 64
ATTESTATION_KEY, ENDORSEMENT_KEY = "HCLAkPub", "HCLEkPub"
MAX_KEYS = 8

_HEADER = struct.Struct("<4sIIII12s")
_REQUEST = struct.Struct("<IIIII")
_HARDWARE_AT = _HEADER.size
_REQUEST_AT = _HARDWARE_AT + HARDWARE_SIZE
_CLAIMS_AT = _REQUEST_AT + _REQUEST.size
_EXTENSION_SIZE = 4

_HEADER_VERSIONS = (1, 2)
_AK_CERTIFICATE_REQUEST = 2
_PLATFORMS: dict[int, Platform] = {2: "snp", 4: "tdx"}
_REPORT_TYPES = {platform: number for number, platform in _PLATFORMS.items()}
HASHES = {1: "sha256", 2: "sha384", 3: "sha512"}


@dataclass(frozen=True, slots=True)
class RsaJwk:
    """An RSA key of the runtime claims: its name, the modulus and the public exponent."""

    kid: str
    n: int
    e: int


@dataclass(frozen=True, slots=True, kw_only=True)
class HclReport:
    """An HCL report. `hardware` are the 1184 bytes of the hardware report's field (a TDREPORT fills 1024 of them),
    `runtime_data` are the exact bytes that were hashed, `hash_number` is the hash type as written (1 to 3).
    """

    version: int
    request_version: int
    platform: Platform
    hash_number: int
    hardware: bytes
    runtime_data: bytes
    capabilities: bytes = b""
    padding: int = 0

    @property
    def hash_name(self) -> str:
        """The hash algorithm of the runtime data: `sha256`, `sha384` or `sha512`."""
        return HASHES[self.hash_number]

    def expected_report_data(self) -> bytes:
        """The 64 bytes that the hardware report must carry: the hash of the runtime data, then zero bytes."""
        return hashlib.new(self.hash_name, self.runtime_data).digest().ljust(REPORT_DATA_SIZE, b"\0")

    def encode(self) -> bytes:
        """The bytes of the report, and the zero bytes with which the NV index is filled up."""
        body = self.capabilities + self.runtime_data
        numbers = (_REPORT_TYPES[self.platform], self.hash_number, len(self.runtime_data))
        request = _REQUEST.pack(_REQUEST.size + len(body), self.request_version, *numbers)
        size = _CLAIMS_AT + len(body)
        header = _HEADER.pack(MAGIC, self.version, size, _AK_CERTIFICATE_REQUEST, 0, bytes(12))
        return header + self.hardware.ljust(HARDWARE_SIZE, b"\0") + request + body + bytes(self.padding)


@dataclass(frozen=True, slots=True)
class RuntimeClaims:
    """What the paravisor says of itself: the vTPM's keys by name, the virtual machine's configuration as JSON, and
    the user data (hexadecimal; 64 bytes that a guest may set; empty where there are none).
    """

    keys: tuple[RsaJwk, ...]
    configuration: dict[str, object]
    user_data: str

    def key(self, kid: str) -> RsaJwk | None:
        """The one key of this name; None where there is none, or more than one."""
        found = [key for key in self.keys if key.kid == kid]
        return found[0] if len(found) == 1 else None

    def claims(self) -> dict[str, object]:
        """The claims as JSON values; keys by the SHA-256 of their modulus."""
        moduli = {key.kid: hashlib.sha256(_unsigned(key.n)).hexdigest() for key in self.keys}
        return {"keys": moduli, "vm_configuration": self.configuration, "user_data": self.user_data}


def parse_hcl_report(data: bytes) -> HclReport:
    """The HCL report in the bytes. Raises Refused (`azure.hcl.size`, `azure.hcl.header`) for anything that is not
    one to its last byte: lengths must agree with each other, and what follows the claims must be zero.
    """
    if not _CLAIMS_AT < len(data) <= MAX_SIZE:
        raise _refused("azure.hcl.size", f"{len(data)} bytes", f"more than {_CLAIMS_AT} and at most {MAX_SIZE} bytes")
    magic, version, size, request, status, reserved = _HEADER.unpack_from(data)
    wrong = magic != MAGIC or version not in _HEADER_VERSIONS or request != _AK_CERTIFICATE_REQUEST
    if wrong or status or any(reserved):
        got = f"the signature {magic.hex()}, version {version}, request type {request}, status {status}"
        raise _refused("azure.hcl.header", got, "HCLA of version 1 or 2, request type 2 (AK certificate), status 0")
    report = _parse_request(data, version, size)
    if report.platform == "tdx" and any(report.hardware[TD_REPORT_SIZE:]):
        raise _refused("azure.hcl.header", "bytes after the TDREPORT that are not zero", "zero bytes up to 1184")
    return report


def _parse_request(data: bytes, version: int, size: int) -> HclReport:
    length, request_version, report_type, hash_number, claims_size = _REQUEST.unpack_from(data, _REQUEST_AT)
    extension = _EXTENSION_SIZE if request_version == 2 else 0  # noqa: PLR2004 - version 2 has a bitmap before the claims
    if request_version not in {1, 2} or report_type not in _PLATFORMS or hash_number not in HASHES:
        got = f"request data of version {request_version}, report type {report_type}, hash type {hash_number}"
        raise _refused("azure.hcl.header", got, "version 1 or 2, report type 2 (SNP) or 4 (TDX), hash type 1 to 3")
    end = _CLAIMS_AT + extension + claims_size
    if not 0 < claims_size <= MAX_CLAIMS or length != _REQUEST.size + extension + claims_size or size != end:
        got = f"a report of {size} bytes, request data of {length}, claims of {claims_size}"
        raise _refused("azure.hcl.header", got, f"lengths that agree, and claims of at most {MAX_CLAIMS} bytes")
    if end > len(data) or any(data[end:]):
        got = f"{len(data)} bytes, of which the report ends at {end}"
        raise _refused("azure.hcl.size", got, "a complete report, with nothing but zero bytes after it")
    return HclReport(
        version=version,
        request_version=request_version,
        platform=_PLATFORMS[report_type],
        hash_number=hash_number,
        hardware=data[_HARDWARE_AT:_REQUEST_AT],
        runtime_data=data[end - claims_size : end],
        capabilities=data[_CLAIMS_AT : _CLAIMS_AT + extension],
        padding=len(data) - end,
    )


def parse_runtime_claims(data: bytes) -> RuntimeClaims:
    """The claims in the runtime data. Raises Refused (`azure.claims`) for what is not strict JSON, for keys that
    are not RSA keys with a canonical modulus and exponent, and where there is not exactly one attestation key.
    """
    try:
        document = loads(data, "runtime claims", MAX_CLAIMS)
    except Misuse as failure:
        raise _refused_claims(failure.findings[0].got) from None
    keys, configuration, user_data = _members(document)
    claims = RuntimeClaims(tuple(_read_key(key) for key in keys), configuration, user_data)
    if claims.key(ATTESTATION_KEY) is None:
        raise _refused_claims(f"{len(keys)} keys, of which not exactly one is named {ATTESTATION_KEY}")
    return claims


def _members(document: object) -> tuple[list[object], dict[str, object], str]:
    members = document if isinstance(document, dict) else {}
    keys, configuration = members.get("keys"), members.get("vm-configuration", {})
    user_data = members.get("user-data", "")
    if not isinstance(keys, list) or not 0 < len(keys) <= MAX_KEYS:
        raise _refused_claims("no list of keys, or too many")
    if not isinstance(configuration, dict) or not isinstance(user_data, str):
        raise _refused_claims("a vm-configuration or user-data of another type")
    return keys, configuration, user_data


def _read_key(key: object) -> RsaJwk:
    """One key (RFC 7517, RFC 7518, section 6.3.1). `key_ops` is not looked at: early paravisors wrote `encrypt`."""
    if not isinstance(key, dict) or key.get("kty") != "RSA" or not isinstance(key.get("kid"), str):
        raise _refused_claims("a key that is not an RSA key with a name")
    return RsaJwk(str(key["kid"]), _read_number(key.get("n")), _read_number(key.get("e")))


def _read_number(value: object) -> int:
    """A Base64urlUInt (RFC 7518, section 2): no padding, no leading zero byte."""
    text = value if isinstance(value, str) and value.isascii() else ""
    try:
        data = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except binascii.Error:
        data = b""
    if not data or data[0] == 0 or base64.urlsafe_b64encode(data).rstrip(b"=").decode() != text:
        raise _refused_claims("a key whose modulus or exponent is not a canonical Base64urlUInt")
    return int.from_bytes(data, "big")


def _unsigned(number: int) -> bytes:
    return number.to_bytes((number.bit_length() + 7) // 8, "big")


def _refused(code: str, got: str, wanted: str) -> Refused:
    remedy = "Give the report as the vTPM holds it: tpm2_nvread 0x01400001."
    return Refused.because(code, got=got, wanted=wanted, remedy=remedy)


def _refused_claims(got: str) -> Refused:
    wanted = f"runtime claims as strict JSON with one RSA key named {ATTESTATION_KEY}"
    return _refused("azure.claims", got, wanted)
