"""The owner's home: private, made whole or not at all, and closed to a wrong passphrase."""

from __future__ import annotations

import json
import os
import signal
import ssl
import subprocess
import sys
import time

import msgspec
import pytest
from cryptography import x509

from confide.clock import system_clock
from confide.errors import ConfideError, Misuse, Refused
from confide.ids import canonical_json, sha256_of
from confide.owner import HomeFolder, OwnerHome
from confide.secrets import Secret


def passphrase():
    return Secret(b"a passphrase")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    old = os.umask(0)
    try:
        return OwnerHome.create(tmp_path_factory.mktemp("owner") / "home", passphrase())
    finally:
        os.umask(old)


def test_everything_in_a_home_is_for_its_owner_only(made):
    for path in (made.folder.path, *made.folder.path.rglob("*")):
        assert path.stat().st_mode & 0o077 == 0, path


def test_opened_home_is_the_one_that_was_made(made):
    again = OwnerHome.open(made.folder.path, passphrase())
    assert again.identity.broker_id == made.identity.broker_id == made.folder.facts().broker_id
    wrapped = made.custody.wrap(Secret(bytes(32)), b"context")
    assert again.custody.unwrap(wrapped, b"context").reveal() == bytes(32)


def test_home_says_that_its_keys_are_software(made):
    assert made.folder.facts().custody["kind"] == "software"


def test_certificate_is_of_the_broker_and_serves_tls_1_3_only(made):
    pem = made.folder.certificate_file.read_bytes()
    certificate = x509.load_pem_x509_certificate(pem)
    assert sha256_of(certificate.public_key().public_bytes_raw()) == made.identity.broker_id
    assert certificate.not_valid_before_utc < system_clock() < certificate.not_valid_after_utc
    assert made.identity.tls_context(pem).minimum_version == ssl.TLSVersion.TLSv1_3


def test_wrong_passphrase_is_misuse(made):
    with pytest.raises(Misuse) as failure:
        OwnerHome.open(made.folder.path, Secret(b"another"))
    assert failure.value.codes == ("keys.passphrase",)


def test_folder_that_is_no_home_is_misuse(tmp_path):
    with pytest.raises(Misuse) as failure:
        OwnerHome.open(tmp_path, passphrase())
    assert failure.value.codes == ("home.missing",)


def test_existing_home_is_not_touched(made):
    before = {path: path.stat().st_mtime_ns for path in made.folder.path.rglob("*")}
    with pytest.raises(Misuse) as failure:
        OwnerHome.create(made.folder.path, passphrase())
    assert failure.value.codes == ("home.exists",)
    assert before == {path: path.stat().st_mtime_ns for path in made.folder.path.rglob("*")}


def test_existing_file_is_not_touched(tmp_path):
    (tmp_path / "home").write_text("mine")
    with pytest.raises(Misuse) as failure:
        OwnerHome.create(tmp_path / "home", passphrase())
    assert failure.value.codes == ("home.exists",)
    assert (tmp_path / "home").read_text() == "mine"


def test_empty_folder_becomes_a_home(tmp_path):
    (tmp_path / "home").mkdir()
    assert OwnerHome.create(tmp_path / "home", passphrase()).folder.facts()
    assert [path.name for path in tmp_path.iterdir()] == ["home"]


def test_empty_passphrase_is_misuse_and_leaves_nothing(tmp_path):
    with pytest.raises(Misuse):
        OwnerHome.create(tmp_path / "home", Secret(b""))
    assert list(tmp_path.iterdir()) == []


def test_broker_key_of_another_home_is_refused(made, tmp_path):
    """Both files are genuine, and do not belong together."""
    other = OwnerHome.create(tmp_path / "home", passphrase())
    other.folder.facts_file.write_bytes(made.folder.facts_file.read_bytes())
    with pytest.raises(Refused) as failure:
        OwnerHome.open(other.folder.path, passphrase())
    assert failure.value.codes == ("keys.wrapped",)


def test_public_key_exchanged_in_the_facts_is_refused(made, tmp_path):
    other = OwnerHome.create(tmp_path / "home", passphrase())
    facts = other.folder.facts()
    forged = msgspec.structs.replace(
        facts, broker=msgspec.structs.replace(facts.broker, public_key=made.folder.facts().broker.public_key)
    )
    other.folder.facts_file.write_bytes(canonical_json(msgspec.to_builtins(forged)))
    with pytest.raises(Refused) as failure:
        OwnerHome.open(other.folder.path, passphrase())
    assert failure.value.codes == ("keys.wrapped",)


@pytest.mark.parametrize("delay", [0.2, 0.3, 0.4, 0.5, 0.6, 0.8])
def test_killed_init_leaves_no_half_of_a_home_and_runs_again(tmp_path, delay):
    """Whatever the moment: there is no home, or a whole one."""
    path = tmp_path / "home"
    script = (
        "import sys; from confide.owner import OwnerHome; from confide.secrets import Secret\n"
        "OwnerHome.create(sys.argv[1], Secret(b'a passphrase'))"
    )
    with subprocess.Popen([sys.executable, "-c", script, str(path)]) as process:
        time.sleep(delay)
        process.send_signal(signal.SIGKILL)
    if not path.exists():
        OwnerHome.create(path, passphrase())
    assert OwnerHome.open(path, passphrase()).folder.database().open
    assert [item.name for item in tmp_path.iterdir()] == ["home"]


def test_killed_init_is_cleaned_up_by_the_next(tmp_path):
    draft = tmp_path / ".home.unfinished"
    draft.mkdir()
    (draft / "keys.json").write_text("half")
    OwnerHome.create(tmp_path / "home", passphrase())
    assert [item.name for item in tmp_path.iterdir()] == ["home"]


@pytest.mark.parametrize("content", ["", "{", "[]", json.dumps({"type": "confide-home/1"})])
def test_damaged_facts_are_one_sentence(made, tmp_path, content):
    (tmp_path / "home.json").write_text(content)
    with pytest.raises(ConfideError) as failure:
        HomeFolder(tmp_path).facts()
    assert failure.value.codes == ("json.malformed",)
