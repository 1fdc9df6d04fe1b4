"""The enclave's client against real TLS servers: the wrong one learns nothing, and failures keep their kind."""

from __future__ import annotations

import json
import socket
import ssl
import threading
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from confide.enclave.broker_client import BrokerClient, check_peer
from confide.errors import Misuse, Refused, Unavailable
from confide.ids import sha256_of

JOB = sha256_of(b"job")
CHALLENGE = json.dumps({"nonce": "bm9uY2U=", "expires_at": "2026-01-01T00:00:00Z"})


def certificate(folder, key):
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "broker")])
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(1).not_valid_before(now).not_valid_after(now + timedelta(days=1))
    signed = builder.sign(key, None if isinstance(key, Ed25519PrivateKey) else SHA256())
    path = folder / "broker.pem"
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    path.write_bytes(private + signed.public_bytes(Encoding.PEM))
    return path


class Server:
    """Answers one scripted body to every connection, and keeps what it was sent."""

    def __init__(self, folder, *, key=None, status=200, body=CHALLENGE, raw=None, maximum=None, hang=False):
        self.key = key or Ed25519PrivateKey.generate()
        self.received = b""
        self.raw = raw or f"HTTP/1.1 {status} X\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode()
        self.hang = hang
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(certificate(folder, self.key))
        if maximum:
            self.context.maximum_version = maximum
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"https://127.0.0.1:{self.listener.getsockname()[1]}"
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            try:
                plain, _ = self.listener.accept()
                with plain, self.context.wrap_socket(plain, server_side=True) as tls:
                    tls.settimeout(2)
                    while b"}" not in self.received and (piece := tls.recv(65536)):
                        self.received += piece
                    if self.hang:
                        threading.Event().wait(5)
                    tls.sendall(self.raw)
            except OSError:
                if self.listener.fileno() < 0:
                    return

    @property
    def broker_id(self):
        return sha256_of(self.key.public_key().public_bytes_raw())

    def client(self, **kwargs):
        return BrokerClient(self.url, kwargs.pop("broker_id", self.broker_id), **kwargs)


@pytest.fixture
def serve(tmp_path):
    servers = []

    def start(**kwargs):
        servers.append(Server(tmp_path, **kwargs))
        return servers[-1]

    yield start
    for server in servers:
        server.listener.close()


def failure(kind, call):
    with pytest.raises(kind) as caught:
        call()
    assert type(caught.value) is kind
    return caught.value.codes


def test_the_broker_with_the_right_identity_is_asked_and_answers(serve):
    server = serve()
    assert server.client().challenge(JOB).nonce == "bm9uY2U="
    assert JOB.encode() in server.received


def test_a_broker_with_another_identity_is_refused_and_is_sent_nothing(serve):
    server = serve()
    client = server.client(broker_id=sha256_of(b"another"))
    assert failure(Refused, lambda: client.challenge(JOB)) == ("broker.identity",)
    assert server.received == b""


def test_a_broker_whose_certificate_has_another_kind_of_key_is_refused(serve):
    server = serve(key=ec.generate_private_key(ec.SECP256R1()))
    client = BrokerClient(server.url, sha256_of(b"x"))
    assert failure(Refused, lambda: client.challenge(JOB)) == ("broker.identity",)
    assert server.received == b""


@pytest.mark.parametrize("der", [b"", b"\x30\x00", b"x" * 100])
def test_a_certificate_that_does_not_parse_is_refused(der):
    assert failure(Refused, lambda: check_peer(der, sha256_of(b""))) == ("broker.identity",)


def test_tls_1_2_is_not_spoken(serve):
    server = serve(maximum=ssl.TLSVersion.TLSv1_2)
    assert failure(Unavailable, lambda: server.client().challenge(JOB)) == ("broker.unreachable",)
    assert server.received == b""


def test_an_absent_broker_is_unavailable():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    client = BrokerClient(f"https://127.0.0.1:{port}", sha256_of(b""))
    assert failure(Unavailable, lambda: client.challenge(JOB)) == ("broker.unreachable",)


def test_a_broker_that_hangs_is_unavailable(serve):
    client = serve(hang=True).client(timeout=0.5)
    assert failure(Unavailable, lambda: client.challenge(JOB)) == ("broker.unreachable",)


def test_a_broker_that_hangs_up_is_unavailable(serve):
    client = serve(raw=b"HTTP/1.1 200 X\r\nContent-Length: 100\r\n\r\nhalf").client()
    assert failure(Unavailable, lambda: client.challenge(JOB)) == ("broker.unreachable",)


@pytest.mark.parametrize(
    ("status", "word", "kind"), [(403, "refused", Refused), (400, "misuse", Misuse), (503, "unavailable", Unavailable)]
)
def test_the_brokers_failure_keeps_its_kind_and_codes(serve, status, word, kind):
    client = serve(status=status, body=json.dumps({"error": word, "codes": ["snp.policy.debug", "b.c"]})).client()
    assert failure(kind, lambda: client.challenge(JOB)) == ("snp.policy.debug", "b.c")


@pytest.mark.parametrize(
    "body",
    [
        "",
        "<html>",
        "{}",
        '{"error": "refused", "codes": []}',
        '{"error": "granted", "codes": ["x"]}',
        '{"error": "refused", "codes": ["\\u001b[31m EVIL"]}',
        '{"error": "refused", "codes": ["x"], "more": 1}',
    ],
)
def test_a_failure_that_is_not_in_the_brokers_words_is_unavailable_never_refused(serve, body):
    client = serve(status=403, body=body).client()
    assert failure(Unavailable, lambda: client.challenge(JOB)) == ("broker.unreachable",)


@pytest.mark.parametrize("body", ["", "[]", '{"nonce": 1, "expires_at": ""}', CHALLENGE[:-1] + ', "more": 1}'])
def test_an_answer_of_another_shape_is_unavailable(serve, body):
    assert failure(Unavailable, lambda: serve(body=body).client().challenge(JOB)) == ("json.malformed",)


def test_an_endless_answer_is_bounded(serve, monkeypatch):
    monkeypatch.setattr("confide.enclave.broker_client.MAX_ANSWER", 50)
    body = CHALLENGE + " " * 1000
    assert failure(Unavailable, lambda: serve(body=body).client().challenge(JOB)) == ("broker.unreachable",)


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:1",
        "127.0.0.1:1",
        "https://",
        "https://h:99999",
        "https://h/path",
        "https://u@h:1",
        "https://[",
    ],
)
def test_an_address_that_is_none_is_misuse(url):
    assert failure(Misuse, lambda: BrokerClient(url, sha256_of(b""))) == ("broker.url",)
