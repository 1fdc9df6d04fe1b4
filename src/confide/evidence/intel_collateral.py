"""Intel's collateral: what says how current a platform and a quoting enclave are, in the shapes in which it is served
and stored. No trust: each document keeps the exact bytes that Intel signed, and its signature, unchecked.

Sources: Intel Provisioning Certification Service API, version 4 (TCB info, appendix A; enclave identity, appendix B);
Intel DCAP `sgx_ql_qve_collateral_t` and the JSON of dcap-qvl's QuoteCollateralV3, whose names are the same.
"""

from __future__ import annotations

import binascii
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Generic, Literal, TypeVar

import msgspec
from msgspec import Meta

from confide.errors import ConfideError, Refused
from confide.evidence.endorsements import MAX_BYTES, MAX_ITEMS, is_der, split_pem
from confide.ids import from_base64
from confide.strictjson import load_as, loads

T = TypeVar("T")
TcbStatus = Literal["UpToDate", "SWHardeningNeeded", "ConfigurationNeeded", "ConfigurationAndSWHardeningNeeded",
                    "OutOfDate", "OutOfDateConfigurationNeeded", "Revoked"]  # fmt: skip
Svn = Annotated[int, Meta(ge=0, le=0xFF)]
Number = Annotated[int, Meta(ge=0, le=0xFFFF)]
Moment = Annotated[datetime, Meta(tz=True)]
Advisories = Annotated[tuple[Annotated[str, Meta(pattern=r"^[\w.-]{1,40}\Z")], ...], Meta(max_length=256)]


def _hexadecimal(size: int) -> Meta:
    return Meta(pattern=rf"^[0-9A-Fa-f]{{{2 * size}}}\Z")


class _Document(msgspec.Struct, frozen=True, rename="camel"):
    """Names as Intel writes them; members that are not named here do not matter to a verdict."""


class Component(_Document, frozen=True):
    """A security version of one component."""

    svn: Svn


Components = Annotated[tuple[Component, ...], Meta(min_length=16, max_length=16)]


class PlatformTcb(_Document, frozen=True):
    """The lowest versions of a level: 16 of SGX, the PCE's, and for TDX 16 more."""

    sgxtcbcomponents: Components
    pcesvn: Number
    tdxtcbcomponents: Components | None = None


class IsvTcb(_Document, frozen=True):
    """The lowest version of an enclave's or module's level."""

    isvsvn: Number


class PlatformLevel(_Document, frozen=True):
    """A level of a platform: its lowest versions, and what Intel says of it."""

    tcb: PlatformTcb
    tcb_date: Moment
    tcb_status: TcbStatus
    advisories: Advisories = msgspec.field(default=(), name="advisoryIDs")


class IsvLevel(_Document, frozen=True):
    """A level of an enclave or module, of which Intel only says whether it is up to date, out of date or revoked."""

    tcb: IsvTcb
    tcb_date: Moment
    tcb_status: Literal["UpToDate", "OutOfDate", "Revoked"]
    advisories: Advisories = msgspec.field(default=(), name="advisoryIDs")


class TdxModule(_Document, frozen=True):
    """Who signs the TDX module, and its attributes under their mask. All hexadecimal."""

    mrsigner: Annotated[str, _hexadecimal(48)]
    attributes: Annotated[str, _hexadecimal(8)]
    attributes_mask: Annotated[str, _hexadecimal(8)]


class TdxModuleIdentity(TdxModule, frozen=True, kw_only=True):
    """The same for one major version of the module (`TDX_01` and so on), with its levels."""

    id: str
    tcb_levels: tuple[IsvLevel, ...]


class TcbInfo(_Document, frozen=True):
    """What Intel says of the platforms with one FMSPC (version 3): levels, the highest first."""

    id: Literal["SGX", "TDX"]
    version: Literal[3]
    issue_date: Moment
    next_update: Moment
    fmspc: Annotated[str, _hexadecimal(6)]
    pce_id: Annotated[str, _hexadecimal(2)]
    tcb_type: Literal[0]
    tcb_evaluation_data_number: Annotated[int, Meta(ge=0, le=0xFFFFFFFF)]
    tcb_levels: tuple[PlatformLevel, ...]
    tdx_module: TdxModule | None = None
    tdx_module_identities: tuple[TdxModuleIdentity, ...] = ()


class EnclaveIdentity(_Document, frozen=True):
    """What Intel says of a quoting enclave (version 2): who signs it, its attributes, levels, the highest first."""

    id: Literal["QE", "TD_QE", "QVE"]
    version: Literal[2]
    issue_date: Moment
    next_update: Moment
    tcb_evaluation_data_number: Annotated[int, Meta(ge=0, le=0xFFFFFFFF)]
    miscselect: Annotated[str, _hexadecimal(4)]
    miscselect_mask: Annotated[str, _hexadecimal(4)]
    attributes: Annotated[str, _hexadecimal(16)]
    attributes_mask: Annotated[str, _hexadecimal(16)]
    mrsigner: Annotated[str, _hexadecimal(32)]
    isvprodid: Number
    tcb_levels: tuple[IsvLevel, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Signed(Generic[T]):
    """A document, its exact bytes, and the signature that came with it: 64 bytes, two big-endian numbers. One is only
    equal to itself: comparing what is in it would cost more than it is worth.
    """

    value: T
    text: bytes
    signature: bytes


@dataclass(frozen=True, slots=True)
class Collateral:
    """Everything that came along: certificates and revocation lists in DER, and Intel's documents."""

    items: tuple[bytes, ...] = ()
    tcb_infos: tuple[Signed[TcbInfo], ...] = ()
    identities: tuple[Signed[EnclaveIdentity], ...] = ()


_Kinds = TcbInfo | EnclaveIdentity
_AnyDocument = Signed[_Kinds]

# The JSON of a whole collateral: which members are certificates or lists, and which are documents.
_CERTIFICATES = ("pck_crl_issuer_chain", "root_ca_crl", "pck_crl", "tcb_info_issuer_chain", "qe_identity_issuer_chain",
                 "pck_certificate_chain")  # fmt: skip
_DOCUMENTS: dict[str, type[_Kinds]] = {"tcb_info": TcbInfo, "qe_identity": EnclaveIdentity}
_RESPONSES: dict[str, type[_Kinds]] = {"tcbInfo": TcbInfo, "enclaveIdentity": EnclaveIdentity}
_SIGNATURE_SIZE = 64
# TCB info has 33 objects a level, and some ten levels.
_MAX_OBJECTS = 4096
# What PEM has of characters that are escaped in a header, in both ways of writing them.
_ESCAPES = {
    escape: bytes((character,))
    for character in b" \n\r+/="
    for escape in (b"%%%02X" % character, b"%%%02x" % character)
}


class _WrongShapeError(ValueError):
    """The bytes are no collateral. The message says why."""


def read_collateral(endorsements: tuple[bytes, ...]) -> Collateral:
    """The collateral in the endorsements: each is a certificate or list in DER, PEM (URL-encoded too), hexadecimal or
    base64, a response of Intel's service, or the JSON of a whole collateral. Raises Refused `endorsement.malformed` for
    anything else, and for more than 1 MiB or 32 items.
    """
    size = sum(map(len, endorsements))
    if len(endorsements) > MAX_ITEMS or size > MAX_BYTES:
        raise _malformed(f"{len(endorsements)} endorsements of {size} bytes")
    found: list[bytes | _AnyDocument] = []
    for index, data in enumerate(endorsements, 1):
        try:
            found += _read(data)
        except (ValueError, ConfideError) as error:
            raise _malformed(f"endorsement {index}: {str(error)[:200]}") from None
    if len(found) > MAX_ITEMS:
        raise _malformed(f"{len(found)} items")
    documents = [one for one in found if isinstance(one, Signed)]
    return Collateral(
        items=tuple(dict.fromkeys(one for one in found if isinstance(one, bytes))),
        tcb_infos=tuple(Signed(d.value, d.text, d.signature) for d in documents if isinstance(d.value, TcbInfo)),
        identities=tuple(
            Signed(d.value, d.text, d.signature) for d in documents if isinstance(d.value, EnclaveIdentity)
        ),
    )


def _malformed(got: str) -> Refused:
    return Refused.because(
        "endorsement.malformed",
        got=got,
        wanted=f"certificates, revocation lists, TCB info and enclave identity, at most {MAX_ITEMS} items",
        remedy="Give Intel's files as they were served, or the JSON of a whole collateral.",
    )


def _read(data: bytes) -> Iterator[bytes | _AnyDocument]:
    if is_der(data):
        yield data
    elif data.lstrip().startswith(b"{"):
        yield from _read_json(data.strip())
    else:
        yield from _read_text(data.strip())


def _read_text(text: bytes) -> Iterator[bytes]:
    """Certificates or lists as PEM, URL-encoded too (Intel's service has it in a header), hexadecimal or base64."""
    if text.startswith(b"-----BEGIN%20"):
        for escape, character in _ESCAPES.items():
            text = text.replace(escape, character)
    if not text.startswith(b"-----BEGIN "):
        item = _decoded(text)
        if is_der(item):
            yield item
            return
        # PEM in hexadecimal or base64, as some fields of the DCAP libraries are delivered.
        text = item
    items = split_pem(text.rstrip(b"\0"))
    if not items:
        raise _WrongShapeError("neither DER, PEM nor JSON")
    yield from items


def _decoded(text: bytes) -> bytes:
    try:
        return binascii.unhexlify(text)
    except ValueError:
        return from_base64(text.decode("ascii"))


def _read_json(data: bytes) -> Iterator[bytes | _AnyDocument]:
    if data.count(b"{") > _MAX_OBJECTS:
        raise _WrongShapeError(f"JSON of more than {_MAX_OBJECTS} objects")
    members = load_as(dict[str, object], data, "collateral")
    if members.keys() & _RESPONSES.keys():
        yield _read_response(data, members)
        return
    if not members.keys() & {*_DOCUMENTS, *_CERTIFICATES}:
        raise _WrongShapeError("JSON that is no collateral")
    for name in _CERTIFICATES:
        if members.get(name):
            yield from _read_text(_text(members, name).strip())
    for name in _DOCUMENTS:
        if members.get(name):
            yield _read_member(members, name)


def _text(members: dict[str, object], name: str) -> bytes:
    value = members.get(name)
    if not isinstance(value, str):
        raise _WrongShapeError(f"`{name}` that is no text")
    return value.encode()


def _read_member(members: dict[str, object], name: str) -> _AnyDocument:
    """A document as text in a member, with its signature in another; or a whole response as text."""
    text = _text(members, name)
    if f"{name}_signature" not in members:
        text = text.rstrip(b"\0")
        return _read_response(text, load_as(dict[str, object], text, "response of Intel's service"))
    loads(text, "document of Intel's")  # bounds, and no key twice
    return _signed(_DOCUMENTS[name], text, _text(members, f"{name}_signature"))


def _read_response(data: bytes, members: dict[str, object]) -> _AnyDocument:
    """`{"tcbInfo": {…}, "signature": "…"}`: the signature is over the bytes of the inner object as they stand there.
    `members` are what the data parsed to, within bounds and without a key twice.
    """
    names = sorted(members.keys() & _RESPONSES.keys())
    if len(names) != 1 or "signature" not in members:
        raise _WrongShapeError("a response without one document and its signature")
    raw = msgspec.json.decode(data, type=dict[str, msgspec.Raw])[names[0]]
    return _signed(_RESPONSES[names[0]], bytes(raw), _text(members, "signature"))


def _signed(kind: type[_Kinds], text: bytes, signature: bytes) -> _AnyDocument:
    raw = binascii.unhexlify(signature)
    if len(raw) != _SIGNATURE_SIZE:
        raise _WrongShapeError(f"a signature of {len(raw)} bytes")
    return Signed(msgspec.json.decode(text, type=kind), text, raw)
