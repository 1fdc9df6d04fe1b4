"""TPM 2.0 public keys: the public area of an object, and the key in it. Bytes to typed values. No trust.

Source: Trusted Computing Group, TPM 2.0 Library, part 2 (structures), revision 1.59: section 12.2.4 (TPMT_PUBLIC),
8.3 (TPMA_OBJECT), 12.2.3 (parameters).
"""

from __future__ import annotations

from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP256R1,
    SECP384R1,
    SECP521R1,
    EllipticCurve,
    EllipticCurvePublicKey,
    EllipticCurvePublicNumbers,
)
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey, RSAPublicNumbers

from confide.errors import Refused
from confide.evidence.tcg_log import ALGORITHMS
from confide.evidence.tpm_wire import TpmReader, sized, unwrap

RSA, ECC = 0x0001, 0x0023
MAX_PUBLIC = 1024

FIXED_TPM, SENSITIVE_ORIGIN = 1 << 1, 1 << 5
RESTRICTED, DECRYPT, SIGN = 1 << 16, 1 << 17, 1 << 18

_NULL = 0x0010
_RSAES = 0x0015
_ECDAA = 0x001A
_MAX_DIGEST = 64
_MAX_COORDINATE = 66
_RSA_BITS = {1024, 2048, 3072, 4096}
_DEFAULT_EXPONENT = 65537
_CURVES: dict[int, EllipticCurve] = {0x0003: SECP256R1(), 0x0004: SECP384R1(), 0x0005: SECP521R1()}
_CURVE_NUMBERS = {curve.name: number for number, curve in _CURVES.items()}


@dataclass(frozen=True, slots=True)
class TpmKey:
    """A TPMT_PUBLIC of an RSA or ECC key: its attributes, its own signing scheme (0x10: none), and the key.
    Nothing signs the attributes: they are worth what the one who vouches for the key says of it.
    """

    name_algorithm: str
    attributes: int
    scheme: int
    scheme_hash: str | None
    key: RSAPublicKey | EllipticCurvePublicKey

    @property
    def is_attestation_key(self) -> bool:
        """Whether the TPM guarantees that the key was made in it, never leaves it, and signs nothing from outside
        that looks like an attestation (part 1, section 25.1.4): a restricted signing key, fixed to the TPM.
        """
        needed = FIXED_TPM | SENSITIVE_ORIGIN | RESTRICTED | SIGN
        return self.attributes & (needed | DECRYPT) == needed


def _malformed(got: str) -> Refused:
    return Refused.because(
        "tpm.ak.malformed",
        got=got,
        wanted="the public area (TPMT_PUBLIC) of an RSA or ECC key",
        remedy="Give the public area of the attestation key as the TPM returned it.",
    )


def parse_key(data: bytes) -> TpmKey:
    """The key in exactly one TPMT_PUBLIC, or in the TPM2B_PUBLIC around it. Raises Refused `tpm.ak.malformed`,
    also for a point that is not on its curve and for curves other than P-256, P-384 and P-521.
    """
    if not 0 < len(data) <= MAX_PUBLIC:
        raise _malformed(f"{len(data)} bytes")
    raw = unwrap(data)
    reader = TpmReader(raw, _malformed)
    kind, name_algorithm, attributes = reader.number(2), reader.number(2), reader.number(4)
    if kind not in {RSA, ECC} or name_algorithm not in ALGORITHMS:
        raise _malformed(f"an object of type {kind:#06x} with names by {name_algorithm:#06x}")
    reader.buffer(_MAX_DIGEST)
    _read_symmetric(reader)
    scheme, scheme_hash = _read_scheme(reader)
    key = _read_rsa(reader) if kind == RSA else _read_ecc(reader)
    reader.finish()
    return TpmKey(ALGORITHMS[name_algorithm][0], attributes, scheme, scheme_hash, key)


def _read_symmetric(reader: TpmReader) -> None:
    """TPMT_SYM_DEF_OBJECT: for keys that protect others. A signing key has none."""
    if reader.number(2) != _NULL:
        reader.take(4)


def _read_scheme(reader: TpmReader) -> tuple[int, str | None]:
    """The scheme and its hash; RSAES has no hash, and ECDAA a counter behind it."""
    scheme = reader.number(2)
    if scheme in {_NULL, _RSAES}:
        return scheme, None
    number = reader.number(2)
    if number not in ALGORITHMS:
        raise reader.refused(f"a scheme with the hash {number:#06x}")
    if scheme == _ECDAA:
        reader.take(2)
    return scheme, ALGORITHMS[number][0]


def _read_rsa(reader: TpmReader) -> RSAPublicKey:
    bits, exponent = reader.number(2), reader.number(4)
    if bits not in _RSA_BITS:
        raise reader.refused(f"an RSA key of {bits} bits")
    modulus = reader.buffer(bits // 8)
    number = int.from_bytes(modulus, "big")
    if number.bit_length() != bits:
        raise reader.refused(f"a modulus of {number.bit_length()} bits in a key of {bits}")
    try:
        return RSAPublicNumbers(exponent or _DEFAULT_EXPONENT, number).public_key()
    except ValueError:
        raise reader.refused("numbers that make no RSA key") from None


def _read_ecc(reader: TpmReader) -> EllipticCurvePublicKey:
    curve = _CURVES.get(number := reader.number(2))
    if curve is None:
        raise reader.refused(f"a key on the curve {number:#06x}")
    if reader.number(2) != _NULL:
        reader.take(2)
    x, y = (int.from_bytes(reader.buffer(_MAX_COORDINATE), "big") for _ in range(2))
    try:
        return EllipticCurvePublicNumbers(x, y, curve).public_key()
    except ValueError:
        raise reader.refused("a point that is not on its curve") from None


def encode_key(
    key: RSAPublicKey | EllipticCurvePublicKey,
    *,
    attributes: int = 0x00050072,
    scheme: int,
    scheme_hash: int = 0x000B,
    name_algorithm: int = 0x000B,
) -> bytes:
    """The TPMT_PUBLIC of a signing key; the default attributes are those of the TCG's attestation key templates."""
    kind = RSA if isinstance(key, RSAPublicKey) else ECC
    head = kind.to_bytes(2, "big") + name_algorithm.to_bytes(2, "big") + attributes.to_bytes(4, "big") + sized(b"")
    middle = _NULL.to_bytes(2, "big") + scheme.to_bytes(2, "big") + scheme_hash.to_bytes(2, "big")
    return head + middle + (_encode_rsa(key) if isinstance(key, RSAPublicKey) else _encode_ecc(key))


def _encode_rsa(key: RSAPublicKey) -> bytes:
    exponent = key.public_numbers().e
    written = 0 if exponent == _DEFAULT_EXPONENT else exponent
    modulus = key.public_numbers().n.to_bytes(key.key_size // 8, "big")
    return key.key_size.to_bytes(2, "big") + written.to_bytes(4, "big") + sized(modulus)


def _encode_ecc(key: EllipticCurvePublicKey) -> bytes:
    numbers, size = key.public_numbers(), (key.key_size + 7) // 8
    point = sized(numbers.x.to_bytes(size, "big")) + sized(numbers.y.to_bytes(size, "big"))
    return _CURVE_NUMBERS[key.curve.name].to_bytes(2, "big") + _NULL.to_bytes(2, "big") + point
