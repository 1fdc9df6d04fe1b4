from __future__ import annotations

import contextlib
import warnings
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.padding import MGF1, PSS, PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256, SHA384
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import given
from hypothesis import strategies as st

from confide.evidence import EvidenceBundle
from confide.launch.simulated.vendor import Authority, subject
from confide.testing import FakeAmd
from confide.verify.signatures import RSA_PSS, verifies
from confide.verify.x509 import Certificate, MalformedCertificateError, RevocationList, forget, parse_item

KEY = generate_private_key(65537, 2048)


def parsed(der: bytes) -> Certificate:
    item = parse_item(der)
    assert isinstance(item, Certificate)
    return item


def test_certificate_and_list_are_told_apart(fake_amd: FakeAmd):
    assert parsed(fake_amd.ark.der).common_name == "ARK-Genoa"
    assert isinstance(parse_item(fake_amd.ark.revocation_list(fake_amd.now)), RevocationList)


@given(st.binary(max_size=200))
def test_no_bytes_raise_anything_but_malformed(data: bytes):
    with contextlib.suppress(MalformedCertificateError):
        parse_item(data)


@given(st.integers(0, 10_000), st.integers(0, 7))
def test_flipped_bits_raise_nothing_but_malformed(fake_amd: FakeAmd, position: int, bit: int):
    for item in (fake_amd.leaf(fake_amd.report()), fake_amd.ark.revocation_list(fake_amd.now, revoked=(1, 2))):
        data = bytearray(item)
        data[position % len(data)] ^= 1 << bit
        with contextlib.suppress(MalformedCertificateError):
            parse_item(bytes(data))


def certificate(padding: PSS | PKCS1v15, algorithm: SHA256 | SHA384) -> Certificate:
    name, now = subject("ARK-Genoa"), datetime(2026, 1, 1, tzinfo=UTC)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(KEY.public_key())
    builder = builder.serial_number(1).not_valid_before(now).not_valid_after(now + timedelta(days=1))
    return parsed(builder.sign(KEY, algorithm, rsa_padding=padding).public_bytes(Encoding.DER))


def test_only_pss_with_sha384_and_a_salt_of_48_bytes_counts():
    right = certificate(PSS(MGF1(SHA384()), 48), SHA384())
    assert right.signed_by(right, RSA_PSS)
    for wrong in (
        certificate(PSS(MGF1(SHA384()), 32), SHA384()),
        certificate(PSS(MGF1(SHA256()), 48), SHA256()),
        certificate(PKCS1v15(), SHA384()),
        certificate(PKCS1v15(), SHA256()),
    ):
        assert not wrong.signed_by(wrong, RSA_PSS)


def test_serial_number_zero_gives_no_warning(real_milan: EvidenceBundle):
    parse_item.cache_clear()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        assert parsed(real_milan.endorsement_bytes()[0]).serial == 0
    assert caught == []


def test_short_rsa_key_counts_for_nothing():
    key = generate_private_key(65537, 1024)
    padding = PSS(MGF1(SHA384()), 48)
    assert not verifies("rsa-pss-sha384", key.public_key(), key.sign(b"message", padding, SHA384()), b"message")
    assert verifies("rsa-pss-sha384", KEY.public_key(), KEY.sign(b"message", padding, SHA384()), b"message")


def test_both_ends_of_the_validity_period_belong_to_it(fake_amd: FakeAmd):
    one, second = parsed(fake_amd.ark.der), timedelta(seconds=1)
    assert one.valid_at(one.not_before)
    assert one.valid_at(one.not_after)
    assert not one.valid_at(one.not_before - second)
    assert not one.valid_at(one.not_after + second)


@pytest.mark.parametrize("days", [-1, 0, 29, 31])
def test_list_is_in_force_between_its_updates(fake_amd: FakeAmd, days: int):
    crl = parse_item(fake_amd.ark.revocation_list(fake_amd.now, days=30))
    assert isinstance(crl, RevocationList)
    assert crl.current_at(fake_amd.now + timedelta(days=days)) == (0 <= days <= 29)


def test_list_without_an_end_is_never_in_force(fake_amd: FakeAmd):
    crl = parse_item(fake_amd.ark.revocation_list(fake_amd.now))
    assert isinstance(crl, RevocationList)
    assert crl.current_at(fake_amd.now)
    assert not replace(crl, next_update=None).current_at(fake_amd.now)


def test_list_names_what_it_revokes(fake_amd: FakeAmd):
    crl = parse_item(fake_amd.ark.revocation_list(fake_amd.now, revoked=(4711, 4712)))
    assert isinstance(crl, RevocationList)
    assert crl.revoked == {4711, 4712}
    assert crl.signed_by(parsed(fake_amd.ark.der), RSA_PSS)
    assert not crl.signed_by(parsed(fake_amd.ask.der), RSA_PSS)


def test_name_that_stands_twice_is_no_name(fake_amd: FakeAmd):
    twice = x509.Name([*subject("SEV-Genoa"), *subject("ARK-Genoa")])
    der = Authority.issue(twice, fake_amd.ask.key, fake_amd.now).der
    assert parsed(der).common_name == ""


def test_algorithm_outside_of_the_signature_is_the_one_inside(fake_amd: FakeAmd):
    """Nobody signed the outer algorithm: a change there must not give a second encoding of the same certificate."""
    for item in (fake_amd.ask.der, fake_amd.ark.revocation_list(fake_amd.now)):
        begin = item.rindex(bytes.fromhex("06092a864886f70d01010a")) - 2
        end = item.rindex(b"\x03\x82\x01\x01\x00")
        assert begin < end
        parse_item(item)
        for position in range(begin, end):
            for bit in range(8):
                changed = bytearray(item)
                changed[position] ^= 1 << bit
                with pytest.raises(MalformedCertificateError):
                    parse_item(bytes(changed))


def test_what_is_forgotten_is_read_and_checked_again(fake_amd: FakeAmd):
    before = parsed(fake_amd.ask.der)
    assert parsed(fake_amd.ask.der) is before
    forget()
    again = parsed(fake_amd.ask.der)
    assert again is not before
    assert again == before
    assert again.signed_by(parsed(fake_amd.ark.der), RSA_PSS)
