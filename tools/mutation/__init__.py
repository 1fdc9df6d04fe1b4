"""Mutation testing: what the mutants are, and which of them the tests kill. `tools/mutate.py` is the command."""
