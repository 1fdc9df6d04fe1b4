"""What the launcher tells the simulated machine."""

from __future__ import annotations

import msgspec

from confide.enclave.config import JobConfig


class MachineConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The bundle's file, the simulated vendor's folder, and the job."""

    bundle: str
    vendor: str
    job: JobConfig
