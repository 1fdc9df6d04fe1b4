"""A laboratory with a running broker, for the attacks that need the whole way of the data."""

from __future__ import annotations

import pytest

from palabs.laboratory import laboratory


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    """(laboratory, broker): made once a module, since its keys and its bundle take seconds."""
    with laboratory(tmp_path_factory.mktemp("laboratory") / "lab") as lab, lab.broker() as broker:
        yield lab, broker
