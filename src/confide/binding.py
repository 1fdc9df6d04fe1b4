"""What a report vouches for: one hash over role, nonce, the enclave's keys, the job and the broker.

The hash fills the 64 bytes of REPORT_DATA (SEV-SNP firmware ABI, table 23) or REPORTDATA (TDX). The type
tag separates this use from every other; the role keeps a broker's own evidence from being reflected.
"""

from __future__ import annotations

import hashlib
from typing import Literal

import msgspec

from confide.ids import canonical_json

REPORT_DATA_SIZE = 64


class Binding(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The facts that evidence is bound to. `nonce`, `hpke_key` (X25519) and `signing_key` (Ed25519) are
    32 bytes each in base64; `job` and `broker` are digests.
    """

    nonce: str
    hpke_key: str
    signing_key: str
    job: str
    broker: str
    role: Literal["enclave"] = "enclave"
    type: Literal["confide-binding/1"] = "confide-binding/1"

    def report_data(self) -> bytes:
        """64 bytes: SHA-512 of the canonical JSON of the binding (RFC 8785, FIPS 180-4)."""
        return hashlib.sha512(canonical_json(msgspec.to_builtins(self))).digest()
