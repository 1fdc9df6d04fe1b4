"""Starts enclaves."""

from confide.enclave.config import JobConfig
from confide.launch.launcher import Launched, launch

__all__ = ["JobConfig", "Launched", "launch"]
