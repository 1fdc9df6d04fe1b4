"""The receipt as a document: its fields, its one spelling, its signature."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from confide.binding import Binding
from confide.errors import Misuse, Refused
from confide.evidence import EvidenceBundle
from confide.evidence.snp import FORMAT, parse_report
from confide.ids import canonical_json, to_base64
from confide.job import Job
from confide.protocol import SignedGrant
from confide.sealed.manifest import Manifest
from confide.strictjson import MAX_BYTES, load_as


class Platform(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the evidence says of the machine, for a reader: hexadecimal `measurement`, `chip_id` and
    `reported_tcb`, the privilege level, and whether it could be debugged.
    """

    format: str
    measurement: str
    chip_id: str
    reported_tcb: str
    vmpl: int
    debug: bool


class ReceiptPolicy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The policy that allowed the release: its name, revision, the SHA-256 of its text, and the text."""

    name: str
    revision: int
    digest: str
    text: str


class ReceiptBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the enclave signs. `manifests` are those of the job's inputs, in their order; `workload` and
    `runtime` the digests of bundle and agent; `output` the manifest of the sealed result and
    `output_digest` the SHA-256 of it as a file; `finished_at` the enclave's clock, which its machine
    sets. The receipt's time is the grant's `released_at`, which the broker signed.
    """

    job: Job
    job_id: str
    manifests: tuple[Manifest, ...]
    workload: str
    runtime: str
    platform: Platform
    evidence: EvidenceBundle
    binding: Binding
    policy: ReceiptPolicy
    grant: SignedGrant
    output: Manifest
    output_digest: str
    finished_at: str
    type: Literal["confide-receipt/1"] = "confide-receipt/1"

    def signed_bytes(self) -> bytes:
        """What the key in the binding signs: the canonical JSON of the body (RFC 8785)."""
        return canonical_json(msgspec.to_builtins(self))


class Receipt(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A body and its Ed25519 signature (64 bytes, base64)."""

    body: ReceiptBody
    signature: str

    def to_json(self) -> bytes:
        """The one spelling of the receipt: canonical JSON."""
        return canonical_json(msgspec.to_builtins(self))


def platform_of(bundle: EvidenceBundle) -> Platform:
    """What evidence says of its machine, without trust. Raises Refused where it is malformed or unknown."""
    if bundle.format != FORMAT:
        raise Refused.because(
            "receipt.format", got=repr(bundle.format[:40]), wanted=FORMAT, remedy="Use a newer Confide."
        )
    report = parse_report(bundle.evidence_bytes())
    return Platform(
        format=bundle.format,
        measurement=report.measurement.hex(),
        chip_id=report.chip_id.hex(),
        reported_tcb=report.reported_tcb.hex(),
        vmpl=report.vmpl,
        debug=report.allows("debug"),
    )


def sign_receipt(body: ReceiptBody, key: Ed25519PrivateKey) -> Receipt:
    """The receipt. `key` must be the one whose public half is in the body's binding."""
    return Receipt(body, to_base64(key.sign(body.signed_bytes())))


def parse_receipt(data: bytes) -> Receipt:
    """The receipt in `data`, not verified. Raises Refused unless it is one, in its one spelling."""
    try:
        receipt = load_as(Receipt, data, "receipt")
        same = receipt.to_json() == data
    except Misuse as failure:
        raise Refused.because(
            "receipt.shape",
            got=failure.findings[0].got,
            wanted="a receipt of type confide-receipt/1",
            remedy="Take the file exactly as the run left it.",
        ) from None
    except ValueError:  # an integer or a character that has no canonical spelling
        same = False
    if not same:
        raise Refused.because(
            "receipt.canonical",
            got="a receipt in another spelling, or one that was edited",
            wanted="canonical JSON (RFC 8785)",
            remedy="Take the file exactly as the run left it.",
        )
    return receipt


def read_receipt_file(path: Path) -> bytes:
    """The bytes of a receipt's file, bounded: `parse_receipt` refuses one that is too long."""
    with path.open("rb") as file:
        return file.read(MAX_BYTES + 1)
