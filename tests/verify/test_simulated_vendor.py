from __future__ import annotations

import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from confide.errors import Misuse, Refused
from confide.evidence.snp import REPORT_SIZE, parse_report
from confide.launch.simulated.vendor import SimulatedVendor
from confide.verify import verify_evidence
from confide.verify.anchors import VENDOR_ROOTS
from confide.verify.x509 import Certificate, parse_item

NOW = datetime.now(UTC) + timedelta(minutes=1)


def test_its_reports_are_of_the_real_size_and_verify_by_the_same_code(simulated_vendor: SimulatedVendor):
    report = simulated_vendor.report(measurement=b"\1" * 48, report_data=b"\2" * 64)
    raw = simulated_vendor.sign_report(report)
    assert len(raw) == REPORT_SIZE
    assert parse_report(raw).measurement == b"\1" * 48
    verified = verify_evidence(
        simulated_vendor.evidence(report),
        now=NOW,
        report_data=b"\2" * 64,
        simulated_roots=[simulated_vendor.root_fingerprint],
    )
    assert verified.simulated
    assert verified.root == simulated_vendor.root_fingerprint


def test_it_is_trusted_by_nobody_who_does_not_name_it(simulated_vendor: SimulatedVendor):
    report = simulated_vendor.report(measurement=bytes(48), report_data=bytes(64))
    with pytest.raises(Refused) as caught:
        verify_evidence(simulated_vendor.evidence(report), now=NOW, report_data=bytes(64))
    assert caught.value.codes == ("snp.chain.root",)
    assert simulated_vendor.root_fingerprint not in VENDOR_ROOTS


def test_every_certificate_says_simulated_and_has_amds_algorithms(simulated_vendor: SimulatedVendor):
    vcek, ask, ark, _ = simulated_vendor.endorsements()
    certificates = [parse_item(item) for item in (vcek, ask, ark)]
    for one in certificates:
        assert isinstance(one, Certificate)
        assert "SIMULATED" in one.parsed.subject.rfc4514_string()
    for one in certificates[1:]:
        assert isinstance(one, Certificate)
        assert isinstance(one.public_key, RSAPublicKey)
        assert one.public_key.key_size == 4096


def test_saved_vendor_is_loaded_again(simulated_vendor: SimulatedVendor, tmp_path: Path):
    simulated_vendor.save(tmp_path / "tee")
    loaded = SimulatedVendor.load(tmp_path / "tee")
    assert loaded.endorsements() == simulated_vendor.endorsements()
    assert loaded.chip_id == simulated_vendor.chip_id
    raw = loaded.sign_report(loaded.report(measurement=bytes(48), report_data=bytes(64)))
    assert len(raw) == REPORT_SIZE


def test_keys_are_readable_by_their_owner_alone(simulated_vendor: SimulatedVendor, tmp_path: Path):
    simulated_vendor.save(tmp_path / "tee")
    for file in (tmp_path / "tee").iterdir():
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    with pytest.raises(FileExistsError):
        simulated_vendor.save(tmp_path / "tee")


@pytest.mark.parametrize("name", ["ark.key", "ark.der", "vcek.der", "vcek.key"])
def test_broken_folder_is_misuse(simulated_vendor: SimulatedVendor, tmp_path: Path, name: str):
    simulated_vendor.save(tmp_path / "tee")
    (tmp_path / "tee" / name).write_bytes(b"broken")
    with pytest.raises(Misuse) as caught:
        SimulatedVendor.load(tmp_path / "tee")
    assert caught.value.codes == ("simulated.folder",)
    (tmp_path / "tee" / name).unlink()
    with pytest.raises(FileNotFoundError):
        SimulatedVendor.load(tmp_path / "tee")
