"""Challenge and release as plain functions: what is accepted, and what is refused with which code."""

from __future__ import annotations

import dataclasses
import sqlite3
from datetime import timedelta

import msgspec
import pytest

from confide.broker import check_chain, issue_challenge, job_history, release
from confide.crypto import ed25519_verifies, hpke_open
from confide.errors import Misuse, Refused, Unavailable
from confide.ids import from_base64, sha256_of, to_base64
from confide.sealed.objects import open_bytes
from confide.sealed.store import object_name
from confide.testing.lab import MEASUREMENT, WORKLOAD


def ask(lab, job, enclave=None, **fields):
    """A challenge and an honest request for it."""
    challenge = issue_challenge(lab.broker, job.job_id, now=lab.now)
    return (enclave or lab.enclave()).request(lab.broker.identity.broker_id, job.job_id, challenge.nonce, **fields)


def codes_of(error, call, *args, **kwargs):
    with pytest.raises(error) as failure:
        call(*args, **kwargs)
    return failure.value.codes


def audit(lab):
    with lab.broker.database.read() as reader:
        return check_chain(reader.audit_rows())


def refused(lab, request, broker=None, now=None):
    """The codes of the refusal, after checking that the owner's log has exactly the same findings."""
    before = len(audit(lab))
    codes = codes_of(Refused, release, broker or lab.broker, request, now=now or lab.now)
    rows = audit(lab)
    assert [row.kind for row in rows[before:]] == ["refused"]
    assert tuple(finding["code"] for finding in rows[-1].body["findings"]) == codes
    return codes


def test_released_key_opens_the_object_that_the_job_names(lab):
    stored = lab.seal(b"a genome")
    job, enclave = lab.job(stored), lab.enclave()
    answer = release(lab.broker, ask(lab, job, enclave), now=lab.now)
    key = hpke_open(from_base64(answer.keys[0].ciphertext), enclave.hpke_key, answer.grant.grant.signed_bytes())
    sealed = lab.store.read(object_name(stored.manifest.object_id), 1 << 20)
    assert bytes(open_bytes(sealed, manifest=answer.manifests[0], data_key=key)) == b"a genome"


def test_grant_is_signed_by_the_broker_and_says_what_was_decided(lab):
    job = lab.job()
    request = ask(lab, job)
    answer = release(lab.broker, request, now=lab.now)
    signed, grant = answer.grant, answer.grant.grant
    key = from_base64(signed.broker_key)
    assert sha256_of(key) == lab.broker.identity.broker_id
    assert ed25519_verifies(key, from_base64(signed.signature), grant.signed_bytes())
    assert grant.binding == request.binding(lab.broker.identity.broker_id)
    assert grant.policy == sha256_of(answer.policy_text.encode())
    assert (grant.policy_name, grant.policy_revision, grant.evidence) == ("lab", 1, request.evidence.digest)
    assert answer.job == job


def test_keys_and_manifests_come_in_the_order_of_the_inputs(lab):
    objects = [lab.seal(bytes([n])) for n in range(3)]
    answer = release(lab.broker, ask(lab, lab.job(*objects)), now=lab.now)
    assert answer.manifests == tuple(item.manifest for item in objects)
    assert [key.data_key_id for key in answer.keys] == [item.manifest.data_key_id for item in objects]


def test_release_leaves_an_audit_row_with_every_check_and_the_simulation_in_words(lab):
    job = lab.job()
    release(lab.broker, ask(lab, job), now=lab.now)
    body = audit(lab)[-1].body
    assert (body["job"], body["simulated"], body["root"]) == (job.job_id, True, lab.vendor.root_fingerprint)
    assert "snp.report_data" in body["passed"]
    assert any(check["outcome"] == "waived" and check["reason"] for check in body["checks"])


def test_unknown_nonce_is_refused(lab):
    job = lab.job()
    nonce = to_base64(bytes(32))
    request = lab.enclave().request(lab.broker.identity.broker_id, job.job_id, nonce)
    assert refused(lab, request) == ("challenge.unknown",)


def test_nonce_of_another_job_is_refused_and_burnt(lab):
    first, second = lab.job(), lab.job()
    nonce = issue_challenge(lab.broker, first.job_id, now=lab.now).nonce
    request = lab.enclave().request(lab.broker.identity.broker_id, second.job_id, nonce)
    assert refused(lab, request) == ("challenge.job",)
    honest = lab.enclave().request(lab.broker.identity.broker_id, first.job_id, nonce)
    assert refused(lab, honest) == ("challenge.used",)


@pytest.mark.parametrize(("seconds", "codes"), [(59, ()), (60, ("challenge.expired",)), (3600, ("challenge.expired",))])
def test_nonce_ends_after_sixty_seconds(lab, seconds, codes):
    request, later = ask(lab, lab.job()), lab.now + timedelta(seconds=seconds)
    if codes:
        assert refused(lab, request, now=later) == codes
    else:
        assert release(lab.broker, request, now=later)


def test_nonce_is_used_once(lab):
    request = ask(lab, lab.job())
    assert release(lab.broker, request, now=lab.now)
    assert refused(lab, request) == ("challenge.used",)


def test_refusal_burns_the_nonce(lab):
    job, enclave = lab.job(), lab.enclave()
    request = ask(lab, job, enclave, vmpl=1)
    assert "snp.vmpl" in refused(lab, request)
    honest = enclave.request(lab.broker.identity.broker_id, job.job_id, request.nonce)
    assert refused(lab, honest) == ("challenge.used",)


def test_clock_that_stepped_backwards_is_unavailable_and_the_nonce_survives(lab):
    request = ask(lab, lab.job())
    earlier = lab.now - timedelta(seconds=1)
    assert codes_of(Unavailable, release, lab.broker, request, now=earlier) == ("clock.backwards",)
    assert release(lab.broker, request, now=lab.now)


def test_unknown_job_gets_no_challenge(lab):
    assert codes_of(Refused, issue_challenge, lab.broker, sha256_of(b"no job"), now=lab.now) == ("job.unknown",)


def test_all_findings_of_evidence_and_job_come_at_once(lab):
    job = lab.job()
    request = ask(lab, job, dataclasses.replace(lab.enclave(), measurement=bytes(48)), vmpl=2)
    lab.activate(recipients=[to_base64(bytes([9] * 32))])
    codes = refused(lab, request)
    assert {"job.recipient", "policy.workload.measurement", "snp.vmpl"} <= set(codes)


def test_recipient_must_be_allowed_at_release_time_too(lab):
    request = ask(lab, lab.job())
    other = to_base64(bytes([9] * 32))
    lab.activate(recipients=[other])
    assert refused(lab, request) == ("job.recipient",)
    lab.activate(recipients=[other, lab.recipient])
    assert release(lab.broker, ask(lab, lab.job()), now=lab.now)


def test_workload_must_be_the_policys_at_release_time_too(lab):
    request = ask(lab, lab.job())
    lab.activate(workload=sha256_of(b"another workload"))
    assert "job.workload" in refused(lab, request)


def test_releases_of_a_key_are_limited_over_all_jobs_and_policies(lab):
    lab.activate(releases_per_key=2)
    stored = lab.seal(b"x")
    first, second = lab.job(stored), lab.job(stored)
    assert release(lab.broker, ask(lab, first), now=lab.now)
    assert release(lab.broker, ask(lab, second), now=lab.now)
    assert refused(lab, ask(lab, first)) == ("release.limit",)
    assert release(lab.broker, ask(lab, lab.job()), now=lab.now), "another key has a count of its own"
    lab.activate(releases_per_key=3)
    assert release(lab.broker, ask(lab, first), now=lab.now)


@pytest.mark.parametrize("field", ["nonce", "hpke_key", "signing_key"])
@pytest.mark.parametrize("value", ["", "AAAA", "!" * 44, to_base64(bytes(33)), to_base64(bytes(32)) + "\n"])
def test_malformed_field_is_misuse_and_leaves_no_audit_row(lab, field, value):
    request = msgspec.structs.replace(ask(lab, lab.job()), **{field: value})
    before = len(audit(lab))
    assert codes_of(Misuse, release, lab.broker, request, now=lab.now)[0] in {"request.malformed", "encoding.base64"}
    assert len(audit(lab)) == before


def test_job_that_is_no_digest_is_misuse(lab):
    request = msgspec.structs.replace(ask(lab, lab.job()), job="sha256:x")
    assert codes_of(Misuse, release, lab.broker, request, now=lab.now) == ("request.malformed",)


def test_point_of_low_order_is_refused(lab):
    request = msgspec.structs.replace(ask(lab, lab.job()), hpke_key=to_base64(bytes(32)))
    assert refused(lab, request) == ("request.weak_key",)


def test_unavailable_appraisal_releases_nothing_and_keeps_the_nonce(lab):
    def cannot_tell(*_, **__):
        raise Unavailable.because("collateral.absent", got="none", wanted="a list", remedy="Try again.")

    request = ask(lab, lab.job())
    broken = dataclasses.replace(lab.broker, appraiser=cannot_tell)
    before = len(audit(lab))
    assert codes_of(Unavailable, release, broken, request, now=lab.now) == ("collateral.absent",)
    assert len(audit(lab)) == before
    assert release(lab.broker, request, now=lab.now)


@pytest.mark.parametrize("table", ["audit", "releases"])
def test_no_release_where_it_cannot_be_written_down(lab, table):
    job = lab.job()
    request = ask(lab, job)
    with sqlite3.connect(lab.home.folder.database_file) as connection:
        connection.execute(f"CREATE TRIGGER full BEFORE INSERT ON {table} BEGIN SELECT RAISE(ABORT, 'no room'); END")
    assert codes_of(Unavailable, release, lab.broker, request, now=lab.now) == ("database.failed",)
    with sqlite3.connect(lab.home.folder.database_file) as connection:
        connection.execute("DROP TRIGGER full")
    assert release(lab.broker, request, now=lab.now), "nothing was burnt, the enclave may try again"


def test_refusal_that_cannot_be_written_down_is_unavailable(lab):
    request = ask(lab, lab.job(), vmpl=1)
    with sqlite3.connect(lab.home.folder.database_file) as connection:
        connection.execute("CREATE TRIGGER full BEFORE INSERT ON audit BEGIN SELECT RAISE(ABORT, 'no room'); END")
    assert codes_of(Unavailable, release, lab.broker, request, now=lab.now) == ("database.failed",)


def test_data_key_is_not_touched_before_the_release_is_on_the_disk(lab):
    """The custody looks, at the moment of unwrapping, into the database with a connection of its own."""
    seen = []

    class Watching:
        kind, key_id = lab.home.custody.kind, lab.home.custody.key_id

        def unwrap(self, wrapped, context):
            with sqlite3.connect(lab.home.folder.database_file) as connection:
                seen.append(connection.execute("SELECT count(*) FROM releases").fetchone()[0])
            return lab.home.custody.unwrap(wrapped, context)

    release(dataclasses.replace(lab.broker, custody=Watching()), ask(lab, lab.job()), now=lab.now)
    assert seen == [1]


def test_swapped_wrapped_keys_do_not_open_and_the_log_says_undelivered(lab):
    mine, other = lab.seal(b"mine"), lab.seal(b"other")
    with sqlite3.connect(lab.home.folder.database_file) as connection:
        connection.execute("DROP TRIGGER objects_update")
        connection.execute(
            "UPDATE objects SET wrapped_key = ? WHERE object_id = ?", (other.wrapped_key, mine.manifest.object_id)
        )
    request = ask(lab, lab.job(mine))
    assert codes_of(Refused, release, lab.broker, request, now=lab.now) == ("keys.wrapped",)
    assert [row.kind for row in audit(lab)][-2:] == ["released", "undelivered"]


def test_history_of_a_job_goes_from_created_to_released(lab):
    job = lab.job()

    def state():
        with lab.broker.database.read() as reader:
            return job_history(reader, job.job_id).state

    states = [state()]
    request = ask(lab, job)
    states.append(state())
    refused(lab, msgspec.structs.replace(request, evidence=lab.enclave().evidence(bytes(64))))
    states.append(state())
    release(lab.broker, ask(lab, job), now=lab.now)
    assert [*states, state()] == ["created", "challenged", "refused", "released"]


def test_unused_nonces_are_forgotten_an_hour_after_their_end(lab):
    job = lab.job()
    old = issue_challenge(lab.broker, job.job_id, now=lab.now)
    issue_challenge(lab.broker, job.job_id, now=lab.now + timedelta(seconds=59 + 3600))
    with lab.broker.database.read() as reader:
        assert reader.challenge(old.nonce) is not None
    issue_challenge(lab.broker, job.job_id, now=lab.now + timedelta(seconds=61 + 3600))
    with lab.broker.database.read() as reader:
        assert reader.challenge(old.nonce) is None


def test_open_nonces_of_a_job_are_bounded(lab, monkeypatch):
    monkeypatch.setattr("confide.broker.challenge.MAX_OPEN", 2)
    job, other = lab.job(), lab.job()
    first = ask(lab, job)
    issue_challenge(lab.broker, job.job_id, now=lab.now)
    assert codes_of(Unavailable, issue_challenge, lab.broker, job.job_id, now=lab.now) == ("challenge.too_many",)
    assert issue_challenge(lab.broker, other.job_id, now=lab.now), "another job has a count of its own"
    release(lab.broker, first, now=lab.now)
    assert issue_challenge(lab.broker, job.job_id, now=lab.now), "a used nonce no longer counts"
    assert issue_challenge(lab.broker, job.job_id, now=lab.now + timedelta(seconds=60))


def test_lab_constants_are_what_the_policy_says(lab):
    with lab.broker.database.read() as reader:
        text = reader.policy("lab").text
    assert WORKLOAD in text
    assert MEASUREMENT.hex() in text
