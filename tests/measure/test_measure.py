"""A measurement is predicted from files, and depends on every byte of them."""

from __future__ import annotations

import shutil

from confide.ids import sha256_of
from confide.measure import runtime_digest, simulated_launch_digest
from confide.measure.runtime import PACKAGE

ONE, TWO = sha256_of(b"1"), sha256_of(b"2")


def test_launch_digest_is_48_bytes_and_depends_on_workload_agent_and_their_places():
    digests = {simulated_launch_digest(a, b) for a in (ONE, TWO) for b in (ONE, TWO)}
    assert len(digests) == 4
    assert {len(digest) for digest in digests} == {48}


def test_launch_digest_is_what_it_was():
    # Written down once: another value would refuse every bundle under every existing policy.
    assert (
        simulated_launch_digest(ONE, TWO).hex()
        == "9dad51d9c795a15143dd7bcb43274f4f6b332120d3456190eebc1d2318bcdcb9fbd42b7d5059d2a81d1992f4d8eb1041"
    )


def test_runtime_digest_is_that_of_the_installed_package(tmp_path):
    copy = tmp_path / "elsewhere"
    shutil.copytree(PACKAGE, copy)
    assert runtime_digest(copy) == runtime_digest()


def test_runtime_digest_depends_on_every_python_file_its_name_and_no_other_file(tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(PACKAGE, copy)
    plain = runtime_digest(copy)
    (copy / "notes.txt").write_text("no code")
    assert runtime_digest(copy) == plain
    (copy / "enclave" / "agent.py").write_text("# another agent\n")
    changed = runtime_digest(copy)
    (copy / "enclave" / "agent.py").rename(copy / "enclave" / "agent2.py")
    assert len({plain, changed, runtime_digest(copy)}) == 3
