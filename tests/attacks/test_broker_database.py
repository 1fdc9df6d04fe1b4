"""Red-team rows 7 and 17: somebody edits the owner's database. Digests, signatures and chains notice."""

from __future__ import annotations

import dataclasses
import hashlib
import sqlite3

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from confide.broker import BrokerIdentity, activate_policy, check_chain, current_policy, issue_challenge, release
from confide.broker.policies import check_all_production
from confide.errors import Refused, Unavailable
from confide.ids import canonical_json, sha256_of
from confide.policy import render_policy
from confide.testing.lab import MEASUREMENT, RUNTIME, WORKLOAD


def edit(lab, *statements):
    """Changes the file as somebody does who can write to it, past every guard."""
    with sqlite3.connect(lab.home.folder.database_file) as connection:
        connection.execute("PRAGMA foreign_keys = OFF")
        for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            connection.execute(f"DROP TRIGGER {name}")
        for sql, *values in statements:
            assert connection.execute(sql, values).rowcount > 0, sql


def production_text(lab):
    return render_policy(
        name="lab", kind="production", workload=WORKLOAD, runtime=RUNTIME, recipients=[lab.recipient],
        measurement=MEASUREMENT,
    )  # fmt: skip


def activate_production(lab):
    return activate_policy(lab.home.database, production_text(lab), identity=lab.home.identity, now=lab.now)


def request_for(lab, job):
    nonce = issue_challenge(lab.broker, job.job_id, now=lab.now).nonce
    return lab.enclave().request(lab.broker.identity.broker_id, job.job_id, nonce)


def codes(lab, call):
    with pytest.raises(Refused) as failure:
        call()
    return failure.value.codes


def policy_codes(lab):
    with lab.broker.database.read() as reader:
        return codes(lab, lambda: current_policy(reader, "lab", lab.broker.identity.public_key))


def test_policy_text_edited_in_the_database_is_refused(lab):
    job = lab.job()
    request = request_for(lab, job)
    edit(lab, ("UPDATE policies SET text = replace(text, 'vmpl = 0', 'vmpl = 1')",))
    assert codes(lab, lambda: release(lab.broker, request, now=lab.now)) == ("policy.tampered",)


def test_policy_edited_together_with_its_digest_is_refused(lab):
    edit(lab, ("UPDATE policies SET text = ?, digest = ?", "x", sha256_of(b"x")))
    assert policy_codes(lab) == ("policy.tampered",)


@pytest.mark.parametrize("column", ["digest", "previous", "activated_at", "signature"])
def test_every_column_of_a_revision_is_protected(lab, column):
    lab.activate(releases_per_key=7)
    value = b"\0" * 64 if column == "signature" else sha256_of(b"another")
    edit(lab, (f"UPDATE policies SET {column} = ? WHERE revision = 2", value))
    assert policy_codes(lab) == ("policy.tampered",)


def test_revision_before_the_current_one_cannot_be_exchanged(lab):
    lab.activate(releases_per_key=7)
    edit(lab, ("UPDATE policies SET digest = ? WHERE revision = 1", sha256_of(b"another")))
    assert policy_codes(lab) == ("policy.tampered",)


def test_old_revision_under_a_new_number_is_refused(lab):
    lab.activate(releases_per_key=7)
    columns = "digest, previous, activated_at, text, signature"
    edit(lab, (f"INSERT INTO policies SELECT name, 3, {columns} FROM policies WHERE revision = 1",))
    assert policy_codes(lab) == ("policy.tampered",)


def test_policy_rolled_back_below_a_release_is_refused(lab):
    job = lab.job()
    lab.activate(releases_per_key=7)
    release(lab.broker, request_for(lab, job), now=lab.now)
    edit(lab, ("DELETE FROM policies WHERE revision = 2",))
    assert policy_codes(lab) == ("policy.rollback",)


def test_production_policy_refuses_simulated_evidence(lab):
    job = lab.job()
    activate_production(lab)
    assert codes(lab, lambda: release(lab.broker, request_for(lab, job), now=lab.now)) == ("snp.chain.root",)


def test_production_policy_cannot_be_made_a_simulation_in_the_database(lab):
    job = lab.job()
    activate_production(lab)
    request = request_for(lab, job)
    text = lab.policy_text()
    edit(lab, ("UPDATE policies SET text = ?, digest = ? WHERE revision = 2", text, sha256_of(text.encode())))
    assert codes(lab, lambda: release(lab.broker, request, now=lab.now)) == ("policy.tampered",)


def test_simulation_revision_signed_by_the_attacker_is_refused(lab):
    """Digest, link and signature all fit; the key is not the owner's."""
    activate_production(lab)
    attacker = BrokerIdentity(Ed25519PrivateKey.generate())
    with pytest.raises(Refused) as failure:
        activate_policy(lab.home.database, lab.policy_text(releases_per_key=9), identity=attacker, now=lab.now)
    assert failure.value.codes == ("policy.tampered",), "even activating over the owner's revision is refused"
    with lab.broker.database.read() as reader:
        before = reader.policy("lab")
    text = lab.policy_text(releases_per_key=9)
    record = msgspec.structs.replace(
        before.record, revision=3, digest=sha256_of(text.encode()), previous=before.record.record_digest
    )
    values = (record.digest, record.previous, record.activated_at, text, attacker.sign(record.signed_bytes()))
    edit(lab, ("INSERT INTO policies VALUES ('lab', 3, ?, ?, ?, ?, ?)", *values))
    assert policy_codes(lab) == ("policy.tampered",)


def test_production_broker_refuses_a_simulation_policy(lab):
    job = lab.job()
    request = request_for(lab, job)
    production = dataclasses.replace(lab.broker, production=True)
    key = lab.broker.identity.public_key
    assert codes(lab, lambda: check_all_production(lab.broker.database, key)) == ("policy.kind",)
    assert codes(lab, lambda: release(production, request, now=lab.now)) == ("policy.kind",)
    activate_production(lab)
    check_all_production(lab.broker.database, key)


def test_job_edited_in_the_database_is_refused(lab):
    job = lab.job()
    request = request_for(lab, job)
    edit(lab, ("UPDATE jobs SET job = replace(job, ?, ?)", job.salt, "0" * 32))
    assert codes(lab, lambda: release(lab.broker, request, now=lab.now)) == ("job.tampered",)


def test_job_put_into_the_database_gets_no_key_for_another_recipient(lab):
    """Whoever writes to the database can add a job; the signed policy still says who may receive."""
    stored = lab.seal(b"x")
    job = msgspec.structs.replace(lab.job(stored), recipient="A" * 43 + "=")
    edit(lab, ("INSERT INTO jobs VALUES (?, ?)", job.job_id, canonical_json(msgspec.to_builtins(job)).decode()))
    assert codes(lab, lambda: release(lab.broker, request_for(lab, job), now=lab.now)) == ("job.recipient",)


def test_manifest_edited_in_the_database_is_refused(lab):
    stored = lab.seal(b"x")
    job = lab.job(stored)
    request = request_for(lab, job)
    digest = hashlib.sha256(b"another").hexdigest()
    edit(lab, ("UPDATE objects SET manifest = replace(manifest, ?, ?)", stored.manifest.digest, f"blake3:{digest}"))
    assert codes(lab, lambda: release(lab.broker, request, now=lab.now)) == ("job.input",)


def test_policy_that_this_version_cannot_read_is_unavailable(lab):
    """The owner signed it, with an earlier version."""
    job = lab.job()
    request = request_for(lab, job)
    with lab.broker.database.read() as reader:
        record = msgspec.structs.replace(reader.policy("lab").record, digest=sha256_of(b"version = 0\n"))
    values = (record.digest, "version = 0\n", lab.home.identity.sign(record.signed_bytes()))
    edit(lab, ("UPDATE policies SET digest = ?, text = ?, signature = ?", *values))
    with pytest.raises(Unavailable):
        release(lab.broker, request, now=lab.now)


def test_row_that_is_no_json_is_unavailable(lab):
    job = lab.job()
    request = request_for(lab, job)
    edit(lab, ("UPDATE objects SET manifest = '{'",))
    with pytest.raises(Unavailable) as failure:
        release(lab.broker, request, now=lab.now)
    assert failure.value.codes == ("database.damaged",)


@pytest.fixture
def logged(lab):
    """A lab with a log of several kinds of rows."""
    job = lab.job()
    release(lab.broker, request_for(lab, job), now=lab.now)
    with pytest.raises(Refused):
        release(lab.broker, msgspec.structs.replace(request_for(lab, job), nonce="A" * 43 + "="), now=lab.now)
    return lab


def log(lab):
    with lab.broker.database.read() as reader:
        return tuple(reader.audit_rows())


def chain_codes(lab, head=None):
    return set(codes(lab, lambda: check_chain(log(lab), head)))


def test_untouched_log_is_whole(logged):
    rows = log(logged)
    assert len(rows) == 5
    assert check_chain(rows, rows[2].hash) == rows


@pytest.mark.parametrize(
    ("column", "value"), [("at", "2020-01-01T00:00:00Z"), ("kind", "x"), ("body", "{}"), ("body", "no json")]
)
@pytest.mark.parametrize("sequence", range(1, 6))
def test_edited_row_is_detected(logged, sequence, column, value):
    edit(logged, (f"UPDATE audit SET {column} = ? WHERE sequence = ?", value, sequence))
    assert chain_codes(logged) == {"audit.hash"}


def test_edited_row_with_a_fitting_hash_breaks_the_next_link(logged):
    row = msgspec.structs.replace(log(logged)[1], kind="x")
    edit(logged, ("UPDATE audit SET kind = 'x', hash = ? WHERE sequence = 2", row.computed_hash()))
    assert chain_codes(logged) == {"audit.link"}


@pytest.mark.parametrize("sequence", range(1, 5))
def test_row_cut_out_of_the_middle_is_detected(logged, sequence):
    edit(logged, ("DELETE FROM audit WHERE sequence = ?", sequence))
    assert {"audit.sequence", "audit.link"} <= chain_codes(logged)


def test_reordered_rows_are_detected(logged):
    edit(
        logged,
        ("UPDATE audit SET sequence = 99 WHERE sequence = 2",),
        ("UPDATE audit SET sequence = 2 WHERE sequence = 3",),
        ("UPDATE audit SET sequence = 3 WHERE sequence = 99",),
    )
    assert "audit.link" in chain_codes(logged)


def test_cut_tail_is_seen_only_against_a_noted_head(logged):
    head = log(logged)[-1].hash
    edit(logged, ("DELETE FROM audit WHERE sequence = 5",))
    assert check_chain(log(logged)), "a shorter log is whole in itself"
    assert chain_codes(logged, head) == {"audit.head"}


def test_own_mistakes_cannot_change_what_only_grows(lab):
    lab.job()
    for table in ("objects", "policies", "jobs", "audit"):
        with pytest.raises(Unavailable), lab.broker.database.write() as writer:
            writer._connection.execute(f"DELETE FROM {table}")
