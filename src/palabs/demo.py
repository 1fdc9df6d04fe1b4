"""`palabs demo`: the whole way of the data, with one refusal on purpose."""

from __future__ import annotations

import argparse
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from confide.cli import Reply
from confide.errors import Misuse

if TYPE_CHECKING:
    from confide.job import Job
    from palabs.answer import Analysis
    from palabs.laboratory import Broker, Laboratory
    from palabs.narrator import Narrator

DESCRIPTION = """Shows the whole way of a genome: sealed by its owner, stored by a cloud that cannot read it,
analysed in an attested enclave, opened by the customer. The cloud tries a changed workload first, and
is refused. The broker and the enclave run as processes of their own on this computer.

Leaves a folder with report.html, receipt.json, evidence.json, policy.toml, and all that the cloud held.

Example:
  palabs demo --dir my-demo"""

EXAMPLE = Path(__file__).parents[2] / "examples" / "finnish.23andme.txt"
MARK = ".made-by-palabs-demo"

NOT_PROTECTED = """What this run did NOT protect:
  The TEE was SIMULATED. The administrator of this computer could have read the genome in the enclave's memory,
  and could have forged the evidence. Sealing, policy, release, audit and receipt were the real ones.

To go to real hardware: a policy of kind "production" accepts only evidence that ends in the vendor's own root.
The verifier that judged this run judges real SEV-SNP evidence too (`confide evidence verify`). This release has
no backend yet that launches on such hardware; docs/threat-model.md says what is protected from whom."""

TOLD = {
    "launched": ("Launched", "the right workload, in a process of its own"),
    "attested": ("Attested", "the machine measured the workload and signed the enclave's keys (SIMULATED)"),
    "released": ("Released", "evidence and policy agree; the broker wrote its audit row, then released the key"),
    "opened": ("Checked", "the ciphertext against its manifest; decrypted in the enclave's memory only"),
    "computed": ("Computed", "the ancestry, in a child process that never saw a key"),
    "sealed": ("Sealed", "the result to the customer's key, and signed a receipt"),
}


def configure(parser: argparse.ArgumentParser) -> None:
    """Adds the command's arguments."""
    parser.add_argument("genome", nargs="?", type=Path, default=EXAMPLE, help="a genotype file (default: an example)")
    parser.add_argument(
        "--dir", type=Path, default=Path("demo-output"), help="the folder to leave (default: %(default)s)"
    )


def run(args: argparse.Namespace) -> Reply:
    """Runs the demo in a folder of its own."""
    from palabs.genome_file import read_genome  # noqa: PLC0415 - --help stays quick
    from palabs.narrator import Narrator  # noqa: PLC0415 - the same

    genome = read_genome(args.genome)
    folder = fresh_folder(args.dir)
    with Narrator() as narrator:
        analysis = tell(narrator, genome, args.genome.name, folder)
        seconds = round(narrator.seconds, 1)
    document = analysis.to_document() | {"dir": str(folder), "seconds": seconds}
    return Reply(document, ending(analysis, folder))


def fresh_folder(path: Path) -> Path:
    """An empty folder at `path`. What an earlier demo left there is removed; anything else is Misuse."""
    if path.exists() and not (path.is_dir() and ((path / MARK).exists() or not any(path.iterdir()))):
        raise Misuse.because(
            "demo.dir",
            got=f"{path}, which holds something else",
            wanted="a new or empty folder, or one of an earlier demo",
            remedy="Name another folder with --dir.",
        )
    if path.is_dir():
        shutil.rmtree(path)
    path.mkdir(parents=True)
    (path / MARK).touch()
    return path


def tell(narrator: Narrator, genome: bytes, name: str, folder: Path) -> Analysis:
    """The story, from the owner's keys to the opened report."""
    from palabs.laboratory import laboratory  # noqa: PLC0415 - --help stays quick

    narrator.doing("Making keys, a machine with a root of its own, and the workload's bundle")
    with laboratory(folder) as lab:
        narrator.say("Prepared", f"owner, customer and SIMULATED machine; workload {short(lab.workload)}, predicted")
        sealed = lab.seal(genome)
        narrator.say("Sealed", f"{name}: {len(genome):,} bytes under a fresh key, wrapped by the owner's key store")
        narrator.say("Stored", f"{sealed.manifest.object_id} with the cloud: ciphertext, nothing else")
        job = lab.order(sealed)
        narrator.doing("Starting the broker")
        with lab.broker() as broker:
            attempt_fraud(narrator, lab, job, broker)
            narrator.doing("The cloud launches the right workload")
            lab.run(lab.folders.bundle, job, broker, lambda event: tell_event(narrator, str(event["event"])))
        analysis = leave(lab, job, folder)
        narrator.say("Opened", f"receipt verified ({len((analysis.receipt or {})['checks'])} checks), result decrypted")
    return analysis


def tell_event(narrator: Narrator, event: str) -> None:
    """A line for an event of the enclave, where it has one."""
    if event in TOLD:
        narrator.say(*TOLD[event])


def attempt_fraud(narrator: Narrator, lab: Laboratory, job: Job, broker: Broker) -> None:
    """The cloud launches a workload in which one byte differs. Raises RuntimeError should it get the key."""
    from confide.errors import Refused  # noqa: PLC0415 - kept with its only use

    narrator.doing("The cloud launches a workload in which one byte differs")
    changed = lab.folders.root / "ancestry-one-byte-changed.tar"
    changed.write_bytes(one_byte_changed(lab.folders.bundle.read_bytes()))
    try:
        lab.run(changed, job, broker, lambda _: None)
    except Refused:
        findings = lab.refusal_of(job)
    else:
        raise RuntimeError("a changed workload was given the key")
    narrator.say("REFUSED", "the cloud launched a workload in which one byte differs, and got no key:")
    for finding in findings:
        for line in (finding["code"], f"got    {finding['got']}", f"wanted {finding['wanted']}", finding["remedy"]):
            narrator.note(line)


def one_byte_changed(bundle: bytes) -> bytes:
    """The bundle with one byte of its code changed: a letter of a comment."""
    return bundle.replace(b"The workload: a genotype file in", b"the workload: a genotype file in", 1)


def leave(lab: Laboratory, job: Job, folder: Path) -> Analysis:
    """Opens the result and leaves report, receipt and evidence in the folder."""
    from confide.ids import canonical_json  # noqa: PLC0415 - --help stays quick
    from palabs.report import render  # noqa: PLC0415 - the same
    from palabs.service import analysis_of  # noqa: PLC0415 - the same

    opened = lab.open(job)
    analysis = analysis_of(lab, job, opened)
    (folder / "receipt.json").write_bytes(lab.receipt_of(job))
    (folder / "evidence.json").write_bytes(canonical_json(opened.evidence))
    report = render(analysis.answer, analysis.protection, analysis.receipt)
    (folder / "report.html").write_text(report, encoding="utf-8")
    return analysis


def ending(analysis: Analysis, folder: Path) -> str:
    """The last words: the answer, where things are, and what was not protected."""
    from palabs.ancestry import as_text  # noqa: PLC0415 - --help stays quick

    called = Path(sys.argv[0])
    confide = called.with_name("confide") if called.name == "palabs" and called.parent.name else "confide"
    return f"""
{as_text(analysis, {"report": str(folder / "report.html")})}

Left in {folder}: report.html, receipt.json, evidence.json, policy.toml, and cloud/, all that the cloud held.
  {confide} receipt verify {folder / "receipt.json"} --policy {folder / "policy.toml"}
  {confide} evidence verify {folder / "evidence.json"} --policy {folder / "policy.toml"}
  {confide} audit show --home {folder / "owner"}

{NOT_PROTECTED}"""


def short(digest: str) -> str:
    """The first characters of a digest."""
    return f"{digest[:19]}…"
