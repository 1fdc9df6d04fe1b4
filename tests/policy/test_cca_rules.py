"""The rules of a CCA realm: each holds for the healthy token, and fails by its own code for another."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from confide.errors import Refused
from confide.policy import Policy, Waiver, parse_policy
from confide.policy.appraisal import judge
from confide.policy.cca_rules import KIND
from confide.policy.explanation import explain_policy
from confide.policy.reading import WrongValueError
from confide.policy.template import PlatformText, PolicyText, default_values
from confide.testing.fake_arm import FakeArm
from confide.verify import VerifiedEvidence

ARM = FakeArm.create(datetime(2026, 6, 1, tzinfo=UTC))
RULES = {rule.name: rule for rule in KIND.rules}
FIRMWARE = {"RMM": ["22" * 32], "BL31": ["23" * 32, "24" * 32]}
OWNERS = {"measurements": ["11" * 48], "firmware": FIRMWARE, "implementation_ids": ["44" * 32]}


def policy(kind: str = "production", **values: object) -> Policy:
    file = {**default_values("arm-cca", "realm", kind), **OWNERS} | values
    platform = PlatformText(format="arm-cca", product="realm", values=file)
    trust = (
        {"trusted_keys": [ARM.key_fingerprint]} if kind == "production" else {"simulated_roots": [ARM.root_fingerprint]}
    )
    return parse_policy(PolicyText(name="test", kind=kind, platforms=[platform], **trust).render())


def appraised(values: dict[str, object], **claims: dict[str, object]) -> VerifiedEvidence:
    bundle = ARM.evidence(
        platform=ARM.platform(**claims.get("platform", {})), realm=ARM.realm(**claims.get("realm", {}))
    )
    return judge(bundle, policy(**values), report_data=bytes(64), now=ARM.now).conclude()


def codes_of(values: dict[str, object], **claims: dict[str, object]) -> tuple[str, ...]:
    with pytest.raises(Refused) as caught:
        appraised(values, **claims)
    return caught.value.codes


def test_the_healthy_token_satisfies_a_policy_that_trusts_its_key():
    outcomes = {check.code: check.outcome for check in appraised({}).checks}
    assert {outcomes[code] for code in KIND.codes} == {"passed", "waived"}


def test_the_healthy_token_under_a_forged_root_satisfies_a_simulation_alone():
    bundle = ARM.evidence(endorsements=ARM.certificates)
    judge(bundle, policy("simulation"), report_data=bytes(64), now=ARM.now).conclude()
    with pytest.raises(Refused) as caught:
        judge(ARM.evidence(), policy("simulation"), report_data=bytes(64), now=ARM.now).conclude()
    assert "cca.key" in caught.value.codes


MADE = {"personalization": "66" * 64, "config": "cf" * 4, "instance_ids": ["01" + "33" * 32]}
HOLDING: dict[str, object] = OWNERS | MADE | {
    "firmware_signers": ["55" * 32, "56" * 32], "denied_instance_ids": ["01" + "34" * 32],
    "registers": {"REM0": ["00" * 48], "REM3": ["ff" * 32, "03" * 48]}, "hash_algorithms": ["sha-384", "sha-256"],
}  # fmt: skip
FAILING = {
    "measurements": (["11" * 32], "policy.workload.measurement"),
    "implementation_ids": (["45" * 32], "cca.implementation_id"),
    "firmware_signers": (["56" * 32], "cca.firmware.signer"),
    "config": ("", "cca.config"),
    "instance_ids": (["01" + "34" * 32], "policy.chip.allowed"),
    "denied_instance_ids": (["01" + "33" * 32], "policy.chip.denied"),
    "personalization": ("00" * 64, "cca.personalization"),
    "registers": ({"REM1": ["00" * 48]}, "cca.rem"),
    "hash_algorithms": (["sha-384", "sha-512"], "cca.hash"),
    "memory_key": ("private", "cca.memory_key"),
}


@pytest.mark.parametrize("name", HOLDING)
def test_each_rule_holds(name: str):
    appraised({name: HOLDING[name]})


@pytest.mark.parametrize("name", FAILING)
def test_each_rule_fails_by_its_own_code(name: str):
    value, code = FAILING[name]
    assert codes_of({name: value}) == (code,)


FIRMWARE_FAULTS = {
    "another measurement": ({"RMM": ["23" * 32], "BL31": ["23" * 32]}, ["RMM " + "22" * 32]),
    "a component that is not foreseen": ({"RMM": ["22" * 32]}, ["BL31 " + "23" * 32]),
    "a component that is missing": (FIRMWARE | {"BL2": ["25" * 32]}, ["no BL2"]),
    "measurements exchanged": ({"RMM": ["23" * 32], "BL31": ["22" * 32]}, ["RMM " + "22" * 32, "BL31 " + "23" * 32]),
}


@pytest.mark.parametrize(("firmware", "got"), FIRMWARE_FAULTS.values(), ids=FIRMWARE_FAULTS.keys())
def test_firmware_is_just_what_the_policy_lists(firmware: dict[str, object], got: list[str]):
    with pytest.raises(Refused) as caught:
        appraised({"firmware": firmware})
    assert [(one.code, one.got) for one in caught.value.findings] == [("cca.firmware", text) for text in got]


@pytest.mark.parametrize(
    ("claims", "name", "code"),
    [
        ({"platform": {"lifecycle": 0x4000}}, "secured", "cca.lifecycle"),
        ({"platform": {"claim_2404": [{}]}}, "extensions", "cca.extensions"),
        ({"realm": {"claim_44244": 1}}, "live_activation", "cca.live_activation"),
        ({"realm": {"claim_44257": bytes(32)}}, "devices", "cca.devices"),
    ],
)
def test_states_that_weaken_a_realm_are_refused_or_waived(claims: dict, name: str, code: str):
    assert codes_of({}, **claims) == (code,)
    appraised({name: Waiver("a test")}, **claims)


@pytest.mark.parametrize(("claim", "holds"), [(1, True), (0, False), (..., False)])
def test_a_realm_with_a_memory_key_of_its_own(claim: object, *, holds: bool):
    values: dict[str, object] = {"memory_key": "private"}
    if holds:
        appraised(values, realm={"claim_44243": claim})
    else:
        assert codes_of(values, realm={"claim_44243": claim}) == ("cca.memory_key",)


WRONG = {
    "measurements": [[], ["11"], "11" * 48],
    "firmware": [{}, {"RMM": []}, {"RMM": ["22"]}, {"": ["22" * 32]}, [], ["RMM"], 1],
    "registers": [{}, {"REM4": ["00" * 48]}, {"REM0": []}], "hash_algorithms": [[], ["sha-1"]],
    "memory_key": ["shared", 1],
    "secured": [False], "devices": [True], "config": ["0", 1], "instance_ids": [["33" * 32], []],
}  # fmt: skip


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in WRONG.items() for value in values])
def test_values_that_are_not_possible_are_refused(name: str, value: object):
    with pytest.raises(WrongValueError):
        RULES[name].read(value)


def test_only_what_runs_in_the_realm_cannot_be_waived():
    assert [rule.name for rule in KIND.rules if not rule.waivable] == ["measurements"]


def test_findings_say_what_was_got_and_what_wanted():
    with pytest.raises(Refused) as caught:
        appraised({"memory_key": "private", "registers": {"REM2": ["ff" * 48]}})
    assert [(one.code, one.got, one.wanted) for one in caught.value.findings] == [
        ("cca.rem", "REM2 " + "02" * 48, "one of " + "ff" * 48),
        ("cca.memory_key", "not said", "private"),
    ]


def test_the_configuration_is_said_in_words():
    assert RULES["config"].says("cf") == "the platform's configuration is cf"
    assert RULES["config"].says("") == "the platform's configuration is empty"


@pytest.mark.parametrize(("size", "taken"), [(1, True), (512, True), (513, False)])
def test_component_names_have_the_sizes_of_the_token(size: int, *, taken: bool):
    table = {"x" * size: ["22" * 32]}
    if taken:
        assert RULES["firmware"].read(table) == {"x" * size: ("22" * 32,)}
    else:
        with pytest.raises(WrongValueError):
            RULES["firmware"].read(table)


def test_the_policy_is_said_in_sentences():
    text = "\n".join(explain_policy(policy(**HOLDING)))
    for words in ("Arm processors", "secured state", "RMM, BL31", "REM0, REM3", "signed by a key"):
        assert words in text


def test_what_a_sample_shows_is_suggested():
    subject = appraised({}).subject
    for name in ("measurements", "firmware", "firmware_signers", "implementation_ids", "config", "registers"):
        rule = RULES[name]
        assert rule.suggest is not None
        appraised({name: rule.suggest(subject)})
