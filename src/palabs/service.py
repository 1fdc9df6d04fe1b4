"""The ancestry service with protection `tee`: one genome through a whole laboratory, to a verified answer."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
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


UNDER_WAY = {
    "launched": "The enclave starts",
    "started": "The enclave attests itself to the broker",
    "attested": "The broker verifies the evidence",
    "released": "The enclave opens the genome",
    "opened": "The enclave computes",
    "computed": "The enclave seals the result",
    "sealed": "Verifying the receipt",
}


def analyse_in_tee(
    genome: bytes, doing: Callable[[str], None] = lambda _: None, parameters: Mapping[str, str] | None = None
) -> Analysis:
    """Analyses a genome in an enclave; everything but the answer is gone afterwards. `doing` is told what is under
    way. `parameters` are the job's: whoever sees the job sees them.

    Raises Misuse for a file that the workload cannot read, Refused and Unavailable where a step fails.
    """

    def follow(event: Event) -> None:
        doing(UNDER_WAY.get(str(event["event"]), "The enclave ends"))

    doing("Making keys, a SIMULATED machine, and the workload's bundle")
    with tempfile.TemporaryDirectory(prefix="palabs-") as folder, laboratory(Path(folder)) as lab:
        job = lab.order(lab.seal(genome), parameters)
        doing("Starting the broker")
        with lab.broker() as broker:
            lab.run(lab.folders.bundle, job, broker, follow)
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
