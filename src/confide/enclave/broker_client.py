"""The enclave's way to the broker: TLS 1.3, and nothing is sent before the peer has proved its identity.

The broker's identity is an Ed25519 key; its certificate is self-signed, so no authority and no name is
trusted. TLS proves that the peer holds the certificate's key, and the key must hash to the identity.
"""

from __future__ import annotations

import http.client
import re
import socket
import ssl
from typing import TypeVar
from urllib.parse import urlsplit

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.x509 import load_der_x509_certificate

from confide.errors import ConfideError, Finding, Misuse, Refused, Unavailable
from confide.ids import sha256_of
from confide.protocol import Challenge, ChallengeRequest, Release, ReleaseRequest
from confide.strictjson import load_as

MAX_ANSWER = 4 << 20
_CODE = re.compile(r"[a-z0-9_.-]{1,80}")
_MAX_CODES = 100
_KINDS: dict[str, type[ConfideError]] = {"refused": Refused, "misuse": Misuse, "unavailable": Unavailable}

T = TypeVar("T")


class _Failure(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    error: str
    codes: tuple[str, ...]


class BrokerClient:
    """Asks the broker at `url` (`https://host:port`), which must have the identity `broker_id` (`sha256:…` of
    its raw Ed25519 key). `timeout` is in seconds, for each wait on the network.

    Every request opens a connection of its own and raises Refused, Misuse or Unavailable, as the broker
    says; where the broker says nothing that can be understood, Unavailable.
    """

    def __init__(self, url: str, broker_id: str, *, timeout: float = 10.0) -> None:
        self._host, self._port = _host_and_port(url)
        self._broker_id = broker_id
        self._timeout = timeout
        self._context = _tls_context()

    def challenge(self, job: str) -> Challenge:
        """A fresh nonce for the job with this id."""
        return self._ask("/v1/challenge", ChallengeRequest(job), Challenge)

    def release(self, request: ReleaseRequest) -> Release:
        """The job, its manifests and its keys, wrapped to the attested key."""
        return self._ask("/v1/release", request, Release)

    def _ask(self, path: str, message: msgspec.Struct, kind: type[T]) -> T:
        try:
            status, body = self._post(path, msgspec.json.encode(message))
        except (OSError, http.client.HTTPException) as error:
            raise _unreachable(type(error).__name__) from None
        if status != http.HTTPStatus.OK:
            raise _failure(status, body)
        try:
            return load_as(kind, body, "the broker's answer", MAX_ANSWER)
        except Misuse as failure:
            raise Unavailable(failure.findings) from None

    def _post(self, path: str, body: bytes) -> tuple[int, bytes]:
        """(status, body) of the answer; the peer is known to be the broker before a byte of `body` is sent."""
        with (
            socket.create_connection((self._host, self._port), self._timeout) as plain,
            self._context.wrap_socket(plain) as tls,
        ):
            tls.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # head and body are two short writes
            check_peer(tls.getpeercert(binary_form=True) or b"", self._broker_id)
            connection = http.client.HTTPConnection(self._host, self._port)
            connection.sock = tls
            headers = {"Content-Type": "application/json", "Connection": "close"}
            connection.request("POST", path, body, headers)
            answer = connection.getresponse()
            data = answer.read(MAX_ANSWER + 1)
            if answer.length:  # the peer hung up early, or would go on beyond the limit
                raise http.client.IncompleteRead(data)
            return answer.status, data


def check_peer(certificate: bytes, broker_id: str) -> None:
    """Raises Refused unless the DER certificate's key is Ed25519 and hashes to the broker's identity."""
    try:
        key = load_der_x509_certificate(certificate).public_key()
    except ValueError:
        key = None
    got = sha256_of(key.public_bytes_raw()) if isinstance(key, Ed25519PublicKey) else "no Ed25519 certificate"
    if got != broker_id:
        raise Refused.because(
            "broker.identity",
            got=got,
            wanted=broker_id,
            remedy="Check the broker's address and identity (`confide owner show`). Nothing was sent to this one.",
        )


def _tls_context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    # No authority and no name is asked: `check_peer` compares the key itself before anything is sent.
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def _host_and_port(url: str) -> tuple[str, int]:
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        parts, host, port = urlsplit(""), None, None
    if parts.scheme != "https" or host is None or parts.path.strip("/") or parts.query or parts.username:
        raise Misuse.because(
            "broker.url", got=repr(url[:120]), wanted="https://HOST:PORT", remedy="Give the broker's address so."
        )
    return host, port or 443


def _unreachable(got: str) -> Unavailable:
    return Unavailable.because(
        "broker.unreachable",
        got=got,
        wanted="a broker that answers over TLS 1.3",
        remedy="Start the broker, check its address, then run the job again: nothing was lost.",
    )


def _failure(status: int, body: bytes) -> ConfideError:
    """The broker's failure in its own kind. Codes are all it tells; the owner has the rest."""
    try:
        answer = load_as(_Failure, body, "the broker's answer")
    except Misuse:
        return _unreachable(f"HTTP status {status} without the broker's own words")
    codes = [code for code in answer.codes[:_MAX_CODES] if _CODE.fullmatch(code)]
    if answer.error not in _KINDS or not codes:
        return _unreachable(f"HTTP status {status} with an answer of an unknown kind")
    return _KINDS[answer.error](
        Finding(
            code,
            f"the broker's answer `{answer.error}`",
            "a release",
            "The owner finds what was got and wanted with `confide audit show`.",
        )
        for code in codes
    )
