"""The results of attestation services in the shared evidence: verified at their own time, or refused for a stated
reason, or listed with the reason why they do not apply.
"""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from confide.checklist import Checklist
from confide.errors import Refused, Unavailable
from confide.evidence.jwt import parse_jwt
from confide.evidence.recognition import recognise
from confide.verify import verify_evidence
from confide.verify.anchors import GOOGLE_SPACE_ROOTS, NVIDIA_SERVICE_ROOTS, VENDOR_ROOTS
from confide.verify.chains import PathRules, check_path, find_path
from confide.verify.jwt_keys import ALGORITHMS
from confide.verify.x509 import Certificate, parse_item

SHARED = Path(__file__).parents[3] / "shared" / "evidence"
FOLDER = "nvidia/NVIDIA+attestation-sdk/nv-attestation-sdk-cpp/unit-tests/testdata/sample_attestation_data"
GPU, SWITCH = f"{FOLDER}/hopperClaimsv3_detached_eat.json", f"{FOLDER}/switch_detached_eat.json"
CHAIN = "nvidia/confidential-dot-ai+attestation-rs/crates/attestation/test_data/nvidia_gpu/nras_gpu_x5c_chain.json"
GOOGLE = (
    "gcp-confidential-space/google+go-tpm-tools/history-42929909af/launcher/verifier/grpcclient/service/fake_tokens"
)

pytestmark = pytest.mark.skipif(not (SHARED / GPU).exists(), reason="the shared evidence is not here")


def at(path: str) -> datetime:
    claims = parse_jwt((SHARED / path).read_bytes()).token.claims
    return datetime.fromtimestamp(int(str(claims["iat"])), UTC)


def test_real_result_of_nvidia_is_all_right_but_for_its_key():
    """NVIDIA's service no longer publishes the key of 2025-06-09: nobody can tell, and everything else is in order."""
    nonce = bytes.fromhex("931d8dd0add203ac3d8b4fbde75e115278eefcdceac5b87671a748f32364dfcb")
    with pytest.raises(Unavailable) as caught:
        verify_evidence(recognise((SHARED / GPU).read_bytes()), now=at(GPU), report_data=nonce)
    assert caught.value.codes == ("jwt.key.missing",)
    failed = {check.code for check in caught.value.checks if check.outcome == "failed"}
    assert failed == {"jwt.key.missing", "jwt.signature", "jwt.crl"} | {
        f"jwt.chain.{name}" for name in ("root", "names", "authority", "signature", "validity")
    }


def test_real_result_for_another_nonce_is_refused():
    with pytest.raises(Refused) as caught:
        verify_evidence(recognise((SHARED / GPU).read_bytes()), now=at(GPU), report_data=bytes(32))
    assert caught.value.codes == ("jwt.key.missing", "jwt.report_data")


def test_result_of_nvidias_staging_service_is_refused():
    with pytest.raises(Refused) as caught:
        verify_evidence(recognise((SHARED / SWITCH).read_bytes()), now=at(SWITCH), report_data=None)
    assert caught.value.codes == ("jwt.issuer",)


@pytest.mark.parametrize(("path", "decoded"), [(GPU, "hopperClaimsv3_decoded.json"), (SWITCH, "switch_decoded.json")])
def test_detached_claims_are_those_that_nvidia_decodes(path: str, decoded: str):
    evidence = parse_jwt((SHARED / path).read_bytes())
    theirs = json.loads((SHARED / FOLDER / decoded).read_text())
    assert {name: token.claims for name, token in evidence.submodules.items()} == theirs


def test_fake_token_of_google_is_refused():
    """Signed by nobody in particular, for development: an unknown issuer, long expired."""
    with pytest.raises(Refused) as caught:
        verify_evidence(
            recognise((SHARED / GOOGLE / "fake_rsa_token.txt").read_bytes()),
            now=datetime(2021, 12, 31, tzinfo=UTC),
            report_data=None,
        )
    assert caught.value.codes == ("jwt.issuer",)


def test_real_signing_certificates_of_nvidia_lead_to_the_pinned_one():
    ders = [base64.b64decode(one) for one in json.loads((SHARED / CHAIN).read_text())["x5c"]]
    items = [one for one in map(parse_item, ders) if isinstance(one, Certificate)]
    checklist = Checklist()
    rules = PathRules(prefix="jwt", vendor="NVIDIA", roots=NVIDIA_SERVICE_ROOTS, algorithms=ALGORITHMS)
    check_path(find_path(items[0], items, ALGORITHMS), rules, now=datetime(2026, 6, 9, tzinfo=UTC), checklist=checklist)
    assert checklist.findings == ()


def test_policy_vectors_of_veraison_are_no_evidence():
    """eat-ear: inputs and outputs of an appraisal policy in Rego, without a signature; nothing is verified in them."""
    for path in sorted((SHARED / "eat-ear").rglob("*.json")):
        with pytest.raises(Refused) as caught:
            recognise(path.read_bytes())
        assert caught.value.codes == ("evidence.format",)


def test_anchors_are_vendor_roots_that_no_policy_can_call_simulated():
    assert {*GOOGLE_SPACE_ROOTS, *NVIDIA_SERVICE_ROOTS} <= VENDOR_ROOTS
