"""Compute on data without letting the computer's operator see it."""

__version__ = "0.1.0"

__all__ = ["__version__"]
