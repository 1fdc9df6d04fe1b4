"""NVIDIA's reference integrity manifests (RIM): which measurements a driver or VBIOS may have. No trust.

Sources: ISO/IEC 19770-2:2015 (SWID tags); TCG Reference Integrity Manifest Information Model 1.01; W3C XML Signature
1.1 (enveloped, section 6.6.4) and Canonical XML 1.1. The XML is read only in the form in which NVIDIA writes it: no
document type, no entities, no comments, no references, one signature, so that nothing is left to interpretation.
"""

from __future__ import annotations

import binascii
import importlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from confide.errors import Misuse, Refused

MAX_BYTES = 1 << 17
MAX_INDEXES, MAX_ALTERNATIVES, MAX_CERTIFICATES = 256, 64, 8

_SWID = "{http://standards.iso.org/iso/19770/-2/2015/schema.xsd}"
_DSIG = "{http://www.w3.org/2000/09/xmldsig#}"
_HASH = "{http://www.w3.org/2001/04/xmlenc#sha384}Hash"
_C14N11 = "http://www.w3.org/2006/12/xml-c14n11"
# The one way of signing: what each element of SignedInfo says, in order (W3C XML Signature 1.1, section 4.4).
_METHODS = (
    ("CanonicalizationMethod", _C14N11),
    ("SignatureMethod", "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha384"),
    ("Transform", "http://www.w3.org/2000/09/xmldsig#enveloped-signature"),
    ("Transform", _C14N11),
    ("DigestMethod", "http://www.w3.org/2001/04/xmldsig-more#sha384"),
)
_DECLARATION = re.compile(rb"""<\?xml version=["']1\.0["'](?: encoding=["'][uU][tT][fF]-8["'])?\?>""")
_DIGITS = re.compile(r"[0-9]{1,3}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rim:
    """A manifest. `version` is the driver's or the VBIOS's, `product` the chip (such as GH100), `edition` is GPU or
    SWITCH. `references` are the values that a measurement may have, by NVIDIA's index (from 0), for those that are
    active. `content` are the canonical bytes that `digest` is over (SHA-384), `signed_info` those that `signature` is
    over (r and s in 48 bytes each). `certificates` are DER, as they came, the signer's first.
    """

    name: str
    tag_id: str
    version: str
    product: str
    edition: str
    references: Mapping[int, tuple[bytes, ...]]
    content: bytes
    digest: bytes
    signed_info: bytes
    signature: bytes
    certificates: tuple[bytes, ...]


def is_rim(data: bytes) -> bool:
    """Whether the bytes look like a manifest, so that they are no certificate or list."""
    return data.lstrip()[:1] == b"<"


def _refused(got: str, wanted: str) -> Refused:
    remedy = "Give the manifest as NVIDIA's RIM service delivers it."
    return Refused.because("rim.malformed", got=got, wanted=wanted, remedy=remedy)


def _lxml() -> Any:
    """The XML library, which is an extra. Raises Misuse where it is not installed."""
    try:
        return importlib.import_module("lxml.etree")
    except ImportError:
        raise Misuse.because(
            "rim.library",
            got="a reference manifest, and no library for signed XML",
            wanted="confide[nvidia] installed",
            remedy="Install the extra `nvidia`, or leave the manifests out and compare the measurements by policy.",
        ) from None


# The same few manifests come with every report of a machine. What is remembered is the parsing, never a verdict.
@lru_cache(maxsize=16)
def parse_rim(data: bytes) -> Rim:
    """The manifest in the XML. Raises Refused (`rim.malformed`) for anything that is not in NVIDIA's form, and
    Misuse where the library is not installed.
    """
    root = _parse(data, _lxml())
    meta, payload, signature = (_only(root, name) for name in (f"{_SWID}Meta", f"{_SWID}Payload", f"{_DSIG}Signature"))
    signed_info = _only(signature, f"{_DSIG}SignedInfo")
    _check_methods(signed_info)
    return Rim(
        name=_attribute(root, "name"),
        tag_id=_attribute(root, "tagId"),
        version=_attribute(meta, "colloquialVersion"),
        product=_attribute(meta, "product"),
        edition=_attribute(meta, "edition"),
        references=_references(payload),
        digest=_base64(_deep(signed_info, f"{_DSIG}Reference/{_DSIG}DigestValue")),
        signed_info=_canonical(signed_info),
        signature=_base64(_only(signature, f"{_DSIG}SignatureValue")),
        certificates=_certificates(signature),
        content=_content(root, signature),
    )


def _parse(data: bytes, etree: Any) -> Any:
    if len(data) > MAX_BYTES:
        raise _refused(f"{len(data)} bytes", f"at most {MAX_BYTES} bytes")
    body = data[len(declaration[0]) :] if (declaration := _DECLARATION.match(data)) else data
    # With xml: attributes the canonical forms 1.0 (which the library makes) and 1.1 could differ.
    if any(mark in body for mark in (b"<!", b"<?", b"&", b"\r", b"\t", b"xml:")):
        got = "a document type, comment, instruction, reference, tabulator or attribute of xml"
        raise _refused(got, "plain elements and attributes")
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False, encoding="utf-8")
    try:
        root = etree.fromstring(body, parser)
    except etree.XMLSyntaxError:
        raise _refused("broken XML", "a SWID tag") from None
    if root.tag != f"{_SWID}SoftwareIdentity":
        raise _refused("another document", "a SWID tag, SoftwareIdentity")
    return root


def _only(parent: Any, name: str) -> Any:
    """The one child of this name."""
    found = parent.findall(name)
    if len(found) != 1:
        raise _refused(f"{len(found)} elements {name.rpartition('}')[2]}", "exactly one")
    return found[0]


def _deep(parent: Any, path: str) -> Any:
    """The one element at the path, each step being the only one."""
    for name in re.findall(r"\{[^}]*\}[^/]+", path):
        parent = _only(parent, name)
    return parent


def _attribute(element: Any, name: str) -> str:
    value = element.get(name)
    if not isinstance(value, str) or not 0 < len(value) <= MAX_INDEXES or not (value.isascii() and value.isprintable()):
        raise _refused(f"no usable attribute {name}", "a short printable text")
    return value


def _check_methods(signed_info: Any) -> None:
    """One reference, to the whole document without the signature, by the one way of signing."""
    reference = _only(signed_info, f"{_DSIG}Reference")
    elements = [one for one in signed_info.iter() if one.get("Algorithm") is not None]
    methods = tuple((one.tag.rpartition("}")[2], one.get("Algorithm")) for one in elements)
    names = {one.tag for one in signed_info.iter()}
    known = {f"{_DSIG}{name}" for name, _ in _METHODS} | {
        f"{_DSIG}{name}" for name in ("SignedInfo", "Reference", "Transforms", "DigestValue")
    }
    if methods != _METHODS or names != known or reference.get("URI") != "":
        raise _refused("another way of signing", "ECDSA with SHA-384 over the whole document (c14n11, enveloped)")


def _references(payload: Any) -> dict[int, tuple[bytes, ...]]:
    resources = list(payload)
    if len(resources) > MAX_INDEXES:
        raise _refused(f"{len(resources)} resources", f"at most {MAX_INDEXES}")
    found: dict[int, tuple[bytes, ...]] = {}
    seen: set[int] = set()
    for one in resources:
        if one.tag != f"{_SWID}Resource" or one.get("type") != "Measurement":
            raise _refused("a resource that is no measurement", "measurements only: others would be overlooked")
        index = _number(one, "index")
        if index in seen or one.get("active") not in {"True", "False"}:
            raise _refused(f"index {index} twice, or neither active nor not", "each index once, active True or False")
        seen.add(index)
        if one.get("active") == "True":
            found[index] = _values(one)
    if not found:
        raise _refused("no active measurement", "at least one, or the manifest says nothing")
    return found


def _number(element: Any, name: str) -> int:
    text = element.get(name, "")
    if not _DIGITS.fullmatch(text):
        raise _refused(f"{name} is no small number", "digits")
    return int(text)


def _values(resource: Any) -> tuple[bytes, ...]:
    """The alternatives of one measurement: as many as announced, of the announced size."""
    count, size = _number(resource, "alternatives"), _number(resource, "size")
    names = {name for name in resource.attrib if name.startswith(_HASH)}
    if not 0 < count <= MAX_ALTERNATIVES or names != {f"{_HASH}{number}" for number in range(count)}:
        raise _refused(f"{len(names)} values", f"the {count} alternatives that are announced, 1 to {MAX_ALTERNATIVES}")
    try:
        values = tuple(bytes.fromhex(resource.get(f"{_HASH}{number}")) for number in range(count))
    except ValueError:
        raise _refused("a value that is no hexadecimal number", "hexadecimal digits") from None
    if any(len(value) != size for value in values):
        raise _refused("a value of another size", f"{size} bytes, as announced")
    return values


def _base64(element: Any) -> bytes:
    """The bytes in an element, white space ignored, otherwise canonical."""
    text = "".join((element.text or "").split()).encode("utf-8")
    try:
        data = binascii.a2b_base64(text, strict_mode=True)
    except ValueError:
        data = b""
    if len(element) or not data or binascii.b2a_base64(data, newline=False) != text:
        raise _refused("broken base64", "canonical base64")
    return data


def _certificates(signature: Any) -> tuple[bytes, ...]:
    elements = _deep(signature, f"{_DSIG}KeyInfo/{_DSIG}X509Data").findall(f"{_DSIG}X509Certificate")
    if not 0 < len(elements) <= MAX_CERTIFICATES:
        raise _refused(f"{len(elements)} certificates", f"1 to {MAX_CERTIFICATES}")
    return tuple(_base64(one) for one in elements)


def _canonical(element: Any) -> bytes:
    """Canonical XML with the namespaces that are in scope. Without xml: attributes 1.0 and 1.1 are the same."""
    data: bytes = _lxml().tostring(element, method="c14n", with_comments=False, with_tail=False)
    return data


def _content(root: Any, signature: Any) -> bytes:
    """The canonical document without the signature, whose text after it stays (section 6.6.4). Changes the tree."""
    before, tail = signature.getprevious(), signature.tail or ""
    root.remove(signature)
    if before is None:
        root.text = (root.text or "") + tail
    else:
        before.tail = (before.tail or "") + tail
    return _canonical(root)
