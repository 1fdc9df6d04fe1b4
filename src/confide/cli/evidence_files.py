"""Reads evidence, its parts and endorsements from files, as the commands of evidence take them."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from confide.errors import Misuse, Refused

if TYPE_CHECKING:
    from confide.evidence.bundle import EvidenceBundle

MAX_NONCE = 512
# Formats whose verifiers take endorsements that are no certificates or lists, by what these look like.
_TAKERS = {
    "JSON": frozenset({"tdx", "sgx", "azure-tdx-vtpm", "azure-snp-vtpm", "jwt", "arm-cca"}),
    "XML": frozenset({"nvidia"}),
    "CBOR": frozenset({"azure-containers", "arm-cca"}),
    "DER": frozenset({"nvidia", "arm-cca", "tpm"}),
    "key": frozenset({"arm-cca", "tpm"}),
}
_CBOR = (0xD2, 0x84, 0xD9, 0xA0, 0xBF)  # a tagged or untagged COSE_Sign1, another tag, a map


def add_evidence_arguments(parser: argparse.ArgumentParser, *, several: bool = True) -> None:
    """Adds EVIDENCE, `--format`, `--part` and `--endorsements`."""
    parser.add_argument(
        "evidence", type=Path, metavar="EVIDENCE", nargs="+" if several else None,
        help="evidence as the platform or its tools deliver it (binary, hexadecimal, base64, JSON), or a "
        "confide-evidence/1 bundle" + ("; further files are devices of the same machine, such as GPUs" * several),
    )  # fmt: skip
    parser.add_argument(
        "--format", metavar="NAME", help="the format of the (first) evidence, where it is not recognised"
    )
    parser.add_argument(
        "--part", action="append", default=[], metavar="NAME=FILE",
        help="a further piece of the (first) evidence, such as event_log=FILE; may be given again",
    )  # fmt: skip
    parser.add_argument(
        "--endorsements", type=Path, nargs="+", default=[], action="extend", metavar="PATH",
        help="certificates and lists (DER, PEM, a certificate table), collateral, reference manifests, key sets; files "
        "or folders",
    )  # fmt: skip


def read_evidence(args: argparse.Namespace) -> EvidenceBundle:
    """The bundle that the arguments make. Raises Refused for what is no evidence, Misuse for arguments that make none,
    OSError for files that cannot be read.
    """
    from confide.evidence.bundle import with_devices  # noqa: PLC0415 - --help needs no formats
    from confide.evidence.recognition import recognise  # noqa: PLC0415 - the same

    _check_format(args.format)
    first, *others = args.evidence if isinstance(args.evidence, list) else [args.evidence]
    bundle = with_parts(recognise(read_file(first), args.format), args.part)
    bundle = with_devices(bundle, [recognise(read_file(path)) for path in others])
    return with_endorsements(bundle, args.endorsements)


def _check_format(name: str | None) -> None:
    from confide.verify.verifier import FORMATS  # noqa: PLC0415 - --help needs no formats

    if name is not None and name not in FORMATS:
        raise Misuse.because(
            "cli.format",
            got=f"--format {name[:40]}",
            wanted=f"one of {', '.join(sorted(FORMATS))}",
            remedy="Correct the name, or leave it out where the evidence is recognised.",
        )


def read_file(path: Path) -> bytes:
    """The file's bytes, and one more than is ever taken where it is larger: it is not read to its end."""
    from confide.evidence.recognition import MAX_BYTES  # noqa: PLC0415 - --help needs no formats

    with path.open("rb") as file:
        return file.read(MAX_BYTES + 1)


def with_parts(bundle: EvidenceBundle, parts: Sequence[str]) -> EvidenceBundle:
    """The bundle with the parts that NAME=FILE arguments name, each once."""
    import msgspec  # noqa: PLC0415 - --help needs no formats

    from confide.ids import to_base64  # noqa: PLC0415 - the same

    found = dict(bundle.parts)
    for part in parts:
        name, equals, path = part.partition("=")
        if not name or not equals or name in found:
            raise Misuse.because(
                "cli.part",
                got=f"--part {part[:60]}",
                wanted="NAME=FILE, with a name that the evidence does not have yet",
                remedy="Correct the argument; the page of the platform names its parts.",
            )
        found[name] = to_base64(read_file(Path(path)))
    return msgspec.structs.replace(bundle, parts=found)


def with_endorsements(bundle: EvidenceBundle, paths: Sequence[Path]) -> EvidenceBundle:
    """The bundle with the endorsements of all paths after its own, each once; of a machine with devices each piece gets
    those that its format may look at.
    """
    import msgspec  # noqa: PLC0415 - --help needs no formats

    items = [item for path in paths for item in _endorsements(path, _formats(bundle))]
    sorting = bool(bundle.devices)
    devices = tuple(_with_items(device, items, sorting=sorting) for device in bundle.devices)
    return msgspec.structs.replace(_with_items(bundle, items, sorting=sorting), devices=devices)


def _formats(bundle: EvidenceBundle) -> set[str]:
    return {one.format for one in (bundle, *bundle.devices)}


def _with_items(bundle: EvidenceBundle, items: Sequence[bytes], *, sorting: bool) -> EvidenceBundle:
    import msgspec  # noqa: PLC0415 - --help needs no formats

    from confide.ids import to_base64  # noqa: PLC0415 - the same

    taken = [to_base64(item) for item in items if not sorting or fits(item, {bundle.format})]
    return msgspec.structs.replace(bundle, endorsements=tuple(dict.fromkeys([*bundle.endorsements, *taken])))


def _endorsements(path: Path, formats: set[str]) -> Iterator[bytes]:
    """The items of a file that was named, whatever they are; of a folder those that fit one of the formats."""
    if not path.is_dir():
        yield from _split(read_file(path))
        return
    for file in sorted(one for one in path.iterdir() if one.is_file()):
        items = _split(read_file(file))
        if all(fits(item, formats) for item in items):
            yield from items
        else:
            print(f"{file} holds no endorsement of {', '.join(sorted(formats))}; it is left out.", file=sys.stderr)


def _split(data: bytes) -> tuple[bytes, ...]:
    """Certificates and lists one by one; anything else is one item, which the format's verifier judges."""
    from confide.evidence.endorsements import split_endorsements  # noqa: PLC0415 - --help needs no formats

    try:
        return split_endorsements(data)
    except Refused:
        return (data,)


def fits(item: bytes, formats: set[str]) -> bool:
    """Whether the item looks like an endorsement of one of the formats. What it is worth, verification judges."""
    from confide.verify.x509 import MalformedCertificateError, parse_item  # noqa: PLC0415 - --help needs no formats

    try:
        parse_item(item)
    except MalformedCertificateError:
        return bool(_TAKERS.get(_look(item), frozenset()) & formats) and b"confide-evidence/1" not in item
    return True


def _look(item: bytes) -> str:
    text = item.lstrip(b"\xef\xbb\xbf \t\r\n")
    if text.startswith((b"{", b"[")):
        return "JSON"
    if text.startswith(b"<"):
        return "XML"
    if text.startswith(b"-----BEGIN PUBLIC KEY-----"):
        return "key"
    if item.startswith(b"\x30"):
        return "DER"
    return "CBOR" if item[:1] and item[0] in _CBOR else ""


def read_nonce(text: str | None, format_name: str) -> bytes | None:
    """The verifier's question in hexadecimal, filled up with zero bytes to the size of the format's field."""
    from confide.verify.verifier import verifier_of  # noqa: PLC0415 - --help needs no formats

    if text is None:
        return None
    size = verifier_of(format_name).NONCE_SIZE
    try:
        nonce = bytes.fromhex(text)
    except ValueError:
        nonce = b""
    if not 0 < len(nonce) <= (size or MAX_NONCE):
        raise Misuse.because(
            "cli.nonce",
            got=f"--nonce with {len(text)} characters that are not 1 to {size or MAX_NONCE} bytes in hexadecimal",
            wanted=f"1 to {size or MAX_NONCE} bytes in hexadecimal",
            remedy="Give the report data or nonce that the evidence was asked for with.",
        )
    return nonce.ljust(size or 0, b"\0")
