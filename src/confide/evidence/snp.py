"""AMD SEV-SNP attestation reports: 1184 bytes to a typed value and back. No trust.

Source: AMD 56860, SEV-SNP firmware ABI specification, revision 1.58: table 23 (ATTESTATION_REPORT), table 8
(guest policy), table 4 (TCB version), section 10.4 (ECDSA P-384 signatures). Bit 6 of PLATFORM_INFO, with which Turin
says that the IOMMU's write buffers are safe, is of AMD-SB-3016.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Any, Literal

from confide.errors import Refused

REPORT_SIZE = 1184
SIGNED_SIZE = 0x2A0
VERSIONS = range(2, 6)
FORMAT = "sev-snp"
CPUID_SINCE = 3
# The specification names the mitigation vectors with version 5; firmware in the field has them in version 4 already.
MITIGATIONS_SINCE = 4

PolicyBit = Literal["smt", "migration_agent", "debug", "single_socket", "cxl", "aes_256_xts", "rapl_off",
                    "ciphertext_hiding", "page_swap_off"]  # fmt: skip
PlatformBit = Literal["smt", "tsme", "ecc", "rapl_off", "ciphertext_hiding", "alias_check", "iommu_write_safe", "tio"]

_POLICY_BITS: dict[PolicyBit, int] = {
    "smt": 16, "migration_agent": 18, "debug": 19, "single_socket": 20, "cxl": 21, "aes_256_xts": 22,
    "rapl_off": 23, "ciphertext_hiding": 24, "page_swap_off": 25,
}  # fmt: skip
_POLICY_ALWAYS_ONE = 17
_PLATFORM_BITS: dict[PlatformBit, int] = {
    "smt": 0, "tsme": 1, "ecc": 2, "rapl_off": 3, "ciphertext_hiding": 4, "alias_check": 5, "iommu_write_safe": 6,
    "tio": 7,
}  # fmt: skip
_SIGNING_KEYS = {0: "vcek", 1: "vlek", 7: "none"}

# version, guest_svn, policy, family, image, vmpl, algorithm, current TCB, platform info, flags, reserved,
# report data, measurement, host data, ID key, author key, report id, migration agent's id, reported TCB,
# CPUID family, model, stepping, reserved, chip id, committed TCB, current build, minor, major, reserved,
# committed build, minor, major, reserved, launch TCB, launch and current mitigation vector, reserved, r, s, reserved
_LAYOUT = struct.Struct("<IIQ16s16sII8sQI4s64s48s32s48s48s32s32s8sBBB21s64s8sBBBBBBBB8sQQ152s72s72s368s")


@dataclass(frozen=True, slots=True)
class Tcb:
    """A TCB version: the security patch levels (0 to 255) of a processor's firmware. `fmc` exists on Turin only."""

    bootloader: int
    tee: int
    snp: int
    microcode: int
    fmc: int | None = None

    def components(self) -> dict[str, int]:
        """The levels by name, those that this product has."""
        levels = {"fmc": self.fmc, "bootloader": self.bootloader, "tee": self.tee, "snp": self.snp}
        return {name: level for name, level in (levels | {"microcode": self.microcode}).items() if level is not None}


def read_tcb(raw: bytes, product: str) -> Tcb:
    """The eight bytes of a TCB version as the product lays them out (table 4; Turin differs)."""
    if product == "Turin":
        return Tcb(fmc=raw[0], bootloader=raw[1], tee=raw[2], snp=raw[3], microcode=raw[7])
    return Tcb(bootloader=raw[0], tee=raw[1], snp=raw[6], microcode=raw[7])


def write_tcb(tcb: Tcb) -> bytes:
    """The reverse of `read_tcb`: eight bytes, in Turin's layout where the TCB has an `fmc`."""
    if tcb.fmc is not None:
        return bytes((tcb.fmc, tcb.bootloader, tcb.tee, tcb.snp, 0, 0, 0, tcb.microcode))
    return bytes((tcb.bootloader, tcb.tee, 0, 0, 0, 0, tcb.snp, tcb.microcode))


_PRODUCTS = (
    ("Milan", 0x19, range(0x10)),
    ("Genoa", 0x19, range(0x10, 0x20)),
    ("Genoa", 0x19, range(0xA0, 0xB0)),
    ("Turin", 0x1A, range(0x20)),
)


def product_of(family: int, model: int) -> str | None:
    """The product whose roots certify this processor (AMD 57230, CPUID family and model), if it is known.
    Siena and Bergamo (0x19, 0xA0 to 0xAF) are certified by Genoa's roots.
    """
    return next((name for name, wanted, models in _PRODUCTS if family == wanted and model in models), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class SnpReport:
    """An attestation report. Byte fields have the sizes of table 23; TCB fields are eight raw bytes, since their
    layout depends on the product; `current` and `committed` are the firmware's (major, minor, build);
    `r` and `s` are 72 bytes, little-endian; `reserved` holds all reserved bytes in order.
    """

    version: int
    guest_svn: int = 0
    policy: int = 1 << _POLICY_ALWAYS_ONE
    family_id: bytes = bytes(16)
    image_id: bytes = bytes(16)
    vmpl: int = 0
    signature_algorithm: int = 1
    current_tcb: bytes = bytes(8)
    platform_info: int = 0
    flags: int = 0
    report_data: bytes = bytes(64)
    measurement: bytes = bytes(48)
    host_data: bytes = bytes(32)
    id_key_digest: bytes = bytes(48)
    author_key_digest: bytes = bytes(48)
    report_id: bytes = bytes(32)
    report_id_ma: bytes = b"\xff" * 32
    reported_tcb: bytes = bytes(8)
    cpuid: tuple[int, int, int] = (0, 0, 0)
    chip_id: bytes = bytes(64)
    committed_tcb: bytes = bytes(8)
    current: tuple[int, int, int] = (0, 0, 0)
    committed: tuple[int, int, int] = (0, 0, 0)
    launch_tcb: bytes = bytes(8)
    launch_mitigations: int = 0
    current_mitigations: int = 0
    r: bytes = bytes(72)
    s: bytes = bytes(72)
    reserved: tuple[bytes, ...] = (bytes(4), bytes(21), bytes(1), bytes(1), bytes(152), bytes(368))

    @property
    def signing_key(self) -> str:
        """Which key signed, by SIGNING_KEY: `vcek`, `vlek`, `none`, or `reserved`."""
        return _SIGNING_KEYS.get(self.flags >> 2 & 7, "reserved")

    @property
    def product(self) -> str | None:
        """The product by the CPUID fields; None where it is unknown or the report is of version 2 (no fields)."""
        return product_of(self.cpuid[0], self.cpuid[1])

    @property
    def abi(self) -> tuple[int, int]:
        """The lowest firmware ABI (major, minor) that the guest's policy allows."""
        return self.policy >> 8 & 0xFF, self.policy & 0xFF

    def allows(self, bit: PolicyBit) -> bool:
        """Whether a bit of the guest's policy (table 8) is set."""
        return bool(self.policy >> _POLICY_BITS[bit] & 1)

    def platform_has(self, bit: PlatformBit) -> bool:
        """Whether a bit of PLATFORM_INFO (table 24) is set."""
        return bool(self.platform_info >> _PLATFORM_BITS[bit] & 1)

    def nonzero_reserved(self) -> list[str]:
        """The names of the fields that must be zero in this version and are not; bit 17 of POLICY must be one."""
        later = {"CPUID": any(self.cpuid) and self.version < CPUID_SINCE}
        mitigations = self.launch_mitigations | self.current_mitigations
        later["MIT_VECTOR"] = bool(mitigations) and self.version < MITIGATIONS_SINCE
        known_policy = sum(1 << bit for bit in _POLICY_BITS.values()) | 1 << _POLICY_ALWAYS_ONE | 0xFFFF
        later["POLICY"] = bool(self.policy & ~known_policy) or not self.policy >> _POLICY_ALWAYS_ONE & 1
        later["PLATFORM_INFO"] = bool(self.platform_info & ~sum(1 << bit for bit in _PLATFORM_BITS.values()))
        later["FLAGS"] = bool(self.flags >> 5)
        names = ("0x4C", "0x18B", "0x1EB", "0x1EF", "0x208", "0x330")
        blocks = {f"bytes at {name}": any(block) for name, block in zip(names, self.reserved, strict=True)}
        return [name for name, wrong in (later | blocks).items() if wrong]

    def encode(self) -> bytes:
        """The 1184 bytes of the report (table 23)."""
        r0, r1, r2, r3, r4, r5 = self.reserved
        return _LAYOUT.pack(
            self.version, self.guest_svn, self.policy, self.family_id, self.image_id, self.vmpl,
            self.signature_algorithm, self.current_tcb, self.platform_info, self.flags, r0, self.report_data,
            self.measurement, self.host_data, self.id_key_digest, self.author_key_digest, self.report_id,
            self.report_id_ma, self.reported_tcb, *self.cpuid, r1, self.chip_id, self.committed_tcb,
            *reversed(self.current), r2[0], *reversed(self.committed), r3[0], self.launch_tcb,
            self.launch_mitigations, self.current_mitigations, r4, self.r, self.s, r5,
        )  # fmt: skip

    def claims(self, product: str | None) -> dict[str, object]:
        """The report as JSON values: bytes in hexadecimal, bits by name, TCB versions by component."""
        return {
            "version": self.version, "product": product, "cpuid": "-".join(f"{part:02x}" for part in self.cpuid),
            "signing_key": self.signing_key, "vmpl": self.vmpl, "guest_svn": self.guest_svn,
            "abi": ".".join(map(str, self.abi)),
            "policy": {bit: self.allows(bit) for bit in _POLICY_BITS},
            "platform_info": {bit: self.platform_has(bit) for bit in _PLATFORM_BITS},
            "tcb": self._tcb_claims(product),
            "firmware": {"current": ".".join(map(str, self.current)), "committed": ".".join(map(str, self.committed))},
            "mitigations": {"launch": self.launch_mitigations, "current": self.current_mitigations},
            "measurement": self.measurement.hex(), "report_data": self.report_data.hex(),
            "host_data": self.host_data.hex(), "family_id": self.family_id.hex(), "image_id": self.image_id.hex(),
            "id_key_digest": self.id_key_digest.hex(), "author_key_digest": self.author_key_digest.hex(),
            "report_id": self.report_id.hex(), "report_id_ma": self.report_id_ma.hex(), "chip_id": self.chip_id.hex(),
        }  # fmt: skip

    def _tcb_claims(self, product: str | None) -> dict[str, object]:
        tcbs = {"current": self.current_tcb, "reported": self.reported_tcb, "committed": self.committed_tcb}
        tcbs["launch"] = self.launch_tcb
        if product is None:
            return {name: raw.hex() for name, raw in tcbs.items()}
        return {name: read_tcb(raw, product).components() for name, raw in tcbs.items()}


def parse_report(data: bytes) -> SnpReport:
    """The report in exactly 1184 bytes. Raises Refused for another size or a version outside 2 to 5.
    Reserved bytes are kept, not judged: that is the verifier's step 1.
    """
    if len(data) != REPORT_SIZE:
        raise Refused.because(
            "snp.size",
            got=f"{len(data)} bytes",
            wanted=f"{REPORT_SIZE} bytes",
            remedy="Give the whole report as the firmware wrote it, without anything before or after it.",
        )
    fields = _LAYOUT.unpack(data)
    if fields[0] not in VERSIONS:
        raise Refused.because(
            "snp.version",
            got=fields[0],
            wanted="a report of version 2 to 5",
            remedy="Use firmware whose reports this version of Confide knows, or update Confide.",
        )
    return _report_from(fields)


def _report_from(f: tuple[Any, ...]) -> SnpReport:
    values = dict(zip(_PLAIN_FIELDS, (f[index] for index in _PLAIN_INDEXES), strict=True))
    return SnpReport(
        **values,
        cpuid=(f[19], f[20], f[21]),
        current=(f[27], f[26], f[25]),
        committed=(f[31], f[30], f[29]),
        reserved=(f[10], f[22], bytes([f[28]]), bytes([f[32]]), f[36], f[39]),
    )


_PLAIN_FIELDS = (
    "version", "guest_svn", "policy", "family_id", "image_id", "vmpl", "signature_algorithm", "current_tcb",
    "platform_info", "flags", "report_data", "measurement", "host_data", "id_key_digest", "author_key_digest",
    "report_id", "report_id_ma", "reported_tcb", "chip_id", "committed_tcb", "launch_tcb", "launch_mitigations",
    "current_mitigations", "r", "s",
)  # fmt: skip
_PLAIN_INDEXES = (*range(10), *range(11, 19), 23, 24, 33, 34, 35, 37, 38)
