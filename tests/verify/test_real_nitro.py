"""Every file of a Nitro Enclave in the shared evidence: accepted at its own time, or refused for a stated reason, or
listed with the reason why it does not apply.
"""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest

from confide.errors import Refused
from confide.evidence.endorsements import split_endorsements
from confide.evidence.nitro import parse_document
from confide.evidence.recognition import recognise
from confide.ids import sha256_of
from confide.verify import verify_evidence
from confide.verify.anchors import AWS_ROOTS

SHARED = Path(__file__).parents[3] / "shared" / "evidence"
MANIFEST = json.loads((SHARED / "MANIFEST.json").read_text()) if SHARED.exists() else []
FOLDER = "nitro/evervault+attestation-doc-validation"
REAL = {f"{FOLDER}/{name}": codes for name, codes in {
    "test-data/beta/valid-attestation-doc-bytes": (),
    "test-data/beta/non-debug-cert-containing-attestation-document-18-1-23-der.crt": (),
    "test-data/beta/non-debug-cert-containing-attestation-document-18-1-23.pem": (),
    "test-data/beta/debug-mode-attestation-doc-bytes": ("nitro.debug",),
    "test-data/beta/debug-mode-cert-containing-attestation-doc-18-1-23.pem": ("nitro.debug",),
    "test-data/valid-attestation-doc-base64": ("nitro.debug",),
    "history-bc5e7e3bf3/test-data/valid-attestation-doc-v2-bytes": ("nitro.debug",),
}.items()}  # fmt: skip
# Files that hold no document, and what they are.
NOT_EVIDENCE = {
    f"{FOLDER}/test-data/certificate.der": "the TLS certificate whose key a document's user_data names",
    f"{FOLDER}/test-data/valid-certificate.der": "the same certificate",
}

pytestmark = pytest.mark.skipif(not MANIFEST, reason="the shared evidence is not here")


@pytest.mark.parametrize("path", REAL)
def test_real_document(path: str):
    bundle = recognise((SHARED / path).read_bytes())
    document = parse_document(bundle.evidence_bytes())
    if REAL[path]:
        with pytest.raises(Refused) as caught:
            verify_evidence(bundle, now=document.made_at, report_data=document.nonce)
        assert caught.value.codes == REAL[path]
        return
    verified = verify_evidence(bundle, now=document.made_at, report_data=document.nonce)
    assert not verified.simulated
    assert verified.root in AWS_ROOTS


@pytest.mark.parametrize("path", REAL)
@pytest.mark.parametrize("moment", [timedelta(days=-1), timedelta(hours=4), timedelta(days=900)])
def test_real_document_at_another_time_is_refused_for_its_time(path: str, moment: timedelta):
    bundle = recognise((SHARED / path).read_bytes())
    document = parse_document(bundle.evidence_bytes())
    with pytest.raises(Refused) as caught:
        verify_evidence(bundle, now=document.made_at + moment, report_data=document.nonce)
    assert caught.value.codes == ("nitro.time", *REAL[path])
    assert "only the time is wrong" in caught.value.findings[0].remedy


@pytest.mark.parametrize("path", NOT_EVIDENCE)
def test_file_without_a_document_is_not_recognised(path: str):
    with pytest.raises(Refused) as caught:
        recognise((SHARED / path).read_bytes())
    assert caught.value.codes == ("evidence.format",)


def test_the_published_root_is_the_pinned_one():
    (der,) = split_endorsements((SHARED / FOLDER / "attestation-doc-validation/src/nitro.pem").read_bytes())
    assert {sha256_of(der)} == AWS_ROOTS.keys()
    bundled = {
        sha256_of(parse_document(recognise((SHARED / path).read_bytes()).evidence_bytes()).cabundle[0]) for path in REAL
    }
    assert bundled == AWS_ROOTS.keys()


def test_the_measurements_are_those_that_the_origin_expects():
    checked = 0
    for spec in sorted((SHARED / FOLDER / "test-specs").rglob("*.json")):
        wanted = json.loads(spec.read_text())
        path = f"{FOLDER}/{wanted.get('attestationDoc', wanted.get('file'))}"
        document = parse_document(recognise((SHARED / path).read_bytes()).evidence_bytes())
        matches = all(document.pcr(int(name[3:])) == value for name, value in wanted["pcrs"].items())
        assert matches is wanted["shouldPcrsMatch"], spec
        checked += 1
    assert checked == 6


def test_every_file_is_in_one_of_the_tables():
    listed = {one["path"] for one in MANIFEST if one["tee"] == "nitro"}
    specs = {one["path"] for one in MANIFEST if one["tee"] == "nitro" and one["kind"] == "nitro-test-spec"}
    root = {f"{FOLDER}/attestation-doc-validation/src/nitro.pem"}
    assert listed == REAL.keys() | NOT_EVIDENCE.keys() | specs | root
