"""A forged NVIDIA for negative tests: builds or adopts a report of a GPU or switch, and re-signs it, its certificates
and its reference manifests.

What it makes is accepted only by a caller who names its roots among the simulated ones; that is the positive twin of
every refusal:

    nvidia = FakeNvidia.create(now)
    bundle = nvidia.evidence(nvidia.exchange(), manifests=nvidia.manifests())
    verify_evidence(bundle, now=now, report_data=NONCE, simulated_roots=nvidia.roots)

One field of a real report is changed with `dataclasses.replace(parse_report(data).exchange, nonce=bytes(32))`, or with
`replace(exchange, opaque=nvidia.opaque(fwid=bytes(48)))`; `evidence` signs it again.
"""

from __future__ import annotations

import hashlib
import importlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256, SHA384, HashAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from confide.evidence.bundle import EvidenceBundle, pack_evidence
from confide.evidence.der import OCTET_STRING, SEQUENCE, header
from confide.evidence.nvidia import FIELDS, FORMAT, encode_fields
from confide.evidence.spdm import Exchange, Measurement
from confide.ids import sha256_of

NONCE = bytes(range(32))
FWID = hashlib.sha384(b"firmware").digest()
MEASUREMENTS = tuple(hashlib.sha384(b"measurement %d" % index).digest() for index in range(64))
DRIVER, VBIOS = "570.124.03", "96.00.9F.00.01"
TCB_INFO, BLACKWELL_TCB_INFO = "2.23.133.5.4.1", "2.23.133.5.4.1.1"
# Which measurements the manifests name: those of the driver, and those of the VBIOS.
DRIVER_INDEXES, VBIOS_INDEXES = (7, 21, 35), (1, 9)

_BEFORE, _YEARS = timedelta(minutes=5), timedelta(days=3653)
_SHA384 = bytes.fromhex("0609608648016503040202")
_BOOT = {"GH": "GSP", "GB": "GSP", "LS": "FSP"}
PrivateKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


@cache
def ec_key(role: str) -> ec.EllipticCurvePrivateKey:
    """One P-384 key for each role and process."""
    del role
    return ec.generate_private_key(ec.SECP384R1())


@dataclass(frozen=True, slots=True)
class FakeAuthority:
    """A certificate, and its key."""

    key: PrivateKey
    certificate: x509.Certificate

    @property
    def der(self) -> bytes:
        """The certificate in DER."""
        return self.certificate.public_bytes(Encoding.DER)

    @property
    def fingerprint(self) -> str:
        """`sha256:…` of the certificate."""
        return sha256_of(self.der)

    @classmethod
    def issue(
        cls,
        name: str,
        key: PrivateKey,
        issuer: FakeAuthority | None = None,
        *,
        now: datetime,
        life: timedelta = _YEARS,
        is_authority: bool = True,
        extensions: Mapping[str, bytes] | None = None,
        digest: HashAlgorithm | None = None,
        answers: bool = False,
    ) -> FakeAuthority:
        """A certificate from five minutes before `now`, signed by `issuer` or by itself: by an EC key with SHA-384, by
        an RSA key with SHA-256, unless told otherwise. With `answers` it may sign answers by OCSP for its issuer.
        """
        subject = x509.Name([
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "NVIDIA Corporation"),
            x509.NameAttribute(NameOID.COMMON_NAME, name),
        ])  # fmt: skip
        builder = x509.CertificateBuilder().subject_name(subject).public_key(key.public_key())
        builder = builder.issuer_name(issuer.certificate.subject if issuer else subject)
        builder = builder.serial_number(x509.random_serial_number())
        builder = builder.not_valid_before(now - _BEFORE).not_valid_after(now - _BEFORE + life)
        if is_authority:
            builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        builder = builder.add_extension(_usage(certifies=is_authority), critical=True)
        if answers:
            builder = builder.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.OCSP_SIGNING]), critical=False)
        for oid, value in (extensions or {}).items():
            unknown = x509.UnrecognizedExtension(x509.ObjectIdentifier(oid), value)
            builder = builder.add_extension(unknown, critical=False)
        signer = issuer.key if issuer else key
        return cls(key, builder.sign(signer, digest or _digest_of(signer)))  # type: ignore[arg-type]  # one of three hashes

    def revocation_list(self, now: datetime, revoked: tuple[int, ...] = (), days: int = 30) -> bytes:
        """A revocation list in DER, in force for `days` days, that names the serial numbers `revoked`."""
        builder = x509.CertificateRevocationListBuilder().issuer_name(self.certificate.subject)
        builder = builder.last_update(now - _BEFORE).next_update(now - _BEFORE + timedelta(days=days))
        for serial in revoked:
            entry = x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(now - _BEFORE)
            builder = builder.add_revoked_certificate(entry.build())
        return builder.sign(self.key, SHA384()).public_bytes(Encoding.DER)

    def answer(
        self,
        about: FakeAuthority,
        now: datetime,
        *,
        status: ocsp.OCSPCertStatus = ocsp.OCSPCertStatus.GOOD,
        responder: FakeAuthority | None = None,
        life: timedelta | None = timedelta(days=1),
        digest: HashAlgorithm | None = None,
    ) -> bytes:
        """An answer by OCSP (RFC 6960) in DER on a certificate that this authority issued, from five minutes before
        `now`. `responder` signs it instead, and its certificate is in the answer.
        """
        revoked = status == ocsp.OCSPCertStatus.REVOKED
        builder = ocsp.OCSPResponseBuilder().add_response(
            cert=about.certificate,
            issuer=self.certificate,
            algorithm=digest or SHA256(),
            cert_status=status,
            this_update=now - _BEFORE,
            next_update=None if life is None else now - _BEFORE + life,
            revocation_time=now - _BEFORE if revoked else None,
            revocation_reason=x509.ReasonFlags.certificate_hold if revoked else None,
        )
        signer = responder or self
        builder = builder.responder_id(ocsp.OCSPResponderEncoding.HASH, signer.certificate)
        builder = builder.certificates([responder.certificate]) if responder else builder
        return builder.sign(signer.key, SHA384()).public_bytes(Encoding.DER)


def _digest_of(key: PrivateKey) -> HashAlgorithm:
    return SHA256() if isinstance(key, rsa.RSAPrivateKey) else SHA384()


def _usage(*, certifies: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not certifies, content_commitment=False, key_encipherment=False, data_encipherment=False,
        key_agreement=False, key_cert_sign=certifies, crl_sign=certifies, encipher_only=False, decipher_only=False,
    )  # fmt: skip


def raw_signature(key: ec.EllipticCurvePrivateKey, message: bytes) -> bytes:
    """ECDSA with SHA-384: r and s in 48 bytes each, big-endian."""
    r, s = decode_dss_signature(key.sign(message, ec.ECDSA(SHA384())))
    return r.to_bytes(48, "big") + s.to_bytes(48, "big")


def composite_fwid(fwid: bytes, key: bytes = b"") -> bytes:
    """The extension of Hopper and LS10: a CompositeDeviceID of version, key (not looked at) and FWID."""
    content = b"\x02\x01\x01" + header(SEQUENCE, len(key)) + key + _fwid(fwid)
    return header(SEQUENCE, len(content)) + content


def dice_fwid(*fwids: bytes) -> bytes:
    """The extension of Blackwell: a DiceTcbInfo with a vendor and a list of FWIDs."""
    listed = b"".join(map(_fwid, fwids))
    content = b"\x80\x06NVIDIA" + header(0xA6, len(listed)) + listed
    return header(SEQUENCE, len(content)) + content


def _fwid(fwid: bytes) -> bytes:
    content = _SHA384 + header(OCTET_STRING, len(fwid)) + fwid
    return header(SEQUENCE, len(content)) + content


def _chain(names: Sequence[str], now: datetime) -> tuple[FakeAuthority, ...]:
    """Authorities of these names, the root first, each certified by the one before."""
    chain: list[FakeAuthority] = []
    for name in names:
        chain.append(FakeAuthority.issue(name, ec_key(name), chain[-1] if chain else None, now=now))
    return tuple(chain)


@dataclass(frozen=True, slots=True)
class FakeNvidia:
    """NVIDIA's certificates for one chip, by the same names, under other keys: those of the device and those of its
    manifests, each beginning with the root.
    """

    chip: str
    now: datetime
    devices: tuple[FakeAuthority, ...]
    signers: tuple[FakeAuthority, ...]

    @classmethod
    def create(cls, now: datetime, chip: str = "GH100") -> FakeNvidia:
        """Certificates valid for ten years from five minutes before `now`. `chip` is GH100, GB100, LS_10 and so on."""
        product = chip.replace("_", "")
        boot = f"{chip} A01 {_BOOT[chip[:2]]} BROM"
        devices = ("NVIDIA Device Identity CA", f"NVIDIA {chip} Identity", f"NVIDIA {chip} Provisioner ICA 1", boot)
        manifests = ("NVIDIA CoRIM signing Root CA", f"NVIDIA Reference Value {product} CA")
        return cls(chip, now, _chain(devices, now), _chain(manifests, now))

    @property
    def roots(self) -> list[str]:
        """The fingerprints of the forged roots: that of devices and that of manifests."""
        return [self.devices[0].fingerprint, self.signers[0].fingerprint]

    def leaf(self, *, fwid: bytes = FWID, **changes: Any) -> FakeAuthority:
        """The certificate whose key signs reports; `changes` are arguments of `FakeAuthority.issue`, with `name`, `key`
        and `issuer`.
        """
        blackwell = self.chip.startswith("GB")
        extension = {BLACKWELL_TCB_INFO: dice_fwid(fwid)} if blackwell else {TCB_INFO: composite_fwid(fwid)}
        values: dict[str, Any] = {"now": self.now, "is_authority": False, "extensions": extension} | changes
        name = values.pop("name", self.devices[-1].certificate.subject.rfc4514_string()[3:].partition(",")[0])
        key, issuer = values.pop("key", ec_key("leaf")), values.pop("issuer", self.devices[-1])
        return FakeAuthority.issue(name.replace("BROM", "FMC LF"), key, issuer, **values)

    def opaque(self, **fields: bytes | None) -> bytes:
        """Opaque data of a healthy device; `fields` (names of `confide.evidence.nvidia.FIELDS`) replaces values, or
        with None removes them.
        """
        gpu = {
            "driver_version": DRIVER.encode() + b"\0", "nvdec0_status": b"\xaa", "project": b"1010\0",
            "project_sku": b"0200\0", "chip_sku": b"882\0", "fwid": FWID, "opaque_version": b"\1\0",
            "feature_flag": b"\0\0", "protected_pcie": b"\x55", "vbios_version": bytes.fromhex("009f009601000000"),
        }  # fmt: skip
        switch = {"vbios_version": VBIOS.encode(), "switch_pdi": bytes(8)}
        values: dict[str, bytes | None] = {**(switch if self.chip.startswith("LS") else gpu), **fields}
        return encode_fields({FIELDS[name]: value for name, value in values.items() if value is not None})

    def exchange(self, **changes: Any) -> Exchange:
        """A healthy exchange over NONCE with 64 measurements, not yet signed, with the fields in `changes` as given."""
        blocks = tuple(Measurement(index + 1, 1, value) for index, value in enumerate(MEASUREMENTS))
        values: dict[str, Any] = {"nonce": NONCE, "measurements": blocks, "opaque": self.opaque()}
        return Exchange(**(values | changes))

    def sign(self, exchange: Exchange) -> bytes:
        """The bytes of the exchange, signed by the leaf's key."""
        return replace(exchange, signature=raw_signature(ec_key("leaf"), exchange.signed_bytes())).encode()

    def evidence(
        self,
        exchange: Exchange | None = None,
        *,
        raw: bytes | None = None,
        leaf: FakeAuthority | None = None,
        authorities: Sequence[FakeAuthority] | None = None,
        lists: Sequence[bytes] = (),
        manifests: Sequence[bytes] = (),
    ) -> EvidenceBundle:
        """The exchange, signed, with its certificates; any part can be replaced, the signed bytes (`raw`) too."""
        above = self.devices[::-1] if authorities is None else authorities
        certificates = [one.der for one in (leaf or self.leaf(), *above)]
        report = self.sign(exchange or self.exchange()) if raw is None else raw
        return pack_evidence(FORMAT, report, (*certificates, *lists, *manifests))

    # Reference manifests

    def signer(self, **changes: Any) -> FakeAuthority:
        """The certificate whose key signs manifests; `changes` as for `leaf`."""
        values: dict[str, Any] = {"now": self.now, "is_authority": False} | changes
        name, key = values.pop("name", "HCC RIM L4 Signer"), values.pop("key", ec_key("signer"))
        return FakeAuthority.issue(name, key, values.pop("issuer", self.signers[-1]), **values)

    def manifests(self) -> list[bytes]:
        """The manifests that fit `exchange`: of driver and VBIOS, of a switch the latter alone."""
        vbios = self.manifest(VBIOS, {index: [MEASUREMENTS[index]] for index in VBIOS_INDEXES})
        if self.chip.startswith("LS"):
            return [vbios]
        return [self.manifest(DRIVER, {index: [MEASUREMENTS[index]] for index in DRIVER_INDEXES}), vbios]

    def manifest(
        self,
        version: str,
        references: Mapping[int, Sequence[bytes]],
        *,
        product: str | None = None,
        edition: str | None = None,
        signer: FakeAuthority | None = None,
        authorities: Sequence[FakeAuthority] | None = None,
    ) -> bytes:
        """A signed manifest (SWID tag) for a version, with the values that each active measurement may have. Signed by
        SignXML, which is not what verifies it; needs the extra `nvidia`.
        """
        chip = self.chip.replace("_", "")
        text = manifest_text(
            version,
            references,
            product=product or chip,
            edition=edition or ("SWITCH" if chip.startswith("LS") else "GPU"),
        )
        chain = [signer or self.signer(), *(self.signers[::-1] if authorities is None else authorities)]
        return sign_manifest(text, chain)


def manifest_text(version: str, references: Mapping[int, Sequence[bytes]], *, product: str, edition: str) -> str:
    """A manifest that is not yet signed, as NVIDIA writes it; measurements 0 to 63 without values are not active."""
    resources = [_resource(index, references.get(index, ())) for index in range(64)]
    return (
        '<SoftwareIdentity xmlns="http://standards.iso.org/iso/19770/-2/2015/schema.xsd" '
        'xmlns:ns0="http://standards.iso.org/iso/19770/-2/2015/schema.xsd" '
        f'xmlns:ns2="http://www.w3.org/2001/04/xmlenc#sha384" name="{product}" tagId="{"0" * 96}" version="1.0">\n'
        f'    <ns0:Meta colloquialVersion="{version}" edition="{edition}" product="{product}"/>\n'
        f"    <ns0:Payload>\n{''.join(resources)}    </ns0:Payload>\n</SoftwareIdentity>"
    )


def _resource(index: int, values: Sequence[bytes]) -> str:
    shown = [one.hex() for one in values] or ["0" * 96]
    hashes = " ".join(f'ns2:Hash{number}="{text}"' for number, text in enumerate(shown))
    return (
        f'        <ns0:Resource type="Measurement" index="{index}" active="{bool(values)}" '
        f'alternatives="{len(shown)}" {hashes} name="Measurement_{index}" size="48"/>\n'
    )


def sign_manifest(text: str, chain: Sequence[FakeAuthority]) -> bytes:
    """The text with an enveloped signature by the first of the chain, whose certificates are in it."""
    etree: Any = importlib.import_module("lxml.etree")  # the extra `nvidia`
    signxml: Any = importlib.import_module("signxml")
    signer = signxml.XMLSigner(
        method=signxml.methods.enveloped,
        signature_algorithm="ecdsa-sha384",
        digest_algorithm="sha384",
        c14n_algorithm="http://www.w3.org/2006/12/xml-c14n11",
    )
    certificates = [one.certificate for one in chain]
    data: bytes = etree.tostring(signer.sign(etree.fromstring(text), key=chain[0].key, cert=certificates))
    return data
