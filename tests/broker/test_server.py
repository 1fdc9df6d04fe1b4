"""The broker as a process with TLS, asked by the enclave's own client and by rude strangers."""

from __future__ import annotations

import contextlib
import http.client
import json
import signal
import socket
import ssl
import subprocess
from pathlib import Path
from urllib.parse import urlsplit

import msgspec
import pytest

from confide.enclave.broker_client import BrokerClient
from confide.errors import Misuse, Refused, Unavailable
from confide.ids import sha256_of


@pytest.fixture(scope="module")
def served_lab(lab_template, tmp_path_factory):
    """One process for the tests of this file; each makes its own job."""
    folder = tmp_path_factory.mktemp("served")
    lab = lab_template.copy(folder / "lab")
    with (folder / "stderr").open("wb") as stderr, lab.serve(stderr=stderr) as served:
        yield lab, served, folder / "stderr"


@pytest.fixture
def lab(served_lab):
    return served_lab[0]


@pytest.fixture
def served(served_lab):
    return served_lab[1]


@pytest.fixture
def client(served):
    return BrokerClient(served.url, served.broker_id)


def connect(served, **limits):
    """A TLS connection without any pin, as a stranger makes it."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    for name, value in limits.items():
        setattr(context, name, value)
    parts = urlsplit(served.url)
    plain = socket.create_connection((parts.hostname, parts.port), timeout=20)
    return context.wrap_socket(plain)


def everything(stranger):
    """What the server sends until it closes the connection."""
    received = b""
    with contextlib.suppress(OSError):
        while data := stranger.recv(4096):
            received += data
    return received


def http_request(served, method, path, body=b"", headers=None):
    """(status, headers, document) of one request."""
    connection = http.client.HTTPConnection("broker")
    connection.sock = connect(served)
    connection.request(method, path, body, headers or {})
    answer = connection.getresponse()
    document = json.loads(answer.read())
    connection.close()
    return answer.status, dict(answer.getheaders()), document


def honest(lab, client, served, job):
    challenge = client.challenge(job.job_id)
    return lab.enclave().request(served.broker_id, job.job_id, challenge.nonce)


def test_honest_enclave_gets_its_key_over_tls(lab, client, served):
    job = lab.job()
    answer = client.release(honest(lab, client, served, job))
    assert answer.job == job
    assert len(answer.keys) == 1


def test_connection_is_kept_for_challenge_and_release(lab, served):
    job = lab.job()
    connection = http.client.HTTPConnection("broker")
    connection.sock = connect(served)
    connection.request("POST", "/v1/challenge", json.dumps({"job": job.job_id}))
    nonce = json.loads(connection.getresponse().read())["nonce"]
    request = lab.enclave().request(served.broker_id, job.job_id, nonce)
    connection.request("POST", "/v1/release", msgspec.json.encode(request))
    assert connection.getresponse().status == 200


def test_refusal_tells_the_caller_codes_only_and_the_owner_everything(lab, client, served):
    job = lab.job()
    challenge = client.challenge(job.job_id)
    request = lab.enclave().request(served.broker_id, job.job_id, challenge.nonce, vmpl=3)
    status, _, document = http_request(served, "POST", "/v1/release", msgspec.json.encode(request))
    assert (status, document) == (403, {"error": "refused", "codes": ["snp.vmpl"]})
    with lab.broker.database.read() as reader:
        finding = reader.last_audit_row().body["findings"][0]
    assert (finding["code"], finding["got"], finding["wanted"]) == ("snp.vmpl", "3", "0")


def test_unknown_job_is_refused_over_http(client):
    with pytest.raises(Refused) as failure:
        client.challenge(sha256_of(b"no job"))
    assert failure.value.codes == ("job.unknown",)


def test_client_that_pins_another_broker_sends_nothing(lab, served):
    stranger = BrokerClient(served.url, sha256_of(b"another broker"))
    with pytest.raises(Refused) as failure:
        stranger.challenge(lab.job().job_id)
    assert failure.value.codes == ("broker.identity",)


def test_tls_below_1_3_is_refused(served):
    with pytest.raises(ssl.SSLError):
        connect(served, maximum_version=ssl.TLSVersion.TLSv1_2)
    with connect(served) as twin:
        assert twin.version() == "TLSv1.3"


def test_plain_http_gets_no_answer(served):
    parts = urlsplit(served.url)
    with socket.create_connection((parts.hostname, parts.port), timeout=20) as plain:
        plain.sendall(b"GET /v1/health HTTP/1.1\r\nHost: x\r\n\r\n")
        with contextlib.suppress(ConnectionResetError):
            assert plain.recv(1024)[:4] != b"HTTP"


def test_health_names_the_broker_and_no_server_software(served):
    status, headers, document = http_request(served, "GET", "/v1/health")
    assert (status, document) == (200, {"status": "serving", "broker": served.broker_id})
    assert "server" not in {name.lower() for name in headers}


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/v1/release", 405, "request.method"),
        ("POST", "/v1/health", 405, "request.method"),
        ("GET", "/", 404, "request.path"),
        ("POST", "/v1/../release", 404, "request.path"),
    ],
)
def test_what_is_not_served_is_misuse(served, method, path, status, code):
    assert http_request(served, method, path)[::2] == (status, {"error": "misuse", "codes": [code]})


BAD_BODIES = {
    "empty": b"",
    "no json": b"{",
    "another type": b"[]",
    "missing fields": b"{}",
    "duplicate keys": b'{"job":"a","job":"b"}',
    "an unknown field": b'{"job":"sha256:00","extra":1}',
    "deep nesting": b"[" * 500 + b"]" * 500,
    "not UTF-8": b'{"job":"\xff"}',
    "half a surrogate pair": b'{"job":"\\ud800"}',
    "a number": b'{"job":NaN}',
}


@pytest.mark.parametrize("body", BAD_BODIES.values(), ids=BAD_BODIES)
@pytest.mark.parametrize("path", ["/v1/challenge", "/v1/release"])
def test_bad_body_is_misuse(served, path, body):
    assert http_request(served, "POST", path, body)[::2] == (400, {"error": "misuse", "codes": ["json.malformed"]})


@pytest.mark.parametrize("field", ["nonce", "hpke_key", "signing_key", "job"])
def test_every_field_of_a_release_is_checked_over_http(lab, client, served, field):
    request = msgspec.structs.replace(honest(lab, client, served, lab.job()), **{field: "\u00e9" * 44})
    with pytest.raises(Misuse):
        client.release(request)


def test_evidence_of_an_unknown_format_is_refused(lab, client, served):
    request = honest(lab, client, served, lab.job())
    evidence = msgspec.structs.replace(request.evidence, format="x" * 2000)
    with pytest.raises(Refused):
        client.release(msgspec.structs.replace(request, evidence=evidence))


def test_body_of_64_kib_is_read(served):
    assert http_request(served, "POST", "/v1/release", b" " * (64 << 10))[2]["codes"] == ["json.malformed"]


@pytest.mark.parametrize("length", [(64 << 10) + 1, 10**11])
def test_body_declared_as_longer_is_refused_before_any_of_it_is_sent(served, length):
    with connect(served) as stranger:
        stranger.sendall(b"POST /v1/release HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % length)
        assert b'"request.too_large"' in everything(stranger)


@pytest.mark.parametrize("length", [b"-1", b"9" * 30, b"x", b"1, 2"])
def test_length_that_is_none_is_refused(served, length):
    with connect(served) as stranger:
        stranger.sendall(b"POST /v1/release HTTP/1.1\r\nHost: x\r\nContent-Length: " + length + b"\r\n\r\n")
        assert everything(stranger).startswith(b"HTTP/1.1 400 ")


def test_endless_chunked_body_is_cut_off(served):
    with connect(served) as stranger:
        stranger.sendall(b"POST /v1/release HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
        chunk = b"1000\r\n" + b"x" * 4096 + b"\r\n"
        for _ in range(17):
            stranger.sendall(chunk)
        assert b'"request.too_large"' in everything(stranger)


def test_endless_headers_are_cut_off(served):
    with connect(served) as stranger, pytest.raises((ssl.SSLError, ConnectionError)):
        stranger.sendall(b"POST /v1/release HTTP/1.1\r\n" + (b"x: " + b"y" * 1000 + b"\r\n") * 20_000)
    assert http_request(served, "GET", "/v1/health")[0] == 200


def test_stranger_who_sends_half_a_request_does_not_stop_the_others(lab, client, served):
    strangers = [connect(served) for _ in range(20)]
    for stranger in strangers:
        stranger.sendall(b"POST /v1/release HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{")
    assert client.release(honest(lab, client, served, lab.job()))
    for stranger in strangers:
        stranger.close()


def test_busy_database_is_unavailable_and_never_a_verdict(lab, client, served):
    """Another process holds the write lock for longer than the broker waits."""
    import sqlite3

    job = lab.job()
    request = honest(lab, client, served, job)
    connection = sqlite3.connect(lab.home.folder.database_file, isolation_level=None)
    connection.execute("BEGIN IMMEDIATE")
    with pytest.raises(Unavailable) as failure:
        client.release(request)
    connection.execute("ROLLBACK")
    connection.close()
    assert failure.value.codes == ("database.failed",)
    assert client.release(request).job == job


def test_log_of_the_process_holds_no_request_and_no_refusal(lab, client, served, served_lab):
    with pytest.raises(Refused):
        client.challenge(sha256_of(b"no job"))
    job = lab.job()
    client.release(honest(lab, client, served, job))
    first, *others = served_lab[2].read_text().splitlines()
    assert first == f"Broker {served.broker_id} serves at {served.url}"
    assert set(others) <= {"Invalid HTTP request received."}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_broker_ends_cleanly_when_it_is_asked(lab_template, tmp_path, number):
    lab = lab_template.copy(tmp_path / "lab")
    with lab.serve(stderr=subprocess.DEVNULL) as served:
        assert BrokerClient(served.url, served.broker_id).challenge(lab.job().job_id)
        lab.home.database.close()
        served.process.send_signal(number)
        assert served.process.wait(timeout=20) == 0
    assert not lab.home.folder.database_file.with_name("confide.db-wal").exists()


def test_ready_line_is_the_only_document(lab_template, tmp_path):
    lab = lab_template.copy(tmp_path / "lab")
    with lab.serve(stderr=subprocess.DEVNULL) as served:
        served.process.terminate()
        assert served.process.stdout.read() == b""


def test_production_broker_does_not_start_under_a_simulation_policy(lab_template, tmp_path):
    lab = lab_template.copy(tmp_path / "lab")
    with pytest.raises(ValueError, match=r"policy\.kind"), lab.serve("--production"):
        pass


def test_environment_and_arguments_of_the_broker_hold_no_passphrase(lab, served):
    from confide.testing.lab import PASSPHRASE

    for name in ("environ", "cmdline"):
        with contextlib.suppress(PermissionError):  # unless they are nobody's to read
            assert PASSPHRASE not in Path(f"/proc/{served.process.pid}/{name}").read_bytes()


def test_broker_leaves_no_core_dump(served):
    process = Path(f"/proc/{served.process.pid}")
    limits = [line.split() for line in (process / "limits").read_text().splitlines()]
    assert ["Max", "core", "file", "size", "0", "0", "bytes"] in limits
    assert "NoNewPrivs:\t1" in (process / "status").read_text()


def test_port_that_is_taken_is_said_in_one_sentence(lab_template, served, tmp_path):
    lab = lab_template.copy(tmp_path / "lab")
    port = str(urlsplit(served.url).port)
    with pytest.raises(ValueError, match=r"broker\.address"), lab.serve("--port", port):
        pass
