"""A whole owner's side in a folder, and enclaves that answer its broker, for tests and benchmarks.

The enclave is honest unless a test changes something: every step can be called alone, with other values.
"""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from confide.broker import Broker, StoredObject, StoredPolicy, activate_policy, register_job, register_object
from confide.evidence.bundle import EvidenceBundle, pack_evidence
from confide.evidence.snp import FORMAT
from confide.ids import sha256_of, to_base64
from confide.job import Job, new_job
from confide.launch.simulated.vendor import SimulatedVendor
from confide.owner import HomeFolder, OwnerHome
from confide.policy import render_policy
from confide.protocol import ReleaseRequest
from confide.sealed.objects import seal_bytes
from confide.sealed.store import Store, object_name
from confide.secrets import Secret

PASSPHRASE = b"correct horse battery staple"
WORKLOAD = sha256_of(b"the workload of the lab")
RUNTIME = sha256_of(b"the runtime of the lab")
MEASUREMENT = bytes(range(48))


@dataclass(frozen=True)
class FakeEnclave:
    """An enclave on a SIMULATED machine, with fresh keys."""

    vendor: SimulatedVendor
    measurement: bytes = MEASUREMENT
    hpke_key: X25519PrivateKey = field(default_factory=X25519PrivateKey.generate)
    signing_key: Ed25519PrivateKey = field(default_factory=Ed25519PrivateKey.generate)

    def evidence(self, report_data: bytes, **fields: Any) -> EvidenceBundle:
        """Signed evidence over 64 bytes of report data. `fields` replace fields of the report."""
        report = self.vendor.report(measurement=self.measurement, report_data=report_data)
        report = dataclasses.replace(report, **fields)
        return pack_evidence(FORMAT, self.vendor.sign_report(report), self.vendor.endorsements())

    def request(self, broker_id: str, job_id: str, nonce: str, **fields: Any) -> ReleaseRequest:
        """The request for a release, with evidence that is bound to all of it."""
        keys = (self.hpke_key.public_key(), self.signing_key.public_key())
        public = [to_base64(key.public_bytes_raw()) for key in keys]
        unbound = ReleaseRequest(job_id, nonce, public[0], public[1], pack_evidence(FORMAT, b""))
        evidence = self.evidence(unbound.binding(broker_id).report_data(), **fields)
        return ReleaseRequest(job_id, nonce, public[0], public[1], evidence)


@dataclass(frozen=True)
class Served:
    """A broker that serves: where, under which identity, and its process."""

    url: str
    broker_id: str
    process: subprocess.Popen[bytes]


@dataclass(frozen=True)
class Lab:
    """An unlocked home with one sealed object, one policy in force and one job, and the cloud's store."""

    home: OwnerHome
    broker: Broker
    vendor: SimulatedVendor
    store: Store
    reader: X25519PrivateKey
    now: datetime

    @classmethod
    def create(cls, folder: Path, vendor: SimulatedVendor, *, now: datetime) -> Lab:
        """Makes the home and the store in `folder`, and activates the policy of `policy_text`."""
        home = OwnerHome.create(folder / "home", Secret(PASSPHRASE), now=now)
        lab = cls(home, home.broker(), vendor, Store(str(folder / "cloud")), X25519PrivateKey.generate(), now)
        lab.activate()
        return lab

    def copy(self, folder: Path) -> Lab:
        """The same lab in another folder, still unlocked; `create` takes half a second, this does not."""
        self.home.database.close()
        shutil.copytree(self.home.folder.path.parent, folder, dirs_exist_ok=True)
        place = HomeFolder(folder / "home")
        home = OwnerHome(place, self.home.custody, self.home.identity, place.database())
        return dataclasses.replace(self, home=home, broker=home.broker(), store=Store(str(folder / "cloud")))

    @property
    def recipient(self) -> str:
        """The public key of the result's reader, in base64."""
        return to_base64(self.reader.public_key().public_bytes_raw())

    def policy_text(self, **fields: Any) -> str:
        """A policy of the kind simulation for `WORKLOAD` and `MEASUREMENT`; `fields` go to `render_policy`."""
        values: dict[str, Any] = {
            "name": "lab",
            "kind": "simulation",
            "workload": WORKLOAD,
            "runtime": RUNTIME,
            "recipients": [self.recipient],
            "measurement": MEASUREMENT,
            "simulated_root": self.vendor.root_fingerprint,
        }
        return render_policy(**(values | fields))

    def activate(self, **fields: Any) -> StoredPolicy:
        """Puts the next revision of the policy in force."""
        text = self.policy_text(**fields)
        return activate_policy(self.home.database, text, identity=self.home.identity, now=self.now)

    def seal(self, data: bytes) -> StoredObject:
        """Seals data into the store and registers it."""
        data_key = Secret.random()
        sealed, manifest = seal_bytes(data, recipients=[self.home.folder.identity_key()], data_key=data_key)
        self.store.put_bytes(object_name(manifest.object_id), sealed)
        return register_object(
            self.home.database, self.home.custody, manifest=manifest, data_key=data_key, location="cloud", now=self.now
        )

    def job(self, *objects: StoredObject, **fields: Any) -> Job:
        """A registered job over the objects, by default over a fresh one."""
        inputs = {f"input{n}": item.manifest.manifest_digest for n, item in enumerate(objects or [self.seal(b"data")])}
        values: dict[str, Any] = {"workload": WORKLOAD, "recipient": self.recipient, "policy": "lab", "now": self.now}
        job = new_job(inputs=inputs, **(values | fields))
        register_job(self.home.database, job, broker_key=self.home.identity.public_key, now=self.now)
        return job

    @contextmanager
    def serve(self, *options: str, stderr: int | BinaryIO | None = None) -> Iterator[Served]:
        """`confide broker serve` as a process of its own on a free port of this machine; it is asked to end
        when the block ends.
        """
        reading, writing = os.pipe()
        os.write(writing, PASSPHRASE)
        os.close(writing)
        command = [sys.executable, "-m", "confide.cli.main", "broker", "serve", "--json", "--port", "0"]
        command += ["--home", str(self.home.folder.path), "--passphrase-fd", str(reading), *options]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=stderr, pass_fds=[reading]) as process:  # noqa: S603 - this program
            os.close(reading)
            try:
                assert process.stdout is not None
                ready = json.loads(process.stdout.readline())
                if "url" not in ready:
                    raise ValueError(f"the broker did not start: {ready}")
                yield Served(ready["url"], ready["broker_id"], process)
            finally:
                process.terminate()

    def enclave(self) -> FakeEnclave:
        """A fresh enclave that runs what the policy allows."""
        return FakeEnclave(self.vendor)
