"""A real TLS server on this machine that answers as a vendor's service would, under a CA of its own."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from confide.endorse import HOSTS, Client

Answer = tuple[int, dict[str, str], bytes]


def _certificate(name: str, key, issuer: str, issuer_key, *, hosts: list[str] | None = None) -> x509.Certificate:
    def named(text: str) -> x509.Name:
        return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])

    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder().subject_name(named(name)).issuer_name(named(issuer)).public_key(key.public_key())
    )
    builder = builder.serial_number(x509.random_serial_number())
    builder = builder.not_valid_before(now - timedelta(1)).not_valid_after(now + timedelta(1))
    builder = builder.add_extension(x509.BasicConstraints(ca=hosts is None, path_length=None), critical=True)
    if hosts is not None:
        builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(host) for host in hosts]), False)
    return builder.sign(issuer_key, SHA256())


@dataclass
class Service:
    """The server: `answers` by target (path and query), each a list to be used up; `asked` is what came in."""

    port: int
    authority: bytes
    answers: dict[str, list[Answer | Callable[[BaseHTTPRequestHandler], None]]] = field(default_factory=dict)
    asked: list[tuple[str, str]] = field(default_factory=list)
    slept: list[float] = field(default_factory=list)

    def say(self, target: str, *answers: Answer | Callable[[BaseHTTPRequestHandler], None]) -> None:
        self.answers.setdefault(target, []).extend(answers)

    def ok(self, target: str, body: bytes, **headers: str) -> None:
        self.say(target, (200, {name.replace("_", "-"): value for name, value in headers.items()}, body))

    def client(self, **changes: object) -> Client:
        context = ssl.create_default_context(cadata=self.authority.decode())
        fields: dict[str, object] = {"hosts": HOSTS, "context": context, "sleep": self.slept.append, "dial": self.dial}
        return Client(**(fields | changes))  # type: ignore[arg-type]

    def dial(self, address: tuple[str, int], timeout: float) -> socket.socket:
        """Every name leads here; the certificate still has to prove it."""
        assert address[1] == 443
        return socket.create_connection(("127.0.0.1", self.port), timeout)


def _handler(service: Service) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            service.asked.append((self.headers["Host"], self.path))
            waiting = service.answers.get(self.path)
            answer = waiting.pop(0) if waiting else (404, {}, b"")
            if callable(answer):
                answer(self)
                return
            status, headers, body = answer
            self.send_response(status)
            for name, value in ({"Content-Length": str(len(body))} | headers).items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    return Handler


def serve(tmp_path: Path, hosts: list[str]) -> Iterator[Service]:
    ca_key, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    authority = _certificate("Test CA", ca_key, "Test CA", ca_key)
    leaf = _certificate("service", key, "Test CA", ca_key, hosts=hosts)
    pem = leaf.public_bytes(Encoding.PEM) + key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (tmp_path / "server.pem").write_bytes(pem)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "server.pem")
    service = Service(0, authority.public_bytes(Encoding.PEM))
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(service))
    server.daemon_threads = True
    server.handle_error = lambda *_: None  # type: ignore[method-assign] # clients that hang up are the subject of tests
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    service.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    yield service
    server.shutdown()
    server.server_close()


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    yield from serve(tmp_path, sorted(HOSTS))
