"""The trust anchors: the vendors' published root certificates, pinned by the SHA-256 of their DER.

AMD's roots (ARK, self-signed, RSA-4096) are published at https://kdsintf.amd.com/vcek/v1/{product}/cert_chain.
The fingerprints were taken on 2026-11-23 from the copies that four independent projects carry (google/go-sev-guest,
virtee/sev, confidential-containers/trustee, confidential-dot-ai/attestation-rs), which agree byte for byte;
`tests/verify/test_anchors.py` compares them again.

NVIDIA's device root ("NVIDIA Device Identity CA") and root of reference manifests ("NVIDIA CoRIM signing Root CA") are
published in NVIDIA/nvtrust and NVIDIA/attestation-sdk; the fingerprints were taken on 2026-11-24 from those copies and
that of confidential-containers/trustee, which agree. NVIDIA's attestation service (NRAS) never delivers its own root:
what is pinned is "NVIDIA Attestation Service GPU Intermediate 004" (valid until 2029-12-08), whose fingerprint the copy
in confidential-dot-ai/attestation-rs and other projects' pins agree on (2026-11-24).

Google's "Confidential Space Root CA" is published at confidentialcomputing.googleapis.com, /.well-known/
confidential_space_root.crt; the SHA-256 is that of the certificate with the SHA-1 fingerprint that Google publishes
(B9:51:20:74:2C:24:E3:AA:34:04:2E:1C:3B:A3:AA:D2:8B:21:23:21, codelab confidential-space-pki), taken on 2026-11-24.

AWS's root of Nitro Enclaves (CN aws.nitro-enclaves, G1, ECDSA P-384, commercial regions) is published at
https://aws-nitro-enclaves.amazonaws.com/AWS_NitroEnclaves_Root-G1.zip, and its fingerprint in AWS's Nitro Enclaves user
guide, "Verifying the root of trust". Taken from there on 2026-11-23; the copy of evervault/attestation-doc-validation
and the roots inside of real documents agree with it.

Intel's root ("Intel SGX Root CA", ECDSA P-256, of SGX and TDX alike) is published at
https://certificates.trustedservices.intel.com/Intel_SGX_Provisioning_Certification_RootCA.cer. The fingerprint was
taken on 2026-11-24 from the copies of Phala-Network/dcap-qvl and google/go-tdx-guest, which agree with each other and
with the roots inside of all real quotes.

Microsoft's "Supply Chain RSA Root CA 2022", under which the utility machines of confidential containers are signed:
its SHA-256 stands in the did:x509 that Microsoft publishes (microsoft/confidential-aci-examples, the document
Confidential_ACI_SCHEME.md: I__iuL25oXEVFdTP_aBLx_eT1RPHbCQ_ECBQfYZpt9s), and that microsoft/CCF and
microsoft/TEE-Attestation-Verification carry; taken on 2026-11-24.

Google's roots of the TPMs of Compute Engine machines (RSA-4096): `tpm_ek_v1_cloud_host_root` is published at
https://pki.goog/cloud_integrity/tpm_ek_root_1.crt, "EK/AK CA Root" by the Certificate Authority Service whose address
the certificates below it name. Taken on 2026-11-24 from google/go-tpm-tools (server/ca-certs), which Google keeps; the
certificates under them in real attestations agree.
"""

from __future__ import annotations

AMD_ROOTS = {
    "sha256:69d063b45344d26a2e94e1f4210de49ef555308287d4c174445c95639a540bcd": "Milan",
    "sha256:4c6598d19c18719c5dfd4a7d335f674e5bfe1d8f800cea2cf270c10d103db2f1": "Genoa",
    "sha256:1f084161a44bb6d93778a904877d4819cafa5d05ef4193b2ded9dd9c73dd3f6a": "Turin",
}

AWS_ROOTS = {
    "sha256:641a0321a3e244efe456463195d606317ed7cdcc3c1756e09893f3c68f79bb5b": "aws.nitro-enclaves",
}

NVIDIA_DEVICE_ROOTS = {
    "sha256:102bf659d5419614c9d8e6aecebc80454eb26b1df6a769ac720b9a690b167b48": "NVIDIA Device Identity CA",
}
NVIDIA_RIM_ROOTS = {
    "sha256:12977b5115acb0381179279fffeb5a8c4d264971ebb32298023a465fa41df5d1": "NVIDIA CoRIM signing Root CA",
}
NVIDIA_SERVICE_ROOTS = {
    "sha256:2df8907cf4d6c277b855d407ec178a649930a8e73f7294e8fce66e6ee27c5175": "NRAS GPU Intermediate 004",
}
GOOGLE_SPACE_ROOTS = {
    "sha256:148b293821bb0c6a317f413c8ba475814091cb22d49b9e3c94198db8e8f86c39": "Confidential Space Root CA",
}

MICROSOFT_UVM_ROOTS = {
    "sha256:23ffe2b8bdb9a1711515d4cffda04bc7f793d513c76c243f1020507d8669b7db": "Supply Chain RSA Root CA 2022",
}

INTEL_ROOTS = {
    "sha256:44a0196b2b99f889b8e149e95b807a350e7424964399e885a7cbb8ccfab674d3": "Intel SGX Root CA",
}

GOOGLE_TPM_ROOTS = {
    "sha256:9bd5285f8fb18502a7947e621ffd470266f49fcd3b73e19a190f690ad32a7caf": "tpm_ek_v1_cloud_host_root",
    "sha256:594759594b9b61524f6c8ef668f7177f7b9066bc0674f2f49fe9e052be78beb2": "EK/AK CA Root",
}

# Each vendor's roots, by their fingerprints: no policy can name one of these as simulated.
VENDOR_ROOTS = frozenset().union(
    AMD_ROOTS,
    INTEL_ROOTS,
    AWS_ROOTS,
    NVIDIA_DEVICE_ROOTS,
    NVIDIA_RIM_ROOTS,
    NVIDIA_SERVICE_ROOTS,
    GOOGLE_SPACE_ROOTS,
    GOOGLE_TPM_ROOTS,
    MICROSOFT_UVM_ROOTS,
)
