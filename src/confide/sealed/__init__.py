"""Objects at rest: Crypt4GH, manifests, and the stores that hold ciphertext."""
