"""Fakes for the tests of this project and of its users. Nothing here is trusted by anything."""
