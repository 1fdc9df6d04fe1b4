"""UVM endorsements: what Microsoft signs of the utility machine in which an Azure container group runs. No trust.

A COSE_Sign1 message whose header names the issuer as a did:x509, the feed, and the certificates. The payload is JSON
with the launch measurement and the security version (SVN); in newer, transparent endorsements it is the measurement
itself, as a hash envelope, and the SVN is in the header. Receipts of a transparency service, outside of what is
signed, are not looked at. Sources: microsoft/confidential-aci-examples, `Confidential_ACI_SCHEME.md`
(reference-info-base64); did:x509 method specification; RFC 9052, 9360, 9597, 9995.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from confide.errors import Misuse, Refused
from confide.evidence.cbor import Tagged
from confide.evidence.cose import CONTENT_TYPE, X5CHAIN, CoseSign1, MalformedCoseError, parse_sign1
from confide.strictjson import loads

MAX_BYTES = 1 << 16
MAX_CHAIN = 8
MAX_SVN = 2**32 - 1
MEASUREMENT = "x-ms-sevsnpvm-launchmeasurement"
SVN, SVN_NUMBER = "x-ms-sevsnpvm-guestsvn", "x-ms-sevsnpvm-guestsvn-int"
JSON_TYPE = "application/json"

# Labels of the protected header: CWT claims (RFC 9597), and the hash by which the payload is one (RFC 9995).
CWT_CLAIMS, PAYLOAD_HASH = 15, 258
CWT_ISSUER, CWT_SUBJECT, CWT_ISSUED_AT, CWT_SVN = 1, 2, 6, "svn"
ISSUER, FEED, SIGNING_TIME = "iss", "feed", "signingtime"
SHA_384 = -43
_MEASUREMENT_SIZE = 48
_EPOCH_TAG = 1
_MAX_EPOCH = 253402300799
_MAX_TEXT = 512

_DID = re.compile(r"did:x509:0:sha256:([A-Za-z0-9_-]{43})((?:::eku:[0-9]+(?:\.[0-9]+)+)+)")
_HEX_48 = re.compile(r"[0-9a-f]{96}")
_DIGITS = re.compile(r"0|[1-9][0-9]{0,9}")


@dataclass(frozen=True, slots=True)
class DidX509:
    """An issuer by its certificates: the root's SHA-256, and the extended key usages that the leaf must have."""

    fingerprint: str
    usages: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class UvmEndorsement:
    """An endorsement. `chain` are DER certificates, leaf first; `launch_measurement` has 48 bytes; `signed_at` is when
    it was signed by its own account, None where it does not say.
    """

    message: CoseSign1
    chain: tuple[bytes, ...]
    issuer: str
    feed: str
    svn: int
    launch_measurement: bytes
    signed_at: datetime | None = None

    def claims(self) -> dict[str, object]:
        """The endorsement as JSON values."""
        return {
            "issuer": self.issuer,
            "feed": self.feed,
            "svn": self.svn,
            "launch_measurement": self.launch_measurement.hex(),
            "signed_at": self.signed_at.isoformat() if self.signed_at else None,
        }


def parse_uvm_endorsement(data: bytes) -> UvmEndorsement:
    """The endorsement in the bytes. Raises Refused (`uvm.malformed`) for anything that is not one, for an SVN or an
    issuer that is said twice and differently, and for a payload that is only a hash.
    """
    try:
        message = parse_sign1(data, tags={_EPOCH_TAG}, max_bytes=MAX_BYTES)
    except MalformedCoseError as error:
        raise _refused(str(error)) from None
    header = message.protected
    issuer, feed, header_svn, issued_at = _identity(header)
    measurement, svn = _content(message, header_svn)
    return UvmEndorsement(
        message=message,
        chain=_chain(header.get(X5CHAIN)),
        issuer=issuer,
        feed=feed,
        svn=svn,
        launch_measurement=measurement,
        signed_at=_time(header.get(SIGNING_TIME, issued_at)),
    )


def parse_did(text: str) -> DidX509 | None:
    """The issuer of a did:x509 with a SHA-256 fingerprint and eku policies alone; None for any other."""
    found = _DID.fullmatch(text)
    if found is None:
        return None
    digest = base64.urlsafe_b64decode(found[1] + "=")
    canonical = base64.urlsafe_b64encode(digest).decode().rstrip("=") == found[1]
    return DidX509(f"sha256:{digest.hex()}", tuple(found[2].split("::eku:")[1:])) if canonical else None


def write_did(fingerprint: str, *usages: str) -> str:
    """The did:x509 of a root (`sha256:…`) and these extended key usages."""
    digest = bytes.fromhex(fingerprint.removeprefix("sha256:"))
    text = base64.urlsafe_b64encode(digest).decode().rstrip("=")
    return f"did:x509:0:sha256:{text}" + "".join(f"::eku:{usage}" for usage in usages)


def _identity(header: Mapping[int | str, Any]) -> tuple[str, str, int | None, object]:
    """Issuer, feed, SVN and time: in the CWT claims, or issuer and feed under their names; where both, they agree."""
    plain = (header.get(ISSUER), header.get(FEED))
    claims = header.get(CWT_CLAIMS)
    if claims is None:
        return _text(plain[0], "issuer"), _text(plain[1], "feed"), None, None
    if not isinstance(claims, dict):
        raise _refused("CWT claims that are not a map")
    said = (_text(claims.get(CWT_ISSUER), "issuer"), _text(claims.get(CWT_SUBJECT), "feed"))
    if any(old not in {None, new} for old, new in zip(plain, said, strict=True)):
        raise _refused("an issuer or feed that is said twice and differently")
    svn = claims.get(CWT_SVN)
    return *said, None if svn is None else _number(svn), claims.get(CWT_ISSUED_AT)


def _content(message: CoseSign1, header_svn: int | None) -> tuple[bytes, int]:
    """Launch measurement and SVN: both in a JSON payload, or the one as the payload and the other in the header."""
    payload, header = message.payload or b"", message.protected
    if PAYLOAD_HASH in header:
        if header[PAYLOAD_HASH] != SHA_384 or len(payload) != _MEASUREMENT_SIZE or header_svn is None:
            raise _refused("a hash envelope without a SHA-384 of 48 bytes, or without an SVN")
        return payload, header_svn
    if header.get(CONTENT_TYPE) != JSON_TYPE:
        raise _refused(f"a payload that is not {JSON_TYPE}")
    measurement, svn = _payload(payload)
    if header_svn not in {None, svn}:
        raise _refused(f"the SVN {header_svn} in the header and {svn} in the payload")
    return measurement, svn


def _text(value: object, what: str) -> str:
    if not isinstance(value, str) or not 0 < len(value) <= _MAX_TEXT or not (value.isascii() and value.isprintable()):
        raise _refused(f"no {what}, or one that is not plain text")
    return value


def _number(value: object) -> int:
    number = int(value) if isinstance(value, str) and _DIGITS.fullmatch(value) else value
    if type(number) is not int or not 0 <= number <= MAX_SVN:
        raise _refused("an SVN that is not a number")
    return number


def _payload(data: bytes) -> tuple[bytes, int]:
    try:
        document = loads(data, "UVM endorsement", MAX_BYTES)
    except Misuse as failure:
        raise _refused(failure.findings[0].got) from None
    members = document if isinstance(document, dict) else {}
    measurement, svn = members.get(MEASUREMENT), _number(members.get(SVN, members.get(SVN_NUMBER)))
    if not isinstance(measurement, str) or not _HEX_48.fullmatch(measurement):
        raise _refused("a launch measurement that is not 48 bytes in lower-case hexadecimal")
    if SVN_NUMBER in members and _number(members[SVN_NUMBER]) != svn:
        raise _refused("two SVNs that differ")
    return bytes.fromhex(measurement), svn


def _chain(value: object) -> tuple[bytes, ...]:
    """The certificates (RFC 9360, section 2): at least leaf and root."""
    certificates = value if isinstance(value, list) else []
    if not 2 <= len(certificates) <= MAX_CHAIN or not all(isinstance(one, bytes) for one in certificates):  # noqa: PLR2004 - leaf and root
        raise _refused(f"no chain of 2 to {MAX_CHAIN} certificates")
    return tuple(certificates)


def _time(value: object) -> datetime | None:
    """Seconds since 1970 (CBOR tag 1, RFC 8949, section 3.4.2)."""
    if value is None:
        return None
    seconds = value.value if isinstance(value, Tagged) and value.tag == _EPOCH_TAG else None
    if type(seconds) is not int or not 0 <= seconds <= _MAX_EPOCH:
        raise _refused("a signing time that is none")
    return datetime.fromtimestamp(seconds, UTC)


def _refused(got: str) -> Refused:
    return Refused.because(
        "uvm.malformed",
        got=got,
        wanted="a COSE_Sign1 message of Microsoft's that names a launch measurement and an SVN",
        remedy="Give the decoded bytes of reference-info-base64 in the container's security context.",
    )
