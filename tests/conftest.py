"""Fixtures that several packages' tests need."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from confide.launch.simulated.vendor import SimulatedVendor

REPO = Path(__file__).parent.parent


@pytest.fixture(scope="session")
def simulated_vendor() -> SimulatedVendor:
    """One SIMULATED vendor for the whole run: making its RSA keys takes seconds."""
    return SimulatedVendor.create(datetime.now(UTC))


@pytest.fixture(scope="session")
def shared() -> Path:
    """The material outside of the repository. Tests that need it are left out where it is absent."""
    path = REPO.parent / "shared"
    if not (path / "evidence" / "INDEX.json").exists():
        pytest.skip(f"{path} is not here")
    return path
