"""Attestation results as JSON Web Tokens: what attestation services say of evidence that they have verified. No trust.

Sources: RFC 7519 (JWT), RFC 7515 (JWS, compact form), RFC 8725 (best practices); RFC 9711 (EAT) for detached claims
sets, of which NVIDIA's service delivers a JSON variant: `[["JWT", token], {"GPU-0": token, …}]`.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field

from confide.errors import Misuse, Refused
from confide.evidence.bundle import EvidenceBundle, pack_evidence
from confide.strictjson import loads

FORMAT = "jwt"
MAX_BYTES = 1 << 16
MAX_SUBMODULES = 32
MAX_CERTIFICATES = 8
_PARTS = 3


@dataclass(frozen=True, slots=True)
class Token:
    """A signed token: header and claims as JSON objects, the signature, and the text that was signed."""

    text: str
    header: Mapping[str, object]
    claims: Mapping[str, object]
    signature: bytes

    @property
    def signing_input(self) -> bytes:
        """The bytes that the signature is over (RFC 7515, section 5.1)."""
        return self.text.rpartition(".")[0].encode("ascii")

    @property
    def algorithm(self) -> str:
        """The `alg` of the header: what the signer says, which decides nothing."""
        return str(self.header["alg"])

    @property
    def key_id(self) -> str | None:
        """The `kid` of the header: which key to look for, which is no reason to trust it."""
        value = self.header.get("kid")
        return value if isinstance(value, str) else None

    def certificates(self) -> tuple[bytes, ...]:
        """The certificates of the header's `x5c` as DER, the signer's first; empty where there are none."""
        values = self.header.get("x5c", [])
        assert isinstance(values, list)
        return tuple(base64.b64decode(one) for one in values)


@dataclass(frozen=True, slots=True)
class JwtEvidence:
    """A token, and the detached tokens by submodule name, where the service delivers them apart."""

    token: Token
    submodules: Mapping[str, Token] = field(default_factory=dict)

    @property
    def tokens(self) -> tuple[Token, ...]:
        """All tokens, the outer one first."""
        return (self.token, *self.submodules.values())


def _refused(code: str, got: object, wanted: str) -> Refused:
    """A refusal of a token that does not parse."""
    remedy = "Give the token as the service delivered it."
    return Refused.because(f"jwt.{code}", got=got, wanted=wanted, remedy=remedy)


def parse_jwt(data: bytes) -> JwtEvidence:
    """The token, or NVIDIA's token with detached ones. Raises Refused: `jwt.size`, `jwt.malformed`, `jwt.header`,
    `jwt.detached`.
    """
    if not 0 < len(data) <= MAX_BYTES:
        raise _refused("size", f"{len(data)} bytes", f"1 to {MAX_BYTES} bytes")
    text = data.strip()
    return _parse_detached(text) if text[:1] == b"[" else JwtEvidence(parse_token(text))


def parse_token(text: bytes) -> Token:
    """A token in the compact form. Raises Refused: `jwt.malformed`, `jwt.header`."""
    parts = text.split(b".")
    if len(parts) != _PARTS:
        raise _refused("malformed", f"{len(parts)} parts", "header, claims and signature, with dots between them")
    header, claims, signature = (_from_base64url(part) for part in parts)
    token = Token(text.decode("ascii"), _object(header, "header"), _object(claims, "claims"), signature)
    _check_header(token.header)
    return token


def _from_base64url(part: bytes) -> bytes:
    """Base64url without padding, canonical (RFC 7515, section 2)."""
    try:
        data = base64.urlsafe_b64decode(part + b"=" * (-len(part) % 4))
    except ValueError:
        data = b""
    if not data or base64.urlsafe_b64encode(data).rstrip(b"=") != part:
        raise _refused("malformed", "a part that is not canonical base64url", "base64url without padding")
    return data


def _object(data: bytes, what: str) -> dict[str, object]:
    """A JSON object, each key once."""
    try:
        value = loads(data, f"token's {what}", MAX_BYTES)
    except Misuse as failure:
        raise _refused("malformed", failure.findings[0].got, f"the token's {what} as strict JSON") from None
    if not isinstance(value, dict):
        raise _refused("malformed", f"a {type(value).__name__} as the token's {what}", "a JSON object")
    return value


def _check_header(header: Mapping[str, object]) -> None:
    """Names the algorithm; asks for nothing that is not understood (RFC 7515, section 4.1.11; RFC 7797)."""
    if not isinstance(header.get("alg"), str):
        raise _refused("header", "no algorithm", "`alg` in the header")
    if unknown := sorted({"crit", "b64", "enc", "zip"} & header.keys()):
        raise _refused("header", f"`{unknown[0]}` in the header", "a plain signed token")
    certificates = header.get("x5c", [])
    if not isinstance(certificates, list) or len(certificates) > MAX_CERTIFICATES:
        raise _refused("header", "`x5c` that is no short list", f"at most {MAX_CERTIFICATES} certificates")
    if any(not isinstance(one, str) or not _is_base64(one) for one in certificates):
        raise _refused("header", "`x5c` with broken base64", "certificates in canonical base64")


def _is_base64(text: str) -> bool:
    try:
        return bool(text) and base64.b64encode(base64.b64decode(text, validate=True)).decode() == text
    except ValueError:
        return False


def _parse_detached(text: bytes) -> JwtEvidence:
    """NVIDIA's form: the outer token names the SHA-256 of each detached one, which must be there, and no other."""
    outer, details = _split_detached(text)
    token = parse_token(outer)
    submodules = {name: parse_token(inner) for name, inner in details.items()}
    named = token.claims.get("submods")
    wanted = {name: ["DIGEST", ["SHA-256", hashlib.sha256(details[name]).hexdigest()]] for name in details}
    if not isinstance(named, dict) or named != wanted:
        raise _refused("detached", "tokens that the outer one does not name by their digest", "exactly those it names")
    return JwtEvidence(token, submodules)


def _split_detached(text: bytes) -> tuple[bytes, dict[str, bytes]]:
    try:
        value = loads(text, "token", MAX_BYTES)
    except Misuse as failure:
        raise _refused("malformed", failure.findings[0].got, "strict JSON") from None
    match value:
        case [["JWT", str(outer)], dict(details)] if _are_tokens(outer, details):
            return outer.encode(), {name: str(inner).encode() for name, inner in details.items()}
        case _:
            raise _refused("malformed", "a list of another form", 'a token, or [["JWT", token], {"GPU-0": token, …}]')


def _are_tokens(outer: str, details: dict[str, object]) -> bool:
    texts = [outer, *details.values()]
    return 0 < len(details) <= MAX_SUBMODULES and all(isinstance(one, str) and one.isascii() for one in texts)


def recognise(data: bytes) -> EvidenceBundle | None:
    """A token in the compact form, an answer `{"token": …}` (Microsoft, Intel), or NVIDIA's list. None for anything
    else, broken tokens included.
    """
    text = _token_in(data.strip())
    if text[:3] != b"eyJ" and b'"JWT"' not in text[:64]:
        return None
    try:
        parse_jwt(text)
    except Refused:
        return None
    return pack_evidence(FORMAT, text)


def _token_in(text: bytes) -> bytes:
    """The token of an answer that has nothing else; other text as it is."""
    if text[:1] != b"{":
        return text
    try:
        value = loads(text, "answer", MAX_BYTES)
    except Misuse:
        return text
    match value:
        case {"token": str(token), **others} if not others and token.isascii():
            return token.encode()
        case _:
            return text
