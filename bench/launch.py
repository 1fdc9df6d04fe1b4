"""From launch to sealed result and receipt, with real processes: a trivial workload and the ancestry workload.

The goal is under 3 s for the ancestry workload. The broker serves already; the bundle is built already.
"""

from __future__ import annotations

import io
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from confide.broker import activate_policy, register_job
from confide.enclave.config import JobConfig
from confide.ids import to_base64
from confide.job import new_job
from confide.launch import launch
from confide.launch.simulated import SimulatedVendor
from confide.measure import runtime_digest, simulated_launch_digest
from confide.owner import OwnerHome, seal_into
from confide.policy import render_policy
from confide.sealed import Store, write_key_pair
from confide.secrets import Secret
from confide.workload import build_bundle, read_bundle_file

REPO = Path(__file__).parent.parent
ROUNDS = 7
PASSPHRASE = b"bench"
WORKLOADS = {
    "trivial": (REPO / "examples" / "workloads" / "count", REPO / "README.md"),
    "ancestry": (REPO / "src" / "palabs" / "workload", None),
}


class Bench:
    """An owner, a broker and a cloud in one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.home = OwnerHome.create(folder / "home", Secret(PASSPHRASE))
        self.recipient = to_base64(write_key_pair(folder / "reader.key", Secret(PASSPHRASE)))
        self.vendor = SimulatedVendor.create(datetime.now(UTC))
        self.vendor.save(folder / "machine")
        (folder / "passphrase").write_bytes(PASSPHRASE)

    @contextmanager
    def broker(self) -> Iterator[str]:
        command = [sys.executable, "-m", "confide.cli.main", "broker", "serve", "--home", str(self.folder / "home")]
        command += ["--port", "0", "--passphrase-file", str(self.folder / "passphrase"), "--json"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
            try:
                yield json.loads(process.stdout.readline())["url"]
            finally:
                process.terminate()

    def order(self, name: str, source: Path, data: bytes) -> tuple[Path, str]:
        """(bundle, job id) of a workload over the data."""
        bundle, now = self.folder / f"{name}.bundle", datetime.now(UTC)
        digest = build_bundle(source, bundle)
        stored = seal_into(self.home, Store(str(self.folder / "store")), io.BytesIO(data), location="store", now=now)
        policy = render_policy(
            name=name,
            kind="simulation",
            workload=digest,
            runtime=runtime_digest(),
            recipients=[self.recipient],
            measurement=simulated_launch_digest(digest, runtime_digest()),
            simulated_root=self.vendor.root_fingerprint,
        )
        activate_policy(self.home.database, policy, identity=self.home.identity, now=now)
        job = new_job(
            workload=digest,
            inputs={read_bundle_file(bundle).info.inputs[0]: stored.manifest.manifest_digest},
            recipient=self.recipient,
            policy=name,
            now=now,
        )
        register_job(self.home.database, job, broker_key=self.home.identity.public_key, now=now)
        return bundle, job.job_id

    def time(self, bundle: Path, job: str, url: str, rounds: int) -> dict[str, float]:
        """Median seconds from the launch to its return, and what each step of the way took."""
        config = JobConfig(job, url, self.home.identity.broker_id, str(self.folder / "store"))
        totals: list[float] = []
        steps: dict[str, list[float]] = {}
        for _ in range(rounds):
            start, last = time.perf_counter(), 0.0
            done = launch(bundle, config, simulated_tee=self.folder / "machine")
            totals.append(time.perf_counter() - start)
            for event in done.events:
                steps.setdefault(f"until {event['event']}", []).append(float(str(event["at"])) - last)
                last = float(str(event["at"]))
        return {name: round(statistics.median(row), 3) for name, row in {"seconds": totals, **steps}.items()}


def example_genome() -> Path:
    """The largest of the example genotype files."""
    files = [path for path in (REPO / "examples").iterdir() if path.suffix in {".txt", ".vcf"}]
    return max(files, key=lambda path: path.stat().st_size)


def main(rounds: int = ROUNDS) -> dict[str, dict[str, float]]:
    """Seconds by workload: in all, and step by step."""
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(Path(folder))
        figures = {}
        with bench.broker() as url:
            for name, (source, data) in WORKLOADS.items():
                bundle, job = bench.order(name, source, (data or example_genome()).read_bytes())
                figures[name] = bench.time(bundle, job, url, rounds)
                figures[name]["bundle MB"] = round(bundle.stat().st_size / 1e6, 1)
    return figures


if __name__ == "__main__":
    print(json.dumps(main(*map(int, sys.argv[1:])), indent=2))
