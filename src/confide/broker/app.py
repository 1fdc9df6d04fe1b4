"""The broker over HTTP: parse, call, answer. A failure is `{"error": kind, "codes": [...]}`: codes only,
because a refusal with details is an oracle (red-team row 23). The owner reads them in the audit log.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any, TypeVar

import msgspec
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from confide.broker.challenge import issue_challenge
from confide.broker.core import Broker
from confide.broker.release import release
from confide.clock import Clock, system_clock
from confide.errors import ConfideError, Misuse, Unavailable
from confide.protocol import Challenge, ChallengeRequest, Release, ReleaseRequest
from confide.strictjson import load_as

MAX_CHALLENGE_BYTES = 1 << 10
MAX_RELEASE_BYTES = 64 << 10
BODY_SECONDS = 10.0

Kind = TypeVar("Kind", ChallengeRequest, ReleaseRequest)
Work = Callable[[Kind, datetime], msgspec.Struct]

_log = logging.getLogger("confide.broker")


def make_app(broker: Broker, clock: Clock = system_clock) -> Starlette:
    """The application. `clock` is read once for each request."""

    def challenge(request: ChallengeRequest, now: datetime) -> Challenge:
        return issue_challenge(broker, request.job, now=now)

    def release_keys(request: ReleaseRequest, now: datetime) -> Release:
        return release(broker, request, now=now)

    routes = [
        Route("/v1/challenge", _endpoint(ChallengeRequest, MAX_CHALLENGE_BYTES, challenge, clock), methods=["POST"]),
        Route("/v1/release", _endpoint(ReleaseRequest, MAX_RELEASE_BYTES, release_keys, clock), methods=["POST"]),
        Route("/v1/health", _health(broker), methods=["GET"]),
    ]
    handlers: dict[Any, Any] = {ConfideError: _failed, HTTPException: _not_served, Exception: _crashed}
    return Starlette(routes=routes, exception_handlers=handlers)


def _endpoint(
    kind: type[Kind], max_bytes: int, work: Work[Kind], clock: Clock
) -> Callable[[Request], Awaitable[Response]]:
    """The body is read on the event loop, within bounds; everything else runs in a thread."""

    def answer(body: bytes) -> Response:
        message = load_as(kind, body, "message", max_bytes)
        return _json(work(message, clock()))

    async def endpoint(request: Request) -> Response:
        return await run_in_threadpool(answer, await _read_body(request, max_bytes))

    return endpoint


def _health(broker: Broker) -> Callable[[Request], Awaitable[Response]]:
    def answer() -> Response:
        with broker.database.read() as reader:
            reader.policy_names()
        return _json({"status": "serving", "broker": broker.identity.broker_id})

    async def endpoint(_: Request) -> Response:
        return await run_in_threadpool(answer)

    return endpoint


async def _read_body(request: Request, max_bytes: int) -> bytes:
    """The body, of which never more than `max_bytes` are held. Raises Misuse."""
    declared = request.headers.get("content-length", "0")
    if int(declared) > max_bytes:  # h11 lets nothing but digits through, and at most 20
        raise _too_large(max_bytes)
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_SECONDS):
            async for chunk in request.stream():
                body += chunk
                if len(body) > max_bytes:
                    raise _too_large(max_bytes)
    except (TimeoutError, ClientDisconnect):
        raise Misuse.because(
            "request.incomplete", got="half a body", wanted="all of it", remedy="Send the request again."
        ) from None
    return bytes(body)


def _too_large(max_bytes: int) -> Misuse:
    return Misuse.because(
        "request.too_large",
        got="a longer body",
        wanted=f"at most {max_bytes} bytes",
        remedy="Send the evidence with its own endorsements only.",
    )


def _json(value: object, status: int = 200) -> Response:
    return Response(
        msgspec.json.encode(value), status, media_type="application/json", headers={"cache-control": "no-store"}
    )


def _error(kind: str, codes: tuple[str, ...], status: int) -> Response:
    response = _json({"error": kind, "codes": list(dict.fromkeys(codes))}, status)
    if kind == Misuse.kind:  # the rest of such a request may still be on its way, and is not waited for
        response.headers["connection"] = "close"
    return response


async def _failed(_: Request, failure: ConfideError) -> Response:
    return _error(failure.kind, failure.codes, failure.http_status)


async def _not_served(_: Request, error: HTTPException) -> Response:
    return _error(Misuse.kind, ("request.path" if error.status_code == 404 else "request.method",), error.status_code)  # noqa: PLR2004


async def _crashed(_: Request, error: Exception) -> Response:
    """A mistake of ours: no release, and nothing of the error's text, which may hold anything, in the log."""
    trace = error.__traceback__
    while trace and trace.tb_next:
        trace = trace.tb_next
    where = f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}" if trace else "an unknown place"
    _log.error("%s at %s", type(error).__name__, where)
    return _error(Unavailable.kind, ("broker.internal",), Unavailable.http_status)
