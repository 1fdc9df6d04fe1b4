"""Evidence of containers as the attesters' JSON delivers it."""

from __future__ import annotations

import json

from confide.evidence.azure_containers import ENDORSEMENT, POLICY, recognise
from confide.ids import to_base64
from confide.testing import FakeAmd


def delivered(amd: FakeAmd, **more: str) -> bytes:
    bundle = amd.evidence(amd.report())
    certificates = b"".join(
        b"-----BEGIN CERTIFICATE-----\n" + item.encode() + b"\n-----END CERTIFICATE-----\n"
        for item in bundle.endorsements
    )
    document = {
        "evidence": bundle.evidence, "endorsements": to_base64(certificates), "uvm_endorsements": to_base64(b"cose"),
    }  # fmt: skip
    return json.dumps(document | more).encode()


def test_containers_are_recognised_with_and_without_their_policy(fake_amd: FakeAmd):
    without = recognise(delivered(fake_amd))
    assert without is not None
    assert without.parts.keys() == {ENDORSEMENT}
    whole = recognise(delivered(fake_amd, security_policy=to_base64(b"package policy")))
    assert whole is not None
    assert whole.part(POLICY) == b"package policy"
    assert len(whole.endorsements) == len(without.endorsements) == 3
