"""TPM 2.0 quotes: row 19 of the attestation checklist, and those for all formats. Each refusal has its positive twin:
the healthy quote is accepted by the same call, and each case differs from it in one fact, with everything else signed
again.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from confide.errors import Refused, Unavailable
from confide.evidence import EvidenceBundle
from confide.evidence.cel import parse_cel
from confide.evidence.tcg_log import replay
from confide.evidence.tpm import RSAPSS, digest_of_pcrs, parse_quote
from confide.evidence.tpm_delivery import encode_pcrs
from confide.evidence.tpm_wire import sized
from confide.testing.fake_boot import FakeBoot, container_log, file, variable
from confide.testing.fake_tpm import EK_USAGE, ROOT_NAME, FakeTpm, issue
from confide.verify import VerifiedEvidence, verify_evidence

NOW = datetime(2026, 6, 1, tzinfo=UTC)
NONCE = bytes(range(32))


@pytest.fixture(scope="module")
def tpm() -> FakeTpm:
    return FakeTpm.create(NOW)


def verify(
    tpm: FakeTpm, bundle: EvidenceBundle, *, nonce: bytes | None = None, now: datetime = NOW
) -> VerifiedEvidence:
    return verify_evidence(bundle, now=now, report_data=nonce, simulated_roots=[tpm.root_fingerprint])


def codes_of(tpm: FakeTpm, bundle: EvidenceBundle, *, nonce: bytes | None = None, now: datetime = NOW) -> set[str]:
    with pytest.raises(Refused) as caught:
        verify(tpm, bundle, nonce=nonce, now=now)
    return set(caught.value.codes)


def outcome(verified: VerifiedEvidence, code: str) -> str:
    return next(check.outcome for check in verified.checks if check.code == code)


def finding(tpm: FakeTpm, bundle: EvidenceBundle, code: str, nonce: bytes | None = None) -> tuple[str, str]:
    with pytest.raises(Refused) as caught:
        verify(tpm, bundle, nonce=nonce)
    return next((one.got, one.wanted) for one in caught.value.findings if one.code == code)


# The positive twins


@pytest.mark.parametrize("kind", ["rsa", "p256", "p384"])
@pytest.mark.parametrize("bank", ["sha256", "sha384"])
def test_healthy_quote_is_accepted(kind: str, bank: str):
    tpm = FakeTpm.create(NOW, kind, bank=bank)
    verified = verify(tpm, tpm.evidence(report_data=NONCE), nonce=NONCE)
    assert verified.simulated
    assert verified.root == tpm.root_fingerprint
    assert {check.outcome for check in verified.checks} == {"passed", "not applicable"}
    assert outcome(verified, "tpm.log.replay") == "passed"
    assert verified.claims["product"] == "gce"
    assert verified.claims["bank"] == bank


@pytest.mark.parametrize("hash_name", ["sha256", "sha384", "sha512"])
def test_healthy_quote_by_pss_with_the_longest_salt_is_accepted(hash_name: str):
    tpm = FakeTpm.create(NOW, scheme=RSAPSS, hash_name=hash_name)
    assert verify(tpm, tpm.evidence())


def test_claims_say_what_was_booted(tpm: FakeTpm):
    claims = verify(tpm, tpm.evidence()).claims
    boot = claims["boot"]
    assert isinstance(boot, dict)
    assert boot["secure_boot"] is True
    assert boot["firmware_version"] == "GCE Virtual Firmware v2"
    assert boot["technology"] == "AMD SEV-SNP"
    assert boot["command_lines"] == ["/vmlinuz root=/dev/vda1 ro quiet"]
    assert boot["databases"]["dbx"] == {"certificates": [], "hashes": 2, "others": 0}
    assert claims["firmware_version"] == "2016051100162800"
    assert claims["reset_count"] == 10
    assert claims["safe"] is True
    assert claims["instance"]["instance_id"] == "6797026933021542085"


# 1. Size, magic, type, form


@pytest.mark.parametrize("raw", [b"", bytes(1025), bytes(70000)])
def test_quote_of_a_size_that_cannot_be_is_refused(tpm: FakeTpm, raw: bytes):
    assert codes_of(tpm, tpm.evidence(raw=raw)) == {"tpm.size"}


def test_row_19_structure_that_no_tpm_made_is_refused(tpm: FakeTpm):
    raw = tpm.quote().encode()
    assert codes_of(tpm, tpm.evidence(raw=b"\xff\x54\x43\x48" + raw[4:])) == {"tpm.quote.magic"}


@pytest.mark.parametrize("kind", [0x8017, 0x8014, 0x801A, 0x0000])
def test_row_19_other_attestation_than_a_quote_is_refused(tpm: FakeTpm, kind: int):
    raw = tpm.quote().encode()
    assert codes_of(tpm, tpm.evidence(raw=raw[:4] + kind.to_bytes(2, "big") + raw[6:])) == {"tpm.quote.type"}


def test_bytes_behind_the_quote_are_refused_although_they_are_signed(tpm: FakeTpm):
    assert codes_of(tpm, tpm.evidence(raw=tpm.quote().encode() + b"\0")) == {"tpm.quote.malformed"}


def test_every_truncation_of_a_quote_is_refused_although_it_is_signed(tpm: FakeTpm):
    raw = tpm.quote(extra_data=NONCE).encode()
    found = {frozenset(codes_of(tpm, tpm.evidence(raw=raw[:size]))) for size in range(len(raw))}
    assert found == {frozenset({"tpm.size"}), frozenset({"tpm.quote.malformed"})}


# 2. The attestation key


def test_quote_without_a_key_is_not_told(tpm: FakeTpm):
    with pytest.raises(Unavailable) as caught:
        verify(tpm, tpm.evidence(ak=None, endorsements=[tpm.intermediate.der, tpm.root.der]))
    assert caught.value.codes == ("tpm.ak.missing",)


@pytest.mark.parametrize("shape", ["area", "sized", "spki", "certificate", "endorsement"])
def test_key_is_taken_in_every_shape(tpm: FakeTpm, shape: str):
    area, leaf = tpm.public_area(), tpm.leaf().der
    ak = {"area": area, "sized": sized(area), "spki": tpm.spki, "certificate": leaf, "endorsement": None}[shape]
    rest = [tpm.intermediate.der, tpm.root.der]
    verified = verify(tpm, tpm.evidence(ak=ak, endorsements=rest if shape == "certificate" else [leaf, *rest]))
    assert verified.claims["key"] == tpm.key_fingerprint
    assert verified.claims["restricted_key"] is (True if shape in {"area", "sized"} else None)


@pytest.mark.parametrize("ak", [b"", b"\0", b"\x30\0", b"\0\x01" + bytes(90), bytes(9000), b"\x30" * 300])
def test_key_that_does_not_parse_is_refused(tpm: FakeTpm, ak: bytes):
    assert codes_of(tpm, tpm.evidence(ak=ak)) == {"tpm.ak.malformed"}


def test_key_beyond_the_largest_is_refused_unread(tpm: FakeTpm):
    with pytest.raises(Refused) as caught:
        verify(tpm, tpm.evidence(ak=b"\x30" * 8193))
    assert caught.value.findings[0].got == "8193 bytes"
    assert finding(tpm, tpm.evidence(ak=b"\x30" * 8192), "tpm.ak.malformed")[0] != "8192 bytes"


def test_key_in_der_with_a_byte_more_is_refused(tpm: FakeTpm):
    assert codes_of(tpm, tpm.evidence(ak=tpm.spki + b"\0")) == {"tpm.ak.malformed"}


def test_revocation_list_as_a_key_is_refused(tpm: FakeTpm):
    assert codes_of(tpm, tpm.evidence(ak=tpm.root.revoke([], NOW))) == {"tpm.ak.malformed"}


# 3. Who vouches for the key


def test_forged_root_with_googles_names_is_refused_by_default(tpm: FakeTpm):
    assert tpm.root.certificate.subject.rfc4514_string().startswith(f"CN={ROOT_NAME},OU=Google Cloud,O=Google LLC")
    with pytest.raises(Refused) as caught:
        verify_evidence(tpm.evidence(), now=NOW, report_data=None)
    assert caught.value.codes == ("tpm.chain.root",)


@pytest.mark.parametrize("kept", [0, 1, 2])
def test_path_that_does_not_reach_a_root_is_not_told(tpm: FakeTpm, kept: int):
    chain = [tpm.leaf().der, tpm.intermediate.der, tpm.root.der]
    with pytest.raises(Unavailable) as caught:
        verify(tpm, tpm.evidence(endorsements=chain[:kept]))
    assert caught.value.codes == ("tpm.chain.missing",)


def test_certificate_of_another_key_does_not_count(tpm: FakeTpm):
    other = replace(tpm, key=rsa.generate_private_key(65537, 2048))
    with pytest.raises(Unavailable) as caught:
        verify(tpm, tpm.evidence(endorsements=[other.leaf().der, tpm.intermediate.der, tpm.root.der]))
    assert caught.value.codes == ("tpm.chain.missing",)


def test_key_that_the_caller_trusts_needs_no_certificate(tpm: FakeTpm):
    bundle = tpm.evidence(endorsements=[])
    verified = verify_evidence(bundle, now=NOW, report_data=None, trusted_keys=[tpm.key_fingerprint])
    assert not verified.simulated
    assert verified.root == tpm.key_fingerprint
    assert outcome(verified, "tpm.chain.root") == "not applicable"
    assert verified.claims["product"] == "tpm"


def test_another_key_than_the_trusted_one_is_refused(tpm: FakeTpm):
    stranger = replace(tpm, key=rsa.generate_private_key(65537, 2048))
    with pytest.raises(Unavailable) as caught:
        verify_evidence(
            stranger.evidence(endorsements=[]), now=NOW, report_data=None, trusted_keys=[tpm.key_fingerprint]
        )
    assert caught.value.codes == ("tpm.chain.missing",)


def test_renewed_certificate_is_found_beside_one_that_leads_nowhere(tpm: FakeTpm):
    lost = issue("Another CA", rsa.generate_private_key(65537, 2048), NOW)
    chain = [tpm.leaf(issuer=lost).der, tpm.leaf().der, tpm.intermediate.der, tpm.root.der]
    assert verify(tpm, tpm.evidence(endorsements=chain)).root == tpm.root_fingerprint


def test_certificate_signed_by_another_intermediate_is_refused(tpm: FakeTpm):
    stranger = issue("EK/AK CA Intermediate", rsa.generate_private_key(65537, 2048), NOW, tpm.root)
    chain = [tpm.leaf(issuer=stranger).der, tpm.intermediate.der, tpm.root.der]
    assert codes_of(tpm, tpm.evidence(endorsements=chain)) == {"tpm.chain.signature"}


def test_leaf_that_is_an_authority_is_refused(tpm: FakeTpm):
    chain = [tpm.leaf(authority=True).der, tpm.intermediate.der, tpm.root.der]
    assert codes_of(tpm, tpm.evidence(endorsements=chain)) == {"tpm.chain.authority", "tpm.chain.usage"}


def test_intermediate_that_is_no_authority_is_refused(tpm: FakeTpm):
    weak = issue("EK/AK CA Intermediate", tpm.intermediate.key, NOW, tpm.root, authority=False)
    assert codes_of(tpm, tpm.evidence(endorsements=[tpm.leaf().der, weak.der, tpm.root.der])) == {"tpm.chain.authority"}


@pytest.mark.parametrize("changes", [{"usage": "1.3.6.1.5.5.7.3.1"}, {"usage": None}, {"signs": False}])
def test_certificate_for_another_use_is_refused(tpm: FakeTpm, changes: dict[str, object]):
    chain = [tpm.leaf(**changes).der, tpm.intermediate.der, tpm.root.der]
    assert codes_of(tpm, tpm.evidence(endorsements=chain)) == {"tpm.chain.usage"}


def test_certificate_with_googles_older_usage_is_accepted(tpm: FakeTpm):
    assert verify(tpm, tpm.evidence(endorsements=[tpm.leaf(usage=EK_USAGE).der, tpm.intermediate.der, tpm.root.der]))


@pytest.mark.parametrize("moment", [NOW - timedelta(minutes=6), NOW + timedelta(days=3654)])
def test_certificates_outside_of_their_time_are_refused(tpm: FakeTpm, moment: datetime):
    assert codes_of(tpm, tpm.evidence(), now=moment) == {"tpm.chain.validity"}


def test_revoked_certificate_is_refused_and_a_clean_list_accepted(tpm: FakeTpm):
    leaf = tpm.leaf()
    chain = [leaf.der, tpm.intermediate.der, tpm.root.der]
    clean, full = (tpm.intermediate.revoke(numbers, NOW) for numbers in ([], [leaf.certificate.serial_number]))
    assert outcome(verify(tpm, tpm.evidence(endorsements=[*chain, clean])), "tpm.crl") == "passed"
    assert codes_of(tpm, tpm.evidence(endorsements=[*chain, full])) == {"tpm.crl"}
    old = tpm.intermediate.revoke([], NOW - timedelta(days=9), timedelta(days=8))
    assert codes_of(tpm, tpm.evidence(endorsements=[*chain, old])) == {"tpm.crl"}


# 4. and 10. For everyone without a policy


@pytest.mark.parametrize(
    "attributes",
    [
        0x00050072 & ~(1 << 16), 0x00050072 & ~(1 << 1), 0x00050072 & ~(1 << 18), 0x00050072 & ~(1 << 5),
        0x00050072 | 1 << 17,
    ],
    ids=["not restricted", "may leave", "does not sign", "made elsewhere", "decrypts too"],
)  # fmt: skip
def test_key_that_is_no_attestation_key_is_refused(tpm: FakeTpm, attributes: int):
    assert codes_of(tpm, tpm.evidence(ak=tpm.public_area(attributes=attributes))) == {"tpm.ak.attributes"}


def test_bank_by_sha1_alone_is_refused():
    tpm = FakeTpm.create(NOW, bank="sha1")
    assert codes_of(tpm, tpm.evidence()) == {"tpm.bank"}


def test_log_by_sha1_alone_beside_a_better_bank_is_refused(tpm: FakeTpm):
    """The quote covers both banks, but the log has only the weak one: what it says is worth what SHA-1 is worth."""
    weak = FakeBoot(tpm.boot.events, ("sha1",))
    quote = tpm.quote(selection=(("sha1", (0, 7)), ("sha256", (0, 7))))
    assert codes_of(tpm, tpm.evidence(quote, event_log=weak.encode())) == {"tpm.bank"}


# 5. Signature


def test_quote_without_a_signature_is_refused(tpm: FakeTpm):
    assert codes_of(tpm, tpm.evidence(signature=None)) == {"tpm.signature.missing"}


@pytest.mark.parametrize("field", ["firmware_version", "extra_data", "qualified_signer"])
def test_changed_field_under_the_old_signature_is_refused(tpm: FakeTpm, field: str):
    old = tpm.evidence()
    values = {"firmware_version": 1, "extra_data": b"1", "qualified_signer": b""}
    changed = replace(parse_quote(old.evidence_bytes()), **{field: values[field]})
    assert codes_of(tpm, tpm.evidence(changed, signature=old.part("signature"))) == {"tpm.signature"}


def test_signature_by_another_key_is_refused(tpm: FakeTpm):
    stranger = replace(tpm, key=rsa.generate_private_key(65537, 2048))
    assert codes_of(tpm, tpm.evidence(signature=stranger.sign(tpm.quote().encode()))) == {"tpm.signature"}


def test_signature_by_pss_of_another_key_is_refused():
    tpm = FakeTpm.create(NOW, scheme=RSAPSS)
    stranger = replace(tpm, key=rsa.generate_private_key(65537, 2048))
    assert codes_of(tpm, tpm.evidence(signature=stranger.sign(tpm.quote().encode()))) == {"tpm.signature"}


def test_signature_of_another_kind_of_key_is_refused(tpm: FakeTpm):
    other = FakeTpm.create(NOW, "p256")
    assert codes_of(tpm, tpm.evidence(signature=other.sign(tpm.quote().encode()))) == {"tpm.signature"}


def test_key_of_1024_bits_is_refused():
    tpm = FakeTpm.create(NOW, key=rsa.generate_private_key(65537, 1024))
    assert "tpm.signature" in codes_of(tpm, tpm.evidence())
    pss = replace(tpm, scheme=RSAPSS)
    assert "tpm.signature" in codes_of(pss, pss.evidence())


def test_signature_by_sha1_is_refused():
    tpm = FakeTpm.create(NOW, hash_name="sha1")
    assert codes_of(tpm, tpm.evidence()) == {"tpm.signature.algorithm"}


@pytest.mark.parametrize("scheme", [0x0010, 0x001A, 0x001B, 0x001C, 0x0005])
def test_signature_by_an_unknown_scheme_is_refused(tpm: FakeTpm, scheme: int):
    signature = scheme.to_bytes(2, "big") + tpm.sign(tpm.quote().encode())[2:]
    assert codes_of(tpm, tpm.evidence(signature=signature)) == {"tpm.signature.algorithm"}


@pytest.mark.parametrize("cut", [0, 1, 3, 4, 5, 100, 261])
def test_cut_signature_is_refused(tpm: FakeTpm, cut: int):
    signature = tpm.sign(tpm.quote().encode())
    assert codes_of(tpm, tpm.evidence(signature=signature[:cut])) == {"tpm.signature.malformed"}


def test_bytes_behind_the_signature_are_refused(tpm: FakeTpm):
    signature = tpm.sign(tpm.quote().encode())
    assert codes_of(tpm, tpm.evidence(signature=signature + b"\0")) == {"tpm.signature.malformed"}


@pytest.mark.parametrize("numbers", [(0, 0), (0, 1), (1, 0), (1, 1)])
def test_signature_of_trivial_numbers_is_refused(numbers: tuple[int, int]):
    tpm = FakeTpm.create(NOW, "p256")
    raw = b"\0\x18\0\x0b" + b"".join(sized(number.to_bytes(32, "big")) for number in numbers)
    assert codes_of(tpm, tpm.evidence(signature=raw)) == {"tpm.signature"}


# 6. Report data


def test_row_19_quote_for_another_nonce_is_refused(tpm: FakeTpm):
    bundle = tpm.evidence(report_data=NONCE)
    assert verify(tpm, bundle, nonce=NONCE)
    other = bytes(32)
    assert finding(tpm, bundle, "tpm.report_data", other) == (NONCE.hex(), other.hex())


@pytest.mark.parametrize("nonce", [b"", NONCE[:-1], NONCE + b"\0", NONCE.ljust(64, b"\0")])
def test_nonce_is_compared_with_its_length(tpm: FakeTpm, nonce: bytes):
    assert codes_of(tpm, tpm.evidence(report_data=NONCE), nonce=nonce) == {"tpm.report_data"}


def test_without_a_question_freshness_is_not_claimed(tpm: FakeTpm):
    assert outcome(verify(tpm, tpm.evidence()), "tpm.report_data") == "not applicable"


# 7. and 8. PCRs


@pytest.mark.parametrize("selection", [(), (("sha256", ()),), (("sha1", ()), ("sha256", ()))])
def test_row_19_empty_selection_is_refused(tpm: FakeTpm, selection: tuple[tuple[str, tuple[int, ...]], ...]):
    quote = tpm.quote(selection=selection)
    assert codes_of(tpm, tpm.evidence(quote, event_log=None)) == {"tpm.selection", "tpm.bank"}


def test_bank_selected_twice_is_refused(tpm: FakeTpm):
    quote = tpm.quote(selection=(("sha256", (0,)), ("sha256", (1,))))
    assert codes_of(tpm, tpm.evidence(quote, event_log=None)) == {"tpm.quote.malformed"}


def test_row_19_values_other_than_the_quoted_ones_are_refused(tpm: FakeTpm):
    values = tpm.boot.values("sha256")
    changed = encode_pcrs({"sha256": {index: values[index] for index in range(24)} | {14: b"\1" * 32}})
    bundle = tpm.evidence(pcrs=changed)
    assert codes_of(tpm, bundle) == {"tpm.pcrs.digest"}
    assert finding(tpm, bundle, "tpm.pcrs.digest")[1] == tpm.quote().pcr_digest.hex()


def test_selected_pcr_without_a_value_is_refused(tpm: FakeTpm):
    values = {index: value for index, value in tpm.boot.values("sha256").items() if index != 14}
    assert codes_of(tpm, tpm.evidence(pcrs=encode_pcrs({"sha256": values}))) == {"tpm.pcrs.digest"}


def test_values_of_another_bank_are_refused(tpm: FakeTpm):
    assert codes_of(tpm, tpm.evidence(pcrs=encode_pcrs({"sha384": tpm.boot.values("sha384")}), event_log=None)) == {
        "tpm.pcrs.digest"
    }


def test_values_that_the_quote_does_not_cover_are_not_claimed(tpm: FakeTpm):
    values = encode_pcrs({bank: tpm.boot.values(bank) for bank in ("sha1", "sha256")})
    claims = verify(tpm, tpm.evidence(pcrs=values)).claims
    assert list(claims["pcrs"]) == ["sha256"]
    assert "10" not in claims["pcrs"]["sha256"]


def test_quote_over_two_banks_hashes_them_in_its_own_order(tpm: FakeTpm):
    selection = (("sha384", (7, 0)), ("sha256", (4, 1, 9)))
    assert verify(tpm, tpm.evidence(tpm.quote(selection=selection)))
    swapped = replace(tpm.quote(selection=selection), selection=selection[::-1])
    assert codes_of(tpm, tpm.evidence(swapped)) == {"tpm.pcrs.digest"}


@pytest.mark.parametrize(
    "pcrs",
    [
        b"", b"[]", b'{"md5": {}}', b'{"sha256": []}', b'{"sha256": {"32": ""}}', b'{"sha256": {"0": "00"}}',
        b'{"sha256": {"0": 1}}', b'{"sha256": {"0": "xx"}}', b'{"sha256": {}, "sha256": {}}', b" " * 40000,
        b'{"sha256": {"-1": ""}}', b'{"sha256": {"00": ""}}', b"[" * 9000,
    ],
)  # fmt: skip
def test_values_that_do_not_parse_are_refused(tpm: FakeTpm, pcrs: bytes):
    assert codes_of(tpm, tpm.evidence(pcrs=pcrs)) == {"tpm.pcrs.malformed"}


def test_quote_without_values_is_genuine_and_says_so(tpm: FakeTpm):
    verified = verify(tpm, tpm.evidence(pcrs=None, event_log=None))
    assert outcome(verified, "tpm.pcrs.digest") == "not applicable"
    assert verified.claims["pcrs"] == {}
    assert verified.claims["pcr_digest"] == tpm.quote().pcr_digest.hex()


def test_log_without_values_to_compare_with_is_refused(tpm: FakeTpm):
    assert codes_of(tpm, tpm.evidence(pcrs=None)) == {"log.algorithm"}


# 9. Event logs


def test_row_19_log_that_does_not_replay_is_refused(tpm: FakeTpm):
    bundle = tpm.evidence(event_log=tpm.boot.replace("/vmlinuz\0", file("/vmlinuz", b"another")).encode())
    assert codes_of(tpm, bundle) == {"tpm.log.replay"}
    assert "PCR 9 (sha256)" in finding(tpm, bundle, "tpm.log.replay")[0]


def test_log_without_its_last_event_is_refused(tpm: FakeTpm):
    cut = FakeBoot(tpm.boot.events[:-2], tpm.boot.algorithms)
    assert codes_of(tpm, tpm.evidence(event_log=cut.encode())) == {"tpm.log.replay"}


def test_missing_log_is_said(tpm: FakeTpm):
    verified = verify(tpm, tpm.evidence(event_log=None))
    assert outcome(verified, "tpm.log.replay") == "not applicable"
    assert verified.claims["boot"] is None


def test_log_of_pcrs_outside_of_the_quote_proves_nothing(tpm: FakeTpm):
    assert codes_of(tpm, tpm.evidence(tpm.quote(selection=(("sha256", (14, 15)),)))) == {"tpm.log.replay"}


def test_events_of_pcrs_outside_of_the_quote_are_not_claimed(tpm: FakeTpm):
    boot = verify(tpm, tpm.evidence(tpm.quote(selection=(("sha256", (0, 4)),)))).claims["boot"]
    assert boot["registers"] == [0, 4]
    assert boot["secure_boot"] is None
    assert boot["command_lines"] is None
    assert boot["applications"] is None


def test_log_without_the_quoted_bank_is_refused(tpm: FakeTpm):
    weak = FakeBoot(tpm.boot.events, ("sha384",))
    assert codes_of(tpm, tpm.evidence(event_log=weak.encode())) == {"log.algorithm"}


@pytest.mark.parametrize("locality", [3, 4])
def test_startup_locality_is_where_pcr_0_begins(locality: int):
    tpm = FakeTpm.create(NOW, boot=replace(FakeBoot.healthy(), locality=locality))
    assert verify(tpm, tpm.evidence())
    silent = replace(tpm.boot, locality=0)
    assert codes_of(tpm, tpm.evidence(event_log=silent.encode())) == {"tpm.log.replay"}


def test_canonical_log_of_containers_replays_behind_the_firmwares_log():
    image = f"sha256:{'ab' * 32}"
    boot = FakeBoot.healthy()
    log = container_log(image)
    values = boot.values("sha256") | replay(parse_cel(log), "sha256")
    tpm = FakeTpm.create(NOW)
    quote = replace(tpm.quote(), pcr_digest=digest_of_pcrs(tpm.selection, {"sha256": values}, "sha256"))
    bundle = tpm.evidence(quote, pcrs=encode_pcrs({"sha256": values}), canonical_event_log=log)
    boot_claims = verify(tpm, bundle).claims["boot"]
    assert f"image_digest={image}" in boot_claims["workload"]
    assert codes_of(tpm, tpm.evidence(canonical_event_log=log)) == {"tpm.log.replay"}


def test_database_that_does_not_parse_is_said():
    tpm = FakeTpm.create(NOW, boot=FakeBoot.healthy().replace("KEK", variable("KEK", b"junk")))
    databases = verify(tpm, tpm.evidence()).claims["boot"]["databases"]
    assert databases["KEK"] == "malformed: a list that ends inside its header"
    assert "db" in databases


# All formats


def test_unknown_part_is_refused(tpm: FakeTpm):
    assert codes_of(tpm, tpm.evidence(ima_log=b"1")) == {"evidence.parts"}


def test_endorsement_that_is_no_certificate_is_refused(tpm: FakeTpm):
    chain = [tpm.leaf().der, tpm.intermediate.der, tpm.root.der, b"\x30\0"]
    assert codes_of(tpm, tpm.evidence(endorsements=chain)) == {"endorsement.malformed"}


def test_all_findings_come_at_once(tpm: FakeTpm):
    boot = FakeBoot(tpm.boot.events[:-2], tpm.boot.algorithms)
    bundle = tpm.evidence(report_data=NONCE, event_log=boot.encode(), ak=tpm.public_area(attributes=1 << 18))
    assert codes_of(tpm, bundle, nonce=b"other", now=NOW + timedelta(days=9999)) == {
        "tpm.report_data", "tpm.log.replay", "tpm.chain.validity", "tpm.ak.attributes",
    }  # fmt: skip
