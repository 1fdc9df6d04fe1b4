"""The owner's commands as a person and a program use them, each a process of its own."""

from __future__ import annotations

import json
import resource
import sqlite3
import stat
import subprocess
import sys
import time
from pathlib import Path

import msgspec
import pytest

from confide.broker import issue_challenge, release
from confide.errors import Refused
from confide.ids import sha256_of
from confide.sealed.keyfile import write_key_pair
from confide.secrets import Secret
from confide.testing.lab import PASSPHRASE, WORKLOAD, Lab

BIN = Path(sys.executable).parent / "confide"


@pytest.fixture(scope="module")
def place(lab_template, tmp_path_factory):
    """A lab for all tests of this file, a passphrase file, and a file to seal."""
    folder = tmp_path_factory.mktemp("commands")
    lab = lab_template.copy(folder / "lab")
    (folder / "passphrase").write_bytes(PASSPHRASE + b"\n")
    (folder / "genome.txt").write_text("rs1\t1\t1\tAA\n" * 1000)
    return lab, folder


@pytest.fixture
def lab(place) -> Lab:
    return place[0]


@pytest.fixture
def folder(place) -> Path:
    return place[1]


@pytest.fixture
def confide(place):
    """Runs a command with --json in the folder: (exit code, document)."""

    def run(*arguments, passphrase=True, expect=0):
        secret = ["--passphrase-file", "passphrase"] if passphrase else []
        command = [str(BIN), *map(str, arguments), *secret, "--json"]
        done = subprocess.run(command, cwd=place[1], capture_output=True, text=True, check=False)
        assert done.returncode == expect, done.stdout + done.stderr
        assert done.stdout.count("\n") == 1
        assert "Traceback" not in done.stderr
        return json.loads(done.stdout)

    return run


def codes(document):
    return [finding["code"] for finding in document["findings"]]


def home(lab):
    return ["--home", lab.home.folder.path]


def test_owner_init_makes_a_home_that_owner_show_describes(confide, folder):
    made = confide("owner", "init", "new-home")
    shown = confide("owner", "show", "new-home", passphrase=False)
    assert made["broker_id"] == shown["broker_id"]
    assert made["key_store"]["kind"] == shown["key_store"]["kind"] == "software"
    assert (shown["objects"], shown["policies"], shown["jobs"]) == ([], [], [])
    assert stat.S_IMODE((folder / "new-home").stat().st_mode) == 0o700
    assert codes(confide("owner", "init", "new-home", expect=2)) == ["home.exists"]


def test_owner_show_says_for_every_key_that_software_keeps_it(confide, lab):
    lab.seal(b"x")
    shown = confide("owner", "show", lab.home.folder.path, passphrase=False)
    assert "no hardware" in shown["key_store"]["meaning"]
    assert all("software" in item["key"] for item in shown["objects"])
    done = subprocess.run([BIN, "owner", "show", lab.home.folder.path], capture_output=True, text=True, check=True)
    assert "software" in done.stdout
    assert lab.home.identity.broker_id in done.stdout


def test_seal_then_job_then_show(confide, lab, folder):
    sealed = confide("seal", "genome.txt", *home(lab), "--store", "cloud", "-o", "manifest.json")
    assert (folder / "cloud" / "objects" / f"{sealed['object_id']}.c4gh").exists()
    assert sha256_of((folder / "manifest.json").read_bytes().rstrip()) == sealed["manifest"]
    write_key_pair(folder / "reader.c4gh", Secret(PASSPHRASE))
    recipient = folder / "reader.c4gh.pub"
    refused = confide(
        *("job", "new", *home(lab), "--workload", WORKLOAD, "--recipient", recipient, "--policy", "lab"),
        *("--input", f"genome={sealed['object_id']}"),
        passphrase=False,
        expect=1,
    )
    assert codes(refused) == ["job.recipient"]


def test_job_new_takes_an_object_id_a_digest_or_a_manifest_file(confide, lab, folder):
    recipient = folder / "lab-reader.pub"
    recipient.write_text(f"-----BEGIN CRYPT4GH PUBLIC KEY-----\n{lab.recipient}\n-----END CRYPT4GH PUBLIC KEY-----\n")
    sealed = confide("seal", "genome.txt", *home(lab), "--store", "cloud", "-o", "other.json")
    arguments = ["job", "new", *home(lab), "--workload", WORKLOAD, "--recipient", recipient, "--policy", "lab"]
    for name in (sealed["object_id"], sealed["manifest"], "other.json"):
        made = confide(*arguments, "--input", f"genome={name}", "--parameter", "panel=small", passphrase=False)
        assert made["inputs"] == {"genome": sealed["manifest"]}
        shown = confide("job", "show", made["job"], *home(lab), passphrase=False)
        assert (shown["state"], shown["definition"]["parameters"]) == ("created", {"panel": "small"})
    assert codes(confide(*arguments, "--input", "genome=none", passphrase=False, expect=1)) == ["job.input"]
    assert codes(confide(*arguments, "--input", "genome", passphrase=False, expect=2)) == ["cli.arguments"]


@pytest.mark.parametrize(
    ("name", "code"), [("empty", "seal.empty"), ("absent", "file.enoent"), (".", "file.eisdir"), ("pipe", "seal.empty")]
)
def test_file_that_cannot_be_sealed_is_misuse(confide, lab, folder, name, code):
    (folder / "empty").touch()
    if name == "pipe" and not (folder / "pipe").exists():
        (folder / "pipe").symlink_to("/dev/null")
    document = confide("seal", name, *home(lab), "--store", "cloud", expect=2)
    assert codes(document) == [code]


def test_manifest_path_that_cannot_be_written_is_found_before_sealing(confide, lab, folder):
    before = len(confide("owner", "show", lab.home.folder.path, passphrase=False)["objects"])
    arguments = ["seal", "genome.txt", *home(lab), "--store", "cloud", "-o", "no/such/folder/m.json"]
    assert codes(confide(*arguments, expect=2)) == ["seal.output"]
    assert len(confide("owner", "show", lab.home.folder.path, passphrase=False)["objects"]) == before


def test_full_disk_is_unavailable_and_registers_nothing(confide, lab):
    """A file size limit stands for the full disk: the same error branch of the operating system's."""
    before = len(confide("owner", "show", lab.home.folder.path, passphrase=False)["objects"])
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))
    try:
        document = confide("seal", "genome.txt", *home(lab), "--store", "small", expect=3)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert codes(document)[0] in {"disk.full", "database.failed"}
    assert len(confide("owner", "show", lab.home.folder.path, passphrase=False)["objects"]) == before


@pytest.mark.parametrize(
    "address", [["--port", "99999"], ["--host", "no.such.host.invalid"], ["--host", "\u00e9" * 99]]
)
def test_address_that_cannot_be_had_is_misuse(confide, lab, address):
    assert codes(confide("broker", "serve", *home(lab), *address, expect=2)) == ["broker.address"]


@pytest.mark.parametrize("delay", [0.25, 0.35, 0.5])
def test_killed_seal_loses_nothing_and_runs_again(confide, lab, folder, delay):
    """Every registered object is whole in the store, whenever the process died."""
    big = folder / "big"
    big.write_bytes(bytes(50 << 20))
    arguments = ["seal", "big", *home(lab), "--store", str(folder / "killed"), "--passphrase-file", "passphrase"]
    with subprocess.Popen([BIN, *arguments], cwd=folder, stdout=subprocess.DEVNULL) as process:
        time.sleep(delay)
        process.kill()
    again = confide(*arguments, passphrase=False)
    listing = confide("owner", "show", lab.home.folder.path, passphrase=False)["objects"]
    stored = [item for item in listing if item["location"] == str(folder / "killed")]
    assert again["object_id"] in {item["object_id"] for item in stored}
    for item in stored:
        size = (folder / "killed" / "objects" / f"{item['object_id']}.c4gh").stat().st_size
        assert size == 124 + item["size"] + 28 * -(-item["size"] // 65536)


def test_wrong_passphrase_is_misuse_everywhere(confide, lab, folder):
    (folder / "wrong").write_bytes(b"wrong")
    (folder / "policy.toml").write_text(lab.policy_text())
    for arguments in (
        ["seal", "genome.txt", *home(lab), "--store", "cloud"],
        ["policy", "activate", "policy.toml", *home(lab)],
        ["broker", "serve", *home(lab), "--port", "0"],
    ):
        document = confide(*arguments, "--passphrase-file", "wrong", passphrase=False, expect=2)
        assert codes(document) == ["keys.passphrase"]


def test_policy_activate_appends_a_revision_and_keeps_a_copy(confide, lab, folder):
    text = lab.policy_text(name="second")
    (folder / "second.toml").write_text(text)
    first = confide("policy", "activate", "second.toml", *home(lab))
    assert (first["revision"], first["kind"], first["digest"]) == (1, "simulation", sha256_of(text.encode()))
    assert confide("policy", "activate", "second.toml", *home(lab))["revision"] == 1
    (folder / "second.toml").write_text(lab.policy_text(name="second", releases_per_key=3))
    assert confide("policy", "activate", "second.toml", *home(lab))["revision"] == 2
    assert (lab.home.folder.policies_folder / "second-1.toml").read_text() == text


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"x" * (1 << 21), b"version = 1\n"])
def test_policy_that_is_none_is_misuse(confide, lab, folder, content):
    (folder / "bad.toml").write_bytes(content)
    assert confide("policy", "activate", "bad.toml", *home(lab), expect=2)["error"] == "misuse"


def test_audit_show_explains_refusals_as_a_person_reads_them(confide, lab):
    job = lab.job()
    nonce = issue_challenge(lab.broker, job.job_id, now=lab.now).nonce
    request = lab.enclave().request(lab.broker.identity.broker_id, job.job_id, nonce, vmpl=2)
    with pytest.raises(Refused):
        release(lab.broker, request, now=lab.now)
    command = [BIN, "audit", "show", *home(lab), "--refusals", "--job", job.job_id]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert "snp.vmpl\n    got 2; wanted 0\n" in text
    document = confide("audit", "show", *home(lab), "--refusals", "--job", job.job_id, passphrase=False)
    assert [row["body"]["findings"][0]["code"] for row in document["rows"]] == ["snp.vmpl"]
    shown = confide("job", "show", job.job_id, *home(lab), passphrase=False)
    assert (shown["state"], shown["refusals"][0]["findings"][0]["got"]) == ("refused", "2")


def test_refused_stranger_cannot_steer_the_owners_terminal(lab):
    job = lab.job()
    nonce = issue_challenge(lab.broker, job.job_id, now=lab.now).nonce
    request = lab.enclave().request(lab.broker.identity.broker_id, job.job_id, nonce)
    evidence = msgspec.structs.replace(request.evidence, format="\x1b[2Jsnp\rreleased")
    with pytest.raises(Refused):
        release(lab.broker, msgspec.structs.replace(request, evidence=evidence), now=lab.now)
    for command in (["audit", "show"], ["job", "show", job.job_id]):
        text = subprocess.run([BIN, *command, *home(lab)], capture_output=True, check=True).stdout
        assert b"[2Jsnp" in text
        assert b"\x1b" not in text
        assert b"\r" not in text


def test_audit_show_exits_1_for_a_broken_log_and_0_for_a_whole_one(confide, lab_template, tmp_path):
    lab = lab_template.copy(tmp_path / "lab")
    lab.job()
    whole = confide("audit", "show", *home(lab), passphrase=False)
    assert (whole["chain"], whole["length"]) == ("whole", 3)
    confide("audit", "show", *home(lab), "--head", whole["head"], passphrase=False)
    with sqlite3.connect(lab.home.folder.database_file) as connection:
        connection.execute("DROP TRIGGER audit_delete")
        connection.execute("DROP TRIGGER audit_update")
        connection.execute("DELETE FROM audit WHERE sequence = 3")
    cut = confide("audit", "show", *home(lab), "--head", whole["head"], passphrase=False, expect=1)
    assert codes(cut) == ["audit.head"]
    with sqlite3.connect(lab.home.folder.database_file) as connection:
        connection.execute("UPDATE audit SET body = '{}' WHERE sequence = 1")
    broken = confide("audit", "show", *home(lab), passphrase=False, expect=1)
    assert (broken["chain"], codes(broken)) == ("broken", ["audit.hash"])


def test_unknown_job_and_no_home_are_one_sentence(confide, lab):
    assert codes(confide("job", "show", "none", *home(lab), passphrase=False, expect=1)) == ["job.unknown"]
    assert codes(confide("owner", "show", "nowhere", passphrase=False, expect=2)) == ["home.missing"]
    assert codes(confide("audit", "show", "--home", "nowhere", passphrase=False, expect=2)) == ["home.missing"]


def test_damaged_database_is_unavailable(confide, lab_template, tmp_path):
    lab = lab_template.copy(tmp_path / "lab")
    lab.home.database.close()
    lab.home.folder.database_file.write_bytes(b"no database" * 1000)
    document = confide("owner", "show", lab.home.folder.path, passphrase=False, expect=3)
    assert codes(document) == ["database.failed"]
