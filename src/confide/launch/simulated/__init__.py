"""A SIMULATED machine with a root of its own. It protects nothing from the administrator of this machine."""

from confide.launch.simulated.vendor import SimulatedVendor

__all__ = ["SimulatedVendor"]
