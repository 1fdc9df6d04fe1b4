"""Launch, attest, release, open, compute, seal, receipt: with real processes, and with everything that can go wrong."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import threading
import time
from pathlib import Path

import msgspec
import pytest

from confide.errors import ConfideError, Misuse, Refused, Unavailable
from confide.ids import sha256_of
from confide.launch import launch
from confide.launch.simulated import SimulatedVendor
from confide.policy import parse_policy
from confide.receipt import verify_receipt
from confide.sealed import Store, open_bytes, read_private_key, recover_data_key
from confide.secrets import Secret

pytestmark = pytest.mark.usefixtures("no_process_left")

PASSPHRASE = b"correct horse"
CANARY = b"CANARY-5b1e-GENOME"
ECHO = "def main(inputs, parameters):\n    return inputs['text'].lower()\n"
STEPS = ["launched", "started", "attested", "released", "opened", "computed", "sealed", "done"]


def failure(kind: type[ConfideError], task, **kwargs) -> tuple[str, ...]:
    with pytest.raises(ConfideError) as caught:
        task.run(**kwargs)
    assert type(caught.value) is kind, caught.value
    assert CANARY.decode() not in str(caught.value)
    assert task.results() == []
    return caught.value.codes


def opened_result(owner, task, done) -> bytes:
    store = Store(str(task.store))
    receipt, sealed = store.read(done.receipt, 1 << 20), store.read(done.result, 1 << 20)
    verified = verify_receipt(
        receipt,
        policy=parse_policy(task.policy),
        broker_id=task.config.broker_id,
        output_digest=sha256_of(sealed),
    )
    assert (verified.verdict, verified.simulated) == ("affirmed", True)
    key = read_private_key(owner.folder / "alice.key", Secret(PASSPHRASE))
    with store.open(done.result) as source:
        data_key = recover_data_key(source, key)
    return bytes(open_bytes(sealed, manifest=verified.receipt.body.output, data_key=data_key))


def test_a_job_is_done_and_only_its_recipient_can_open_the_result(owner):
    task = owner.task()
    done = task.run()
    assert [event["event"] for event in done.events] == STEPS
    assert done.simulated
    assert opened_result(owner, task, done) == CANARY.lower()


def test_a_job_can_run_again(owner):
    task = owner.task()
    task.run()
    assert opened_result(owner, task, task.run()) == CANARY.lower()


def test_after_a_run_the_cloud_holds_ciphertext_receipt_and_nothing_else(owner):
    task = owner.task()
    task.run()
    assert len(task.agents) == 1
    names = sorted(path.name for path in task.store.rglob("*") if path.is_file())
    assert names == sorted([Path(task.object_name).name, "receipt.json", "result.c4gh"])
    for path in task.store.parent.rglob("*"):
        assert not path.is_file() or CANARY.lower() not in path.read_bytes().lower()
    assert task.code_folders() == []


def test_events_hold_no_data_and_no_key(owner):
    done = owner.task().run()
    told = msgspec.json.encode(done.events)
    assert CANARY not in told
    assert {key for event in done.events for key in event} <= {
        *("event", "seconds", "at", "simulated", "machine", "enclave", "workload", "measurement"),
        *("agent", "memory_locked", "inputs", "bytes"),
    }


def test_a_bundle_with_one_other_byte_is_refused_by_the_broker(owner):
    task = owner.task()
    data = bytearray(task.bundle.read_bytes())
    data[data.index(b"lower()")] ^= 1
    task.bundle.write_bytes(data)
    assert "policy.workload.measurement" in failure(Refused, task)


def test_a_machine_under_another_simulated_root_is_refused(owner, tmp_path, simulated_vendor):
    task = owner.task()
    folder = tmp_path / "other"
    SimulatedVendor.create(simulated_vendor.ark.certificate.not_valid_before_utc).save(folder)
    task.machine = folder
    assert "snp.chain.root" in failure(Refused, task)


def test_a_bundle_swapped_on_disk_after_it_was_measured_changes_nothing(owner):
    task = owner.task()

    def swap(event):
        if event["event"] == "launched":
            task.bundle.write_bytes(b"something else")

    done = task.run(swap)
    assert opened_result(owner, task, done) == CANARY.lower()


def test_another_broker_is_refused_and_told_nothing(owner):
    task = owner.task()
    task.config = msgspec.structs.replace(task.config, broker_id=sha256_of(b"another"))
    assert failure(Refused, task) == ("broker.identity",)


def test_an_absent_broker_is_unavailable(owner):
    task = owner.task()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    task.config = msgspec.structs.replace(task.config, broker_url=f"https://127.0.0.1:{port}")
    assert failure(Unavailable, task) == ("broker.unreachable",)


def test_a_broker_killed_in_the_middle_is_unavailable_and_the_job_runs_again_with_a_new_one(owner):
    task = owner.task()
    broker = type(owner.broker)(owner.broker.home, owner.broker.passphrase_file)
    good = task.config
    task.config = msgspec.structs.replace(good, broker_url=broker.url)

    def kill(event):
        if event["event"] == "launched":  # before the enclave's first request, which a kill on its way could miss
            broker.stop(signal.SIGKILL)

    assert failure(Unavailable, task, on_event=kill) == ("broker.unreachable",)
    task.config = good
    assert opened_result(owner, task, task.run()) == CANARY.lower()


def test_an_unknown_job_is_refused(owner):
    task = owner.task()
    task.config = msgspec.structs.replace(task.config, job=sha256_of(b"no job"))
    assert failure(Refused, task) == ("job.unknown",)


def test_another_jobs_bundle_is_refused(owner):
    task, other = owner.task(), owner.task(ECHO + "# other\n")
    task.bundle = other.bundle
    assert "policy.workload.measurement" in failure(Refused, task)


def damage(task, change) -> None:
    path = task.store / task.object_name
    path.write_bytes(change(path.read_bytes()))


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda data: data[:-1], "object.size"),
        (lambda data: data + b"\0", "object.size"),
        (lambda data: data[:-1] + bytes([data[-1] ^ 1]), "object.digest"),
        (lambda _: b"", "object.header"),
    ],
    ids=["truncated", "appended", "altered", "emptied"],
)
def test_a_tampered_object_is_refused(owner, change, code):
    task = owner.task()
    damage(task, change)
    assert failure(Refused, task) == (code,)


def test_an_object_swapped_for_another_is_refused(owner):
    task, other = owner.task(), owner.task(data=CANARY[::-1])
    shutil.copy(other.store / other.object_name, task.store / task.object_name)
    assert failure(Refused, task) == ("object.digest",)


def test_a_missing_object_is_unavailable(owner):
    task = owner.task()
    (task.store / task.object_name).unlink()
    assert failure(Unavailable, task) == ("store.missing",)


@pytest.mark.parametrize(
    ("code", "limits", "finding"),
    [
        ("def main(i, p): raise ValueError(i['text'])", {}, "workload.failed"),
        ("def main(i, p): return bytes(11)", {"max_output": 10}, "workload.output_size"),
        ("import time\ndef main(i, p): time.sleep(60)", {"time_limit": 0.5}, "workload.time_limit"),
    ],
)
def test_a_workload_that_fails_says_too_much_or_hangs_is_refused(owner, code, limits, finding):
    assert failure(Refused, owner.task(code, **limits)) == (finding,)


def test_a_full_or_forbidden_store_is_unavailable_and_the_job_runs_again(owner):
    task = owner.task()
    (task.store / "results").write_text("a file where the folder should be")
    with pytest.raises(Unavailable):
        task.run()
    (task.store / "results").unlink()
    assert opened_result(owner, task, task.run()) == CANARY.lower()


def test_a_bundle_that_is_none_is_refused(owner):
    task = owner.task()
    task.bundle.write_bytes(b"no bundle")
    assert failure(Refused, task) == ("workload.bundle",)


def test_a_bundle_or_machine_that_is_not_there_is_misuse(owner, tmp_path):
    task = owner.task()
    with pytest.raises(Misuse) as caught:
        launch(tmp_path / "nowhere", task.config, simulated_tee=task.machine)
    assert caught.value.codes == ("launch.file",)
    with pytest.raises(Misuse) as caught:
        launch(task.bundle, task.config, simulated_tee=tmp_path)
    assert caught.value.codes == ("launch.file",)


@pytest.mark.parametrize("step", STEPS[:-1])
@pytest.mark.parametrize("victim", ["machine", "enclave"])
def test_kill_9_at_each_step_leaves_nothing_but_ciphertext_and_the_job_runs_again(owner, step, victim):
    task = owner.task()
    victims = {}

    def kill(event):
        victims.update(event if event["event"] == "launched" else {})
        if event["event"] == step:
            with contextlib.suppress(ProcessLookupError):
                os.kill(victims[victim], signal.SIGKILL)

    with contextlib.suppress(Unavailable):  # a kill that came too late changes nothing
        task.run(kill)
    for path in task.store.parent.rglob("*"):
        assert not path.is_file() or CANARY.lower() not in path.read_bytes().lower()
    for folder in task.code_folders():
        assert not any(CANARY in path.read_bytes() for path in folder.rglob("*") if path.is_file())
    assert opened_result(owner, task, task.run()) == CANARY.lower()
    assert task.code_folders() == []


def test_an_enclave_that_is_killed_is_unavailable(owner):
    task = owner.task("import time\ndef main(i, p): time.sleep(60)")

    def kill(event):
        if event["event"] == "launched":
            os.kill(event["enclave"], signal.SIGKILL)

    assert failure(Unavailable, task, on_event=kill) == ("enclave.died",)


def test_interrupting_the_launcher_ends_machine_enclave_and_workload(owner):
    task = owner.task("import time\ndef main(i, p): time.sleep(60)")

    def interrupt(event):
        if event["event"] == "opened":
            raise KeyboardInterrupt

    start = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        task.run(interrupt)
    assert time.monotonic() - start < 10
    assert task.code_folders() == []


def test_jobs_can_run_side_by_side(owner):
    tasks, results = [owner.task(), owner.task()], {}

    def run(index):
        results[index] = opened_result(owner, tasks[index], tasks[index].run())

    threads = [threading.Thread(target=run, args=(index,)) for index in range(2)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert results == {0: CANARY.lower(), 1: CANARY.lower()}
