"""A forged AMD for negative tests: builds or adopts a SEV-SNP report, and re-signs the whole chain.

A verifier is tested by evidence in which one fact is wrong and everything else is right, down to the signatures.
This makes it: keys of its own, AMD's exact names, any report, any certificate extension. What it makes is accepted
only by a caller who names its root among the simulated ones; that is the positive twin of every refusal:

    amd = FakeAmd.create(now)
    bundle = amd.evidence(amd.report(vmpl=2))
    verify_evidence(bundle, now=now, report_data=None, simulated_roots=[amd.root_fingerprint])

One field of a real report is changed with `dataclasses.replace(parse_report(data), vmpl=2)`; `evidence` signs it
again and certifies the chip and the TCB that the report names, unless told otherwise.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache

from cryptography.hazmat.primitives.asymmetric import ec, rsa

from confide.evidence.bundle import EvidenceBundle, pack_evidence
from confide.evidence.snp import FORMAT, SnpReport, read_tcb, write_tcb
from confide.ids import sha256_of
from confide.launch.simulated.vendor import (
    CPUID,
    FIRMWARE,
    TCB,
    Authority,
    issue_leaf,
    leaf_extensions,
    sign,
    subject,
)

AMD = "Advanced Micro Devices"
HWID = "1.3.6.1.4.1.3704.1.4"
CSP_ID = "1.3.6.1.4.1.3704.1.5"
PRODUCT_NAME = "1.3.6.1.4.1.3704.1.2"

_YEARS = timedelta(days=3653)
_TURIN_HWID_SIZE = 8


@cache
def _rsa_key(role: str) -> rsa.RSAPrivateKey:
    """One key for each role and process: small, since it only has to be quick."""
    del role
    return rsa.generate_private_key(65537, 2048)


@cache
def _leaf_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP384R1())


@dataclass(frozen=True, slots=True)
class FakeAmd:
    """AMD's certificates for one product, by the same names, under other keys."""

    product: str
    now: datetime
    ark: Authority
    ask: Authority
    asvk: Authority

    @classmethod
    def create(cls, now: datetime, product: str = "Genoa", organization: str = AMD) -> FakeAmd:
        """Certificates valid for ten years from five minutes before `now`."""
        ark = Authority.issue(subject(f"ARK-{product}", organization), _rsa_key("ark"), now)
        ask = Authority.issue(subject(f"SEV-{product}", organization), _rsa_key("ask"), now, ark)
        asvk = Authority.issue(subject(f"SEV-VLEK-{product}", organization), _rsa_key("asvk"), now, ark)
        return cls(product, now, ark, ask, asvk)

    @property
    def root_fingerprint(self) -> str:
        """`sha256:…` of the forged root."""
        return sha256_of(self.ark.der)

    def report(self, **changes: object) -> SnpReport:
        """A healthy report of version 3 on Genoa, with the fields in `changes` as given."""
        tcb = write_tcb(TCB)
        fields: dict[str, object] = {
            "version": 3, "policy": 1 << 17, "cpuid": CPUID, "chip_id": bytes(range(64)), "platform_info": 1 << 5,
            "current_tcb": tcb, "reported_tcb": tcb, "committed_tcb": tcb, "launch_tcb": tcb,
            "current": FIRMWARE, "committed": FIRMWARE,
        }  # fmt: skip
        return SnpReport(**(fields | changes))  # type: ignore[arg-type]  # the caller names fields of the report

    def leaf(
        self,
        report: SnpReport,
        *,
        name: str | None = None,
        issuer: Authority | None = None,
        extensions: Mapping[str, bytes | None] | None = None,
        now: datetime | None = None,
        lifetime: timedelta = _YEARS,
        key: ec.EllipticCurvePrivateKey | None = None,
    ) -> bytes:
        """The certificate (DER) that fits the report; `extensions` replaces values, or with None removes them."""
        is_vlek = report.signing_key == "vlek"
        values: dict[str, bytes | None] = {**self._extensions(report, is_vlek=is_vlek), **(extensions or {})}
        return issue_leaf(
            subject(name or ("SEV-VLEK" if is_vlek else "SEV-VCEK"), AMD),
            (key or _leaf_key()).public_key(),
            {oid: value for oid, value in values.items() if value is not None},
            issuer=issuer or (self.asvk if is_vlek else self.ask),
            now=now or self.now,
            lifetime=lifetime,
        )

    def _extensions(self, report: SnpReport, *, is_vlek: bool) -> dict[str, bytes]:
        hwid = report.chip_id[:_TURIN_HWID_SIZE] if self.product == "Turin" else report.chip_id
        return leaf_extensions(
            product_name=self.product,
            tcb=read_tcb(report.reported_tcb, self.product),
            hwid=None if is_vlek else hwid,
            csp_id="CN=cloud.example" if is_vlek else None,
        )

    def sign(self, report: SnpReport) -> bytes:
        """The 1184 bytes of the report, signed by the leaf's key."""
        return sign(report, _leaf_key()).encode()

    def evidence(
        self,
        report: SnpReport,
        *,
        raw: bytes | None = None,
        leaf: bytes | None = None,
        authorities: Sequence[Authority] | None = None,
        lists: Sequence[bytes] = (),
        parts: Mapping[str, bytes] | None = None,
    ) -> EvidenceBundle:
        """The report, signed, with a leaf that fits it and the authorities above; any of them can be replaced, the
        signed bytes (`raw`) too. `parts` are those of the bundle.
        """
        if authorities is None:
            authorities = (self.asvk if report.signing_key == "vlek" else self.ask, self.ark)
        certificates = (leaf or self.leaf(report), *(one.der for one in authorities))
        return pack_evidence(FORMAT, raw or self.sign(report), (*certificates, *lists), **(parts or {}))
