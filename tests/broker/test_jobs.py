"""What a policy lets a job be."""

from __future__ import annotations

import pytest

from confide.broker import job_history, load_job, register_job
from confide.errors import Refused
from confide.ids import sha256_of, to_base64
from confide.job import new_job
from confide.testing.lab import WORKLOAD


def codes(call, *args, **kwargs):
    with pytest.raises(Refused) as failure:
        call(*args, **kwargs)
    return failure.value.codes


def test_registered_job_is_read_back_as_it_was(lab):
    job = lab.job(parameters={"panel": "small"})
    with lab.broker.database.read() as reader:
        assert load_job(reader, job.job_id) == job
        assert job_history(reader, job.job_id).state == "created"


def test_job_for_another_workload_is_refused(lab):
    assert codes(lab.job, workload=sha256_of(b"another")) == ("job.workload",)


def test_job_for_another_recipient_is_refused(lab):
    assert codes(lab.job, recipient=to_base64(bytes(31) + b"\x01")) == ("job.recipient",)


def test_job_under_an_unknown_policy_is_refused(lab):
    assert codes(lab.job, policy="none") == ("policy.unknown",)


def test_job_with_an_input_that_was_never_sealed_is_refused(lab):
    job = new_job(
        workload=WORKLOAD, inputs={"genome": sha256_of(b"x")}, recipient=lab.recipient, policy="lab", now=lab.now
    )
    register = {"broker_key": lab.home.identity.public_key, "now": lab.now}
    assert codes(register_job, lab.home.database, job, **register) == ("job.input",)


def test_job_without_inputs_or_with_one_twice_is_refused(lab):
    stored = lab.seal(b"x")
    assert codes(lab.job, stored, stored) == ("job.inputs",)
    job = new_job(workload=WORKLOAD, inputs={}, recipient=lab.recipient, policy="lab", now=lab.now)
    register = {"broker_key": lab.home.identity.public_key, "now": lab.now}
    assert codes(register_job, lab.home.database, job, **register) == ("job.inputs",)


def test_all_findings_of_a_job_come_at_once(lab):
    assert set(codes(lab.job, workload=sha256_of(b"x"), recipient=to_base64(bytes(32)))) == {
        "job.workload",
        "job.recipient",
    }


def test_refused_job_is_not_stored(lab):
    codes(lab.job, workload=sha256_of(b"x"))
    with lab.broker.database.read() as reader:
        assert reader.job_ids() == []
