"""Memory that nobody can change once it is made: what was measured is what runs (memfd_create(2), F_ADD_SEALS)."""

from __future__ import annotations

import fcntl
import os


def sealed_memory(name: str, data: bytes) -> int:
    """A descriptor of anonymous memory that holds `data` and can be neither written, grown, shrunk nor unsealed."""
    descriptor = os.memfd_create(name, os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]
    seals = fcntl.F_SEAL_WRITE | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_SEAL
    fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, seals)
    return descriptor
