"""Predicts a measurement from files, before anything runs."""

from confide.measure.runtime import runtime_digest
from confide.measure.simulated import simulated_launch_digest

__all__ = ["runtime_digest", "simulated_launch_digest"]
