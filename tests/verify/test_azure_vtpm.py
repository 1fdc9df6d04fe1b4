"""Azure confidential virtual machines on SEV-SNP: rows 19 and 24 to 26 of the attestation checklist. Each refusal has
its positive twin: the healthy machine is accepted by the same call, and each case differs from it in one fact, with
everything above it signed again.
"""

from __future__ import annotations

import base64
import json
import random
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from confide.errors import Refused, Unavailable
from confide.evidence import EvidenceBundle, pack_evidence
from confide.evidence.hcl import parse_hcl_report
from confide.evidence.tpm import MAGIC, TpmQuote
from confide.ids import canonical_json, sha256_of
from confide.testing.fake_azure import PCRS, FakeAzure, jwk
from confide.verify import VerifiedEvidence, verify_evidence
from confide.verify.verifier import verifier_of

NOW = datetime(2026, 6, 1, tzinfo=UTC)
NONCE = b"a nonce of the verifier's"
STRANGER = rsa.generate_private_key(65537, 2048)
ZERO_PCRS = {"sha256": dict.fromkeys(range(24), bytes(32))}


@pytest.fixture(scope="module")
def azure() -> FakeAzure:
    return FakeAzure.create(NOW)


def verify(azure: FakeAzure, bundle: EvidenceBundle, nonce: bytes | None = NONCE) -> VerifiedEvidence:
    return verify_evidence(bundle, now=NOW, report_data=nonce, simulated_roots=[azure.root_fingerprint])


def codes_of(azure: FakeAzure, bundle: EvidenceBundle, nonce: bytes | None = NONCE) -> set[str]:
    with pytest.raises(Refused) as caught:
        verify(azure, bundle, nonce)
    return set(caught.value.codes)


def with_evidence(bundle: EvidenceBundle, data: bytes) -> EvidenceBundle:
    parts: dict[str, Any] = {name: bundle.part(name) for name in bundle.parts}
    return pack_evidence(bundle.format, data, bundle.endorsement_bytes(), **parts)


def with_parts(bundle: EvidenceBundle, **changes: bytes | None) -> EvidenceBundle:
    parts = {name: bundle.part(name) for name in bundle.parts} | changes
    kept = {name: data for name, data in parts.items() if data is not None}
    return pack_evidence(bundle.format, bundle.evidence_bytes(), bundle.endorsement_bytes(), **kept)


@pytest.mark.parametrize("product", ["Milan", "Genoa"])
def test_healthy_machine_is_accepted_with_every_check(product: str):
    cpuid = {"Milan": (0x19, 1, 1), "Genoa": (0x19, 0x11, 1)}[product]
    azure = FakeAzure.create(NOW, product)
    verified = verify(azure, azure.evidence(NONCE, report={"cpuid": cpuid}))
    assert verified.simulated
    assert verified.subject.product == product
    assert {check.code for check in verified.checks} >= verifier_of("azure-snp-vtpm").REQUIRED
    assert {check.outcome for check in verified.checks} <= {"passed", "not applicable"}
    assert len({check.code for check in verified.checks}) == len(verified.checks)
    assert set(verified.claims) == {"product", "hardware", "tpm", "runtime"}


@pytest.mark.parametrize(("number", "name"), [(1, "sha256"), (2, "sha384"), (3, "sha512")])
def test_hash_type_of_the_report_is_honoured(azure: FakeAzure, number: int, name: str):
    bundle = azure.evidence(NONCE, hcl={"hash_number": number})
    assert parse_hcl_report(bundle.evidence_bytes()).hash_name == name
    assert verify(azure, bundle)


def test_a_forged_vendor_is_refused_by_default(azure: FakeAzure):
    with pytest.raises(Refused) as caught:
        verify_evidence(azure.evidence(NONCE), now=NOW, report_data=NONCE)
    assert caught.value.codes == ("snp.chain.root",)


# The HCL report and its claims


def test_claims_that_the_hardware_did_not_sign_are_refused(azure: FakeAzure):
    report = parse_hcl_report(azure.evidence(NONCE).evidence_bytes())
    changed = replace(report, runtime_data=report.runtime_data.replace(b'"secure-boot":true', b'"secure-boot":null'))
    assert codes_of(azure, with_evidence(azure.evidence(NONCE), changed.encode())) == {"azure.runtime_data"}


def test_a_strangers_attestation_key_in_the_claims_is_refused(azure: FakeAzure):
    """The attacker's vTPM: claims with his key, and a quote by it. The hardware vouches for another key."""
    claims = azure.claims() | {"keys": [jwk("HCLAkPub", STRANGER.public_key())]}
    report = parse_hcl_report(azure.evidence(NONCE).evidence_bytes())
    forged = replace(report, runtime_data=json.dumps(claims).encode()).encode()
    bundle = azure.evidence(NONCE, parts=azure.parts(azure.quote(NONCE), key=STRANGER))
    assert codes_of(azure, with_evidence(bundle, forged)) == {"azure.runtime_data"}


def test_a_report_of_the_hardware_that_does_not_parse_is_refused(azure: FakeAzure):
    bundle = azure.evidence(NONCE)
    report = parse_hcl_report(bundle.evidence_bytes())
    broken = replace(report, hardware=b"\x63" + report.hardware[1:]).encode()
    assert codes_of(azure, with_evidence(bundle, broken)) == {"snp.version"}


def test_report_data_behind_the_hash_must_be_zero(azure: FakeAzure):
    hashed = parse_hcl_report(azure.evidence(NONCE).evidence_bytes()).expected_report_data()
    assert verify(azure, azure.evidence(NONCE, report={"report_data": hashed}))
    bundle = azure.evidence(NONCE, report={"report_data": hashed[:63] + b"\1"})
    assert codes_of(azure, bundle) == {"azure.runtime_data"}


def test_another_hash_type_than_the_hardware_signed_is_refused(azure: FakeAzure):
    report = parse_hcl_report(azure.evidence(NONCE).evidence_bytes())
    data = replace(report, hash_number=2).encode()
    assert codes_of(azure, with_evidence(azure.evidence(NONCE), data)) == {"azure.runtime_data"}


@pytest.mark.parametrize(
    ("data", "code"),
    [(b"", "azure.hcl.size"), (b"HCLA" + bytes(2596), "azure.hcl.header"), (bytes(70000), "azure.hcl.size")],
)
def test_what_is_no_hcl_report_is_refused(azure: FakeAzure, data: bytes, code: str):
    assert codes_of(azure, with_evidence(azure.evidence(NONCE), data)) == {code}


def test_a_report_of_tdx_is_no_report_of_snp(azure: FakeAzure):
    report = parse_hcl_report(azure.evidence(NONCE).evidence_bytes())
    tdx = replace(report, platform="tdx", hardware=report.hardware[:1024]).encode()
    assert "azure.hcl.platform" in codes_of(azure, with_evidence(azure.evidence(NONCE), tdx))


@pytest.mark.parametrize("claims", [{"keys": []}, {"keys": 5}, {"vm-configuration": []}])
def test_signed_claims_without_an_attestation_key_are_refused(azure: FakeAzure, claims: Mapping[str, object]):
    assert codes_of(azure, azure.evidence(NONCE, claims=claims)) == {"azure.claims"}


@pytest.mark.parametrize("modulus", [b"\xff" * 128, b"\xff" * 255 + b"\xfe", b"\xff" * 1025])
def test_a_signed_attestation_key_of_an_unfit_kind_is_refused(azure: FakeAzure, modulus: bytes):
    key = jwk("HCLAkPub", STRANGER.public_key()) | {"n": _base64url(modulus)}
    assert codes_of(azure, azure.evidence(NONCE, claims={"keys": [key]})) == {"azure.attestation_key"}


def test_an_exponent_that_makes_no_key_is_refused(azure: FakeAzure):
    key = jwk("HCLAkPub", STRANGER.public_key()) | {"e": _base64url(b"\2")}
    assert codes_of(azure, azure.evidence(NONCE, claims={"keys": [key]})) == {"azure.attestation_key"}


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


# The hardware's evidence: every check of SEV-SNP is made


def test_debug_mode_is_refused_without_a_policy(azure: FakeAzure):
    assert codes_of(azure, azure.evidence(NONCE, report={"policy": 1 << 17 | 1 << 19})) == {"snp.policy.debug"}


def test_a_report_with_a_broken_signature_is_refused(azure: FakeAzure):
    data = bytearray(azure.evidence(NONCE).evidence_bytes())
    data[0x20 + 0x90] ^= 1  # the launch measurement
    assert codes_of(azure, with_evidence(azure.evidence(NONCE), bytes(data))) == {"snp.signature"}


def test_missing_certificates_of_the_chip_leave_nobody_able_to_tell(azure: FakeAzure):
    bundle = azure.evidence(NONCE)
    bare = EvidenceBundle(bundle.format, bundle.evidence, (), bundle.parts)
    with pytest.raises(Unavailable) as caught:
        verify(azure, bare)
    assert caught.value.codes == ("snp.chain.missing",)


# The vTPM's quote


@pytest.mark.parametrize("part", ["quote", "signature", "pcrs"])
def test_a_report_without_a_whole_quote_is_refused(azure: FakeAzure, part: str):
    """Row 26: downgrade by omission. The HCL report alone is handed out for ever."""
    assert codes_of(azure, with_parts(azure.evidence(NONCE), **{part: None})) == {"azure.quote.missing"}


def test_a_quote_for_another_nonce_is_refused(azure: FakeAzure):
    assert codes_of(azure, azure.evidence(b"another")) == {"tpm.report_data"}


def test_a_nonce_that_was_padded_is_refused(azure: FakeAzure):
    assert codes_of(azure, azure.evidence(NONCE.ljust(64, b"\0"))) == {"tpm.report_data"}


def test_freshness_comes_from_the_quote_alone(azure: FakeAzure):
    """The report data of the hardware is no answer to a nonce, even where the caller asks for just that."""
    bundle = azure.evidence(b"old")
    shown = parse_hcl_report(bundle.evidence_bytes()).expected_report_data()
    assert codes_of(azure, bundle, shown) == {"tpm.report_data"}


def test_without_a_nonce_no_freshness_is_claimed(azure: FakeAzure):
    outcomes = {check.code: check.outcome for check in verify(azure, azure.evidence(NONCE), None).checks}
    assert outcomes["tpm.report_data"] == "not applicable"


def test_a_quote_by_another_key_is_refused_though_the_bundle_brings_it(azure: FakeAzure):
    bundle = azure.evidence(NONCE, parts=azure.parts(azure.quote(NONCE), key=STRANGER))
    assert codes_of(azure, bundle) == {"tpm.signature"}


def test_a_key_that_the_caller_trusts_does_not_replace_the_claims(azure: FakeAzure):
    spki = STRANGER.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    bundle = azure.evidence(NONCE, parts=azure.parts(azure.quote(NONCE), key=STRANGER))
    with pytest.raises(Refused) as caught:
        verify_evidence(
            bundle, now=NOW, report_data=NONCE, simulated_roots=[azure.root_fingerprint], trusted_keys=[sha256_of(spki)]
        )
    assert caught.value.codes == ("tpm.signature",)


def test_a_key_as_a_part_is_refused(azure: FakeAzure):
    assert codes_of(azure, with_parts(azure.evidence(NONCE), ak=b"\x30\x00")) == {"evidence.parts"}


def test_a_bare_signature_is_taken_for_the_vtpms(azure: FakeAzure):
    bundle = azure.evidence(NONCE)
    signature = bundle.part("signature") or b""
    assert verify(azure, with_parts(bundle, signature=signature[6:]))
    assert codes_of(azure, with_parts(bundle, signature=signature[6:-1] + b"\0")) == {"tpm.signature"}


def quote_of(azure: FakeAzure, quote: TpmQuote, data: bytes | None = None) -> EvidenceBundle:
    return azure.evidence(NONCE, parts=azure.parts(quote) | ({"quote": data} if data else {}))


def test_a_quote_over_no_pcr_is_refused(azure: FakeAzure):
    empty = azure.quote(NONCE, {"sha256": {}})
    assert "tpm.selection" in codes_of(azure, azure.evidence(NONCE, parts=azure.parts(empty, {"sha256": {}})))


def test_pcr_values_that_do_not_hash_to_the_quote_are_refused(azure: FakeAzure):
    values = canonical_json({"sha256": {str(index): value.hex() for index, value in ZERO_PCRS["sha256"].items()}})
    assert codes_of(azure, with_parts(azure.evidence(NONCE), pcrs=values)) == {"tpm.pcrs.digest"}


def test_what_no_tpm_made_is_refused(azure: FakeAzure):
    data = azure.quote(NONCE).encode()
    forged = (MAGIC ^ 1).to_bytes(4, "big") + data[4:]
    assert codes_of(azure, with_parts(azure.evidence(NONCE), quote=forged)) == {"tpm.quote.magic"}


def test_a_quote_by_sha1_alone_is_refused_without_a_policy(azure: FakeAzure):
    pcrs = {"sha1": {index: bytes(20) for index in range(24)}}
    assert codes_of(azure, azure.evidence(NONCE, parts=azure.parts(azure.quote(NONCE, pcrs), pcrs))) == {"tpm.bank"}


def test_an_event_log_that_does_not_replay_is_refused(azure: FakeAzure):
    event = (0).to_bytes(4, "little") + (8).to_bytes(4, "little") + b"\1" * 20 + (1).to_bytes(4, "little") + b"x"
    assert {"log.algorithm"} == codes_of(azure, with_parts(azure.evidence(NONCE), event_log=event))


# All of them


def flipped(data: bytes, bit: int) -> bytes:
    changed = bytearray(data)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


def test_no_truncation_of_a_report_is_read_beyond_its_padding(azure: FakeAzure):
    data = azure.evidence(NONCE).evidence_bytes()
    end = len(data) - parse_hcl_report(data).padding
    for size in range(end):
        with pytest.raises(Refused):
            parse_hcl_report(data[:size])


def test_no_flipped_bit_of_a_report_is_accepted(azure: FakeAzure):
    """A seeded eighth of the bits of the whole report, padding included."""
    bundle = azure.evidence(NONCE)
    data = bundle.evidence_bytes()
    for bit in random.Random(1).sample(range(8 * len(data)), len(data)):
        assert codes_of(azure, with_evidence(bundle, flipped(data, bit)))


def test_no_truncation_and_no_flipped_bit_of_a_quote_is_accepted(azure: FakeAzure):
    bundle = azure.evidence(NONCE)
    quote = bundle.part("quote") or b""
    for bit in range(8 * len(quote)):
        assert codes_of(azure, with_parts(bundle, quote=flipped(quote, bit)))
    for size in range(len(quote)):
        assert codes_of(azure, with_parts(bundle, quote=quote[:size]))


def test_pcrs_of_the_fake_are_what_the_claims_show(azure: FakeAzure):
    claims = verify(azure, azure.evidence(NONCE)).claims
    shown: Any = claims["tpm"]
    assert shown["pcrs"]["sha256"]["4"] == PCRS["sha256"][4].hex()
