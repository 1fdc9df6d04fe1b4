"""The rules of a Nitro Enclave: each holds for the healthy document, and fails by its own code for another."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta

import pytest

from confide.errors import Refused
from confide.policy import Policy, Waiver, parse_policy
from confide.policy.appraisal import judge
from confide.policy.explanation import explain_policy
from confide.policy.nitro_rules import KIND, extended, read_registers
from confide.policy.reading import WrongValueError
from confide.policy.template import PlatformText, PolicyText, default_values
from confide.testing.fake_aws import FakeAws
from confide.verify import VerifiedEvidence

AWS = FakeAws.create(datetime(2026, 6, 1, tzinfo=UTC))
NONCE = b"question"
ROLE = "arn:aws:iam::123456789012:role/enclave"
INSTANCE = "i-0123456789abcdef0"
RULES = {rule.name: rule for rule in KIND.rules}
PCRS = {index: bytes([index + 1]) * 48 for index in (0, 1, 2, 8)}
PCRS |= {3: bytes.fromhex(extended(ROLE)), 4: bytes.fromhex(extended(INSTANCE)), 16: b"\x10" * 48}


def policy(**values: object) -> Policy:
    """A simulation policy: strict defaults, with the fields given as the file has them."""
    file = {**default_values("aws-nitro", "enclave", "simulation"), "measurements": ["01" * 48]} | values
    platform = PlatformText(format="aws-nitro", product="enclave", values=file)
    text = PolicyText(name="test", kind="simulation", platforms=[platform], simulated_roots=[AWS.root_fingerprint])
    return parse_policy(text.render())


def appraised(
    values: dict[str, object], changes: dict[str, object] | None = None, now: datetime | None = None
) -> VerifiedEvidence:
    document = AWS.document(**({"nonce": NONCE, "pcrs": PCRS} | (changes or {})))
    return judge(AWS.evidence(document), policy(**values), report_data=NONCE, now=now or AWS.now).conclude()


def codes_of(*given: object, **named: object) -> tuple[str, ...]:
    with pytest.raises(Refused) as caught:
        appraised(*given, **named)
    return caught.value.codes


def test_the_healthy_document_satisfies_the_defaults():
    outcomes = {check.code: check.outcome for check in appraised({}).checks}
    assert {outcomes[code] for code in KIND.codes} == {"passed", "waived"}
    assert outcomes["nitro.debug"] == outcomes["nitro.age"] == outcomes["policy.workload.measurement"] == "passed"


HOLDING = {
    "measurements": ["ff" * 48, "01" * 48], "kernels": ["02" * 48], "applications": ["03" * 48], "signers": ["09" * 48],
    "roles": [ROLE], "instances": [INSTANCE], "registers": {"PCR16": ["10" * 48]}, "user_data": "", "public_key": "",
}  # fmt: skip
FAILING = {
    "measurements": (["ff" * 48], "policy.workload.measurement"),
    "kernels": (["ff" * 48], "nitro.pcr.kernel"),
    "applications": (["ff" * 48], "nitro.pcr.application"),
    "signers": (["00" * 48], "nitro.pcr.signer"),
    "roles": (["arn:aws:iam::123456789012:role/other"], "nitro.pcr.role"),
    "instances": (["i-0123456789abcdef1"], "nitro.pcr.instance"),
    "registers": ({"PCR16": ["10" * 48], "PCR17": ["00" * 48]}, "nitro.pcr.others"),
    "user_data": ("01", "nitro.user_data"),
    "public_key": ("01", "nitro.public_key"),
}


@pytest.mark.parametrize("name", HOLDING)
def test_each_rule_holds(name: str):
    appraised({name: HOLDING[name]})


@pytest.mark.parametrize("name", FAILING)
def test_each_rule_fails_by_its_own_code(name: str):
    value, code = FAILING[name]
    assert codes_of({name: value}) == (code,)


def test_all_rules_together_hold():
    appraised(HOLDING)


def test_attached_data_are_compared():
    appraised({"user_data": "6d65", "public_key": "0102"}, {"user_data": b"me", "public_key": b"\1\2"})
    assert codes_of({"user_data": ""}, {"user_data": b"me"}) == ("nitro.user_data",)


def test_debug_mode_is_refused_or_waived():
    zero = {index: bytes(48) for index in range(16)}
    values: dict[str, object] = {"measurements": ["00" * 48]}
    assert codes_of(values, {"pcrs": zero}) == ("nitro.debug",)
    appraised(values | {"debug": Waiver("a test in debug mode")}, {"pcrs": zero})


@pytest.mark.parametrize(
    ("age", "maximum", "holds"), [(300, 300, True), (301, 300, False), (2, 1, False), (0, 1, True)]
)
def test_documents_are_as_young_as_the_policy_wants(age: int, maximum: int, *, holds: bool):
    now = AWS.now + timedelta(seconds=age)
    if holds:
        appraised({"maximum_age": maximum}, now=now)
    else:
        assert codes_of({"maximum_age": maximum}, now=now) == ("nitro.age",)


def test_the_old_document_is_refused_although_its_age_is_waived():
    now = AWS.now + timedelta(hours=4)
    assert codes_of({"maximum_age": Waiver("any")}, now=now) == ("nitro.time",)


def test_a_register_that_is_not_there_is_refused():
    assert codes_of({"kernels": ["02" * 48]}, {"pcrs": {0: b"\1" * 48}}) == ("nitro.pcr.kernel",)


FINDINGS = [
    ({"user_data": "01"}, {}, "nothing", "01"),
    ({"user_data": ""}, {"user_data": b"me"}, "6d65", "nothing"),
    ({"registers": {"PCR17": ["00" * 48]}}, {}, "PCR17 not there", "one of " + "00" * 48),
    ({"registers": {"PCR16": ["00" * 48]}}, {}, "PCR16 " + "10" * 48, "one of " + "00" * 48),
    ({"kernels": ["ff" * 48]}, {}, "02" * 48, "one of " + "ff" * 48),
]


@pytest.mark.parametrize(("values", "changes", "got", "wanted"), FINDINGS)
def test_findings_say_what_was_got_and_what_wanted(
    values: dict[str, object], changes: dict[str, object], got: str, wanted: str
):
    with pytest.raises(Refused) as caught:
        appraised(values, changes)
    assert [(one.got, one.wanted) for one in caught.value.findings] == [(got, wanted)]


def test_only_the_image_cannot_be_waived():
    assert [rule.name for rule in KIND.rules if not rule.waivable] == ["measurements"]


def test_the_suggested_age_is_the_default():
    subject = appraised({}).subject
    assert RULES["maximum_age"].suggest(subject) == KIND.defaults("enclave")["maximum_age"] == 300


def test_a_name_as_long_as_a_register_is_a_name():
    role = "arn:aws:iam::123456789012:role/" + "a" * 65
    assert len(role) == 96
    assert RULES["roles"].read([role]) == (extended(role),)


@pytest.mark.parametrize(("name", "size"), [("user_data", 512), ("public_key", 1024)])
def test_attached_data_have_the_sizes_of_the_document(name: str, size: int):
    assert RULES[name].read("00" * size) == "00" * size
    with pytest.raises(WrongValueError):
        RULES[name].read("00" * (size + 1))


def test_names_are_hashed_as_aws_does():
    """The user guide's recipe: SHA-384 of 48 zero bytes and the text."""
    assert extended(ROLE) == hashlib.sha384(bytes(48) + ROLE.encode()).hexdigest()
    assert RULES["roles"].read([ROLE]) == (extended(ROLE),)
    assert RULES["roles"].read(["ab" * 48]) == ("ab" * 48,)


WRONG = {
    "measurements": [[], ["01"], ["AB" * 48], "01" * 48, ["01" * 48, "01" * 48]], "debug": [True, 0],
    "maximum_age": [0, 10801, True, "300"], "roles": [["role"], [INSTANCE], [1], []],
    "instances": [[ROLE], ["i-"], ["i-0123456789abcdef01"]], "user_data": ["0", "zz", None, "00" * 513],
    "registers": [{}, {"PCR32": ["00" * 48]}, {"16": ["00" * 48]}, {"PCR16": []}, [], {"PCR16": ["00"]}, ["PCR16"], 1,
                  {f"PCR{index}": ["00" * 48] for index in range(33)}],
}  # fmt: skip


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in WRONG.items() for value in values])
def test_values_that_are_not_possible_are_refused(name: str, value: object):
    with pytest.raises(WrongValueError):
        RULES[name].read(value)


def test_registers_are_read_by_number():
    assert read_registers({"PCR16": ["10" * 48]}) == {16: ("10" * 48,)}


def test_the_policy_is_said_in_sentences():
    text = "\n".join(explain_policy(policy(**HOLDING)))
    for words in ("Nitro Enclave", "Debug mode is off", "at most 300 seconds old", "IAM role", "PCR16"):
        assert words in text
