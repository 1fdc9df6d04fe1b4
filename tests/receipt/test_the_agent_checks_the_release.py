"""A broker that answers with anything but the release for this evidence gets nothing computed."""

from __future__ import annotations

import msgspec
import pytest

from confide.errors import ConfideError, Refused
from confide.ids import new_id, sha256_of, to_base64
from confide.sealed import receipt_name

replace = msgspec.structs.replace
ZEROS = to_base64(bytes(64))


def other_grant(answer, **fields):
    return replace(answer, grant=replace(answer.grant, grant=replace(answer.grant.grant, **fields)))


def first_key(answer, **fields):
    return replace(answer, keys=(replace(answer.keys[0], **fields), *answer.keys[1:]))


def first_manifest(answer, **fields):
    return replace(answer, manifests=(replace(answer.manifests[0], **fields), *answer.manifests[1:]))


CHANGES = {
    "another job": (lambda a: replace(a, job=replace(a.job, salt="0" * 32)), "job.id"),
    "another recipient": (lambda a: replace(a, job=replace(a.job, recipient=to_base64(bytes(32)))), "job.id"),
    "another workload": (lambda a: replace(a, job=replace(a.job, workload=sha256_of(b""))), "job.workload"),
    "another manifest": (lambda a: first_manifest(a, object_id=new_id("object")), "job.inputs"),
    "no manifest": (lambda a: replace(a, manifests=()), "job.inputs"),
    "another policy text": (lambda a: replace(a, policy_text=a.policy_text + "\n"), "grant.policy"),
    "another policy digest": (lambda a: other_grant(a, policy=sha256_of(b"")), "grant.policy"),
    "another policy name": (lambda a: other_grant(a, policy_name="x"), "job.policy"),
    "another revision": (lambda a: other_grant(a, policy_revision=99), "grant.signature"),
    "another time": (lambda a: other_grant(a, released_at="2001-01-01T00:00:00Z"), "grant.signature"),
    "another evidence": (lambda a: other_grant(a, evidence=sha256_of(b"")), "grant.evidence"),
    "another binding": (
        lambda a: other_grant(a, binding=replace(a.grant.grant.binding, nonce=to_base64(bytes(32)))),
        "grant.binding",
    ),
    "another broker": (lambda a: replace(a, grant=replace(a.grant, broker_key=to_base64(bytes(32)))), "grant.broker"),
    "no key": (lambda a: replace(a, grant=replace(a.grant, broker_key="!")), "grant.broker"),
    "another signature": (
        lambda a: replace(a, grant=replace(a.grant, signature=to_base64(bytes(64)))),
        "grant.signature",
    ),
    "no data key": (lambda a: replace(a, keys=()), "release.keys"),
    "another data key id": (lambda a: first_key(a, data_key_id="key-x"), "release.keys"),
    "another ciphertext": (lambda a: first_key(a, ciphertext=to_base64(bytes(80))), "hpke.open"),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_release_that_differs_is_refused_before_anything_is_opened(owner, name):
    change, code = CHANGES[name]
    task = owner.task()
    with pytest.raises(Refused) as caught:
        task.run(change)
    assert code in caught.value.codes
    assert task.store.list("results/") == []


def test_the_release_as_it_was_made_is_accepted(owner):
    task = owner.task().run(lambda answer: answer)
    assert receipt_name(task.job.job_id) in task.store.list("results/")


def test_all_findings_come_at_once(owner):
    def change(answer):
        return replace(CHANGES["another job"][0](answer), policy_text="x", keys=())

    with pytest.raises(Refused) as caught:
        owner.task().run(change)
    assert {"job.id", "grant.policy", "release.keys"} <= set(caught.value.codes)


def test_a_job_whose_inputs_the_workload_does_not_know_is_refused(owner):
    task = owner.task()
    info = replace(task.bundle.info, inputs=("other",))
    task.bundle = type(task.bundle)(info, task.bundle.digest, task.bundle.files)
    with pytest.raises(Refused) as caught:
        task.run()
    assert caught.value.codes == ("job.input_names",)


def test_data_keys_are_wiped_whether_opening_succeeds_or_fails(owner, monkeypatch):
    from confide.enclave import agent

    seen = []
    real = agent.unwrap_keys
    monkeypatch.setattr(agent, "unwrap_keys", lambda *args: seen.append(real(*args)) or seen[-1])
    owner.task().run()
    broken = owner.task()
    broken.store.delete(broken.store.list("objects/")[0])
    with pytest.raises(ConfideError):
        broken.run()
    assert len(seen) == 2
    for keys in seen:
        for key in keys.values():
            with pytest.raises(ValueError, match="wiped"):
                key.reveal()
