"""Row 21 of the attestation checklist, for reports. Each refusal has its positive twin: the healthy report is accepted
by the same call, and each case differs from it in one fact, with everything else signed again.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256

from confide.errors import Refused, Unavailable
from confide.evidence import EvidenceBundle
from confide.evidence.spdm import Measurement
from confide.testing.fake_nvidia import (
    BLACKWELL_TCB_INFO,
    FWID,
    MEASUREMENTS,
    NONCE,
    TCB_INFO,
    FakeAuthority,
    FakeNvidia,
    PrivateKey,
    composite_fwid,
    dice_fwid,
    ec_key,
    raw_signature,
)
from confide.testing.fake_service import rsa_key
from confide.verify import Trust, VerifiedEvidence, examine, verify_evidence
from confide.verify.nvidia import REQUIRED

NOW = datetime(2026, 6, 1, tzinfo=UTC)
HOPPER, BLACKWELL, SWITCH = (FakeNvidia.create(NOW, chip) for chip in ("GH100", "GB100", "LS_10"))
OTHER_FWID = bytes(47) + b"\1"


def verify(bundle: EvidenceBundle, now: datetime = NOW, **how: object) -> VerifiedEvidence:
    given = {"report_data": None, "simulated_roots": [*HOPPER.roots, *BLACKWELL.roots, *SWITCH.roots]} | how
    return verify_evidence(bundle, now=now, **given)


def codes_of(bundle: EvidenceBundle, now: datetime = NOW, **how: object) -> set[str]:
    with pytest.raises(Refused) as caught:
        verify(bundle, now, **how)
    return set(caught.value.codes)


def missing(bundle: EvidenceBundle) -> tuple[str, ...]:
    with pytest.raises(Unavailable) as caught:
        verify(bundle)
    return caught.value.codes


def outcome(verified: VerifiedEvidence, code: str) -> str:
    return next(check.outcome for check in verified.checks if check.code == code)


# The positive twins


@pytest.mark.parametrize(("nvidia", "product"), [(HOPPER, "Hopper"), (BLACKWELL, "Blackwell"), (SWITCH, "LS10")])
def test_healthy_report_is_accepted(nvidia: FakeNvidia, product: str):
    verified = verify(nvidia.evidence(), report_data=NONCE)
    assert verified.simulated
    assert verified.root == nvidia.roots[0]
    assert verified.claims["product"] == product
    assert {check.outcome for check in verified.checks} == {"passed", "not applicable"}


@pytest.mark.parametrize("chip", ["GB202", "GB110", "GH200"])
def test_report_of_another_chip_of_the_family_is_accepted(chip: str):
    nvidia = FakeNvidia.create(NOW, chip)
    verify(nvidia.evidence(), simulated_roots=nvidia.roots)


def test_forged_root_with_nvidias_names_is_refused_by_default():
    assert codes_of(HOPPER.evidence(), simulated_roots=[]) == {"nvidia.chain.root"}


# Step 1: the form


def raw(**changes: object) -> bytes:
    return HOPPER.sign(HOPPER.exchange(**changes))


def test_row_21_trailing_bytes_are_refused():
    assert codes_of(HOPPER.evidence(raw=raw() + b"\0")) == {"nvidia.trailing"}


def test_row_21_larger_evidence_than_any_is_refused_unread():
    assert codes_of(HOPPER.evidence(raw=raw() + bytes(8192))) == {"nvidia.size"}


@pytest.mark.parametrize(("position", "code"), [(0, "version"), (1, "request"), (37, "version"), (38, "response")])
def test_row_21_other_messages_are_refused(position: int, code: str):
    data = bytearray(raw())
    data[position] ^= 0x02
    assert codes_of(HOPPER.evidence(raw=bytes(data))) == {f"nvidia.{code}"}


@pytest.mark.parametrize(
    "blocks",
    [(), (Measurement(1, 1, MEASUREMENTS[0]), Measurement(1, 1, MEASUREMENTS[1]))],
    ids=["none", "one index twice"],
)
def test_row_21_malformed_measurements_are_refused(blocks: tuple[Measurement, ...]):
    assert codes_of(HOPPER.evidence(HOPPER.exchange(measurements=blocks))) == {"nvidia.measurements"}


@pytest.mark.parametrize(
    "opaque",
    [
        b"\x03",
        b"\x03\0\5\0550",
        b"\x03\0\1\x005\x03\0\1\x005",
        b"\x03\0\1\0\x07",
        b"\x22\0\2\0\3\0",
        b"NVDAOD",
        b"NVDAOD\1\0\1\0\0\0",
        b"NVDAOD\0\0\3\0\0\0",
    ],
)
def test_row_21_malformed_opaque_data_are_refused(opaque: bytes):
    assert codes_of(HOPPER.evidence(HOPPER.exchange(opaque=opaque))) == {"nvidia.opaque"}


def test_opaque_data_with_a_header_are_read():
    fields = b"\x03\0\x01\0\x04\x00580\0" + b"\x14\0\x02\0\x30\0" + FWID + b"\x77\x77\x87\0\x02\0\1\0"
    header = b"NVDAOD\0\0\2\0\0\0"
    verified = verify(HOPPER.evidence(HOPPER.exchange(opaque=header + fields)))
    assert verified.claims["driver_version"] == "580"
    assert verified.claims["fields"]["field-30583"] == "0100"  # type: ignore[index]


# Step 2: the exchange


@pytest.mark.parametrize(
    "changes",
    [{"attributes": 0}, {"attributes": 3}, {"operation": 1}, {"operation": 0}, {"slot": 1}, {"response_slot": 2},
     {"count": 1}],
)  # fmt: skip
def test_row_21_request_for_less_is_refused(changes: dict[str, int]):
    assert codes_of(HOPPER.evidence(HOPPER.exchange(**changes))) == {"nvidia.exchange"}


def test_request_of_another_slot_is_accepted():
    verify(HOPPER.evidence(HOPPER.exchange(slot=1, response_slot=0x21)))


# Step 3: the chain


def test_row_21_no_certificates_is_unavailable():
    bundle = HOPPER.evidence()
    assert missing(EvidenceBundle(bundle.format, bundle.evidence)) == ("nvidia.chain.missing",)


@pytest.mark.parametrize("left_out", range(4))
def test_row_21_missing_authority_is_unavailable(left_out: int):
    authorities = [one for n, one in enumerate(HOPPER.devices[::-1]) if n != left_out]
    assert missing(HOPPER.evidence(authorities=authorities)) == ("nvidia.chain.missing",)


def test_row_21_missing_authority_and_a_bad_signature_is_refused():
    bundle = HOPPER.evidence(authorities=HOPPER.devices[1:], raw=raw()[:-1] + b"\0")
    assert "nvidia.signature" in codes_of(bundle)


def test_row_21_certificate_signed_by_another_key_is_refused():
    stranger = FakeAuthority.issue("GH100 A01 GSP BROM", ec_key("stranger"), HOPPER.devices[-2], now=NOW)
    assert codes_of(HOPPER.evidence(leaf=HOPPER.leaf(issuer=replace(HOPPER.devices[-1], key=stranger.key)))) == {
        "nvidia.chain.signature"
    }


def test_row_21_leaf_as_an_authority_is_refused():
    """A device that certifies another one."""
    leaf = HOPPER.leaf(key=ec_key("device"))
    below = HOPPER.leaf(issuer=leaf, name="GH100 A01 GSP below")
    bundle = HOPPER.evidence(leaf=below, authorities=(leaf, *HOPPER.devices[::-1]))
    assert codes_of(bundle) == {"nvidia.chain.authority"}


def test_row_21_certificate_by_another_algorithm_is_refused():
    assert codes_of(HOPPER.evidence(leaf=HOPPER.leaf(digest=SHA256()))) == {"nvidia.chain.signature"}


def test_row_21_certificate_that_is_not_yet_or_no_longer_valid_is_refused():
    assert codes_of(HOPPER.evidence(), NOW - timedelta(days=1)) == {"nvidia.chain.validity"}
    short = HOPPER.evidence(leaf=HOPPER.leaf(life=timedelta(days=1)))
    verify(short)
    assert codes_of(short, NOW + timedelta(days=2)) == {"nvidia.chain.validity"}


def test_row_21_revoked_certificate_is_refused():
    provisioner, boot = HOPPER.devices[2:]
    good = provisioner.revocation_list(NOW, revoked=(7,))
    assert outcome(verify(HOPPER.evidence(lists=[good])), "nvidia.crl") == "passed"
    bad = provisioner.revocation_list(NOW, revoked=(boot.certificate.serial_number,))
    assert codes_of(HOPPER.evidence(lists=[bad])) == {"nvidia.crl"}


def test_row_21_revocation_list_that_is_forged_or_old_is_refused():
    provisioner = HOPPER.devices[2]
    forged = replace(provisioner, key=ec_key("stranger")).revocation_list(NOW)
    assert codes_of(HOPPER.evidence(lists=[forged])) == {"nvidia.crl"}
    old = provisioner.revocation_list(NOW, days=1)
    assert codes_of(HOPPER.evidence(lists=[old]), NOW + timedelta(days=2)) == {"nvidia.crl"}


def test_row_24_no_revocation_list_is_said():
    assert outcome(verify(HOPPER.evidence()), "nvidia.crl") == "not applicable"


def test_claims_can_be_shown_without_the_authorities():
    bundle = HOPPER.evidence(authorities=())
    exam = examine(bundle, now=NOW, report_data=None, trust=Trust())
    assert (exam.claims()["device_id"], exam.claims()["model"]) == ("", "")
    exam = examine(EvidenceBundle("nvidia", bundle.evidence), now=NOW, report_data=None, trust=Trust())
    assert (exam.claims()["ueid"], exam.claims()["fwid"], exam.claims()["product"]) == ("", "", None)


def test_right_leaf_is_found_among_those_of_other_devices():
    others = [HOPPER.leaf(key=ec_key(f"other {n}")) for n in range(3)]
    verify(HOPPER.evidence(leaf=others[0], authorities=(*others[1:], HOPPER.leaf(), *HOPPER.devices[::-1])))


def test_malformed_endorsement_is_refused():
    assert codes_of(HOPPER.evidence(lists=[b"0\x03abc"])) == {"endorsement.malformed"}


# Step 4: the product


@pytest.mark.parametrize("name", ["GR100 A01 GSP FMC LF", "GH10 A01", "XGH100 A01", "", "GB100 A01 GSP FMC LF"])
def test_row_2_unknown_or_mixed_product_is_refused(name: str):
    bundle = HOPPER.evidence(leaf=HOPPER.leaf(name=name or "-"))
    assert codes_of(bundle) == {"nvidia.product"}


# Step 5: the signature


def test_row_21_signature_over_the_response_alone_is_refused():
    exchange = HOPPER.exchange()
    whole = exchange.signed_bytes()
    signature = raw_signature(ec_key("leaf"), whole[37:])
    assert codes_of(HOPPER.evidence(raw=whole + signature)) == {"nvidia.signature"}


def test_row_21_signature_by_another_key_is_refused():
    assert codes_of(HOPPER.evidence(leaf=HOPPER.leaf(key=ec_key("other")))) == {"nvidia.signature"}


@pytest.mark.parametrize("key", [ec.generate_private_key(ec.SECP256R1()), rsa_key("device")], ids=["P-256", "RSA"])
def test_row_21_key_of_another_kind_is_refused(key: PrivateKey):
    """Even where the key made the signature."""
    message = HOPPER.exchange().signed_bytes()
    signature = raw_signature(key, message) if isinstance(key, ec.EllipticCurvePrivateKey) else bytes(96)
    bundle = HOPPER.evidence(leaf=HOPPER.leaf(key=key), raw=message + signature)
    assert codes_of(bundle) == {"nvidia.signature"}


@pytest.mark.parametrize("signature", [bytes(96), b"\xff" * 96, bytes(48) + b"\1" * 48])
def test_row_21_signature_numbers_out_of_range_are_refused(signature: bytes):
    assert codes_of(HOPPER.evidence(raw=raw()[:-96] + signature)) == {"nvidia.signature"}


def test_row_21_changed_nonce_measurement_or_field_breaks_the_signature():
    data = raw()
    for position in (4, 36, 60, len(data) - 130):
        changed = bytearray(data)
        changed[position] ^= 0x10
        assert "nvidia.signature" in codes_of(HOPPER.evidence(raw=bytes(changed)))


# Step 6: the firmware id


@pytest.mark.parametrize("nvidia", [HOPPER, BLACKWELL])
def test_row_21_other_firmware_than_certified_is_refused(nvidia: FakeNvidia):
    assert codes_of(nvidia.evidence(leaf=nvidia.leaf(fwid=OTHER_FWID))) == {"nvidia.fwid"}
    assert codes_of(nvidia.evidence(nvidia.exchange(opaque=nvidia.opaque(fwid=OTHER_FWID)))) == {"nvidia.fwid"}


def test_row_21_report_without_a_firmware_id_is_said():
    verified = verify(HOPPER.evidence(HOPPER.exchange(opaque=HOPPER.opaque(fwid=None))))
    assert outcome(verified, "nvidia.fwid") == "not applicable"
    assert verified.claims["fwid"] == FWID.hex()


@pytest.mark.parametrize(
    "extensions",
    [
        {},
        {TCB_INFO: composite_fwid(FWID), BLACKWELL_TCB_INFO: dice_fwid(FWID)},
        {TCB_INFO: b""},
        {TCB_INFO: composite_fwid(FWID) + b"\0"},
        {TCB_INFO: composite_fwid(FWID)[:-1]},
        {TCB_INFO: composite_fwid(bytes(48))},
        {TCB_INFO: composite_fwid(FWID[:-1])},
        {BLACKWELL_TCB_INFO: dice_fwid()},
        {BLACKWELL_TCB_INFO: b"\x30\x06\xa6\x04\x30\x81\x01\x00"},
        {BLACKWELL_TCB_INFO: dice_fwid(FWID).replace(b"NVIDIA", b"")},
        {TCB_INFO: composite_fwid(FWID).replace(b"\x04\x30", b"\x05\x30")},
        {TCB_INFO: composite_fwid(FWID, b"\x30\x81\x01\x00")[:-1] + b"\x00"},
        {TCB_INFO: b"\x30\x05\x02\x01\x01\x30\x09"},
        {TCB_INFO: b"\x30\x04\x02\x01\x01\x30"},
        {BLACKWELL_TCB_INFO: dice_fwid(OTHER_FWID, FWID)},
        {TCB_INFO: composite_fwid(FWID).replace(b"\x03\x04\x02\x02", b"\x03\x04\x02\x01")},
    ],
    ids=[
        "none",
        "two",
        "empty",
        "trailing",
        "short",
        "zero",
        "47 bytes",
        "no entry",
        "long form",
        "vendor cut",
        "another tag",
        "changed",
        "short item",
        "tag alone",
        "second entry",
        "SHA-256",
    ],
)
def test_row_21_certificate_without_one_firmware_id_is_refused(extensions: dict[str, bytes]):
    assert codes_of(HOPPER.evidence(leaf=HOPPER.leaf(extensions=extensions))) == {"nvidia.fwid"}


@pytest.mark.parametrize("size", [0, 1, 127, 128, 255, 256, 300, 65536])
def test_firmware_id_is_found_after_a_key_of_any_size(size: int):
    extensions = {TCB_INFO: composite_fwid(FWID, bytes(size))}
    assert verify(HOPPER.evidence(leaf=HOPPER.leaf(extensions=extensions))).claims["fwid"] == FWID.hex()


@pytest.mark.parametrize("fwid", [bytes(48), FWID[:-1], b""], ids=["zero", "47 bytes", "empty"])
def test_firmware_id_that_is_none_is_refused_although_both_agree(fwid: bytes):
    exchange = HOPPER.exchange(opaque=HOPPER.opaque(fwid=fwid))
    assert codes_of(HOPPER.evidence(exchange, leaf=HOPPER.leaf(fwid=fwid))) == {"nvidia.fwid"}


def test_report_and_certificate_without_a_firmware_id_are_refused():
    bundle = HOPPER.evidence(HOPPER.exchange(opaque=HOPPER.opaque(fwid=None)), leaf=HOPPER.leaf(extensions={}))
    assert codes_of(bundle) == {"nvidia.fwid"}


# Step 7: the nonce


@pytest.mark.parametrize("asked", [bytes(32), NONCE[:-1], NONCE + b"\0", b""])
def test_row_21_other_nonce_is_refused(asked: bytes):
    assert codes_of(HOPPER.evidence(), report_data=asked) == {"nvidia.report_data"}


def test_row_21_the_devices_own_nonce_is_no_answer():
    exchange = HOPPER.exchange(nonce=bytes(32), response_nonce=NONCE)
    assert codes_of(HOPPER.evidence(exchange), report_data=NONCE) == {"nvidia.report_data"}


# Several devices, parts, damage


def test_every_device_is_verified():
    good = HOPPER.evidence()
    bad = HOPPER.evidence(leaf=HOPPER.leaf(fwid=OTHER_FWID))
    both = EvidenceBundle(good.format, good.evidence, good.endorsements, devices=(good, good))
    assert len(verify(both, report_data=NONCE).devices) == 2
    mixed = EvidenceBundle(good.format, good.evidence, good.endorsements, devices=(good, bad))
    assert codes_of(mixed) == {"nvidia.fwid"}


def test_unknown_parts_are_refused():
    good = HOPPER.evidence()
    assert codes_of(EvidenceBundle(good.format, good.evidence, good.endorsements, {"log": "AAAA"})) == {
        "evidence.parts"
    }


@pytest.mark.parametrize("case", ["malformed", "no certificates", "no root"])
def test_row_24_every_check_of_refused_evidence_has_a_result(case: str):
    """What could not be checked counts as failed, and names what it was waiting for."""
    bundle = {
        "malformed": HOPPER.evidence(raw=b"\x11"),
        "no certificates": EvidenceBundle("nvidia", HOPPER.evidence().evidence),
        "no root": HOPPER.evidence(authorities=HOPPER.devices[:0:-1]),
    }[case]
    with pytest.raises((Refused, Unavailable)) as caught:
        verify(bundle)
    assert {check.code for check in caught.value.checks} >= REQUIRED
    left_out = [check for check in caught.value.checks if "not checked" in check.reason]
    assert left_out
    assert {check.outcome for check in left_out} == {"failed"}


def test_all_findings_come_at_once():
    bundle = HOPPER.evidence(HOPPER.exchange(operation=1), leaf=HOPPER.leaf(fwid=OTHER_FWID))
    codes = codes_of(bundle, report_data=bytes(32), simulated_roots=[])
    assert codes == {"nvidia.exchange", "nvidia.fwid", "nvidia.report_data", "nvidia.chain.root"}


SMALL = HOPPER.sign(HOPPER.exchange(measurements=(Measurement(1, 1, MEASUREMENTS[0]),)))


def test_no_truncation_is_accepted():
    for size in range(len(SMALL)):
        assert codes_of(HOPPER.evidence(raw=SMALL[:size])) <= {"nvidia.size", "nvidia.measurements", "nvidia.opaque"}


def test_no_single_bit_flip_of_a_report_is_accepted():
    """All of them, of a report with one measurement."""
    for bit in range(len(SMALL) * 8):
        changed = bytearray(SMALL)
        changed[bit // 8] ^= 1 << bit % 8
        assert codes_of(HOPPER.evidence(raw=bytes(changed)))
