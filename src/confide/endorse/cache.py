"""Answers kept in a folder, one file for each URL. A file is read as a stranger's: what does not fit is as if it were
not there. It saves questions, not trust: verification judges what comes from here like all else.
"""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta
from pathlib import Path
from typing import Literal

import msgspec

from confide.clock import from_rfc3339, to_rfc3339
from confide.endorse.client import MAX_BYTES, Response
from confide.errors import Misuse
from confide.ids import from_base64, sha256_of, to_base64
from confide.sealed.files import whole_file
from confide.strictjson import load_as

_MAX_FILE = 2 * MAX_BYTES


class _Entry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    url: str
    fetched_at: str
    headers: dict[str, str]
    body: str
    digest: str
    type: Literal["confide-endorsement/1"] = "confide-endorsement/1"


class Cache:
    """A folder of answers; it is made when the first is kept."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def get(self, url: str, lifetime: timedelta, now: datetime) -> Response | None:
        """The answer to this URL that is not older than its lifetime, nor from the future; None where there is none."""
        try:
            with self._file(url).open("rb") as file:
                data = file.read(_MAX_FILE + 1)
            entry = load_as(_Entry, data, "kept answer", _MAX_FILE)
            body, age = from_base64(entry.body), now - from_rfc3339(entry.fetched_at)
        except (OSError, Misuse):
            return None
        fits = entry.url == url and entry.digest == sha256_of(body) and timedelta() <= age <= lifetime
        return Response(entry.headers, body) if fits else None

    def put(self, url: str, response: Response, now: datetime) -> None:
        """Keeps an answer, in the place of an older one. Raises OSError where the folder cannot be written."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        body = response.body
        entry = _Entry(url, to_rfc3339(now), dict(response.headers), to_base64(body), sha256_of(body))
        with whole_file(self._file(url)) as sink:
            sink.write(msgspec.json.encode(entry))

    def _file(self, url: str) -> Path:
        return self.folder / f"{hashlib.sha256(url.encode()).hexdigest()}.json"
