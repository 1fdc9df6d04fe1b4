"""Every file of NVIDIA in the shared evidence: accepted, or refused for a stated reason, or listed with the reason why
it does not apply. One table: file, certificates and manifests, time, and what comes of it.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

import pytest

from confide.checklist import Checklist
from confide.errors import Refused, Unavailable
from confide.evidence import EvidenceBundle
from confide.evidence.endorsements import split_endorsements
from confide.evidence.nvidia import parse_report
from confide.evidence.recognition import recognise
from confide.evidence.rim import parse_rim
from confide.ids import to_base64
from confide.testing.fake_nvidia import FakeNvidia
from confide.verify import verify_evidence
from confide.verify.anchors import NVIDIA_DEVICE_ROOTS, NVIDIA_RIM_ROOTS
from confide.verify.chains import PathRules, check_path, find_path
from confide.verify.rim import ALGORITHMS, check_content, check_signature
from confide.verify.x509 import Certificate, parse_item

SHARED = Path(__file__).parents[3] / "shared" / "evidence"
FILES = json.loads((SHARED / "MANIFEST.json").read_text()) if SHARED.exists() else []
PATHS = {entry["path"] for entry in FILES if entry["tee"] == "nvidia"}
SDK = "nvidia/NVIDIA+attestation-sdk/nv-attestation-sdk-cpp/unit-tests/testdata"
DATA, RIMS = f"{SDK}/sample_attestation_data", f"{SDK}/sample_rims"
JSONS = "nvidia/NVIDIA+attestation-sdk/common-test-data/serialized_test_evidence"
TRUST = "nvidia/NVIDIA+nvtrust/guest_tools/gpu_verifiers/local_gpu_verifier/src/verifier"
COCO = "nvidia/confidential-containers+trustee/deps/verifier/test_data/nvidia"

pytestmark = pytest.mark.skipif(not PATHS, reason="the shared evidence is not here")


class Case(NamedTuple):
    """A report with what comes along, when it is verified, and the codes of the refusal (none: accepted)."""

    report: str
    along: tuple[str, ...] = ()
    codes: tuple[str, ...] = ()
    at: str = "2026-11-01"
    product: str = "Hopper"
    nonce: str = ""


LS10, OLD = f"{DATA}/switch/switchAttestationReport.txt", f"{DATA}/gpu/hopperAttestationReport.txt"
LS10_CHAIN, OLD_CHAIN = f"{DATA}/switch/switchCertChain.txt", f"{DATA}/gpu/hopperCertChain.txt"
EXPIRED = (f"{DATA}/gpu/hopperAttestationReportExpired.txt", f"{DATA}/gpu/hopperCertChainExpired.txt")
VBIOS = f"{TRUST}/samples/1010_0200_882_96005E0001_PROD.swidtag"
CASES = (
    Case(f"{SDK}/hopperAttestationReport.txt", (f"{SDK}/hopperCertChain.txt",)),
    Case(f"{DATA}/gpu/blackwellAttestationReport.txt", (f"{DATA}/gpu/blackwellCertChain.txt",), product="Blackwell"),
    Case(OLD, (OLD_CHAIN,)),
    # A real report with NVIDIA's own manifest of its VBIOS: twelve measurements compared.
    Case(OLD, (OLD_CHAIN, VBIOS), at="2025-01-01"),
    Case(OLD, (OLD_CHAIN, VBIOS), ("rim.chain.validity",)),
    # Signed by NVIDIA, with another value for measurement 9: the device of this report does not have it.
    Case(OLD, (OLD_CHAIN, f"{RIMS}/NV_GPU_VBIOS_1010_0200_882_96005E0001_measurement_mismatch.xml"),
         ("rim.measurements",), "2025-01-01"),
    Case(OLD, (OLD_CHAIN, f"{RIMS}/NV_GPU_DRIVER_GH100_535.86.09_measurement_mismatch.xml"),
         ("rim.digest", "rim.measurements"), "2025-06-01"),
    Case(OLD, (OLD_CHAIN, f"{TRUST}/samples/1010_0200_882_96005E0003_PROD.swidtag"), ("rim.device",), "2025-01-01"),
    Case(EXPIRED[0], (EXPIRED[1],)),
    Case(EXPIRED[0], (EXPIRED[1], f"{RIMS}/NV_GPU_DRIVER_GH100_570.124.03_expired.xml"),
         ("rim.digest", "rim.chain.validity", "rim.measurements"), "2025-06-01"),
    Case(EXPIRED[0], (EXPIRED[1], f"{TRUST}/samples/1010_0205_862_96005E0004_PROD.swidtag"), ("rim.measurements",),
         "2025-06-01"),
    Case(f"{DATA}/gpu/hopperAttestationReportInvalidSignature.txt", (OLD_CHAIN,), ("nvidia.signature", "nvidia.fwid")),
    Case(LS10, (LS10_CHAIN,), product="LS10"),
    # A real report with NVIDIA's own manifest, both in force today: all 31 measurements compared.
    Case(LS10, (LS10_CHAIN, f"{SDK}/switchVBIOSRim_NV_SWITCH_BIOS_5612_0002_890_9610550001.xml"), product="LS10"),
    Case(LS10, (LS10_CHAIN, f"{RIMS}/NV_SWITCH_BIOS_5612_0002_890_9610550001_invalid_signature.xml"),
         ("rim.digest", "rim.measurements"), "2025-06-01"),
    Case(LS10, (LS10_CHAIN, f"{RIMS}/NV_SWITCH_BIOS_5612_0002_890_9610550001_measurement_mismatch.xml"),
         ("rim.digest", "rim.device"), "2025-06-01"),
    Case(f"{DATA}/switch/switchAttestationReportInvalidSignature.txt", (LS10_CHAIN,), ("nvidia.signature",)),
    Case(f"{SDK}/switchAttestationReport.txt", (f"{SDK}/switchCertChain.txt",), product="LS10"),
    Case(f"{JSONS}/hopper_evidence.json"),
    # Its certificate is on hold by NVIDIA's word (OCSP), which did not come along.
    Case(f"{JSONS}/hopper_evidence_cert_hold.json"),
    Case(f"{JSONS}/multi_gpu_hopper.json"),
    Case(f"{JSONS}/multi_switch_ls10.json", product="LS10"),
    Case(f"{JSONS}/switch_evidence_ls10.json", product="LS10"),
    Case(f"{SDK}/evidence_hopper_590_12.json"),
    Case(f"{TRUST}/samples/hopperAttestationReport.txt", (f"{TRUST}/samples/hopperCertChain.txt",)),
    Case(f"{COCO}/hopperAttestationReport.txt", (f"{COCO}/hopper_cert_chain_case1.txt",)),
    # The root alone, an authority left out, the leaf left out: nobody can tell.
    *(Case(f"{COCO}/hopperAttestationReport.txt", (f"{COCO}/hopper_cert_chain_case{number}.txt",),
           ("nvidia.chain.missing",)) for number in (2, 3, 4)),
    Case(f"{COCO}/hopperAttestationReport.txt", (f"{COCO}/hopper_signing_cert.pem",), ("nvidia.chain.missing",)),
    # One byte too many, as a buffer that was not cut; without it the report is accepted (below).
    Case(f"{COCO}/hopper_coco_report1.txt", (f"{COCO}/hopper_coco_certs1.txt",), ("nvidia.trailing",)),
)  # fmt: skip

# Manifests that no report here is of, each judged by itself: what is wrong with it, on a day of its signer's life.
LONELY = {
    f"{SDK}/NV_GPU_DRIVER_GH100_550.144.03.xml": (),
    f"{SDK}/incorrect_signature_driver_rim.xml": ("rim.signature",),
    f"{SDK}/incorrect_cert_chain_driver_rim.xml": ("rim.chain.root",),
    **{path: () for path in sorted(PATHS) if path.endswith(".swidtag")},
}
NOT_EVIDENCE = {
    f"{SDK}/incorrect_rim_root.crt": "the signer in incorrect_cert_chain_driver_rim.xml, as a root that is none",
    f"{SDK}/spdm_parsed_output.json": "what NVIDIA's parser makes of nvtrust's hopperAttestationReport.txt",
    f"{SDK}/spdm_parsed_output.txt": "the same as text; compared below",
    f"{SDK}/spdm_req_parsed_output.json": "the same of the request; compared below",
    f"{SDK}/switch_spdm_parsed_output.json": "what NVIDIA's parser makes of switchAttestationReport.txt",
    f"{SDK}/switch_spdm_parsed_output.txt": "the same as text; compared below",
    f"{SDK}/switch_spdm_req_parsed_output.json": "the same of the request; compared below",
    f"{SDK}/trusted_certs/rim_root.crt": "the root of manifests: compared with the anchor below",
    f"{TRUST}/certs/verifier_RIM_root.pem": "the root of manifests: compared with the anchor below",
    f"{TRUST}/certs/verifier_device_root.pem": "the root of devices: compared with the anchor below",
    "nvidia/confidential-containers+trustee/deps/verifier/src/nvidia/nvidia_device_root.pem": "the root of devices",
    f"{COCO}/hopperAttestationReport-claims.txt": "what trustee makes of the report beside it; compared below",
}
RESULTS = {
    f"{DATA}/hopperClaimsv3_decoded.json", f"{DATA}/hopperClaimsv3_detached_eat.json", f"{DATA}/switch_decoded.json",
    f"{DATA}/switch_detached_eat.json",
    "nvidia/confidential-dot-ai+attestation-rs/crates/attestation/test_data/nvidia_gpu/nras_gpu_x5c_chain.json",
}  # fmt: skip


def load(path: str, along: Sequence[str]) -> EvidenceBundle:
    bundle = recognise((SHARED / path).read_bytes())
    assert bundle.format == "nvidia"
    files = [(SHARED / one).read_bytes() for one in along]
    items = [item for file in files for item in ((file,) if file.startswith(b"<") else split_endorsements(file))]
    endorsements = (*bundle.endorsements, *map(to_base64, items))
    return EvidenceBundle(bundle.format, bundle.evidence, endorsements, devices=bundle.devices)


@pytest.mark.parametrize("case", CASES, ids=[f"{n}-{Path(one.report).stem}" for n, one in enumerate(CASES)])
def test_real_report(case: Case):
    bundle, now = load(case.report, case.along), datetime.fromisoformat(f"{case.at}T00:00:00+00:00")
    nonce = parse_report(bundle.evidence_bytes()).exchange.nonce if "trailing" not in str(case.codes) else None
    if case.codes:
        with pytest.raises(Unavailable if case.codes == ("nvidia.chain.missing",) else Refused) as caught:
            verify_evidence(bundle, now=now, report_data=nonce)
        assert caught.value.codes == case.codes
        return
    verified = verify_evidence(bundle, now=now, report_data=nonce)
    assert not verified.simulated
    assert verified.claims["product"] == case.product
    assert verified.root in NVIDIA_DEVICE_ROOTS
    assert {check.outcome for check in verified.checks} <= {"passed", "not applicable"}


def test_every_file_has_its_place():
    used = {path for case in CASES for path in (case.report, *case.along)}
    assert used | LONELY.keys() | NOT_EVIDENCE.keys() | RESULTS == PATHS


def test_naming_a_real_root_as_simulated_makes_nothing_simulated():
    bundle = load(LS10, [LS10_CHAIN, f"{SDK}/switchVBIOSRim_NV_SWITCH_BIOS_5612_0002_890_9610550001.xml"])
    roots = [*NVIDIA_DEVICE_ROOTS, *NVIDIA_RIM_ROOTS]
    now = datetime.fromisoformat("2026-11-01T00:00:00+00:00")
    assert not verify_evidence(bundle, now=now, report_data=None, simulated_roots=roots).simulated


def test_real_device_with_a_simulated_manifest_is_simulated():
    nvidia = FakeNvidia.create(datetime.fromisoformat("2026-06-01T00:00:00+00:00"), "LS_10")
    real = load(LS10, [LS10_CHAIN])
    measured = parse_report(real.evidence_bytes()).measured()
    manifest = nvidia.manifest("96.10.55.00.01", {index: [measured[index]] for index in (1, 9)})
    mixed = EvidenceBundle(real.format, real.evidence, (*real.endorsements, to_base64(manifest)))
    assert verify_evidence(mixed, now=nvidia.now, report_data=None, simulated_roots=nvidia.roots).simulated
    with pytest.raises(Refused) as caught:
        verify_evidence(mixed, now=nvidia.now, report_data=None)
    assert caught.value.codes == ("rim.chain.root",)


def test_report_in_a_buffer_is_accepted_when_it_is_cut():
    bundle = load(f"{COCO}/hopper_coco_report1.txt", [f"{COCO}/hopper_coco_certs1.txt"])
    cut = EvidenceBundle(bundle.format, to_base64(bundle.evidence_bytes()[:-1]), bundle.endorsements)
    verify_evidence(cut, now=datetime.fromisoformat("2026-11-01T00:00:00+00:00"), report_data=None)


@pytest.mark.parametrize("path", LONELY, ids=[Path(one).name for one in LONELY])
def test_real_manifest(path: str):
    rim = parse_rim((SHARED / path).read_bytes())
    items = [parse_item(one) for one in rim.certificates]
    certificates = [one for one in items if isinstance(one, Certificate)]
    checklist = Checklist()
    check_content(rim, checklist)
    check_signature(rim, certificates[0], checklist)
    rules = PathRules(prefix="rim", vendor="NVIDIA", roots=NVIDIA_RIM_ROOTS, algorithms=ALGORITHMS)
    path_up = find_path(certificates[0], certificates, ALGORITHMS)
    check_path(path_up, rules, now=certificates[0].not_before, checklist=checklist)
    assert tuple(finding.code for finding in checklist.findings) == LONELY[path]


def test_anchors_are_the_published_roots():
    for path in NOT_EVIDENCE:
        if "root" in path and "incorrect" not in path:
            (der,) = split_endorsements((SHARED / path).read_bytes())
            item = parse_item(der)
            assert isinstance(item, Certificate)
            roots = NVIDIA_RIM_ROOTS if "rim" in Path(path).name.lower() else NVIDIA_DEVICE_ROOTS
            assert roots[item.fingerprint] == item.common_name


@pytest.mark.parametrize(
    ("report", "parsed"),
    [
        (f"{TRUST}/samples/hopperAttestationReport.txt", "spdm_parsed_output.txt"),
        (f"{SDK}/switchAttestationReport.txt", "switch_spdm_parsed_output.txt"),
    ],
)
def test_nvidias_own_parser_agrees(report: str, parsed: str):
    exchange = parse_report(bytes.fromhex((SHARED / report).read_text())).exchange
    lines = dict(line.split(" = ", 1) for line in (SHARED / SDK / parsed).read_text().splitlines() if " = " in line)
    told = {name.removeprefix("SpdmMeasurementResponseMessage."): value for name, value in lines.items()}
    assert int(told["NumberOfBlocks"]) == len(exchange.measurements)
    assert told["Nonce"] == f"0x{exchange.response_nonce.hex()}"
    assert int(told["OpaqueLength"]) == len(exchange.opaque)
    assert told["Signature"] == f"0x{exchange.signature.hex()}"
    for one in exchange.measurements:
        block = f"MeasurementRecord.MeasurementBlocks[{one.index}].DMTFSpecMeasurementValue"
        assert told[block] == f"0x{one.value.hex()}"


@pytest.mark.parametrize("prefix", ["", "switch_"])
def test_nvidias_own_parser_agrees_on_the_request(prefix: str):
    name = "switchAttestationReport.txt" if prefix else "hopperAttestationReport.txt"
    exchange = parse_report(bytes.fromhex((SHARED / SDK / name).read_text())).exchange
    request = json.loads((SHARED / SDK / f"{prefix}spdm_req_parsed_output.json").read_text())
    assert request["Nonce"] == f"0x{exchange.nonce.hex()}"
    assert int(request["Param2"], 16) == exchange.operation


def test_trustee_agrees():
    report = parse_report(bytes.fromhex((SHARED / COCO / "hopperAttestationReport.txt").read_text()))
    theirs = json.loads((SHARED / COCO / "hopperAttestationReport-claims.txt").read_text())
    assert theirs["measurements"] == {str(index + 1): value.hex() for index, value in report.measured().items()}
    assert theirs["config"]["vbios_version"] == str(report.vbios_version).lower()
    assert theirs["config"]["driver_version"] == report.driver_version


def test_nvidias_service_agrees():
    """Its result of this very device: the model, the UEID and the versions are those that we read."""
    verified = verify_evidence(
        load(f"{TRUST}/samples/hopperAttestationReport.txt", [f"{TRUST}/samples/hopperCertChain.txt"]),
        now=datetime.fromisoformat("2026-11-01T00:00:00+00:00"),
        report_data=None,
    )
    theirs = json.loads((SHARED / DATA / "hopperClaimsv3_decoded.json").read_text())["GPU-0"]
    assert verified.claims["model"] == theirs["hwmodel"]
    assert verified.claims["ueid"] == theirs["ueid"]
    assert verified.claims["driver_version"] == theirs["x-nvidia-gpu-driver-version"]
    assert verified.claims["vbios_version"] == theirs["x-nvidia-gpu-vbios-version"]


def test_real_report_with_one_fact_changed_and_signed_again():
    """Adopt, change one field, re-sign: the way of every negative test."""
    nvidia = FakeNvidia.create(datetime.fromisoformat("2026-06-01T00:00:00+00:00"))
    exchange = parse_report(bytes.fromhex((SHARED / OLD).read_text())).exchange
    twin = nvidia.evidence(exchange)
    nonce = exchange.nonce
    verify_evidence(twin, now=nvidia.now, report_data=nonce, simulated_roots=nvidia.roots)
    changed = nvidia.evidence(replace(exchange, nonce=bytes(32)))
    with pytest.raises(Refused) as caught:
        verify_evidence(changed, now=nvidia.now, report_data=nonce, simulated_roots=nvidia.roots)
    assert caught.value.codes == ("nvidia.report_data",)
