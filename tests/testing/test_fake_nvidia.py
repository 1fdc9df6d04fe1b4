from __future__ import annotations

from datetime import UTC, datetime

import pytest

from confide.errors import Refused
from confide.testing.fake_nvidia import FakeNvidia
from confide.testing.fake_service import ALGORITHMS, NONCE, FakeService
from confide.verify import verify_evidence
from confide.verify.x509 import Certificate, parse_item

NOW = datetime(2026, 6, 1, tzinfo=UTC)


@pytest.mark.parametrize("chip", ["GH100", "GB100", "LS_10"])
def test_it_carries_nvidias_names(chip: str):
    nvidia = FakeNvidia.create(NOW, chip)
    items = [parse_item(one) for one in nvidia.evidence().endorsement_bytes()]
    names = [one.common_name for one in items if isinstance(one, Certificate)]
    boot = "FSP" if chip == "LS_10" else "GSP"
    assert names == [
        f"{chip} A01 {boot} FMC LF", f"{chip} A01 {boot} BROM", f"NVIDIA {chip} Provisioner ICA 1",
        f"NVIDIA {chip} Identity", "NVIDIA Device Identity CA",
    ]  # fmt: skip


def test_its_roots_are_nobodys_anchors():
    nvidia = FakeNvidia.create(NOW)
    with pytest.raises(Refused) as caught:
        verify_evidence(nvidia.evidence(manifests=nvidia.manifests()), now=NOW, report_data=None)
    assert set(caught.value.codes) == {"nvidia.chain.root", "rim.chain.root"}


@pytest.mark.parametrize("product", ALGORITHMS)
def test_a_forged_service_is_nobodys_anchor(product: str):
    service = FakeService.create(product, NOW)
    with pytest.raises(Refused) as caught:
        verify_evidence(service.evidence(), now=NOW, report_data=NONCE)
    assert set(caught.value.codes) == {"jwt.chain.root"}
