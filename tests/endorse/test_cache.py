"""The cache gives back what was put, and nothing else that lies in its folder."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from confide.endorse import Cache, Response

NOW = datetime(2026, 11, 24, tzinfo=UTC)
URL = "https://kdsintf.amd.com/vcek/v1/Genoa/crl"
DAY = timedelta(days=1)


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    cache = Cache(tmp_path / "deep" / "cache")
    cache.put(URL, Response({"x": "y"}, b"list"), NOW)
    return cache


def entry(cache: Cache) -> Path:
    (found,) = cache.folder.iterdir()
    return found


def test_what_was_put_is_got(cache: Cache):
    assert cache.get(URL, DAY, NOW) == Response({"x": "y"}, b"list")
    assert cache.get(f"{URL}2", DAY, NOW) is None


def test_answer_lives_as_long_as_it_is_asked_for(cache: Cache):
    assert cache.get(URL, DAY, NOW + DAY) is not None
    assert cache.get(URL, DAY, NOW + DAY + timedelta(seconds=1)) is None


def test_answer_from_the_future_is_none(cache: Cache):
    assert cache.get(URL, DAY, NOW - timedelta(seconds=1)) is None


def test_folder_and_files_are_the_owners_own(cache: Cache):
    assert cache.folder.stat().st_mode & 0o777 == 0o700
    assert entry(cache).stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    "changes",
    [
        {"url": "https://example.com/"}, {"body": "Zm9yZ2Vk"}, {"digest": "sha256:00"}, {"body": "not base64"},
        {"fetched_at": "yesterday"}, {"type": "other"}, {"headers": 7}, {"extra": 1},
    ],
)  # fmt: skip
def test_changed_file_is_as_if_it_were_not_there(cache: Cache, changes: dict[str, object]):
    entry(cache).write_text(json.dumps(json.loads(entry(cache).read_text()) | changes))
    assert cache.get(URL, DAY, NOW) is None


@pytest.mark.parametrize("content", [b"", b"{", b"\0" * 100, b"[" * 5000, b"x" * (3 << 20)])
def test_garbage_is_as_if_it_were_not_there(cache: Cache, content: bytes):
    entry(cache).write_bytes(content)
    assert cache.get(URL, DAY, NOW) is None


def test_folder_that_is_not_there_holds_nothing(tmp_path: Path):
    assert Cache(tmp_path / "none").get(URL, DAY, NOW) is None
    assert not (tmp_path / "none").exists()
