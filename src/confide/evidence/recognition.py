"""What a file of evidence is: a raw report, an extended report, either as text, or our own bundle. No trust."""

from __future__ import annotations

import binascii
import importlib

from confide.errors import ConfideError, Refused
from confide.evidence.azure_containers import FORMAT as CONTAINERS
from confide.evidence.bundle import EvidenceBundle, pack_evidence, with_devices
from confide.evidence.endorsements import read_certificate_table
from confide.evidence.snp import FORMAT, REPORT_SIZE, VERSIONS
from confide.ids import from_base64
from confide.strictjson import load_as

MAX_BYTES = 1 << 20
_HEX = frozenset(b"0123456789abcdefABCDEF")
_VERSION_BYTES = 4


# Modules that know the shapes in which their evidence is delivered: `recognise(data)` gives the bundle, or None where
# the bytes are of no such shape. They are asked in this order, so those with the clearest marks come first.
RECOGNISERS: tuple[str, ...] = (
    "confide.evidence.cca",
    "confide.evidence.tdx",
    "confide.evidence.sgx",
    "confide.evidence.nitro",
    "confide.evidence.nvidia",
    "confide.evidence.jwt",
    "confide.evidence.azure_vtpm",
    "confide.evidence.azure_containers",
    "confide.evidence.tpm_delivery",
    "confide.evidence.snp_json",
)


def recognise(data: bytes, format_name: str | None = None) -> EvidenceBundle:
    """The bundle that the bytes are or make. `format_name` overrides the guess; a bundle of another format is
    refused. Raises Refused for what is not recognised, and for more than 1 MiB.
    """
    if not 0 < len(data) <= MAX_BYTES:
        raise _unrecognised(f"{len(data)} bytes")
    bundle = _from_known_shapes(data, format_name) or _from_own_shapes(data, format_name)
    if format_name not in {None, bundle.format}:
        raise _unrecognised(f"evidence of the format {bundle.format[:40]!r}, and not {format_name}")
    return bundle


def _from_known_shapes(data: bytes, format_name: str | None) -> EvidenceBundle | None:
    """What the first module makes of it that knows the shape, as it is or behind hexadecimal or base64 text."""
    decoded = _decoded(data)
    for path in RECOGNISERS:
        module = importlib.import_module(path)
        for shape in (data,) if decoded is data else (data, decoded):
            bundle: EvidenceBundle | None = module.recognise(shape)
            if bundle is not None and format_name in {None, bundle.format}:
                return bundle
    return None


def _from_own_shapes(data: bytes, format_name: str | None) -> EvidenceBundle:
    text = data.strip()
    return _from_json(text) if text.startswith((b"{", b"[")) else _from_binary(_decoded(data), format_name)


def _unrecognised(got: str) -> Refused:
    return Refused.because(
        "evidence.format",
        got=got,
        wanted="a SEV-SNP report (raw, extended, hexadecimal or base64), or a confide-evidence/1 bundle",
        remedy="Give the evidence as the platform wrote it, and its format with --format where it is not recognised.",
    )


def _from_json(text: bytes) -> EvidenceBundle:
    """A bundle, or a list of bundles, of which the first is the machine and the others are its devices."""
    try:
        if text.startswith(b"["):
            first, *others = load_as(tuple[EvidenceBundle, ...], text, "list of evidence bundles")
            bundle = with_devices(first, others)
        else:
            bundle = load_as(EvidenceBundle, text, "evidence bundle")
        bundle.check_base64()
    except ValueError:
        raise _unrecognised("an empty list") from None
    except ConfideError as failure:
        raise _unrecognised(failure.findings[0].got) from None
    return bundle


def _decoded(data: bytes) -> bytes:
    """The bytes behind hexadecimal or base64 text, white space ignored; other bytes as they are."""
    packed = b"".join(data.split())
    if packed and _HEX.issuperset(packed) and len(packed) % 2 == 0:
        return binascii.unhexlify(packed)
    try:
        return from_base64(packed.decode("ascii"), "evidence")
    except (ConfideError, UnicodeDecodeError):
        return data


def _from_binary(data: bytes, format_name: str | None) -> EvidenceBundle:
    """A report, with the certificate table that an extended request appends (AMD 56421, section 4.1.8.1). Only the
    caller can say that it is of a container of Azure's: there is nothing in a report that does.
    """
    version = int.from_bytes(data[:_VERSION_BYTES], "little")
    name = CONTAINERS if format_name == CONTAINERS else FORMAT
    if format_name != name and version not in VERSIONS and len(data) != REPORT_SIZE:
        raise _unrecognised(f"{len(data)} bytes of no known kind")
    table = data[REPORT_SIZE:]
    return pack_evidence(name, data[:REPORT_SIZE], read_certificate_table(table) if table else ())
