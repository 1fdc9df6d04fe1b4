"""`confide broker serve`: challenges and key releases for attested enclaves."""

from __future__ import annotations

import argparse
import json
import socket
import sys

from confide.cli.framework import Reply
from confide.cli.home_argument import add_home_argument
from confide.cli.passphrase import add_passphrase_arguments, read_passphrase
from confide.secrets import wiped_after

DESCRIPTION = """Serves challenges and key releases over TLS 1.3, until SIGTERM or Ctrl-C.

Enclaves pin the broker by its id. It says on standard error when it is ready. With --json it prints its
one document {"url", "broker_id", "certificate"} at that moment already, and then serves.

example: confide broker serve --home lab --port 8443"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Adds the command's arguments."""
    add_home_argument(parser)
    parser.add_argument("--host", default="127.0.0.1", help="the address to listen on (default: %(default)s)")
    parser.add_argument("--port", type=int, default=8443, help="the port; 0 takes any free one (default: %(default)s)")
    parser.add_argument("--production", action="store_true", help="refuse policies that accept simulated evidence")
    add_passphrase_arguments(parser)


def run(args: argparse.Namespace) -> Reply:
    """Serves until it is asked to end."""
    from confide.broker.policies import check_all_production  # noqa: PLC0415 - --help stays quick
    from confide.broker.server import listen, serve  # noqa: PLC0415 - the same
    from confide.enclave.hardening import forbid_inspection  # noqa: PLC0415 - the same
    from confide.owner.home import OwnerHome  # noqa: PLC0415 - the same

    forbid_inspection()  # from here on it holds the owner's keys
    with wiped_after(read_passphrase(args, "Passphrase of the home")) as passphrase:
        home = OwnerHome.open(args.home, passphrase)
    broker = home.broker(production=args.production)
    if args.production:
        check_all_production(broker.database, broker.identity.public_key)
    with listen(args.host, args.port) as listener:
        facts = {
            "url": _url(listener),
            "broker_id": home.identity.broker_id,
            "certificate": str(home.folder.certificate_file),
        }
        serve(broker, listener, home.folder.certificate_file.read_bytes(), on_ready=lambda: _announce(facts, args.json))
    return Reply(None, "The broker has ended.")


def _url(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"https://[{host}]:{port}" if ":" in host else f"https://{host}:{port}"


def _announce(facts: dict[str, str], as_json: bool) -> None:
    if as_json:
        print(json.dumps(facts), flush=True)
    print(f"Broker {facts['broker_id']} serves at {facts['url']}", file=sys.stderr, flush=True)
