"""SEV-SNP evidence as JSON: the report's bytes come back, whatever the shape."""

from __future__ import annotations

import base64
import json
from dataclasses import replace

import pytest

from confide.errors import Refused
from confide.evidence.recognition import recognise as recognise_any
from confide.evidence.snp import SnpReport, Tcb, read_tcb, write_tcb
from confide.evidence.snp_json import recognise
from confide.testing import FakeAmd

GENOA = write_tcb(Tcb(bootloader=1, tee=2, snp=3, microcode=4))
TURIN = write_tcb(Tcb(fmc=9, bootloader=1, tee=2, snp=3, microcode=4))


def tcb(raw: bytes, product: str) -> dict[str, object]:
    value = read_tcb(raw, product)
    return {"fmc": value.fmc} | {name: level for name, level in value.components().items() if name != "fmc"}


def document(report: SnpReport, product: str = "Genoa", *, text: bool = False) -> dict[str, object]:
    """The report by its fields, as the attesters write them."""

    def write(data: bytes) -> object:
        return data.hex() if text else list(data)

    tcbs = {
        name: tcb(getattr(report, name), product)
        for name in ("current_tcb", "reported_tcb", "committed_tcb", "launch_tcb")
    }
    versions = {
        name: dict(zip(("major", "minor", "build"), getattr(report, name), strict=True))
        for name in ("current", "committed")
    }
    plain = {
        "version": report.version, "guest_svn": report.guest_svn, "policy": report.policy, "vmpl": report.vmpl,
        "sig_algo": report.signature_algorithm, "plat_info": report.platform_info, "key_info": report.flags,
    }  # fmt: skip
    cpuid = dict(
        zip(
            ("cpuid_fam_id", "cpuid_mod_id", "cpuid_step"),
            report.cpuid if report.version > 2 else (None,) * 3,
            strict=True,
        )
    )
    names = (
        "family_id", "image_id", "report_data", "measurement", "host_data", "id_key_digest", "author_key_digest",
        "report_id", "report_id_ma", "chip_id",
    )  # fmt: skip
    mitigations = {
        "launch_mit_vector": report.launch_mitigations if report.version > 3 else None,
        "current_mit_vector": report.current_mitigations if report.version > 3 else None,
    }
    fields = {name: write(getattr(report, name)) for name in names}
    signature = {"r": write(report.r), "s": write(report.s)}
    return plain | tcbs | versions | cpuid | fields | mitigations | {"signature": signature}


REPORT = SnpReport(
    version=5, guest_svn=7, vmpl=1, platform_info=5, flags=1 << 2, cpuid=(0x19, 0x11, 1), current=(1, 55, 40),
    committed=(1, 2, 3), chip_id=bytes(range(64)), measurement=b"\2" * 48, current_tcb=GENOA, reported_tcb=GENOA,
    committed_tcb=GENOA, launch_tcb=GENOA, launch_mitigations=3, current_mitigations=7, r=b"\5" * 72, s=b"\6" * 72,
)  # fmt: skip
OLD = replace(REPORT, version=2, cpuid=(0, 0, 0), launch_mitigations=0, current_mitigations=0)
ON_TURIN = replace(
    REPORT, cpuid=(0x1A, 2, 1), **dict.fromkeys(("current_tcb", "reported_tcb", "committed_tcb", "launch_tcb"), TURIN)
)  # type: ignore[arg-type]  # bytes


@pytest.mark.parametrize("text", [False, True])
@pytest.mark.parametrize(("report", "product"), [(REPORT, "Genoa"), (OLD, "Milan"), (ON_TURIN, "Turin")])
def test_a_report_by_its_fields_is_written_back(report: SnpReport, product: str, text: bool):
    bundle = recognise(json.dumps({"attestation_report": document(report, product, text=text)}).encode())
    assert bundle is not None
    assert (bundle.format, bundle.evidence_bytes(), bundle.endorsements) == ("sev-snp", report.encode(), ())


def test_certificates_come_along_in_both_shapes(fake_amd: FakeAmd):
    made = fake_amd.evidence(fake_amd.report())
    leaf, issuer, root = made.endorsement_bytes()
    listed = [
        {"cert_type": "VCEK", "data": list(leaf)},
        {"cert_type": "OTHER", "data": [1, 2]},
        list(issuer),
        list(root),
    ]
    table = {"vcek": base64.b64encode(leaf).decode(), "ask": issuer.hex(), "ark": list(root), "vlek": None}
    for chain in (listed, table):
        text = {"attestation_report": base64.b64encode(made.evidence_bytes()).decode(), "cert_chain": chain}
        assert recognise_any(json.dumps({"platform": "snp", "evidence": text}).encode()) == made


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{}",
        b"[]",
        b'{"attestation_report":null}',
        b'{"attestation_report":{"data":[1],"magic":[]}}',
        b"\0" * 1184,
    ],
)
def test_anything_else_is_left_to_others(data: bytes):
    assert recognise(data) is None


@pytest.mark.parametrize(
    "change",
    [
        {"version": None}, {"version": -1}, {"version": True}, {"version": 1 << 32}, {"policy": 1 << 64},
        {"measurement": [1]}, {"measurement": [256] * 48}, {"chip_id": "00" * 63}, {"current_tcb": 5},
        {"current_tcb": {"bootloader": 256, "tee": 0, "snp": 0, "microcode": 0}}, {"current_tcb": {"bootloader": 1}},
        {"current": {"major": 1}}, {"signature": {"r": [0] * 72}}, {"signature": None}, {"cpuid_mod_id": None},
        {"cpuid_fam_id": None, "cpuid_mod_id": None, "cpuid_step": None}, {"version": 2, "cpuid_fam_id": None},
        {"launch_mit_vector": "1"}, {"current": {"major": 256, "minor": 0, "build": 0}},
    ],
)  # fmt: skip
def test_a_field_of_another_shape_is_refused(change: dict[str, object]):
    with pytest.raises(Refused) as caught:
        recognise(json.dumps({"attestation_report": document(REPORT) | change}).encode())
    assert caught.value.codes == ("evidence.format",)


def test_more_certificates_than_a_chain_has_are_refused():
    text = {"attestation_report": "00" * 1184, "cert_chain": [[1]] * 33}
    with pytest.raises(Refused) as caught:
        recognise(json.dumps(text).encode())
    assert caught.value.codes == ("evidence.format",)
