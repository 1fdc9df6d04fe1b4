"""Which certificates and lists of AMD a SEV-SNP report needs.

Source: AMD 57230 (VCEK certificate and key distribution service), chapter 4.
"""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlencode

from confide.endorse.request import AMD, DAY, FOREVER, WEEKS, Request, certificate, certificates, revocation_list
from confide.evidence.snp import SnpReport, read_tcb

# Reports of version 2 do not name their product: it is asked for under each that such reports come from.
_WITHOUT_CPUID = ("Milan", "Genoa")
_PARAMETERS = {"fmc": "fmcSPL", "bootloader": "blSPL", "tee": "teeSPL", "snp": "snpSPL", "microcode": "ucodeSPL"}
_TURIN_ID = 8

MASKED = "The host masks CHIP_ID: ask it for the VCEK certificate."
LENT = "The report is signed by a VLEK: its certificate comes from the cloud provider, with the report."


def amd_requests(report: SnpReport) -> tuple[list[Sequence[Request]], list[str]]:
    """What to ask, each with its alternatives in order, and what cannot be asked for."""
    products = (report.product,) if report.product else _WITHOUT_CPUID
    kind = "vlek" if report.signing_key == "vlek" else "vcek"
    asked: list[Sequence[Request]] = []
    notes = [LENT] if kind == "vlek" else [] if any(report.chip_id) else [MASKED]
    if not notes:
        asked.append([_vcek(report, product) for product in products])
    # The product that answers for the chip is not known before: the chains of all candidates are small.
    for product in products:
        base = f"https://{AMD}/{kind}/v1/{product}"
        asked.append([Request(f"{base}/cert_chain", WEEKS, certificates(f"{kind}-{product}-chain.pem"))])
        asked.append([Request(f"{base}/crl", DAY, revocation_list(f"{kind}-{product}.crl"))])
    return asked, notes


def _vcek(report: SnpReport, product: str) -> Request:
    chip = report.chip_id[:_TURIN_ID] if product == "Turin" else report.chip_id
    levels = read_tcb(report.reported_tcb, product).components()
    query = urlencode({_PARAMETERS[name]: level for name, level in levels.items()})
    url = f"https://{AMD}/vcek/v1/{product}/{chip.hex()}?{query}"
    return Request(url, FOREVER, certificate(f"vcek-{chip.hex()[:16]}.der"))
