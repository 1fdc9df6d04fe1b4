"""The launch digest of the simulated machine: what its report must carry for a workload and an agent."""

from __future__ import annotations

import hashlib

from confide.ids import canonical_json

MEASUREMENT_SIZE = 48


def simulated_launch_digest(workload: str, runtime: str) -> bytes:
    """48 bytes, as the launch digest of SEV-SNP has: SHA-384 over the digests of bundle and agent.

    Real launch digests are computed over guest pages; the type tag keeps the two apart.
    """
    claims = {"type": "confide-simulated-launch/1", "workload": workload, "runtime": runtime}
    return hashlib.sha384(canonical_json(claims)).digest()
