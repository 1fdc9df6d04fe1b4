"""A simulation policy that the forged AMD's healthy report satisfies."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from confide.ids import sha256_of, to_base64
from confide.policy import Waiver, render_policy
from confide.testing import FakeAmd

MakePolicy = Callable[..., str]


@pytest.fixture
def policy_text(fake_amd: FakeAmd) -> MakePolicy:
    def make(**changes: object) -> str:
        overrides = {"crl": Waiver("the tests bring their own lists")} | dict(changes.pop("overrides", {}))  # type: ignore[call-overload]
        fields = {
            "name": "test",
            "kind": "simulation",
            "workload": sha256_of(b"bundle"),
            "runtime": sha256_of(b"agent"),
            "recipients": [to_base64(bytes(range(32)))],
            "measurement": bytes(48),
            "simulated_root": fake_amd.root_fingerprint,
        }
        return render_policy(**(fields | changes), overrides=overrides)  # type: ignore[arg-type]

    return make
