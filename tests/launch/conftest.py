"""An owner with a real broker process, a SIMULATED machine, and a folder as the cloud's store."""

from __future__ import annotations

import io
import json
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest

from confide.broker import activate_policy, register_job
from confide.enclave.config import JobConfig
from confide.enclave.private_folder import PREFIX, roots
from confide.ids import new_id, to_base64
from confide.job import new_job
from confide.launch import launch
from confide.measure import runtime_digest, simulated_launch_digest
from confide.owner import OwnerHome, seal_into
from confide.policy import render_policy
from confide.sealed import Store, read_public_key, write_key_pair
from confide.secrets import Secret
from confide.workload import build_bundle

PASSPHRASE = b"correct horse"
CANARY = b"CANARY-5b1e-GENOME"
ECHO = "def main(inputs, parameters):\n    return inputs['text'].lower()\n"
STARTED: set[int] = set()  # the processes of which events told
TOML = 'name = "w"\nversion = "1"\nentry = "main:main"\ninputs = ["text"]\n'


@dataclass
class BrokerProcess:
    """`confide broker serve` on a port of its own choosing."""

    home: Path
    passphrase_file: Path
    process: subprocess.Popen = field(init=False)
    url: str = field(init=False)

    def __post_init__(self):
        command = [sys.executable, "-m", "confide.cli.main", "broker", "serve", "--home", self.home, "--port", "0"]
        command += ["--passphrase-file", self.passphrase_file, "--json"]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        self.url = json.loads(self.process.stdout.readline())["url"]

    def stop(self, number=signal.SIGTERM):
        self.process.send_signal(signal.SIGCONT)
        self.process.send_signal(number)
        self.process.wait(10)


@dataclass
class Task:
    """A bundle, a job for it, and the cloud's part: where the store is and which machine runs it."""

    bundle: Path
    policy: str
    object_name: str
    config: JobConfig
    machine: Path
    store: Path
    agents: set[int] = field(default_factory=set)

    def code_folders(self) -> list[Path]:
        """What its enclaves left of their code folders, wherever these may be."""
        found = (folder for root in roots() for number in self.agents for folder in root.glob(f"{PREFIX}{number}-*"))
        return list(found)

    def run(self, on_event=lambda _: None):
        def note(event):
            STARTED.update(
                event[name] for name in ("machine", "enclave", "workload") if isinstance(event.get(name), int)
            )
            self.agents.update([event["agent"]] if "agent" in event else [])
            on_event(event)

        return launch(self.bundle, self.config, simulated_tee=self.machine, on_event=note)

    def results(self) -> list[str]:
        return Store(str(self.store)).list("results/")


@dataclass
class Owner:
    """The owner's side, and a recipient."""

    folder: Path
    home: OwnerHome
    recipient: bytes
    broker: BrokerProcess
    machine: Path
    root: str

    def task(self, code: str = ECHO, data: bytes = CANARY, **limits) -> Task:
        folder = self.folder / new_id("task")
        (folder / "source").mkdir(parents=True)
        (folder / "source" / "workload.toml").write_text(TOML)
        (folder / "source" / "main.py").write_text(code)
        digest = build_bundle(folder / "source", folder / "w.bundle")
        now = datetime.now(UTC)
        stored = seal_into(self.home, Store(str(folder / "store")), io.BytesIO(data), location="store", now=now)
        policy = render_policy(
            name=folder.name,
            kind="simulation",
            workload=digest,
            runtime=runtime_digest(),
            recipients=[to_base64(self.recipient)],
            measurement=simulated_launch_digest(digest, runtime_digest()),
            simulated_root=self.root,
        )
        activate_policy(self.home.database, policy, identity=self.home.identity, now=now)
        job = new_job(
            workload=digest,
            inputs={"text": stored.manifest.manifest_digest},
            recipient=to_base64(self.recipient),
            policy=folder.name,
            now=now,
        )
        register_job(self.home.database, job, broker_key=self.home.identity.public_key, now=now)
        config = JobConfig(job.job_id, self.broker.url, self.home.identity.broker_id, str(folder / "store"), **limits)
        name = f"objects/{stored.manifest.object_id}.c4gh"
        return Task(folder / "w.bundle", policy, name, config, self.machine, folder / "store")


@pytest.fixture(scope="session")
def owner(tmp_path_factory, simulated_vendor):
    folder = tmp_path_factory.mktemp("owner")
    (folder / "passphrase").write_bytes(PASSPHRASE)
    home = OwnerHome.create(folder / "home", Secret(PASSPHRASE))
    write_key_pair(folder / "alice.key", Secret(PASSPHRASE))
    simulated_vendor.save(folder / "machine")
    broker = BrokerProcess(folder / "home", folder / "passphrase")
    yield Owner(
        folder,
        home,
        read_public_key(folder / "alice.key.pub"),
        broker,
        folder / "machine",
        simulated_vendor.root_fingerprint,
    )
    if broker.process.poll() is None:
        broker.stop()


@pytest.fixture
def no_process_left():
    """After the test, no machine, enclave or workload that it started is left."""
    STARTED.clear()
    yield
    end = time.monotonic() + 5
    while left := {number for number in STARTED if Path(f"/proc/{number}").exists()}:
        assert time.monotonic() < end, left
        time.sleep(0.01)
