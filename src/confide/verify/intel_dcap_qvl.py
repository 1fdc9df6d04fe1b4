"""A second opinion: the library dcap-qvl judges the same quote by the same collateral, and has to agree.

It is independent code for the same arithmetic, so that a fault in one of the two shows. Its answer is asked for only
where every check of our own has passed, and only where it gives one: what it refuses as a matter of its own policy is
listed here, and is a decision of ours or of the policy's.
"""

from __future__ import annotations

from base64 import encodebytes
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import load_der_x509_crl
from dcap_qvl import (  # type: ignore[import-untyped]  # the wheel has stubs, but no py.typed
    QuoteCollateralV3,
    verify_with_root_ca,
)

from confide.checklist import Checklist
from confide.evidence.intel_pck import PckExtension
from confide.evidence.intel_quote import SGX, Quote
from confide.verify.intel_collateral import Chosen
from confide.verify.intel_tcb import TcbVerdict
from confide.verify.x509 import Certificate

_QE_AUTH_SIZE = 32
_SGX_VERSION = 3


@dataclass(frozen=True, slots=True)
class Opinion:
    """A status (in dcap-qvl's own words where it refuses) and the advisories."""

    status: str
    advisories: frozenset[str]

    def __str__(self) -> str:
        return f"{self.status} with {', '.join(sorted(self.advisories)) or 'no advisory'}"


def limits(quote: Quote, pck: PckExtension, chosen: Chosen) -> list[str]:
    """Why dcap-qvl 0.7 gives no answer on a quote that may well be good, whatever its TEE."""
    reasons = {
        "quotes of SGX since version 4": quote.tee_type == SGX and quote.version > _SGX_VERSION,
        "data of the quoting enclave that are not 32 bytes": len(quote.qe_auth) != _QE_AUTH_SIZE,
        "a CPUSVN that is not the list of components": pck.cpu_svn != bytes(pck.components),
        "revocation lists without extensions": not all(
            has_extensions(one) for one in (chosen.root_list, chosen.pck_list)
        ),
    }
    return [reason for reason, holds in reasons.items() if holds]


@lru_cache(maxsize=16)
def has_extensions(der: bytes) -> bool:
    """Whether a revocation list (DER) has any extension that can be read."""
    try:
        return bool(len(load_der_x509_crl(der).extensions))
    except ValueError:
        return False


def check_second_opinion(
    code: str, ask: Callable[[], Opinion], verdict: TcbVerdict, reasons: Sequence[str], checklist: Checklist
) -> None:
    """dcap-qvl accepts the quote, and finds the same status and advisories."""
    if checklist.findings:
        checklist.unchecked(code, checklist.findings[0].code)
        return
    if reasons:
        checklist.not_applicable(code, f"dcap-qvl does not take {', nor '.join(reasons)}")
        return
    ours = Opinion(verdict.status, frozenset(verdict.advisories))
    opinion = ask()
    checklist.expect(
        code,
        opinion == ours,
        got=opinion,
        wanted=f"{ours}, as our own arithmetic has it",
        remedy="Two independent verifiers disagree: do not trust this evidence, and please report it.",
    )


def ask_dcap_qvl(evidence: bytes, chosen: Chosen, path: Sequence[Certificate], now: datetime) -> Opinion:
    """What dcap-qvl says of a quote (raw bytes), under the root in which its path ends."""
    root = path[-1].parsed.public_bytes(Encoding.DER)
    try:
        report = verify_with_root_ca(evidence, _collateral(chosen, tuple(path[1:])), root, int(now.timestamp()))
    except ValueError as error:
        return Opinion(f"a refusal ({str(error)[:160]})", frozenset())
    return Opinion(report.status, frozenset(report.advisory_ids))


# The same collateral for weeks; what is remembered is how it is written.
@lru_cache(maxsize=16)
def _collateral(chosen: Chosen, authorities: tuple[Certificate, ...]) -> QuoteCollateralV3:
    return QuoteCollateralV3(
        pck_crl_issuer_chain=_pem(authorities),
        root_ca_crl=chosen.root_list,
        pck_crl=chosen.pck_list,
        tcb_info_issuer_chain=_pem(chosen.tcb_info_path),
        tcb_info=chosen.tcb_info.text.decode(),
        tcb_info_signature=chosen.tcb_info.signature,
        qe_identity_issuer_chain=_pem(chosen.identity_path),
        qe_identity=chosen.identity.text.decode(),
        qe_identity_signature=chosen.identity.signature,
    )


def _pem(path: Sequence[Certificate]) -> str:
    return "".join(
        f"-----BEGIN CERTIFICATE-----\n{encodebytes(one.parsed.public_bytes(Encoding.DER)).decode()}"
        "-----END CERTIFICATE-----\n"
        for one in path
    )
