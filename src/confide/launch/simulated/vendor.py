"""A SIMULATED vendor: AMD's chain of certificates and its report signatures, under a root of one's own.

It protects nothing: whoever has its folder can sign any report. It exists so that the same verifier and the same
policies run where there is no hardware. A policy of kind simulation must name its root's fingerprint, and a
production policy cannot. Every subject name says SIMULATED; otherwise the certificates are as AMD 57230 (VCEK
certificate and key distribution, section 3.1) describes them.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.padding import MGF1, PSS
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA384
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import NameOID, ObjectIdentifier

from confide.errors import Misuse
from confide.evidence.bundle import EvidenceBundle, pack_evidence
from confide.evidence.der import IA5_STRING, header, small_integer
from confide.evidence.snp import FORMAT, SIGNED_SIZE, SnpReport, Tcb, write_tcb
from confide.ids import sha256_of

PRODUCT = "Genoa"
CPUID = (0x19, 0x11, 0x01)
TCB = Tcb(bootloader=10, tee=0, snp=27, microcode=84)
FIRMWARE = (1, 55, 49)
ORGANIZATION = "SIMULATED"

_YEARS = timedelta(days=3653)
_BEFORE = timedelta(minutes=5)
_PSS = PSS(MGF1(SHA384()), 48)
_OID = "1.3.6.1.4.1.3704.1."


def subject(common_name: str, organization: str = ORGANIZATION) -> x509.Name:
    """The name of a certificate's holder."""
    return x509.Name([
        x509.NameAttribute(NameOID.ORGANIZATION_NAME, organization),
        x509.NameAttribute(NameOID.COMMON_NAME, common_name),
    ])  # fmt: skip


@dataclass(frozen=True, slots=True)
class Authority:
    """A certificate authority: its key and its certificate."""

    key: rsa.RSAPrivateKey
    certificate: x509.Certificate

    @classmethod
    def issue(
        cls, name: x509.Name, key: rsa.RSAPrivateKey, now: datetime, issuer: Authority | None = None
    ) -> Authority:
        """An authority certified by `issuer`, or by itself (ARK)."""
        builder = _builder(name, issuer.certificate.subject if issuer else name, key.public_key(), now, _YEARS)
        builder = builder.add_extension(
            x509.BasicConstraints(ca=True, path_length=0 if issuer else None), critical=True
        )
        return cls(
            key, sign_certificate(builder.add_extension(_CA_USAGE, critical=True), issuer.key if issuer else key)
        )

    @property
    def der(self) -> bytes:
        """The certificate in DER."""
        return self.certificate.public_bytes(Encoding.DER)

    def revocation_list(self, now: datetime, days: int = 365, revoked: tuple[int, ...] = ()) -> bytes:
        """A revocation list in DER, in force for `days` days, that names the serial numbers `revoked`."""
        builder = x509.CertificateRevocationListBuilder().issuer_name(self.certificate.subject)
        builder = builder.last_update(now - _BEFORE).next_update(now - _BEFORE + timedelta(days=days))
        for serial in revoked:
            entry = x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(now - _BEFORE)
            builder = builder.add_revoked_certificate(entry.build())
        return builder.sign(self.key, SHA384(), rsa_padding=_PSS).public_bytes(Encoding.DER)


_CA_USAGE = x509.KeyUsage(
    digital_signature=False, content_commitment=False, key_encipherment=False, data_encipherment=False,
    key_agreement=False, key_cert_sign=True, crl_sign=True, encipher_only=False, decipher_only=False,
)  # fmt: skip


def _builder(
    name: x509.Name,
    issuer: x509.Name,
    key: rsa.RSAPublicKey | ec.EllipticCurvePublicKey,
    now: datetime,
    lifetime: timedelta,
) -> x509.CertificateBuilder:
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(issuer).public_key(key)
    builder = builder.not_valid_before(now - _BEFORE).not_valid_after(now - _BEFORE + lifetime)
    return builder.serial_number(x509.random_serial_number())


def sign_certificate(builder: x509.CertificateBuilder, key: rsa.RSAPrivateKey) -> x509.Certificate:
    """Signs as AMD does: RSASSA-PSS, SHA-384, salt of 48 bytes."""
    return builder.sign(key, SHA384(), rsa_padding=_PSS)


def leaf_extensions(*, product_name: str, tcb: Tcb, hwid: bytes | None, csp_id: str | None = None) -> dict[str, bytes]:
    """The extensions of a VCEK or VLEK certificate: OID to DER value (AMD 57230, table 8)."""
    spl = dict(zip((1, 2, 3, 8), (tcb.bootloader, tcb.tee, tcb.snp, tcb.microcode), strict=True))
    spl |= {5: 0, 6: 0, 7: 0} | ({4: 0} if tcb.fmc is None else {9: tcb.fmc})
    values = {f"{_OID}1": small_integer(0), f"{_OID}2": _text(product_name)}
    values |= {f"{_OID}3.{part}": small_integer(level) for part, level in spl.items()}
    values |= {f"{_OID}4": hwid} if hwid is not None else {}
    return values | ({f"{_OID}5": _text(csp_id)} if csp_id else {})


def _text(value: str) -> bytes:
    return header(IA5_STRING, len(value)) + value.encode("ascii")


def issue_leaf(
    name: x509.Name,
    key: rsa.RSAPublicKey | ec.EllipticCurvePublicKey,
    extensions: Mapping[str, bytes],
    *,
    issuer: Authority,
    now: datetime,
    lifetime: timedelta = _YEARS,
) -> bytes:
    """The certificate in DER of a key that signs reports."""
    builder = _builder(name, issuer.certificate.subject, key, now, lifetime)
    for oid, value in extensions.items():
        extension = x509.UnrecognizedExtension(ObjectIdentifier(oid), value)
        builder = builder.add_extension(extension, critical=False)
    return sign_certificate(builder, issuer.key).public_bytes(Encoding.DER)


def sign(report: SnpReport, key: ec.EllipticCurvePrivateKey) -> SnpReport:
    """The report with a signature over its first 672 bytes (ABI, section 10.4)."""
    r, s = decode_dss_signature(key.sign(report.encode()[:SIGNED_SIZE], ec.ECDSA(SHA384())))
    return replace(report, r=r.to_bytes(72, "little"), s=s.to_bytes(72, "little"))


@dataclass(frozen=True, slots=True)
class SimulatedVendor:
    """The keys and certificates of a SIMULATED vendor and of its one machine."""

    ark: Authority
    ask: Authority
    vcek_key: ec.EllipticCurvePrivateKey
    vcek: bytes
    crl: bytes
    chip_id: bytes

    @classmethod
    def create(cls, now: datetime) -> SimulatedVendor:
        """Fresh keys and certificates, valid for ten years from five minutes before `now`. Takes a second or two."""
        ark = Authority.issue(subject(f"ARK-{PRODUCT}"), rsa.generate_private_key(65537, 4096), now)
        ask = Authority.issue(subject(f"SEV-{PRODUCT}"), rsa.generate_private_key(65537, 4096), now, ark)
        key, chip_id = ec.generate_private_key(ec.SECP384R1()), os.urandom(64)
        extensions = leaf_extensions(product_name=PRODUCT, tcb=TCB, hwid=chip_id)
        vcek = issue_leaf(subject("SEV-VCEK"), key.public_key(), extensions, issuer=ask, now=now)
        return cls(ark, ask, key, vcek, ark.revocation_list(now, days=_YEARS.days), chip_id)

    @property
    def root_fingerprint(self) -> str:
        """`sha256:…` of the root certificate: what a policy of kind simulation names."""
        return sha256_of(self.ark.der)

    def endorsements(self) -> tuple[bytes, ...]:
        """VCEK, ASK, ARK and the revocation list, in DER."""
        return self.vcek, self.ask.der, self.ark.der, self.crl

    def report(self, *, measurement: bytes, report_data: bytes, host_data: bytes = bytes(32)) -> SnpReport:
        """A healthy report of this machine, not yet signed: measurement 48, report data 64, host data 32 bytes."""
        tcb = write_tcb(TCB)
        return SnpReport(
            version=3, policy=1 << 17, cpuid=CPUID, chip_id=self.chip_id, platform_info=1 << 5,
            current_tcb=tcb, reported_tcb=tcb, committed_tcb=tcb, launch_tcb=tcb, current=FIRMWARE,
            committed=FIRMWARE, measurement=measurement, report_data=report_data, host_data=host_data,
        )  # fmt: skip

    def sign_report(self, report: SnpReport) -> bytes:
        """The 1184 bytes of the report, signed by the VCEK."""
        return sign(report, self.vcek_key).encode()

    def evidence(self, report: SnpReport) -> EvidenceBundle:
        """The signed report with its endorsements."""
        return pack_evidence(FORMAT, self.sign_report(report), self.endorsements())

    def save(self, folder: Path) -> None:
        """Writes keys (mode 0600, in the clear: they protect nothing) and certificates. Raises FileExistsError
        where the folder already has some.
        """
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        files = {"ark.der": self.ark.der, "ask.der": self.ask.der, "vcek.der": self.vcek, "crl.der": self.crl}
        keys: dict[str, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey]
        keys = {"ark.key": self.ark.key, "ask.key": self.ask.key, "vcek.key": self.vcek_key}
        for name, key in keys.items():
            files[name] = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        for name, content in files.items():
            descriptor = os.open(folder / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)

    @classmethod
    def load(cls, folder: Path) -> SimulatedVendor:
        """What `save` wrote. Raises OSError where a file is missing, Misuse where one is broken."""
        files = {name: (folder / name).read_bytes() for name in _FILES}
        try:
            return cls._from(files)
        except (ValueError, TypeError, x509.ExtensionNotFound):
            raise _broken(folder) from None

    @classmethod
    def _from(cls, files: Mapping[str, bytes]) -> SimulatedVendor:
        ark, ask = (_load_authority(files[f"{name}.key"], files[f"{name}.der"]) for name in ("ark", "ask"))
        vcek = x509.load_der_x509_certificate(files["vcek.der"])
        hwid = vcek.extensions.get_extension_for_oid(ObjectIdentifier(f"{_OID}4")).value
        key = load_pem_private_key(files["vcek.key"], None)
        if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(hwid, x509.UnrecognizedExtension):
            raise TypeError
        return cls(ark, ask, key, files["vcek.der"], files["crl.der"], hwid.value)


_FILES = ("ark.der", "ask.der", "vcek.der", "crl.der", "ark.key", "ask.key", "vcek.key")


def _load_authority(key_pem: bytes, der: bytes) -> Authority:
    # Proving that a 4096-bit key is sound takes 0.3 s; this one was made by `create` and protects nothing anyway.
    key = load_pem_private_key(key_pem, None, unsafe_skip_rsa_key_validation=True)
    if not isinstance(key, rsa.RSAPrivateKey):
        raise TypeError
    return Authority(key, x509.load_der_x509_certificate(der))


def _broken(folder: Path) -> Misuse:
    return Misuse.because(
        "simulated.folder",
        got=f"{folder} with a file that does not parse",
        wanted="a folder that `confide simulated-tee new` wrote",
        remedy="Make a new one with `confide simulated-tee new`.",
    )
