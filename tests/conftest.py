"""Fixtures that several packages' tests need."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from confide.clock import system_clock
from confide.evidence.bundle import EvidenceBundle, pack_evidence
from confide.evidence.endorsements import split_endorsements
from confide.evidence.snp import FORMAT
from confide.launch.simulated.vendor import SimulatedVendor
from confide.testing import FakeAmd
from confide.testing.lab import Lab

REPO = Path(__file__).parent.parent


@pytest.fixture(scope="session")
def simulated_vendor() -> SimulatedVendor:
    """One SIMULATED vendor for the whole run: making its RSA keys takes seconds."""
    return SimulatedVendor.create(datetime.now(UTC))


@pytest.fixture(scope="session")
def lab_template(simulated_vendor, tmp_path_factory) -> Lab:
    return Lab.create(tmp_path_factory.mktemp("lab"), simulated_vendor, now=system_clock())


@pytest.fixture
def lab(lab_template, tmp_path) -> Iterator[Lab]:
    """An owner's home with a policy in force, its broker, and the cloud's store."""
    lab = lab_template.copy(tmp_path / "lab")
    yield lab
    lab.home.database.close()


@pytest.fixture(scope="session")
def shared() -> Path:
    """The material outside of the repository. Tests that need it are left out where it is absent."""
    path = REPO.parent / "shared"
    if not (path / "evidence" / "INDEX.json").exists():
        pytest.skip(f"{path} is not here")
    return path


@pytest.fixture(scope="session")
def fake_amd() -> FakeAmd:
    """A forged AMD whose certificates are in force from 2026 on; `fake_amd.now` is a time to verify at."""
    return FakeAmd.create(datetime(2026, 6, 1, tzinfo=UTC))


@pytest.fixture(scope="session")
def real_milan(shared: Path) -> EvidenceBundle:
    """A real report of version 2 (Milan, VCEK) with its real chain; valid on 2026-06-01."""
    folder = shared / "evidence/snp/confidential-containers+trustee/deps/verifier"
    report = (folder / "test_data/snp/test-report.bin").read_bytes()
    leaf = (folder / "test_data/snp/test-vcek.der").read_bytes()
    chain = split_endorsements((folder / "src/snp/milan_ask_ark_asvk.pem").read_bytes())
    return pack_evidence(FORMAT, report, (leaf, *chain))


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    """(laboratory, broker) of the ancestry service: made once a module, since keys and bundle take seconds."""
    from palabs.laboratory import laboratory

    with laboratory(tmp_path_factory.mktemp("laboratory")) as lab, lab.broker() as broker:
        yield lab, broker
