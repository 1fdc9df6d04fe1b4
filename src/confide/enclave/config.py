"""What the launcher and the machine tell the enclave. All of it is the cloud's word: none of it is trusted."""

from __future__ import annotations

import msgspec

DEFAULT_MAX_OUTPUT = 64 << 20
DEFAULT_TIME_LIMIT = 3600.0


class JobConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which job to do, by which broker, with which store; `max_output` in bytes, `time_limit` in seconds for the
    workload. A lie here makes the job fail: job and broker are in the binding, objects have manifests.
    """

    job: str
    broker_url: str
    broker_id: str
    store_url: str
    max_output: int = DEFAULT_MAX_OUTPUT
    time_limit: float = DEFAULT_TIME_LIMIT


class EnclaveConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The job, and the descriptors that the enclave inherits: the measured bundle in sealed memory, the socket for
    reports, the pipe for events. `parent` is the machine's process number.
    """

    job: JobConfig
    bundle_fd: int
    report_fd: int
    events_fd: int
    parent: int
