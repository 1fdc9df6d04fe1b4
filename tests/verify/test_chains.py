"""Paths of certificates (RFC 5280, section 6.1): each fault has its own finding, and a right path has none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA384
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID, ObjectIdentifier

from confide.checklist import Checklist
from confide.verify.chains import MAX_LENGTH, PathRules, check_path, find_path
from confide.verify.signatures import ECDSA_ANY
from confide.verify.x509 import Certificate, RevocationList, parse_item

NOW = datetime(2026, 6, 1, tzinfo=UTC)
CODES = {f"test.chain.{name}" for name in ("root", "names", "authority", "signature", "validity")} | {"test.crl"}
_UNKNOWN = x509.UnrecognizedExtension(ObjectIdentifier("1.2.3.4"), b"\x05\x00")


@dataclass(frozen=True)
class Holder:
    """A certificate and its key."""

    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate

    @property
    def parsed(self) -> Certificate:
        item = parse_item(self.certificate.public_bytes(Encoding.DER))
        assert isinstance(item, Certificate)
        return item

    def revocation_list(self, *serials: int, days: int = 30, signer: Holder | None = None) -> RevocationList:
        builder = x509.CertificateRevocationListBuilder().issuer_name(self.certificate.subject)
        builder = builder.last_update(NOW - timedelta(days=1)).next_update(
            NOW - timedelta(days=1) + timedelta(days=days)
        )
        for serial in serials:
            entry = x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(NOW - timedelta(days=1))
            builder = builder.add_revoked_certificate(entry.build())
        item = parse_item(builder.sign((signer or self).key, SHA384()).public_bytes(Encoding.DER))
        assert isinstance(item, RevocationList)
        return item


def issue(
    name: str,
    issuer: Holder | None = None,
    *,
    authority: bool = True,
    path_length: int | None = None,
    cert_sign: bool = True,
    unknown: bool = False,
    starts: datetime = NOW - timedelta(days=10),
    issuer_name: str | None = None,
) -> Holder:
    key = ec.generate_private_key(ec.SECP384R1())
    named = [x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, one)]) for one in (name, issuer_name or name)]
    above = named[1] if issuer_name or not issuer else issuer.certificate.subject
    builder = x509.CertificateBuilder().subject_name(named[0]).issuer_name(above).public_key(key.public_key())
    builder = builder.serial_number(x509.random_serial_number()).not_valid_before(starts)
    builder = builder.not_valid_after(starts + timedelta(days=365))
    constraints = x509.BasicConstraints(ca=authority, path_length=path_length if authority else None)
    usage = x509.KeyUsage(
        digital_signature=not cert_sign, key_cert_sign=cert_sign, crl_sign=cert_sign, content_commitment=False,
        key_encipherment=False, data_encipherment=False, key_agreement=False, encipher_only=False, decipher_only=False,
    )  # fmt: skip
    builder = builder.add_extension(constraints, critical=True).add_extension(usage, critical=True)
    builder = builder.add_extension(_UNKNOWN, critical=True) if unknown else builder
    return Holder(key, builder.sign((issuer.key if issuer else key), SHA384()))


ROOT = issue("Root")
MIDDLE = issue("Middle", ROOT)
LEAF = issue("Leaf", MIDDLE, authority=False, cert_sign=False)


def check(
    path: Sequence[Holder], lists: Sequence[RevocationList] = (), now: datetime = NOW, **fields: object
) -> set[str]:
    values: dict[str, object] = {
        "prefix": "test", "vendor": "the vendor", "roots": {ROOT.parsed.fingerprint}, "algorithms": ECDSA_ANY,
    }  # fmt: skip
    rules = PathRules(**(values | fields))  # type: ignore[arg-type]  # the test names the fields
    checklist = Checklist()
    check_path([one.parsed for one in path], rules, now=now, checklist=checklist, lists=lists)
    assert {one.code for one in checklist.checks} == CODES == rules.codes
    return {finding.code for finding in checklist.findings}


def test_right_path_has_no_finding():
    assert check([LEAF, MIDDLE, ROOT]) == set()
    assert check([LEAF, MIDDLE, ROOT], [ROOT.revocation_list(), MIDDLE.revocation_list(7)]) == set()


def test_path_is_found_in_any_order_among_strangers():
    others = [issue("Middle", issue("Root")), issue("Other")]
    mixed = [one.parsed for one in (*others, ROOT, MIDDLE)]
    assert find_path(LEAF.parsed, mixed, ECDSA_ANY) == [LEAF.parsed, MIDDLE.parsed, ROOT.parsed]


def test_path_of_certificates_that_certify_each_other_ends():
    first = issue("First")
    second = issue("Second", first)
    circle = issue("First", second)
    assert len(find_path(circle.parsed, [second.parsed, circle.parsed], ECDSA_ANY)) <= MAX_LENGTH


def test_forged_root_with_the_right_name_is_refused():
    root = issue("Root")
    middle = issue("Middle", root)
    assert check([issue("Leaf", middle, authority=False), middle, root]) == {"test.chain.root"}


def test_path_that_ends_before_the_root_is_refused():
    assert check([LEAF, MIDDLE]) == {"test.chain.root"}
    assert check([LEAF]) == {"test.chain.root"}


def test_root_that_the_caller_trusts_is_taken_and_said_to_be_simulated():
    root = issue("Root")
    path = [issue("Leaf", root, authority=False), root]
    assert check(path) == {"test.chain.root"}
    assert check(path, simulated={root.parsed.fingerprint}) == set()


def test_certificate_that_names_another_issuer_is_refused():
    leaf = issue("Leaf", MIDDLE, authority=False, issuer_name="Somebody")
    assert check([leaf, MIDDLE, ROOT]) == {"test.chain.names"}


def test_certificate_that_another_key_signed_is_refused():
    leaf = issue("Leaf", issue("Middle", ROOT), authority=False)
    assert check([leaf, MIDDLE, ROOT]) == {"test.chain.signature"}


def test_algorithm_that_the_vendor_does_not_use_is_refused():
    assert check([LEAF, MIDDLE, ROOT], algorithms={"rsa-pss-sha384"}) == {"test.chain.signature"}


def test_leaf_that_signs_a_certificate_is_refused():
    leaf = issue("Leaf", MIDDLE, authority=False, cert_sign=False)
    below = issue("Below", leaf, authority=False)
    assert check([below, leaf, MIDDLE, ROOT]) == {"test.chain.authority"}


def test_authority_without_the_right_to_sign_certificates_is_refused():
    middle = issue("Middle", ROOT, cert_sign=False)
    assert check([issue("Leaf", middle, authority=False), middle, ROOT]) == {"test.chain.authority"}


def test_authority_as_a_leaf_is_refused():
    assert check([issue("Leaf", MIDDLE), MIDDLE, ROOT]) == {"test.chain.authority"}


def test_path_longer_than_an_authority_allows_is_refused():
    short = issue("Short", ROOT, path_length=0)
    middle = issue("Middle", short)
    assert check([issue("Leaf", middle, authority=False), middle, short, ROOT]) == {"test.chain.authority"}
    assert check([issue("Leaf", short, authority=False), short, ROOT]) == set()


def test_critical_extension_that_nobody_judges_is_refused():
    leaf = issue("Leaf", MIDDLE, authority=False, unknown=True)
    assert check([leaf, MIDDLE, ROOT]) == {"test.chain.authority"}
    assert check([leaf, MIDDLE, ROOT], understood=frozenset({"1.2.3.4"})) == set()


@pytest.mark.parametrize("moment", [NOW - timedelta(days=11), NOW + timedelta(days=400)])
def test_certificate_outside_of_its_time_is_refused(moment: datetime):
    assert check([LEAF, MIDDLE, ROOT], now=moment) == {"test.chain.validity"}


def test_one_certificate_of_the_middle_outside_of_its_time_is_enough():
    middle = issue("Middle", ROOT, starts=NOW + timedelta(days=1))
    assert check([issue("Leaf", middle, authority=False), middle, ROOT]) == {"test.chain.validity"}


def test_revoked_certificate_is_refused_by_the_list_of_its_own_issuer_alone():
    assert check([LEAF, MIDDLE, ROOT], [MIDDLE.revocation_list(LEAF.parsed.serial)]) == {"test.crl"}
    assert check([LEAF, MIDDLE, ROOT], [ROOT.revocation_list(MIDDLE.parsed.serial)]) == {"test.crl"}
    assert check([LEAF, MIDDLE, ROOT], [ROOT.revocation_list(LEAF.parsed.serial)]) == set()


def test_forged_or_outdated_list_is_refused():
    assert check([LEAF, MIDDLE, ROOT], [MIDDLE.revocation_list(signer=ROOT)]) == {"test.crl"}
    assert check([LEAF, MIDDLE, ROOT], [MIDDLE.revocation_list(days=1)]) == set()
    assert check([LEAF, MIDDLE, ROOT], [MIDDLE.revocation_list(days=1)], now=NOW + timedelta(days=2)) == {"test.crl"}


def test_list_of_a_stranger_says_nothing():
    assert check([LEAF, MIDDLE, ROOT], [issue("Other").revocation_list(LEAF.parsed.serial)]) == set()
