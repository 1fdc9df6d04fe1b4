"""The way in: evidence of any known format is examined by the verifier of its format."""

from __future__ import annotations

import importlib
from collections.abc import Collection
from datetime import datetime
from typing import Protocol, cast

from confide.errors import Refused
from confide.evidence.bundle import EvidenceBundle
from confide.verify.devices import CODE as DEVICES
from confide.verify.devices import check_devices, join_devices, question_for
from confide.verify.examination import Examination, VerifiedEvidence
from confide.verify.trust import Trust

# The module of each format, imported when it is first asked for.
FORMATS = {
    "arm-cca": "confide.verify.cca",
    "jwt": "confide.verify.jwt",
    "aws-nitro": "confide.verify.nitro",
    "aws-nitro-tpm": "confide.verify.nitro_tpm",
    "sev-snp": "confide.verify.snp",
    "sgx": "confide.verify.sgx",
    "tdx": "confide.verify.tdx",
    "nvidia": "confide.verify.nvidia",
    "tpm": "confide.verify.tpm",
    "azure-snp-vtpm": "confide.verify.azure_snp_vtpm",
    "azure-tdx-vtpm": "confide.verify.azure_tdx_vtpm",
    "azure-containers": "confide.verify.azure_containers",
}


class FormatVerifier(Protocol):
    """What the module of a format has. `NONCE_SIZE` is the size of the field that carries the verifier's question,
    which shorter ones are filled up to with zero bytes; None where it is of any length.
    """

    FORMAT: str
    REQUIRED: frozenset[str]
    NONCE_SIZE: int | None

    @staticmethod
    def examine(bundle: EvidenceBundle, *, now: datetime, report_data: bytes | None, trust: Trust) -> Examination:
        """Makes every check."""

    @staticmethod
    def check_alone(exam: Examination) -> None:
        """Makes the checks that a policy's rules make otherwise, such as that of debug mode."""


def verifier_of(format_name: str) -> FormatVerifier:
    """The verifier of a format. Raises Refused for an unknown one."""
    if format_name not in FORMATS:
        raise Refused.because(
            "evidence.format",
            got=repr(format_name[:40]),
            wanted=f"one of {', '.join(FORMATS)}",
            remedy="Name the format of the evidence, or use a platform that is known.",
        )
    return cast("FormatVerifier", importlib.import_module(FORMATS[format_name]))


def examine(bundle: EvidenceBundle, *, now: datetime, report_data: bytes | None, trust: Trust) -> Examination:
    """Makes every check of the format's verifier, and of those of its devices; `join_devices` takes their verdicts into
    the whole. Raises Refused for an unknown format, Misuse for broken base64.
    """
    check_devices(bundle.devices)
    exam = verifier_of(bundle.format).examine(bundle, now=now, report_data=report_data, trust=trust)
    for device in bundle.devices:
        question = question_for(verifier_of(device.format).NONCE_SIZE, report_data)
        exam.devices.append(examine(device, now=now, report_data=question, trust=trust))
        exam.required |= {DEVICES}
    return exam


def examine_alone(bundle: EvidenceBundle, *, now: datetime, report_data: bytes | None, trust: Trust) -> Examination:
    """`examine`, and debug mode is refused: what holds for everyone who has no policy."""
    exam = examine(bundle, now=now, report_data=report_data, trust=trust)
    for one in (exam, *exam.devices):
        verifier_of(one.format).check_alone(one)
    join_devices(exam)
    return exam


def verify_evidence(
    bundle: EvidenceBundle,
    *,
    now: datetime,
    report_data: bytes | None,
    simulated_roots: Collection[str] = (),
    trusted_keys: Collection[str] = (),
) -> VerifiedEvidence:
    """Genuine, at `now`? Offline. `report_data` is what the evidence must carry as the verifier's question (64 bytes
    of a report, the nonce of a quote); None compares nothing, and the checks say so. `simulated_roots` and
    `trusted_keys` are those of `Trust`; only a policy of kind simulation has any of the former. Debug mode is refused.

    Raises Refused with all findings; Unavailable where only the means to tell by are missing.
    """
    trust = Trust.of(simulated_roots, trusted_keys)
    return examine_alone(bundle, now=now, report_data=report_data, trust=trust).conclude()
