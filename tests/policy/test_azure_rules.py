"""The rules of Azure's machines and containers: those of the pieces hold on the pieces, and each of Azure's own holds
for the healthy evidence and fails by its own code for another.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from confide.errors import Refused
from confide.evidence import EvidenceBundle, pack_evidence
from confide.policy import Policy, parse_policy, tpm_rules
from confide.policy.appraisal import judge
from confide.policy.azure_containers_rules import read_issuer
from confide.policy.explanation import explain_policy
from confide.policy.kinds import kind_of
from confide.policy.pieces import on_pieces
from confide.policy.reading import WrongValueError
from confide.policy.suggestion import suggest_policy
from confide.policy.template import PlatformText, PolicyText, default_values
from confide.testing.fake_azure import PCRS, FakeAzure
from confide.testing.fake_azure_tdx import FakeAzureTdx
from confide.testing.fake_uvm import FakeMicrosoft
from confide.verify import VerifiedEvidence, examine
from confide.verify.trust import Trust

NOW = datetime(2026, 6, 1, tzinfo=UTC)
NONCE = b"question"
MACHINE = "911B0EF8-9DBA-48B0-B275-4E4DF2D39252"
OTHER_MACHINE = "00000000-0000-0000-0000-000000000000"
CONTAINER_POLICY = hashlib.sha256(b"package policy").hexdigest()
PCR4 = {"sha256:4": [PCRS["sha256"][4].hex()]}
CRL = {"waived": "the tests bring their own lists"}

AZURE, TDX, MICROSOFT = FakeAzure.create(NOW), FakeAzureTdx.create(NOW), FakeMicrosoft.create(NOW)
ROOTS = [AZURE.root_fingerprint, TDX.root_fingerprint, MICROSOFT.root_fingerprint]


def container(**changes: object) -> EvidenceBundle:
    report = AZURE.amd.report(**({"host_data": bytes.fromhex(CONTAINER_POLICY)} | changes))
    inner = AZURE.amd.evidence(report)
    endorsement = MICROSOFT.endorse(report.measurement, svn=104)
    return pack_evidence(
        "azure-containers", inner.evidence_bytes(), inner.endorsement_bytes(), uvm_endorsement=endorsement
    )


# What must be given for each format, and the healthy evidence.
GIVEN: dict[str, tuple[str, dict[str, object], Callable[..., EvidenceBundle]]] = {
    "azure-snp-vtpm": ("Genoa", {"measurements": ["00" * 48], "pcrs": PCR4, "crl": CRL}, AZURE.evidence),
    "azure-tdx-vtpm": ("TDX", {"mrtd": ["00" * 48], "pcrs": PCR4}, TDX.evidence),
    "azure-containers": (
        "Genoa", {"security_policies": [CONTAINER_POLICY], "crl": CRL, "uvm_issuer": MICROSOFT.issuer}, container,
    ),
}  # fmt: skip


def policy(name: str, **values: object) -> Policy:
    """A simulation policy: strict defaults, with the fields given as the file has them."""
    product, given, _ = GIVEN[name]
    file = {**default_values(name, product, "simulation"), **given, **values}
    platform = PlatformText(format=name, product=product, values=file)
    return parse_policy(
        PolicyText(name="test", kind="simulation", platforms=[platform], simulated_roots=ROOTS).render()
    )


def appraised(name: str, bundle: EvidenceBundle, **values: object) -> VerifiedEvidence:
    question = NONCE if "vtpm" in name else None
    return judge(bundle, policy(name, **values), report_data=question, now=NOW).conclude()


def codes_of(name: str, bundle: EvidenceBundle, **values: object) -> set[str]:
    with pytest.raises(Refused) as caught:
        appraised(name, bundle, **values)
    return set(caught.value.codes)


def healthy(name: str) -> EvidenceBundle:
    make = GIVEN[name][2]
    return make() if name == "azure-containers" else make(NONCE)


@pytest.mark.parametrize("name", GIVEN)
def test_healthy_evidence_satisfies_the_defaults(name: str):
    outcomes = {check.code: check.outcome for check in appraised(name, healthy(name)).checks}
    assert {outcomes[code] for code in kind_of(name).codes} <= {"passed", "waived", "not applicable"}
    assert "passed" in {outcomes[code] for code in kind_of(name).codes}


@pytest.mark.parametrize("name", GIVEN)
def test_rules_have_names_and_codes_of_their_own(name: str):
    rules = kind_of(name).rules
    assert len({rule.name for rule in rules}) == len(rules)
    codes = [code for rule in rules for code in rule.codes]
    assert len(set(codes)) == len(codes)


@pytest.mark.parametrize("name", GIVEN)
def test_every_rule_is_said_in_a_sentence(name: str):
    text = "\n".join(explain_policy(policy(name)))
    assert "Azure" in text
    assert text.count("\n- ") >= len(kind_of(name).rules) - 1


@pytest.mark.parametrize("name", GIVEN)
def test_a_policy_is_suggested_that_the_sample_satisfies(name: str):
    exam = examine(healthy(name), now=NOW, report_data=None, trust=Trust.of(ROOTS))
    text = suggest_policy(exam, "suggested", verified=False).render()
    missing = [root for root in ROOTS if root not in text]
    listed = text.replace("simulated_roots = [", "simulated_roots = [" + "".join(f'"{root}", ' for root in missing))
    assert judge(healthy(name), parse_policy(listed), report_data=None, now=NOW).conclude()


def test_a_rule_that_was_renamed_is_not_taken_along_unseen():
    with pytest.raises(ValueError, match="no rule unheard_of"):
        on_pieces("tpm", tpm_rules.RULES, without={"pcrs", "unheard_of"})


# Rules of the hardware, of the TPM and of the paravisor's claims, each by its own code

CASES: list[tuple[str, dict[str, Any], dict[str, object], str]] = [
    ("azure-snp-vtpm", {"report": {"measurement": b"\1" * 48}}, {}, "policy.workload.measurement"),
    ("azure-snp-vtpm", {"report": {"vmpl": 1}}, {}, "snp.vmpl"),
    ("azure-snp-vtpm", {"report": {"policy": 1 << 17 | 1 << 19}}, {}, "snp.policy.debug"),
    ("azure-snp-vtpm", {"report": {"platform_info": 0}}, {}, "snp.platform_info.alias_check"),
    ("azure-snp-vtpm", {}, {"pcrs": {"sha256:4": ["ff" * 32]}}, "tpm.pcrs.value"),
    ("azure-snp-vtpm", {}, {"banks": ["sha384"]}, "tpm.bank"),
    ("azure-snp-vtpm", {}, {"event_log": True}, "tpm.log.missing"),
    ("azure-snp-vtpm", {"claims": {"vm-configuration": {"secure-boot": False}}}, {}, "azure.vm.secure_boot"),
    ("azure-snp-vtpm", {"claims": {"vm-configuration": {}}}, {}, "azure.vm.secure_boot"),
    ("azure-snp-vtpm", {"claims": {"vm-configuration": {"secure-boot": "true"}}}, {}, "azure.vm.secure_boot"),
    ("azure-snp-vtpm", {}, {"vm_ids": [OTHER_MACHINE]}, "azure.vm.id"),
    ("azure-snp-vtpm", {}, {"user_data": "01" * 64}, "azure.user_data"),
    ("azure-tdx-vtpm", {"domain": {"mr_td": b"\1" * 48}}, {}, "policy.workload.measurement"),
    ("azure-tdx-vtpm", {"domain": {"td_attributes": 1}}, {}, "tdx.debug"),
    ("azure-tdx-vtpm", {}, {"pcrs": {"sha256:4": ["ff" * 32]}}, "tpm.pcrs.value"),
    ("azure-tdx-vtpm", {"claims": {"vm-configuration": {"secure-boot": False}}}, {}, "azure.vm.secure_boot"),
    ("azure-containers", {"host_data": bytes(32)}, {}, "policy.workload.security_policy"),
    ("azure-containers", {"policy": 1 << 17 | 1 << 19}, {}, "snp.policy.debug"),
    ("azure-containers", {}, {"minimum_uvm_svn": 105}, "uvm.policy.svn"),
    ("azure-containers", {}, {"uvm_feed": "ConfAKS-AMD-UVM"}, "uvm.policy.feed"),
    (
        "azure-containers", {},
        {"uvm_issuer": "did:x509:0:sha256:I__iuL25oXEVFdTP_aBLx_eT1RPHbCQ_ECBQfYZpt9s::eku:1.3.6.1.4.1.311.76.59.1.2"},
        "uvm.policy.issuer",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("name", "changes", "values", "code"), CASES, ids=[f"{case[0]}-{case[3]}" for case in CASES])
def test_evidence_that_a_rule_does_not_allow_is_refused_by_its_code(
    name: str, changes: dict[str, Any], values: dict[str, object], code: str
):
    make = GIVEN[name][2]
    bundle = make(**changes) if name == "azure-containers" else make(NONCE, **changes)
    assert code in codes_of(name, bundle, **values)
    assert len(codes_of(name, bundle, **values)) <= 2


@pytest.mark.parametrize("wanted", [False, True])
def test_a_console_is_refused_where_the_policy_says_so(wanted: bool):
    """What the claims do not say counts as a console: unset never means unchecked."""
    settings: dict[str, object] = {"secure-boot": True} | ({"console-enabled": True} if wanted else {})
    bundle = AZURE.evidence(NONCE, claims={"vm-configuration": settings})
    assert codes_of("azure-snp-vtpm", bundle, vm_console=False) == {"azure.vm.console"}
    assert appraised("azure-snp-vtpm", AZURE.evidence(NONCE), vm_console=False)


def test_the_right_machine_and_its_user_data_are_accepted():
    assert appraised("azure-snp-vtpm", AZURE.evidence(NONCE), vm_ids=[MACHINE], user_data="00" * 64)


def test_without_a_quote_no_rule_of_the_tpm_passes():
    bundle = AZURE.evidence(NONCE, parts={})
    exam = judge(bundle, policy("azure-snp-vtpm"), report_data=NONCE, now=NOW)
    assert {finding.code for finding in exam.checklist.findings} == {"azure.quote.missing"}
    tpm = [check for check in exam.checklist.checks if check.code.startswith("tpm.")]
    assert {check.outcome for check in tpm} <= {"failed", "waived"}


def test_a_production_policy_refuses_the_forged_machine():
    given = policy("azure-snp-vtpm")
    production = parse_policy(
        given.text.replace('kind = "simulation"', 'kind = "production"').replace(
            given.text[
                given.text.index("simulated_roots") : given.text.index("]", given.text.index("simulated_roots")) + 1
            ],
            "",
        )
    )
    exam = judge(AZURE.evidence(NONCE), production, report_data=NONCE, now=NOW)
    assert "snp.chain.root" in {finding.code for finding in exam.checklist.findings}


@pytest.mark.parametrize("value", [5, "", "did:web:x", "did:x509:0:sha256:AAAA"])
def test_an_issuer_of_another_kind_cannot_be_written(value: object):
    with pytest.raises(WrongValueError):
        read_issuer(value)
