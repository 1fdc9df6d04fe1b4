"""The database: transactions that are whole, errors that are Unavailable."""

from __future__ import annotations

import sqlite3
import threading

import pytest

from confide.broker import Database
from confide.errors import Unavailable


@pytest.fixture
def database(tmp_path):
    return Database.create(tmp_path / "confide.db")


def kinds(database):
    with database.read() as reader:
        return [row.kind for row in reader.audit_rows()]


def append(database, kind):
    with database.write() as writer:
        writer.append_audit(kind, {}, "2026-01-01T00:00:00Z")


def test_file_is_for_its_owner_only_and_in_the_durable_mode(database, tmp_path):
    append(database, "x")
    for path in tmp_path.iterdir():
        assert path.stat().st_mode & 0o777 == 0o600, path
    with database.read() as reader:
        pragma = reader._connection.execute
        assert pragma("PRAGMA journal_mode").fetchone() == ("wal",)
        assert pragma("PRAGMA synchronous").fetchone() == (2,)
        assert pragma("PRAGMA foreign_keys").fetchone() == (1,)


def test_failed_block_leaves_nothing(database):
    def fail():
        with database.write() as writer:
            writer.append_audit("x", {}, "2026-01-01T00:00:00Z")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    append(database, "y")
    assert kinds(database) == ["y"]


def test_reader_sees_one_state(database):
    append(database, "before")
    with database.read() as reader:
        assert reader.last_audit_row().kind == "before"
        append(database, "meanwhile")
        assert reader.last_audit_row().kind == "before"
    assert kinds(database) == ["before", "meanwhile"]


def test_writers_from_many_threads_lose_nothing(database):
    threads = [threading.Thread(target=append, args=(database, str(n))) for n in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(kinds(database), key=int) == [str(n) for n in range(50)]


def test_absent_file_is_unavailable(tmp_path):
    with pytest.raises(Unavailable) as failure:
        Database.open(tmp_path / "none.db")
    assert failure.value.codes == ("database.missing",)
    assert not (tmp_path / "none.db").exists()


def test_file_that_is_no_database_is_unavailable(tmp_path):
    (tmp_path / "x.db").write_bytes(b"no database at all" * 100)
    with pytest.raises(Unavailable) as failure:
        Database.open(tmp_path / "x.db")
    assert failure.value.codes == ("database.failed",)


def test_database_of_another_version_is_unavailable(database, tmp_path):
    database.close()
    with sqlite3.connect(tmp_path / "confide.db") as connection:
        connection.execute("UPDATE schema_version SET version = 99")
    with pytest.raises(Unavailable) as failure:
        Database.open(tmp_path / "confide.db")
    assert failure.value.codes == ("database.version",)


def test_full_disk_is_unavailable_and_loses_nothing(database, tmp_path):
    append(database, "before")
    with database.read() as reader:
        reader._connection.execute("PRAGMA max_page_count = 1")
    with pytest.raises(Unavailable) as failure, database.write() as writer:
        writer.append_audit("x", {"text": "x" * 1_000_000}, "2026-01-01T00:00:00Z")
    assert failure.value.findings[0].got == "SQLITE_FULL"
    assert kinds(Database.open(tmp_path / "confide.db")) == ["before"]
