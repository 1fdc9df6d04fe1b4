"""What Intel certifies of a platform: the SGX extension of a PCK certificate, DER to a typed value and back. No trust.

Source: Intel SGX PCK Certificate and Certificate Revocation List Profile Specification, revision 1.6, section 1.3.5.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from confide.errors import Refused
from confide.evidence.der import OCTET_STRING, SEQUENCE, header

OID = "1.2.840.113741.1.13.1"
COMPONENTS = 16
INTEGER, ENUMERATED, BOOLEAN, OBJECT_IDENTIFIER = 0x02, 0x0A, 0x01, 0x06

# The object identifiers below OID, encoded: 1.2.840.113741.1.13.1
_BASE = bytes.fromhex("2a864886f84d010d01")
_PPID, _TCB, _PCE_ID, _FMSPC, _SGX_TYPE, _INSTANCE, _CONFIGURATION = range(1, 8)
_PCE_SVN, _CPU_SVN = 17, 18
_CONFIGURATIONS = {1: "dynamic_platform", 2: "cached_keys", 3: "smt_enabled"}
_SGX_TYPES = {0: "standard", 1: "scalable", 2: "scalable with integrity"}
_SIZES = {_PPID: 16, _PCE_ID: 2, _FMSPC: 6, _INSTANCE: 16}
_LONG_FORM = 0x80
_MAX_ITEMS = 64
_MAX_LENGTH_BYTES = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class PckExtension:
    """The platform and its TCB. `ppid` and `platform_instance_id` are 16 bytes (the latter None on single-package
    platforms), `components` the 16 security versions, `cpu_svn` 16 bytes, `pce_id` 2 bytes and `fmspc` 6;
    `configuration` says by name what a multi-package platform's is known to be.
    """

    ppid: bytes
    components: tuple[int, ...]
    pce_svn: int
    cpu_svn: bytes
    pce_id: bytes
    fmspc: bytes
    sgx_type: int
    platform_instance_id: bytes | None = None
    configuration: tuple[tuple[str, bool], ...] = ()

    def claims(self) -> dict[str, object]:
        """The extension as JSON-able values, byte fields in hexadecimal."""
        instance = (
            {} if self.platform_instance_id is None else {"platform_instance_id": self.platform_instance_id.hex()}
        )
        return {
            "fmspc": self.fmspc.hex(),
            "pce_id": self.pce_id.hex(),
            "pce_svn": self.pce_svn,
            "components": list(self.components),
            "ppid": self.ppid.hex(),
            "sgx_type": _SGX_TYPES[self.sgx_type],
            **instance,
            **dict(self.configuration),
        }

    def encode(self) -> bytes:
        """The DER of the extension's value, the reverse of `parse_pck_extension`."""
        numbers = {n: _integer(svn) for n, svn in enumerate(self.components, 1)}
        numbers |= {_PCE_SVN: _integer(self.pce_svn), _CPU_SVN: _item(OCTET_STRING, self.cpu_svn)}
        tcb = b"".join(_pair(bytes((_TCB, number)), value) for number, value in numbers.items())
        pairs = {_PPID: _item(OCTET_STRING, self.ppid), _TCB: _item(SEQUENCE, tcb)}
        pairs |= {_PCE_ID: _item(OCTET_STRING, self.pce_id), _FMSPC: _item(OCTET_STRING, self.fmspc)}
        pairs |= {_SGX_TYPE: _item(ENUMERATED, bytes((self.sgx_type,)))}
        if self.platform_instance_id is not None:
            pairs[_INSTANCE] = _item(OCTET_STRING, self.platform_instance_id)
            flags = {name: number for number, name in _CONFIGURATIONS.items()}
            known = (
                _pair(bytes((_CONFIGURATION, flags[name])), _item(BOOLEAN, b"\xff" if on else b"\0"))
                for name, on in self.configuration
            )
            pairs[_CONFIGURATION] = _item(SEQUENCE, b"".join(known))
        return _item(SEQUENCE, b"".join(_pair(bytes((number,)), value) for number, value in pairs.items()))


def _item(tag: int, content: bytes) -> bytes:
    return header(tag, len(content)) + content


def _integer(value: int) -> bytes:
    return _item(INTEGER, value.to_bytes(value.bit_length() // 8 + 1, "big"))


def _pair(suffix: bytes, value: bytes) -> bytes:
    return _item(SEQUENCE, _item(OBJECT_IDENTIFIER, _BASE + suffix) + value)


# The same platform is asked again and again. What is remembered is the parsing, never a verdict.
@lru_cache(maxsize=64)
def parse_pck_extension(der: bytes, prefix: str) -> PckExtension:
    """The extension in the DER. Raises Refused `<prefix>.pck` for what does not parse, or lacks a part."""
    try:
        return _read_extension(der)
    except (ValueError, KeyError):
        raise Refused.because(
            f"{prefix}.pck",
            got="an SGX extension that does not parse" if der else "a certificate without the SGX extension",
            wanted="the platform's FMSPC, PCE, and security versions, as Intel certifies them",
            remedy="Do not trust this evidence: its certificate is not one of a provisioning key (PCK).",
        ) from None


def _read_extension(der: bytes) -> PckExtension:
    ((tag, content),) = _items(der)
    top = _table(tag, content, 0)
    tcb = _table(*top[_TCB], _TCB)
    sized = {number: _octets(*top[number], size) for number, size in _SIZES.items() if number in top}
    flags = _table(*top[_CONFIGURATION], _CONFIGURATION) if _CONFIGURATION in top else {}
    return PckExtension(
        ppid=sized[_PPID],
        components=tuple(_number(*tcb[number], 0xFF) for number in range(1, COMPONENTS + 1)),
        pce_svn=_number(*tcb[_PCE_SVN], 0xFFFF),
        cpu_svn=_octets(*tcb[_CPU_SVN], 16),
        pce_id=sized[_PCE_ID],
        fmspc=sized[_FMSPC],
        sgx_type=_enumerated(*top[_SGX_TYPE]),
        platform_instance_id=sized.get(_INSTANCE),
        configuration=tuple((_CONFIGURATIONS[number], _boolean(*flags[number])) for number in sorted(flags)),
    )


def _items(data: bytes) -> Iterator[tuple[int, bytes]]:
    """The items (tag, content) that the data consist of, in DER (X.690, section 10.1). Raises ValueError."""
    at = count = 0
    while at < len(data):
        count += 1
        if count > _MAX_ITEMS or at + 2 > len(data):
            raise ValueError("items without an end")
        extra = data[at + 1] - _LONG_FORM if data[at + 1] > _LONG_FORM else 0
        start = at + 2 + extra
        size = int.from_bytes(data[at + 2 : start], "big") if extra else data[at + 1]
        if extra > _MAX_LENGTH_BYTES or start + size > len(data) or data[at:start] != header(data[at], size):
            raise ValueError("a length that is wrong or not in DER")
        yield data[at], data[start : start + size]
        at = start + size


def _table(tag: int, content: bytes, parent: int) -> dict[int, tuple[int, bytes]]:
    """The values of a SEQUENCE of pairs by the last number of their object identifiers, each once."""
    base = _BASE + (bytes((parent,)) if parent else b"")
    if tag != SEQUENCE:
        raise ValueError("no sequence where one belongs")
    table: dict[int, tuple[int, bytes]] = {}
    for kind, pair in _items(content):
        (name_tag, name), value = _items(pair)
        if kind != SEQUENCE or name_tag != OBJECT_IDENTIFIER or len(name) != len(base) + 1 or not name.startswith(base):
            raise ValueError("an object identifier that does not belong there")
        if name[-1] in table:
            raise ValueError("an object identifier twice")
        table[name[-1]] = value
    return table


def _octets(tag: int, content: bytes, size: int) -> bytes:
    if tag != OCTET_STRING or len(content) != size:
        raise ValueError(f"no OCTET STRING of {size} bytes where one belongs")
    return content


def _number(tag: int, content: bytes, highest: int) -> int:
    value = int.from_bytes(content, "big")
    if tag != INTEGER or value > highest or _item(tag, content) != _integer(value):
        raise ValueError(f"no INTEGER from 0 to {highest} where one belongs")
    return value


def _enumerated(tag: int, content: bytes) -> int:
    if tag != ENUMERATED or len(content) != 1 or content[0] not in _SGX_TYPES:
        raise ValueError("an unknown SGX type")
    return content[0]


def _boolean(tag: int, content: bytes) -> bool:
    if tag != BOOLEAN or content not in {b"\0", b"\xff"}:
        raise ValueError("no BOOLEAN where one belongs")
    return content == b"\xff"
