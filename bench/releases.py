"""Attested releases per second: the broker as its own process, TLS 1.3, SQLite in full durability.

Eight client processes each ask for a challenge, make fresh keys, have evidence signed, and ask for the
release, over a new connection for each request, as enclaves do. The SIMULATED vendor's signing runs on
the same cores and is inside every latency; what it costs is also given alone. Run it with
`python bench/releases.py`; it prints JSON.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from confide.clock import system_clock
from confide.enclave.broker_client import BrokerClient
from confide.launch.simulated.vendor import SimulatedVendor
from confide.testing.lab import FakeEnclave, Lab

CLIENTS = 8
SECONDS = 10.0


@dataclass(frozen=True)
class Work:
    """What a client process needs to know."""

    url: str
    broker_id: str
    job_id: str
    vendor: str
    seconds: float


def client(work: Work, barrier, results) -> None:
    """Releases until the time is over; answers (latency, of which signing) in seconds for each."""
    vendor = SimulatedVendor.load(Path(work.vendor))
    broker = BrokerClient(work.url, work.broker_id, timeout=30)
    one_release(broker, vendor, work)
    barrier.wait()
    times, end = [], time.perf_counter() + work.seconds
    while time.perf_counter() < end:
        times.append(one_release(broker, vendor, work))
    results.put(times)


def one_release(broker: BrokerClient, vendor: SimulatedVendor, work: Work) -> tuple[float, float]:
    started = time.perf_counter()
    challenge = broker.challenge(work.job_id)
    asked = time.perf_counter()
    request = FakeEnclave(vendor).request(work.broker_id, work.job_id, challenge.nonce)
    signed = time.perf_counter()
    broker.release(request)
    return time.perf_counter() - started, signed - asked


def run_clients(count: int, work: Work) -> tuple[list[tuple[float, float]], float]:
    """All the times of `count` clients, and the wall time in seconds."""
    context = multiprocessing.get_context("spawn")
    barrier, results = context.Barrier(count + 1), context.Queue()
    processes = [context.Process(target=client, args=(work, barrier, results)) for _ in range(count)]
    for process in processes:
        process.start()
    barrier.wait()
    started = time.perf_counter()
    times = [one for _ in processes for one in results.get(timeout=work.seconds + 60)]
    wall = time.perf_counter() - started
    for process in processes:
        process.join()
    return times, wall


def cpu_seconds(pid: int) -> float:
    """Processor time that a process has used, in seconds (proc(5))."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def figures(times: list[tuple[float, float]], wall: float, cpu: float) -> dict[str, float]:
    latencies = sorted(latency * 1000 for latency, _ in times)
    return {
        "releases": len(times),
        "releases_per_second": round(len(times) / wall, 1),
        "p50_ms": round(statistics.median(latencies), 1),
        "p95_ms": round(latencies[int(len(latencies) * 0.95)], 1),
        "signing_ms": round(statistics.mean(signing for _, signing in times) * 1000, 2),
        "broker_cpu_ms_per_release": round(cpu / len(times) * 1000, 2),
        "broker_cores_used": round(cpu / wall, 2),
    }


def main(seconds: float = SECONDS) -> dict[str, dict[str, float]]:
    """Figures for one client and for eight."""
    answer = {}
    with tempfile.TemporaryDirectory() as name:
        folder, now = Path(name), system_clock()
        vendor = SimulatedVendor.create(now - timedelta(minutes=1))
        (folder / "vendor").mkdir()
        vendor.save(folder / "vendor")
        lab = Lab.create(folder, vendor, now=now)
        lab.activate(releases_per_key=1_000_000)
        job = lab.job()
        lab.home.database.close()
        with lab.serve() as served:
            work = Work(served.url, served.broker_id, job.job_id, str(folder / "vendor"), seconds)
            for clients in (1, CLIENTS):
                before = cpu_seconds(served.process.pid)
                times, wall = run_clients(clients, work)
                cpu = cpu_seconds(served.process.pid) - before
                answer[f"{clients}_clients"] = figures(times, wall, cpu)
    return answer


if __name__ == "__main__":
    print(json.dumps(main(float(sys.argv[1]) if sys.argv[1:] else SECONDS), indent=2))
