"""Bad input and failing surroundings, at the command line: one clear sentence, the right exit code, no traceback, and
nothing lost: the job can be run again.
"""

from __future__ import annotations

import gzip
import json
import os
import shutil
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

BIN = Path(sys.executable).parent
EXAMPLE = Path(__file__).parents[2] / "examples" / "finnish.23andme.txt"


def call(prog, *words, **options):
    done = subprocess.run(
        [BIN / prog, *map(str, words), "--json"], capture_output=True, text=True, check=False, timeout=120, **options
    )
    assert "Traceback" not in done.stderr
    assert done.stdout.count("\n") == 1
    return done.returncode, json.loads(done.stdout)


def codes(document):
    return [finding["code"] for finding in document["findings"]]


def genome_file(folder, kind):
    path = folder / "genome"
    text = EXAMPLE.read_bytes()
    content = {
        "empty": b"",
        "truncated": gzip.compress(text)[:3000],
        "binary": bytes(range(256)) * 40,
        "encoding": text.decode().encode("utf-16"),
        "no panel": b"# rsid\tchromosome\tposition\tgenotype\nrs1\t1\t5\tAA\n",
        "too large": b"",
    }[kind]
    path.write_bytes(content)
    if kind == "too large":
        with path.open("r+b") as file:
            file.truncate(2 << 30)
    return path


@pytest.mark.parametrize("protection", ["none", "tee"])
@pytest.mark.parametrize(
    ("kind", "code"),
    [
        ("empty", "genotypes.empty"),
        ("truncated", "genotypes.truncated"),
        ("binary", "genotypes.binary"),
        ("encoding", "genotypes.encoding"),
        ("no panel", "genotypes.no_panel_snps"),
        ("too large", "genotypes.too_large"),
    ],
)
def test_a_genotype_file_that_cannot_be_used_is_misuse_with_or_without_protection(tmp_path, kind, code, protection):
    status, document = call("palabs", "ancestry", genome_file(tmp_path, kind), "--protect", protection)
    assert (status, codes(document)) == (2, [code])


@pytest.fixture
def ordered(running):
    """A job that is ready to run, and the words of the command that runs it."""
    lab, broker = running
    genome = lab.seal(EXAMPLE.read_bytes())
    job = lab.order(genome)
    words = ["run", lab.folders.bundle, "--job", job.job_id, "--broker-id", broker.broker_id, "--broker", broker.url]
    words += ["--store", lab.folders.cloud, "--simulated-tee", lab.folders.machine]
    return lab, job, genome, words


def instead(words, option, value):
    changed = list(words)
    changed[words.index(option) + 1] = value
    return changed


def runs_again(words):
    status, document = call("confide", *words)
    return status == 0 and document["simulated"] is True


def test_an_absent_broker_is_unavailable_and_the_job_runs_once_it_is_back(ordered):
    *_, words = ordered
    status, document = call("confide", *instead(words, "--broker", "https://127.0.0.1:9"))
    assert (status, codes(document)) == (3, ["broker.unreachable"])
    assert runs_again(words)


def test_a_broker_with_another_identity_is_refused_before_anything_is_sent(ordered):
    *_, words = ordered
    status, document = call("confide", *instead(words, "--broker-id", "sha256:" + "0" * 64))
    assert (status, codes(document)) == (1, ["broker.identity"])
    assert runs_again(words)


def test_a_tampered_object_is_refused_and_the_job_runs_once_it_is_whole(ordered):
    lab, _, genome, words = ordered
    path = lab.folders.cloud / "objects" / f"{genome.manifest.object_id}.c4gh"
    whole = path.read_bytes()
    path.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    status, document = call("confide", *words)
    assert (status, codes(document)) == (1, ["object.digest"])
    path.unlink()
    status, document = call("confide", *words)
    assert (status, codes(document)) == (3, ["store.missing"])
    path.write_bytes(whole)
    assert runs_again(words)


def test_a_tampered_bundle_is_refused_and_the_right_one_runs(ordered, tmp_path):
    lab, *_, words = ordered
    changed = tmp_path / "changed.tar"
    changed.write_bytes(lab.folders.bundle.read_bytes().replace(b"The workload:", b"the workload:", 1))
    status, document = call("confide", "run", changed, *words[2:])
    assert (status, codes(document)) == (1, ["policy.workload.measurement"])
    broken = tmp_path / "broken.tar"
    broken.write_bytes(b"not a bundle")
    status, document = call("confide", "run", broken, *words[2:])
    assert (status, codes(document)) == (1, ["workload.bundle"])
    assert runs_again(words)


def test_a_tampered_receipt_is_refused_and_the_right_one_verifies(ordered, tmp_path):
    lab, job, _, words = ordered
    assert runs_again(words)
    receipt = lab.receipt_of(job)
    path = tmp_path / "receipt.json"
    path.write_bytes(receipt)
    status, document = call("confide", "receipt", "verify", path)
    assert (status, document["verdict"], document["simulated"]) == (0, "genuine", True)
    path.write_bytes(receipt.replace(b'"revision":1', b'"revision":2', 1))
    status, document = call("confide", "receipt", "verify", path)
    assert (status, document["verdict"]) == (1, "refused")
    assert "receipt.signature" in codes(document)
    path.write_bytes(b"{}")
    assert call("confide", "receipt", "verify", path)[0] == 1


def test_a_wrong_passphrase_is_misuse_and_changes_nothing(ordered, tmp_path):
    lab, *_, words = ordered
    wrong = tmp_path / "passphrase"
    wrong.write_text("wrong\n")
    before = sorted((path, path.read_bytes()) for path in lab.folders.home.glob("*.*") if path.suffix != ".db-shm")
    for command in (
        ["seal", EXAMPLE, "--home", lab.folders.home, "--store", lab.folders.cloud],
        ["broker", "serve", "--home", lab.folders.home, "--port", "0"],
        ["policy", "activate", lab.folders.policy, "--home", lab.folders.home],
    ):
        status, document = call("confide", *command, "--passphrase-file", wrong)
        assert (status, codes(document)) == (2, ["keys.passphrase"])
    assert before == sorted((path, path.read_bytes()) for path, _ in before)
    assert runs_again(words)


def brokers_of(lab):
    """The process numbers of the brokers that serve the laboratory's home."""
    found = set()
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if os.fsencode(lab.folders.home) in (process / "cmdline").read_bytes():
                found.add(int(process.name))
    return found


def test_a_broker_killed_in_the_middle_is_unavailable_and_the_job_runs_after_its_restart(ordered):
    lab, job, _, _ = ordered
    others = brokers_of(lab)

    def kill_the_broker(event):
        if event["event"] == "launched":  # before the enclave's first request, which a kill on its way could miss
            for process in brokers_of(lab) - others:
                os.kill(process, signal.SIGKILL)

    from confide.errors import Unavailable

    with lab.broker() as mortal, pytest.raises(Unavailable) as failure:
        lab.run(lab.folders.bundle, job, mortal, kill_the_broker)
    assert failure.value.codes == ("broker.unreachable",)
    with lab.broker() as again:
        lab.run(lab.folders.bundle, job, again, lambda _: None)
    assert lab.open(job).receipt.simulated


def test_an_input_that_is_no_file_is_misuse_for_every_command_that_reads_one(tmp_path):
    for command in (["receipt", "verify"], ["evidence", "verify"], ["policy", "check"], ["workload", "show"]):
        for path in (tmp_path / "absent", tmp_path):
            assert call("confide", *command, path)[0] == 2


def test_a_home_that_exists_is_never_overwritten(ordered, tmp_path):
    lab, *_ = ordered
    passphrase = tmp_path / "passphrase"
    passphrase.write_text("some passphrase\n")
    status, document = call("confide", "owner", "init", lab.folders.home, "--passphrase-file", passphrase)
    assert (status, codes(document)) == (2, ["home.exists"])


@pytest.mark.skipif(not shutil.which("unshare"), reason="needs unshare (util-linux)")
def test_a_full_disk_is_unavailable_and_leaves_nothing_half_written(tmp_path):
    """A store on a file system of 128 KiB, in a mount namespace of its own."""
    (tmp_path / "passphrase").write_text("some passphrase\n")
    (tmp_path / "big").write_bytes(bytes(1 << 20))
    (tmp_path / "small").write_bytes(bytes(1 << 10))
    assert call("confide", "owner", "init", "home", "--passphrase-file", "passphrase", cwd=tmp_path)[0] == 0
    confide = BIN / "confide"
    script = f"""
        mkdir store && mount -t tmpfs -o size=128k none store || exit 77
        {confide} seal big --home home --store store --passphrase-file passphrase --json > full.json; echo $? > status
        find store -type f > left
        {confide} seal small --home home --store store --passphrase-file passphrase --json > again.json
    """
    done = subprocess.run(
        ["unshare", "-rm", "sh", "-c", script], cwd=tmp_path, check=False, capture_output=True, text=True
    )
    if done.returncode == 77 or "unshare" in done.stderr:
        pytest.skip("no mount namespaces here")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "status").read_text() == "3\n"
    assert codes(json.loads((tmp_path / "full.json").read_text())) == ["disk.full"]
    assert (tmp_path / "left").read_text() == ""
    assert "object_id" in (tmp_path / "again.json").read_text()
