"""Every real Azure file of the shared evidence: accepted at a right time, or refused with the right finding, or listed
with the reason why it does not apply.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from confide.errors import Refused, Unavailable
from confide.evidence import EvidenceBundle, pack_evidence
from confide.evidence.azure_vtpm import FORMATS
from confide.evidence.endorsements import split_endorsements
from confide.evidence.hcl import parse_hcl_report, parse_runtime_claims
from confide.evidence.recognition import recognise
from confide.evidence.snp import parse_report
from confide.testing.fake_uvm import FakeMicrosoft
from confide.verify import verify_evidence

SHARED = Path(__file__).parents[3] / "shared" / "evidence"
MANIFEST = json.loads((SHARED / "MANIFEST.json").read_text()) if SHARED.exists() else []
MINE = {entry["path"] for entry in MANIFEST if entry["tee"] in {"azure-snp-vtpm", "azure-tdx-vtpm", "azure-vtpm"}}

TRUSTEE = "azure-snp-vtpm/confidential-containers+trustee/deps/verifier/test_data/az-snp-vtpm"
RS = "azure-snp-vtpm/confidential-dot-ai+attestation-rs/crates/attestation/test_data/az_snp"
TRUSTEE_TDX = "azure-tdx-vtpm/confidential-containers+trustee/deps/verifier/test_data/az-tdx-vtpm"
RS_TDX = "azure-tdx-vtpm/confidential-dot-ai+attestation-rs/crates/attestation/test_data/az_tdx"
KINVOLK = "azure-vtpm/kinvolk+azure-cvm-tooling/az-cvm-vtpm/test"

AMD = tuple(
    f"snp/confidential-containers+trustee/deps/verifier/src/snp/{product}_ask_ark_asvk.pem"
    for product in ("milan", "genoa")
)
INTEL = tuple(
    f"tdx/confidential-dot-ai+attestation-rs/crates/attestation/test_data/collateral/{name}"
    for name in (
        "pck_crl_platform.der", "root_ca_crl.der", "qe_identity_signing_chain.pem", "tcb_signing_chain.pem",
        "td_qe_identity.json", "tcb_info_90c06f000000.json",
    )
)  # fmt: skip
IMDS = tuple(f"{RS}/imds-{name}.der" for name in ("vcek", "chain-0", "chain-1"))

IN_2024, IN_2026, WITH_COLLATERAL = "2024-06-01T00:00:00Z", "2026-06-01T00:00:00Z", "2026-03-25T16:58:01Z"
CHALLENGE = b"challenge"
LONG = {
    "v2": "982f5c6e45df0ed3f10b6f60b02f0c8390e281300f3805e2279c16168cd6ae9aa398f647caa2338748cd0fd9f5f819ef",
    "genoa": "0218488bae25d2509232bf676f1a66a30d7372add909109b36016ef136f2938ca05475f8b46094de6b64270ea35d950f",
}
UNAVAILABLE = ("tdx.collateral.missing",)


@dataclass(frozen=True)
class Case:
    """Evidence in one file, its endorsements, a time, and the findings; `unavailable` where nobody can tell."""

    path: str
    nonce: bytes
    endorsements: Sequence[str] = AMD
    at: str = IN_2026
    findings: tuple[str, ...] = ()
    unavailable: bool = False


CASES = [
    Case(f"{TRUSTEE}/evidence-v0.json", CHALLENGE),
    Case(f"{TRUSTEE}/evidence-v1.json", CHALLENGE),
    Case(f"{TRUSTEE}/evidence-v2.json", bytes.fromhex(LONG["v2"])),
    Case(f"{TRUSTEE}/evidence-genoa.json", bytes.fromhex(LONG["genoa"])),
    Case(f"{RS}/evidence-v1.json", CHALLENGE, at=IN_2024),
    Case(f"{RS}/live-evidence.json", b"attestation-test-fixture"),
    Case(f"{RS}/live-evidence.json", b"attestation-test-fixture", (*AMD, *IMDS)),
    # A quote for no nonce at all: it is genuine, and fresh for nobody who asks.
    Case(f"{RS}/milan-v3-attestation.json", b""),
    Case(f"{RS}/milan-v3-attestation.json", CHALLENGE, findings=("tpm.report_data",)),
    # Another machine's certificate is among them and fits nothing; the right one is found.
    Case(f"{RS}/evidence-v1.json", CHALLENGE, (*AMD, *IMDS), IN_2024),
    Case(f"{RS_TDX}/live-evidence.json", b"attestation-test-fixture", INTEL, WITH_COLLATERAL),
    # Of these processors (FMSPC 00806f050000) there is no collateral in the folder: all else is checked, and passes.
    *(
        Case(path, CHALLENGE, (), WITH_COLLATERAL, UNAVAILABLE, unavailable=True)
        for path in (f"{TRUSTEE_TDX}/evidence-v0.json", f"{TRUSTEE_TDX}/evidence-v1.json", f"{RS_TDX}/evidence-v1.json")
    ),
]

# Pieces of evidence in files of their own: the HCL report, the quote (in the attester's own encoding), certificates.
PIECES = [
    (f"{TRUSTEE}/hcl-report.bin", f"{TRUSTEE}/quote.bin", (f"{TRUSTEE}/vcek.pem",), ()),
    (f"{RS}/hcl-report.bin", f"{RS}/quote.bin", (f"{RS}/vcek.pem",), ()),
    (f"{TRUSTEE}/hcl-report.bin", f"{TRUSTEE}/tpm-quote-v1.json", (f"{TRUSTEE}/vcek.pem",), ()),
    (f"{TRUSTEE_TDX}/hcl-report.bin", f"{TRUSTEE_TDX}/quote.bin", (), UNAVAILABLE),
    (f"{TRUSTEE_TDX}/hcl-report.bin", f"{TRUSTEE_TDX}/tpm-quote-v1.json", (), UNAVAILABLE),
    (f"{RS_TDX}/hcl-report.bin", f"{RS_TDX}/quote.bin", (), UNAVAILABLE),
    (f"{RS_TDX}/hcl-report.bin", f"{RS_TDX}/tpm-quote-v1.json", (), UNAVAILABLE),
    # Pieces of several machines, each a test of its own at their origin: they do not belong together.
    (
        f"{KINVOLK}/hcl-report-snp.bin", f"{KINVOLK}/quote.bin", (f"{KINVOLK}/certs.pem",),
        ("snp.signature", "snp.chip_id", "tpm.signature"),
    ),
    (f"{KINVOLK}/hcl-report-tdx.bin", f"{KINVOLK}/quote.bin", (), ("azure.td_quote.missing", "tpm.signature")),
]  # fmt: skip

# What is no whole evidence: why, and what is done with it below.
OTHERS = {
    f"{KINVOLK}/akpub.pem": "the attestation key of a test of its own; a key is never taken from a caller",
    f"{KINVOLK}/var-data.bin": "the runtime claims of a report that is not here: they parse",
    f"{TRUSTEE}/tpm-quote.msg": "a quote of another boot, whose report and PCR values are not here: it parses",
    f"{TRUSTEE}/tpm-quote.sig": "the signature of that quote",
    f"{TRUSTEE}/vcek-genoa.pem": "the certificate that is in evidence-genoa.json too",
    f"{RS}/tpm-quote.msg": "the same quote of another boot",
    f"{RS}/tpm-quote.sig": "the signature of that quote",
    f"{TRUSTEE_TDX}/td-quote.bin": "the TD quote of the pieces beside it",
    f"{RS_TDX}/td-quote.bin": "the TD quote of the pieces beside it",
}

pytestmark = pytest.mark.skipif(not MINE, reason="the shared evidence is not here")


def read(path: str) -> bytes:
    return (SHARED / path).read_bytes()


def items(paths: Sequence[str]) -> tuple[bytes, ...]:
    return tuple(
        item for path in paths for item in ((read(path),) if path in INTEL else split_endorsements(read(path)))
    )


def bundle_of(case: Case) -> EvidenceBundle:
    found = recognise(read(case.path))
    parts: dict[str, Any] = {name: found.part(name) for name in found.parts}
    return pack_evidence(
        found.format, found.evidence_bytes(), (*found.endorsement_bytes(), *items(case.endorsements)), **parts
    )


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{'/'.join(Path(case.path).parts[-2:])}@{case.at[:4]}")
def test_real_machine(case: Case):
    bundle, now = bundle_of(case), datetime.fromisoformat(case.at)
    if not case.findings:
        verified = verify_evidence(bundle, now=now, report_data=case.nonce)
        assert not verified.simulated
        assert {check.outcome for check in verified.checks} <= {"passed", "not applicable"}
        claims: Any = verified.claims
        assert claims["tpm"]["bank"] == "sha256"
        assert claims["runtime"]["vm_configuration"]["tpm-enabled"] is True
        return
    with pytest.raises(Unavailable if case.unavailable else Refused) as caught:
        verify_evidence(bundle, now=now, report_data=case.nonce)
    assert caught.value.codes == case.findings


ACCEPTED = [case for case in CASES if not case.findings]


@pytest.mark.parametrize("case", ACCEPTED, ids=lambda case: f"{'/'.join(Path(case.path).parts[-2:])}@{case.at[:4]}")
def test_accepted_machine_is_refused_for_another_nonce_and_at_another_time(case: Case):
    bundle = bundle_of(case)
    with pytest.raises(Refused) as caught:
        verify_evidence(bundle, now=datetime.fromisoformat(case.at), report_data=b"another")
    assert caught.value.codes == ("tpm.report_data",)
    with pytest.raises(Refused) as caught:
        verify_evidence(bundle, now=datetime.fromisoformat("2020-01-01T00:00:00Z"), report_data=case.nonce)
    assert {"snp.chain.validity", "tdx.chain.validity"} & set(caught.value.codes)


def pieces_of(report: str, quote: str, certificates: Sequence[str]) -> EvidenceBundle:
    data = read(report)
    signature, message, values = _quote(read(quote))
    pcrs = json.dumps({"sha256": {str(index): value.hex() for index, value in enumerate(values)}}).encode()
    parts: dict[str, Any] = {"quote": message, "signature": signature, "pcrs": pcrs}
    td_quote = SHARED / Path(report).parent / "td-quote.bin"
    if td_quote.exists():
        parts["td_quote"] = td_quote.read_bytes()
    return pack_evidence(FORMATS[parse_hcl_report(data).platform], data, items(certificates), **parts)


def _quote(data: bytes) -> tuple[bytes, bytes, list[bytes]]:
    """Signature, message and values: in JSON, or as the attester's library lays its structure out (bincode)."""
    if data.startswith(b"{"):
        document = json.loads(data)
        values = [bytes.fromhex(value) for value in document["pcrs"]]
        return bytes.fromhex(document["signature"]), bytes.fromhex(document["message"]), values
    pieces, position = [], 0
    for _ in range(2):
        (size,) = struct.unpack_from("<Q", data, position)
        pieces.append(data[position + 8 : position + 8 + size])
        position += 8 + size
    rest = data[position + 8 :]
    return pieces[0], pieces[1], [rest[at : at + 32] for at in range(0, len(rest), 32)]


@pytest.mark.parametrize(("report", "quote", "certificates", "findings"), PIECES)
def test_real_pieces(report: str, quote: str, certificates: Sequence[str], findings: tuple[str, ...]):
    bundle, now = pieces_of(report, quote, certificates), datetime.fromisoformat(IN_2024)
    if not findings:
        assert verify_evidence(bundle, now=now, report_data=CHALLENGE).claims["product"] == "Milan"
        return
    with pytest.raises(Unavailable if findings == UNAVAILABLE else Refused) as caught:
        verify_evidence(bundle, now=now, report_data=None)
    assert caught.value.codes == findings


@pytest.mark.parametrize("path", sorted(path for path in MINE if "hcl-report" in path))
def test_real_hcl_report_is_read_to_its_last_byte_and_written_back(path: str):
    report = parse_hcl_report(read(path))
    assert report.encode() == read(path)
    at = 0x50 if report.platform == "snp" else 128
    assert report.hardware[at : at + 64] == report.expected_report_data()
    assert parse_runtime_claims(report.runtime_data).key("HCLAkPub")


def test_real_runtime_claims_of_another_machine_are_read():
    assert parse_runtime_claims(read(f"{KINVOLK}/var-data.bin")).key("HCLAkPub")


def test_a_real_report_without_its_quote_is_refused():
    """The paravisor hands the same report out for ever: alone it says nothing of now."""
    data = read(f"{TRUSTEE}/hcl-report.bin")
    bundle = pack_evidence("azure-snp-vtpm", data, items([f"{TRUSTEE}/vcek.pem"]))
    with pytest.raises(Refused) as caught:
        verify_evidence(bundle, now=datetime.fromisoformat(IN_2024), report_data=None)
    assert caught.value.codes == ("azure.quote.missing",)


def test_a_forged_endorsement_of_a_real_machine_makes_the_whole_simulated(monkeypatch: pytest.MonkeyPatch):
    """AMD's chain is the real one; only who allows a simulated Microsoft gets an answer, and it says so."""
    now = datetime.fromisoformat(IN_2026)
    machine = bundle_of(next(case for case in CASES if case.path == f"{TRUSTEE}/evidence-v1.json"))
    report = parse_hcl_report(machine.evidence_bytes()).hardware
    microsoft = FakeMicrosoft.create(now)
    endorsement = microsoft.endorse(parse_report(report).measurement)
    bundle = pack_evidence("azure-containers", report, machine.endorsement_bytes(), uvm_endorsement=endorsement)
    assert verify_evidence(bundle, now=now, report_data=None, simulated_roots=[microsoft.root_fingerprint]).simulated
    with pytest.raises(Refused) as caught:
        verify_evidence(bundle, now=now, report_data=None)
    assert caught.value.codes == ("uvm.chain.root",)
    monkeypatch.setattr("confide.verify.uvm.MICROSOFT_UVM_ROOTS", {microsoft.root_fingerprint: "as if it were pinned"})
    assert not verify_evidence(bundle, now=now, report_data=None).simulated


def test_every_real_file_has_a_verdict_or_a_reason():
    used = {case.path for case in CASES} | {path for case in CASES for path in case.endorsements}
    used |= {path for report, quote, certificates, _ in PIECES for path in (report, quote, *certificates)}
    assert MINE - used - OTHERS.keys() == set()
    assert used & OTHERS.keys() == set()
