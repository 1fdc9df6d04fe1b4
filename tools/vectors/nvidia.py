"""Vectors of NVIDIA devices, by a fake NVIDIA: exchanges, certificates, firmware, manifests, revocation, policies."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509.ocsp import OCSPCertStatus

from confide.evidence.bundle import EvidenceBundle, pack_evidence
from confide.evidence.nvidia import FORMAT
from confide.evidence.spdm import Exchange, Measurement
from confide.policy.model import Waiver
from confide.testing.fake_nvidia import (
    BLACKWELL_TCB_INFO,
    DRIVER,
    FWID,
    MEASUREMENTS,
    NONCE,
    TCB_INFO,
    VBIOS,
    VBIOS_INDEXES,
    FakeAuthority,
    FakeNvidia,
    composite_fwid,
    dice_fwid,
    ec_key,
    manifest_text,
    raw_signature,
    sign_manifest,
)
from confide.testing.vectors import Vector
from vectors._make import make, policy_for

DESCRIPTION = "Reports of GPUs and switches of a fake NVIDIA: one fault each, all else right down to the signatures."
NOW = datetime(2026, 6, 1, tzinfo=UTC)
DAY = timedelta(days=1)
HOPPER, BLACKWELL, SWITCH = (FakeNvidia.create(NOW, chip) for chip in ("GH100", "GB100", "LS_10"))
ROOTS = tuple(HOPPER.roots)
OTHER = bytes(47) + b"\1"
VALUES = {index: [MEASUREMENTS[index]] for index in VBIOS_INDEXES}
ONE = (Measurement(1, 1, MEASUREMENTS[0]),)
SOME = tuple(Measurement(index + 1, 1, MEASUREMENTS[index]) for index in range(36))


@cache
def leaf(chip: str = "GH100") -> FakeAuthority:
    """The certificate that signs all right reports of a chip."""
    return {"GH100": HOPPER, "GB100": BLACKWELL, "LS_10": SWITCH}[chip].leaf()


@cache
def manifests(chip: str = "GH100") -> tuple[bytes, ...]:
    """The manifests that fit all right reports of a chip."""
    return tuple({"GH100": HOPPER, "GB100": BLACKWELL, "LS_10": SWITCH}[chip].manifests())


def right(nvidia: FakeNvidia = HOPPER, *, along: tuple[bytes, ...] = (), **changes: Any) -> EvidenceBundle:
    """A healthy report of a few measurements, with fields of the exchange as given."""
    fields = {"measurements": SOME if along else ONE} | changes
    return nvidia.evidence(nvidia.exchange(**fields), leaf=leaf(nvidia.chip), manifests=along)


def certified(by: FakeAuthority, *above: FakeAuthority, **changes: Any) -> EvidenceBundle:
    """A healthy report under other certificates."""
    values: dict[str, Any] = {"leaf": by, "authorities": above or None} | changes
    return HOPPER.evidence(HOPPER.exchange(measurements=ONE), **values)


def raw(data: bytes) -> EvidenceBundle:
    """These bytes, under the right certificates."""
    return HOPPER.evidence(raw=data, leaf=leaf())


def vector(name: str, fault: str, bundle: EvidenceBundle, *codes: str, **fields: Any) -> Vector:
    """One vector without a policy."""
    values: dict[str, Any] = {"now": NOW, "data": NONCE, "roots": ROOTS} | fields
    return make(f"nvidia/{name}", fault, bundle, *codes, **values)


def vectors() -> Iterator[Vector]:
    """All of them."""
    yield from healthy()
    yield from exchanges()
    yield from certificates()
    yield from signatures()
    yield from firmware()
    yield from references()
    yield from revocation()
    yield from policies()


def healthy() -> Iterator[Vector]:
    """Right ones: the positive twins."""
    yield vector("right", "", right())
    yield vector("right-without-a-question", "", right(), data=None)
    yield vector("right-with-manifests", "", right(along=manifests()))
    yield vector("right-blackwell", "", right(BLACKWELL), roots=BLACKWELL.roots)
    yield vector("right-switch-with-manifest", "", right(SWITCH, along=manifests("LS_10")), roots=SWITCH.roots)
    yield vector("right-of-another-slot", "", right(slot=1, response_slot=1))
    header = b"NVDAOD\0\0\2\0\0\0" + b"\x14\0\x02\0\x30\0" + FWID
    yield vector("right-with-a-header", "", right(opaque=header))


def exchanges() -> Iterator[Vector]:
    """The bytes of request and response."""
    whole = HOPPER.sign(HOPPER.exchange(measurements=ONE))
    bytes_of = {
        "empty": (b"", "size"), "cut": (whole[:-1], "size"), "one-byte-more": (whole + b"\0", "trailing"),
        "too-large": (whole + bytes(8192), "size"), "spdm-1-2": (b"\x12" + whole[1:], "version"),
        "other-request": (whole[:1] + b"\xe1" + whole[2:], "request"),
        "other-response": (whole[:38] + b"\x61" + whole[39:], "response"),
    }  # fmt: skip
    for name, (data, code) in bytes_of.items():
        yield vector(name, f"the exchange is {name.replace('-', ' ')}", raw(data), f"nvidia.{code}")
    twice = (ONE[0], Measurement(1, 1, OTHER))
    yield vector("no-measurements", "the record is empty", right(measurements=()), "nvidia.measurements")
    yield vector("one-index-twice", "two blocks of one index", right(measurements=twice), "nvidia.measurements")
    opaque = {
        "opaque-cut": b"\x03\0\5\x005", "opaque-twice": b"\x03\0\1\x005" * 2, "opaque-newer": b"\x22\0\2\0\3\0",
        "opaque-unprintable": b"\x03\0\1\0\7", "opaque-of-another-profile": b"NVDAOD\1\0\1\0\0\0",
    }  # fmt: skip
    for name, data in opaque.items():
        yield vector(name, "NVIDIA's fields are malformed", right(opaque=data), "nvidia.opaque")
    asked: dict[str, dict[str, Any]] = {
        "one-measurement": {"operation": 1}, "no-signature": {"attributes": 0}, "other-slot": {"response_slot": 1},
    }  # fmt: skip
    for name, changes in asked.items():
        yield vector(f"asked-for-{name}", "the request is not a verifier's", right(**changes), "nvidia.exchange")
    yield vector("other-nonce", "another question was answered", right(nonce=bytes(32)), "nvidia.report_data")
    swapped = right(nonce=bytes(32), response_nonce=NONCE)
    yield vector("nonce-of-the-device", "the device's own nonce is ours", swapped, "nvidia.report_data")


def certificates() -> Iterator[Vector]:
    """Leaf, authorities and root."""
    above = HOPPER.devices[::-1]
    boot = HOPPER.devices[-1]
    yield vector("forged-root", "the root is nobody's", right(), "nvidia.chain.root", roots=())
    none = EvidenceBundle(FORMAT, right().evidence)
    yield vector("no-certificates", "the chain did not come along", none, "nvidia.chain.missing", verdict="unavailable")
    short = certified(leaf(), *above[:2])
    yield vector("authority-left-out", "the chain ends early", short, "nvidia.chain.missing", verdict="unavailable")
    forged = HOPPER.leaf(issuer=replace(boot, key=ec_key("stranger")))
    yield vector("forged-leaf", "the leaf is signed by a stranger", certified(forged), "nvidia.chain.signature")
    weak = HOPPER.leaf(digest=SHA256())
    yield vector("leaf-by-sha256", "signed by another algorithm", certified(weak), "nvidia.chain.signature")
    below = HOPPER.leaf(issuer=HOPPER.leaf(key=ec_key("device")), name="GH100 A01 GSP below")
    device = HOPPER.leaf(key=ec_key("device"))
    chained = certified(below, device, *above)
    yield vector("leaf-below-a-leaf", "a device certified another one", chained, "nvidia.chain.authority")
    yield vector("too-early", "before the certificates begin", right(), "nvidia.chain.validity", now=NOW - DAY)
    ended = certified(HOPPER.leaf(life=DAY))
    yield vector("too-late", "after the leaf's end", ended, "nvidia.chain.validity", now=NOW + 2 * DAY)
    for name in ("GR100", "GX1"):
        other = certified(HOPPER.leaf(name=f"{name} A01 GSP FMC LF"))
        yield vector(f"chip-{name.lower()}", "the chip is of no known product", other, "nvidia.product")
    mixed = certified(HOPPER.leaf(name="GB100 A01 GSP FMC LF"))
    yield vector("chip-under-another", "a Blackwell leaf under a Hopper", mixed, "nvidia.product")
    garbage = pack_evidence(FORMAT, right().evidence_bytes(), (*right().endorsement_bytes(), b"0\x03abc"))
    yield vector("malformed-endorsement", "one endorsement is garbage", garbage, "endorsement.malformed")
    part = EvidenceBundle(FORMAT, right().evidence, right().endorsements, {"log": "AAAA"})
    yield vector("unknown-part", "a part that nobody knows", part, "evidence.parts")


def signatures() -> Iterator[Vector]:
    """Who signed what."""
    exchange = HOPPER.exchange(measurements=ONE)
    message, key = exchange.signed_bytes(), ec_key("leaf")
    cases = {
        "signature-by-a-stranger": raw_signature(ec_key("stranger"), message),
        "signature-over-the-response-alone": raw_signature(key, message[37:]),
        "signature-of-another-report": raw_signature(key, replace(exchange, nonce=bytes(32)).signed_bytes()),
        "signature-of-zeros": bytes(96), "signature-out-of-range": b"\xff" * 96,
    }  # fmt: skip
    for name, signature in cases.items():
        yield vector(name, name.replace("-", " "), raw(message + signature), "nvidia.signature")
    curve = ec.generate_private_key(ec.SECP256R1())
    other = certified(HOPPER.leaf(key=curve), raw=message + raw_signature(curve, message))
    yield vector("key-on-p256", "a valid signature on another curve", other, "nvidia.signature")


def firmware() -> Iterator[Vector]:
    """The firmware id in report and certificate."""
    other = certified(HOPPER.leaf(fwid=OTHER))
    yield vector("fwid-of-other-firmware", "the chip certified other firmware", other, "nvidia.fwid")
    extensions = {
        "fwid-missing": {}, "fwid-twice": {TCB_INFO: composite_fwid(FWID), BLACKWELL_TCB_INFO: dice_fwid(FWID)},
        "fwid-zero": {TCB_INFO: composite_fwid(bytes(48))}, "fwid-trailing": {TCB_INFO: composite_fwid(FWID) + b"\0"},
        "fwid-second-of-a-list": {BLACKWELL_TCB_INFO: dice_fwid(OTHER, FWID)},
    }  # fmt: skip
    for name, values in extensions.items():
        bundle = certified(HOPPER.leaf(extensions=values))
        yield vector(name, "the leaf certifies no one firmware", bundle, "nvidia.fwid")
    opaque = HOPPER.opaque(fwid=None)
    yield vector("right-without-a-reported-fwid", "", right(opaque=opaque))


def signed(text: str, *chain: FakeAuthority) -> bytes:
    """A manifest, by the right signer or by others."""
    return sign_manifest(text, chain or (signer(), *HOPPER.signers[::-1]))


@cache
def signer() -> FakeAuthority:
    """The certificate that signs all other manifests."""
    return HOPPER.signer()


def text(**changes: Any) -> str:
    """A manifest of the VBIOS."""
    given: dict[str, Any] = {"version": VBIOS, "references": VALUES, "product": "GH100", "edition": "GPU"} | changes
    return manifest_text(given.pop("version"), given.pop("references"), **given)


def references() -> Iterator[Vector]:
    """Reference manifests."""
    whole = signed(text())
    cases: dict[str, tuple[str, bytes, tuple[str, ...]]] = {
        "measurement": ("a measurement has another value", signed(text(references={9: [OTHER]})), ("measurements",)),
        "measurement-missing": (
            "a measurement is not there", signed(text(references={40: [MEASUREMENTS[40]]})), ("measurements",)
        ),
        "version": ("for another VBIOS", signed(text(version="96.00.9F.00.02")), ("device", "measurements")),
        "product": ("for another chip", signed(text(product="GB100")), ("device", "measurements")),
        "changed": (
            "changed after it was signed",
            signed(text()).replace(MEASUREMENTS[9].hex().encode(), OTHER.hex().encode()), ("digest", "measurements"),
        ),
        "stranger": (
            "signed by a stranger", signed(text(), replace(signer(), key=ec_key("stranger")), *HOPPER.signers[::-1]),
            ("signature",),
        ),
        "comment": ("with a comment", whole.replace(b"</ns0:Payload>", b"<!-- --></ns0:Payload>"), ("malformed",)),
        "document-type": ("with a document type", b"<!DOCTYPE a>" + signed(text()), ("malformed",)),
        "other-resource": ("with a resource of another kind", signed(text().replace(
            'type="Measurement" index="3"', 'type="MinSvn" index="3"')), ("malformed",)),
        "other-digest": ("another way of signing", whole.replace(b"more#sha384", b"more#sha256"), ("malformed",)),
    }  # fmt: skip
    for name, (fault, manifest, codes) in cases.items():
        known = [f"rim.{code}" for code in codes if not (code == "measurements" and "device" in codes)]
        yield vector(f"manifest-{name}", f"a manifest {fault}", right(along=(manifest,)), *known)
    yield vector("manifest-twice", "one manifest twice", right(along=(manifests()[1],) * 2), "rim.conflict")
    roots = [HOPPER.roots[0]]
    yield vector("manifest-root", "its root is nobody's", right(along=manifests()), "rim.chain.root", roots=roots)
    old = right(along=(signed(text(), HOPPER.signer(life=DAY), *HOPPER.signers[::-1]),))
    yield vector("manifest-expired", "its signer is past", old, "rim.chain.validity", now=NOW + 2 * DAY)
    forged = HOPPER.signer(issuer=replace(HOPPER.signers[-1], key=ec_key("stranger")))
    bundle = right(along=(signed(text(), forged, *HOPPER.signers[::-1]),))
    yield vector("manifest-signer-forged", "its signer is certified by a stranger", bundle, "rim.chain.signature")
    middle = HOPPER.signer(name="middle", key=ec_key("middle"))
    bundle = right(along=(signed(text(), HOPPER.signer(issuer=middle), middle, *HOPPER.signers[::-1]),))
    yield vector("manifest-signer-below-a-signer", "a signer certified another", bundle, "rim.chain.authority")


def revocation() -> Iterator[Vector]:
    """Lists and answers."""
    provisioner, boot = HOPPER.devices[2:]
    serial = boot.certificate.serial_number
    lists = {
        "right-with-a-list": (provisioner.revocation_list(NOW), ""),
        "list-with-the-device": (provisioner.revocation_list(NOW, revoked=(serial,)), "nvidia.crl"),
        "list-forged": (replace(provisioner, key=ec_key("stranger")).revocation_list(NOW), "nvidia.crl"),
        "list-to-come": (provisioner.revocation_list(NOW + DAY), "nvidia.crl"),
        "right-with-an-answer": (provisioner.answer(boot, NOW), ""),
        "answer-on-hold": (provisioner.answer(boot, NOW, status=OCSPCertStatus.REVOKED), "nvidia.ocsp"),
        "answer-unknown": (provisioner.answer(boot, NOW, status=OCSPCertStatus.UNKNOWN), "nvidia.ocsp"),
        "answer-without-an-end": (provisioner.answer(boot, NOW, life=None), "nvidia.ocsp"),
        "answer-to-come": (provisioner.answer(boot, NOW + DAY), "nvidia.ocsp"),
        "answer-by-a-stranger": (provisioner.answer(boot, NOW, responder=HOPPER.signers[0]), "nvidia.ocsp"),
    }  # fmt: skip
    for name, (item, code) in lists.items():
        fault = "" if name.startswith("right") else name.replace("-", " ")
        yield vector(name, fault, certified(leaf(), lists=(item,)), *([code] if code else []))
    revoked = HOPPER.signers[-1].revocation_list(NOW, revoked=(signer().certificate.serial_number,))
    bundle = HOPPER.evidence(HOPPER.exchange(), leaf=leaf(), lists=(revoked,), manifests=(signed(text()),))
    yield vector("manifest-signer-revoked", "the signer is on the list", bundle, "rim.crl")
    answer = HOPPER.signers[-1].answer(signer(), NOW, status=OCSPCertStatus.REVOKED)
    bundle = HOPPER.evidence(HOPPER.exchange(), leaf=leaf(), lists=(answer,), manifests=(signed(text()),))
    yield vector("manifest-signer-on-hold", "the signer is on hold", bundle, "rim.ocsp")


def policies() -> Iterator[Vector]:
    """What a policy wants."""
    waived: dict[str, Any] = {"manifests": Waiver("not the matter here"), "crl": Waiver("not the matter here")}
    device = f"{HOPPER.devices[-1].certificate.serial_number:x}"
    bundle: EvidenceBundle = right()
    cases: dict[str, tuple[dict[str, Any], tuple[str, ...]]] = {
        "right": ({}, ()),
        "right-in-all": ({
            "minimum_driver": DRIVER, "minimum_vbios": VBIOS, "firmware_ids": [FWID.hex()], "modes": ["single-gpu"],
            "device_ids": [device], "denied_device_ids": ["ab"],
        }, ()),
        "manifests": ({"manifests": True}, ("nvidia.manifests",)),
        "revocation": ({"crl": True}, ("policy.crl",)),
        "driver": ({"minimum_driver": "999.0"}, ("nvidia.driver",)),
        "vbios": ({"minimum_vbios": "97.00.00.00.00"}, ("nvidia.vbios",)),
        "firmware": ({"firmware_ids": [OTHER.hex()]}, ("nvidia.firmware",)),
        "mode": ({"modes": ["protected-pcie"]}, ("nvidia.mode",)),
        "device": ({"device_ids": ["ab"]}, ("policy.chip.allowed",)),
        "denied-device": ({"denied_device_ids": [device]}, ("policy.chip.denied",)),
    }  # fmt: skip
    for name, (values, codes) in cases.items():
        text_of = policy_for(FORMAT, "Hopper", roots=ROOTS, **(waived | values))
        fault = "" if name.startswith("right") else f"the policy wants another {name.replace('-', ' ')}"
        yield vector(f"policy-{name}", fault, bundle, *codes, policy=text_of)
    silent: Exchange = HOPPER.exchange(measurements=ONE, opaque=HOPPER.opaque(feature_flag=None))
    text_of = policy_for(FORMAT, "Hopper", roots=ROOTS, **(waived | {"modes": ["single-gpu"]}))
    untold = HOPPER.evidence(silent, leaf=leaf())
    yield vector("policy-mode-untold", "the firmware does not tell its mode", untold, "nvidia.mode", policy=text_of)
