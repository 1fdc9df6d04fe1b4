"""The commands of the cloud's side, as a user types them."""

from __future__ import annotations

import json

import msgspec
import pytest

from confide.cli.framework import run_cli
from confide.cli.main import ABOUT, COMMANDS
from confide.ids import sha256_of
from confide.launch.simulated import SimulatedVendor
from confide.policy import parse_policy
from confide.sealed import Store


def confide(capsys, *argv):
    """(exit code, document, standard error) of a command with --json."""
    code = run_cli("confide", ABOUT, "0", COMMANDS, [*map(str, argv), "--json"])
    shown = capsys.readouterr()
    return code, json.loads(shown.out), shown.err


def run_arguments(task):
    c = task.config
    return [
        *("run", task.bundle, "--job", c.job, "--broker", c.broker_url, "--broker-id", c.broker_id),
        *("--store", c.store_url, "--simulated-tee", task.machine),
    ]


def test_run_does_the_job_says_simulated_and_tells_the_steps(owner, capsys):
    task = owner.task()
    code, document, told = confide(capsys, *run_arguments(task))
    assert code == 0
    assert document.keys() == {"job", "result", "receipt", "simulated", "events", "timings"}
    assert document["simulated"] is True
    assert set(Store(str(task.store)).list("results/")) == {document["result"], document["receipt"]}
    assert list(document["timings"]) == [event["event"] for event in document["events"]]
    assert "attested" in told


def test_run_ends_by_saying_what_was_not_protected_and_how_to_go_on(owner, capsys):
    assert run_cli("confide", ABOUT, "0", COMMANDS, [str(word) for word in run_arguments(owner.task())]) == 0
    shown = capsys.readouterr().out
    assert "SIMULATED: this run did not protect" in shown
    assert "AMD SEV-SNP" in shown


def test_run_of_another_bundle_exits_1_with_the_brokers_codes(owner, capsys):
    task, other = owner.task(), owner.task("def main(i, p): return b'other'\n")
    task.bundle = other.bundle
    code, document, _ = confide(capsys, *run_arguments(task))
    assert (code, document["error"]) == (1, "refused")
    assert "policy.workload.measurement" in {finding["code"] for finding in document["findings"]}


def test_run_without_a_broker_exits_3(owner, capsys):
    task = owner.task()
    task.config = msgspec.structs.replace(task.config, broker_url="https://127.0.0.1:1")
    code, document, _ = confide(capsys, *run_arguments(task))
    assert (code, document["findings"][0]["code"]) == (3, "broker.unreachable")


@pytest.mark.parametrize("option", [("--time-limit", "0"), ("--max-output", "-1"), ("--time-limit", "soon")])
def test_run_with_a_limit_that_is_none_is_misuse(owner, capsys, option):
    code, document, _ = confide(capsys, *run_arguments(owner.task()), *option)
    assert (code, document["findings"][0]["code"]) == (2, "cli.arguments")


def test_simulated_tee_new_makes_a_machine_once_and_says_simulated(tmp_path, capsys):
    code, document, _ = confide(capsys, "simulated-tee", "new", tmp_path / "machine")
    assert (code, document["simulated"]) == (0, True)
    assert SimulatedVendor.load(tmp_path / "machine").root_fingerprint == document["root"]
    assert run_cli("confide", ABOUT, "0", COMMANDS, ["simulated-tee", "new", str(tmp_path / "machine")]) == 2
    assert SimulatedVendor.load(tmp_path / "machine").root_fingerprint == document["root"]


def test_workload_build_and_show_agree_with_the_digest_of_the_file(tmp_path, capsys, owner):
    source = next(owner.task().bundle.parent.glob("source"))
    code, built, _ = confide(capsys, "workload", "build", source, "-o", tmp_path / "b")
    assert code == 0
    assert built["digest"] == sha256_of((tmp_path / "b").read_bytes())
    code, shown, _ = confide(capsys, "workload", "show", tmp_path / "b")
    assert (code, shown["digest"], shown["files"].keys()) == (0, built["digest"], {"app/main.py"})
    (tmp_path / "b").write_bytes(b"")
    assert confide(capsys, "workload", "show", tmp_path / "b")[0] == 1


def new_policy(capsys, owner, bundle, out, *root):
    return confide(
        capsys,
        *("policy", "new", "--bundle", bundle, "--name", "lab", "--recipient", owner.folder / "alice.key.pub"),
        *(*root, "-o", out),
    )


def test_policy_new_predicts_what_the_machine_measures(owner, tmp_path, capsys):
    task, out = owner.task(), tmp_path / "policy.toml"
    code, document, _ = new_policy(capsys, owner, task.bundle, out, "--simulated-tee", owner.machine)
    assert code == 0
    policy = parse_policy(out.read_text())
    assert (policy.kind, policy.simulated_roots) == ("simulation", (owner.root,))
    launched = task.run().events[0]
    assert policy.platforms[0].values["measurements"] == (launched["measurement"],) == (document["measurement"],)


def test_policy_new_by_fingerprint_is_the_same_and_never_overwrites(owner, tmp_path, capsys):
    task, one, two = owner.task(), tmp_path / "one.toml", tmp_path / "two.toml"
    new_policy(capsys, owner, task.bundle, one, "--simulated-tee", owner.machine)
    new_policy(capsys, owner, task.bundle, two, "--root", owner.root)
    assert one.read_text() == two.read_text()
    two.write_text("edited by a person")
    assert new_policy(capsys, owner, task.bundle, two, "--root", owner.root)[0] == 2
    assert two.read_text() == "edited by a person"


def test_policy_new_with_a_root_that_is_none_is_misuse(owner, tmp_path, capsys):
    out = tmp_path / "policy.toml"
    assert new_policy(capsys, owner, owner.task().bundle, out, "--root", "sha256:xyz")[0] == 2
    assert not out.exists()
