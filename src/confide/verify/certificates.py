"""The certificates and revocation lists that come along with evidence, whatever its format."""

from __future__ import annotations

from collections.abc import Sequence

from confide.checklist import Checklist
from confide.evidence.endorsements import MAX_BYTES, MAX_ITEMS
from confide.verify.x509 import Certificate, MalformedCertificateError, RevocationList, parse_item


def parse_certificates(endorsements: Sequence[bytes], checklist: Checklist) -> list[Certificate | RevocationList]:
    """Each endorsement parsed once. One that is neither a certificate nor a list is a finding."""
    items: list[Certificate | RevocationList] = []
    size = sum(map(len, endorsements))
    if len(endorsements) > MAX_ITEMS or size > MAX_BYTES:
        _malformed(checklist, f"{len(endorsements)} endorsements of {size} bytes")
        return items
    for index, der in enumerate(endorsements):
        try:
            items.append(parse_item(der))
        except MalformedCertificateError:
            _malformed(checklist, f"endorsement {index + 1}, which is neither")
    return items


def _malformed(checklist: Checklist, got: str) -> None:
    checklist.expect(
        "endorsement.malformed",
        passed=False,
        got=got,
        wanted=f"at most {MAX_ITEMS} certificates or revocation lists in DER",
        remedy="Leave out what does not belong to the evidence.",
    )
