"""The broker as a process: uvicorn with TLS 1.3 under the broker's own key."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Callable
from types import FrameType

import uvicorn

from confide.broker.app import make_app
from confide.broker.core import Broker
from confide.clock import Clock, system_clock
from confide.errors import Misuse

# More requests at once than this are told to come again: each may hold a body and a thread.
MAX_CONCURRENCY = 256
IDLE_SECONDS = 15


def listen(host: str, port: int) -> socket.socket:
    """A listening socket; port 0 takes any free port. Raises Misuse for an address that cannot be had."""
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        listener = socket.create_server((host, port), family=family, backlog=MAX_CONCURRENCY)
    except (OSError, OverflowError, UnicodeError) as error:
        raise Misuse.because(
            "broker.address",
            got=f"{host[:80]}, port {port}: {getattr(error, 'strerror', None) or 'no such address'}",
            wanted="an address of this machine and a port that is free",
            remedy="Choose another --host or --port; --port 0 takes any free port.",
        ) from None
    # Connections inherit it. asyncio would set it only on sockets that name their protocol, which these do
    # not; without it every answer waits 40 ms for the peer's delayed acknowledgement.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


class _Server(uvicorn.Server):
    """Says when it is ready, and ends by a signal as a server does that was asked to end: with success."""

    def __init__(self, config: uvicorn.Config, on_ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_ready = on_ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._on_ready()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        del sig, frame
        self.should_exit = True


def make_server(
    broker: Broker, certificate: bytes, *, on_ready: Callable[[], None], clock: Clock = system_clock
) -> uvicorn.Server:
    """The server, to be run on a listening socket. `certificate` is the identity's, in PEM."""
    config = uvicorn.Config(
        make_app(broker, clock),
        loop="asyncio",
        http="h11",
        ws="none",
        lifespan="off",
        interface="asgi3",
        access_log=False,
        server_header=False,
        log_config=None,
        log_level=logging.WARNING,
        limit_concurrency=MAX_CONCURRENCY,
        timeout_keep_alive=IDLE_SECONDS,
        timeout_graceful_shutdown=IDLE_SECONDS,
        h11_max_incomplete_event_size=16 << 10,
    )
    config.load()
    config.ssl = broker.identity.tls_context(certificate)  # uvicorn itself would want the key in a file
    return _Server(config, on_ready)


def serve(
    broker: Broker,
    listener: socket.socket,
    certificate: bytes,
    *,
    on_ready: Callable[[], None],
    clock: Clock = system_clock,
) -> None:
    """Serves until SIGTERM or SIGINT, lets running requests end, and closes the database."""
    server = make_server(broker, certificate, on_ready=on_ready, clock=clock)
    try:
        asyncio.run(server.serve(sockets=[listener]))
    finally:
        listener.close()
        broker.database.close()
