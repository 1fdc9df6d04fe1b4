"""What is asked of a vendor's service, and the shapes that its answers may have. Shape alone: what an endorsement is
worth, verification judges.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import unquote

from confide.endorse.client import Response
from confide.errors import ConfideError, Unavailable
from confide.evidence.endorsements import split_endorsements, split_pem
from confide.strictjson import loads
from confide.verify.x509 import Certificate, MalformedCertificateError, RevocationList, parse_item

AMD = "kdsintf.amd.com"
INTEL, INTEL_ROOT = "api.trustedservices.intel.com", "certificates.trustedservices.intel.com"
NVIDIA = "rim.attestation.nvidia.com"
HOSTS = frozenset({AMD, INTEL, INTEL_ROOT, NVIDIA})

FOREVER, WEEKS, DAY = timedelta(days=3650), timedelta(days=30), timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Item:
    """An endorsement and the name of its file."""

    name: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Request:
    """A URL, how long its answer stays useful, and how it is read. `read` raises ValueError for another shape."""

    url: str
    lifetime: timedelta
    read: Callable[[Response], tuple[Item, ...]]

    def items(self, response: Response) -> tuple[Item, ...]:
        """The endorsements in the answer. Raises Unavailable for an answer of another shape."""
        try:
            return self.read(response)
        except (ValueError, TypeError, KeyError, ConfideError) as error:
            raise Unavailable.because(
                "endorse.shape",
                got=f"an answer of another shape from {self.url[:160]}: {type(error).__name__}",
                wanted="what the vendor documents",
                remedy="Try again later; a proxy or a captive portal may have answered in the vendor's place.",
            ) from None


def certificate(name: str) -> Callable[[Response], tuple[Item, ...]]:
    """A reader of one certificate in DER."""
    return lambda response: (Item(name, _parsed(response.body, Certificate)),)


def revocation_list(name: str, chain_header: str = "") -> Callable[[Response], tuple[Item, ...]]:
    """A reader of one revocation list in DER, with its issuers' certificates where a header has them."""

    def read(response: Response) -> tuple[Item, ...]:
        item = Item(name, _parsed(response.body, RevocationList))
        return (item, _chain(response, chain_header, name)) if chain_header else (item,)

    return read


def certificates(name: str) -> Callable[[Response], tuple[Item, ...]]:
    """A reader of certificates in PEM or DER."""

    def read(response: Response) -> tuple[Item, ...]:
        for der in split_endorsements(response.body):
            _parsed(der, Certificate)
        return (Item(name, response.body),)

    return read


def signed_json(name: str, member: str, chain_header: str) -> Callable[[Response], tuple[Item, ...]]:
    """A reader of Intel's signed JSON: `member` and its signature, kept byte for byte, with its signers' chain."""

    def read(response: Response) -> tuple[Item, ...]:
        document = loads(response.body, "collateral")
        if not isinstance(document, dict) or not {member, "signature"} <= document.keys():
            raise ValueError(f"no {member} with its signature")
        return Item(name, response.body), _chain(response, chain_header, name)

    return read


def manifest(rim_id: str) -> Callable[[Response], tuple[Item, ...]]:
    """A reader of NVIDIA's answer: the manifest of this id, whose digest is told."""

    def read(response: Response) -> tuple[Item, ...]:
        document = loads(response.body, "manifest")
        if not isinstance(document, dict) or document.get("id") != rim_id:
            raise ValueError("a manifest of another id")
        data = base64.b64decode(document["rim"], validate=True)
        told = document.get("sha256")
        if told is not None and told != hashlib.sha256(data).hexdigest():
            raise ValueError("a manifest with another digest than is told")
        if not data.lstrip(b"\xef\xbb\xbf \r\n\t").startswith(b"<"):
            raise ValueError("no XML")
        return (Item(f"{rim_id}.xml", data),)

    return read


def _parsed(der: bytes, kind: type[Certificate | RevocationList]) -> bytes:
    try:
        found = parse_item(der)
    except MalformedCertificateError:
        raise ValueError("neither a certificate nor a list") from None
    if not isinstance(found, kind):
        raise ValueError(f"no {kind.__name__}")  # noqa: TRY004 - the shape is wrong, not a type of the program
    return der


def _chain(response: Response, header: str, beside: str) -> Item:
    """The certificates in a header, URL-encoded PEM (Intel PCS API 4.0)."""
    pem = unquote(response.headers[header.lower()]).encode("ascii")
    if not split_pem(pem):
        raise ValueError("no certificates in the header")
    return Item(f"{beside.rpartition('.')[0]}.issuers.pem", pem)
