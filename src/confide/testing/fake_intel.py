"""A forged Intel for negative tests: builds or adopts a TDX or SGX quote, and re-signs the whole chain and collateral.

A verifier is tested by evidence in which one fact is wrong and everything else is right, down to the signatures. This
makes it: keys of its own, Intel's exact names, any report, any extension of the platform's certificate, any collateral.
What it makes is accepted only by a caller who names its root among the simulated ones; that is the positive twin of
every refusal:

    intel = FakeIntel.create(now)
    machine = intel.domain(td_attributes=1 << 28 | 1)          # debug mode on
    bundle = intel.evidence(machine)
    verify_evidence(bundle, now=now, report_data=None, simulated_roots=[intel.root_fingerprint])

`Machine` holds everything that is signed as plain values; change it with its methods or `dataclasses.replace`. `adopt`
takes these values from a real quote and its real collateral. `sign_quote` gives a quote whose fields can be changed
once more, so that its signatures are wrong.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import NameOID, ObjectIdentifier

from confide.clock import to_rfc3339
from confide.evidence import sgx, tdx
from confide.evidence.bundle import EvidenceBundle, pack_evidence
from confide.evidence.intel_collateral import read_collateral
from confide.evidence.intel_pck import OID, PckExtension, parse_pck_extension
from confide.evidence.intel_quote import ENCLAVE, SGX, TD_1_0, TD_1_5, TDX, Quote
from confide.ids import sha256_of
from confide.verify.intel_chain import AUTHORITIES, PCK, ROOT, SIGNER, read_chain

INTEL = "Intel Corporation"
PLATFORM_CA, PROCESSOR_CA = AUTHORITIES

# Who signs Intel's quoting enclaves of TDX and of SGX (MRSIGNER).
QE_SIGNERS = {
    "TDX": "DC9E2A7C6F948F17474E34A7FC43ED030F7C1563F1BABDDF6340C82E0E54A8C5",
    "SGX": "8C4F5775D796503E96137F77C68A829A0056AC8DED70140B081B094490C57BFF",
}

_YEARS = timedelta(days=3653)
_MONTH = timedelta(days=30)
_BEFORE = timedelta(minutes=5)
_MODULE = {"mrsigner": "00" * 48, "attributes": "00" * 8, "attributesMask": "FF" * 8}
_USAGE = {
    "digital_signature": False, "content_commitment": False, "key_encipherment": False, "data_encipherment": False,
    "key_agreement": False, "key_cert_sign": False, "crl_sign": False, "encipher_only": False, "decipher_only": False,
}  # fmt: skip


@cache
def key_of(role: str) -> ec.EllipticCurvePrivateKey:
    """One key for each role and process."""
    del role
    return ec.generate_private_key(ec.SECP256R1())


def raw_point(key: ec.EllipticCurvePrivateKey) -> bytes:
    """The public key as the 64 bytes of a quote."""
    return key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)[1:]


def raw_signature(key: ec.EllipticCurvePrivateKey, message: bytes) -> bytes:
    """The signature as the 64 bytes of a quote."""
    r, s = decode_dss_signature(key.sign(message, ec.ECDSA(SHA256())))
    return r.to_bytes(32, "big") + s.to_bytes(32, "big")


@dataclass(frozen=True, slots=True)
class Holder:
    """A certificate (DER) and the key that it is for."""

    der: bytes
    key: ec.EllipticCurvePrivateKey

    @property
    def certificate(self) -> x509.Certificate:
        """The certificate, parsed."""
        return x509.load_der_x509_certificate(self.der)


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """What is signed about one quote, as plain values. `header` replaces fields of the quote before it is signed;
    `tcb_info` and `identity` are the documents as Intel's JSON has them; the quoting enclave's report data are filled
    in when they are all zero.
    """

    report: tdx.TdReport | sgx.EnclaveReport
    pck: PckExtension
    qe: sgx.EnclaveReport
    tcb_info: dict[str, Any] = field(hash=False)
    identity: dict[str, Any] = field(hash=False)
    header: Mapping[str, Any] = field(default_factory=dict, hash=False)

    @property
    def tee(self) -> str:
        """The format of the evidence: `tdx` or `sgx`."""
        return tdx.FORMAT if isinstance(self.report, tdx.TdReport) else sgx.FORMAT

    def with_report(self, **changes: Any) -> Machine:
        """The machine with other fields of the domain's or enclave's report."""
        return replace(self, report=replace(self.report, **changes))

    def with_pck(self, **changes: Any) -> Machine:
        """The machine on another platform."""
        return replace(self, pck=replace(self.pck, **changes))

    def with_qe(self, **changes: Any) -> Machine:
        """The machine with another quoting enclave."""
        return replace(self, qe=replace(self.qe, **changes))

    def with_info(self, change: Callable[[dict[str, Any]], object]) -> Machine:
        """The machine with its TCB info changed in place by the function."""
        info = deepcopy(self.tcb_info)
        change(info)
        return replace(self, tcb_info=info)

    def with_identity(self, change: Callable[[dict[str, Any]], object]) -> Machine:
        """The machine with the quoting enclave's identity changed in place by the function."""
        identity = deepcopy(self.identity)
        change(identity)
        return replace(self, identity=identity)


@dataclass(frozen=True, slots=True)
class FakeIntel:
    """Intel's certificates by the same names, under other keys."""

    now: datetime
    root: Holder
    platform_ca: Holder
    processor_ca: Holder
    signer: Holder

    @classmethod
    def create(cls, now: datetime, organization: str = INTEL) -> FakeIntel:
        """Certificates valid for ten years from five minutes before `now`."""
        root = issue(ROOT, "root", now, organization=organization, path_length=1)
        platform = issue(PLATFORM_CA, "platform", now, root, organization=organization, path_length=0)
        processor = issue(PROCESSOR_CA, "processor", now, root, organization=organization, path_length=0)
        return cls(now, root, platform, processor, issue(SIGNER, "signer", now, root, organization=organization))

    @property
    def root_fingerprint(self) -> str:
        """`sha256:…` of the forged root."""
        return sha256_of(self.root.der)

    def domain(self, *, version: int = 4, **changes: object) -> Machine:
        """A healthy domain on a platform that is up to date; a body of TDX 1.5 where `mr_service_td` is given."""
        fields: dict[str, Any] = {"tee_tcb_svn": bytes((6, 1, 3)) + bytes(13), "xfam": 0x602E7, **changes}
        if fields.get("mr_service_td") is not None:
            fields.setdefault("tee_tcb_svn_2", fields["tee_tcb_svn"])
        return self._machine("TDX", tdx.TdReport(**fields), version)

    def enclave(self, *, version: int = 3, **changes: object) -> Machine:
        """A healthy enclave on a platform that is up to date."""
        fields: dict[str, Any] = {"mr_enclave": b"\x11" * 32, "mr_signer": b"\x22" * 32, **changes}
        return self._machine("SGX", sgx.EnclaveReport(**fields), version)

    def _machine(self, tee: str, report: tdx.TdReport | sgx.EnclaveReport, version: int) -> Machine:
        components = (3, 3, 2, 2, 4, 1, 0, 5, *bytes(8))
        pck = PckExtension(
            ppid=bytes(range(16)), components=components, pce_svn=13, cpu_svn=bytes(components), pce_id=bytes(2),
            fmspc=bytes.fromhex("b0c06f000000"), sgx_type=1, platform_instance_id=bytes(range(16, 32)),
            configuration=(("dynamic_platform", True), ("cached_keys", True), ("smt_enabled", False)),
        )  # fmt: skip
        identity = self.identity(tee)
        signer = bytes.fromhex(identity["mrsigner"])
        qe = sgx.EnclaveReport(flags=0x15, xfrm=0xE7, mr_signer=signer, isv_prod_id=identity["isvprodid"], isv_svn=8)
        return Machine(
            report=report, pck=pck, qe=qe, tcb_info=self.tcb_info(tee), identity=identity, header={"version": version}
        )

    def tcb_info(self, tee: str) -> dict[str, Any]:
        """TCB info with two levels, `UpToDate` and `OutOfDate`; for TDX with a module of version 1."""
        current, old = self._level(tee, 3, "UpToDate"), self._level(tee, 2, "OutOfDate", ["INTEL-SA-00837"])
        info: dict[str, Any] = {
            "id": tee, "version": 3, **self._dates(), "fmspc": "B0C06F000000", "pceId": "0000", "tcbType": 0,
            "tcbEvaluationDataNumber": 18, "tcbLevels": [current, old],
        }  # fmt: skip
        if tee == "TDX":
            levels = [
                {"tcb": {"isvsvn": 5}, "tcbDate": "2024-03-13T00:00:00Z", "tcbStatus": "UpToDate"},
                {"tcb": {"isvsvn": 3}, "tcbDate": "2023-08-09T00:00:00Z", "tcbStatus": "OutOfDate",
                 "advisoryIDs": ["INTEL-SA-01099"]},
            ]  # fmt: skip
            info |= {"tdxModule": _MODULE, "tdxModuleIdentities": [{"id": "TDX_01", **_MODULE, "tcbLevels": levels}]}
        return info

    @staticmethod
    def _level(tee: str, svn: int, status: str, advisories: Sequence[str] = ()) -> dict[str, Any]:
        components = [{"svn": one} for one in (svn, svn, 2, 2, 3, 1, 0, 5, *bytes(8))]
        tcb: dict[str, Any] = {"sgxtcbcomponents": components, "pcesvn": 11}
        if tee == "TDX":
            tcb["tdxtcbcomponents"] = [{"svn": one} for one in (5, 0, 2, *bytes(13))]
        return {"tcb": tcb, "tcbDate": "2024-03-13T00:00:00Z", "tcbStatus": status, "advisoryIDs": list(advisories)}

    def identity(self, tee: str) -> dict[str, Any]:
        """The identity of Intel's quoting enclave, with two levels."""
        is_tdx = tee == "TDX"
        levels = [
            {"tcb": {"isvsvn": 8}, "tcbDate": "2024-03-13T00:00:00Z", "tcbStatus": "UpToDate"},
            {"tcb": {"isvsvn": 4}, "tcbDate": "2021-11-10T00:00:00Z", "tcbStatus": "OutOfDate",
             "advisoryIDs": ["INTEL-SA-00615"]},
        ]  # fmt: skip
        return {
            "id": "TD_QE" if is_tdx else "QE", "version": 2, **self._dates(), "tcbEvaluationDataNumber": 18,
            "miscselect": "00000000", "miscselectMask": "FFFFFFFF", "attributes": "11" + "00" * 15,
            "attributesMask": "FBFFFFFFFFFFFFFF0000000000000000", "mrsigner": QE_SIGNERS[tee],
            "isvprodid": 2 if is_tdx else 1, "tcbLevels": levels,
        }  # fmt: skip

    def _dates(self) -> dict[str, str]:
        return {"issueDate": to_rfc3339(self.now - _BEFORE), "nextUpdate": to_rfc3339(self.now + _MONTH)}

    @staticmethod
    def adopt(bundle: EvidenceBundle) -> Machine:
        """The values of a quote and of its collateral, to be changed and signed anew. Raises ValueError where the
        quote has no chain, or where TCB info or identity are not among the endorsements.
        """
        parsed = tdx.parse_tdx(bundle.evidence_bytes()) if bundle.format == tdx.FORMAT else None
        found = parsed or sgx.parse_sgx(bundle.evidence_bytes())
        collateral = read_collateral(bundle.endorsement_bytes())
        chain = read_chain(found.quote.certification)
        if not chain or not collateral.tcb_infos or not collateral.identities:
            raise ValueError("a quote without a chain, or without collateral")
        return Machine(
            report=found.report,
            pck=parse_pck_extension(chain[0].extensions[OID], bundle.format),
            qe=replace(sgx.parse_report(found.quote.qe_report), report_data=bytes(64)),
            tcb_info=json.loads(collateral.tcb_infos[0].text),
            identity=json.loads(collateral.identities[0].text),
            header={"version": found.quote.version, "user_data": found.quote.user_data},
        )

    def chain(self, pck: PckExtension, *, leaf: Holder | None = None) -> tuple[bytes, ...]:
        """The certificates of a quote (DER): the platform's (or another `leaf`), its authority's, the root."""
        authority = self.authority_of(pck)
        leaf = leaf or issue(PCK, "pck", self.now, authority, extensions={OID: pck.encode()})
        return leaf.der, authority.der, self.root.der

    def authority_of(self, pck: PckExtension) -> Holder:
        """Which authority certifies a platform: of one package, or of several."""
        return self.processor_ca if pck.platform_instance_id is None else self.platform_ca

    def sign_quote(
        self,
        machine: Machine,
        *,
        chain: Sequence[bytes] | None = None,
        pck_key: str = "pck",
        qe_auth: bytes = bytes(32),
    ) -> Quote:
        """The quote, signed by the attestation key, which the quoting enclave vouches for, for which the platform's
        key does. `chain` are certificates in DER; what they are is not looked at.
        """
        key = key_of("attestation")
        bound = hashlib.sha256(raw_point(key) + qe_auth).digest() + bytes(32)
        qe = machine.qe if any(machine.qe.report_data) else replace(machine.qe, report_data=bound)
        report = qe.encode()
        fields: dict[str, Any] = {
            "tee_type": TDX if machine.tee == tdx.FORMAT else SGX, "body_type": _body_type(machine),
            "body": machine.report.encode(), "attestation_key": raw_point(key), "qe_report": report,
            "qe_signature": raw_signature(key_of(pck_key), report), "qe_auth": qe_auth,
            "certification": to_pem(self.chain(machine.pck) if chain is None else chain),
        }  # fmt: skip
        quote = Quote(**{**fields, **machine.header})
        return replace(quote, signature=raw_signature(key, quote.signed_bytes()))

    def sign_document(self, name: str, document: Mapping[str, object] | bytes, *, signer: str = "signer") -> bytes:
        """A response of Intel's service: `name` is tcbInfo or enclaveIdentity, the document as JSON or its bytes."""
        text = document if isinstance(document, bytes) else json.dumps(document, separators=(",", ":")).encode()
        signature = raw_signature(key_of(signer), text).hex()
        return b'{"%s":%s,"signature":"%s"}' % (name.encode(), text, signature.encode())

    def revocation_list(
        self,
        authority: Holder | None = None,
        *,
        revoked: Sequence[int] = (),
        now: datetime | None = None,
        key: ec.EllipticCurvePrivateKey | None = None,
        plain: bool = False,
    ) -> bytes:
        """The list (DER) of an authority, the root where none is named; `plain` is one without extensions."""
        authority, begins = authority or self.root, (now or self.now) - _BEFORE
        builder = x509.CertificateRevocationListBuilder().issuer_name(authority.certificate.subject)
        builder = builder.last_update(begins).next_update(begins + _MONTH)
        for serial in revoked:
            one = x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(begins).build()
            builder = builder.add_revoked_certificate(one)
        if not plain:
            identifier = x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.key.public_key())
            builder = builder.add_extension(x509.CRLNumber(1), critical=False).add_extension(identifier, critical=False)
        return builder.sign(key or authority.key, SHA256()).public_bytes(Encoding.DER)

    def collateral(
        self,
        machine: Machine,
        *,
        tcb_info: bytes | None = None,
        identity: bytes | None = None,
        lists: Sequence[bytes] | None = None,
        certificates: Sequence[bytes] | None = None,
    ) -> tuple[bytes, ...]:
        """The endorsements: TCB info, identity, both lists, the chain of their signer. Each can be replaced."""
        both = (self.revocation_list(), self.revocation_list(self.authority_of(machine.pck)))
        return (
            tcb_info or self.sign_document("tcbInfo", machine.tcb_info),
            identity or self.sign_document("enclaveIdentity", machine.identity),
            *(both if lists is None else lists),
            *((self.signer.der, self.root.der) if certificates is None else certificates),
        )

    def evidence(
        self,
        machine: Machine,
        *,
        quote: Quote | bytes | None = None,
        collateral: Sequence[bytes] | None = None,
        event_log: bytes | None = None,
    ) -> EvidenceBundle:
        """The quote, signed, with its collateral; either can be replaced."""
        made = quote or self.sign_quote(machine)
        raw = made if isinstance(made, bytes) else made.encode()
        endorsements = tuple(self.collateral(machine) if collateral is None else collateral)
        if event_log is None:
            return pack_evidence(machine.tee, raw, endorsements)
        return pack_evidence(machine.tee, raw, endorsements, event_log=event_log)


def _body_type(machine: Machine) -> int:
    if isinstance(machine.report, sgx.EnclaveReport):
        return ENCLAVE
    return TD_1_0 if machine.report.mr_service_td is None else TD_1_5


def to_pem(ders: Sequence[bytes]) -> bytes:
    """The certificates as a quote carries them."""
    return b"".join(x509.load_der_x509_certificate(der).public_bytes(Encoding.PEM) for der in ders) + b"\0"


def issue(
    name: str,
    role: str,
    now: datetime,
    issuer: Holder | None = None,
    *,
    organization: str = INTEL,
    path_length: int | None = None,
    extensions: Mapping[str, bytes] | None = None,
    lifetime: timedelta = _YEARS,
) -> Holder:
    """A certificate by this name for the key of this role, under the issuer or itself; with a path length it is an
    authority. `extensions` are further ones by their object identifiers, in DER.
    """
    key, above = key_of(role), issuer.certificate.subject if issuer else _name(name, organization)
    signing = issuer.key if issuer else key
    is_authority = path_length is not None
    usage = {"key_cert_sign": True, "crl_sign": True} if is_authority else {"digital_signature": True}
    builder = x509.CertificateBuilder().subject_name(_name(name, organization)).issuer_name(above)
    builder = builder.public_key(key.public_key()).serial_number(x509.random_serial_number())
    builder = builder.not_valid_before(now - _BEFORE).not_valid_after(now - _BEFORE + lifetime)
    listed: list[tuple[x509.ExtensionType, bool]] = [
        (x509.AuthorityKeyIdentifier.from_issuer_public_key(signing.public_key()), False),
        (x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False),
        (x509.KeyUsage(**(_USAGE | usage)), True),
        (x509.BasicConstraints(ca=is_authority, path_length=path_length), True),
    ]
    listed += [
        (x509.UnrecognizedExtension(ObjectIdentifier(oid), value), False) for oid, value in (extensions or {}).items()
    ]
    for extension, critical in listed:
        builder = builder.add_extension(extension, critical=critical)
    return Holder(builder.sign(signing, SHA256()).public_bytes(Encoding.DER), key)


def _name(common_name: str, organization: str) -> x509.Name:
    return x509.Name([
        x509.NameAttribute(NameOID.COMMON_NAME, common_name),
        x509.NameAttribute(NameOID.ORGANIZATION_NAME, organization),
        x509.NameAttribute(NameOID.LOCALITY_NAME, "Santa Clara"),
        x509.NameAttribute(NameOID.STATE_OR_PROVINCE_NAME, "CA"),
        x509.NameAttribute(NameOID.COUNTRY_NAME, "US"),
    ])  # fmt: skip
