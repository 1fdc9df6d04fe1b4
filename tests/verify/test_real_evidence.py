"""Every real SEV-SNP file of the shared evidence: reports at a right time are accepted, or refused for a stated reason;
certificates are read and belong to a chain; what does not apply is listed with the reason.
"""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from confide.errors import Refused, Unavailable
from confide.evidence import EvidenceBundle, pack_evidence
from confide.evidence.endorsements import split_endorsements
from confide.evidence.recognition import recognise
from confide.evidence.snp_id_block import parse_id_auth
from confide.ids import to_base64
from confide.verify import verify_evidence
from confide.verify.amd_chain import certified_product, certified_tcb, hardware_id
from confide.verify.anchors import AMD_ROOTS
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

MANIFEST = json.loads((SHARED / "MANIFEST.json").read_text()) if SHARED.exists() else []
MINE = {entry["path"] for entry in MANIFEST if entry["tee"] in {"snp", "csv"}}
JSON = {
    "snp/confidential-dot-ai+attestation-rs/crates/attestation/test_data/snp/live-evidence-genoa.json": 5,
    "snp/confidential-containers+trustee/attestation-service/tests/e2e/evidence.json": 3,
}
ID_BLOCK = "snp/virtee+sev/tests/measurement/test_{}.bin"
# What is no evidence, and why.
MEASURED, CSV = "snp/virtee+sev/tests/measurement", "csv/confidential-containers+trustee/deps/verifier/test_data"
OTHERS = {
    f"{MEASURED}/ovmf_AmdSev_suffix.bin": "the end of a firmware image: predicting a measurement is not verifying",
    f"{MEASURED}/ovmf_OvmfX64_suffix.bin": "the end of a firmware image, as above",
    f"{CSV}/csv_evidence.json": "Hygon CSV: another vendor's report, signed by SM2, which is not verified here",
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


@pytest.mark.parametrize(("path", "version"), JSON.items(), ids=[Path(path).name for path in JSON])
def test_real_evidence_in_json_is_accepted(path: str, version: int):
    found = recognise((SHARED / path).read_bytes())
    chain = split_endorsements((SHARED / CHAINS.format("genoa")).read_bytes())
    bundle = pack_evidence(found.format, found.evidence_bytes(), (*found.endorsement_bytes(), *chain))
    verified = verify_evidence(bundle, now=datetime.fromisoformat("2026-06-01T00:00:00+00:00"), report_data=None)
    assert (verified.claims["product"], verified.claims["version"]) == ("Genoa", version)
    assert not verified.simulated


def test_real_evidence_of_another_vendor_is_not_taken_for_amds():
    path = "csv/confidential-containers+trustee/deps/verifier/test_data/csv_evidence.json"
    with pytest.raises(Refused) as caught:
        recognise((SHARED / path).read_bytes())
    assert caught.value.codes == ("evidence.format",)


def _certificates(path: str) -> list[Certificate]:
    items = [parse_item(item) for item in split_endorsements((SHARED / path).read_bytes())]
    return [item for item in items if isinstance(item, Certificate)]


CERTIFICATES = sorted(path for path in MINE if path.endswith((".der", ".pem", ".testcer")) or "cert_chain" in path)


@pytest.mark.parametrize("path", CERTIFICATES)
def test_real_certificates_are_read_and_every_root_is_pinned(path: str):
    found = _certificates(path)
    assert found
    roots = [one for one in found if one.common_name.startswith("ARK-")]
    assert all(one.fingerprint in AMD_ROOTS for one in roots)
    issuers = [one for one in found if one.common_name.startswith("SEV-") and one.is_authority]
    assert all(issuer.signed_by(root, RSA_PSS) for issuer in issuers for root in roots)
    leaves = [one for one in found if not one.is_authority]
    assert all(certified_product(one) in {"Milan", "Genoa", "Turin"} for one in leaves)


def test_real_id_authentication_is_signed_by_its_author():
    auth = parse_id_auth((SHARED / ID_BLOCK.format("auth_block")).read_bytes())
    assert auth.author_key is not None
    for name, pair in (("id_sig", auth.block_signature), ("auth_sig", auth.key_signature)):
        raw = (SHARED / ID_BLOCK.format(name)).read_bytes()
        assert pair == (int.from_bytes(raw[:72], "little"), int.from_bytes(raw[72:144], "little"))


def test_every_real_file_has_a_verdict_or_a_reason():
    used = {path for _, path in REPORTS} | JSON.keys() | set(CERTIFICATES)
    used |= {ID_BLOCK.format(name) for name in ("auth_block", "auth_sig", "id_sig")}
    assert MINE - used - OTHERS.keys() == set()
