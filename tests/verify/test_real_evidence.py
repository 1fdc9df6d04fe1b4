"""Every real SEV-SNP report of the shared evidence, at a right time: accepted, or refused for a stated reason."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from confide.errors import Refused, Unavailable
from confide.evidence import EvidenceBundle
from confide.evidence.endorsements import split_endorsements
from confide.evidence.recognition import recognise
from confide.ids import to_base64
from confide.verify import verify_evidence
from confide.verify.amd_chain import certified_product, certified_tcb, hardware_id
from confide.verify.signatures import RSA_PSS
from confide.verify.x509 import Certificate, parse_item

SHARED = Path(__file__).parents[3] / "shared" / "evidence"
INDEX = json.loads((SHARED / "INDEX.json").read_text()) if SHARED.exists() else []
REPORTS = [(entry, path) for entry in INDEX if entry["tee"] == "snp" for path in entry["paths"]]
CHAINS = "snp/confidential-containers+trustee/deps/verifier/src/snp/{}_ask_ark_asvk.pem"

# The real reports that are not accepted, and why.
NOT_ACCEPTED: dict[str, tuple[type[Refused | Unavailable], str]] = {
    "a29b3dfccc9cc2bfc457d8883865b008734d1d54aef354eea80679e997b614bf": (Unavailable, "snp.chain.missing"),  # no VCEK
    "377e6241d3b373ab1df80c0f96978594e7e21f4797dd6ea95e2957e1c1e26060": (Refused, "snp.policy.debug"),  # debug is on
}

pytestmark = pytest.mark.skipif(not REPORTS, reason="the shared evidence is not here")


def load(entry: dict[str, object], path: str) -> tuple[EvidenceBundle, datetime]:
    bundle = recognise((SHARED / path).read_bytes())
    if "leaf" not in entry:
        return bundle, datetime.fromisoformat("2024-06-01T00:00:00+00:00")
    chain = CHAINS.format(str(entry["chain"][0]).split("-")[0].lower())
    items = [item for file in (str(entry["leaf"]), chain) for item in split_endorsements((SHARED / file).read_bytes())]
    endorsements = tuple(to_base64(item) for item in items)
    return EvidenceBundle(bundle.format, bundle.evidence, endorsements), datetime.fromisoformat(
        entry["leaf_not_before"]
    )


@pytest.mark.parametrize(("entry", "path"), REPORTS, ids=[path.split("/", 1)[1] for _, path in REPORTS])
def test_real_report(entry: dict[str, object], path: str):
    bundle, begins = load(entry, path)
    report_data = bytes.fromhex(str(entry["report_data"]))
    now = begins + timedelta(days=100)
    if entry["sha256"] in NOT_ACCEPTED:
        kind, code = NOT_ACCEPTED[entry["sha256"]]
        with pytest.raises(kind) as caught:
            verify_evidence(bundle, now=now, report_data=report_data)
        assert caught.value.codes == (code,)
        return
    verified = verify_evidence(bundle, now=now, report_data=report_data)
    assert not verified.simulated
    assert verified.subject.report.measurement.hex() == entry["measurement"]
    assert verified.claims["product"] == entry["chain"][0].split("-")[0]
    assert {check.outcome for check in verified.checks} <= {"passed", "not applicable"}
    with pytest.raises(Refused) as caught:
        verify_evidence(bundle, now=begins - timedelta(days=1), report_data=report_data)
    assert caught.value.codes == ("snp.chain.validity",)


def test_every_real_report_with_a_published_certificate_has_a_verdict():
    assert {entry["sha256"] for entry, _ in REPORTS} >= NOT_ACCEPTED.keys()
    assert len({entry["sha256"] for entry, _ in REPORTS}) == 6


@pytest.mark.parametrize("name", ["test-vcek-invalid-legacy.der", "test-vcek-invalid-new.der"])
def test_certificates_that_their_project_calls_invalid_are_refused(name: str, real_milan: EvidenceBundle):
    folder = SHARED / "snp/confidential-containers+trustee/deps/verifier/test_data/snp"
    leaf = to_base64((folder / name).read_bytes())
    bundle = EvidenceBundle("sev-snp", real_milan.evidence, (leaf, *real_milan.endorsements[1:]))
    with pytest.raises(Refused) as caught:
        verify_evidence(bundle, now=datetime.fromisoformat("2026-06-01T00:00:00+00:00"), report_data=None)
    assert {"snp.signature", "snp.chain.signature", "snp.chip_id"} <= set(caught.value.codes)


def test_right_leaf_is_found_among_those_of_other_machines(real_milan: EvidenceBundle):
    others = sorted((SHARED / "snp").rglob("*vcek*.der"))
    strangers = tuple({to_base64(path.read_bytes()): None for path in others})
    bundle = EvidenceBundle("sev-snp", real_milan.evidence, (*strangers, *real_milan.endorsements[1:]))
    now = datetime.fromisoformat("2026-06-01T00:00:00+00:00")
    assert not verify_evidence(bundle, now=now, report_data=None).simulated


def test_real_turin_certificate_is_read_in_turins_layout():
    """There is no real Turin report among them, but a certificate and its chain."""
    folder = SHARED / "snp/virtee+sev/tests/certs_data"
    leaf, ask, ark = (
        parse_item(item)
        for name in ("vcek_turin.der", "cert_chain_turin")
        for item in split_endorsements((folder / name).read_bytes())
    )
    assert isinstance(leaf, Certificate)
    assert isinstance(ask, Certificate)
    assert isinstance(ark, Certificate)
    assert leaf.signed_by(ask, RSA_PSS)
    assert ask.signed_by(ark, RSA_PSS)
    assert certified_product(leaf) == "Turin"
    assert certified_tcb(leaf, turin=True) == bytes((0, 0, 0, 0, 0, 0, 0, 9))
    assert certified_tcb(leaf, turin=False) is None
    assert len(hardware_id(leaf) or b"") == 8
