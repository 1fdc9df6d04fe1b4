"""Rows 15 and 16 of the attestation checklist, for TDX and SGX alike: collateral, TCB levels and statuses. Each refusal
has its positive twin: the healthy machine is accepted by the same call, and each case differs from it in one fact.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from confide.clock import to_rfc3339
from confide.errors import Refused, Unavailable
from confide.evidence import EvidenceBundle
from confide.evidence.intel_pck import OID
from confide.testing.fake_intel import FakeIntel, Machine, issue
from confide.verify import Trust, VerifiedEvidence, examine_alone, intel, verify_evidence
from confide.verify.intel_chain import PCK, SIGNER
from confide.verify.intel_dcap_qvl import has_extensions

NOW = datetime(2026, 6, 1, tzinfo=UTC)
DAY = timedelta(days=1)
FAKE = FakeIntel.create(NOW)
Change = Callable[[dict[str, Any]], None]
with_pck, with_qe, with_info, with_identity = (
    Machine.with_pck,
    Machine.with_qe,
    Machine.with_info,
    Machine.with_identity,
)


@pytest.fixture(params=["tdx", "sgx"])
def machine(request: pytest.FixtureRequest) -> Machine:
    return FAKE.domain() if request.param == "tdx" else FAKE.enclave()


def verify(bundle: EvidenceBundle) -> VerifiedEvidence:
    return verify_evidence(bundle, now=NOW, report_data=None, simulated_roots=[FAKE.root_fingerprint])


def names_of(bundle: EvidenceBundle) -> set[str]:
    """The codes of the refusal, without the prefix of the TEE."""
    with pytest.raises(Refused) as caught:
        verify(bundle)
    return {code.removeprefix(f"{bundle.format}.") for code in caught.value.codes}


def outcome(verified: VerifiedEvidence, code: str) -> str:
    return next(check.outcome for check in verified.checks if check.code == code)


# Row 15: collateral


def test_row_15_missing_collateral_is_unavailable(machine: Machine):
    with pytest.raises(Unavailable) as caught:
        verify(FAKE.evidence(machine, collateral=()))
    assert caught.value.codes == (f"{machine.tee}.collateral.missing",)


@pytest.mark.parametrize("left_out", range(6))
def test_row_15_each_missing_piece_is_unavailable(machine: Machine, left_out: int):
    whole = FAKE.collateral(machine)
    rest = whole[:left_out] + whole[left_out + 1 :]
    if left_out == 5:  # the root: the signer's path has no end then
        assert "collateral.chain.root" in names_of(FAKE.evidence(machine, collateral=rest))
        return
    with pytest.raises(Unavailable) as caught:
        verify(FAKE.evidence(machine, collateral=rest))
    assert caught.value.codes == (f"{machine.tee}.collateral.missing",)


def test_row_15_missing_collateral_does_not_hide_a_forgery(machine: Machine):
    quote = replace(FAKE.sign_quote(machine), qe_auth=b"\1" * 32)
    assert "qe.report_data" in names_of(FAKE.evidence(machine, quote=quote, collateral=()))


def test_row_15_formatted_anew_is_refused(machine: Machine):
    response = json.loads(FAKE.sign_document("tcbInfo", machine.tcb_info))
    assert names_of(
        FAKE.evidence(machine, collateral=FAKE.collateral(machine, tcb_info=json.dumps(response, indent=1).encode()))
    ) == {"collateral.signature"}


@pytest.mark.parametrize("which", ["tcb_info", "identity"])
def test_row_15_document_by_another_key_is_refused(machine: Machine, which: str):
    name = {"tcb_info": "tcbInfo", "identity": "enclaveIdentity"}[which]
    forged = FAKE.sign_document(name, getattr(machine, which), signer="pck")
    collateral = FAKE.collateral(machine, **{which: forged})
    assert names_of(FAKE.evidence(machine, collateral=collateral)) == {"collateral.signature"}


def test_row_15_document_signed_by_a_platforms_key_is_refused(machine: Machine):
    """A machine's owner may get hold of its provisioning key, which is under Intel's root as well."""
    leaf = issue(PCK, "pck", NOW, FAKE.platform_ca, extensions={OID: machine.pck.encode()})
    forged = FAKE.sign_document("tcbInfo", machine.tcb_info, signer="pck")
    certificates = (leaf.der, FAKE.platform_ca.der, FAKE.signer.der, FAKE.root.der)
    collateral = FAKE.collateral(machine, tcb_info=forged, certificates=certificates)
    assert names_of(FAKE.evidence(machine, collateral=collateral)) == {"collateral.signature"}


def test_row_15_signer_that_is_an_authority_is_refused(machine: Machine):
    signer = issue(SIGNER, "signer", NOW, FAKE.root, path_length=0)
    collateral = FAKE.collateral(machine, certificates=(signer.der, FAKE.root.der))
    assert "collateral.chain.authority" in names_of(FAKE.evidence(machine, collateral=collateral))


def test_row_15_expired_signer_is_refused(machine: Machine):
    signer = issue(SIGNER, "signer", NOW - DAY, FAKE.root, lifetime=DAY)
    collateral = FAKE.collateral(machine, certificates=(signer.der, FAKE.root.der))
    assert names_of(FAKE.evidence(machine, collateral=collateral)) == {"collateral.chain.validity"}


def dated(issued: datetime, ends: datetime) -> Change:
    return lambda document: document.update(issueDate=to_rfc3339(issued), nextUpdate=to_rfc3339(ends))


@pytest.mark.parametrize("change", [with_info, with_identity])
@pytest.mark.parametrize(("begins", "ends"), [(1, 30), (-30, -1)])
def test_row_15_collateral_that_is_not_in_force_is_refused(machine: Machine, change: Any, begins: int, ends: int):
    wrong = change(machine, dated(NOW + begins * DAY, NOW + ends * DAY))
    assert names_of(FAKE.evidence(wrong)) == {"collateral.dates"}


@pytest.mark.parametrize("change", [with_info, with_identity])
def test_row_15_both_ends_of_the_period_are_in_it(machine: Machine, change: Any):
    verify(FAKE.evidence(change(machine, dated(NOW, NOW + DAY))))
    verify(FAKE.evidence(change(machine, dated(NOW - DAY, NOW))))


def test_row_15_of_two_documents_the_one_in_force_is_taken(machine: Machine):
    stale = FAKE.sign_document("tcbInfo", with_info(machine, dated(NOW - 60 * DAY, NOW - 30 * DAY)).tcb_info)
    verify(FAKE.evidence(machine, collateral=(stale, *FAKE.collateral(machine))))


def test_row_15_of_two_documents_one_in_force_is_taken_before_a_later_evaluation(machine: Machine):
    stale = with_info(machine, dated(NOW - 60 * DAY, NOW - 30 * DAY)).tcb_info | {"tcbEvaluationDataNumber": 99}
    verify(FAKE.evidence(machine, collateral=(FAKE.sign_document("tcbInfo", stale), *FAKE.collateral(machine))))


@pytest.mark.parametrize(("begins", "ends"), [(-1, 0), (0, 1)])
def test_row_15_document_at_either_end_of_its_period_is_taken_as_one_in_force(machine: Machine, begins: int, ends: int):
    """It has the later evaluation, which says that the platform is out of date: it is not passed over for the other."""
    later = with_info(machine, dated(NOW + begins * DAY, NOW + ends * DAY))
    later = with_info(with_info(later, status("OutOfDate")), lambda info: info.update(tcbEvaluationDataNumber=99))
    document = FAKE.sign_document("tcbInfo", later.tcb_info)
    assert names_of(FAKE.evidence(machine, collateral=(*FAKE.collateral(machine), document))) == {"tcb_status"}


@pytest.mark.parametrize("change", [with_info, with_identity])
def test_row_15_evaluation_is_the_lower_one_of_both_documents(machine: Machine, change: Any):
    tcb: Any = verify(FAKE.evidence(change(machine, lambda one: one.update(tcbEvaluationDataNumber=5)))).claims["tcb"]
    assert tcb["evaluation_data_number"] == 5


def test_row_15_of_two_documents_the_later_evaluation_is_taken(machine: Machine):
    old = FAKE.sign_document("tcbInfo", machine.tcb_info | {"tcbEvaluationDataNumber": 3})
    verified = verify(FAKE.evidence(machine, collateral=(old, *FAKE.collateral(machine))))
    tcb: Any = verified.claims["tcb"]
    assert tcb["evaluation_data_number"] == 18


# Row 16: TCB levels and statuses


def level_of(info: dict[str, Any], index: int = 0) -> dict[str, Any]:
    return info["tcbLevels"][index]


def status(name: str, *advisories: str) -> Change:
    return lambda document: level_of(document).update(tcbStatus=name, advisoryIDs=list(advisories))


@pytest.mark.parametrize("index", range(16))
def test_row_16_each_sgx_component_counts(machine: Machine, index: int):
    """With one component below it, the platform falls to the next level, or below all."""
    enough = tuple(one["svn"] for one in level_of(machine.tcb_info)["tcb"]["sgxtcbcomponents"])
    if enough[index] == 0:
        raised = with_info(machine, lambda info: _component(info, "sgxtcbcomponents", index, 1))
        assert "tcb_status" in names_of(FAKE.evidence(raised))
        return
    low = (*enough[:index], enough[index] - 1, *enough[index + 1 :])
    verify(FAKE.evidence(with_pck(machine, components=enough, cpu_svn=bytes(enough))))
    assert "tcb_status" in names_of(FAKE.evidence(with_pck(machine, components=low, cpu_svn=bytes(low))))


def _component(info: dict[str, Any], kind: str, index: int, svn: int) -> None:
    for level in info["tcbLevels"][:1]:
        level["tcb"][kind][index] = {"svn": svn}


def test_row_16_pce_version_counts(machine: Machine):
    verify(FAKE.evidence(with_pck(machine, pce_svn=11)))
    assert names_of(FAKE.evidence(with_pck(machine, pce_svn=10))) == {"tcb.level", "tcb_status"}


def test_row_16_platform_below_every_level_is_refused(machine: Machine):
    assert "tcb.level" in names_of(FAKE.evidence(with_pck(machine, components=(0,) * 16, cpu_svn=bytes(16))))


def test_row_16_components_decide_and_not_the_raw_cpusvn(machine: Machine):
    verified = verify(FAKE.evidence(with_pck(machine, cpu_svn=bytes(16))))
    assert outcome(verified, f"{machine.tee}.dcap_qvl") == "not applicable"


def test_row_16_out_of_date_is_no_success_by_default(machine: Machine):
    old = (2, 2, 2, 2, 3, 1, 0, 5, *bytes(8))
    with pytest.raises(Refused) as caught:
        verify(FAKE.evidence(with_pck(machine, components=old, cpu_svn=bytes(old))))
    (finding,) = caught.value.findings
    assert finding.code == f"{machine.tee}.tcb_status"
    assert finding.got == "OutOfDate, INTEL-SA-00837"
    assert finding.wanted.startswith("UpToDate")
    checks = {check.code: check.outcome for check in caught.value.checks}
    assert checks[f"{machine.tee}.dcap_qvl"] == "passed"


@pytest.mark.parametrize(
    "name",
    ["SWHardeningNeeded", "ConfigurationNeeded", "ConfigurationAndSWHardeningNeeded", "OutOfDate",
     "OutOfDateConfigurationNeeded"],
)  # fmt: skip
def test_row_16_other_statuses_are_found_and_refused_by_default(machine: Machine, name: str):
    changed = with_info(machine, status(name, "INTEL-SA-00001"))
    with pytest.raises(Refused) as caught:
        verify(FAKE.evidence(changed))
    assert [finding.got for finding in caught.value.findings] == [f"{name}, INTEL-SA-00001"]
    assert f"{machine.tee}.dcap_qvl" in {check.code for check in caught.value.checks if check.outcome == "passed"}


@pytest.mark.parametrize("change", [with_info, with_identity])
def test_row_16_revoked_is_refused_whatever_a_policy_says(machine: Machine, change: Any):
    assert names_of(FAKE.evidence(change(machine, status("Revoked")))) == {"tcb.revoked", "tcb_status"}


def test_row_16_status_of_the_quoting_enclave_counts(machine: Machine):
    with pytest.raises(Refused) as caught:
        verify(FAKE.evidence(with_qe(machine, isv_svn=7)))
    assert [finding.got for finding in caught.value.findings] == ["OutOfDate, INTEL-SA-00615"]


def test_row_16_out_of_date_and_in_need_of_configuration_is_both(machine: Machine):
    """As Intel's own library merges them."""
    changed = with_info(with_qe(machine, isv_svn=7), status("ConfigurationNeeded"))
    with pytest.raises(Refused) as caught:
        verify(FAKE.evidence(changed))
    assert [finding.got for finding in caught.value.findings] == ["OutOfDateConfigurationNeeded, INTEL-SA-00615"]


GOOD_ENOUGH = ["UpToDate", "SWHardeningNeeded", "ConfigurationNeeded", "ConfigurationAndSWHardeningNeeded",
               "OutOfDate", "OutOfDateConfigurationNeeded"]  # fmt: skip


@pytest.mark.parametrize("platform", GOOD_ENOUGH)
@pytest.mark.parametrize("enclave", ["UpToDate", "OutOfDate"])
@pytest.mark.parametrize("module", ["UpToDate", "OutOfDate"])
def test_row_16_dcap_qvl_agrees_on_all_statuses(platform: str, enclave: str, module: str):
    machine = with_identity(with_info(FAKE.domain(), status(platform, "INTEL-SA-00001")), status(enclave))
    machine = with_info(machine, lambda info: status(module, "INTEL-SA-00002")(info["tdxModuleIdentities"][0]))
    exam = examine_alone(FAKE.evidence(machine), now=NOW, report_data=None, trust=Trust.of([FAKE.root_fingerprint]))
    checks = {check.code: check.outcome for check in exam.checklist.checks}
    assert checks["tdx.dcap_qvl"] == "passed"
    tcb: Any = exam.claims()["tcb"]
    assert ("OutOfDate" in tcb["status"]) == ("OutOfDate" in f"{platform}{enclave}{module}")
    assert ("Configuration" in tcb["status"]) == ("Configuration" in platform)


def test_row_16_unknown_status_is_malformed(machine: Machine):
    for wrong in (with_info(machine, status("Splendid")), with_identity(machine, status("ConfigurationNeeded"))):
        with pytest.raises(Refused) as caught:
            verify(FAKE.evidence(wrong))
        assert "endorsement.malformed" in caught.value.codes


def test_row_16_refusal_of_dcap_qvl_itself_is_a_disagreement(machine: Machine, monkeypatch: pytest.MonkeyPatch):
    """What dcap-qvl does not take is known beforehand; were it not, its refusal would refuse the evidence."""
    lists = (FAKE.revocation_list(plain=True), FAKE.revocation_list(FAKE.platform_ca, plain=True))
    bundle = FAKE.evidence(machine, collateral=FAKE.collateral(machine, lists=lists))
    verify(bundle)
    monkeypatch.setattr(intel, "limits", lambda *_: [])
    with pytest.raises(Refused) as caught:
        verify(bundle)
    assert [one.code for one in caught.value.findings] == [f"{machine.tee}.dcap_qvl"]
    assert "a refusal (" in caught.value.findings[0].got


def test_list_whose_extensions_do_not_parse_has_none():
    assert has_extensions(FAKE.revocation_list())
    assert not has_extensions(FAKE.revocation_list(plain=True))
    assert not has_extensions(b"no list")
