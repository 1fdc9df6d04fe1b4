"""Fetches what evidence needs to be verified: asks its vendor's service, or the cache."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from confide.endorse.amd import amd_requests
from confide.endorse.cache import Cache
from confide.endorse.client import Client, NotThereError
from confide.endorse.intel import intel_requests
from confide.endorse.nvidia import nvidia_requests
from confide.endorse.request import Item, Request
from confide.errors import Misuse, Unavailable
from confide.evidence.bundle import EvidenceBundle
from confide.evidence.hcl import parse_hcl_report
from confide.evidence.intel_quote import SGX, TDX, parse_quote
from confide.evidence.nvidia import parse_report as parse_nvidia
from confide.evidence.snp import parse_report

Asked = tuple[list[Sequence[Request]], list[str]]


@dataclass(frozen=True, slots=True)
class Fetched:
    """The endorsements, the URLs that were really asked (the others were in the cache), and what cannot be fetched."""

    items: tuple[Item, ...]
    asked: tuple[str, ...]
    notes: tuple[str, ...]


def fetch_endorsements(bundle: EvidenceBundle, client: Client, *, now: datetime, cache: Cache | None = None) -> Fetched:
    """What the evidence and its devices need. Raises Misuse for a format that has no such service, Refused for evidence
    that does not parse, Unavailable where a service does not answer as it should.
    """
    items: dict[str, Item] = {}
    asked: list[str] = []
    notes: list[str] = []
    for piece in (bundle, *bundle.devices):
        requests, missing = requests_for(piece)
        notes += missing
        for alternatives in requests:
            for item in _first(alternatives, client, cache, now, asked):
                items[_free_name(item, items)] = item
    return Fetched(tuple(Item(name, item.data) for name, item in items.items()), tuple(asked), tuple(notes))


def requests_for(bundle: EvidenceBundle) -> Asked:
    """What to ask for one piece of evidence, by its format."""
    make = _SERVICES.get(bundle.format)
    if make is None:
        raise Misuse.because(
            "endorse.format",
            got=f"evidence of the format {bundle.format[:40]}",
            wanted=f"one of {', '.join(sorted(_SERVICES))}",
            remedy="Evidence of other formats brings its certificates along, or needs keys that you give.",
        )
    return make(bundle)


def _azure_tdx(bundle: EvidenceBundle) -> Asked:
    quote = bundle.part("td_quote")
    if quote is None:
        raise Misuse.because(
            "endorse.format",
            got="evidence without its part td_quote",
            wanted="the quote of the hardware, which names the platform",
            remedy="Give it with --part td_quote=FILE.",
        )
    return intel_requests(parse_quote(quote, TDX))


_SERVICES: dict[str, Callable[[EvidenceBundle], Asked]] = {
    "sev-snp": lambda bundle: amd_requests(parse_report(bundle.evidence_bytes())),
    "azure-snp-vtpm": lambda bundle: amd_requests(parse_report(parse_hcl_report(bundle.evidence_bytes()).hardware)),
    "tdx": lambda bundle: intel_requests(parse_quote(bundle.evidence_bytes(), TDX)),
    "sgx": lambda bundle: intel_requests(parse_quote(bundle.evidence_bytes(), SGX)),
    "azure-tdx-vtpm": _azure_tdx,
    "nvidia": lambda bundle: nvidia_requests(parse_nvidia(bundle.evidence_bytes())),
}


def _first(
    alternatives: Sequence[Request], client: Client, cache: Cache | None, now: datetime, asked: list[str]
) -> Iterable[Item]:
    """The items of the first alternative that the service knows; there is at least one."""
    for request in alternatives[:-1]:
        with contextlib.suppress(NotThereError):
            return _fetch(request, client, cache, now, asked)
    return _fetch(alternatives[-1], client, cache, now, asked)


def _fetch(request: Request, client: Client, cache: Cache | None, now: datetime, asked: list[str]) -> tuple[Item, ...]:
    kept = cache.get(request.url, request.lifetime, now) if cache else None
    if kept is not None:
        with contextlib.suppress(Unavailable):  # a kept answer of another shape is as if it were not there
            return request.items(kept)
    asked.append(request.url)
    response = client.get(request.url)
    items = request.items(response)
    if cache:
        cache.put(request.url, response, now)
    return items


def _free_name(item: Item, taken: dict[str, Item]) -> str:
    """The item's file name, with a number before it where another content has it."""
    name, number = item.name, 2
    while name in taken and taken[name].data != item.data:
        name, number = f"{number}-{item.name}", number + 1
    return name
