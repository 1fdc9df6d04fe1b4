"""Custody of the key-encryption key: wrap and unwrap data keys."""
