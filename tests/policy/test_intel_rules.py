"""The rules of TDX domains and SGX enclaves: each holds for the healthy machine, and fails by its code for another."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from confide.errors import Misuse, Refused, Unavailable
from confide.evidence.intel_quote import Quote
from confide.policy import Policy, Waiver, parse_policy
from confide.policy.appraisal import judge
from confide.policy.codes import CODES
from confide.policy.explanation import explain_policy
from confide.policy.kinds import kind_of
from confide.policy.suggestion import suggest_policy
from confide.policy.template import PlatformText, PolicyText, default_values
from confide.testing.fake_intel import FakeIntel, Machine
from confide.verify import Trust, VerifiedEvidence, examine

NOW = datetime(2026, 6, 1, tzinfo=UTC)
FAKE = FakeIntel.create(NOW)
DATA = b"\7" * 64
ZERO = "00" * 48
OTHER = "ff" * 48
DOMAIN = FAKE.domain(report_data=DATA)
SERVED = FAKE.domain(report_data=DATA, version=5, mr_service_td=b"\1" * 48)
ENCLAVE = FAKE.enclave(report_data=DATA)
MACHINES = {"tdx": DOMAIN, "sgx": ENCLAVE}
PPID = bytes(range(16)).hex()
GIVEN: dict[str, dict[str, object]] = {
    "tdx": {"mrtd": [ZERO], "rtmr0": [ZERO], "rtmr1": [ZERO], "rtmr2": [ZERO]},
    "sgx": {"mrenclave": ["11" * 32]},
}


def text_of(tee: str, values: Mapping[str, object]) -> str:
    """A simulation policy: strict defaults, with the fields given as the file has them."""
    product = tee.upper()
    file = {**default_values(tee, product, "simulation"), **GIVEN[tee], **values}
    platform = PlatformText(format=tee, product=product, values=file)
    made = PolicyText(name="test", kind="simulation", platforms=[platform], simulated_roots=[FAKE.root_fingerprint])
    return made.render()


def policy(tee: str, values: Mapping[str, object]) -> Policy:
    return parse_policy(text_of(tee, values))


def appraised(machine: Machine, values: Mapping[str, object], **how: Any) -> VerifiedEvidence:
    bundle = FAKE.evidence(machine, **how)
    return judge(bundle, policy(machine.tee, values), report_data=DATA, now=NOW).conclude()


def codes_of(machine: Machine, values: Mapping[str, object], **how: Any) -> tuple[str, ...]:
    with pytest.raises(Refused) as caught:
        appraised(machine, values, **how)
    return caught.value.codes


def changed(machine: Machine, **changes: Any) -> Machine:
    return replace(machine, report=replace(machine.report, **changes))


def with_level(machine: Machine, status: str, *advisories: str) -> Machine:
    info = deepcopy(machine.tcb_info)
    info["tcbLevels"][0].update(tcbStatus=status, advisoryIDs=list(advisories))
    return replace(machine, tcb_info=info)


@pytest.fixture(params=MACHINES)
def machine(request: pytest.FixtureRequest) -> Machine:
    return MACHINES[request.param]


def test_the_healthy_machine_satisfies_the_defaults(machine: Machine):
    outcomes = {check.code: check.outcome for check in appraised(machine, {}).checks}
    kind = kind_of(machine.tee)
    assert {outcomes[code] for code in kind.codes} == {"passed", "waived"}
    for name in ("debug", "tcb_status", "advisories", "evaluation", "collateral.age"):
        assert outcomes[f"{machine.tee}.{name}"] == "passed"


def test_a_new_policy_is_strict(machine: Machine):
    values = default_values(machine.tee, machine.tee.upper(), "production")
    given = {name: value for name, value in values.items() if not isinstance(value, Waiver)}
    platform = {"tcb_status": ["UpToDate"], "advisories": [], "minimum_evaluation": 17, "maximum_collateral_age": 30}
    domain = {"rtmr3": [ZERO], "sept_ve_disable": True, "migratable": False, "td_attributes": "0xd0000000"}
    domain |= dict.fromkeys(("mr_config_id", "mr_owner", "mr_owner_config", "mr_signer_seam", "mr_service_td"), ZERO)
    enclave = {"minimum_isv_svn": 0, "attributes": "0x485", "misc_select": "0x0", "config_id": "00" * 64,
               "minimum_config_svn": 0}  # fmt: skip
    assert given == {"debug": False, **platform, **(domain if machine.tee == "tdx" else enclave)}


PLATFORM_FAILING: list[tuple[str, object, str]] = [
    ("minimum_evaluation", 19, "evaluation"),
    ("fmspcs", ["00" * 6], "fmspc"),
    ("chip_ids", ["00" * 16], "policy.chip.allowed"),
    ("denied_chip_ids", [PPID], "policy.chip.denied"),
]
PLATFORM_HOLDING: dict[str, object] = {
    "minimum_evaluation": 18, "fmspcs": ["00" * 6, "b0c06f000000"], "smt": False, "chip_ids": [PPID],
    "denied_chip_ids": ["00" * 16], "advisories": ["INTEL-SA-00001"], "maximum_collateral_age": 1,
}  # fmt: skip


@pytest.mark.parametrize(("name", "value", "code"), PLATFORM_FAILING)
def test_rule_on_the_platform_fails_by_its_code(machine: Machine, name: str, value: object, code: str):
    wanted = code if code.startswith("policy.") else f"{machine.tee}.{code}"
    assert codes_of(machine, {name: value}) == (wanted,)


@pytest.mark.parametrize(("name", "value"), PLATFORM_HOLDING.items())
def test_rule_on_the_platform_holds(machine: Machine, name: str, value: object):
    appraised(machine, {name: value})


def test_multithreading_that_is_on_or_not_known_is_refused(machine: Machine):
    on = replace(machine, pck=replace(machine.pck, configuration=(("smt_enabled", True),)))
    unknown = replace(machine, pck=replace(machine.pck, configuration=()))
    assert codes_of(on, {"smt": False}) == (f"{machine.tee}.smt",)
    assert codes_of(unknown, {"smt": False}) == (f"{machine.tee}.smt",)


@pytest.mark.parametrize("status", ["SWHardeningNeeded", "ConfigurationNeeded", "OutOfDate"])
def test_status_is_refused_unless_the_policy_accepts_it(machine: Machine, status: str):
    less = with_level(machine, status)
    assert codes_of(less, {}) == (f"{machine.tee}.tcb_status",)
    verified = appraised(less, {"tcb_status": ["UpToDate", status]})
    tcb: Any = verified.claims["tcb"]
    assert tcb["status"] == status


def test_revoked_cannot_be_accepted(machine: Machine):
    with pytest.raises(Misuse) as caught:
        policy(machine.tee, {"tcb_status": ["UpToDate", "Revoked"]})
    assert caught.value.codes == ("policy.file.value",)
    codes = codes_of(with_level(machine, "Revoked"), {"tcb_status": ["OutOfDate", "UpToDate"]})
    assert codes == (f"{machine.tee}.tcb.revoked", f"{machine.tee}.tcb_status")


def test_status_cannot_be_waived(machine: Machine):
    with pytest.raises(Misuse):
        policy(machine.tee, {"tcb_status": Waiver("any")})


def test_advisories_are_refused_unless_the_policy_accepts_each(machine: Machine):
    less = with_level(machine, "SWHardeningNeeded", "INTEL-SA-00615", "INTEL-SA-00289")
    accepted = {"tcb_status": ["SWHardeningNeeded"]}
    assert codes_of(less, accepted) == (f"{machine.tee}.advisories",)
    assert codes_of(less, accepted | {"advisories": ["INTEL-SA-00615"]}) == (f"{machine.tee}.advisories",)
    appraised(less, accepted | {"advisories": ["INTEL-SA-00615", "INTEL-SA-00289"]})


def test_old_collateral_is_refused(machine: Machine):
    issued = (NOW - timedelta(days=10)).isoformat().replace("+00:00", "Z")
    old = replace(machine, identity=machine.identity | {"issueDate": issued})
    appraised(old, {"maximum_collateral_age": 10})
    assert codes_of(old, {"maximum_collateral_age": 9}) == (f"{machine.tee}.collateral.age",)


def test_what_was_got_is_said_as_the_file_has_it(machine: Machine):
    def got(one: Machine, values: Mapping[str, object]) -> list[str]:
        with pytest.raises(Refused) as caught:
            appraised(one, values)
        return [finding.got for finding in caught.value.findings]

    less = with_level(machine, "SWHardeningNeeded", "INTEL-SA-00615", "INTEL-SA-00289")
    assert got(less, {"tcb_status": ["SWHardeningNeeded"]}) == ["INTEL-SA-00289, INTEL-SA-00615"]
    on = replace(machine, pck=replace(machine.pck, configuration=(("smt_enabled", True),)))
    assert got(on, {"smt": False}) == ["true"]
    mask = "td_attributes" if machine.tee == "tdx" else "attributes"
    assert got(machine, {mask: "0x0"}) == ["0x10000000" if machine.tee == "tdx" else "0x5"]
    issued = (NOW - timedelta(days=10)).isoformat().replace("+00:00", "Z")
    old = replace(machine, identity=machine.identity | {"issueDate": issued})
    assert got(old, {"maximum_collateral_age": 9}) == ["10.0 days"]


def test_missing_collateral_is_unavailable_under_a_policy_too(machine: Machine):
    with pytest.raises(Unavailable) as caught:
        appraised(machine, {}, collateral=())
    assert caught.value.codes == (f"{machine.tee}.collateral.missing",)


def test_debug_is_refused_by_the_policy_and_can_be_waived(machine: Machine):
    bits: dict[str, int] = {"td_attributes": 1 << 28 | 1} if machine.tee == "tdx" else {"flags": 7}
    name, mask = ("td_attributes", "0x10000001") if machine.tee == "tdx" else ("attributes", "0x7")
    debugged = changed(machine, **bits)
    assert codes_of(debugged, {name: mask}) == (f"{machine.tee}.debug",)
    verified = appraised(debugged, {name: mask, "debug": Waiver("a test machine")})
    assert ("waived", "a test machine") in {(one.outcome, one.reason) for one in verified.checks}


def test_production_policy_refuses_a_simulated_machine(machine: Machine):
    text = text_of(machine.tee, {}).replace('kind = "simulation"', 'kind = "production"')
    lines = [line for line in text.splitlines() if not line.startswith("simulated_roots")]
    with pytest.raises(Refused) as caught:
        judge(FAKE.evidence(machine), parse_policy("\n".join(lines)), report_data=DATA, now=NOW).conclude()
    assert f"{machine.tee}.chain.root" in caught.value.codes


TDX_FAILING: dict[str, tuple[dict[str, object], str]] = {
    "mrtd": ({"mr_td": b"\1" * 48}, "policy.workload.measurement"),
    **{f"rtmr{n}": ({"rtmrs": tuple(bytes([n == m]) * 48 for m in range(4))}, f"tdx.rtmr{n}") for n in range(4)},
    "sept_ve_disable": ({"td_attributes": 0}, "tdx.sept_ve_disable"),
    "td_attributes": ({"td_attributes": 1 << 28 | 1 << 63}, "tdx.td_attributes"),
    "mr_config_id": ({"mr_config_id": b"\1" * 48}, "tdx.mr_config_id"),
    "mr_owner": ({"mr_owner": b"\1" * 48}, "tdx.mr_owner"),
    "mr_owner_config": ({"mr_owner_config": b"\1" * 48}, "tdx.mr_owner_config"),
}


@pytest.mark.parametrize("name", TDX_FAILING)
def test_rule_on_the_domain_fails_by_its_code_and_holds_when_waived(name: str):
    changes, code = TDX_FAILING[name]
    other = changed(DOMAIN, **changes)
    assert codes_of(other, {}) == (code,)
    if name != "mrtd":
        appraised(other, {name: Waiver("a test")})


def test_migratable_domain_is_refused():
    migratable = changed(DOMAIN, td_attributes=1 << 28 | 1 << 29)
    assert codes_of(migratable, {"td_attributes": "0x30000000"}) == ("tdx.migratable",)
    appraised(migratable, {"td_attributes": "0x30000000", "migratable": Waiver("we migrate")})


def test_extended_features_are_a_mask():
    appraised(DOMAIN, {"xfam": "0x602e7"})
    assert codes_of(DOMAIN, {"xfam": "0x202e7"}) == ("tdx.xfam",)


def test_service_domain_is_named_or_refused():
    assert codes_of(SERVED, {}) == ("tdx.mr_service_td",)
    appraised(SERVED, {"mr_service_td": "01" * 48})
    assert codes_of(DOMAIN, {"mr_service_td": "01" * 48}) == ("tdx.mr_service_td",)


def test_signer_of_the_module_can_be_named():
    assert codes_of(DOMAIN, {"mr_signer_seam": OTHER}) == ("tdx.mr_signer_seam",)


def test_missing_log_is_refused_where_the_policy_wants_one():
    assert codes_of(DOMAIN, {"event_log": True}) == ("tdx.event_log.missing",)


def test_registers_take_several_reference_values():
    appraised(DOMAIN, {"rtmr1": [OTHER, ZERO], "mrtd": [OTHER, ZERO]})


SGX_FAILING: dict[str, tuple[dict[str, object], dict[str, object], str]] = {
    "mrenclave": ({"mr_enclave": b"\1" * 32}, {}, "policy.workload.measurement"),
    "mrsigner": ({}, {"mrsigner": ["33" * 32]}, "sgx.mr_signer"),
    "isv_prod_id": ({}, {"isv_prod_id": 1}, "sgx.isv_prod_id"),
    "minimum_isv_svn": ({"isv_svn": 2}, {"minimum_isv_svn": 3}, "sgx.isv_svn"),
    "attributes": ({"flags": 0x15}, {}, "sgx.attributes"),
    "xfrm": ({}, {"xfrm": "0x1"}, "sgx.xfrm"),
    "misc_select": ({"misc_select": 1}, {}, "sgx.misc_select"),
    "config_id": ({"config_id": b"\1" * 64}, {}, "sgx.config_id"),
    "minimum_config_svn": ({"config_svn": 1}, {"minimum_config_svn": 2}, "sgx.config_svn"),
}


@pytest.mark.parametrize("name", SGX_FAILING)
def test_rule_on_the_enclave_fails_by_its_code(name: str):
    changes, values, code = SGX_FAILING[name]
    assert codes_of(changed(ENCLAVE, **changes), values) == (code,)


def test_rules_on_the_enclave_hold():
    values = {"mrsigner": ["22" * 32], "isv_prod_id": 7, "minimum_isv_svn": 3, "attributes": "0x15", "xfrm": "0x3",
              "misc_select": "0x1", "config_id": "01" * 64, "minimum_config_svn": 2}  # fmt: skip
    enclave = changed(ENCLAVE, isv_prod_id=7, isv_svn=3, flags=0x15, misc_select=1, config_id=b"\1" * 64, config_svn=2)
    appraised(enclave, values)


def test_enclave_by_its_signer_alone():
    values: dict[str, object] = {"mrenclave": Waiver("any product of ours"), "mrsigner": ["22" * 32]}
    appraised(changed(ENCLAVE, mr_enclave=b"\1" * 32), values)
    assert codes_of(changed(ENCLAVE, mr_signer=b"\1" * 32), values) == ("sgx.mr_signer",)


def test_policy_without_enclave_and_signer_is_refused():
    with pytest.raises(Misuse) as caught:
        policy("sgx", {"mrenclave": Waiver("any"), "mrsigner": Waiver("anybody's")})
    assert caught.value.codes == ("policy.file.value",)


@pytest.mark.parametrize("value", [[], ["Perfect"], "UpToDate", ["UpToDate", "UpToDate"]])
def test_status_list_of_another_shape_is_refused(machine: Machine, value: object):
    with pytest.raises(Misuse):
        policy(machine.tee, {"tcb_status": value})


@pytest.mark.parametrize("value", [["INTEL-SA-1"], "INTEL-SA-00615", ["INTEL-SA-00615", "INTEL-SA-00615"]])
def test_advisories_of_another_shape_are_refused(machine: Machine, value: object):
    with pytest.raises(Misuse):
        policy(machine.tee, {"advisories": value})


@pytest.mark.parametrize(
    ("name", "least", "most"),
    [("minimum_evaluation", 0, 2**32 - 1), ("maximum_collateral_age", 1, 366)],
)
def test_numbers_have_bounds(machine: Machine, name: str, least: int, most: int):
    for value in (least, most):
        assert policy(machine.tee, {name: value}).platforms[0].values[name] == value
    for value in (least - 1, most + 1):
        with pytest.raises(Misuse):
            policy(machine.tee, {name: value})


@pytest.mark.parametrize("name", ["isv_prod_id", "minimum_isv_svn", "minimum_config_svn"])
def test_numbers_of_enclaves_have_bounds(name: str):
    for value in (0, 0xFFFF):
        assert policy("sgx", {name: value}).platforms[0].values[name] == value
    for value in (-1, 0x10000):
        with pytest.raises(Misuse):
            policy("sgx", {name: value})


@pytest.mark.parametrize(("tee", "name", "digits"), [("tdx", "td_attributes", 16), ("tdx", "xfam", 16),
                         ("sgx", "attributes", 16), ("sgx", "xfrm", 16), ("sgx", "misc_select", 8)])  # fmt: skip
def test_masks_have_bounds(tee: str, name: str, digits: int):
    assert policy(tee, {name: "0x" + "f" * digits}).platforms[0].values[name] == (1 << 4 * digits) - 1
    for value in ("0x" + "f" * (digits + 1), "0x", "ff", "0xFF", 255):
        with pytest.raises(Misuse):
            policy(tee, {name: value})


def test_policy_says_itself_in_sentences(machine: Machine):
    sentences = "\n".join(explain_policy(policy(machine.tee, {"advisories": ["INTEL-SA-00615"]})))
    assert "Intel says of the platform that it is UpToDate." in sentences
    assert "No advisory of Intel's applies to the platform but INTEL-SA-00615." in sentences
    assert "Debug mode is off" in sentences


def test_suggested_policy_is_satisfied_by_its_sample(machine: Machine):
    bundle = FAKE.evidence(machine)
    exam = examine(bundle, now=NOW, report_data=DATA, trust=Trust.of([FAKE.root_fingerprint]))
    made = parse_policy(suggest_policy(exam, "suggested", verified=True).render())
    judge(bundle, made, report_data=DATA, now=NOW).conclude()
    values = made.platforms[0].values
    assert values["tcb_status"] == ("UpToDate",)
    assert values["fmspcs"] == ("b0c06f000000",)


def test_policy_for_another_tee_does_not_fit():
    with pytest.raises(Refused) as caught:
        judge(FAKE.evidence(DOMAIN), policy("sgx", {}), report_data=DATA, now=NOW).conclude()
    assert "policy.platform" in caught.value.codes


def test_every_code_of_both_tees_names_its_meaning():
    mine = {code: meaning for code, meaning in CODES.items() if code.startswith(("tdx.", "sgx."))}
    assert len(mine) > 100
    assert all(one.meaning for one in mine.values())


def test_quote_that_is_cut_has_no_result_by_accident(machine: Machine):
    quote = FAKE.sign_quote(machine)
    assert isinstance(quote, Quote)
    with pytest.raises(Refused) as caught:
        appraised(machine, {}, quote=quote.encode()[:-1])
    checks = {check.code: check.outcome for check in caught.value.checks}
    assert f"{machine.tee}.size" in caught.value.codes
    assert checks[f"{machine.tee}.tcb_status"] == checks[f"{machine.tee}.signature"] == "failed"
