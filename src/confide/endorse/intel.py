"""Which collateral of Intel a TDX or SGX quote needs.

Source: Intel SGX and TDX Provisioning Certification Service API, version 4.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence

from confide.endorse.request import DAY, INTEL, INTEL_ROOT, Request, revocation_list, signed_json
from confide.errors import Refused
from confide.evidence.endorsements import split_pem
from confide.evidence.intel_pck import OID, parse_pck_extension
from confide.evidence.intel_quote import PCK_CHAIN, Quote
from confide.verify.x509 import Certificate, MalformedCertificateError, parse_item

_TDX = 0x81
_CHAINS = {"tcb": "TCB-Info-Issuer-Chain", "qe": "SGX-Enclave-Identity-Issuer-Chain", "crl": "SGX-PCK-CRL-Issuer-Chain"}


def intel_requests(quote: Quote) -> tuple[list[Sequence[Request]], list[str]]:
    """What to ask. Raises Refused where the quote names no platform by a certificate."""
    kind = "tdx" if quote.tee_type == _TDX else "sgx"
    leaf = _leaf(quote)
    fmspc = parse_pck_extension(leaf.extensions[OID], kind).fmspc.hex()
    authority = "platform" if "Platform" in leaf.parsed.issuer.rfc4514_string() else "processor"
    base = f"https://{INTEL}/{{}}/certification/v4"
    tcb, identity, revoked = (
        base.format(kind) + f"/tcb?fmspc={fmspc}",
        "/qe/identity",
        f"/pckcrl?ca={authority}&encoding=der",
    )
    asked = [
        Request(tcb, DAY, signed_json("tcb_info.json", "tcbInfo", _CHAINS["tcb"])),
        Request(base.format(kind) + identity, DAY, signed_json("qe_identity.json", "enclaveIdentity", _CHAINS["qe"])),
        Request(base.format("sgx") + revoked, DAY, revocation_list("pck.crl", _CHAINS["crl"])),
        Request(f"https://{INTEL_ROOT}/IntelSGXRootCA.der", DAY, revocation_list("root_ca.crl")),
    ]
    return [[one] for one in asked], []


def _leaf(quote: Quote) -> Certificate:
    """The PCK certificate in the quote: the one that names a platform."""
    found = split_pem(quote.certification) if quote.certification_type == PCK_CHAIN else ()
    for der in found:
        with contextlib.suppress(MalformedCertificateError):
            parsed = parse_item(der)
            if isinstance(parsed, Certificate) and OID in parsed.extensions:
                return parsed
    raise Refused.because(
        "endorse.evidence",
        got="a quote without the certificate of its platform",
        wanted=f"certification data of type {PCK_CHAIN}: the chain of the provisioning key",
        remedy="Have the quoting service put the PCK certificate chain into the quote.",
    )
