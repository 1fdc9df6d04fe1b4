from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from confide.errors import Refused
from confide.evidence.cca import parse_token
from confide.testing.fake_arm import LIFECYCLE, FakeArm
from confide.verify import verify_evidence

ARM = FakeArm.create(datetime(2026, 6, 1, tzinfo=UTC))


@pytest.mark.parametrize("tag", [399, 907])
def test_emulated_token_with_one_claim_changed_is_signed_again(shared: Path, tag: int):
    data = (shared / "evidence/arm-cca/veraison+ccatoken/realm/testvectors/tf-rmm/cca_token.cbor").read_bytes()
    platform, realm = ARM.adopt(data)
    platform, realm = ARM.adopt(ARM.token(platform=platform, realm=realm, tag=tag))
    trust = {"now": ARM.now, "report_data": None, "trusted_keys": [ARM.key_fingerprint]}
    twin = verify_evidence(ARM.evidence(platform=platform, realm=realm), **trust)
    assert twin.subject.token.platform.components == parse_token(data).platform.components
    with pytest.raises(Refused) as caught:
        verify_evidence(ARM.evidence(platform=platform | {LIFECYCLE: 0x4000}, realm=realm), **trust)
    assert caught.value.codes == ("cca.lifecycle",)
