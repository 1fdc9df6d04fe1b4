"""Azure confidential containers: row 11 of the attestation checklist. The endorsement names the launch measurement,
and is Microsoft's; each refusal differs in one fact from what is accepted, signed again by the forged Microsoft.
"""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import cbor2
import pytest
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import load_der_x509_certificate

from confide.errors import Refused
from confide.evidence import EvidenceBundle, azure_containers, pack_evidence
from confide.evidence.azure_containers import MAX_POLICY
from confide.evidence.cose import ALGORITHM, CONTENT_TYPE, ES384, PS256, RS256, X5CHAIN, parse_sign1
from confide.evidence.endorsements import split_endorsements
from confide.evidence.recognition import recognise
from confide.evidence.uvm import (
    CWT_CLAIMS,
    CWT_ISSUED_AT,
    CWT_ISSUER,
    CWT_SUBJECT,
    CWT_SVN,
    FEED,
    ISSUER,
    MEASUREMENT,
    PAYLOAD_HASH,
    SIGNING_TIME,
    SVN,
    SVN_NUMBER,
    parse_did,
    parse_uvm_endorsement,
    write_did,
)
from confide.testing import FakeAmd
from confide.testing.fake_uvm import CONTAINER_FEED, UVM_USAGE, FakeMicrosoft
from confide.verify import VerifiedEvidence, verify_evidence
from confide.verify.anchors import MICROSOFT_UVM_ROOTS
from confide.verify.verifier import verifier_of

NOW = datetime(2026, 6, 1, tzinfo=UTC)
POLICY = b'package policy\n\napi_version := "0.11.0"\n'
LAUNCHED = b"\5" * 48
OTHER = b"\6" * 48


@pytest.fixture(scope="module")
def microsoft() -> FakeMicrosoft:
    return FakeMicrosoft.create(NOW)


@pytest.fixture(scope="module")
def amd() -> FakeAmd:
    return FakeAmd.create(NOW)


def group(amd: FakeAmd, endorsement: bytes | None, policy: bytes | None = POLICY, **changes: object) -> EvidenceBundle:
    fields: dict[str, object] = {"measurement": LAUNCHED, "host_data": hashlib.sha256(POLICY).digest()}
    inner = amd.evidence(amd.report(**(fields | changes)))
    parts = {"uvm_endorsement": endorsement, "security_policy": policy}
    kept: dict[str, Any] = {name: data for name, data in parts.items() if data is not None}
    return pack_evidence("azure-containers", inner.evidence_bytes(), inner.endorsement_bytes(), **kept)


def verify(amd: FakeAmd, microsoft: FakeMicrosoft, bundle: EvidenceBundle, now: datetime = NOW) -> VerifiedEvidence:
    roots = [amd.root_fingerprint, microsoft.root_fingerprint]
    return verify_evidence(bundle, now=now, report_data=None, simulated_roots=roots)


def refusal(amd: FakeAmd, microsoft: FakeMicrosoft, bundle: EvidenceBundle, now: datetime = NOW) -> set[str]:
    with pytest.raises(Refused) as caught:
        verify(amd, microsoft, bundle, now)
    return set(caught.value.codes)


@pytest.mark.parametrize("transparent", [False, True])
def test_an_endorsed_machine_is_accepted_with_every_check(amd: FakeAmd, microsoft: FakeMicrosoft, transparent: bool):
    verified = verify(amd, microsoft, group(amd, microsoft.endorse(LAUNCHED, transparent=transparent)))
    assert {check.code for check in verified.checks} >= verifier_of("azure-containers").REQUIRED
    assert {check.outcome for check in verified.checks} <= {"passed", "not applicable"}
    claims: Any = verified.claims["uvm"]
    assert (claims["feed"], claims["svn"], claims["launch_measurement"]) == (CONTAINER_FEED, 104, LAUNCHED.hex())
    assert verified.subject.product == "Genoa"


def test_a_forged_microsoft_is_refused_by_default(amd: FakeAmd, microsoft: FakeMicrosoft):
    """Row 1 of the red team: Microsoft's exact names, another key, and its own did:x509."""
    bundle = group(amd, microsoft.endorse(LAUNCHED))
    with pytest.raises(Refused) as caught:
        verify_evidence(bundle, now=NOW, report_data=None, simulated_roots=[amd.root_fingerprint])
    assert caught.value.codes == ("uvm.chain.root",)


def test_a_forged_chain_that_names_microsofts_real_root_is_refused(amd: FakeAmd, microsoft: FakeMicrosoft):
    issuer = write_did(next(iter(MICROSOFT_UVM_ROOTS)), UVM_USAGE)
    bundle = group(amd, microsoft.endorse(LAUNCHED, header={ISSUER: issuer}))
    assert refusal(amd, microsoft, bundle) == {"uvm.issuer"}


def test_a_simulated_endorser_makes_the_whole_simulated(amd: FakeAmd, microsoft: FakeMicrosoft):
    assert verify(amd, microsoft, group(amd, microsoft.endorse(LAUNCHED))).simulated


def test_an_endorsement_of_another_machine_is_refused(amd: FakeAmd, microsoft: FakeMicrosoft):
    assert refusal(amd, microsoft, group(amd, microsoft.endorse(OTHER))) == {"uvm.measurement"}
    assert refusal(amd, microsoft, group(amd, microsoft.endorse(OTHER, transparent=True))) == {"uvm.measurement"}


def test_an_endorsement_among_the_endorsements_is_found(amd: FakeAmd, microsoft: FakeMicrosoft):
    bundle = group(amd, None)
    items = (*bundle.endorsement_bytes(), microsoft.endorse(LAUNCHED))
    assert verify(amd, microsoft, pack_evidence("azure-containers", bundle.evidence_bytes(), items))
    items = (*bundle.endorsement_bytes(), microsoft.endorse(OTHER))
    other = pack_evidence("azure-containers", bundle.evidence_bytes(), items)
    assert refusal(amd, microsoft, other) == {"uvm.measurement"}


def test_a_bare_report_is_of_a_container_where_the_caller_says_so(amd: FakeAmd, microsoft: FakeMicrosoft):
    data = group(amd, None).evidence_bytes()
    assert recognise(data).format == "sev-snp"
    assert recognise(data, "azure-containers").format == "azure-containers"


def test_no_endorsement_is_refused(amd: FakeAmd, microsoft: FakeMicrosoft):
    assert refusal(amd, microsoft, group(amd, None)) == {"uvm.missing"}


def test_another_container_policy_is_refused_and_none_is_said(amd: FakeAmd, microsoft: FakeMicrosoft):
    endorsement = microsoft.endorse(LAUNCHED)
    assert refusal(amd, microsoft, group(amd, endorsement, POLICY + b"\n")) == {"azure.security_policy"}
    checks = {check.code: check.outcome for check in verify(amd, microsoft, group(amd, endorsement, None)).checks}
    assert checks["azure.security_policy"] == "not applicable"


def test_too_long_a_container_policy_is_refused_though_it_is_the_hardwares(amd: FakeAmd, microsoft: FakeMicrosoft):
    endorsement = microsoft.endorse(LAUNCHED)
    for policy, refused in ((bytes(MAX_POLICY), False), (bytes(MAX_POLICY + 1), True)):
        bundle = group(amd, endorsement, policy, host_data=hashlib.sha256(policy).digest())
        if refused:
            assert refusal(amd, microsoft, bundle) == {"azure.security_policy"}
        else:
            assert verify(amd, microsoft, bundle)


def test_debug_mode_is_refused_without_a_policy(amd: FakeAmd, microsoft: FakeMicrosoft):
    inner = amd.evidence(amd.report(policy=1 << 17 | 1 << 19, measurement=LAUNCHED))
    bundle = pack_evidence(
        "azure-containers",
        inner.evidence_bytes(),
        inner.endorsement_bytes(),
        uvm_endorsement=microsoft.endorse(LAUNCHED),
    )
    assert refusal(amd, microsoft, bundle) == {"snp.policy.debug"}


def test_a_report_that_is_none_is_refused(amd: FakeAmd, microsoft: FakeMicrosoft):
    parts = {"uvm_endorsement": microsoft.endorse(LAUNCHED), "security_policy": POLICY}
    bundle = pack_evidence("azure-containers", b"", (), **parts)
    assert refusal(amd, microsoft, bundle) == {"snp.size"}


# The endorsement's signature, issuer, time and certificates


def test_a_signature_over_other_bytes_is_refused(amd: FakeAmd, microsoft: FakeMicrosoft):
    good, bad = (parse_sign1(microsoft.endorse(what), tags={1}) for what in (LAUNCHED, OTHER))
    swapped = type(good)(good.protected_bytes, good.protected, {}, good.payload, bad.signature, tagged=True)
    assert refusal(amd, microsoft, group(amd, swapped.encode())) == {"uvm.signature"}


@pytest.mark.parametrize("algorithm", [PS256, ES384, RS256, -1])
def test_another_algorithm_than_the_signature_is_by_is_refused(amd: FakeAmd, microsoft: FakeMicrosoft, algorithm: int):
    bundle = group(amd, microsoft.endorse(LAUNCHED, header={ALGORITHM: algorithm}))
    assert refusal(amd, microsoft, bundle) == {"uvm.signature"}


def test_a_signature_by_an_algorithm_that_microsoft_does_not_use_is_refused(amd: FakeAmd, microsoft: FakeMicrosoft):
    """By the right key, over the right bytes: RSASSA-PKCS1-v1_5 is still none of the allowed ones."""
    unsigned = parse_sign1(microsoft.endorse(LAUNCHED, header={ALGORITHM: RS256}), tags={1})
    signature = microsoft.leaf_key.sign(unsigned.to_be_signed(), PKCS1v15(), SHA256())
    assert refusal(amd, microsoft, group(amd, replace(unsigned, signature=signature).encode())) == {"uvm.signature"}


def test_unprotected_headers_say_nothing(amd: FakeAmd, microsoft: FakeMicrosoft):
    """Receipts of a transparency service stand there; whatever stands there is outside of what is signed."""
    message = parse_sign1(microsoft.endorse(LAUNCHED), tags={1})
    more = type(message)(
        message.protected_bytes, message.protected, {394: [b"receipt"]}, message.payload, message.signature, tagged=True
    )
    assert verify(amd, microsoft, group(amd, more.encode()))


@pytest.mark.parametrize(
    "issuer",
    ["did:web:microsoft.com", "", "did:x509:0:sha256:AAAA::eku:1.2", "did:x509:0:sha512:" + "A" * 86 + "::eku:1.2"],
)
def test_an_issuer_of_another_kind_is_refused(amd: FakeAmd, microsoft: FakeMicrosoft, issuer: str):
    assert refusal(amd, microsoft, group(amd, microsoft.endorse(LAUNCHED, header={ISSUER: issuer}))) <= {
        "uvm.issuer", "uvm.malformed",
    }  # fmt: skip


def test_a_usage_that_the_leaf_does_not_have_is_refused(amd: FakeAmd, microsoft: FakeMicrosoft):
    issuer = write_did(microsoft.root_fingerprint, UVM_USAGE, "1.3.6.1.4.1.311.76.59.1.3")
    assert refusal(amd, microsoft, group(amd, microsoft.endorse(LAUNCHED, header={ISSUER: issuer}))) == {"uvm.issuer"}
    other = FakeMicrosoft.create(NOW, usages=("1.3.6.1.5.5.7.3.3",))
    assert refusal(amd, other, group(amd, other.endorse(LAUNCHED))) == {"uvm.issuer"}


def test_an_endorsement_outlives_its_signers_certificate(amd: FakeAmd, microsoft: FakeMicrosoft):
    """The certificate is for the time of signing: a machine stays in use after it has expired."""
    later = NOW + timedelta(days=700)
    assert microsoft.leaf.not_valid_after_utc < later
    assert verify(amd, microsoft, group(amd, microsoft.endorse(LAUNCHED)), later)


@pytest.mark.parametrize("days", [-30, 500])
def test_an_endorsement_signed_outside_of_its_certificates_validity_is_refused(
    amd: FakeAmd, microsoft: FakeMicrosoft, days: int
):
    signed = cbor2.CBORTag(1, int((NOW + timedelta(days=days)).timestamp()))
    bundle = group(amd, microsoft.endorse(LAUNCHED, header={SIGNING_TIME: signed}))
    assert refusal(amd, microsoft, bundle, NOW + timedelta(days=600)) == {"uvm.chain.validity"}


def test_an_endorsement_from_the_future_is_refused(amd: FakeAmd, microsoft: FakeMicrosoft):
    signed = cbor2.CBORTag(1, int((NOW + timedelta(hours=1)).timestamp()))
    bundle = group(amd, microsoft.endorse(LAUNCHED, header={SIGNING_TIME: signed}))
    assert refusal(amd, microsoft, bundle) == {"uvm.time"}
    assert verify(amd, microsoft, bundle, NOW + timedelta(hours=1))


def test_an_endorsement_without_a_time_counts_from_its_youngest_certificate(amd: FakeAmd, microsoft: FakeMicrosoft):
    bundle = group(amd, microsoft.endorse(LAUNCHED, header={SIGNING_TIME: None}))
    assert verify(amd, microsoft, bundle)


def test_certificates_in_another_order_or_of_others_are_refused(amd: FakeAmd, microsoft: FakeMicrosoft):
    leaf, authority, root = microsoft.chain
    cases = {
        (leaf, root): {"uvm.chain.names", "uvm.chain.signature"},
        (leaf, authority, b"\x30\x00"): {"uvm.certificates"},
        (authority, root): {"uvm.chain.authority", "uvm.issuer", "uvm.signature"},
    }
    for chain, codes in cases.items():
        bundle = group(amd, microsoft.endorse(LAUNCHED, header={X5CHAIN: list(chain)}))
        assert refusal(amd, microsoft, bundle) == codes


def test_no_flipped_bit_and_no_truncation_of_an_endorsement_is_accepted(amd: FakeAmd, microsoft: FakeMicrosoft):
    """Seeded bits, all of the signature's first bytes among them; the unprotected header is empty here."""
    data = microsoft.endorse(LAUNCHED)
    for bit in range(0, 8 * len(data), 41):
        flipped = bytearray(data)
        flipped[bit // 8] ^= 1 << bit % 8
        assert any(code.startswith("uvm.") for code in refusal(amd, microsoft, group(amd, bytes(flipped))))
    for size in range(0, len(data), 37):
        assert "uvm.malformed" in refusal(amd, microsoft, group(amd, data[:size]))


# What an endorsement can be


def claims(microsoft: FakeMicrosoft, **changes: object) -> dict[object, object]:
    names: dict[str, object] = {"issuer": CWT_ISSUER, "feed": CWT_SUBJECT, "svn": CWT_SVN, "time": CWT_ISSUED_AT}
    values: dict[str, object] = {"issuer": microsoft.issuer, "feed": CONTAINER_FEED, "svn": 104}
    return {names[name]: value for name, value in (values | changes).items() if value is not None}


@pytest.mark.parametrize(
    ("header", "payload"),
    [
        ({ALGORITHM: None}, None), ({CONTENT_TYPE: "text/plain"}, None), ({CONTENT_TYPE: None}, None),
        ({FEED: None}, None), ({FEED: ""}, None), ({FEED: "a\nb"}, None), ({FEED: 7}, None), ({ISSUER: None}, None),
        ({ISSUER: "x" * 513}, None), ({X5CHAIN: None}, None), ({X5CHAIN: b"one"}, None), ({X5CHAIN: [b"one"]}, None),
        ({X5CHAIN: [b"a", "b"]}, None), ({X5CHAIN: [b"a"] * 9}, None), ({SIGNING_TIME: 5}, None),
        ({SIGNING_TIME: cbor2.CBORTag(1, -1)}, None), ({SIGNING_TIME: cbor2.CBORTag(1, 1 << 60)}, None),
        ({CWT_CLAIMS: 5}, None), ({CWT_CLAIMS: {}}, None), ({PAYLOAD_HASH: -16}, None), ({PAYLOAD_HASH: -43}, None),
        ({}, b""), ({}, b"[]"), ({}, b"{}"), ({}, b"\xff"),
        ({}, json.dumps({MEASUREMENT: "05" * 48}).encode()),
        ({}, json.dumps({MEASUREMENT: "05" * 47, SVN: "1"}).encode()),
        ({}, json.dumps({MEASUREMENT: "AB" * 48, SVN: "1"}).encode()),
        ({}, json.dumps({MEASUREMENT: "05" * 48, SVN: "01"}).encode()),
        ({}, json.dumps({MEASUREMENT: "05" * 48, SVN: "-1"}).encode()),
        ({}, json.dumps({MEASUREMENT: "05" * 48, SVN: True}).encode()),
        ({}, json.dumps({MEASUREMENT: "05" * 48, SVN: "1", SVN_NUMBER: 2}).encode()),
        ({}, json.dumps({MEASUREMENT: "05" * 48, SVN: "99999999999"}).encode()),
    ],
)  # fmt: skip
def test_what_is_no_endorsement_is_refused(
    microsoft: FakeMicrosoft, header: dict[object, object], payload: bytes | None
):
    with pytest.raises(Refused) as caught:
        parse_uvm_endorsement(microsoft.endorse(LAUNCHED, header=header, payload=payload))
    assert caught.value.codes == ("uvm.malformed",)


@pytest.mark.parametrize(
    "change", [{"issuer": "did:other"}, {"feed": "other"}, {"svn": 105}, {"svn": -1}, {"svn": "x"}, {"feed": None}]
)
def test_claims_that_contradict_the_rest_are_refused(microsoft: FakeMicrosoft, change: dict[str, object]):
    assert parse_uvm_endorsement(microsoft.endorse(LAUNCHED, header={CWT_CLAIMS: claims(microsoft)})).svn == 104
    with pytest.raises(Refused) as caught:
        parse_uvm_endorsement(microsoft.endorse(LAUNCHED, header={CWT_CLAIMS: claims(microsoft, **change)}))
    assert caught.value.codes == ("uvm.malformed",)


def test_a_hash_envelope_needs_an_svn_in_its_claims(microsoft: FakeMicrosoft):
    for header in ({CWT_CLAIMS: claims(microsoft, svn=None)}, {CWT_CLAIMS: None, ISSUER: microsoft.issuer, FEED: "f"}):
        with pytest.raises(Refused) as caught:
            parse_uvm_endorsement(microsoft.endorse(LAUNCHED, transparent=True, header=header))
        assert caught.value.codes == ("uvm.malformed",)


def test_too_long_an_endorsement_is_refused_unread():
    with pytest.raises(Refused) as caught:
        parse_uvm_endorsement(bytes(1 << 17))
    assert caught.value.codes == ("uvm.malformed",)


def test_microsofts_published_issuer_is_the_pinned_root():
    did = parse_did("did:x509:0:sha256:I__iuL25oXEVFdTP_aBLx_eT1RPHbCQ_ECBQfYZpt9s::eku:1.3.6.1.4.1.311.76.59.1.2")
    assert did is not None
    assert did.fingerprint in MICROSOFT_UVM_ROOTS
    assert did.usages == (UVM_USAGE,)
    assert write_did(did.fingerprint, *did.usages).startswith("did:x509:0:sha256:I__iuL25oXEV")


@pytest.mark.parametrize("text", ["", "did:x509:0:sha256:" + "A" * 43, "did:x509:0:sha256:" + "A" * 42 + "B::eku:1.2"])
def test_what_is_no_did_of_this_kind_is_none(text: str):
    assert parse_did(text) is None


# The JSON in which services pass it on


def passed_on(bundle: EvidenceBundle, **changes: object) -> bytes:
    pems = [load_der_x509_certificate(der).public_bytes(Encoding.PEM).decode() for der in bundle.endorsement_bytes()]
    thim = {"vcekCert": pems[0], "tcbm": "00", "certificateChain": "".join(pems[1:]), "cacheControl": "86400"}
    fields = {
        "evidence": bundle.evidence_bytes(), "endorsements": json.dumps(thim).encode(),
        "uvm_endorsements": bundle.part("uvm_endorsement") or b"", "security_policy": POLICY,
    }  # fmt: skip
    document: dict[str, object] = {name: base64.b64encode(data).decode() for name, data in fields.items()}
    return json.dumps(document | changes).encode()


def test_evidence_as_services_pass_it_on_is_recognised(amd: FakeAmd, microsoft: FakeMicrosoft):
    bundle = group(amd, microsoft.endorse(LAUNCHED))
    assert recognise(passed_on(bundle)) == bundle
    pem = b"".join(load_der_x509_certificate(der).public_bytes(Encoding.PEM) for der in bundle.endorsement_bytes())
    assert recognise(passed_on(bundle, endorsements=base64.b64encode(pem).decode())) == bundle


@pytest.mark.parametrize(
    "change",
    [{"evidence": 5}, {"evidence": "!"}, {"uvm_endorsements": None}, {"endorsements": "é"}],
)
def test_a_field_of_another_shape_is_refused(amd: FakeAmd, microsoft: FakeMicrosoft, change: dict[str, object]):
    with pytest.raises(Refused) as caught:
        recognise(passed_on(group(amd, microsoft.endorse(LAUNCHED)), **change))
    assert caught.value.codes == ("evidence.format",)


def test_the_names_of_its_fields_elsewhere_make_no_evidence():
    assert azure_containers.recognise(b'{"uvm_endorsements": "AA", "other": {"evidence": "AA"}}') is None


@pytest.mark.parametrize(
    "cache", [b"{}", b"{", b'{"vcekCert":5,"certificateChain":""}', b'{"vcekCert":"","certificateChain":""}']
)
def test_a_cache_without_certificates_is_refused(cache: bytes):
    with pytest.raises(Refused) as caught:
        split_endorsements(cache)
    assert caught.value.codes == ("endorsement.malformed",)
