"""Objects at rest: Crypt4GH, manifests, and the stores that hold ciphertext.

The names are loaded when first used: a command that needs a manifest alone does not load the ciphers.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from confide.sealed.header import recover_data_key, reencrypt_header
    from confide.sealed.keyfile import public_path, read_private_key, read_public_key, write_key_pair
    from confide.sealed.manifest import Manifest
    from confide.sealed.objects import (
        describe_object,
        open_bytes,
        open_stream,
        open_to_file,
        seal_bytes,
        seal_stream,
    )
    from confide.sealed.segments import SEGMENT_SIZE
    from confide.sealed.store import Store, object_name, receipt_name, result_name

__all__ = [
    "SEGMENT_SIZE",
    "Manifest",
    "Store",
    "describe_object",
    "object_name",
    "open_bytes",
    "open_stream",
    "open_to_file",
    "public_path",
    "read_private_key",
    "read_public_key",
    "receipt_name",
    "recover_data_key",
    "reencrypt_header",
    "result_name",
    "seal_bytes",
    "seal_stream",
    "write_key_pair",
]

_MODULES = {
    "header": ("recover_data_key", "reencrypt_header"),
    "keyfile": ("public_path", "read_private_key", "read_public_key", "write_key_pair"),
    "manifest": ("Manifest",),
    "objects": ("describe_object", "open_bytes", "open_stream", "open_to_file", "seal_bytes", "seal_stream"),
    "segments": ("SEGMENT_SIZE",),
    "store": ("Store", "object_name", "receipt_name", "result_name"),
}
_HOME = {name: module for module, names in _MODULES.items() for name in names}


def __getattr__(name: str) -> object:
    """Loads the module that has the name (PEP 562)."""
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)
