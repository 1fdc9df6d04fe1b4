"""The ancestry service with protection `tee`: one genome through a whole laboratory, to a verified answer."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from confide.job import Job
from confide.receipt import VerifiedReceipt
from palabs.answer import Analysis, read_answer
from palabs.laboratory import Event, Laboratory, Opened, laboratory

STATEMENT = (
    "Computed in a SIMULATED enclave: the way of the data was the real one, but the machine was not. "
    "Whoever administers this computer could have looked. On real SEV-SNP hardware they could not."
)


def analyse_in_tee(genome: bytes, on_event: Callable[[Event], None] = lambda _: None) -> Analysis:
    """Analyses a genome in an enclave; everything but the answer is gone afterwards.

    Raises Misuse for a file that the workload cannot read, Refused and Unavailable where a step fails.
    """
    with tempfile.TemporaryDirectory(prefix="palabs-") as folder, laboratory(Path(folder)) as lab:
        job = lab.order(lab.seal(genome))
        with lab.broker() as broker:
            lab.run(lab.folders.bundle, job, broker, on_event)
        return analysis_of(lab, job, lab.open(job))


def analysis_of(lab: Laboratory, job: Job, opened: Opened) -> Analysis:
    """The answer in an opened result, with what its receipt says."""
    protection = {"mode": "tee", "simulated": opened.receipt.simulated, "statement": STATEMENT}
    summary = summary_of(opened.receipt) | {"document": lab.receipt_of(job).decode()}
    return Analysis(read_answer(opened.output), protection, summary)


def summary_of(verified: VerifiedReceipt) -> dict[str, Any]:
    """What a reader wants to know of a verified receipt."""
    body = verified.receipt.body
    return {
        "verdict": verified.verdict,
        "simulated": verified.simulated,
        "job": body.job_id,
        "workload": body.workload,
        "measurement": body.platform.measurement,
        "policy": f"{body.policy.name}, revision {body.policy.revision}",
        "broker": body.binding.broker,
        "released_at": body.grant.grant.released_at,
        "checks": [check.to_dict() for check in verified.checks],
    }
