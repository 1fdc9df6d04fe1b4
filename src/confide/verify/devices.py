"""The other devices of a machine, such as its GPUs: each is examined by the verifier of its format, and one that is
refused refuses the whole.

What binds a device to the machine is the verifier's question alone: both answered the same one. A device elsewhere
could answer it too, if the guest helped; that the guest asks its own devices is part of what its measurement says.
"""

from __future__ import annotations

from collections.abc import Sequence

from confide.errors import ConfideError, Finding, Refused, Unavailable
from confide.evidence.bundle import EvidenceBundle
from confide.verify.examination import Examination

MAX_DEVICES = 16
CODE = "evidence.devices"


def check_devices(devices: Sequence[EvidenceBundle]) -> None:
    """At most 16 devices, none of which has devices of its own. Raises Refused."""
    nested = sum(1 for device in devices if device.devices)
    if nested or len(devices) > MAX_DEVICES:
        raise Refused.because(
            CODE,
            got=f"{len(devices)} devices, of which {nested} have devices of their own",
            wanted=f"at most {MAX_DEVICES} devices beside the first piece of evidence, none within another",
            remedy="List every device beside the first one.",
        )


def question_for(size: int | None, report_data: bytes | None) -> bytes | None:
    """What a device was asked where the machine was asked `report_data`: the same bytes, cut or filled up with zero
    bytes to the size of the device's field; None as its size means that the field has any size.
    """
    return report_data if report_data is None or size is None else report_data[:size].ljust(size, b"\0")


def join_devices(exam: Examination) -> None:
    """Takes the verdicts on the devices into that on the whole, when every check of each has been made."""
    if not exam.devices:
        return
    findings: list[Finding] = []
    for number, device in enumerate(exam.devices, 1):
        try:
            device.conclude()
        except ConfideError as failure:
            findings += [_labelled(one, f"device {number} ({device.format})") for one in failure.findings]
            exam.cannot_tell |= set(failure.codes) if isinstance(failure, Unavailable) else set()
    _record(exam, findings)


def _record(exam: Examination, findings: Sequence[Finding]) -> None:
    for finding in findings:
        exam.checklist.fail(finding)
    if findings:
        exam.checklist.unchecked(CODE, "a check of a device")
        return
    told = ", ".join(f"{device.format} on {device.unverified_product}" for device in exam.devices)
    exam.checklist.expect(CODE, passed=True, got="", wanted="", remedy="", reason=told)


def _labelled(finding: Finding, label: str) -> Finding:
    return Finding(finding.code, f"{label}: {finding.got}", finding.wanted, finding.remedy)
