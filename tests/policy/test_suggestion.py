"""A policy suggested from a sample affirms that sample, and is as strict as its rules know how to be."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from confide.cli.framework import run_cli
from confide.cli.main import COMMANDS
from confide.errors import ConfideError, Misuse
from confide.evidence import EvidenceBundle
from confide.evidence.bundle import with_devices
from confide.policy import Waiver, judge, parse_policy
from confide.policy.kinds import KINDS, kind_of
from confide.policy.reading import integer, list_of, one_of
from confide.policy.rule import Rule, among, at_least, same
from confide.policy.suggestion import _suggest_for_all, suggest_policy, suggest_value
from confide.policy.template import PlatformText, PolicyText, default_values, toml_value, unset_rules
from confide.testing import FakeAmd
from confide.verify import FORMATS, Trust, examine


def suggested(amd: FakeAmd, bundle: EvidenceBundle, **trust: object):
    exam = examine(bundle, now=amd.now, report_data=None, trust=Trust.of([amd.root_fingerprint]))
    return parse_policy(suggest_policy(exam, "sample", verified=True).render())


def healthy(amd: FakeAmd, **changes: object) -> EvidenceBundle:
    fields = {"measurement": b"\1" * 48, "host_data": b"\2" * 32, "family_id": b"\3" * 16} | changes
    return amd.evidence(amd.report(**fields), lists=(amd.ark.revocation_list(amd.now),))


def codes(amd: FakeAmd, bundle: EvidenceBundle, policy) -> set[str]:
    try:
        judge(bundle, policy, report_data=None, now=amd.now).conclude()
    except ConfideError as failure:
        return set(failure.codes)
    return set()


def test_suggested_policy_affirms_its_sample(fake_amd: FakeAmd):
    bundle = healthy(fake_amd)
    policy = suggested(fake_amd, bundle)
    assert (policy.kind, policy.simulated_roots) == ("simulation", (fake_amd.root_fingerprint,))
    assert not policy.releases
    assert codes(fake_amd, bundle, policy) == set()


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"measurement": b"\7" * 48}, "policy.workload.measurement"), ({"host_data": b"\7" * 32}, "snp.host_data"),
        ({"family_id": b"\7" * 16}, "snp.family_id"), ({"policy": 1 << 17 | 1 << 19}, "snp.policy.debug"),
        ({"policy": 1 << 17 | 1 << 16}, "snp.policy.smt"), ({"platform_info": 0}, "snp.platform_info.alias_check"),
        ({"vmpl": 1}, "snp.vmpl"), ({"id_key_digest": b"\7" * 48}, "snp.id_key_digest"),
    ],
)  # fmt: skip
def test_suggested_policy_is_strict(fake_amd: FakeAmd, changes: dict[str, object], code: str):
    policy = suggested(fake_amd, healthy(fake_amd))
    assert codes(fake_amd, healthy(fake_amd, **changes), policy) == {code}


def test_older_firmware_than_the_samples_is_refused(fake_amd: FakeAmd):
    report = fake_amd.report(measurement=b"\1" * 48, host_data=b"\2" * 32, family_id=b"\3" * 16)
    policy = suggested(fake_amd, healthy(fake_amd))
    older = bytes((*report.reported_tcb[:7], report.reported_tcb[7] - 1))
    bundle = fake_amd.evidence(replace(report, reported_tcb=older), lists=(fake_amd.ark.revocation_list(fake_amd.now),))
    assert codes(fake_amd, bundle, policy) == {"snp.tcb.microcode"}


def test_what_the_sample_does_not_show_is_waived_in_words_and_told_at_the_top(fake_amd: FakeAmd):
    bundle = healthy(fake_amd, policy=1 << 17 | 1 << 16)
    policy = suggested(fake_amd, bundle)
    waiver = policy.platforms[0].values["smt"]
    assert isinstance(waiver, Waiver)
    assert waiver.reason == "the sample does not show what a strict policy wants: got true, wanted false"
    assert "# The sample falls short of a strict new policy in: smt of sev-snp." in policy.text
    assert codes(fake_amd, bundle, policy) == set()


def test_bit_that_the_template_waives_is_asked_for_where_the_sample_shows_it(fake_amd: FakeAmd):
    policy = suggested(fake_amd, healthy(fake_amd, platform_info=1 << 5 | 1 << 2))
    assert policy.platforms[0].values["ecc"] is True


def test_machine_and_device_are_suggested_together(fake_amd: FakeAmd):
    milan = FakeAmd.create(fake_amd.now, "Milan")
    bundle = with_devices(healthy(fake_amd), [healthy(milan, cpuid=(0x19, 1, 1))])
    trust = Trust.of([fake_amd.root_fingerprint, milan.root_fingerprint])
    exam = examine(bundle, now=fake_amd.now, report_data=None, trust=trust)
    text = suggest_policy(exam, "both", verified=True).render()
    assert 'accept = { all = ["sev-snp-genoa", "sev-snp-milan"] }' in text
    parse_policy(text)


def test_devices_of_one_platform_share_its_rules(fake_amd: FakeAmd):
    one = healthy(fake_amd, platform_info=1 << 5 | 1 << 2, chip_id=b"\1" * 64)
    other = healthy(fake_amd, measurement=b"\5" * 48, host_data=b"\6" * 32, guest_svn=4, chip_id=b"\2" * 64)
    bundle = with_devices(one, [other])
    policy = suggested(fake_amd, bundle)
    values = policy.platforms[0].values
    assert values["measurements"] == ("01" * 48, "05" * 48)
    assert values["host_data"] == Waiver("the devices of the sample differ in this")
    assert isinstance(values["ecc"], Waiver)
    assert codes(fake_amd, bundle, policy) == set()


def test_evidence_that_cannot_be_read_makes_no_policy(fake_amd: FakeAmd):
    bundle = fake_amd.evidence(fake_amd.report(), raw=b"\0" * 10)
    with pytest.raises(Misuse) as caught:
        suggested(fake_amd, bundle)
    assert caught.value.codes == ("policy.sample",)


def rule(**changes: object) -> Rule:
    fields = {"name": "x", "code": "snp.vmpl", "read": integer(0, 9), "got": lambda _: 7, "holds": same, "wanted": str,
              "says": str, "remedy": "", "comment": "a number"}  # fmt: skip
    return Rule(**(fields | changes))  # type: ignore[arg-type]


def test_first_value_that_can_be_written_and_holds_is_taken():
    assert suggest_value(rule(suggest=lambda _: 7), None, {"x": 3}) == 7
    assert suggest_value(rule(suggest=lambda _: 70), None, {"x": 7}) == 7
    assert suggest_value(rule(suggest=lambda _: None), None, {"x": 7}) == 7
    assert suggest_value(rule(), None, {}) == 7
    assert suggest_value(rule(read=list_of(integer(0, 9)), holds=among), None, {}) == [7]


def test_floor_is_what_the_sample_shows_and_a_number_is_its_own():
    assert suggest_value(rule(holds=at_least), None, {"x": 3}) == 7
    assert suggest_value(rule(holds=at_least), None, {"x": Waiver("by default")}) == Waiver("by default")
    assert suggest_value(rule(), None, {"x": 3}) == 7


def test_value_that_no_candidate_has_is_waived_in_words():
    text = {"read": one_of("a", "b"), "got": lambda _: "b"}
    assert suggest_value(rule(**text), None, {"x": Waiver("by default")}) == Waiver("by default")
    waiver = suggest_value(rule(**text), None, {"x": "a"})
    assert waiver == Waiver("the sample does not show what a strict policy wants: got b, wanted a")
    assert isinstance(suggest_value(rule(read=integer(0, 3)), None, {}), Waiver)


def test_rule_that_is_never_waived_needs_a_sample_that_shows_it():
    with pytest.raises(Misuse) as caught:
        suggest_value(rule(waivable=False, read=integer(0, 3)), None, {"x": 3})
    assert caught.value.codes == ("policy.sample",)


def test_date_in_a_policy_is_no_table_and_no_list():
    for line in ("platform = 1979-05-27", "platform = []", "platform = [1]", "platform = {}"):
        with pytest.raises(Misuse):
            parse_policy(f'version = 1\nname = "x"\nkind = "production"\n{line}\n')


# The command


@pytest.fixture
def folder(fake_amd: FakeAmd, tmp_path: Path) -> Path:
    bundle = healthy(fake_amd)
    (tmp_path / "report.bin").write_bytes(bundle.evidence_bytes())
    certificates = tmp_path / "certificates"
    certificates.mkdir()
    for number, item in enumerate(bundle.endorsement_bytes()):
        (certificates / f"{number}.der").write_bytes(item)
    return tmp_path


def confide(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, dict[str, object]]:
    code = run_cli("confide", "", "0", COMMANDS, [*map(str, arguments), "--json"])
    return code, json.loads(capsys.readouterr().out)


def arguments(folder: Path, amd: FakeAmd) -> list[object]:
    return [folder / "report.bin", "--endorsements", folder / "certificates", "--at", amd.now.isoformat()]


def test_command_writes_a_policy_that_verify_affirms(folder: Path, fake_amd: FakeAmd, capsys):
    given = arguments(folder, fake_amd)
    root = ("--simulated-root", fake_amd.root_fingerprint)
    code, document = confide(capsys, "policy", "suggest", *given, *root, "-o", folder / "policy.toml")
    assert (code, document["verified"], document["kind"]) == (0, True, "simulation")
    assert document["text"] == (folder / "policy.toml").read_text()
    code, document = confide(capsys, "evidence", "verify", *given, "--policy", folder / "policy.toml")
    assert (code, document["verdict"]) == (0, "affirmed")
    assert confide(capsys, "policy", "suggest", *given, *root, "-o", folder / "policy.toml")[0] == 2


def test_unverified_sample_is_refused_unless_told_and_then_the_file_says_so(folder: Path, fake_amd: FakeAmd, capsys):
    code, document = confide(capsys, "policy", "suggest", *arguments(folder, fake_amd))
    assert (code, document["error"]) == (1, "refused")
    code, document = confide(capsys, "policy", "suggest", *arguments(folder, fake_amd), "--unverified")
    assert (code, document["verified"]) == (0, False)
    assert "# Suggested from an UNVERIFIED sample" in str(document["text"])


def test_sample_whose_certificates_are_missing_is_unavailable(folder: Path, capsys):
    code, document = confide(capsys, "policy", "suggest", folder / "report.bin")
    assert (code, document["error"]) == (3, "unavailable")


def test_policy_that_would_not_affirm_its_sample_is_never_written(folder: Path, fake_amd: FakeAmd, monkeypatch, capsys):
    """As if a rule had suggested what it does not accept."""
    from confide.policy import suggestion

    real = suggestion.suggest_policy

    def wrong(*args: object, **kwargs: object):
        text = real(*args, **kwargs)  # type: ignore[arg-type]
        platform = replace(text.platforms[0], values=dict(text.platforms[0].values) | {"host_data": "77" * 32})
        return replace(text, platforms=[platform])

    monkeypatch.setattr(suggestion, "suggest_policy", wrong)
    given = (*arguments(folder, fake_amd), "--simulated-root", fake_amd.root_fingerprint, "-o", folder / "out.toml")
    code, document = confide(capsys, "policy", "suggest", *given)
    assert (code, document["findings"][0]["code"]) == (2, "snp.host_data")  # type: ignore[index]
    assert not (folder / "out.toml").exists()


def test_devices_that_differ_where_nothing_is_waived_make_no_policy(fake_amd: FakeAmd):
    other = FakeAmd.create(fake_amd.now)
    bundle = with_devices(healthy(fake_amd), [healthy(other, flags=1 << 2, chip_id=bytes(64))])
    with pytest.raises(Misuse) as caught:
        suggested(fake_amd, bundle)
    assert "signing_key" in caught.value.findings[0].got


def test_sample_in_debug_mode_is_refused(fake_amd: FakeAmd, tmp_path: Path, capsys):
    bundle = healthy(fake_amd, policy=1 << 17 | 1 << 19)
    import msgspec

    (tmp_path / "bundle.json").write_bytes(msgspec.json.encode(bundle))
    given = (tmp_path / "bundle.json", "--at", fake_amd.now.isoformat(), "--simulated-root", fake_amd.root_fingerprint)
    code, document = confide(capsys, "policy", "suggest", *given)
    assert (code, document["findings"][0]["code"]) == (1, "snp.policy.debug")  # type: ignore[index]


# Templates of every platform


ALL = [(name, product) for name in KINDS for product in kind_of(name).products]


@pytest.mark.parametrize(("format_name", "product"), ALL)
def test_template_of_every_platform_lacks_only_what_the_owner_has_to_give(format_name: str, product: str):
    values = default_values(format_name, product, "production")
    platform = PlatformText(format=format_name, product=product, values=values)
    text = PolicyText(name="new", kind="production", platforms=[platform]).render()
    unset = {rule.name for rule in unset_rules(platform)}
    if not unset:
        assert parse_policy(text).kind == "production"
        return
    with pytest.raises(Misuse) as caught:
        parse_policy(text)
    assert {finding.code for finding in caught.value.findings} == {"policy.file.missing"}
    assert {finding.got.split("`")[1].removeprefix("platform.") for finding in caught.value.findings} == unset


@pytest.mark.parametrize(("format_name", "product"), ALL)
def test_every_rule_of_every_platform_is_said_in_words(format_name: str, product: str):
    kind = kind_of(format_name)
    assert kind.title(product).strip()
    names = [rule.name for rule in kind.rules]
    assert len(names) == len(set(names))
    for rule in kind.rules:
        assert rule.comment.strip()
        assert "\n" not in rule.comment


def test_every_format_that_can_be_verified_can_be_appraised():
    assert KINDS.keys() == FORMATS.keys()


@pytest.mark.parametrize(
    "value",
    [True, 7, "text", 'quo"te\\', "line\nbreak", "\x7f", "é", ["a", "b"], {"a": 1, "b c": [True]}, ("x",), {}, []],
)
def test_value_is_written_as_toml_reads_it(value: object):
    import tomllib

    read = tomllib.loads(f"value = {toml_value(value)}")["value"]
    assert read == (list(value) if isinstance(value, tuple) else value)


def test_samples_that_share_no_value_of_a_rule_that_is_never_waived_make_no_policy():
    rule = Rule(
        "size", "snp.vmpl", integer(0, 9), lambda s: s, same, str, str, "", "a size", waivable=False,
        suggest=lambda subject: subject,
    )  # fmt: skip
    assert _suggest_for_all(rule, [3, 3], {}) == 3
    with pytest.raises(Misuse) as caught:
        _suggest_for_all(rule, [3, 4], {})
    assert caught.value.codes == ("policy.sample",)
