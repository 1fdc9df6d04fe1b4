"""A small https client for a few known hosts: bounded in time, size, redirects and patience.

Sources: RFC 9110 (redirects, section 15.4; Retry-After, section 10.2.3). The environment's proxies are not used.
"""

from __future__ import annotations

import http.client
import socket
import ssl
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from urllib.parse import SplitResult, urljoin, urlsplit

from confide.clock import Clock, system_clock
from confide.errors import Misuse, Unavailable

MAX_BYTES = 1 << 20
MAX_REDIRECTS = 3
MAX_ATTEMPTS = 3
MAX_WAIT = 30.0
TIMEOUT = 15.0
TOTAL = 60.0

_CHUNK = 1 << 16
_REDIRECTS = {301, 302, 303, 307, 308}
_BUSY = {429, 503}
_OK, _NOT_THERE = 200, {400, 404}

Dial = Callable[[tuple[str, int], float], socket.socket]


@dataclass(frozen=True, slots=True)
class Response:
    """What a service answered: the headers by their names in lower case, and the body."""

    headers: Mapping[str, str]
    body: bytes


class NotThereError(Unavailable):
    """The service does not know what was asked for."""


class _Connection(http.client.HTTPSConnection):
    """A connection that is dialled by the client's own function."""

    def __init__(self, host: str, port: int, *, timeout: float, context: ssl.SSLContext, dial: Dial) -> None:
        super().__init__(host, port, timeout=timeout, context=context)
        self._dial, self._tls = dial, context

    def connect(self) -> None:
        """Dials, and proves the host's name by its certificate."""
        plain = self._dial((self.host, self.port), self.timeout or TIMEOUT)
        self.sock = self._tls.wrap_socket(plain, server_hostname=self.host)


def _secure_context() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


@dataclass(slots=True, kw_only=True)
class Client:
    """Gets from `hosts` alone, over https. `context`, `dial`, `sleep` and the clocks are parameters for tests: names
    and certificates are checked whatever is dialled.
    """

    hosts: Collection[str]
    context: ssl.SSLContext | None = None
    dial: Dial = socket.create_connection
    sleep: Callable[[float], None] = time.sleep
    monotonic: Callable[[], float] = time.monotonic
    clock: Clock = system_clock

    def get(self, url: str) -> Response:
        """The answer to a GET. Redirects are followed to allowed hosts; where a service is busy, it is asked again when
        it says. Raises NotThereError for 400 and 404; Unavailable for everything else that is no answer;
        Misuse for a URL that is not of an allowed host.
        """
        end = self.monotonic() + TOTAL
        for _ in range(MAX_REDIRECTS + 1):
            status, response = self._patiently(self._allowed(url), end)
            if status == _OK:
                return response
            if status not in _REDIRECTS:
                raise _failure(url, status)
            url = self._redirected(url, response.headers.get("location", ""))
        raise _unavailable("endorse.redirect", f"more than {MAX_REDIRECTS} redirects", "an answer")

    def _allowed(self, url: str) -> SplitResult:
        parts = urlsplit(url)
        if not self._is_allowed(parts):
            raise Misuse.because(
                "endorse.url",
                got=url[:200],
                wanted=f"https from one of {', '.join(sorted(self.hosts))}",
                remedy="Endorsements come from the vendors' own services alone.",
            )
        return parts

    def _is_allowed(self, parts: SplitResult) -> bool:
        plain = parts.port in {None, 443} and not parts.username and not parts.password
        return parts.scheme == "https" and parts.hostname in self.hosts and plain

    def _redirected(self, url: str, location: str) -> str:
        """Where a redirect leads. Raises Unavailable where that is not an allowed host."""
        try:
            target = urljoin(url, location)
            allowed = self._is_allowed(urlsplit(target))
        except ValueError:
            allowed = False
        if not allowed:
            told = f"a redirect to {location[:200]}"
            raise _unavailable("endorse.redirect", told, "one to an allowed host, over https")
        return target

    def _patiently(self, parts: SplitResult, end: float) -> tuple[int, Response]:
        """The first answer that is not "busy"."""
        for attempt in range(1, MAX_ATTEMPTS + 1):
            status, response = self._once(parts, end)
            if status not in _BUSY:
                return status, response
            wait = self._wait(response.headers.get("retry-after", ""), attempt)
            if attempt == MAX_ATTEMPTS or wait > MAX_WAIT or self.monotonic() + wait > end:
                break
            self.sleep(wait)
        told = f"status {status} from {parts.hostname}, which asks to wait {wait:.0f} seconds"
        raise _unavailable("endorse.busy", told, "an answer within a minute", "Try again later.")

    def _wait(self, retry_after: str, attempt: int) -> float:
        """Seconds to wait: what Retry-After says, as a number or a date, else 1, 2, 4."""
        if retry_after.isascii() and retry_after.isdigit():
            return float(retry_after[:9])
        try:
            return max(0.0, (parsedate_to_datetime(retry_after) - self.clock()).total_seconds())
        except (ValueError, TypeError):
            return float(2 ** (attempt - 1))

    def _once(self, parts: SplitResult, end: float) -> tuple[int, Response]:
        assert parts.hostname is not None
        left = max(0.1, min(TIMEOUT, end - self.monotonic()))
        context = self.context or _secure_context()
        connection = _Connection(parts.hostname, 443, timeout=left, context=context, dial=self.dial)
        target = parts.path + (f"?{parts.query}" if parts.query else "")
        headers = {"Accept-Encoding": "identity", "User-Agent": "confide"}
        try:
            connection.request("GET", target, headers=headers)
            answer = connection.getresponse()
            found = {name.lower(): value for name, value in answer.getheaders()}
            body = self._read(answer, end) if answer.status == _OK else b""
        except (OSError, http.client.HTTPException, ValueError) as error:
            told = f"{type(error).__name__} from {parts.hostname}: {error}"[:200]
            raise _unavailable("endorse.network", told, "a connection whose certificate proves the host") from None
        finally:
            connection.close()
        return answer.status, Response(found, body)

    def _read(self, answer: http.client.HTTPResponse, end: float) -> bytes:
        """The body, of at most 1 MiB, while there is time."""
        body = bytearray()
        while chunk := answer.read(_CHUNK):
            body += chunk
            if len(body) > MAX_BYTES:
                raise _unavailable("endorse.size", f"more than {MAX_BYTES} bytes", f"at most {MAX_BYTES} bytes")
            if self.monotonic() > end:
                raise TimeoutError("the answer took too long")
        if answer.length:  # the connection ended before the body did; `read` with a size does not say so
            raise http.client.IncompleteRead(bytes(body[:0]), answer.length)
        return bytes(body)


def _failure(url: str, status: int) -> Unavailable:
    kind = NotThereError if status in _NOT_THERE else Unavailable
    return kind.because(
        "endorse.status",
        got=f"status {status} for {url[:200]}",
        wanted="status 200",
        remedy="Check that the evidence is of real hardware that this service knows, or try again later.",
    )


def _unavailable(
    code: str, got: str, wanted: str, remedy: str = "Check the network, or try again later."
) -> Unavailable:
    return Unavailable.because(code, got=got, wanted=wanted, remedy=remedy)
