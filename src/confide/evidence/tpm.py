"""TPM 2.0 quotes: the attestation structure, its signature, and PCR values. Bytes to typed values. No trust.

Source: Trusted Computing Group, TPM 2.0 Library, part 2 (structures), revision 1.59: section 10.12 (TPMS_ATTEST),
10.12.1 (TPMS_QUOTE_INFO), 10.11.1 (TPMS_CLOCK_INFO), 10.9.7 (TPML_PCR_SELECTION), 11.3.4 (TPMT_SIGNATURE).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from confide.errors import Refused
from confide.evidence.tcg_log import ALGORITHMS, SIZES, hash_of, known_hash
from confide.evidence.tpm_wire import TpmReader, sized

FORMAT = "tpm"
MAGIC = 0xFF544347
TYPE_QUOTE = 0x8018
MAX_ATTEST = 1024
MAX_SIGNATURE = 1024
PCR_COUNT = 32

RSASSA, RSAPSS, ECDSA = 0x0014, 0x0016, 0x0018
SCHEMES = {RSASSA: "rsassa", RSAPSS: "rsapss", ECDSA: "ecdsa"}

_MAX_NAME = 68
_MAX_DATA = 66
_MAX_DIGEST = 64
_MAX_BANKS = 16
_MAX_SELECT = PCR_COUNT // 8
_MAX_NUMBER = 66
_MAX_RSA = 512

_HASH_NUMBERS = {name: number for number, (name, _) in ALGORITHMS.items()}

# Values of PCRs by bank (such as `sha256`) and index.
PcrValues = Mapping[str, Mapping[int, bytes]]
# What a quote selects: bank and indexes, in the order of the selection.
PcrSelection = tuple[tuple[str, tuple[int, ...]], ...]


@dataclass(frozen=True, slots=True)
class ClockInfo:
    """The TPM's clock (milliseconds), how often it was reset and restarted, and whether the clock never went back."""

    clock: int
    reset_count: int
    restart_count: int
    safe: bool


@dataclass(frozen=True, slots=True)
class TpmQuote:
    """A TPMS_ATTEST of type quote. `extra_data` is the verifier's question; `selection` says over which PCRs
    `pcr_digest` is the hash, by the hash algorithm of the signature; `qualified_signer` is the name of the key with
    its parents.
    """

    qualified_signer: bytes
    extra_data: bytes
    clock_info: ClockInfo
    firmware_version: int
    selection: PcrSelection
    pcr_digest: bytes

    def encode(self) -> bytes:
        """The bytes that the TPM signs (part 2, section 10.12.8)."""
        clock = self.clock_info
        return b"".join((
            MAGIC.to_bytes(4, "big"), TYPE_QUOTE.to_bytes(2, "big"), sized(self.qualified_signer),
            sized(self.extra_data), clock.clock.to_bytes(8, "big"), clock.reset_count.to_bytes(4, "big"),
            clock.restart_count.to_bytes(4, "big"), bytes([clock.safe]), self.firmware_version.to_bytes(8, "big"),
            encode_selection(self.selection), sized(self.pcr_digest),
        ))  # fmt: skip

    @property
    def selected(self) -> dict[str, frozenset[int]]:
        """The selected PCRs by bank."""
        return {bank: frozenset(indexes) for bank, indexes in self.selection}

    def claims(self) -> dict[str, object]:
        """The quote as JSON values; the firmware version in hexadecimal, since its layout is the maker's."""
        return {
            "extra_data": self.extra_data.hex(),
            "qualified_signer": self.qualified_signer.hex(),
            "clock": self.clock_info.clock,
            "reset_count": self.clock_info.reset_count,
            "restart_count": self.clock_info.restart_count,
            "safe": self.clock_info.safe,
            "firmware_version": f"{self.firmware_version:016x}",
            "selection": {bank: list(indexes) for bank, indexes in self.selection},
            "pcr_digest": self.pcr_digest.hex(),
        }


@dataclass(frozen=True, slots=True)
class TpmSignature:
    """A TPMT_SIGNATURE. `scheme` is RSASSA, RSAPSS or ECDSA; `numbers` is the one RSA signature, or r and s."""

    scheme: int
    hash_name: str
    numbers: tuple[bytes, ...]

    def encode(self) -> bytes:
        """The bytes of the TPMT_SIGNATURE."""
        head = self.scheme.to_bytes(2, "big") + _HASH_NUMBERS[self.hash_name].to_bytes(2, "big")
        return head + b"".join(sized(number) for number in self.numbers)


def _refused(code: str, got: object, wanted: str) -> Refused:
    return Refused.because(
        code, got=got, wanted=wanted, remedy="Give the structure as the TPM returned it, without anything around it."
    )


def _malformed_quote(got: str) -> Refused:
    return _refused("tpm.quote.malformed", got, "a quote (TPMS_ATTEST) and nothing else")


def _malformed_signature(got: str) -> Refused:
    return _refused("tpm.signature.malformed", got, "a signature (TPMT_SIGNATURE) and nothing else")


def parse_quote(data: bytes) -> TpmQuote:
    """The quote in exactly these bytes. Raises Refused: `tpm.size`, `tpm.quote.magic` for what no TPM made itself,
    `tpm.quote.type` for another kind of attestation, `tpm.quote.malformed`.
    """
    if not 0 < len(data) <= MAX_ATTEST:
        raise _refused("tpm.size", f"{len(data)} bytes", f"1 to {MAX_ATTEST} bytes")
    reader = TpmReader(data, _malformed_quote)
    magic, kind = reader.number(4), reader.number(2)
    if magic != MAGIC:
        raise _refused("tpm.quote.magic", f"{magic:#010x}", f"{MAGIC:#010x}: a structure that the TPM itself made")
    if kind != TYPE_QUOTE:
        raise _refused("tpm.quote.type", f"{kind:#06x}", f"{TYPE_QUOTE:#06x}: a quote")
    quote = TpmQuote(
        qualified_signer=reader.buffer(_MAX_NAME),
        extra_data=reader.buffer(_MAX_DATA),
        clock_info=_read_clock(reader),
        firmware_version=reader.number(8),
        selection=_read_selection(reader),
        pcr_digest=reader.buffer(_MAX_DIGEST),
    )
    reader.finish()
    return quote


def _read_clock(reader: TpmReader) -> ClockInfo:
    clock, resets, restarts, safe = reader.number(8), reader.number(4), reader.number(4), reader.number(1)
    if safe > 1:
        raise reader.refused(f"{safe} where yes or no is meant")
    return ClockInfo(clock, resets, restarts, bool(safe))


def _read_selection(reader: TpmReader) -> PcrSelection:
    count = reader.number(4)
    if count > _MAX_BANKS:
        raise reader.refused(f"{count} banks")
    selection = tuple(_read_bank(reader) for _ in range(count))
    if len({bank for bank, _ in selection}) != count:
        raise reader.refused("a bank that is selected twice")
    return selection


def _read_bank(reader: TpmReader) -> tuple[str, tuple[int, ...]]:
    number, size = reader.number(2), reader.number(1)
    if number not in ALGORITHMS or size > _MAX_SELECT:
        raise reader.refused(f"a selection of {8 * size} PCRs in the bank {number:#06x}")
    mask = int.from_bytes(reader.take(size), "little")
    return ALGORITHMS[number][0], tuple(index for index in range(8 * size) if mask >> index & 1)


def encode_selection(selection: PcrSelection) -> bytes:
    """A TPML_PCR_SELECTION with masks of three bytes, as PC clients have; four where a PCR above 23 is selected."""
    parts = [len(selection).to_bytes(4, "big")]
    for bank, indexes in selection:
        size = 4 if any(index > 23 for index in indexes) else 3  # noqa: PLR2004 - 24 PCRs fill three bytes
        mask = sum(1 << index for index in set(indexes))
        parts.append(_HASH_NUMBERS[bank].to_bytes(2, "big") + bytes([size]) + mask.to_bytes(size, "little"))
    return b"".join(parts)


def parse_signature(data: bytes) -> TpmSignature:
    """The signature in exactly these bytes. Raises Refused: `tpm.signature.malformed`, or `tpm.signature.algorithm`
    for a scheme other than RSASSA, RSAPSS and ECDSA, and for an unknown hash.
    """
    if not 0 < len(data) <= MAX_SIGNATURE:
        raise _malformed_signature(f"{len(data)} bytes")
    reader = TpmReader(data, _malformed_signature)
    scheme, number = reader.number(2), reader.number(2)
    if scheme not in SCHEMES or number not in ALGORITHMS:
        got = f"the scheme {scheme:#06x} with the hash {number:#06x}"
        raise _refused("tpm.signature.algorithm", got, "RSASSA, RSAPSS or ECDSA with SHA-256 or longer")
    sizes = (_MAX_NUMBER, _MAX_NUMBER) if scheme == ECDSA else (_MAX_RSA,)
    numbers = tuple(reader.buffer(size) for size in sizes)
    reader.finish()
    return TpmSignature(scheme, ALGORITHMS[number][0], numbers)


def digest_of_pcrs(selection: PcrSelection, values: PcrValues, algorithm: str) -> bytes | None:
    """The hash over the selected values in the order of the TPM: banks as they are listed, PCRs by rising index
    (TPM 2.0 library, part 1, section 17.5). None where a selected value is missing or of another size than its bank
    has, or the hash is not known.
    """
    if not known_hash(algorithm):
        return None
    chosen = [(bank, values.get(bank, {}).get(index, b"")) for bank, indexes in selection for index in sorted(indexes)]
    if any(len(value) != SIZES[bank] for bank, value in chosen):
        return None
    return hash_of(algorithm, b"".join(value for _, value in chosen))
