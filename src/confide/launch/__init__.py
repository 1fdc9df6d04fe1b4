"""Starts enclaves."""

from confide.launch.launcher import Launched, launch

__all__ = ["Launched", "launch"]
