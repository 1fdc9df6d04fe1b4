"""The owner's database in SQLite: every statement of SQL is in this module.

`Database.read` gives a consistent view, `Database.write` one transaction that is on the disk when the
block ends. Writing is possible only inside a transaction, because only it has the methods for it.
A failure of the database is Unavailable: we cannot tell, so nothing is released.
"""

from __future__ import annotations

import json
import os
import sqlite3
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from confide.broker.rows import AuditRow, KeyRelease, PolicyRevision, StoredChallenge, StoredObject, StoredPolicy
from confide.errors import Unavailable
from confide.ids import canonical_json
from confide.job import Job
from confide.sealed.manifest import Manifest

SCHEMA_VERSION = 1
BUSY_SECONDS = 5.0

# Rows that others rely on are never changed or removed. The triggers guard against our own mistakes;
# against somebody who edits the file, digests, signatures and the audit log's chain do.
_APPEND_ONLY = ("objects", "policies", "jobs", "releases", "audit")
_SCHEMA = """
CREATE TABLE schema_version (version INTEGER NOT NULL) STRICT;
CREATE TABLE objects (
  manifest_digest TEXT PRIMARY KEY, object_id TEXT NOT NULL UNIQUE, data_key_id TEXT NOT NULL UNIQUE,
  manifest TEXT NOT NULL, wrapped_key BLOB NOT NULL, custody TEXT NOT NULL, custody_key_id TEXT NOT NULL,
  location TEXT NOT NULL, registered_at TEXT NOT NULL
) STRICT;
CREATE TABLE policies (
  name TEXT NOT NULL, revision INTEGER NOT NULL CHECK (revision > 0), digest TEXT NOT NULL, previous TEXT NOT NULL,
  activated_at TEXT NOT NULL, text TEXT NOT NULL, signature BLOB NOT NULL, PRIMARY KEY (name, revision)
) STRICT;
CREATE TABLE jobs (job_id TEXT PRIMARY KEY, job TEXT NOT NULL) STRICT;
CREATE TABLE challenges (
  nonce TEXT PRIMARY KEY, job_id TEXT NOT NULL REFERENCES jobs, issued_at TEXT NOT NULL, expires_at TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('issued', 'released', 'refused'))
) STRICT;
CREATE INDEX challenges_of_job ON challenges (job_id);
CREATE INDEX challenges_by_end ON challenges (expires_at) WHERE state = 'issued';
CREATE INDEX challenges_open ON challenges (job_id, expires_at) WHERE state = 'issued';
CREATE TABLE audit (
  sequence INTEGER PRIMARY KEY, at TEXT NOT NULL, kind TEXT NOT NULL, body TEXT NOT NULL, previous TEXT NOT NULL,
  hash TEXT NOT NULL UNIQUE
) STRICT;
CREATE TABLE releases (
  nonce TEXT NOT NULL REFERENCES challenges, data_key_id TEXT NOT NULL REFERENCES objects (data_key_id),
  job_id TEXT NOT NULL REFERENCES jobs, policy TEXT NOT NULL, revision INTEGER NOT NULL, at TEXT NOT NULL,
  audit INTEGER NOT NULL REFERENCES audit, PRIMARY KEY (nonce, data_key_id),
  FOREIGN KEY (policy, revision) REFERENCES policies (name, revision)
) STRICT;
CREATE INDEX releases_of_key ON releases (data_key_id);
CREATE INDEX releases_of_job ON releases (job_id);
"""


def _triggers() -> Iterator[str]:
    for table in _APPEND_ONLY:
        for action in ("UPDATE", "DELETE"):
            yield (
                f"CREATE TRIGGER {table}_{action.lower()} BEFORE {action} ON {table} "
                f"BEGIN SELECT RAISE(ABORT, '{table} only grows'); END"
            )


def _unavailable(error: sqlite3.Error) -> Unavailable:
    """The error's code of SQLite, without its text, which may quote a row."""
    return Unavailable.because(
        "database.failed",
        got=getattr(error, "sqlite_errorname", "") or type(error).__name__,
        wanted="a database that answers and has room to write",
        remedy="Look at the disk and at who else has the owner's database open, then try again.",
    )


class Reader:
    """Looks at the database. Made by `Database.read` and `Database.write`."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def _one(self, sql: str, *values: object) -> tuple[Any, ...] | None:
        row: tuple[Any, ...] | None = self._connection.execute(sql, values).fetchone()
        return row

    def _count(self, sql: str, *values: object) -> int:
        return int(self._connection.execute(sql, values).fetchone()[0])

    def objects(self) -> list[StoredObject]:
        """Every sealed object, in the order of registration."""
        return [_object(row) for row in self._connection.execute(f"{_OBJECTS} ORDER BY rowid")]

    def object_by(self, name: str) -> StoredObject | None:
        """The object with this manifest digest or object id."""
        row = self._one(f"{_OBJECTS} WHERE manifest_digest = ? OR object_id = ?", name, name)
        return _object(row) if row else None

    def policy_names(self) -> list[str]:
        """The names of all policies, sorted."""
        return [name for (name,) in self._connection.execute("SELECT DISTINCT name FROM policies ORDER BY name")]

    def policy(self, name: str, revision: int | None = None) -> StoredPolicy | None:
        """One revision of a policy, the highest where none is named. Unchecked: see `policies.current_policy`."""
        which = "ORDER BY revision DESC LIMIT 1" if revision is None else "AND revision = ?"
        values = (name,) if revision is None else (name, revision)
        row = self._one(f"{_POLICIES} WHERE name = ? {which}", *values)
        return _policy(row) if row else None

    def current_revision(self, name: str) -> int:
        """The highest revision of a policy; 0 where there is none."""
        return self._count("SELECT coalesce(max(revision), 0) FROM policies WHERE name = ?", name)

    def job(self, job_id: str) -> Job | None:
        """The job stored under this id. Unchecked: see `jobs.load_job`."""
        row = self._one("SELECT job FROM jobs WHERE job_id = ?", job_id)
        return msgspec.json.decode(str(row[0]), type=Job) if row else None

    def job_ids(self) -> list[str]:
        """The ids of all jobs, oldest first."""
        return [job_id for (job_id,) in self._connection.execute("SELECT job_id FROM jobs ORDER BY rowid")]

    def challenge(self, nonce: str) -> StoredChallenge | None:
        """The challenge with this nonce."""
        row = self._one("SELECT nonce, job_id, issued_at, expires_at, state FROM challenges WHERE nonce = ?", nonce)
        return StoredChallenge(*row) if row else None

    def challenges_of(self, job_id: str) -> int:
        """How many challenges the database remembers for a job."""
        return self._count("SELECT count(*) FROM challenges WHERE job_id = ?", job_id)

    def open_challenges(self, job_id: str, now: str) -> int:
        """How many nonces of a job nobody has used yet and are still good at a moment (RFC 3339, UTC)."""
        sql = "SELECT count(*) FROM challenges WHERE job_id = ? AND state = 'issued' AND expires_at > ?"
        return self._count(sql, job_id, now)

    def releases_of_key(self, data_key_id: str) -> int:
        """How often a data key was released, ever."""
        return self._count("SELECT count(*) FROM releases WHERE data_key_id = ?", data_key_id)

    def releases_of_job(self, job_id: str) -> int:
        """How many challenges of a job ended in a release."""
        return self._count("SELECT count(DISTINCT nonce) FROM releases WHERE job_id = ?", job_id)

    def highest_released_revision(self, policy: str) -> int:
        """The highest revision of a policy under which a key was released; 0 where none was."""
        return self._count("SELECT coalesce(max(revision), 0) FROM releases WHERE policy = ?", policy)

    def audit_rows(self, after: int = 0) -> Iterator[AuditRow]:
        """The rows of the audit log with a sequence above `after`, in order."""
        for row in self._connection.execute(f"{_AUDIT} WHERE sequence > ? ORDER BY sequence", (after,)):
            yield _audit(row)

    def last_audit_row(self) -> AuditRow | None:
        """The head of the audit log."""
        row = self._one(f"{_AUDIT} ORDER BY sequence DESC LIMIT 1")
        return _audit(row) if row else None


class Writer(Reader):
    """Changes the database inside one transaction. Made by `Database.write`."""

    def _insert(self, table: str, row: Mapping[str, object]) -> None:
        sql = f"INSERT INTO {table} ({', '.join(row)}) VALUES ({', '.join('?' * len(row))})"  # noqa: S608 - our names
        self._connection.execute(sql, tuple(row.values()))

    def add_object(self, stored: StoredObject) -> None:
        """Registers a sealed object."""
        columns = {
            "manifest_digest": stored.manifest.manifest_digest,
            "object_id": stored.manifest.object_id,
            "data_key_id": stored.manifest.data_key_id,
            "manifest": stored.manifest.to_json().decode(),
            "wrapped_key": stored.wrapped_key,
            "custody": stored.custody,
            "custody_key_id": stored.custody_key_id,
            "location": stored.location,
            "registered_at": stored.registered_at,
        }
        self._insert("objects", columns)

    def add_policy(self, stored: StoredPolicy) -> None:
        """Appends a revision. The primary key keeps a revision from being used twice."""
        columns = {key: value for key, value in msgspec.to_builtins(stored.record).items() if key != "type"}
        self._insert("policies", columns | {"text": stored.text, "signature": stored.signature})

    def add_job(self, job: Job) -> None:
        """Stores a job under its id."""
        self._insert("jobs", {"job_id": job.job_id, "job": canonical_json(msgspec.to_builtins(job)).decode()})

    def add_challenge(self, challenge: StoredChallenge) -> None:
        """Stores a nonce that was never used."""
        columns = msgspec.to_builtins(challenge)
        columns["job_id"] = columns.pop("job")
        self._insert("challenges", columns)

    def forget_challenges(self, ended_before: str) -> None:
        """Removes the nonces that nobody used and whose time ended before a moment (RFC 3339, UTC)."""
        self._connection.execute("DELETE FROM challenges WHERE state = 'issued' AND expires_at < ?", (ended_before,))

    def burn_challenge(self, nonce: str, state: str) -> bool:
        """Compare-and-swap from issued to `state`. True for exactly one caller, ever."""
        sql = "UPDATE challenges SET state = ? WHERE nonce = ? AND state = 'issued'"
        return self._connection.execute(sql, (state, nonce)).rowcount == 1

    def add_release(self, release: KeyRelease, audit: AuditRow) -> None:
        """Counts the release of one key. The row of the audit log must be there already."""
        columns = msgspec.to_builtins(release)
        columns["job_id"] = columns.pop("job")
        self._insert("releases", columns | {"audit": audit.sequence})

    def append_audit(self, kind: str, body: Mapping[str, object], at: str) -> AuditRow:
        """Appends a row to the audit log, linked to the row before it."""
        last = self.last_audit_row()
        row = AuditRow(last.sequence + 1 if last else 1, at, kind, body, last.hash if last else "")
        row = msgspec.structs.replace(row, hash=row.computed_hash())
        columns = msgspec.to_builtins(row)
        columns["body"] = canonical_json(columns["body"]).decode()
        self._insert("audit", columns)
        return row


class Database:
    """The SQLite file of an owner's home. Safe to use from many threads and processes at once: each
    use borrows a connection of its own, and writers queue in this process before they meet SQLite's
    lock, which would let them poll.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._idle: list[sqlite3.Connection] = []
        self._writing = threading.Lock()

    @classmethod
    def create(cls, path: Path) -> Database:
        """Makes the file, readable by its owner only, with the empty tables."""
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
        database = cls(path)
        with database.write() as writer:
            connection = writer._connection  # noqa: SLF001 - the tables are made where the connection is
            for statement in (*_SCHEMA.split(";\n"), *_triggers()):
                connection.execute(statement)
            connection.execute("INSERT INTO schema_version VALUES (?)", (SCHEMA_VERSION,))
        return database

    @classmethod
    def open(cls, path: Path) -> Database:
        """Opens the file and checks the version of its tables. Raises Unavailable."""
        if not path.is_file():
            raise Unavailable.because(
                "database.missing",
                got="no database",
                wanted=path.name,
                remedy="Restore the owner's home from a backup.",
            )
        database = cls(path)
        with database._borrowed() as connection:
            version = connection.execute("SELECT version FROM schema_version").fetchone()
        if version != (SCHEMA_VERSION,):
            raise Unavailable.because(
                "database.version",
                got=version[0] if version else "none",
                wanted=SCHEMA_VERSION,
                remedy="Use the version of Confide that wrote this home.",
            )
        return database

    @contextmanager
    def read(self) -> Iterator[Reader]:
        """A consistent view of the database. Raises Unavailable."""
        with self._borrowed() as connection:
            connection.execute("BEGIN")
            try:
                yield Reader(connection)
            finally:
                _roll_back(connection)

    @contextmanager
    def write(self) -> Iterator[Writer]:
        """One transaction: all of it is on the disk when the block ends, or nothing of it is in the
        database. Raises Unavailable where the database is busy, broken or full.
        """
        if not self._writing.acquire(timeout=BUSY_SECONDS):
            raise Unavailable.because(
                "database.busy", got="other writers", wanted="a turn to write", remedy="Try again in a moment."
            )
        try:
            with self._borrowed() as connection:
                connection.execute("BEGIN IMMEDIATE")
                try:
                    yield Writer(connection)
                    connection.execute("COMMIT")
                finally:
                    _roll_back(connection)
        finally:
            self._writing.release()

    def close(self) -> None:
        """Closes the idle connections; SQLite then folds its write-ahead log into the file."""
        while self._idle:
            self._idle.pop().close()

    @contextmanager
    def _borrowed(self) -> Iterator[sqlite3.Connection]:
        connection = None
        try:
            connection = self._take() or self._connect()
            yield connection
        except sqlite3.Error as error:
            if connection is not None:
                connection.close()
                connection = None
            raise _unavailable(error) from None
        except msgspec.DecodeError:
            raise Unavailable.because(
                "database.damaged",
                got="a row that cannot be read",
                wanted="what this program wrote",
                remedy="Restore the owner's home from a backup.",
            ) from None
        finally:
            if connection is not None:
                self._idle.append(connection)

    def _take(self) -> sqlite3.Connection | None:
        try:
            return self._idle.pop()
        except IndexError:
            return None

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self._path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False, cached_statements=64
        )
        for pragma in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON", "trusted_schema = OFF"):
            connection.execute(f"PRAGMA {pragma}")
        return connection


def _roll_back(connection: sqlite3.Connection) -> None:
    if connection.in_transaction:
        connection.execute("ROLLBACK")


_OBJECTS = "SELECT manifest, wrapped_key, custody, custody_key_id, location, registered_at FROM objects"
_POLICIES = "SELECT name, revision, digest, previous, activated_at, text, signature FROM policies"
_AUDIT = "SELECT sequence, at, kind, body, previous, hash FROM audit"


def _object(row: tuple[Any, ...]) -> StoredObject:
    manifest = msgspec.json.decode(str(row[0]), type=Manifest)
    return StoredObject(manifest, *row[1:])


def _policy(row: tuple[Any, ...]) -> StoredPolicy:
    return StoredPolicy(PolicyRevision(*row[:5]), row[5], row[6])


def _audit(row: tuple[Any, ...]) -> AuditRow:
    """A row whose body is no longer JSON is given an empty one: its hash then says that it was changed."""
    sequence, at, kind, body, previous, mark = row
    try:
        parsed = json.loads(str(body))
    except ValueError:
        parsed = {}
    return AuditRow(sequence, at, kind, parsed, previous, mark)
