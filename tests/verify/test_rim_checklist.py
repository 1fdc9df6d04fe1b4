"""Row 21 of the attestation checklist, for reference manifests. Each case differs from an accepted twin in one fact."""

from __future__ import annotations

import base64
import hashlib
import importlib
import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from confide.errors import Misuse, Refused
from confide.evidence import EvidenceBundle
from confide.evidence.rim import parse_rim
from confide.testing.fake_nvidia import (
    DRIVER,
    DRIVER_INDEXES,
    MEASUREMENTS,
    VBIOS,
    VBIOS_INDEXES,
    FakeAuthority,
    FakeNvidia,
    ec_key,
    manifest_text,
    sign_manifest,
)
from confide.testing.fake_service import rsa_key
from confide.verify import VerifiedEvidence, verify_evidence
from confide.verify.rim import CODES

NOW = datetime(2026, 6, 1, tzinfo=UTC)
HOPPER, SWITCH = FakeNvidia.create(NOW), FakeNvidia.create(NOW, "LS_10")
DRIVER_VALUES = {index: [MEASUREMENTS[index]] for index in DRIVER_INDEXES}
VBIOS_VALUES = {index: [MEASUREMENTS[index]] for index in VBIOS_INDEXES}
OTHER = bytes(48)


def verify(bundle: EvidenceBundle, now: datetime = NOW, **how: object) -> VerifiedEvidence:
    given = {"report_data": None, "simulated_roots": [*HOPPER.roots, *SWITCH.roots]} | how
    return verify_evidence(bundle, now=now, **given)


def codes_of(*manifests: bytes, now: datetime = NOW, **how: object) -> set[str]:
    with pytest.raises(Refused) as caught:
        verify(HOPPER.evidence(manifests=manifests), now, **how)
    return set(caught.value.codes)


def reason(verified: VerifiedEvidence, code: str) -> str:
    return next(check.reason for check in verified.checks if check.code == code)


def text(values: dict[int, list[bytes]] = VBIOS_VALUES, **changes: str) -> str:
    given = {"version": VBIOS, "product": "GH100", "edition": "GPU"} | changes
    return manifest_text(given.pop("version"), values, **given)


def signed(content: str) -> bytes:
    return sign_manifest(content, [HOPPER.signer(), *HOPPER.signers[::-1]])


VBIOS_MANIFEST = HOPPER.manifest(VBIOS, VBIOS_VALUES)


# The positive twins


def test_healthy_manifests_are_accepted():
    verified = verify(HOPPER.evidence(manifests=HOPPER.manifests()))
    assert verified.claims["manifests"] == ["driver", "vbios"]
    assert reason(verified, "rim.measurements") == "5 measurements compared"


def test_healthy_manifest_of_a_switch_is_accepted():
    assert verify(SWITCH.evidence(manifests=SWITCH.manifests())).claims["manifests"] == ["vbios"]


def test_row_24_without_manifests_the_checks_say_that_nothing_was_compared():
    assert "compared with nothing" in reason(verify(HOPPER.evidence()), "rim.measurements")


def test_any_of_several_values_is_accepted():
    values = VBIOS_VALUES | {1: [OTHER, MEASUREMENTS[2], MEASUREMENTS[1]]}
    verify(HOPPER.evidence(manifests=[HOPPER.manifest(VBIOS, values)]))


# Measurements


def test_row_21_other_measurement_is_refused():
    assert codes_of(HOPPER.manifest(VBIOS, VBIOS_VALUES | {9: [OTHER, MEASUREMENTS[8]]})) == {"rim.measurements"}


def test_row_21_missing_measurement_is_refused():
    exchange = HOPPER.exchange(measurements=HOPPER.exchange().measurements[:5])
    with pytest.raises(Refused) as caught:
        verify(HOPPER.evidence(exchange, manifests=[VBIOS_MANIFEST]))
    assert caught.value.codes == ("rim.measurements",)
    assert "measurement 9 is missing" in caught.value.findings[0].got


@pytest.mark.parametrize(("status", "accepted"), [(b"\x55", True), (b"\xaa", False), (b"\0", False), (None, False)])
def test_row_21_video_decoder_is_left_out_only_where_it_is_disabled(status: bytes | None, accepted: bool):
    exchange = HOPPER.exchange(opaque=HOPPER.opaque(nvdec0_status=status))
    bundle = HOPPER.evidence(exchange, manifests=[HOPPER.manifest(DRIVER, DRIVER_VALUES | {35: [OTHER]})])
    if accepted:
        verify(bundle)
        return
    with pytest.raises(Refused) as caught:
        verify(bundle)
    assert caught.value.codes == ("rim.measurements",)


def test_row_21_two_manifests_for_one_measurement_are_refused():
    assert codes_of(*HOPPER.manifests(), VBIOS_MANIFEST) == {"rim.conflict"}
    assert codes_of(*[VBIOS_MANIFEST] * 8) == {"rim.conflict"}


# Device


@pytest.mark.parametrize(
    "changes", [{"version": "96.00.9F.00.02"}, {"product": "GB100"}, {"product": "LS10"}, {"edition": "SWITCH"}]
)
def test_row_21_manifest_of_another_device_is_refused(changes: dict[str, str]):
    assert "rim.device" in codes_of(signed(text(**changes)))


def test_row_21_manifest_of_another_device_is_refused_beside_the_right_ones():
    assert codes_of(*HOPPER.manifests(), signed(text({2: [OTHER]}, version="96.00.9F.00.02"))) == {"rim.device"}


def test_version_is_compared_without_regard_to_case():
    verify(HOPPER.evidence(manifests=[signed(text(version=VBIOS.lower()))]))


# Signature and content


def test_row_21_changed_manifest_is_refused():
    old, new = MEASUREMENTS[9].hex().encode(), OTHER.hex().encode()
    assert codes_of(VBIOS_MANIFEST.replace(old, new)) == {"rim.digest", "rim.measurements"}


def test_row_21_manifest_signed_by_another_key_is_refused():
    stranger = replace(HOPPER.signer(), key=ec_key("stranger"))
    forged = sign_manifest(text(), [stranger, *HOPPER.signers[::-1]])
    assert codes_of(forged) == {"rim.signature"}


def test_row_21_signer_on_another_curve_is_refused():
    signer = HOPPER.signer(key=ec.generate_private_key(ec.SECP256R1()))
    assert codes_of(sign_manifest(text(), [signer, *HOPPER.signers[::-1]])) == {"rim.signature"}


def test_row_21_signer_with_a_key_of_another_kind_is_refused():
    signer = replace(HOPPER.signer(key=rsa_key("signer")), key=ec_key("signer"))
    assert codes_of(sign_manifest(text(), [signer, *HOPPER.signers[::-1]])) == {"rim.signature"}


# Chain


def test_row_21_manifest_under_a_forged_root_is_refused_by_default():
    assert codes_of(VBIOS_MANIFEST, simulated_roots=[HOPPER.roots[0]]) == {"rim.chain.root"}


def test_root_of_devices_does_not_vouch_for_manifests():
    """The two roots are apart: NVIDIA's device root signs no manifests."""
    chain = [HOPPER.signer(issuer=HOPPER.devices[-1]), *HOPPER.devices[::-1]]
    assert codes_of(sign_manifest(text(), chain), simulated_roots=[HOPPER.roots[1]]) >= {"rim.chain.root"}


def test_row_21_incomplete_chain_of_a_manifest_is_refused():
    assert codes_of(HOPPER.manifest(VBIOS, VBIOS_VALUES, authorities=())) == {"rim.chain.root"}


def test_row_21_expired_manifest_is_refused():
    short = sign_manifest(text(), [HOPPER.signer(life=timedelta(days=1)), *HOPPER.signers[::-1]])
    verify(HOPPER.evidence(manifests=[short]))
    assert codes_of(short, now=NOW + timedelta(days=2)) == {"rim.chain.validity"}


def test_row_21_signer_certified_by_another_key_is_refused():
    signer = HOPPER.signer(issuer=replace(HOPPER.signers[-1], key=ec_key("stranger")))
    assert codes_of(sign_manifest(text(), [signer, *HOPPER.signers[::-1]])) == {"rim.chain.signature"}


def test_row_21_signer_of_another_manifest_is_no_authority():
    middle = HOPPER.signer(name="middle", key=ec_key("middle"))
    chain = [HOPPER.signer(issuer=middle), middle, *HOPPER.signers[::-1]]
    assert codes_of(sign_manifest(text(), chain)) == {"rim.chain.authority"}


def test_row_21_revoked_signer_is_refused():
    signer = HOPPER.signer()
    manifest = sign_manifest(text(), [signer, *HOPPER.signers[::-1]])
    revoked = HOPPER.signers[-1].revocation_list(NOW, revoked=(signer.certificate.serial_number,))
    with pytest.raises(Refused) as caught:
        verify(HOPPER.evidence(lists=[revoked], manifests=[manifest]))
    assert caught.value.codes == ("rim.crl",)
    verify(HOPPER.evidence(lists=[HOPPER.signers[-1].revocation_list(NOW)], manifests=[manifest]))


# Form


def edited(old: str, new: str) -> bytes:
    return VBIOS_MANIFEST.decode().replace(old, new, 1).encode()


FORMS = {
    "document type": b'<!DOCTYPE a [<!ENTITY b "c">]>' + VBIOS_MANIFEST,
    "entity bomb": b'<!DOCTYPE a [<!ENTITY b "' + b"c" * 50 + b'">]><SoftwareIdentity>&b;</SoftwareIdentity>',
    "comment": edited("</ns0:Payload>", "<!-- --></ns0:Payload>"),
    "instruction": edited("</ns0:Payload>", "<?a b?></ns0:Payload>"),
    "character reference": edited("GPU", "&#71;PU"),
    "broken XML": VBIOS_MANIFEST[:-1],
    "another document": b"<a/>",
    "two signatures": VBIOS_MANIFEST.replace(
        b"</SoftwareIdentity>",
        VBIOS_MANIFEST[VBIOS_MANIFEST.index(b"<ds:Signature ") : VBIOS_MANIFEST.index(b"</SoftwareIdentity>")]
        + b"</SoftwareIdentity>",
    ),
    "no signature": text().encode(),
    "two references": edited("</ds:Reference>", '</ds:Reference><ds:Reference URI=""></ds:Reference>'),
    "reference to a part": edited('URI=""', 'URI="#a"'),
    "another digest": edited("xmldsig-more#sha384", "xmlenc#sha256"),
    "another algorithm": edited("ecdsa-sha384", "hmac-sha384"),
    "another transform": edited("enveloped-signature", "base64"),
    "another canonical form": edited("2006/12/xml-c14n11", "2001/10/xml-exc-c14n#"),
    "broken base64": edited("<ds:SignatureValue>", "<ds:SignatureValue>="),
    "no certificates": VBIOS_MANIFEST[: VBIOS_MANIFEST.index(b"<ds:X509Certificate>")]
    + VBIOS_MANIFEST[VBIOS_MANIFEST.rindex(b"</ds:X509Certificate>") + 21 :],
    "no version": signed(text().replace("colloquialVersion", "version")),
    "no resource": signed(text().replace("ns0:Resource", "ns0:Other")),
    "another resource": signed(text().replace('type="Measurement" index="3"', 'type="MinSvn" index="3"')),
    "an index twice": signed(text().replace('index="3"', 'index="2"')),
    "neither active nor not": signed(text().replace('active="False"', 'active="Maybe"', 1)),
    "nothing active": signed(text({})),
    "fewer alternatives than announced": signed(text().replace('alternatives="1"', 'alternatives="2"')),
    "more alternatives than announced": signed(text(VBIOS_VALUES | {9: [OTHER] * 2}).replace('"2" ns2', '"1" ns2')),
    "too many alternatives": signed(text(VBIOS_VALUES | {9: [OTHER] * 65})),
    "another size": signed(text().replace('size="48"', 'size="32"')),
    "no number": signed(text().replace('index="3"', 'index="x"')),
    "no hexadecimal": signed(text().replace(MEASUREMENTS[9].hex(), "zz" * 48)),
    "an attribute of xml": signed(text().replace("<ns0:Payload>", '<ns0:Payload xml:base="a">')),
    "too large": VBIOS_MANIFEST + b" " * (1 << 17),
    "too many resources": signed(text().replace("    </ns0:Payload>", "<ns0:Resource/>" * 200 + "</ns0:Payload>")),
    "nine of them": b"",
}


@pytest.mark.parametrize("form", FORMS)
def test_row_25_manifest_in_another_form_is_refused(form: str):
    manifests = [VBIOS_MANIFEST] * 9 if form == "nine of them" else [FORMS[form]]
    assert codes_of(*manifests) == {"rim.malformed"}


@pytest.mark.parametrize("after", ["</ns0:Payload>", 'version="1.0">'])
def test_signature_may_stand_anywhere_below_the_root(after: str):
    """Canonical XML keeps the white space on both sides of it."""
    place = ' <ds:Signature xmlns:ds="http://www.w3.org/2000/09/xmldsig#" Id="placeholder"/>\n'
    chain = [HOPPER.signer(), *HOPPER.signers[::-1]]
    manifest = sign_manifest(text().replace(after, after + place), chain)
    assert b"</ds:Signature>\n" in manifest
    verify(HOPPER.evidence(manifests=[manifest]))


def test_xml_declaration_is_accepted():
    verify(HOPPER.evidence(manifests=[b'<?xml version="1.0" encoding="UTF-8"?>' + VBIOS_MANIFEST]))


@pytest.mark.parametrize("manifest", [b"<a/>", signed(text(product="GB100"))])
def test_row_24_every_check_of_a_refused_manifest_has_a_result(manifest: bytes):
    with pytest.raises(Refused) as caught:
        verify(HOPPER.evidence(manifests=[manifest]))
    assert {check.code for check in caught.value.checks} >= CODES
    assert {c.outcome for c in caught.value.checks if c.code == "rim.measurements"} == {"failed"}


def test_certificate_that_does_not_parse_is_refused():
    der = HOPPER.signers[0].der
    lines = base64.b64encode(der).decode()
    text_of = VBIOS_MANIFEST.decode()
    start = text_of.rindex("<ds:X509Certificate>") + 20
    end = text_of.rindex("</ds:X509Certificate>")
    assert "".join(text_of[start:end].split()) == lines
    assert codes_of((text_of[:start] + "AAAA" + text_of[end:]).encode()) == {"rim.malformed"}
    crl = base64.b64encode(HOPPER.signers[0].revocation_list(NOW)).decode()
    assert codes_of((text_of[:start] + crl + text_of[end:]).encode()) == {"rim.malformed"}


def is_damaged(manifest: bytes) -> bool:
    """Whether the manifest alone shows the damage, without its certificates."""
    try:
        rim = parse_rim(manifest)
    except Refused:
        return True
    return hashlib.sha384(rim.content).digest() != rim.digest


def test_no_single_bit_flip_of_a_manifest_is_accepted():
    """5,000 of them, seeded; those that form and digest do not show are verified as a whole."""
    for bit in random.Random(35).sample(range(len(VBIOS_MANIFEST) * 8), 5000):
        changed = bytearray(VBIOS_MANIFEST)
        changed[bit // 8] ^= 1 << bit % 8
        assert is_damaged(bytes(changed)) or codes_of(bytes(changed))


def test_no_truncation_of_a_manifest_is_accepted():
    for size in range(1, len(VBIOS_MANIFEST), 97):
        assert codes_of(VBIOS_MANIFEST[:size]) == {"rim.malformed"}


def test_missing_library_is_said(monkeypatch: pytest.MonkeyPatch):
    def missing(name: str) -> object:
        raise ImportError(name)

    monkeypatch.setattr(importlib, "import_module", missing)
    parse_rim.cache_clear()
    with pytest.raises(Misuse) as caught:
        parse_rim(VBIOS_MANIFEST)
    assert caught.value.codes == ("rim.library",)


def test_stranger_with_a_root_of_his_own_is_refused():
    root = FakeAuthority.issue("NVIDIA CoRIM signing Root CA", ec_key("root of a stranger"), now=NOW)
    assert codes_of(sign_manifest(text(), [HOPPER.signer(issuer=root), root])) == {"rim.chain.root"}
