"""The broker is killed with SIGKILL around releases: no key leaves without its row, and nothing is lost."""

from __future__ import annotations

import dataclasses
import os
import random
import signal
import sqlite3
import subprocess
import threading
import time

import msgspec
import pytest

from confide.broker import Writer, check_chain, issue_challenge, release
from confide.enclave.broker_client import BrokerClient
from confide.errors import ConfideError, Refused, Unavailable
from confide.ids import from_base64


def client_of(served):
    return BrokerClient(served.url, served.broker_id)


def ask_until_it_is_gone(lab, served, job, delivered):
    """Runs the job again and again; `delivered` collects the nonces whose keys arrived."""
    client = client_of(served)
    try:
        while True:
            nonce = client.challenge(job.job_id).nonce
            client.release(lab.enclave().request(served.broker_id, job.job_id, nonce))
            delivered.append(nonce)
    except Unavailable:
        return


def logged(lab):
    """(nonces in the audit log, nonces in the table of releases), after checking chain and file."""
    with lab.broker.database.read() as reader:
        rows = check_chain(reader.audit_rows())
    with sqlite3.connect(lab.home.folder.database_file) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
        counted = [nonce for (nonce,) in connection.execute("SELECT nonce FROM releases")]
    return [row.body["nonce"] for row in rows if row.kind == "released"], counted


@pytest.mark.parametrize("seed", range(3))
def test_killed_broker_released_nothing_that_is_not_in_its_log(lab, seed):
    lab.activate(releases_per_key=100_000)
    job, delivered = lab.job(), []
    with lab.serve(stderr=subprocess.DEVNULL) as served:
        agents = [threading.Thread(target=ask_until_it_is_gone, args=(lab, served, job, delivered)) for _ in range(4)]
        for agent in agents:
            agent.start()
        deadline = time.monotonic() + 30
        while len(delivered) < 8 and time.monotonic() < deadline:
            time.sleep(0.01)
        time.sleep(random.Random(seed).uniform(0, 0.1))
        served.process.kill()
        for agent in agents:
            agent.join()
    audited, counted = logged(lab)
    assert len(delivered) >= 8
    assert set(delivered) <= set(audited)
    assert sorted(audited) == sorted(counted)


def test_job_runs_again_after_the_broker_was_killed(lab):
    job = lab.job()
    with lab.serve(stderr=subprocess.DEVNULL) as served:
        nonce = client_of(served).challenge(job.job_id).nonce
        served.process.kill()
        served.process.wait()
        with pytest.raises(Unavailable) as failure:
            client_of(served).challenge(job.job_id)
        assert failure.value.codes == ("broker.unreachable",)
    with lab.serve(stderr=subprocess.DEVNULL) as served:
        request = lab.enclave().request(served.broker_id, job.job_id, nonce)
        assert client_of(served).release(request).job == job, "the challenge survived: it was on the disk"
        fresh = client_of(served).challenge(job.job_id).nonce
        assert client_of(served).release(lab.enclave().request(served.broker_id, job.job_id, fresh)).job == job


def test_nonce_burnt_before_the_kill_stays_burnt(lab):
    job = lab.job()
    with lab.serve(stderr=subprocess.DEVNULL) as served:
        nonce = client_of(served).challenge(job.job_id).nonce
        request = lab.enclave().request(served.broker_id, job.job_id, nonce)
        client_of(served).release(request)
        served.process.kill()
    with lab.serve(stderr=subprocess.DEVNULL) as served, pytest.raises(ConfideError) as failure:
        client_of(served).release(request)
    assert failure.value.codes == ("challenge.used",)


def kill_itself(*_, **__):
    os.kill(os.getpid(), signal.SIGKILL)


class KillingCustody:
    """Dies at the moment at which it is asked for a data key."""

    kind, key_id, unwrap = "software", "kek", staticmethod(kill_itself)


def dying(broker, moment, monkeypatch):
    """The broker that is killed at one moment of a release."""
    if moment == "appraisal":
        return dataclasses.replace(broker, appraiser=kill_itself)
    if moment == "key":
        return dataclasses.replace(broker, custody=KillingCustody())
    monkeypatch.setattr(Writer, moment, kill_itself)
    return broker


@pytest.mark.parametrize(
    ("moment", "released"),
    [("appraisal", 0), ("burn_challenge", 0), ("append_audit", 0), ("add_release", 0), ("key", 1)],
)
def test_kill_at_each_step_of_a_release_leaves_all_of_it_or_nothing(lab, monkeypatch, moment, released):
    job = lab.job()
    nonce = issue_challenge(lab.broker, job.job_id, now=lab.now).nonce
    request = lab.enclave().request(lab.broker.identity.broker_id, job.job_id, nonce)
    lab.home.database.close()
    child = os.fork()
    if child == 0:
        try:
            release(dying(lab.broker, moment, monkeypatch), request, now=lab.now)
        finally:
            os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
    assert logged(lab) == ([nonce] * released, [nonce] * released)
    if released:
        with pytest.raises(Refused) as failure:
            release(lab.broker, request, now=lab.now)
        assert failure.value.codes == ("challenge.used",)
    else:
        assert release(lab.broker, request, now=lab.now).job == job, "nothing happened: the enclave tries again"


CANARY = b"CANARY-4f1c9e7b2a"


def test_no_data_key_and_no_plaintext_is_anywhere_in_the_home_or_the_log(lab, tmp_path):
    """Red-team row 22: releases, a refusal and a kill, and then a search through every file."""
    from confide.crypto import hpke_open
    from confide.testing.lab import PASSPHRASE

    job, enclave = lab.job(lab.seal(CANARY * 100)), lab.enclave()
    with (tmp_path / "stderr").open("wb") as stderr, lab.serve(stderr=stderr) as served:
        client = client_of(served)
        request = enclave.request(served.broker_id, job.job_id, client.challenge(job.job_id).nonce)
        answer = client.release(request)
        with pytest.raises(ConfideError):
            client.release(msgspec.structs.replace(request, hpke_key=request.signing_key))
        served.process.kill()
    info = answer.grant.grant.signed_bytes()
    data_key = hpke_open(from_base64(answer.keys[0].ciphertext), enclave.hpke_key, info).reveal()
    seed = lab.home.identity._key.private_bytes_raw()
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(files) > 8
    for path in files:
        content = path.read_bytes()
        for secret in (CANARY, data_key, data_key.hex().encode(), seed, PASSPHRASE):
            assert secret not in content, path
