"""`confide receipt verify` and `confide open`: the receipt first, then the decryption, never the other way round."""

from __future__ import annotations

import json

import pytest

from confide.cli.framework import run_cli
from confide.cli.main import ABOUT, COMMANDS
from confide.sealed import Store, receipt_name, result_name, write_key_pair
from confide.secrets import Secret


def confide(capsys, *argv):
    """(exit code, document) of a command with --json."""
    code = run_cli("confide", ABOUT, "0", COMMANDS, [*map(str, argv), "--json"])
    return code, json.loads(capsys.readouterr().out)


@pytest.fixture
def files(done, tmp_path):
    (tmp_path / "receipt.json").write_bytes(done.receipt)
    (tmp_path / "result.c4gh").write_bytes(done.result)
    (tmp_path / "policy.toml").write_text(done.policy)
    return tmp_path


def test_verify_affirms_with_everything_given(files, done, capsys):
    code, document = confide(
        capsys,
        *("receipt", "verify", files / "receipt.json", "--output", files / "result.c4gh"),
        *("--policy", files / "policy.toml", "--broker-id", done.owner.home.identity.broker_id),
    )
    assert code == 0
    assert document.keys() == {"verdict", "simulated", "checks", "findings", "receipt"}
    assert (document["verdict"], document["simulated"], document["findings"]) == ("affirmed", True, [])
    assert document["receipt"]["job"] == done.job.job_id
    assert all(check["outcome"] != "failed" for check in document["checks"])


def test_verify_without_a_policy_is_genuine(files, capsys):
    code, document = confide(capsys, "receipt", "verify", files / "receipt.json")
    assert (code, document["verdict"]) == (0, "genuine")


def test_simulated_is_said_loudly_first_and_last(files, capsys):
    assert run_cli("confide", ABOUT, "0", COMMANDS, ["receipt", "verify", str(files / "receipt.json")]) == 0
    lines = capsys.readouterr().out.strip().splitlines()
    assert lines[0].startswith("SIMULATED")
    assert lines[-1].startswith("SIMULATED")


def test_a_changed_receipt_exits_1_with_the_same_document_and_repeats_nothing_of_it(files, capsys):
    path = files / "receipt.json"
    path.write_bytes(path.read_bytes().replace(b'"revision":1', b'"revision":2'))
    code, document = confide(capsys, "receipt", "verify", path)
    assert code == 1
    assert document.keys() == {"verdict", "simulated", "checks", "findings", "receipt"}
    assert (document["verdict"], document["simulated"], document["receipt"]) == ("refused", None, None)
    assert {"receipt.policy", "receipt.signature"} <= {finding["code"] for finding in document["findings"]}
    assert {"code": "receipt.signature", "outcome": "failed"} in document["checks"]


def test_another_output_exits_1(files, capsys):
    (files / "result.c4gh").write_bytes(b"another")
    code, document = confide(capsys, "receipt", "verify", files / "receipt.json", "--output", files / "result.c4gh")
    assert (code, [finding["code"] for finding in document["findings"]]) == (1, ["receipt.output"])


@pytest.mark.parametrize("option", ["--output", "--policy"])
def test_a_file_that_is_not_there_is_misuse(files, capsys, option):
    code, document = confide(capsys, "receipt", "verify", files / "receipt.json", option, files / "nothing")
    assert (code, document["error"]) == (2, "misuse")


def test_a_policy_with_errors_is_misuse(files, capsys):
    (files / "policy.toml").write_text("name = 1")
    code, _ = confide(capsys, "receipt", "verify", files / "receipt.json", "--policy", files / "policy.toml")
    assert code == 2


def open_result(capsys, files, done, *source, identity=None):
    passphrase = done.owner.folder / "passphrase"
    return confide(
        capsys,
        *("open", files / "receipt.json", *source, "-o", files / "out"),
        *("--identity", identity or done.owner.folder / "alice.key", "--passphrase-file", passphrase),
    )


def test_open_decrypts_a_result_whose_receipt_holds(files, done, capsys):
    code, document = open_result(capsys, files, done, "--object", files / "result.c4gh")
    assert (code, document["simulated"], document["verdict"]) == (0, True, "genuine")
    assert (files / "out").read_bytes() == b"genome"


def test_open_takes_the_result_from_a_store(files, done, capsys):
    store = Store(str(files / "store"))
    store.put_bytes(result_name(done.job.job_id), done.result)
    store.put_bytes(receipt_name(done.job.job_id), done.receipt)
    assert open_result(capsys, files, done, "--store", files / "store")[0] == 0
    assert (files / "out").read_bytes() == b"genome"


def test_a_receipt_that_does_not_verify_opens_nothing(files, done, capsys):
    path = files / "receipt.json"
    path.write_bytes(path.read_bytes().replace(b'"revision":1', b'"revision":2'))
    code, document = confide(
        capsys,
        *("open", path, "--object", files / "result.c4gh", "-o", files / "out"),
        *("--identity", files / "no-such-key", "--passphrase-file", files / "no-such-passphrase"),
    )
    assert code == 1
    assert "receipt.signature" in {finding["code"] for finding in document["findings"]}
    assert not (files / "out").exists()


def test_open_refuses_a_result_of_another_job(files, done, owner, capsys):
    (files / "result.c4gh").write_bytes(owner.task(data=b"ANOTHER").run().result)
    code, document = open_result(capsys, files, done, "--object", files / "result.c4gh")
    assert (code, document["findings"][0]["code"]) == (1, "receipt.output")
    assert not (files / "out").exists()


def test_open_with_somebody_elses_key_is_refused(files, done, capsys):
    write_key_pair(files / "mallory.key", Secret((done.owner.folder / "passphrase").read_bytes()))
    code, _ = open_result(capsys, files, done, "--object", files / "result.c4gh", identity=files / "mallory.key")
    assert code in {1, 2}
    assert not (files / "out").exists()


def test_open_from_a_store_without_the_result_is_unavailable(files, done, capsys):
    code, document = open_result(capsys, files, done, "--store", files / "empty")
    assert (code, document["findings"][0]["code"]) == (3, "store.missing")


def test_open_over_a_damaged_policy_argument_stays_typed(files, done, capsys):
    code, document = open_result(capsys, files, done, "--object", files / "result.c4gh", "--broker-id", "sha256:x")
    assert (code, document["findings"][0]["code"]) == (1, "receipt.broker")
