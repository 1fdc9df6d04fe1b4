"""A job done in this process: the real broker's functions without HTTP, the real agent, a SIMULATED machine."""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from confide.broker import activate_policy, issue_challenge, register_job, release
from confide.clock import system_clock
from confide.enclave.agent import Surroundings, do_job
from confide.enclave.runner import started
from confide.ids import new_id, to_base64
from confide.job import new_job
from confide.measure import runtime_digest, simulated_launch_digest
from confide.owner import OwnerHome, seal_into
from confide.policy import render_policy
from confide.sealed import Store, read_public_key, receipt_name, result_name, write_key_pair
from confide.secrets import Secret
from confide.workload import BundleInfo, read_bundle
from confide.workload.bundle import write_bundle

PASSPHRASE = b"correct horse"
CODE = b"def main(inputs, parameters):\n    return inputs['text'].lower()\n"


@dataclass
class DirectBroker:
    """The broker's client without a network: it calls the broker's functions. `alter` plays a hostile broker."""

    broker: Any
    alter: Any = None

    def challenge(self, job):
        return issue_challenge(self.broker, job, now=system_clock())

    def release(self, request):
        answer = release(self.broker, request, now=system_clock())
        return self.alter(answer) if self.alter else answer


@dataclass
class Owner:
    folder: Path
    home: OwnerHome
    recipient: bytes
    vendor: Any
    tasks: list = field(default_factory=list)

    def task(self, data: bytes = b"GENOME", code: bytes = CODE, measurement: bytes | None = None) -> Task:
        info = BundleInfo("w", "1", "main:main", ("text",))
        bundle = read_bundle(write_bundle(info, {"app/main.py": code}))
        store, now = Store(str(self.folder / new_id("store"))), datetime.now(UTC)
        stored = seal_into(self.home, store, io.BytesIO(data), location="store", now=now)
        measurement = measurement or simulated_launch_digest(bundle.digest, runtime_digest())
        policy = render_policy(
            name=new_id("policy"),
            kind="simulation",
            workload=bundle.digest,
            runtime=runtime_digest(),
            recipients=[to_base64(self.recipient)],
            measurement=measurement,
            simulated_root=self.vendor.root_fingerprint,
        )
        policy_name = activate_policy(self.home.database, policy, identity=self.home.identity, now=now).record.name
        job = new_job(
            workload=bundle.digest,
            inputs={"text": stored.manifest.manifest_digest},
            recipient=to_base64(self.recipient),
            policy=policy_name,
            now=now,
        )
        register_job(self.home.database, job, broker_key=self.home.identity.public_key, now=now)
        return Task(self, bundle, store, policy, job, measurement)


@dataclass
class Task:
    owner: Owner
    bundle: Any
    store: Store
    policy: str
    job: Any
    measurement: bytes

    def run(self, alter=None):
        """Does the job; `alter` changes the broker's release on its way."""
        vendor, home = self.owner.vendor, self.owner.home
        around = Surroundings(
            broker_id=home.identity.broker_id,
            client=DirectBroker(home.broker(), alter),
            store=self.store,
            attest=lambda data: vendor.evidence(vendor.report(measurement=self.measurement, report_data=data)),
            clock=system_clock,
            emit=lambda *_, **__: None,
        )
        with started(self.bundle, max_output=1 << 20, time_limit=20) as workload:
            do_job(self.job.job_id, self.bundle, workload, around)
        return self

    @property
    def receipt(self) -> bytes:
        return self.store.read(receipt_name(self.job.job_id), 1 << 20)

    @property
    def result(self) -> bytes:
        return self.store.read(result_name(self.job.job_id), 1 << 20)


@pytest.fixture(scope="session")
def owner(tmp_path_factory, simulated_vendor):
    folder = tmp_path_factory.mktemp("receipts")
    home = OwnerHome.create(folder / "home", Secret(PASSPHRASE))
    recipient = write_key_pair(folder / "alice.key", Secret(PASSPHRASE))
    assert recipient == read_public_key(folder / "alice.key.pub")
    (folder / "passphrase").write_bytes(PASSPHRASE)
    return Owner(folder, home, recipient, simulated_vendor)


@pytest.fixture(scope="session")
def done(owner):
    return owner.task().run()
