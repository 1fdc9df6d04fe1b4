"""Custody of the key-encryption key: wrap and unwrap data keys."""

from confide.keys.custody import KeyCustody, wrap_context
from confide.keys.software import SoftwareKeyStore

__all__ = ["KeyCustody", "SoftwareKeyStore", "wrap_context"]
