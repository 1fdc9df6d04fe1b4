"""Rows 12 to 16 of the attestation checklist, for TDX and SGX alike. Each refusal has its positive twin: the healthy
machine is accepted by the same call, and each case differs from it in one fact, with everything else signed again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from confide.errors import Refused
from confide.evidence import EvidenceBundle
from confide.evidence.intel_pck import OID
from confide.evidence.intel_quote import INTEL, Quote
from confide.testing import FakeAmd
from confide.testing.fake_intel import (
    FakeIntel,
    Holder,
    Machine,
    issue,
    key_of,
    raw_signature,
    to_pem,
)
from confide.verify import VerifiedEvidence, verify_evidence
from confide.verify.intel_chain import AUTHORITIES, PCK, ROOT, SIGNER
from confide.verify.intel_signatures import ORDER, point_of
from confide.verify.x509 import Certificate, parse_item

NOW = datetime(2026, 6, 1, tzinfo=UTC)
DAY = timedelta(days=1)
FAKE = FakeIntel.create(NOW)
FAKE_CA = AUTHORITIES[0]
STRANGER = FakeIntel.create(NOW + timedelta(seconds=1))

Change = Callable[[dict[str, Any]], None]


@pytest.fixture(params=["tdx", "sgx"])
def machine(request: pytest.FixtureRequest) -> Machine:
    return FAKE.domain() if request.param == "tdx" else FAKE.enclave()


def verify(bundle: EvidenceBundle, now: datetime | None = None, **how: Any) -> VerifiedEvidence:
    given = {"report_data": None, "simulated_roots": [FAKE.root_fingerprint]} | how
    return verify_evidence(bundle, now=now or NOW, **given)


def names_of(bundle: EvidenceBundle, now: datetime | None = None, **how: Any) -> set[str]:
    """The codes of the refusal, without the prefix of the TEE."""
    with pytest.raises(Refused) as caught:
        verify(bundle, now, **how)
    return {code.removeprefix(f"{bundle.format}.") for code in caught.value.codes}


def outcome(verified: VerifiedEvidence, code: str) -> str:
    return next(check.outcome for check in verified.checks if check.code == code)


with_pck, with_qe = Machine.with_pck, Machine.with_qe


# The positive twins


def test_healthy_machine_is_accepted(machine: Machine):
    verified = verify(FAKE.evidence(machine))
    assert verified.simulated
    assert verified.root == FAKE.root_fingerprint
    assert outcome(verified, f"{machine.tee}.dcap_qvl") == "passed"
    tcb: Any = verified.claims["tcb"]
    assert (tcb["status"], tcb["advisories"], tcb["evaluation_data_number"]) == ("UpToDate", [], 18)
    assert set(tcb["parts"].values()) == {"UpToDate"}
    platform: Any = verified.claims["platform"]
    assert platform["fmspc"] == "b0c06f000000"


@pytest.mark.parametrize("version", [4, 5])
def test_healthy_domain_of_each_version_is_accepted(version: int):
    assert verify(FAKE.evidence(FAKE.domain(version=version))).claims["body"] == "TDX 1.0"


def test_healthy_domain_of_tdx_1_5_is_accepted():
    machine = FAKE.domain(version=5, mr_service_td=bytes(48))
    assert verify(FAKE.evidence(machine)).claims["body"] == "TDX 1.5"


@pytest.mark.parametrize("version", [3, 4, 5])
def test_healthy_enclave_of_each_version_is_accepted(version: int):
    verified = verify(FAKE.evidence(FAKE.enclave(version=version)))
    assert outcome(verified, "sgx.dcap_qvl") == ("passed" if version == 3 else "not applicable")


def test_platform_of_one_package_is_certified_by_the_processor_authority(machine: Machine):
    single = with_pck(machine, platform_instance_id=None, configuration=(), sgx_type=0)
    verify(FAKE.evidence(single))


def test_root_that_only_the_endorsements_carry_is_found(machine: Machine):
    quote = FAKE.sign_quote(machine, chain=FAKE.chain(machine.pck)[:2])
    verify(FAKE.evidence(machine, quote=quote))


# Row 12: the form of the quote


def test_row_12_unknown_version_is_refused(machine: Machine):
    for version in (0, 1, 2, 6, 0xFFFF):
        raw = bytearray(FAKE.sign_quote(machine).encode())
        raw[0:2] = version.to_bytes(2, "little")
        assert names_of(FAKE.evidence(machine, quote=bytes(raw))) >= {"version"}


def test_row_12_domain_of_version_3_is_refused():
    raw = bytearray(FAKE.sign_quote(FAKE.domain()).encode())
    raw[0] = 3
    assert names_of(FAKE.evidence(FAKE.domain(), quote=bytes(raw))) >= {"version"}


def test_row_12_quote_of_the_other_tee_is_refused():
    enclave = FAKE.sign_quote(FAKE.enclave(version=4)).encode()
    domain = FAKE.sign_quote(FAKE.domain(version=4)).encode()
    assert names_of(FAKE.evidence(FAKE.domain(), quote=enclave)) >= {"tee_type"}
    assert names_of(FAKE.evidence(FAKE.enclave(), quote=domain)) >= {"tee_type"}


@pytest.mark.parametrize("body_type", [0, 1, 4, 0xFFFF])
def test_row_12_body_of_another_type_is_refused(body_type: int):
    machine = FAKE.domain(version=5)
    raw = bytearray(FAKE.sign_quote(machine).encode())
    raw[48:50] = body_type.to_bytes(2, "little")
    assert names_of(FAKE.evidence(machine, quote=bytes(raw))) >= {"body_type"}


def test_row_12_body_of_another_size_is_refused():
    machine = FAKE.domain(version=5)
    raw = bytearray(FAKE.sign_quote(machine).encode())
    raw[50:54] = (648).to_bytes(4, "little")
    assert names_of(FAKE.evidence(machine, quote=bytes(raw))) >= {"body_type"}


def test_row_12_other_attestation_key_type_is_refused(machine: Machine):
    wrong = replace(machine, header={**machine.header, "key_type": 3})
    assert names_of(FAKE.evidence(wrong)) >= {"key_type"}


@pytest.mark.parametrize("kind", [1, 2, 3, 4, 6, 7])
def test_row_12_other_certification_data_are_refused(machine: Machine, kind: int):
    wrong = replace(machine, header={**machine.header, "certification_type": kind})
    assert names_of(FAKE.evidence(wrong)) >= {"certification_type"}


def test_row_12_length_fields_that_disagree_are_refused(machine: Machine):
    quote = FAKE.sign_quote(machine)
    raw = quote.encode()
    at = len(quote.signed_bytes())
    for size in (0, 1, len(raw) - at - 5, len(raw) - at - 3, 0xFFFFFFFF):
        wrong = raw[:at] + size.to_bytes(4, "little") + raw[at + 4 :]
        assert names_of(FAKE.evidence(machine, quote=wrong)) & {"size", "trailing"}


def test_row_12_larger_than_any_quote_is_refused_unread(machine: Machine):
    raw = FAKE.sign_quote(machine).encode()
    assert names_of(FAKE.evidence(machine, quote=raw + bytes((1 << 15) + 1))) >= {"size"}


def test_row_12_zeros_behind_the_quote_are_the_buffer_and_anything_else_is_refused(machine: Machine):
    raw = FAKE.sign_quote(machine).encode()
    verify(FAKE.evidence(machine, quote=raw + bytes(70)))
    assert names_of(FAKE.evidence(machine, quote=raw + bytes(69) + b"\1")) >= {"trailing"}


def test_row_12_other_vendor_is_refused(machine: Machine):
    wrong = replace(machine, header={**machine.header, "vendor": INTEL[::-1]})
    assert names_of(FAKE.evidence(wrong)) == {"vendor"}


# Row 13: quoting enclave


def test_row_13_changed_body_is_refused(machine: Machine):
    quote = FAKE.sign_quote(machine)
    body = bytearray(quote.body)
    body[0x140] ^= 1
    assert names_of(FAKE.evidence(machine, quote=replace(quote, body=bytes(body)))) >= {"signature"}


def test_row_13_another_attestation_key_is_refused(machine: Machine):
    """The attacker's own key signs the quote: the quoting enclave does not vouch for it."""
    from confide.testing.fake_intel import raw_point

    key = ec.generate_private_key(ec.SECP256R1())
    quote = replace(FAKE.sign_quote(machine), attestation_key=raw_point(key))
    quote = replace(quote, signature=raw_signature(key, quote.signed_bytes()))
    assert names_of(FAKE.evidence(machine, quote=quote)) == {"qe.report_data"}


def test_row_13_changed_data_of_the_quoting_enclave_are_refused(machine: Machine):
    quote = replace(FAKE.sign_quote(machine), qe_auth=b"\1" * 32)
    assert names_of(FAKE.evidence(machine, quote=quote)) == {"qe.report_data"}


def test_row_13_report_data_of_the_quoting_enclave_end_in_zeros(machine: Machine):
    good = FAKE.sign_quote(machine).qe_report[-64:-32]
    assert names_of(FAKE.evidence(with_qe(machine, report_data=good + b"\1" * 32))) == {"qe.report_data"}


def test_row_13_report_of_the_quoting_enclave_by_another_key_is_refused(machine: Machine):
    quote = FAKE.sign_quote(machine, pck_key="another")
    assert names_of(FAKE.evidence(machine, quote=quote)) == {"qe.signature"}


@pytest.mark.parametrize("signature", [bytes(64), b"\xff" * 64, ORDER.to_bytes(32, "big") + b"\1" * 32])
def test_row_13_numbers_out_of_range_are_refused(machine: Machine, signature: bytes):
    quote = replace(FAKE.sign_quote(machine), signature=signature)
    assert names_of(FAKE.evidence(machine, quote=quote)) == {"signature", "signature.encoding"}


def test_row_13_numbers_of_the_platforms_signature_out_of_range_are_refused(machine: Machine):
    quote = replace(FAKE.sign_quote(machine), qe_signature=bytes(64))
    assert names_of(FAKE.evidence(machine, quote=quote)) == {"qe.signature", "signature.encoding"}


def test_row_13_key_that_is_no_point_is_refused(machine: Machine):
    quote = replace(FAKE.sign_quote(machine), attestation_key=b"\1" * 64)
    assert names_of(FAKE.evidence(machine, quote=quote)) == {"signature", "signature.encoding", "qe.report_data"}


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("mrsigner", {"mr_signer": b"\x33" * 32}),
        ("isvprodid", {"isv_prod_id": 9}),
        ("miscselect", {"misc_select": 1}),
        ("attributes", {"flags": 0x17}),
        ("level", {"isv_svn": 3}),
    ],
)
def test_row_13_other_quoting_enclave_is_refused(machine: Machine, name: str, changes: dict[str, Any]):
    names = names_of(FAKE.evidence(with_qe(machine, **changes)))
    assert names - {"tcb_status"} == {f"qe.{name}"}


def test_row_13_attributes_outside_of_the_mask_do_not_matter(machine: Machine):
    verify(FAKE.evidence(with_qe(machine, flags=0x15 ^ 0x04, xfrm=0x207)))


def test_row_13_data_of_the_quoting_enclave_of_any_length_are_taken(machine: Machine):
    verified = verify(FAKE.evidence(machine, quote=FAKE.sign_quote(machine, qe_auth=b"any")))
    assert outcome(verified, f"{machine.tee}.dcap_qvl") == "not applicable"


# Row 14: the chain


def test_row_14_forged_root_with_intels_names_is_refused_by_default(machine: Machine):
    names = names_of(FAKE.evidence(machine), simulated_roots=())
    assert names == {"chain.root", "collateral.chain.root"}


def test_row_14_chain_of_a_stranger_under_good_collateral_is_refused(machine: Machine):
    quote = STRANGER.sign_quote(machine)
    assert "chain.root" in names_of(FAKE.evidence(machine, quote=quote, collateral=FAKE.collateral(machine)))


def test_row_14_collateral_of_a_stranger_under_a_good_chain_is_refused(machine: Machine):
    collateral = (*STRANGER.collateral(machine)[:2], *FAKE.collateral(machine)[2:4], *STRANGER.collateral(machine)[4:])
    assert "collateral.chain.root" in names_of(FAKE.evidence(machine, collateral=collateral))


def test_row_14_certificates_out_of_order_are_refused(machine: Machine):
    leaf, authority, root = FAKE.chain(machine.pck)
    names = names_of(FAKE.evidence(machine, quote=FAKE.sign_quote(machine, chain=(leaf, root, authority))))
    assert {"chain.names", "chain.kind"} <= names


def test_row_14_leaf_under_another_authority_is_refused(machine: Machine):
    leaf = issue(PCK, "pck", NOW, FAKE.processor_ca, extensions={OID: machine.pck.encode()})
    names = names_of(FAKE.evidence(machine, quote=FAKE.sign_quote(machine, chain=FAKE.chain(machine.pck, leaf=leaf))))
    assert {"chain.names", "chain.signature"} <= names


def test_row_14_leaf_of_another_kind_is_refused(machine: Machine):
    leaf = issue(SIGNER, "pck", NOW, FAKE.platform_ca, extensions={OID: machine.pck.encode()})
    quote = FAKE.sign_quote(machine, chain=FAKE.chain(machine.pck, leaf=leaf))
    assert names_of(FAKE.evidence(machine, quote=quote)) == {"chain.kind"}


def test_row_14_leaf_straight_under_the_root_is_refused(machine: Machine):
    """The key that signs collateral is under the root too: it must not vouch for platforms."""
    leaf = issue(PCK, "pck", NOW, FAKE.root, extensions={OID: machine.pck.encode()})
    quote = FAKE.sign_quote(machine, chain=(leaf.der, FAKE.root.der))
    assert "chain.kind" in names_of(FAKE.evidence(machine, quote=quote))


def test_row_14_authority_as_a_leaf_is_refused(machine: Machine):
    leaf = issue(PCK, "pck", NOW, FAKE.platform_ca, path_length=0, extensions={OID: machine.pck.encode()})
    quote = FAKE.sign_quote(machine, chain=FAKE.chain(machine.pck, leaf=leaf))
    assert "chain.authority" in names_of(FAKE.evidence(machine, quote=quote))


def test_row_14_expired_leaf_is_refused(machine: Machine):
    leaf = issue(PCK, "pck", NOW - DAY, FAKE.platform_ca, extensions={OID: machine.pck.encode()}, lifetime=DAY)
    quote = FAKE.sign_quote(machine, chain=FAKE.chain(machine.pck, leaf=leaf))
    assert names_of(FAKE.evidence(machine, quote=quote)) == {"chain.validity"}


def test_row_14_leaf_without_the_extension_is_refused(machine: Machine):
    leaf = issue(PCK, "pck", NOW, FAKE.platform_ca)
    quote = FAKE.sign_quote(machine, chain=FAKE.chain(machine.pck, leaf=leaf))
    assert "pck" in names_of(FAKE.evidence(machine, quote=quote))


def rewritten(quote: Quote, old: bytes, new: bytes) -> Quote:
    assert old in quote.certification
    return replace(quote, certification=quote.certification.replace(old, new, 1))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"\0", b"\1"),
        (b"-----\n", b"-----\x0b"),
        (b"BEGIN", b"BEGAN"),
        (b"MII", b"M*I"),
        (b"\n-----END", b"=\n-----END"),
    ],
)
def test_row_14_chain_written_otherwise_is_refused(machine: Machine, old: bytes, new: bytes):
    quote = rewritten(FAKE.sign_quote(machine), old, new)
    assert "chain.form" in names_of(FAKE.evidence(machine, quote=quote))


def test_row_14_chain_with_windows_line_ends_is_accepted(machine: Machine):
    quote = FAKE.sign_quote(machine)
    verify(FAKE.evidence(machine, quote=replace(quote, certification=quote.certification.replace(b"\n", b"\r\n"))))


def test_row_14_too_many_certificates_are_refused(machine: Machine):
    quote = FAKE.sign_quote(machine, chain=FAKE.chain(machine.pck) * 2)
    assert "chain.form" in names_of(FAKE.evidence(machine, quote=quote))


def test_row_14_revoked_platform_is_refused(machine: Machine):
    leaf = issue(PCK, "pck", NOW, FAKE.platform_ca, extensions={OID: machine.pck.encode()})
    quote = FAKE.sign_quote(machine, chain=FAKE.chain(machine.pck, leaf=leaf))
    serial = leaf.certificate.serial_number
    good = (FAKE.revocation_list(), FAKE.revocation_list(FAKE.platform_ca, revoked=[serial + 1]))
    verify(FAKE.evidence(machine, quote=quote, collateral=FAKE.collateral(machine, lists=good)))
    bad = (FAKE.revocation_list(), FAKE.revocation_list(FAKE.platform_ca, revoked=[serial]))
    assert names_of(FAKE.evidence(machine, quote=quote, collateral=FAKE.collateral(machine, lists=bad))) == {"crl"}


def test_row_14_revoked_authority_is_refused(machine: Machine):
    serial = FAKE.platform_ca.certificate.serial_number
    lists = (FAKE.revocation_list(revoked=[serial]), FAKE.revocation_list(FAKE.platform_ca))
    assert names_of(FAKE.evidence(machine, collateral=FAKE.collateral(machine, lists=lists))) == {"crl"}


def test_row_14_revoked_signer_of_collateral_is_refused(machine: Machine):
    serial = FAKE.signer.certificate.serial_number
    lists = (FAKE.revocation_list(revoked=[serial]), FAKE.revocation_list(FAKE.platform_ca))
    names = names_of(FAKE.evidence(machine, collateral=FAKE.collateral(machine, lists=lists)))
    assert names == {"collateral.crl"}


def test_row_14_list_by_another_key_is_refused(machine: Machine):
    forged = FAKE.revocation_list(FAKE.platform_ca, key=key_of("signer"))
    collateral = FAKE.collateral(machine, lists=(FAKE.revocation_list(), forged))
    assert names_of(FAKE.evidence(machine, collateral=collateral)) == {"crl"}


def test_row_14_list_that_is_not_in_force_is_refused(machine: Machine):
    stale = FAKE.revocation_list(FAKE.platform_ca, now=NOW - 31 * DAY)
    collateral = FAKE.collateral(machine, lists=(FAKE.revocation_list(), stale))
    assert names_of(FAKE.evidence(machine, collateral=collateral)) == {"crl"}


def test_row_14_list_of_the_other_authority_is_refused(machine: Machine):
    collateral = FAKE.collateral(machine, lists=(FAKE.revocation_list(), FAKE.revocation_list(FAKE.processor_ca)))
    assert names_of(FAKE.evidence(machine, collateral=collateral)) - {"tcb_status"} == {"collateral.ca"}


def test_row_14_lists_without_extensions_are_taken(machine: Machine):
    """dcap-qvl cannot be asked then: our own arithmetic gives the whole answer."""
    lists = (FAKE.revocation_list(plain=True), FAKE.revocation_list(FAKE.platform_ca, plain=True))
    verified = verify(FAKE.evidence(machine, collateral=FAKE.collateral(machine, lists=lists)))
    assert outcome(verified, f"{machine.tee}.dcap_qvl") == "not applicable"


@pytest.mark.parametrize(("name", "value"), [("fmspc", bytes(6)), ("pce_id", b"\1\0")])
def test_row_14_platform_that_the_collateral_is_not_for_is_refused(machine: Machine, name: str, value: bytes):
    names = names_of(FAKE.evidence(with_pck(machine, **{name: value})))
    assert names == {"collateral.platform"}


def test_row_14_collateral_of_the_other_tee_is_refused():
    domain, enclave = FAKE.domain(), FAKE.enclave()
    assert names_of(FAKE.evidence(domain, collateral=FAKE.collateral(enclave))) == {"collateral.kind"}
    assert names_of(FAKE.evidence(enclave, collateral=FAKE.collateral(domain))) == {"collateral.kind"}


def test_row_14_tcb_info_of_the_other_tee_is_refused(machine: Machine):
    other = FAKE.tcb_info("SGX" if machine.tee == "tdx" else "TDX")
    assert names_of(FAKE.evidence(replace(machine, tcb_info=other))) == {"collateral.kind"}


def test_row_14_path_with_an_authority_more_is_refused(machine: Machine):
    middle = issue(ROOT, "middle", NOW, FAKE.root, path_length=1)
    authority = issue(FAKE_CA, "platform", NOW, middle, path_length=0)
    leaf = issue(PCK, "pck", NOW, authority, extensions={OID: machine.pck.encode()})
    quote = FAKE.sign_quote(machine, chain=(leaf.der, authority.der, middle.der, FAKE.root.der))
    assert "chain.kind" in names_of(FAKE.evidence(machine, quote=quote))


def test_row_14_identity_of_the_other_tees_quoting_enclave_is_refused(machine: Machine):
    other = FAKE.identity("SGX" if machine.tee == "tdx" else "TDX")
    assert names_of(FAKE.evidence(replace(machine, identity=other))) == {"collateral.kind"}


# Report data, parts, and what is not ours


def test_other_report_data_are_refused(machine: Machine):
    asked = replace(machine, report=replace(machine.report, report_data=b"\7" * 64))
    verify(FAKE.evidence(asked), report_data=b"\7" * 64)
    assert names_of(FAKE.evidence(asked), report_data=b"\7" * 63 + b"\0") == {"report_data"}
    assert names_of(FAKE.evidence(asked), report_data=b"\7" * 63) == {"report_data"}


def test_unknown_part_is_refused(machine: Machine):
    bundle = FAKE.evidence(machine)
    with_part = EvidenceBundle(bundle.format, bundle.evidence, bundle.endorsements, {"log": "AAAA"})
    assert names_of(with_part) == {"evidence.parts"}


def test_malformed_endorsement_is_refused(machine: Machine):
    assert "endorsement.malformed" in names_of(FAKE.evidence(machine, collateral=(b"\0",)))
    broken = b"\x30\x03\x02\x01\x00"
    assert "endorsement.malformed" in names_of(FAKE.evidence(machine, collateral=(*FAKE.collateral(machine), broken)))


def test_a_malformed_endorsement_is_not_said_to_be_missing_collateral(machine: Machine):
    junk = b"\x30\0"
    assert names_of(FAKE.evidence(machine, collateral=(*FAKE.collateral(machine), junk))) == {"endorsement.malformed"}


def test_one_simulated_root_is_enough_to_be_simulated(machine: Machine):
    """Collateral that anybody can sign says nothing of real hardware, whatever the quote's chain ends in."""
    roots = [FAKE.root_fingerprint, STRANGER.root_fingerprint]
    quote = STRANGER.sign_quote(machine)
    lists = (STRANGER.revocation_list(), STRANGER.revocation_list(STRANGER.platform_ca))
    collateral = FAKE.collateral(machine, lists=lists)
    assert verify(FAKE.evidence(machine, quote=quote, collateral=collateral), simulated_roots=roots).simulated


def test_disagreement_of_dcap_qvl_is_refused(machine: Machine, monkeypatch: pytest.MonkeyPatch):
    from confide.verify import intel
    from confide.verify.intel_dcap_qvl import Opinion

    monkeypatch.setattr(intel, "ask_dcap_qvl", lambda *_: Opinion("OutOfDate", frozenset({"INTEL-SA-00001"})))
    assert names_of(FAKE.evidence(machine)) == {"dcap_qvl"}
    monkeypatch.setattr(intel, "ask_dcap_qvl", lambda *_: Opinion("a refusal (because)", frozenset()))
    assert names_of(FAKE.evidence(machine)) == {"dcap_qvl"}


def test_root_of_intels_name_that_signs_itself_does_not_become_the_root(machine: Machine):
    imposter = issue(ROOT, "imposter", NOW, path_length=1)
    assert isinstance(imposter, Holder)
    leaf, authority, _ = FAKE.chain(machine.pck)
    quote = replace(FAKE.sign_quote(machine), certification=to_pem((leaf, authority, imposter.der)))
    assert {"chain.root", "chain.signature"} <= names_of(FAKE.evidence(machine, quote=quote))


def test_key_that_is_not_on_p256_is_no_key(fake_amd: FakeAmd):
    other = parse_item(fake_amd.ark.der)
    assert isinstance(other, Certificate)
    assert point_of(other) is None
