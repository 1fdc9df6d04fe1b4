"""A forged Azure for tests: confidential virtual machines with a paravisor and its vTPM.

    azure = FakeAzure.create(now)
    bundle = azure.evidence(nonce)
    verify_evidence(bundle, now=now, report_data=nonce, simulated_roots=[azure.root_fingerprint])

`evidence` takes changes to any layer: fields of the SEV-SNP report, the runtime claims, fields of the HCL report, and
of the vTPM's quote. Whatever is above the change is signed again, so that only the one fact is wrong.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256

from confide.evidence.azure_vtpm import SNP_FORMAT
from confide.evidence.bundle import EvidenceBundle, pack_evidence
from confide.evidence.hcl import ATTESTATION_KEY, ENDORSEMENT_KEY, HclReport
from confide.evidence.snp import SnpReport
from confide.evidence.tpm import RSASSA, ClockInfo, PcrValues, TpmQuote, TpmSignature, digest_of_pcrs
from confide.ids import canonical_json
from confide.testing.fake_amd import FakeAmd

PCRS: PcrValues = {"sha256": {index: bytes([index]) * 32 for index in range(24)}}


@cache
def _key(role: str) -> rsa.RSAPrivateKey:
    """One key for each role and process."""
    del role
    return rsa.generate_private_key(65537, 2048)


def jwk(kid: str, key: rsa.RSAPublicKey) -> dict[str, object]:
    """A key as the paravisor names it (RFC 7517)."""
    numbers = key.public_numbers()
    return {"kid": kid, "key_ops": ["sign"], "kty": "RSA", "e": _uint(numbers.e), "n": _uint(numbers.n)}


def _uint(number: int) -> str:
    data = number.to_bytes((number.bit_length() + 7) // 8, "big")
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


@dataclass(frozen=True, slots=True)
class FakeAzure:
    """A machine on SEV-SNP: the forged AMD above it, and the keys of its vTPM."""

    amd: FakeAmd
    attestation_key: rsa.RSAPrivateKey
    endorsement_key: rsa.RSAPrivateKey

    @classmethod
    def create(cls, now: datetime, product: str = "Genoa") -> FakeAzure:
        """A machine whose certificates are valid for ten years from five minutes before `now`."""
        return cls(FakeAmd.create(now, product), _key("ak"), _key("ek"))

    @property
    def root_fingerprint(self) -> str:
        """`sha256:…` of the forged AMD's root."""
        return self.amd.root_fingerprint

    def claims(self) -> dict[str, object]:
        """The paravisor's runtime claims."""
        keys = {ATTESTATION_KEY: self.attestation_key, ENDORSEMENT_KEY: self.endorsement_key}
        return {
            "keys": [jwk(kid, key.public_key()) for kid, key in keys.items()],
            "vm-configuration": {
                "console-enabled": False,
                "secure-boot": True,
                "tpm-enabled": True,
                "vmUniqueId": "911B0EF8-9DBA-48B0-B275-4E4DF2D39252",
            },
            "user-data": bytes(64).hex(),
        }

    def hcl(self, runtime_data: bytes, hardware: bytes, changes: Mapping[str, object]) -> HclReport:
        """The HCL report around the hardware's report; `changes` are fields of it."""
        fields: dict[str, object] = {
            "version": 2, "request_version": 1, "platform": "snp", "hash_number": 1, "hardware": hardware,
            "runtime_data": runtime_data, "padding": 64,
        }  # fmt: skip
        return HclReport(**(fields | dict(changes)))  # type: ignore[arg-type]  # the caller names fields of the report

    def quote(self, nonce: bytes, pcrs: PcrValues = PCRS, **changes: object) -> TpmQuote:
        """The vTPM's quote over all these PCRs; `changes` are fields of it."""
        selection = tuple((bank, tuple(sorted(values))) for bank, values in pcrs.items())
        made = TpmQuote(
            qualified_signer=b"\0\x0b" + bytes(32),
            extra_data=nonce,
            clock_info=ClockInfo(1000, 1, 0, safe=True),
            firmware_version=0x2020031200120003,
            selection=selection,
            pcr_digest=digest_of_pcrs(selection, pcrs, "sha256") or b"",
        )
        return replace(made, **changes)  # type: ignore[arg-type]  # the caller names fields of the quote

    def parts(
        self, quote: TpmQuote, pcrs: PcrValues = PCRS, *, key: rsa.RSAPrivateKey | None = None, **more: bytes
    ) -> dict[str, bytes]:
        """The parts of a bundle: quote, signature and values."""
        data = quote.encode()
        signature = (key or self.attestation_key).sign(data, PKCS1v15(), SHA256())
        values = {bank: {str(index): value.hex() for index, value in one.items()} for bank, one in pcrs.items()}
        signed = TpmSignature(RSASSA, "sha256", (signature,)).encode()
        return {"quote": data, "signature": signed, "pcrs": canonical_json(values)} | more

    def evidence(
        self,
        nonce: bytes = b"nonce",
        *,
        claims: Mapping[str, object] | None = None,
        report: Mapping[str, object] | None = None,
        hcl: Mapping[str, object] | None = None,
        parts: Mapping[str, bytes] | None = None,
    ) -> EvidenceBundle:
        """The evidence of the machine. `claims` replaces members of the runtime claims, `report` fields of the SEV-SNP
        report, `hcl` fields of the HCL report after the hardware has signed, `parts` the parts of the quote.
        """
        runtime = json.dumps(self.claims() | dict(claims or {}), separators=(",", ":")).encode()
        changes = dict(hcl or {})
        made = self.hcl(runtime, b"", {name: changes[name] for name in changes.keys() & {"hash_number"}})
        signed = self._report(made, report or {})
        whole = self.hcl(runtime, self.amd.sign(signed), changes)
        inner = self.amd.evidence(signed)
        pieces = self.parts(self.quote(nonce)) if parts is None else parts
        return pack_evidence(SNP_FORMAT, whole.encode(), inner.endorsement_bytes(), **pieces)

    def _report(self, made: HclReport, changes: Mapping[str, object]) -> SnpReport:
        return self.amd.report(**({"report_data": made.expected_report_data(), "policy": 1 << 17} | dict(changes)))
