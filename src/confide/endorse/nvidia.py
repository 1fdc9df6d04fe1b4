"""Which reference manifests an NVIDIA device needs: those of its driver and of its VBIOS, by the ids that NVIDIA gives.

Source: NVIDIA RIM service, GET /v1/rim/{id}; NVIDIA attestation-sdk (how ids are made from the report's opaque data).
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from confide.endorse.request import NVIDIA, WEEKS, Request, manifest
from confide.evidence.nvidia import NvidiaReport

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,120}", re.ASCII)
_NO_ID = "The report does not say which {} it runs: its manifest cannot be asked for."


def nvidia_requests(report: NvidiaReport) -> tuple[list[Sequence[Request]], list[str]]:
    """What to ask, and what cannot be asked for."""
    driver = {"driver": driver_id(report)} if report.driver_version is not None else {}
    wanted = {**driver, "VBIOS": vbios_id(report) or ""}
    good = [one for one in wanted.values() if _ID.fullmatch(one)]
    asked = [[Request(f"https://{NVIDIA}/v1/rim/{one}", WEEKS, manifest(one))] for one in good]
    return [*asked], [_NO_ID.format(what) for what, one in wanted.items() if one not in good]


def driver_id(report: NvidiaReport) -> str:
    """The id of the driver's manifest: by the chip where the report names it (Blackwell), otherwise Hopper's.
    Verification refuses a manifest of another chip.
    """
    version, chip = report.driver_version, report.text("chip_info")
    return f"NV_GPU_CC_DRIVER_{chip}_{version}" if chip else f"NV_GPU_DRIVER_GH100_{version}"


def vbios_id(report: NvidiaReport) -> str | None:
    """The id of the VBIOS's manifest: NV_GPU_VBIOS_1010_0200_882_96005E0001; a switch's begins with NV_SWITCH_BIOS."""
    parts = [report.text(name) for name in ("project", "project_sku", "chip_sku")]
    version = (report.vbios_version or "").replace(".", "")
    if None in parts or not version:
        return None
    start = "NV_GPU_VBIOS" if report.driver_version is not None else "NV_SWITCH_BIOS"
    return "_".join([start, *map(str, parts), version]).upper()
