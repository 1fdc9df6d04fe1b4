"""Red-team rows 5 and 6: many requests at once, and a policy that changes in the middle."""

from __future__ import annotations

import dataclasses
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from confide.broker import check_chain, issue_challenge, release
from confide.errors import Refused
from confide.policy import appraise


def attempt(lab, request, barrier=None):
    """None for a release, otherwise the codes of the refusal."""
    if barrier:
        barrier.wait()
    try:
        release(lab.broker, request, now=lab.now)
    except Refused as refusal:
        return refusal.codes
    return None


def rows(lab):
    with lab.broker.database.read() as reader:
        return check_chain(reader.audit_rows())


def test_hundred_requests_with_one_nonce_give_exactly_one_release(lab):
    job = lab.job()
    nonce = issue_challenge(lab.broker, job.job_id, now=lab.now).nonce
    enclaves = [lab.enclave() for _ in range(100)]
    requests = [one.request(lab.broker.identity.broker_id, job.job_id, nonce) for one in enclaves]
    barrier = threading.Barrier(100)
    with ThreadPoolExecutor(100) as threads:
        answers = list(threads.map(lambda request: attempt(lab, request, barrier), requests))
    assert answers.count(None) == 1
    assert answers.count(("challenge.used",)) == 99
    kinds = [row.kind for row in rows(lab)]
    assert (kinds.count("released"), kinds.count("refused")) == (1, 99)


def test_limit_of_a_key_holds_against_requests_at_once(lab):
    lab.activate(releases_per_key=5)
    job = lab.job()
    challenges = [issue_challenge(lab.broker, job.job_id, now=lab.now) for _ in range(40)]
    requests = [lab.enclave().request(lab.broker.identity.broker_id, job.job_id, one.nonce) for one in challenges]
    barrier = threading.Barrier(40)
    with ThreadPoolExecutor(40) as threads:
        answers = list(threads.map(lambda request: attempt(lab, request, barrier), requests))
    assert answers.count(None) == 5
    assert answers.count(("release.limit",)) == 35


@pytest.mark.parametrize("limit", [99, 100])
def test_policy_changed_between_appraisal_and_release_is_refused(lab, limit):
    """Twin: the policy that is in force already is activated once more, which changes nothing."""

    def slow(bundle, policy, **facts):
        permit = appraise(bundle, policy, **facts)
        lab.activate(releases_per_key=limit)
        return permit

    job = lab.job()
    nonce = issue_challenge(lab.broker, job.job_id, now=lab.now).nonce
    request = lab.enclave().request(lab.broker.identity.broker_id, job.job_id, nonce)
    broker = dataclasses.replace(lab.broker, appraiser=slow)
    answer = attempt(dataclasses.replace(lab, broker=broker), request)
    assert answer == (None if limit == 100 else ("policy.changed",))
