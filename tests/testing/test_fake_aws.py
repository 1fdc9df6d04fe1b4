from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from confide.errors import Refused
from confide.evidence.nitro import parse_document
from confide.testing.fake_aws import FakeAws
from confide.verify import verify_evidence
from confide.verify.x509 import Certificate, parse_item

AWS = FakeAws.create(datetime(2026, 6, 1, tzinfo=UTC))


@pytest.fixture(scope="module")
def real(shared: Path) -> bytes:
    folder = shared / "evidence/nitro/evervault+attestation-doc-validation/test-data/beta"
    return (folder / "valid-attestation-doc-bytes").read_bytes()


def test_real_document_with_one_field_changed_is_signed_again(real: bytes):
    roots = [AWS.root_fingerprint]
    twin = verify_evidence(AWS.evidence(AWS.adopt(real)), now=AWS.now, report_data=None, simulated_roots=roots)
    assert twin.subject.document.pcrs == parse_document(real).pcrs
    changed = AWS.evidence(AWS.adopt(real, pcrs={0: bytes(48)}))
    with pytest.raises(Refused) as caught:
        verify_evidence(changed, now=AWS.now, report_data=None, simulated_roots=roots)
    assert caught.value.codes == ("nitro.debug",)


def test_it_carries_awss_names(real: bytes):
    """The root's to the byte; those below differ by the numbers of zone and instance."""
    forged = parse_item(AWS.authorities[0].der)
    genuine = parse_item(parse_document(real).cabundle[0])
    assert isinstance(forged, Certificate)
    assert isinstance(genuine, Certificate)
    assert (forged.subject, forged.issuer) == (genuine.subject, genuine.issuer)
    assert forged.path_length == genuine.path_length
