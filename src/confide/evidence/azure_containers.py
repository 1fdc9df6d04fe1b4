"""Evidence of Azure confidential containers (container instances, and pods on AKS): a SEV-SNP report, with Microsoft's
endorsement of the utility machine and the container policy as parts. No trust.

Shape: the JSON in which confidential services pass it on (`evidence`, `endorsements`, `uvm_endorsements`, each base64;
microsoft/CCF, SNP attestation). `endorsements` are PEM, or the JSON of Azure's cache of certificates (THIM).
"""

from __future__ import annotations

from confide.evidence.bundle import EvidenceBundle, pack_evidence
from confide.evidence.endorsements import split_endorsements
from confide.evidence.json_bytes import read_base64, read_object, wrong_shape

FORMAT = "azure-containers"
ENDORSEMENT, POLICY = "uvm_endorsement", "security_policy"
PARTS = frozenset({ENDORSEMENT, POLICY})
MAX_POLICY = 1 << 18


def recognise(data: bytes) -> EvidenceBundle | None:
    """The bundle that JSON with `evidence` and `uvm_endorsements` makes; None for anything else. Raises Refused
    (`evidence.format`, `endorsement.malformed`) for a field of another shape.
    """
    document = read_object(data, "evidence", "uvm_endorsements")
    if document is None or not {"evidence", "uvm_endorsements"} <= document.keys():
        return None
    fields = {name: _text(document, name) for name in ("evidence", "endorsements", "uvm_endorsements")}
    certificates = read_base64(fields["endorsements"], "endorsements")
    parts = {ENDORSEMENT: read_base64(fields["uvm_endorsements"], "uvm_endorsements")}
    if "security_policy" in document:
        parts[POLICY] = read_base64(_text(document, "security_policy"), "security_policy")
    report = read_base64(fields["evidence"], "evidence")
    return pack_evidence(FORMAT, report, split_endorsements(certificates), **parts)


def _text(document: dict[str, object], name: str) -> str:
    value = document.get(name)
    if not isinstance(value, str) or not value.isascii():
        raise wrong_shape(name, "base64 text")
    return "".join(value.split())
