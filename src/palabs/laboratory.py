"""A laboratory for one analysis, whole and on one computer: the owner's home and broker, a cloud with a
SIMULATED TEE, and a customer. Each party has a folder of its own; the broker and the enclave are processes.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import IO

import msgspec

from confide.broker import StoredObject, activate_policy, register_job
from confide.clock import system_clock
from confide.errors import Unavailable
from confide.ids import sha256_of, to_base64
from confide.job import Job, new_job
from confide.launch import JobConfig, Launched, launch
from confide.launch.simulated import SimulatedVendor
from confide.measure import runtime_digest, simulated_launch_digest
from confide.owner import OwnerHome, seal_into
from confide.policy import parse_policy, render_policy
from confide.receipt import VerifiedReceipt, verify_receipt
from confide.sealed import (
    Store,
    open_bytes,
    public_path,
    read_private_key,
    read_public_key,
    receipt_name,
    recover_data_key,
    result_name,
    write_key_pair,
)
from confide.secrets import Secret, wiped_after
from confide.workload import build_bundle

WORKLOAD = Path(__file__).parent / "workload"
POLICY = "ancestry"

Event = Mapping[str, object]


@dataclass(frozen=True)
class Folders:
    """Where each party keeps its things, below one folder."""

    root: Path

    @property
    def home(self) -> Path:
        """The owner's home."""
        return self.root / "owner"

    @property
    def identity(self) -> Path:
        """The customer's key pair."""
        return self.root / "customer" / "identity"

    @property
    def cloud(self) -> Path:
        """The cloud's object store: all that the cloud holds."""
        return self.root / "cloud"

    @property
    def machine(self) -> Path:
        """The SIMULATED machine of the cloud."""
        return self.root / "simulated-tee"

    @property
    def bundle(self) -> Path:
        """The workload's bundle."""
        return self.root / "ancestry.tar"

    @property
    def policy(self) -> Path:
        """The policy, for a person to read."""
        return self.root / "policy.toml"


@dataclass(frozen=True)
class Broker:
    """A running broker: its address and identity."""

    url: str
    broker_id: str


@dataclass(frozen=True)
class Opened:
    """A verified receipt, and the result that it belongs to, decrypted."""

    receipt: VerifiedReceipt
    output: bytes

    @property
    def evidence(self) -> object:
        """The evidence that the receipt rests on, as JSON."""
        return msgspec.to_builtins(self.receipt.receipt.body.evidence)


class Laboratory:
    """The parties, ready to work. Its passphrase is drawn for this run and kept nowhere: its keys end with it."""

    def __init__(self, folders: Folders, passphrase: Secret) -> None:
        folders.root.mkdir(parents=True, exist_ok=True)
        self.folders = folders
        self._passphrase = passphrase
        self.store = Store(str(folders.cloud))
        with ThreadPoolExecutor(1) as pool:  # the root's RSA keys take as long as all the rest
            vendor = pool.submit(self._make_machine)
            self.workload = build_bundle(WORKLOAD, folders.bundle)
            self.home = OwnerHome.create(folders.home, passphrase)
            folders.identity.parent.mkdir(mode=0o700)
            write_key_pair(folders.identity, passphrase)
            self.root_fingerprint = vendor.result()
        self.customer = to_base64(read_public_key(public_path(folders.identity)))
        self.policy_text = self._activate_policy()

    def _make_machine(self) -> str:
        vendor = SimulatedVendor.create(system_clock())
        vendor.save(self.folders.machine)
        return vendor.root_fingerprint

    def _activate_policy(self) -> str:
        runtime = runtime_digest()
        text = render_policy(
            name=POLICY,
            kind="simulation",
            workload=self.workload,
            runtime=runtime,
            recipients=[self.customer],
            measurement=simulated_launch_digest(self.workload, runtime),
            simulated_root=self.root_fingerprint,
            releases_per_key=5,
        )
        stored = activate_policy(self.home.database, text, identity=self.home.identity, now=system_clock())
        self.home.folder.keep_policy(stored.record.name, stored.record.revision, text)
        self.folders.policy.write_text(text)
        return text

    def seal(self, genome: bytes) -> StoredObject:
        """Seals a genome into the cloud's store."""
        return seal_into(self.home, self.store, BytesIO(genome), location=str(self.folders.cloud), now=system_clock())

    def order(self, genome: StoredObject, parameters: Mapping[str, str] | None = None) -> Job:
        """The job: this workload on this genome, for the customer."""
        job = new_job(
            workload=self.workload,
            inputs={"genome": genome.manifest.manifest_digest},
            recipient=self.customer,
            policy=POLICY,
            now=system_clock(),
            parameters=parameters,
        )
        register_job(self.home.database, job, broker_key=self.home.identity.public_key, now=system_clock())
        return job

    @contextmanager
    def broker(self) -> Iterator[Broker]:
        """The owner's broker, as a process of its own, for as long as the block lasts."""
        command = [sys.executable, "-m", "confide.cli.main", "broker", "serve", "--home", str(self.folders.home)]
        with _passphrase_pipe(self._passphrase) as descriptor:
            process = subprocess.Popen(  # noqa: S603 - this interpreter, with arguments of our own
                [*command, "--port", "0", "--passphrase-fd", str(descriptor), "--json"],
                pass_fds=[descriptor],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
            )
        with process:
            assert process.stdout is not None
            try:
                yield _ready(process.stdout)
            finally:
                process.terminate()

    def run(self, bundle: Path, job: Job, broker: Broker, on_event: Callable[[Event], None]) -> Launched:
        """The cloud's turn: launches a bundle for a job. Raises Refused where the broker refuses it."""
        config = JobConfig(job.job_id, broker.url, broker.broker_id, str(self.folders.cloud))
        return launch(bundle, config, simulated_tee=self.folders.machine, on_event=on_event)

    def open(self, job: Job) -> Opened:
        """The customer's turn: verifies the receipt against the policy, and only then decrypts the result."""
        sealed = self.store.read(result_name(job.job_id), 1 << 26)
        receipt = verify_receipt(
            self.receipt_of(job),
            policy=parse_policy(self.policy_text),
            broker_id=self.home.identity.broker_id,
            output_digest=sha256_of(sealed),
        )
        key = read_private_key(self.folders.identity, self._passphrase)
        with wiped_after(recover_data_key(BytesIO(sealed), key)) as data_key:
            output = open_bytes(sealed, manifest=receipt.receipt.body.output, data_key=data_key)
        return Opened(receipt, bytes(output))

    def receipt_of(self, job: Job) -> bytes:
        """The receipt as the enclave left it in the store."""
        return self.store.read(receipt_name(job.job_id), 1 << 20)

    def refusal_of(self, job: Job) -> list[Mapping[str, str]]:
        """What the owner's audit log says of the last refusal of a job: its findings, in full."""
        with self.home.database.read() as reader:
            rows = [row for row in reader.audit_rows() if row.kind == "refused" and row.body.get("job") == job.job_id]
        findings = rows[-1].body["findings"] if rows else []
        assert isinstance(findings, list)
        return findings


@contextmanager
def laboratory(root: Path) -> Iterator[Laboratory]:
    """A laboratory below the folder `root`, and the end of its keys."""
    with wiped_after(Secret(to_base64(os.urandom(24)).encode())) as passphrase:
        lab = Laboratory(Folders(root), passphrase)
        try:
            yield lab
        finally:
            lab.home.database.close()


@contextmanager
def _passphrase_pipe(passphrase: Secret) -> Iterator[int]:
    """A descriptor from which a child reads the passphrase: nothing of it is in a file, an argument or the
    environment.
    """
    reader, writer = os.pipe()
    try:
        with os.fdopen(writer, "wb") as pipe:
            pipe.write(passphrase.reveal() + b"\n")
        yield reader
    finally:
        os.close(reader)


def _ready(output: IO[bytes]) -> Broker:
    line = output.readline()
    if not line:
        raise Unavailable.because(
            "broker.start",
            got="a broker that ended",
            wanted="one that serves",
            remedy="Run the command again; `confide broker serve` by itself says what is wrong.",
        )
    facts = json.loads(line)
    return Broker(facts["url"], facts["broker_id"])
