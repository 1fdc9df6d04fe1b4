"""The SIMULATED machine measures for itself, and the enclave gets what was measured and nothing else."""

from __future__ import annotations

import errno
import os
import socket
import subprocess
import threading
from pathlib import Path

import msgspec
import pytest

from confide.enclave.channel import ask_for_evidence, event_writer
from confide.errors import Unavailable
from confide.evidence import EvidenceBundle
from confide.evidence.snp import parse_report
from confide.ids import sha256_of
from confide.launch.sealed_memory import sealed_memory
from confide.launch.simulated import machine as machine_module
from confide.launch.simulated.machine import measure, serve_reports
from confide.measure import runtime_digest, simulated_launch_digest

SLEEPER = "import time\ndef main(inputs, parameters):\n    time.sleep(0.5)\n    return b'ok'\n"
MEASUREMENT = b"\x11" * 48


@pytest.fixture
def reports(simulated_vendor, monkeypatch):
    """The enclave's end of a machine that answers report requests."""
    mine, theirs = socket.socketpair()
    lifeline, hold = os.pipe()
    monkeypatch.setattr(machine_module, "_LAUNCHER", lifeline)
    thread = threading.Thread(target=serve_reports, args=(mine, simulated_vendor, MEASUREMENT))
    thread.start()
    yield theirs
    theirs.close()
    thread.join(5)
    assert not thread.is_alive()
    mine.close(), os.close(lifeline), os.close(hold)


def test_a_report_carries_the_machines_measurement_and_the_enclaves_64_bytes(reports):
    report = parse_report(ask_for_evidence(reports, b"\x22" * 64).evidence_bytes())
    assert (report.measurement, report.report_data) == (MEASUREMENT, b"\x22" * 64)


def test_nothing_that_the_enclave_sends_changes_the_measurement(reports):
    """A request that tries to smuggle a measurement in is read as report data, 64 bytes at a time."""
    smuggled = msgspec.json.encode({"report_data": "AA==", "measurement": "ff" * 48}).ljust(192, b" ")
    reports.sendall(smuggled)
    for at in range(0, len(smuggled), 64):
        size = int.from_bytes(reports.recv(4, socket.MSG_WAITALL), "big")
        answer = msgspec.json.decode(reports.recv(size, socket.MSG_WAITALL), type=EvidenceBundle)
        report = parse_report(answer.evidence_bytes())
        assert (report.measurement, report.report_data) == (MEASUREMENT, smuggled[at : at + 64])


def test_a_request_cut_short_gets_no_report(reports):
    reports.sendall(b"\x22" * 63)
    reports.shutdown(socket.SHUT_WR)
    reports.settimeout(0.3)
    with pytest.raises(TimeoutError):
        reports.recv(4)


def test_the_machine_ends_with_its_launcher(simulated_vendor, monkeypatch):
    mine, theirs = socket.socketpair()
    lifeline, hold = os.pipe()
    monkeypatch.setattr(machine_module, "_LAUNCHER", lifeline)
    thread = threading.Thread(target=serve_reports, args=(mine, simulated_vendor, MEASUREMENT))
    thread.start()
    os.close(hold)
    thread.join(5)
    assert not thread.is_alive()
    mine.close(), theirs.close(), os.close(lifeline)


@pytest.mark.parametrize("answer", [b"", b"\0\0\0\x05{", b"\0\0\0\x02{}", b"\xff\xff\xff\xff" + bytes(100)])
def test_a_machine_that_answers_nonsense_is_unavailable(answer):
    mine, theirs = socket.socketpair()
    mine.sendall(answer)
    mine.shutdown(socket.SHUT_WR)
    with pytest.raises(Unavailable) as caught:
        ask_for_evidence(theirs, bytes(64))
    assert caught.value.codes == ("enclave.evidence",)
    mine.close(), theirs.close()


def test_the_bundle_is_read_once_and_measured_from_those_bytes(tmp_path):
    path = tmp_path / "bundle"
    path.write_bytes(b"one")
    measured = measure(path)
    path.write_bytes(b"two")
    assert measured.data == b"one"
    assert measured.workload == sha256_of(b"one")
    assert measured.launch_digest == simulated_launch_digest(sha256_of(b"one"), runtime_digest())


def test_measured_memory_can_be_neither_written_nor_resized_nor_unsealed():
    descriptor = sealed_memory("test", b"measured")
    try:
        for attempt in (
            lambda: os.pwrite(descriptor, b"x", 0),
            lambda: os.ftruncate(descriptor, 1),
            lambda: os.ftruncate(descriptor, 100),
        ):
            with pytest.raises(OSError) as caught:  # noqa: PT011 (the number is checked below)
                attempt()
            assert caught.value.errno == errno.EPERM
        with pytest.raises(OSError):  # noqa: PT011 (opening it again for writing fails too)
            os.write(os.open(f"/proc/self/fd/{descriptor}", os.O_RDWR), b"x")
        assert os.pread(descriptor, 100, 0) == b"measured"
    finally:
        os.close(descriptor)


def test_events_are_lines_of_json():
    read, write = os.pipe()
    event_writer(write)("launched", number=1)
    line = os.read(read, 1000)
    assert msgspec.json.decode(line)["event"] == "launched"
    assert line.endswith(b"\n")
    os.close(read), os.close(write)


def inspected(owner, look) -> object:
    """What `look` sees of the running enclave and workload, from outside, while the data is open inside."""
    task, pids, seen = owner.task(SLEEPER), {}, {}

    def on_event(event):
        if event["event"] == "launched":
            pids["machine"], pids["enclave"] = event["machine"], event["enclave"]
        if event["event"] == "started":
            pids["workload"] = event["workload"]
        if event["event"] == "opened":
            seen.update({name: look(Path(f"/proc/{pid}")) for name, pid in pids.items()})

    task.run(on_event)
    return seen


needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root may look into a process that is not dumpable")


@needs_root
def test_environments_of_machine_enclave_and_workload_are_clean(owner, monkeypatch):
    for name in ("LD_PRELOAD", "LD_LIBRARY_PATH", "PYTHONPATH", "PYTHONHOME", "PYTHONSTARTUP", "CONFIDE_SECRET"):
        monkeypatch.setenv(name, "" if name.startswith("LD_") else "/nowhere")
    seen = inspected(owner, lambda process: (process / "environ").read_bytes())
    assert seen["machine"] == seen["enclave"] == b""
    assert seen["workload"] == b"OMP_NUM_THREADS=1\0OPENBLAS_NUM_THREADS=1\0"


@needs_root
def test_a_preloaded_library_does_not_reach_the_enclave(owner, tmp_path, monkeypatch):
    """A library that the launcher's own environment would load into every process it starts."""
    source, library = tmp_path / "spy.c", tmp_path / "libspy-preload.so"
    source.write_text("int spy_on_the_enclave(void) { return 1; }\n")
    try:
        subprocess.run(["cc", "-shared", "-fPIC", "-o", library, source], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("no C compiler")
    monkeypatch.setenv("LD_PRELOAD", str(library))
    loaded = subprocess.run(["cat", "/proc/self/maps"], check=True, capture_output=True, text=True).stdout
    assert "libspy-preload" in loaded, "the attack itself works"
    seen = inspected(owner, lambda process: (process / "maps").read_text())
    assert all("libspy-preload" not in maps for maps in seen.values())


def test_a_planted_module_does_not_reach_the_enclave(owner, tmp_path, monkeypatch):
    (tmp_path / "sitecustomize.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'a').write('x')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "ssl.py").write_text("raise SystemExit")
    owner.task().run()
    assert not (tmp_path / "ran").exists()


@needs_root
def test_descriptors_of_the_launcher_do_not_reach_machine_enclave_or_workload(owner, tmp_path):
    marker = tmp_path / "open-by-the-launcher"
    descriptor = os.open(marker, os.O_CREAT | os.O_RDWR)
    os.set_inheritable(descriptor, True)
    try:
        seen = inspected(owner, lambda process: [str(link.readlink()) for link in (process / "fd").iterdir()])
    finally:
        os.close(descriptor)
    for name, targets in seen.items():
        assert str(marker) not in targets, name
    kinds = sorted(target.split(":")[0] for target in seen["workload"])
    assert set(kinds) == {"/dev/null", "pipe"}
    assert not any("memfd" in target for target in seen["workload"])


def test_enclave_and_workload_dump_no_core_and_gain_no_privilege(owner):
    def look(process):
        limits = (process / "limits").read_text()
        status = dict(line.split(":\t", 1) for line in (process / "status").read_text().splitlines() if ":\t" in line)
        core = next(line for line in limits.splitlines() if line.startswith("Max core file size"))
        return core.split()[4:6], status["NoNewPrivs"]

    assert inspected(owner, look) == dict.fromkeys(("machine", "enclave", "workload"), (["0", "0"], "1"))


def test_the_enclave_has_a_session_of_its_own(owner):
    seen = inspected(owner, lambda process: int((process / "stat").read_text().rsplit(")", 1)[1].split()[3]))
    assert seen["machine"] != seen["enclave"] != os.getsid(0)
    assert seen["workload"] == seen["enclave"]
