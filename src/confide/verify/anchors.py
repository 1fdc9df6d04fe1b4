"""The trust anchors: the vendors' published root certificates, pinned by the SHA-256 of their DER.

AMD's roots (ARK, self-signed, RSA-4096) are published at https://kdsintf.amd.com/vcek/v1/{product}/cert_chain.
The fingerprints were taken on 2026-11-23 from the copies that four independent projects carry (google/go-sev-guest,
virtee/sev, confidential-containers/trustee, confidential-dot-ai/attestation-rs), which agree byte for byte;
`tests/verify/test_anchors.py` compares them again.
"""

from __future__ import annotations

AMD_ROOTS = {
    "sha256:69d063b45344d26a2e94e1f4210de49ef555308287d4c174445c95639a540bcd": "Milan",
    "sha256:4c6598d19c18719c5dfd4a7d335f674e5bfe1d8f800cea2cf270c10d103db2f1": "Genoa",
    "sha256:1f084161a44bb6d93778a904877d4819cafa5d05ef4193b2ded9dd9c73dd3f6a": "Turin",
}

# Each vendor's roots, by their fingerprints: no policy can name one of these as simulated.
VENDOR_ROOTS = frozenset().union(AMD_ROOTS)
