"""Rows 1 to 8 of the attestation checklist. Each refusal has its positive twin: the healthy report is accepted by
the same call, and each case differs from it in one fact, with everything else signed again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509 import load_der_x509_certificate

from confide.errors import Refused, Unavailable
from confide.evidence import EvidenceBundle, pack_evidence
from confide.evidence.der import OCTET_STRING, header
from confide.evidence.snp import SnpReport, Tcb, parse_report, write_tcb
from confide.ids import sha256_of
from confide.launch.simulated.vendor import Authority, issue_leaf, leaf_extensions, subject
from confide.testing import FakeAmd
from confide.testing.fake_amd import CSP_ID, HWID, PRODUCT_NAME
from confide.verify import VerifiedEvidence, verify_evidence
from confide.verify.x509 import Certificate, parse_item

VLEK = 1 << 2
MASKED = 7 << 2
P384_ORDER = int("FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFC7634D81F4372DDF581A0DB248B0A77AECEC196ACCC52973", 16)


def verify(amd: FakeAmd, bundle: EvidenceBundle, now: datetime | None = None) -> VerifiedEvidence:
    return verify_evidence(bundle, now=now or amd.now, report_data=None, simulated_roots=[amd.root_fingerprint])


def codes_of(amd: FakeAmd, bundle: EvidenceBundle, now: datetime | None = None) -> set[str]:
    with pytest.raises(Refused) as caught:
        verify(amd, bundle, now)
    return set(caught.value.codes)


def outcome(verified: VerifiedEvidence, code: str) -> str:
    return next(check.outcome for check in verified.checks if check.code == code)


@pytest.fixture(scope="module")
def turin() -> FakeAmd:
    return FakeAmd.create(datetime.fromisoformat("2026-06-01T00:00:00+00:00"), "Turin")


@pytest.fixture(scope="module")
def milan() -> FakeAmd:
    return FakeAmd.create(datetime.fromisoformat("2026-06-01T00:00:00+00:00"), "Milan")


def turin_report(amd: FakeAmd, **changes: object) -> SnpReport:
    tcb = write_tcb(Tcb(fmc=1, bootloader=1, tee=0, snp=4, microcode=200))
    tcbs = dict.fromkeys(("current_tcb", "reported_tcb", "committed_tcb", "launch_tcb"), tcb)
    return amd.report(**({"cpuid": (0x1A, 2, 1), "chip_id": b"\7" * 8 + bytes(56)} | tcbs | changes))


# The positive twins


@pytest.mark.parametrize("version", [3, 4, 5])
def test_healthy_report_is_accepted(fake_amd: FakeAmd, version: int):
    verified = verify(fake_amd, fake_amd.evidence(fake_amd.report(version=version)))
    assert verified.simulated
    assert verified.root == fake_amd.root_fingerprint
    assert {check.outcome for check in verified.checks} == {"passed", "not applicable"}


def test_healthy_report_of_version_2_is_accepted(milan: FakeAmd):
    tcb = dict.fromkeys(
        ("current_tcb", "reported_tcb", "committed_tcb", "launch_tcb"), bytes((4, 0, 0, 0, 0, 0, 24, 219))
    )
    verified = verify(milan, milan.evidence(milan.report(version=2, cpuid=(0, 0, 0), platform_info=0, **tcb)))
    assert verified.claims["product"] == "Milan"
    reason = next(check.reason for check in verified.checks if check.code == "snp.product")
    assert "certificate" in reason


def test_healthy_vlek_report_is_accepted(fake_amd: FakeAmd):
    verified = verify(fake_amd, fake_amd.evidence(fake_amd.report(flags=VLEK, chip_id=bytes(64))))
    assert verified.subject.report.signing_key == "vlek"


def test_healthy_turin_report_is_accepted(turin: FakeAmd):
    verified = verify(turin, turin.evidence(turin_report(turin)))
    assert verified.claims["tcb"]["reported"] == {"fmc": 1, "bootloader": 1, "tee": 0, "snp": 4, "microcode": 200}


# Row 1


@pytest.mark.parametrize("size", [0, 1183, 1185])
def test_row_1_wrong_size_is_refused(fake_amd: FakeAmd, size: int):
    raw = fake_amd.sign(fake_amd.report())
    bundle = pack_evidence(
        "sev-snp", raw.ljust(size, b"\0")[:size], fake_amd.evidence(fake_amd.report()).endorsement_bytes()
    )
    assert codes_of(fake_amd, bundle) == {"snp.size"}


@pytest.mark.parametrize("version", [0, 1, 6])
def test_row_1_unknown_version_is_refused(fake_amd: FakeAmd, version: int):
    assert codes_of(fake_amd, fake_amd.evidence(fake_amd.report(version=version))) == {"snp.version"}


@pytest.mark.parametrize(
    "changes",
    [
        {"policy": 0}, {"policy": 1 << 17 | 1 << 26}, {"policy": 1 << 17 | 1 << 63}, {"platform_info": 1 << 5 | 1 << 8},
        {"platform_info": 1 << 5 | 1 << 63}, {"flags": 1 << 5}, {"current_mitigations": 1}, {"launch_mitigations": 1},
        {"reserved": (b"\1\0\0\0", bytes(21), b"\0", b"\0", bytes(152), bytes(368))},
        {"reserved": (bytes(4), b"\1" + bytes(20), b"\0", b"\0", bytes(152), bytes(368))},
        {"reserved": (bytes(4), bytes(21), b"\1", b"\0", bytes(152), bytes(368))},
        {"reserved": (bytes(4), bytes(21), b"\0", b"\1", bytes(152), bytes(368))},
        {"reserved": (bytes(4), bytes(21), b"\0", b"\0", bytes(151) + b"\1", bytes(368))},
        {"reserved": (bytes(4), bytes(21), b"\0", b"\0", bytes(152), bytes(367) + b"\1")},
    ],
)  # fmt: skip
def test_row_1_reserved_bits_are_refused(fake_amd: FakeAmd, changes: dict[str, object]):
    assert codes_of(fake_amd, fake_amd.evidence(fake_amd.report(**changes))) == {"snp.reserved"}


def test_row_1_mitigation_vectors_are_no_reserved_bits_in_version_5(fake_amd: FakeAmd):
    report = fake_amd.report(version=5, current_mitigations=3, launch_mitigations=1)
    assert verify(fake_amd, fake_amd.evidence(report)).claims["mitigations"] == {"launch": 1, "current": 3}


# Row 2


@pytest.mark.parametrize("cpuid", [(0x19, 0x20, 0), (0x1A, 0x50, 0), (0x17, 0x31, 0), (0, 0, 0)])
def test_row_2_unknown_product_is_refused(fake_amd: FakeAmd, cpuid: tuple[int, int, int]):
    assert "snp.product" in codes_of(fake_amd, fake_amd.evidence(fake_amd.report(cpuid=cpuid)))


@pytest.mark.parametrize("cpuid", [(0x19, 0xA0, 2), (0x19, 0xAF, 0)])
def test_row_2_siena_and_bergamo_use_the_roots_of_genoa(fake_amd: FakeAmd, cpuid: tuple[int, int, int]):
    assert verify(fake_amd, fake_amd.evidence(fake_amd.report(cpuid=cpuid))).claims["product"] == "Genoa"


def test_row_2_product_of_the_certificate_alone_is_not_believed(fake_amd: FakeAmd):
    """A Milan report under Genoa's chain, although every certificate says Genoa."""
    codes = codes_of(fake_amd, fake_amd.evidence(fake_amd.report(cpuid=(0x19, 1, 1))))
    assert codes == {"snp.chain.names", "snp.chain.product"}


def test_row_2_certificate_of_another_product_is_refused(fake_amd: FakeAmd):
    report = fake_amd.report()
    leaf = fake_amd.leaf(report, extensions={PRODUCT_NAME: b"\x16\x05Milan"})
    assert codes_of(fake_amd, fake_amd.evidence(report, leaf=leaf)) == {"snp.chain.product"}


@pytest.mark.parametrize("name", [b"\x16\x08Genoa-B1", b"\x16\x07Bergamo", b"\x16\x05Siena"])
def test_row_2_names_of_genoas_family_are_accepted(fake_amd: FakeAmd, name: bytes):
    report = fake_amd.report()
    verify(fake_amd, fake_amd.evidence(report, leaf=fake_amd.leaf(report, extensions={PRODUCT_NAME: name})))


@pytest.mark.parametrize("name", [None, b"", b"\x16\x06Genoa", b"\x0c\x05Genoa", b"\x16\x05Genoa\0", b"\x16\x05Genua"])
def test_row_2_product_name_that_is_missing_or_malformed_is_refused(fake_amd: FakeAmd, name: bytes | None):
    report = fake_amd.report()
    leaf = fake_amd.leaf(report, extensions={PRODUCT_NAME: name})
    assert codes_of(fake_amd, fake_amd.evidence(report, leaf=leaf)) == {"snp.chain.product"}


# Row 3


def signed(amd: FakeAmd) -> SnpReport:
    return parse_report(amd.sign(amd.report()))


def resign_with(change: Callable[[SnpReport], SnpReport]) -> Callable[[FakeAmd], EvidenceBundle]:
    return lambda amd: amd.evidence(amd.report(), raw=change(signed(amd)).encode())


NUMBERS = {
    "r is zero": lambda report: replace(report, r=bytes(72)),
    "s is zero": lambda report: replace(report, s=bytes(72)),
    "r is the order": lambda report: replace(report, r=P384_ORDER.to_bytes(72, "little")),
    "s is the order": lambda report: replace(report, s=P384_ORDER.to_bytes(72, "little")),
    "r has one order more": lambda report: replace(
        report, r=(int.from_bytes(report.r, "little") + P384_ORDER).to_bytes(72, "little")
    ),
    "s fills its padding": lambda report: replace(report, s=report.s[:71] + b"\1"),
    "r is big-endian": lambda report: replace(report, r=report.r[47::-1].rjust(72, b"\0")),
}


@pytest.mark.parametrize("change", NUMBERS.values(), ids=NUMBERS.keys())
def test_row_3_signature_numbers_out_of_range_are_refused(fake_amd: FakeAmd, change: Callable[[SnpReport], SnpReport]):
    assert codes_of(fake_amd, resign_with(change)(fake_amd)) == {"snp.signature.encoding", "snp.signature"}


def test_row_3_big_endian_numbers_in_range_are_refused(fake_amd: FakeAmd):
    change = resign_with(lambda report: replace(report, r=report.r[47::-1] + bytes(24), s=report.s[47::-1] + bytes(24)))
    assert "snp.signature" in codes_of(fake_amd, change(fake_amd))


def test_row_3_signature_of_another_report_is_refused(fake_amd: FakeAmd):
    change = resign_with(lambda report: replace(report, report_data=b"\1" * 64))
    assert codes_of(fake_amd, change(fake_amd)) == {"snp.signature"}


def test_row_3_signature_by_another_key_is_refused(fake_amd: FakeAmd):
    report = fake_amd.report()
    leaf = fake_amd.leaf(report, key=ec.generate_private_key(ec.SECP384R1()))
    assert codes_of(fake_amd, fake_amd.evidence(report, leaf=leaf)) == {"snp.signature"}


def test_row_3_key_on_another_curve_is_refused(fake_amd: FakeAmd):
    report = fake_amd.report()
    leaf = fake_amd.leaf(report, key=ec.generate_private_key(ec.SECP256R1()))
    assert codes_of(fake_amd, fake_amd.evidence(report, leaf=leaf)) == {"snp.signature"}


def test_row_3_all_64_words_up_to_0x2a0_are_signed(fake_amd: FakeAmd):
    raw = bytearray(fake_amd.sign(fake_amd.report()))
    raw[0x4F] ^= 1
    raw[0x29F] ^= 1
    bundle = fake_amd.evidence(fake_amd.report(), raw=bytes(raw))
    assert codes_of(fake_amd, bundle) == {"snp.reserved", "snp.signature"}


# Row 4


@pytest.mark.parametrize("algorithm", [0, 2, 1 << 16])
def test_row_4_other_signature_algorithm_is_refused(fake_amd: FakeAmd, algorithm: int):
    bundle = fake_amd.evidence(fake_amd.report(signature_algorithm=algorithm))
    assert codes_of(fake_amd, bundle) == {"snp.signature.algorithm", "snp.signature"}


def test_row_4_vcek_certificate_for_a_vlek_report_is_refused(fake_amd: FakeAmd):
    bundle = fake_amd.evidence(
        fake_amd.report(flags=VLEK), leaf=fake_amd.leaf(fake_amd.report()), authorities=(fake_amd.ask, fake_amd.ark)
    )
    assert codes_of(fake_amd, bundle) == {"snp.signing_key"}


def test_row_4_vlek_certificate_for_a_vcek_report_is_refused(fake_amd: FakeAmd):
    bundle = fake_amd.evidence(
        fake_amd.report(), leaf=fake_amd.leaf(fake_amd.report(flags=VLEK)), authorities=(fake_amd.asvk, fake_amd.ark)
    )
    assert codes_of(fake_amd, bundle) == {"snp.signing_key"}


@pytest.mark.parametrize("flags", [MASKED, 2 << 2, 6 << 2])
def test_row_4_report_signed_by_no_key_is_refused(fake_amd: FakeAmd, flags: int):
    bundle = fake_amd.evidence(fake_amd.report(flags=flags))
    assert codes_of(fake_amd, bundle) == {"snp.signing_key"}


def test_row_4_vcek_under_the_vlek_issuer_is_refused(fake_amd: FakeAmd):
    report = fake_amd.report()
    leaf = fake_amd.leaf(report, issuer=fake_amd.asvk)
    bundle = fake_amd.evidence(report, leaf=leaf, authorities=(fake_amd.asvk, fake_amd.ark))
    assert codes_of(fake_amd, bundle) == {"snp.chain.names"}


def test_row_4_trusted_root_of_another_name_is_refused(fake_amd: FakeAmd):
    root = Authority.issue(subject("ARK-Milan", "Advanced Micro Devices"), fake_amd.ark.key, fake_amd.now)
    ask = Authority.issue(fake_amd.ask.certificate.subject, fake_amd.ask.key, fake_amd.now, root)
    bundle = fake_amd.evidence(fake_amd.report(), authorities=(ask, root))
    with pytest.raises(Refused) as caught:
        verify_evidence(bundle, now=fake_amd.now, report_data=None, simulated_roots=[sha256_of(root.der)])
    assert caught.value.codes == ("snp.chain.names",)


def test_row_4_leaf_of_another_name_is_no_leaf(fake_amd: FakeAmd):
    report = fake_amd.report()
    bundle = fake_amd.evidence(report, leaf=fake_amd.leaf(report, name="VCEK"))
    with pytest.raises(Unavailable) as caught:
        verify(fake_amd, bundle)
    assert caught.value.codes == ("snp.chain.missing",)


# Row 5


def test_row_5_self_made_issuer_with_the_right_name_is_refused(fake_amd: FakeAmd):
    """The attacker has the real root, and makes an issuer of its own."""
    stranger = FakeAmd.create(fake_amd.now)
    own = replace(stranger.ask, key=stranger.asvk.key)
    own = own.issue(
        stranger.ask.certificate.subject, stranger.asvk.key, fake_amd.now, replace(stranger.ark, key=own.key)
    )
    report = fake_amd.report()
    bundle = fake_amd.evidence(report, leaf=fake_amd.leaf(report, issuer=own), authorities=(own, fake_amd.ark))
    assert codes_of(fake_amd, bundle) == {"snp.chain.signature"}


def test_row_5_leaf_that_its_issuer_did_not_sign_is_refused(fake_amd: FakeAmd):
    report = fake_amd.report()
    leaf = fake_amd.leaf(report, issuer=replace(fake_amd.ask, key=fake_amd.asvk.key))
    assert codes_of(fake_amd, fake_amd.evidence(report, leaf=leaf)) == {"snp.chain.signature"}


@pytest.mark.parametrize("strangers_first", [True, False])
def test_row_5_strangers_certificates_of_the_same_names_do_not_hinder(fake_amd: FakeAmd, *, strangers_first: bool):
    """Other keys, the same names: what fits is taken, wherever it stands."""
    later = fake_amd.now - timedelta(days=1)
    stranger_ark = Authority.issue(fake_amd.ark.certificate.subject, fake_amd.asvk.key, later)
    stranger_ask = Authority.issue(fake_amd.ask.certificate.subject, fake_amd.asvk.key, later, stranger_ark)
    report = fake_amd.report()
    right = fake_amd.evidence(report).endorsement_bytes()
    vlek = fake_amd.leaf(fake_amd.report(flags=VLEK))
    wrong = (vlek, fake_amd.leaf(fake_amd.report(chip_id=b"\1" * 64)), stranger_ask.der, stranger_ark.der)
    items = (*wrong, *right) if strangers_first else (*right, *wrong)
    verify(fake_amd, pack_evidence("sev-snp", fake_amd.sign(report), items))


@pytest.mark.parametrize("missing", [0, 1, 2])
def test_row_5_without_a_certificate_nobody_can_tell(fake_amd: FakeAmd, missing: int):
    bundle = fake_amd.evidence(fake_amd.report())
    rest = tuple(item for index, item in enumerate(bundle.endorsements) if index != missing)
    with pytest.raises(Unavailable) as caught:
        verify(fake_amd, EvidenceBundle(bundle.format, bundle.evidence, rest))
    assert caught.value.codes == ("snp.chain.missing",)
    assert all(check.outcome != "passed" for check in caught.value.checks if check.code.startswith("snp.chain"))


def test_row_5_missing_certificates_do_not_hide_what_is_wrong(fake_amd: FakeAmd):
    bundle = fake_amd.evidence(fake_amd.report(policy=1 << 17 | 1 << 19))
    bare = EvidenceBundle(bundle.format, bundle.evidence)
    assert codes_of(fake_amd, bare) == {"snp.chain.missing", "snp.policy.debug"}


@pytest.mark.parametrize(("days", "accepted"), [(-1, False), (0, True), (3650, True), (3654, False)])
def test_row_5_certificates_are_valid_within_their_period(fake_amd: FakeAmd, days: int, *, accepted: bool):
    bundle, now = fake_amd.evidence(fake_amd.report()), fake_amd.now + timedelta(days=days)
    if accepted:
        assert verify(fake_amd, bundle, now).verified_at == now
    else:
        assert codes_of(fake_amd, bundle, now) == {"snp.chain.validity"}


def test_row_5_expired_leaf_under_a_valid_chain_is_refused(fake_amd: FakeAmd):
    report = fake_amd.report()
    bundle = fake_amd.evidence(report, leaf=fake_amd.leaf(report, lifetime=timedelta(days=1)))
    verify(fake_amd, bundle)
    assert codes_of(fake_amd, bundle, fake_amd.now + timedelta(days=2)) == {"snp.chain.validity"}


def with_list(amd: FakeAmd, crl: bytes) -> EvidenceBundle:
    return amd.evidence(amd.report(), lists=(crl,))


def test_row_5_revocation_list_in_force_is_accepted(fake_amd: FakeAmd):
    verified = verify(fake_amd, with_list(fake_amd, fake_amd.ark.revocation_list(fake_amd.now, revoked=(4711,))))
    assert outcome(verified, "snp.crl") == "passed"
    assert outcome(verify(fake_amd, fake_amd.evidence(fake_amd.report())), "snp.crl") == "not applicable"


def test_row_5_revoked_issuer_is_refused(fake_amd: FakeAmd):
    serial = fake_amd.ask.certificate.serial_number
    bundle = with_list(fake_amd, fake_amd.ark.revocation_list(fake_amd.now, revoked=(serial,)))
    assert codes_of(fake_amd, bundle) == {"snp.crl"}


def test_row_5_revoked_root_is_refused(fake_amd: FakeAmd):
    serial = fake_amd.ark.certificate.serial_number
    bundle = with_list(fake_amd, fake_amd.ark.revocation_list(fake_amd.now, revoked=(serial,)))
    assert codes_of(fake_amd, bundle) == {"snp.crl"}


def test_row_5_revocation_list_signed_by_another_is_refused(fake_amd: FakeAmd):
    forged = replace(fake_amd.ark, key=fake_amd.ask.key).revocation_list(fake_amd.now)
    assert codes_of(fake_amd, with_list(fake_amd, forged)) == {"snp.crl"}


def test_row_5_stale_revocation_list_is_refused(fake_amd: FakeAmd):
    bundle = with_list(fake_amd, fake_amd.ark.revocation_list(fake_amd.now, days=30))
    verify(fake_amd, bundle, fake_amd.now + timedelta(days=29))
    assert codes_of(fake_amd, bundle, fake_amd.now + timedelta(days=31)) == {"snp.crl"}
    assert codes_of(fake_amd, with_list(fake_amd, fake_amd.ark.revocation_list(fake_amd.now + timedelta(1)))) == {
        "snp.crl"
    }


def test_row_5_good_list_does_not_hide_the_one_that_revokes(fake_amd: FakeAmd):
    serial = fake_amd.ask.certificate.serial_number
    lists = (fake_amd.ark.revocation_list(fake_amd.now), fake_amd.ark.revocation_list(fake_amd.now, revoked=(serial,)))
    assert codes_of(fake_amd, fake_amd.evidence(fake_amd.report(), lists=lists)) == {"snp.crl"}


MAY_SIGN = {"2.5.29.15": bytes.fromhex("03020204")}
IS_AUTHORITY = {"2.5.29.19": bytes.fromhex("30030101ff")}


@pytest.mark.parametrize(
    ("extensions", "accepted"),
    [
        ({}, False), (MAY_SIGN, False), (IS_AUTHORITY, False), (MAY_SIGN | {"2.5.29.19": b"\x30\x00"}, False),
        (IS_AUTHORITY | {"2.5.29.15": bytes.fromhex("03020780")}, False), (MAY_SIGN | IS_AUTHORITY, True),
    ],
)  # fmt: skip
def test_row_5_issuer_that_may_not_sign_certificates_is_refused(
    fake_amd: FakeAmd, extensions: dict[str, bytes], *, accepted: bool
):
    name = subject(f"SEV-{fake_amd.product}", "Advanced Micro Devices")
    der = issue_leaf(name, fake_amd.ask.key.public_key(), extensions, issuer=fake_amd.ark, now=fake_amd.now)
    report = fake_amd.report()
    authority = Authority(fake_amd.ask.key, load_der_x509_certificate(der))
    bundle = fake_amd.evidence(
        report, leaf=fake_amd.leaf(report, issuer=authority), authorities=(authority, fake_amd.ark)
    )
    if accepted:
        verify(fake_amd, bundle)
    else:
        assert codes_of(fake_amd, bundle) == {"snp.chain.authority"}


def test_row_5_leaf_that_may_sign_certificates_is_refused(fake_amd: FakeAmd):
    report = fake_amd.report()
    leaf = fake_amd.leaf(report, extensions=MAY_SIGN | IS_AUTHORITY)
    assert codes_of(fake_amd, fake_amd.evidence(report, leaf=leaf)) == {"snp.chain.authority"}


@pytest.mark.parametrize("junk", [b"", b"\x30\x00", b"\x30\x03\x02\x01\x00", b"junk"])
def test_row_5_endorsement_that_is_no_certificate_is_refused(fake_amd: FakeAmd, junk: bytes):
    assert codes_of(fake_amd, with_list(fake_amd, junk)) == {"endorsement.malformed"}


def test_row_5_too_many_endorsements_are_refused_unread(fake_amd: FakeAmd):
    bundle = fake_amd.evidence(fake_amd.report(), lists=(fake_amd.asvk.der,) * 29)
    verify(fake_amd, bundle)
    bundle = fake_amd.evidence(fake_amd.report(), lists=(fake_amd.asvk.der,) * 30)
    assert "endorsement.malformed" in codes_of(fake_amd, bundle)


# Row 6


def test_row_6_hardware_id_is_taken_raw_or_as_octet_string(fake_amd: FakeAmd, turin: FakeAmd):
    report = fake_amd.report()
    wrapped = header(OCTET_STRING, 64) + report.chip_id
    verify(fake_amd, fake_amd.evidence(report, leaf=fake_amd.leaf(report, extensions={HWID: wrapped})))
    report = turin_report(turin)
    wrapped = header(OCTET_STRING, 8) + report.chip_id[:8]
    verify(turin, turin.evidence(report, leaf=turin.leaf(report, extensions={HWID: wrapped})))


@pytest.mark.parametrize(
    "hwid", [None, b"", bytes(64), b"\1" * 64, bytes(range(63)), bytes(range(64)) + b"\0", bytes(range(8))]
)
def test_row_6_certificate_of_another_chip_is_refused(fake_amd: FakeAmd, hwid: bytes | None):
    report = fake_amd.report()
    leaf = fake_amd.leaf(report, extensions={HWID: hwid})
    assert codes_of(fake_amd, fake_amd.evidence(report, leaf=leaf)) == {"snp.chip_id"}


def test_row_6_turin_chip_id_has_8_bytes_and_zeros(turin: FakeAmd):
    report = turin_report(turin, chip_id=b"\7" * 9 + bytes(55))
    assert codes_of(turin, turin.evidence(report)) == {"snp.chip_id"}
    report = turin_report(turin)
    leaf = turin.leaf(report, extensions={HWID: report.chip_id})
    assert codes_of(turin, turin.evidence(report, leaf=leaf)) == {"snp.chip_id"}


def test_row_6_masked_chip_id_is_said_and_not_passed(fake_amd: FakeAmd):
    report = fake_amd.report(chip_id=bytes(64))
    leaf = fake_amd.leaf(report, extensions={HWID: b"\7" * 64})
    assert outcome(verify(fake_amd, fake_amd.evidence(report, leaf=leaf)), "snp.chip_id") == "not applicable"


def test_row_6_vlek_has_a_provider_and_no_hardware_id(fake_amd: FakeAmd):
    report = fake_amd.report(flags=VLEK, chip_id=bytes(64))
    for extensions in ({CSP_ID: None}, {HWID: bytes(64)}):
        leaf = fake_amd.leaf(report, extensions=extensions)
        assert codes_of(fake_amd, fake_amd.evidence(report, leaf=leaf)) == {"snp.chip_id"}


def test_row_6_serial_number_zero_of_real_certificates_is_accepted(real_milan: EvidenceBundle, fake_amd: FakeAmd):
    leaf = parse_item(real_milan.endorsement_bytes()[0])
    assert isinstance(leaf, Certificate)
    assert leaf.serial == 0
    assert not verify_evidence(real_milan, now=fake_amd.now, report_data=None).simulated


# Row 7


@pytest.mark.parametrize("part", [1, 2, 3, 4, 5, 6, 7, 8])
def test_row_7_certificate_of_another_tcb_is_refused(fake_amd: FakeAmd, part: int):
    report = fake_amd.report()
    for value in (b"\x02\x01\x63", None, b"\x02\x02\x00\x01", b"\x04\x01\x0a", b""):
        leaf = fake_amd.leaf(report, extensions={f"1.3.6.1.4.1.3704.1.3.{part}": value})
        assert codes_of(fake_amd, fake_amd.evidence(report, leaf=leaf)) == {"snp.certificate.tcb"}


def test_row_7_turin_certifies_its_fmc(turin: FakeAmd):
    report = turin_report(turin)
    leaf = turin.leaf(report, extensions={"1.3.6.1.4.1.3704.1.3.9": b"\x02\x01\x00"})
    assert codes_of(turin, turin.evidence(report, leaf=leaf)) == {"snp.certificate.tcb"}


def test_row_7_old_layout_is_not_taken_for_turin(turin: FakeAmd):
    report = turin_report(turin)
    old = leaf_extensions(
        product_name="Turin", tcb=Tcb(bootloader=1, tee=1, snp=0, microcode=200), hwid=report.chip_id[:8]
    )
    removed = dict.fromkeys(["1.3.6.1.4.1.3704.1.3.9"])
    leaf = turin.leaf(report, extensions={**old, **removed})
    assert codes_of(turin, turin.evidence(report, leaf=leaf)) == {"snp.certificate.tcb"}


# Row 8


@pytest.mark.parametrize("index", [0, 1, 6, 7])
def test_row_8_reported_above_committed_is_refused(fake_amd: FakeAmd, index: int):
    lower = bytearray(fake_amd.report().reported_tcb)
    higher = bytearray(lower)
    higher[index] += 1
    report = fake_amd.report(reported_tcb=bytes(higher))
    assert codes_of(fake_amd, fake_amd.evidence(report)) == {"snp.tcb.order"}
    report = fake_amd.report(committed_tcb=bytes(higher))
    assert codes_of(fake_amd, fake_amd.evidence(report)) == {"snp.tcb.order"}
    verify(fake_amd, fake_amd.evidence(fake_amd.report(current_tcb=bytes(higher), committed_tcb=bytes(higher))))


def test_row_8_committed_firmware_above_the_current_one_is_refused(fake_amd: FakeAmd):
    report = fake_amd.report(committed=(1, 55, 50))
    assert codes_of(fake_amd, fake_amd.evidence(report)) == {"snp.firmware.order"}


# Row 9 (without a policy) and row 10 (report data)


def test_row_9_debug_mode_is_refused_without_a_policy(fake_amd: FakeAmd):
    bundle = fake_amd.evidence(fake_amd.report(policy=1 << 17 | 1 << 19))
    assert codes_of(fake_amd, bundle) == {"snp.policy.debug"}


def test_row_10_all_64_bytes_of_report_data_are_compared(fake_amd: FakeAmd):
    wanted = bytes(range(64))
    bundle = fake_amd.evidence(fake_amd.report(report_data=wanted))
    roots = [fake_amd.root_fingerprint]
    verified = verify_evidence(bundle, now=fake_amd.now, report_data=wanted, simulated_roots=roots)
    assert outcome(verified, "snp.report_data") == "passed"
    for index in range(64):
        other = bytearray(wanted)
        other[index] ^= 1
        with pytest.raises(Refused) as caught:
            verify_evidence(bundle, now=fake_amd.now, report_data=bytes(other), simulated_roots=roots)
        assert caught.value.codes == ("snp.report_data",)


@pytest.mark.parametrize("size", [0, 32, 63, 65])
def test_row_10_shorter_report_data_never_matches(fake_amd: FakeAmd, size: int):
    bundle = fake_amd.evidence(fake_amd.report())
    with pytest.raises(Refused) as caught:
        verify_evidence(bundle, now=fake_amd.now, report_data=bytes(size), simulated_roots=[fake_amd.root_fingerprint])
    assert caught.value.codes == ("snp.report_data",)


def test_all_findings_come_at_once(fake_amd: FakeAmd):
    report = fake_amd.report(policy=1 << 19, committed=(2, 0, 0), current_tcb=bytes(8))
    codes = codes_of(fake_amd, fake_amd.evidence(report), fake_amd.now + timedelta(days=9999))
    assert codes == {
        "snp.reserved", "snp.policy.debug", "snp.firmware.order", "snp.tcb.order", "snp.chain.validity",
    }  # fmt: skip


def test_row_5_revoked_issuer_of_vleks_is_refused_and_another_line_is_not_its_matter(fake_amd: FakeAmd):
    """AMD publishes a list for each line; both are the root's, and a list says what it says of every serial number."""
    report = fake_amd.report(flags=VLEK, chip_id=bytes(64))
    serials = {name: one.certificate.serial_number for name, one in (("ask", fake_amd.ask), ("asvk", fake_amd.asvk))}
    for revoked, refused in (("asvk", True), ("ask", False)):
        crl = fake_amd.ark.revocation_list(fake_amd.now, revoked=(serials[revoked],))
        bundle = fake_amd.evidence(report, lists=(crl,))
        if refused:
            assert codes_of(fake_amd, bundle) == {"snp.crl"}
        else:
            assert outcome(verify(fake_amd, bundle), "snp.crl") == "passed"


def test_row_1_turin_says_that_its_iommu_is_safe(turin: FakeAmd):
    assert verify(turin, turin.evidence(turin_report(turin, platform_info=1 << 5 | 1 << 6)))


def test_row_1_mitigation_vectors_are_known_in_version_4(fake_amd: FakeAmd):
    assert verify(fake_amd, fake_amd.evidence(fake_amd.report(version=4, current_mitigations=1, launch_mitigations=1)))


@pytest.mark.parametrize(("model", "name"), [(0x11, "Genoa"), (0xA0, "Siena and Bergamo"), (0xAF, "their line's last")])
def test_row_2_siena_and_bergamo_are_certified_by_genoas_roots(fake_amd: FakeAmd, model: int, name: str):
    verified = verify(fake_amd, fake_amd.evidence(fake_amd.report(cpuid=(0x19, model, 2))))
    assert verified.claims["product"] == "Genoa", name
