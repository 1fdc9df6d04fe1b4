"""Every real file of TDX and SGX in the shared evidence: accepted at a right time, refused for a stated reason, or
listed with the reason why it does not apply.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from confide.errors import Refused, Unavailable
from confide.evidence import EvidenceBundle, pack_evidence
from confide.evidence.endorsements import split_endorsements
from confide.evidence.intel_collateral import read_collateral
from confide.evidence.recognition import recognise
from confide.evidence.sgx import parse_sgx
from confide.evidence.tcg_log import parse_log, replay
from confide.evidence.tdx import parse_tdx
from confide.ids import sha256_of, to_base64
from confide.testing.fake_intel import FakeIntel
from confide.verify import Trust, VerifiedEvidence, examine, verify_evidence
from confide.verify.anchors import INTEL_ROOTS
from confide.verify.intel_chain import read_chain
from confide.verify.x509 import RevocationList, parse_item

SHARED = Path(__file__).parents[3] / "shared" / "evidence"
pytestmark = pytest.mark.skipif(not SHARED.exists(), reason="the shared evidence is not here")

QVL = "tdx/Phala-Network+dcap-qvl/sample"
QVL_SGX = "sgx/Phala-Network+dcap-qvl/sample"
NEAR = "tdx/Phala-Network+dcap-qvl/tests/near/contracts/gas-test/tests/quote"
GO = "tdx/google+go-tdx-guest/testing/testdata"
GO_CHAINS = "tdx/google+go-tdx-guest/extracted-from-go-source"
RS = "tdx/confidential-dot-ai+attestation-rs/crates/attestation/test_data"
TRUSTEE = "tdx/confidential-containers+trustee/deps/verifier/test_data"
LOGS = "tdx/confidential-containers+trustee/deps/eventlog/test_data"
GO_LOGS = "tdx/google+go-eventlog/testdata/eventlogs/ccel"

RS_COLLATERAL = tuple(
    f"{RS}/collateral/{name}"
    for name in (
        "pck_crl_platform.der", "root_ca_crl.der", "qe_identity_signing_chain.pem", "tcb_signing_chain.pem",
        "td_qe_identity.json", "tcb_info_50806f000000.json", "tcb_info_90c06f000000.json",
    )
)  # fmt: skip
GO_COLLATERAL = (
    *(f"{GO}/{name}" for name in ("pckcrl", "rootcrl.der", "sample_tcbInfo_response", "sample_qeIdentity_response")),
    *(f"{GO_CHAINS}/{name}IssuerChain.pem" for name in ("pckCrl", "tcbInfo", "qeIdentity")),
)
TRUSTEE_COLLATERAL = (f"{TRUSTEE}/tcbInfo.json", f"{TRUSTEE}/enclaveIdentity.json")


@dataclass(frozen=True)
class Case:
    """A quote, its collateral, a time, and the findings; nothing but `Unavailable` where `unavailable`."""

    quote: str
    collateral: Sequence[str]
    at: str
    findings: tuple[str, ...] = ()
    unavailable: bool = False


MISSING = ("tdx.collateral.missing",)
OLD = ("tdx.tcb.level", "tdx.tcb_status")
CASES = [
    Case(f"{QVL}/tdx_quote", (f"{QVL}/tdx_quote_collateral.json",), "2025-07-13T09:48:14Z"),
    Case(f"{NEAR}/quote_hex.txt", (f"{NEAR}/quote_collateral.json",), "2025-09-08T06:41:42Z"),
    Case(f"{GO}/quote_v5_sample.dat", RS_COLLATERAL, "2026-03-25T16:58:01Z"),
    Case(
        f"{GO}/quote_v5_sample.dat",
        (f"{GO}/sample_tcbinfo_response_v5", f"{QVL}/tdx_quote_outdated_collateral.json"),
        "2026-02-25T00:45:50Z",
    ),
    # Up to date but for its configuration, and code that needs hardening: a decision of the policy's (see below).
    Case(
        f"{QVL_SGX}/sgx_quote", (f"{QVL_SGX}/sgx_quote_collateral.json",), "2025-06-26T22:07:51Z", ("sgx.tcb_status",)
    ),
    # Below every level that Intel lists: no status at all (dcap-qvl 0.7: "No matching TCB level found").
    Case(
        f"{QVL}/tdx_quote_outdated", (f"{QVL}/tdx_quote_outdated_collateral.json",), "2026-02-25T00:45:50Z", OLD
    ),
    Case(f"{QVL}/tdx-quote.hex", (f"{QVL}/tdx_quote_collateral.json",), "2025-07-13T09:48:14Z", OLD),
    Case(f"{QVL}/quote-from-tappd.hex", (f"{QVL}/tdx_quote_collateral.json",), "2025-07-13T09:48:14Z", OLD),
    # Bound to a service domain, and below every level.
    Case(f"{RS}/tdx_quote_5.dat", RS_COLLATERAL, "2026-03-25T16:58:01Z", (*OLD, "tdx.mr_service_td")),
    Case(f"{TRUSTEE}/tdx_quote_5.dat", RS_COLLATERAL, "2026-03-25T16:58:01Z", (*OLD, "tdx.mr_service_td")),
    # In debug mode: up to date in 2023, out of date in 2026.
    Case(f"{TRUSTEE}/tdx_quote_4.dat", GO_COLLATERAL, "2023-07-01T01:00:00Z", ("tdx.debug",)),
    Case(f"{RS}/tdx_quote_4.dat", RS_COLLATERAL, "2026-03-25T16:58:01Z", ("tdx.debug", "tdx.tcb_status")),
    # "extra bytes(only for testing purpose)" stand behind the quote.
    Case(f"{GO}/tdx_prod_quote_SPR_E4.dat", GO_COLLATERAL, "2023-07-01T01:00:00Z", ("tdx.trailing",)),
    # No collateral for these processors in the folder: everything else about them is checked, and passes.
    Case(f"{GO}/ccel/cos-113-tdx-quote.dat", (), "2025-10-29T00:25:03Z", MISSING, unavailable=True),
    Case(f"{TRUSTEE}/tdx_quote_6.dat", TRUSTEE_COLLATERAL, "2025-11-04T20:45:20Z", MISSING, unavailable=True),
    Case(f"{RS}/tdx_quote_live.dat", (), "2026-06-01T00:00:00Z", MISSING, unavailable=True),
    Case("tdx/google+go-tpm-tools/history-072514b0e3/launcher/agent/tdx_quote.b64", (), "2026-06-01T00:00:00Z", MISSING,
         unavailable=True),
    Case(
        "sgx/confidential-containers+trustee/deps/verifier/test_data/occlum_quote.dat", (), "2025-08-30T05:09:06Z",
        ("sgx.collateral.missing", "sgx.debug"),
    ),
]  # fmt: skip

# Logs whose replay is in a quote that is here, and that quote.
REPLAYS = {
    f"{GO}/ccel/ccel_data.dat": f"{GO}/ccel/cos-113-tdx-quote.dat",
    f"{GO_LOGS}/cos-113-intel-tdx.bin": f"{GO}/ccel/cos-113-tdx-quote.dat",
    f"{RS}/tdx_ccel_live2.dat": f"{RS}/tdx_quote_live.dat",
}

# What is neither a quote, nor collateral of a quote above, nor a log with its quote: why.
NO_QUOTE = "a log whose quote is not here: it parses and replays"
TABLE = "an ACPI table that says where the log is, no log"
EXPECTED = "what another parser made of a log"
OTHERS = {
    f"{GO}/report.dat": "a TDREPORT, signed for the machine that made it alone",
    f"{RS}/tdx_tdreport_live.bin": "a TDREPORT, signed for the machine that made it alone",
    f"{GO}/ccel/nonce.dat": "the report data of a quote",
    f"{GO}/ccel/ccel_table.dat": TABLE,
    f"{GO_LOGS}/CCEL.bin": TABLE,
    f"{GO_LOGS}/cos-113-intel-tdx.table.bin": TABLE,
    "tdx/Phala-Network+dcap-qvl/history-2adfb3d2b7/sample/tdx_quote_collateral.json": "SGX collateral, filed under TDX",
    "sgx/confidential-containers+trustee/attestation-service/tests/coco-as/request.json": "a request, with a quote",
    f"{LOGS}/CCEL_data_csv": "a log of Hygon CSV: SM3 digests alone",
    **{f"{LOGS}/CCEL_{name}_out.json": EXPECTED
       for name in ("AAEL_alibabacloud", "data_csv", "data_grub_gke", "data_grub", "data", "data_ovmf")},
    **{f"{LOGS}/CCEL_{name}": NO_QUOTE
       for name in ("AAEL_alibabacloud", "data", "data_gcp", "data_grub", "data_grub_gke", "data_ovmf")},
    **{f"{TRUSTEE}/CCEL_{name}": NO_QUOTE for name in ("data", "data_ovmf")},
    **{f"{RS}/{name}": NO_QUOTE for name in ("CCEL_data", "tdx_ccel_live.bin")},
    **{f"{GO_LOGS}/{name}": NO_QUOTE for name in ("CCEL_unpadded.data.bin", "event_log.bin")},
    # An event was doubled by hand: see test_log_with_a_doubled_event_is_refused.
    **{f"{GO_LOGS}/cos-113-intel-tdx-dupe-separator{name}.bin": NO_QUOTE for name in ("", "-unpadded")},
}  # fmt: skip


def read(path: str) -> bytes:
    return (SHARED / path).read_bytes()


def bundle_of(quote: str, collateral: Sequence[str], log: str | None = None) -> EvidenceBundle:
    found = recognise(read(quote))
    parts = {"event_log": to_base64(read(log))} if log else {}
    return EvidenceBundle(found.format, found.evidence, tuple(to_base64(read(path)) for path in collateral), parts)


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{Path(case.quote).name}@{case.at[:4]}")
def test_real_quote(case: Case):
    bundle = bundle_of(case.quote, case.collateral)
    now = datetime.fromisoformat(case.at)
    if not case.findings:
        verified = verify_evidence(bundle, now=now, report_data=None)
        assert not verified.simulated
        assert {check.outcome for check in verified.checks} == {"passed", "not applicable"}
        assert f"{bundle.format}.dcap_qvl" in passed(verified)
        return
    with pytest.raises(Unavailable if case.unavailable else Refused) as caught:
        verify_evidence(bundle, now=now, report_data=None)
    assert sorted(caught.value.codes) == sorted(case.findings)


def passed(verified: VerifiedEvidence) -> set[str]:
    return {check.code for check in verified.checks if check.outcome == "passed"}


@pytest.mark.parametrize("case", [case for case in CASES if not case.findings], ids=lambda case: case.at)
def test_accepted_quote_is_refused_at_another_time(case: Case):
    bundle = bundle_of(case.quote, case.collateral)
    with pytest.raises(Refused) as caught:
        verify_evidence(bundle, now=datetime.fromisoformat("2024-01-01T00:00:00Z"), report_data=None)
    assert {"tdx.collateral.dates", "tdx.crl"} <= set(caught.value.codes)


def test_real_quote_with_the_extra_bytes_cut_off_is_read_and_checked():
    raw = read(f"{GO}/tdx_prod_quote_SPR_E4.dat")
    cut = raw[: raw.index(b"\nextra bytes")]
    bundle = pack_evidence("tdx", cut, tuple(read(path) for path in GO_COLLATERAL))
    with pytest.raises(Refused) as caught:
        verify_evidence(bundle, now=datetime.fromisoformat("2023-07-01T01:00:00Z"), report_data=None)
    assert set(caught.value.codes) == set(OLD)


def test_status_and_advisories_of_the_real_enclave_are_found():
    bundle = bundle_of(f"{QVL_SGX}/sgx_quote", (f"{QVL_SGX}/sgx_quote_collateral.json",))
    exam = examine(bundle, now=datetime.fromisoformat("2025-06-26T22:07:51Z"), report_data=None, trust=Trust())
    assert not exam.checklist.findings
    tcb: Any = exam.claims()["tcb"]
    assert tcb["status"] == "ConfigurationAndSWHardeningNeeded"
    assert tcb["advisories"] == ["INTEL-SA-00289", "INTEL-SA-00615"]


@pytest.mark.parametrize("log", REPLAYS, ids=lambda log: Path(log).name)
def test_real_log_replays_to_the_registers_of_its_quote(log: str):
    bundle = bundle_of(REPLAYS[log], (), log)
    with pytest.raises(Unavailable) as caught:
        verify_evidence(bundle, now=datetime.fromisoformat("2026-06-01T00:00:00Z"), report_data=None)
    assert {"tdx.event_log"} <= {check.code for check in caught.value.checks if check.outcome == "passed"}


@pytest.mark.parametrize("name", ["", "-unpadded"])
def test_log_with_a_doubled_event_is_refused(name: str):
    log = f"{GO_LOGS}/cos-113-intel-tdx-dupe-separator{name}.bin"
    bundle = bundle_of(f"{GO}/ccel/cos-113-tdx-quote.dat", (), log)
    with pytest.raises(Refused) as caught:
        verify_evidence(bundle, now=datetime.fromisoformat("2026-03-25T16:58:01Z"), report_data=None)
    assert "tdx.event_log" in caught.value.codes


@pytest.mark.parametrize("log", [path for path, reason in OTHERS.items() if reason == NO_QUOTE])
def test_log_without_a_quote_replays(log: str):
    assert replay(parse_log(read(log)), "sha384")


def test_quote_inside_of_a_real_request_is_recognised():
    request = json.loads(read("sgx/confidential-containers+trustee/attestation-service/tests/coco-as/request.json"))
    encoded = request["verification_requests"][0]["evidence"]
    bundle = recognise(base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4)))
    assert bundle.format == "sgx"


def test_every_real_file_has_a_verdict_or_a_reason():
    manifest = json.loads(read("MANIFEST.json"))
    real = {one["path"] for one in manifest if one["tee"] in {"tdx", "sgx"} and one["origin"] == "real"}
    used = {case.quote for case in CASES} | {path for case in CASES for path in case.collateral} | REPLAYS.keys()
    assert real - used - OTHERS.keys() == set()
    assert used & OTHERS.keys() == set()


@pytest.mark.parametrize("field", ["mr_td", "mr_config_id", "report_data"])
def test_real_domain_that_a_forged_intel_signs_anew_is_refused(field: str):
    """Adopted, one field changed, everything signed again under Intel's names: the pinned root alone tells."""
    now = datetime.fromisoformat("2025-07-13T09:48:14Z")
    intel = FakeIntel.create(now)
    machine = intel.adopt(bundle_of(f"{QVL}/tdx_quote", (f"{QVL}/tdx_quote_collateral.json",)))
    size = 64 if field == "report_data" else 48
    bundle = intel.evidence(replace(machine, report=replace(machine.report, **{field: b"\1" * size})))
    with pytest.raises(Refused) as caught:
        verify_evidence(bundle, now=now, report_data=None)
    assert set(caught.value.codes) == {"tdx.chain.root", "tdx.collateral.chain.root"}
    verify_evidence(bundle, now=now, report_data=None, simulated_roots=[intel.root_fingerprint])


def test_real_quote_with_collateral_of_a_simulated_root_is_simulated():
    """Whoever makes collateral says how current the platform is: then the evidence is no more real than that."""
    now = datetime.fromisoformat("2025-07-13T09:48:14Z")
    intel = FakeIntel.create(now)
    real = bundle_of(f"{QVL}/tdx_quote", (f"{QVL}/tdx_quote_collateral.json",))
    lists = [
        der for der in read_collateral(real.endorsement_bytes()).items if isinstance(parse_item(der), RevocationList)
    ]
    forged = intel.collateral(intel.adopt(real), lists=[*lists, intel.revocation_list()])
    bundle = pack_evidence("tdx", real.evidence_bytes(), tuple(forged))
    exam = examine(bundle, now=now, report_data=None, trust=Trust.of([intel.root_fingerprint]))
    assert exam.simulated
    assert not examine(real, now=now, report_data=None, trust=Trust.of([intel.root_fingerprint])).simulated


def test_pinned_root_is_the_one_that_two_projects_carry_and_every_real_quote_ends_in():
    carried = {
        *split_endorsements(read("tdx/Phala-Network+dcap-qvl/src/TrustedRootCA.der")),
        *split_endorsements(read("tdx/google+go-tdx-guest/verify/trusted_root.pem")),
    }
    quotes = [recognise(read(case.quote)) for case in CASES if case.findings != ("tdx.trailing",)]
    parsed = [(parse_tdx if one.format == "tdx" else parse_sgx)(one.evidence_bytes()).quote for one in quotes]
    roots = {(read_chain(one.certification) or ())[-1].fingerprint for one in parsed}
    assert {sha256_of(der) for der in carried} == roots == INTEL_ROOTS.keys()
