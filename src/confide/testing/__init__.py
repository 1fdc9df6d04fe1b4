"""Fakes for the tests of this project and of its users."""

from confide.testing.fake_amd import FakeAmd

__all__ = ["FakeAmd"]
