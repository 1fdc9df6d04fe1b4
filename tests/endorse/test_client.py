"""The client gets from allowed hosts alone, over https, and never waits, follows or reads without an end."""

from __future__ import annotations

import ssl
import time
from datetime import UTC, datetime
from email.utils import format_datetime

import pytest

from confide.endorse import HOSTS, Client
from confide.endorse import client as client_module
from confide.endorse.client import MAX_BYTES, NotThereError
from confide.errors import Misuse, Unavailable

from .conftest import Service, serve

AMD = "https://kdsintf.amd.com"


def code_of(client: Client, url: str) -> str:
    with pytest.raises(Unavailable) as caught:
        client.get(url)
    (code,) = caught.value.codes
    return code


def test_answer_of_an_allowed_host_is_got(service: Service):
    service.ok("/vcek/v1/Genoa/crl?a=1", b"list", X_Name="value")
    response = service.client().get(f"{AMD}/vcek/v1/Genoa/crl?a=1")
    assert (response.body, response.headers["x-name"]) == (b"list", "value")
    assert service.asked == [("kdsintf.amd.com", "/vcek/v1/Genoa/crl?a=1")]


@pytest.mark.parametrize(
    "url",
    [
        "http://kdsintf.amd.com/x", "https://example.com/x", "https://kdsintf.amd.com.example.com/x",
        "https://kdsintf.amd.com:8443/x", "https://user@kdsintf.amd.com/x", "https://kdsintf.amd.com@example.com/x",
        "file:///etc/passwd", "https:///x", "", "https://KDSINTF.amd.com.",
    ],
)  # fmt: skip
def test_other_hosts_schemes_and_ports_are_never_dialled(service: Service, url: str):
    with pytest.raises(Misuse) as caught:
        service.client().get(url)
    assert caught.value.codes == ("endorse.url",)
    assert service.asked == []


@pytest.mark.parametrize("context", [ssl.create_default_context(), None])
def test_certificate_of_a_stranger_is_no_answer(service: Service, context: ssl.SSLContext | None):
    """Also with the client's own settings, which trust the machine's authorities."""
    service.ok("/x", b"forged")
    assert code_of(service.client(context=context), f"{AMD}/x") == "endorse.network"
    assert service.asked == []


def test_certificate_for_another_name_is_no_answer(tmp_path):
    for other in serve(tmp_path, ["rim.attestation.nvidia.com"]):
        other.ok("/x", b"forged")
        assert code_of(other.client(), f"{AMD}/x") == "endorse.network"
        assert other.asked == []


def test_redirect_to_an_allowed_host_is_followed(service: Service):
    service.say("/a", (302, {"Location": "https://api.trustedservices.intel.com/b"}, b""))
    service.ok("/b", b"there")
    assert service.client().get(f"{AMD}/a").body == b"there"
    assert service.asked[1] == ("api.trustedservices.intel.com", "/b")


@pytest.mark.parametrize(
    "location",
    ["https://example.com/b", "http://kdsintf.amd.com/b", "//example.com/b", "https://kdsintf.amd.com:99999/b",
     "https://[/b", "ftp://kdsintf.amd.com/b"],
)  # fmt: skip
def test_redirect_off_the_list_is_refused(service: Service, location: str):
    service.say("/a", (301, {"Location": location}, b""))
    service.ok("/b", b"stolen")
    assert code_of(service.client(), f"{AMD}/a") == "endorse.redirect"
    assert len(service.asked) == 1


def test_redirects_without_an_end_are_given_up(service: Service):
    service.say("/a", *[(307, {"Location": "/a"}, b"")] * 9)
    assert code_of(service.client(), f"{AMD}/a") == "endorse.redirect"
    assert len(service.asked) == 4


@pytest.mark.parametrize("status", [400, 404])
def test_what_is_not_there_is_told_apart(service: Service, status: int):
    service.say("/a", (status, {}, b""))
    with pytest.raises(NotThereError) as caught:
        service.client().get(f"{AMD}/a")
    assert caught.value.codes == ("endorse.status",)


@pytest.mark.parametrize("status", [201, 204, 403, 500, 502])
def test_other_statuses_are_unavailable(service: Service, status: int):
    service.say("/a", (status, {}, b""))
    assert code_of(service.client(), f"{AMD}/a") == "endorse.status"


@pytest.mark.parametrize("status", [429, 503])
def test_busy_service_is_asked_again_when_it_says(service: Service, status: int):
    service.say("/a", (status, {"Retry-After": "7"}, b""))
    service.ok("/a", b"now")
    assert service.client().get(f"{AMD}/a").body == b"now"
    assert service.slept == [7.0]


def test_retry_after_may_be_a_date(service: Service):
    now = datetime(2026, 11, 24, tzinfo=UTC)
    service.say("/a", (503, {"Retry-After": format_datetime(now.replace(second=9), usegmt=True)}, b""))
    service.ok("/a", b"now")
    assert service.client(clock=lambda: now).get(f"{AMD}/a").body == b"now"
    assert service.slept == [9.0]


@pytest.mark.parametrize("nonsense", ["soon", "-5", "1e9", "", "٣"])
def test_retry_after_that_is_none_waits_a_little(service: Service, nonsense: str):
    headers = {"Retry-After": nonsense} if nonsense.isascii() else {}
    service.say("/a", (503, headers, b""), (503, headers, b""))
    service.ok("/a", b"now")
    assert service.client().get(f"{AMD}/a").body == b"now"
    assert service.slept == [1.0, 2.0]


def test_service_that_asks_to_wait_for_hours_is_given_up(service: Service):
    service.say("/a", (429, {"Retry-After": "3600"}, b""))
    assert code_of(service.client(), f"{AMD}/a") == "endorse.busy"
    assert service.slept == []


def test_service_that_stays_busy_is_given_up(service: Service):
    service.say("/a", *[(429, {"Retry-After": "1"}, b"")] * 9)
    assert code_of(service.client(), f"{AMD}/a") == "endorse.busy"
    assert len(service.asked) == 3


def test_answer_without_an_end_is_cut(service: Service):
    def pour(handler) -> None:
        handler.send_response(200)
        handler.end_headers()
        for _ in range(64):
            handler.wfile.write(bytes(1 << 16))

    service.say("/a", pour)
    assert code_of(service.client(), f"{AMD}/a") == "endorse.size"


def test_answer_of_the_largest_size_is_taken(service: Service):
    service.ok("/a", bytes(MAX_BYTES))
    service.ok("/b", bytes(MAX_BYTES + 1))
    assert len(service.client().get(f"{AMD}/a").body) == MAX_BYTES
    assert code_of(service.client(), f"{AMD}/b") == "endorse.size"


def test_answer_that_drips_is_given_up(service: Service, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(client_module, "TOTAL", 0.5)

    def drip(handler) -> None:
        handler.send_response(200)
        handler.end_headers()
        for _ in range(100):
            handler.wfile.write(bytes(1 << 16)[:2000])
            handler.wfile.flush()
            time.sleep(0.1)

    service.say("/a", drip)
    begin = time.monotonic()
    assert code_of(service.client(), f"{AMD}/a") == "endorse.network"
    assert time.monotonic() - begin < 5


def test_silent_service_is_given_up(service: Service, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(client_module, "TIMEOUT", 0.3)
    service.say("/a", lambda _: time.sleep(2))
    begin = time.monotonic()
    assert code_of(service.client(), f"{AMD}/a") == "endorse.network"
    assert time.monotonic() - begin < 1.9


def test_answer_cut_in_the_middle_is_no_answer(service: Service):
    service.say("/a", (200, {"Content-Length": "100"}, b"short"))
    assert code_of(service.client(), f"{AMD}/a") == "endorse.network"


def test_nonsense_instead_of_http_is_no_answer(service: Service):
    service.say("/a", lambda handler: handler.wfile.write(b"\0\1\2 hello\r\n\r\n"))
    assert code_of(service.client(), f"{AMD}/a") == "endorse.network"


def test_unreachable_service_is_unavailable(service: Service):
    def refuse(*_: object):
        raise ConnectionRefusedError

    assert code_of(service.client(dial=refuse), f"{AMD}/a") == "endorse.network"


def test_only_hosts_of_vendors_are_on_the_list():
    assert all(host.endswith((".amd.com", ".intel.com", ".nvidia.com")) for host in HOSTS)
