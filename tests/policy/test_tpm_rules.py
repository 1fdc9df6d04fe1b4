"""The rules of a TPM: each holds for the healthy quote, and fails by its own code for another."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from functools import cache

import pytest

from confide.errors import Refused
from confide.evidence.cel import parse_cel
from confide.evidence.secure_boot import X509
from confide.evidence.tcg_log import hash_of, replay
from confide.evidence.tpm import ClockInfo, digest_of_pcrs
from confide.evidence.tpm_delivery import encode_pcrs
from confide.policy import Policy, Waiver, parse_policy
from confide.policy.appraisal import judge
from confide.policy.explanation import explain_policy
from confide.policy.reading import WrongValueError
from confide.policy.suggestion import suggest_platform
from confide.policy.template import PlatformText, PolicyText, default_values
from confide.policy.tpm_rules import KIND, read_pcrs
from confide.testing.fake_boot import (
    COMMAND_LINE,
    FakeBoot,
    FakeEvent,
    application,
    container_log,
    file,
    grub,
    secure_boot,
    signature_list,
    variable,
)
from confide.testing.fake_tpm import INSTANCE, PROJECT, ZONE, FakeTpm
from confide.verify import Trust, VerifiedEvidence, examine

NOW = datetime(2026, 6, 1, tzinfo=UTC)
NONCE = b"question"
IMAGE = f"sha256:{'ab' * 32}"
RULES = {rule.name: rule for rule in KIND.rules}


@cache
def healthy() -> FakeTpm:
    return FakeTpm.create(NOW)


def digest(content: bytes) -> str:
    return hash_of("sha256", content).hex()


def pcr(index: int, tpm: FakeTpm | None = None) -> dict[str, list[str]]:
    return {f"sha256:{index}": [(tpm or healthy()).boot.values("sha256")[index].hex()]}


def policy(product: str, **values: object) -> Policy:
    """A simulation policy: strict defaults, with the fields given as the file has them."""
    given = {"pcrs": pcr(7)} | ({"projects": [PROJECT]} if product == "gce" else {})
    file_values = {**default_values("tpm", product, "simulation"), **given} | values
    platform = PlatformText(format="tpm", product=product, values=file_values)
    text = PolicyText(
        name="test", kind="simulation", platforms=[platform], simulated_roots=[healthy().root_fingerprint]
    )
    return parse_policy(text.render())


def appraised(
    values: dict[str, object], tpm: FakeTpm | None = None, *, product: str = "gce", **changes: object
) -> VerifiedEvidence:
    chosen = tpm or healthy()
    quote = chosen.quote(extra_data=NONCE, **changes.pop("quote", {}))  # type: ignore[arg-type]
    bundle = chosen.evidence(quote, **changes)  # type: ignore[arg-type]
    return judge(bundle, policy(product, **values), report_data=NONCE, now=NOW).conclude()


def codes_of(values: dict[str, object], tpm: FakeTpm | None = None, **changes: object) -> tuple[str, ...]:
    with pytest.raises(Refused) as caught:
        appraised(values, tpm, **changes)
    return caught.value.codes


def test_the_healthy_quote_satisfies_the_defaults():
    outcomes = {check.code: check.outcome for check in appraised({}).checks}
    assert {outcomes[code] for code in KIND.codes} == {"passed", "waived"}
    assert outcomes["tpm.pcrs.value"] == outcomes["tpm.boot.secure_boot"] == outcomes["tpm.log.missing"] == "passed"


STARTED = [digest(b"shim"), digest(b"grub")]
READ = [digest(b"kernel"), digest(b"initial disk")]
HOLDING: dict[str, object] = {
    "pcrs": {**pcr(0), **pcr(4), **pcr(9)}, "banks": ["sha256"], "restricted_key": True, "event_log": True,
    "secure_boot": True, "firmware_versions": ["GCE Virtual Firmware v2"], "technologies": ["AMD SEV-SNP"],
    "boot_applications": STARTED, "boot_files": READ, "command_lines": [COMMAND_LINE],
    "minimum_firmware": "0x2016051100162800", "safe_clock": True, "allowed_keys": [healthy().key_fingerprint],
    "denied_keys": [IMAGE], "projects": [PROJECT], "zones": ["europe-west4-a", ZONE], "instances": [str(INSTANCE)],
}  # fmt: skip
FAILING: dict[str, tuple[object, str]] = {
    "pcrs": ({"sha256:4": ["00" * 32]}, "tpm.pcrs.value"),
    "banks": (["sha384"], "tpm.bank"),
    "firmware_versions": (["GCE Virtual Firmware v1"], "tpm.boot.firmware_version"),
    "technologies": (["Intel TDX", "AMD SEV"], "tpm.boot.technology"),
    "boot_applications": (STARTED[:1], "tpm.boot.applications"),
    "boot_files": (READ[1:], "tpm.boot.files"),
    "command_lines": (["/vmlinuz other"], "tpm.boot.command_line"),
    "workload_images": ([IMAGE], "tpm.boot.workload"),
    "minimum_firmware": ("0x2016051100162801", "tpm.firmware"),
    "allowed_keys": ([IMAGE], "policy.key.allowed"),
    "denied_keys": ([healthy().key_fingerprint], "policy.key.denied"),
    "projects": (["another"], "tpm.gce.project"),
    "zones": (["europe-west4-a"], "tpm.gce.zone"),
    "instances": (["1"], "tpm.gce.instance"),
    "crl": (True, "policy.crl"),
}


@pytest.mark.parametrize("name", HOLDING)
def test_rule_holds(name: str):
    verified = appraised({name: HOLDING[name]})
    (code,) = RULES[name].codes
    assert next(check.outcome for check in verified.checks if check.code == code) == "passed"


@pytest.mark.parametrize("name", FAILING)
def test_rule_fails_by_its_code_alone(name: str):
    value, code = FAILING[name]
    assert codes_of({name: value}) == (code,)


def test_every_rule_is_tried_both_ways():
    by_evidence = {"restricted_key", "event_log", "secure_boot", "safe_clock"}
    assert FAILING.keys() | by_evidence == RULES.keys()
    assert HOLDING.keys() | {"workload_images", "crl"} == RULES.keys()


# What the evidence must not lack


def test_missing_log_is_a_finding_of_its_own():
    assert codes_of({}, event_log=None) == ("tpm.log.missing", "tpm.boot.secure_boot")


def test_secure_boot_that_was_off_is_refused():
    tpm = replace(healthy(), boot=FakeBoot.healthy().replace("SecureBoot", secure_boot(on=False)))
    assert codes_of({"pcrs": pcr(7, tpm)}, tpm) == ("tpm.boot.secure_boot",)


def test_key_that_may_sign_anything_is_refused():
    weak = healthy().public_area(attributes=0x00050072 & ~(1 << 16))
    assert codes_of({}, ak=weak) == ("tpm.ak.attributes",)


def test_key_without_its_attributes_is_said_to_be_so():
    verified = appraised({}, ak=healthy().spki)
    assert next(check.outcome for check in verified.checks if check.code == "tpm.ak.attributes") == "not applicable"


def test_clock_that_may_have_gone_back_is_refused():
    unsafe = {"clock_info": ClockInfo(1, 1, 1, safe=False)}
    assert appraised({}, quote=unsafe)
    assert codes_of({"safe_clock": True}, quote=unsafe) == ("tpm.clock.safe",)


def test_pcr_that_is_not_in_the_quote_is_refused():
    assert codes_of({"pcrs": pcr(11)}) == ("tpm.pcrs.value",)
    assert codes_of({"pcrs": {"sha384:7": ["00" * 48]}}) == ("tpm.pcrs.value",)


def test_quote_without_values_does_not_satisfy_a_policy_on_pcrs():
    assert codes_of({}, pcrs=None, event_log=None) == ("tpm.pcrs.value", "tpm.log.missing", "tpm.boot.secure_boot")


def test_each_wrong_pcr_is_a_finding():
    with pytest.raises(Refused) as caught:
        appraised({"pcrs": {**pcr(0), "sha256:4": ["00" * 32], "sha256:9": ["11" * 32]}})
    assert [finding.got.split(":")[0] for finding in caught.value.findings] == ["PCR 4 (sha256)", "PCR 9 (sha256)"]


def test_sha1_counts_only_where_the_policy_names_it():
    tpm = replace(healthy(), bank="sha1")
    values = {"pcrs": {"sha1:7": [tpm.boot.values("sha1")[7].hex()]}}
    assert codes_of(values, tpm) == ("tpm.bank",)
    assert appraised(values | {"banks": ["sha1"]}, tpm)


def test_a_further_file_or_program_is_refused():
    boot = FakeBoot.healthy()
    more = replace(healthy(), boot=boot.with_event(file("/grubenv", b"x")))
    assert codes_of({"boot_files": READ}, more) == ("tpm.boot.files",)
    program = FakeEvent(4, 0x80000007, b"Exit Boot Services Invocation", b"evil")
    assert codes_of({"boot_applications": STARTED}, replace(more, boot=boot.with_event(program))) == (
        "tpm.boot.applications",
    )


@pytest.mark.parametrize("register", [2, 4])
def test_code_counts_in_both_of_its_pcrs(register: int):
    boot = FakeBoot.healthy().with_event(application(b"option rom", register=register))
    assert codes_of({"boot_applications": STARTED}, replace(healthy(), boot=boot)) == ("tpm.boot.applications",)
    some = healthy().quote(selection=(("sha256", (0, 6 - register, 7)),))
    changed = {"selection": some.selection, "pcr_digest": some.pcr_digest}
    assert codes_of({"boot_applications": STARTED}, quote=changed) == ("tpm.boot.applications",)


def test_a_second_command_line_is_refused():
    boot = FakeBoot.healthy().with_event(grub("/vmlinuz evil"))
    assert codes_of({"command_lines": [COMMAND_LINE]}, replace(healthy(), boot=boot)) == ("tpm.boot.command_line",)


def with_containers(log: bytes) -> dict[str, object]:
    """The changes of a quote after the launcher has measured its containers."""
    tpm = healthy()
    values = {"sha256": tpm.boot.values("sha256") | replay(parse_cel(log), "sha256")}
    pcr_digest = digest_of_pcrs(tpm.selection, values, "sha256")
    return {"quote": {"pcr_digest": pcr_digest}, "pcrs": encode_pcrs(values), "canonical_event_log": log}


def test_containers_are_those_that_the_policy_lists():
    rule = {"workload_images": [IMAGE]}
    assert appraised(rule, **with_containers(container_log(IMAGE)))
    other = container_log(f"sha256:{'cd' * 32}")
    assert codes_of(rule, **with_containers(other)) == ("tpm.boot.workload",)


def test_container_under_another_name_silences_the_log():
    """The attack: the launcher's record of a bad container is relabelled, and so is not looked at."""
    log = container_log(IMAGE)
    hidden = log.replace(b"\x50\0\0\0\x4c", b"\x51\0\0\0\x4c")
    assert hidden != log
    assert codes_of({"workload_images": [IMAGE]}, **(with_containers(log) | {"canonical_event_log": hidden})) == (
        "tpm.boot.workload",
    )


def test_command_line_is_not_told_where_its_pcrs_are_not_quoted():
    rule = {"command_lines": [COMMAND_LINE]}
    assert appraised(rule)
    some = healthy().quote(selection=(("sha256", (0, 2, 4, 7, 8)),))
    assert codes_of(rule, quote={"selection": some.selection, "pcr_digest": some.pcr_digest}) == (
        "tpm.boot.command_line",
    )


def test_database_that_a_boot_loader_wrote_is_not_claimed():
    boot = FakeBoot.healthy().with_event(variable("db", signature_list([b"evil"], X509)))
    tpm = replace(healthy(), boot=boot)
    assert (
        appraised({"pcrs": pcr(7, tpm)}, tpm).claims["boot"]["databases"]["db"]
        == (appraised({}).claims["boot"]["databases"]["db"])
    )


def test_machine_that_no_certificate_names_is_of_the_other_product():
    chain = [healthy().leaf(extension=None).der, healthy().intermediate.der, healthy().root.der]
    assert appraised({}, product="tpm", endorsements=chain)
    with pytest.raises(Refused) as caught:
        appraised({}, endorsements=chain)
    assert "policy.platform" in caught.value.codes


def test_instance_that_does_not_parse_is_no_instance():
    chain = [healthy().leaf(extension=b"\x30\0").der, healthy().intermediate.der, healthy().root.der]
    assert appraised({}, product="tpm", endorsements=chain).claims["instance"] is None


def test_container_that_was_not_measured_as_the_log_says_is_not_claimed():
    log = container_log(IMAGE)
    lie = log.replace(b"registry.example/image:latest", b"registry.example/image:another"[:29])
    assert lie != log
    changes = with_containers(log) | {"canonical_event_log": lie}
    assert appraised({}, **changes).claims["boot"]["workload"][0] == f"image_digest={IMAGE}"
    assert codes_of({"workload_images": [IMAGE]}, **changes) == ("tpm.boot.workload",)


# Reading, saying, suggesting


def test_strict_defaults_of_both_products():
    google, other = KIND.defaults("gce"), KIND.defaults("tpm")
    assert google["crl"] is True
    assert isinstance(other["crl"], Waiver)
    for name in ("restricted_key", "event_log", "secure_boot"):
        assert google[name] is other[name] is True
    assert "sha1" not in google["banks"]
    assert {rule.name for rule in KIND.rules} - google.keys() == {"pcrs", "projects"}
    assert {rule.name for rule in KIND.rules} - other.keys() == {"pcrs"}


@pytest.mark.parametrize(
    "value",
    [
        {}, [], {"sha256": ["00" * 32]}, {"md5:1": ["00" * 16]}, {"sha256:32": ["00" * 32]}, {"sha256:1": []},
        {"sha256:1": ["00" * 20]}, {"sha256:01": ["00" * 32]}, {"sha256:1": "00" * 32},
    ],
)  # fmt: skip
def test_pcrs_that_cannot_be_are_refused(value: object):
    with pytest.raises(WrongValueError):
        read_pcrs(value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("banks", ["md5"]), ("command_lines", [""]), ("command_lines", ["x" * 9000]), ("minimum_firmware", 1),
        ("boot_files", ["00"]), ("allowed_keys", ["00"]), ("instances", [1]), ("secure_boot", False),
        ("technologies", ["SEV"]),
    ],
)  # fmt: skip
def test_values_that_cannot_be_are_refused(name: str, value: object):
    with pytest.raises(WrongValueError):
        RULES[name].read(value)


@pytest.mark.parametrize("product", ["gce", "tpm"])
def test_policy_is_said_in_sentences(product: str):
    text = "\n".join(explain_policy(policy(product, **HOLDING)))
    assert "These PCRs have values" in text
    assert "Secure boot was on." in text
    assert ("Google" in KIND.title(product)) == (product == "gce")
    waived = "\n".join(explain_policy(policy(product, secure_boot=Waiver("the test does without"))))
    assert "the test does without" in waived


def test_suggested_policy_accepts_its_sample_and_no_other_boot():
    tpm = healthy()
    bundle = tpm.evidence(report_data=NONCE)
    exam = examine(bundle, now=NOW, report_data=NONCE, trust=Trust.of([tpm.root_fingerprint]))
    suggested = suggest_platform([exam]).values
    assert suggested["command_lines"] == [COMMAND_LINE]
    assert suggested["boot_applications"] == STARTED
    assert suggested["projects"] == [PROJECT]
    assert isinstance(suggested["workload_images"], Waiver)
    assert suggested["technologies"] == ["AMD SEV-SNP"]
    assert all(isinstance(suggested[name], Waiver) for name in ("allowed_keys", "zones", "instances"))
    assert appraised(dict(suggested))
    boot = FakeBoot.healthy().replace("/vmlinuz\0", file("/vmlinuz", b"another kernel"))
    assert set(codes_of(dict(suggested), replace(tpm, boot=boot))) == {"tpm.pcrs.value", "tpm.boot.files"}


def test_suggested_policy_of_a_sample_without_a_log_says_what_is_missing():
    tpm = healthy()
    bundle = tpm.evidence(report_data=NONCE, event_log=None)
    exam = examine(bundle, now=NOW, report_data=NONCE, trust=Trust.of([tpm.root_fingerprint]))
    suggested = suggest_platform([exam])
    assert isinstance(suggested.values["event_log"], Waiver)
    assert isinstance(suggested.values["secure_boot"], Waiver)
    assert appraised(dict(suggested.values), event_log=None)
