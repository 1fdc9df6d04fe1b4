"""The agent inside: attest, fetch keys, open, run, seal, forget."""
