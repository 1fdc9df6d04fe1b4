"""Several pieces of evidence together: what `accept` wants must be there, and whatever is there must hold."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from dataclasses import replace
from itertools import permutations

import pytest

from confide.errors import Finding, Misuse, Refused, Unavailable
from confide.evidence import EvidenceBundle
from confide.evidence.bundle import pack_evidence, with_devices
from confide.ids import sha256_of
from confide.policy import Permit, Policy, Waiver, appraise, explain_policy, parse_policy
from confide.policy.composition import accept_of, is_shown, say_accept
from confide.policy.model import AllOf, AnyOf, Workload
from confide.policy.parsing import default_name
from confide.policy.reading import WrongValueError
from confide.policy.template import PlatformText, PolicyText, Release, default_values
from confide.testing import FakeAmd
from confide.verify import verify_evidence
from confide.verify.devices import question_for

MakePolicy = Callable[..., str]
DATA = bytes(range(64))
NAMES = ("cpu", "gpu", "switch")
MILAN = (0x19, 1, 1)
BOTH = AllOf(("cpu", "gpu"))


def accept(text: str):
    return accept_of(NAMES)(tomllib.loads(f"accept = {text}")["accept"])


def policy_of(amd: FakeAmd, milan: FakeAmd, **changes: object) -> Policy:
    """Two platforms, as if the second were a device of the first: any two formats compose alike."""

    def platform(product: str, name: str) -> PlatformText:
        values = default_values("sev-snp", product, "simulation")
        wishes = {"measurements": ["00" * 48], "crl": Waiver("no list here"), "minimum_tcb": Waiver("no floor here")}
        return PlatformText(format="sev-snp", product=product, values=values | wishes, name=name)

    fields: dict[str, object] = {
        "name": "both", "kind": "simulation", "platforms": [platform("Genoa", "cpu"), platform("Milan", "gpu")],
        "workload": Workload(sha256_of(b"w"), sha256_of(b"r")),
        "release": Release(recipients=["AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="]),
        "simulated_roots": [amd.root_fingerprint, milan.root_fingerprint], "accept": BOTH,
    }  # fmt: skip
    return parse_policy(PolicyText(**(fields | changes)).render())  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def milan(fake_amd: FakeAmd) -> FakeAmd:
    return FakeAmd.create(fake_amd.now, "Milan")


@pytest.fixture
def cpu(fake_amd: FakeAmd) -> EvidenceBundle:
    return fake_amd.evidence(fake_amd.report(report_data=DATA))


def device(milan: FakeAmd, **changes: object) -> EvidenceBundle:
    return milan.evidence(milan.report(**({"report_data": DATA, "cpuid": MILAN} | changes)))


def permit(bundle: EvidenceBundle, policy: Policy, amd: FakeAmd) -> Permit:
    return appraise(bundle, policy, report_data=DATA, now=amd.now)


def findings_of(bundle: EvidenceBundle, policy: Policy, amd: FakeAmd) -> tuple[Finding, ...]:
    with pytest.raises(Refused) as caught:
        permit(bundle, policy, amd)
    return caught.value.findings


def codes_of(bundle: EvidenceBundle, policy: Policy, amd: FakeAmd) -> list[str]:
    return [finding.code for finding in findings_of(bundle, policy, amd)]


def test_machine_with_its_device_gets_a_permit(fake_amd: FakeAmd, milan: FakeAmd, cpu: EvidenceBundle):
    result = permit(with_devices(cpu, [device(milan)]), policy_of(fake_amd, milan), fake_amd)
    assert [one.claims["product"] for one in result.evidence.devices] == ["Milan"]
    told = next(check for check in result.checks if check.code == "evidence.devices")
    assert (told.outcome, told.reason) == ("passed", "sev-snp on Milan")


def test_row_26_device_that_was_left_out_is_refused(fake_amd: FakeAmd, milan: FakeAmd, cpu: EvidenceBundle):
    (finding,) = findings_of(cpu, policy_of(fake_amd, milan), fake_amd)
    assert (finding.code, finding.got, finding.wanted) == ("policy.evidence.missing", "evidence of cpu", "cpu and gpu")


def test_device_alone_does_not_stand_for_the_machine(fake_amd: FakeAmd, milan: FakeAmd):
    assert codes_of(device(milan), policy_of(fake_amd, milan), fake_amd) == ["policy.evidence.missing"]


def test_same_evidence_twice_does_not_stand_for_the_other(fake_amd: FakeAmd, milan: FakeAmd, cpu: EvidenceBundle):
    assert codes_of(with_devices(cpu, [cpu]), policy_of(fake_amd, milan), fake_amd) == ["policy.evidence.missing"]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"report_data": bytes(64)}, "snp.report_data"), ({"vmpl": 2}, "snp.vmpl"),
        ({"measurement": b"\1" * 48}, "policy.workload.measurement"),
        ({"policy": 1 << 17 | 1 << 19}, "snp.policy.debug"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("accepted", [BOTH, AnyOf(("cpu", "gpu"))])
def test_bad_device_refuses_the_whole_and_says_which(fake_amd, milan, cpu, *, changes, code, accepted):
    """Also where `any` would be content with the machine alone: whatever is shown must hold."""
    policy = policy_of(fake_amd, milan, accept=accepted)
    (finding,) = findings_of(with_devices(cpu, [device(milan, **changes)]), policy, fake_amd)
    assert finding.code == code
    assert finding.got.startswith("device 1 (sev-snp): ")


def test_bad_machine_is_refused_whatever_its_device_shows(fake_amd: FakeAmd, milan: FakeAmd):
    bad = fake_amd.evidence(fake_amd.report(report_data=DATA, vmpl=3))
    assert codes_of(with_devices(bad, [device(milan)]), policy_of(fake_amd, milan), fake_amd) == ["snp.vmpl"]


def test_device_of_a_platform_that_the_policy_does_not_name_is_refused(
    fake_amd: FakeAmd, cpu: EvidenceBundle, policy_text: MakePolicy, milan: FakeAmd
):
    policy = replace(parse_policy(policy_text()), simulated_roots=(fake_amd.root_fingerprint, milan.root_fingerprint))
    assert permit(cpu, policy, fake_amd)
    assert codes_of(with_devices(cpu, [device(milan)]), policy, fake_amd) == ["policy.platform"]


def test_device_under_a_stranger_root_is_refused(fake_amd: FakeAmd, milan: FakeAmd, cpu: EvidenceBundle):
    stranger = FakeAmd.create(fake_amd.now, "Milan", organization="Somebody else")
    found = codes_of(with_devices(cpu, [device(stranger)]), policy_of(fake_amd, milan), fake_amd)
    assert "snp.chain.root" in found


def test_device_without_its_certificates_is_unavailable(fake_amd: FakeAmd, milan: FakeAmd, cpu: EvidenceBundle):
    bare = pack_evidence("sev-snp", device(milan).evidence_bytes())
    with pytest.raises(Unavailable) as caught:
        permit(with_devices(cpu, [bare]), policy_of(fake_amd, milan), fake_amd)
    assert caught.value.codes == ("snp.chain.missing",)


def test_refused_and_unknowable_together_are_refused(fake_amd: FakeAmd, milan: FakeAmd, cpu: EvidenceBundle):
    bare = pack_evidence("sev-snp", device(milan).evidence_bytes())
    bundle = with_devices(cpu, [bare, device(milan, vmpl=1)])
    assert set(codes_of(bundle, policy_of(fake_amd, milan), fake_amd)) == {"snp.chain.missing", "snp.vmpl"}


def test_without_a_policy_every_device_must_be_genuine(fake_amd: FakeAmd, milan: FakeAmd, cpu: EvidenceBundle):
    roots = [fake_amd.root_fingerprint, milan.root_fingerprint]

    def verify(bundle: EvidenceBundle):
        return verify_evidence(bundle, now=fake_amd.now, report_data=DATA, simulated_roots=roots)

    assert len(verify(with_devices(cpu, [device(milan), device(milan)])).devices) == 2
    with pytest.raises(Refused) as caught:
        verify(with_devices(cpu, [device(milan), device(milan, policy=1 << 17 | 1 << 19)]))
    assert caught.value.codes == ("snp.policy.debug",)
    assert caught.value.findings[0].got.startswith("device 2 (sev-snp)")


def test_devices_within_devices_and_too_many_are_refused(fake_amd: FakeAmd, milan: FakeAmd, cpu: EvidenceBundle):
    policy, one = policy_of(fake_amd, milan), device(milan)
    assert permit(with_devices(cpu, [one] * 16), policy, fake_amd)
    (finding,) = findings_of(with_devices(cpu, [one] * 17), policy, fake_amd)
    assert (finding.code, finding.got[:10]) == ("evidence.devices", "17 devices")
    (finding,) = findings_of(with_devices(cpu, [with_devices(one, [one])]), policy, fake_amd)
    assert (finding.code, finding.got) == ("evidence.devices", "1 devices, of which 1 have devices of their own")


def test_check_of_devices_is_there_only_where_there_are_any_and_fails_with_them(
    fake_amd: FakeAmd, milan: FakeAmd, cpu: EvidenceBundle
):
    policy = policy_of(fake_amd, milan, accept=None)
    assert "evidence.devices" not in {check.code for check in permit(cpu, policy, fake_amd).checks}
    with pytest.raises(Refused) as caught:
        permit(with_devices(cpu, [device(milan, vmpl=1)]), policy, fake_amd)
    assert [c.outcome for c in caught.value.checks if c.code == "evidence.devices"] == ["failed"]


def test_device_is_asked_the_same_question_in_the_size_of_its_field():
    assert question_for(32, DATA) == DATA[:32]
    assert question_for(64, b"\1\2") == b"\1\2" + bytes(62)
    assert question_for(None, DATA) == DATA
    assert question_for(32, None) is None


# Combinators


@pytest.mark.parametrize(
    ("text", "shown", "enough"),
    [
        ('"cpu"', {"cpu"}, True), ('{ all = ["cpu", "gpu"] }', {"cpu"}, False),
        ('{ all = ["cpu", "gpu"] }', {"cpu", "gpu"}, True), ('{ any = ["cpu", "gpu"] }', {"gpu"}, True),
        ('{ any = ["cpu", "gpu"] }', set(), False),
        ('{ all = ["cpu", { any = ["gpu", "switch"] }] }', {"cpu", "switch"}, True),
        ('{ all = ["cpu", { any = ["gpu", "switch"] }] }', {"gpu", "switch"}, False),
        ('{ any = [{ all = ["cpu", "gpu"] }, "switch"] }', {"cpu"}, False),
    ],
)  # fmt: skip
def test_combinators_mean_what_they_say(text: str, shown: set[str], enough: bool):
    value = tomllib.loads(f"accept = {text}")["accept"]
    used = [name for name in NAMES if name in text]
    assert is_shown(accept_of(used)(value), shown) is enough


@pytest.mark.parametrize(
    "text",
    [
        "{ all = [] }", "{ any = [] }", "[]", "{}", '""', '"tpu"', "true", "3", '{ none = ["cpu"] }',
        '{ all = ["cpu"], any = ["gpu"] }', '{ all = "cpu" }', '{ all = ["cpu", "cpu", "gpu", "switch"] }',
        '{ all = ["cpu", "gpu", "switch", { any = [] }] }',
        '{ all = ["cpu", "gpu", "switch", "tpu"] }', '{ all = ["cpu", 7] }', '{ all = ["cpu", "gpu"] }',
        "{ all = [" * 5 + '"cpu", "gpu", "switch"' + "] }" * 5,
    ],
)  # fmt: skip
def test_empty_unknown_deep_or_incomplete_combination_is_an_error(text: str):
    with pytest.raises(WrongValueError):
        accept(text)


def test_combination_of_more_than_32_names_is_an_error():
    lists = [list(order) for size in (1, 2, 3) for order in permutations(NAMES, size)]
    assert sum(map(len, lists)) == 33
    with pytest.raises(WrongValueError, match="at most 32"):
        accept_of(NAMES)({"all": [{"any": order} for order in lists]})
    assert accept_of(NAMES)({"all": [{"any": order} for order in lists[1:]]})


def test_list_has_at_most_32_entries():
    names = [f"p{number}" for number in range(33)]
    assert accept_of(names[:32])({"all": names[:32]}) == AllOf(tuple(names[:32]))
    with pytest.raises(WrongValueError, match="at least one entry"):
        accept_of(names)({"all": names})


def test_deepest_combination_is_read():
    text = "{ all = [" * 4 + '"cpu", "gpu", "switch"' + "] }" * 4
    assert say_accept(accept(text)) == "cpu and gpu and switch"


def test_combination_is_said_in_words(fake_amd: FakeAmd, milan: FakeAmd):
    assert say_accept(accept('{ all = ["cpu", { any = ["gpu", "switch"] }] }')) == "cpu and (gpu or switch)"
    sentences = explain_policy(policy_of(fake_amd, milan))
    assert any("must be shown together: cpu and gpu." in sentence for sentence in sentences)
    assert any(sentence.startswith("gpu: On AMD Milan") for sentence in sentences)


def test_without_accept_any_platform_is_enough(fake_amd: FakeAmd, milan: FakeAmd, cpu: EvidenceBundle):
    policy = policy_of(fake_amd, milan, accept=None)
    assert policy.accept == AnyOf(("cpu", "gpu"))
    assert permit(cpu, policy, fake_amd)
    assert permit(device(milan), policy, fake_amd)


def test_platform_without_a_name_is_named_by_format_and_product(policy_text: MakePolicy):
    assert parse_policy(policy_text()).platforms[0].name == "sev-snp-genoa" == default_name("sev-snp", "Genoa")


@pytest.mark.parametrize("name", ['"CPU"', '""', "7", '"a b"', '"' + "a" * 64 + '"'])
def test_impossible_name_of_a_platform_is_an_error(policy_text: MakePolicy, name: str):
    with pytest.raises(Misuse) as caught:
        parse_policy(policy_text().replace("[[platform]]", f"[[platform]]\nname = {name}"))
    assert caught.value.codes == ("policy.file.value",)


def test_two_platforms_of_one_name_are_an_error(policy_text: MakePolicy):
    text = policy_text().replace("[[platform]]", '[[platform]]\nname = "cpu"')
    platform = text[text.index("[[platform]]") :]
    with pytest.raises(Misuse) as caught:
        parse_policy(text + platform.replace('"Genoa"', '"Milan"'))
    assert "named cpu" in caught.value.findings[0].got


def test_accept_that_is_wrong_is_an_error_with_its_line(policy_text: MakePolicy):
    text = policy_text().replace("version = 1", 'version = 1\naccept = { all = ["tpu"] }')
    with pytest.raises(Misuse) as caught:
        parse_policy(text)
    line = text.splitlines().index('accept = { all = ["tpu"] }') + 1
    assert caught.value.findings[0].got.startswith(f"line {line}: ")


# Policies for verification alone


@pytest.mark.parametrize("given_up", [["workload"], ["release"], ["workload", "release"]])
def test_policy_for_verification_alone_never_permits(fake_amd: FakeAmd, milan: FakeAmd, cpu: EvidenceBundle, given_up):
    policy = policy_of(fake_amd, milan, accept=None, **dict.fromkeys(given_up))
    with pytest.raises(Misuse) as caught:
        permit(cpu, policy, fake_amd)
    assert caught.value.codes == ("policy.release",)
    assert any("verification alone" in sentence for sentence in explain_policy(policy))


@pytest.mark.parametrize("waiver", ['{ waived = "" }', "{ waived = true }", "true", "{}", '{ waived = "x", also = 1 }'])
def test_workload_is_not_given_up_without_a_reason(fake_amd: FakeAmd, milan: FakeAmd, waiver: str):
    text = policy_of(fake_amd, milan, workload=None).text
    line = next(line for line in text.splitlines() if line.startswith("workload ="))
    with pytest.raises(Misuse):
        parse_policy(text.replace(line, f"workload = {waiver}"))


# Trusted keys


def test_trusted_keys_are_read_and_said(policy_text: MakePolicy):
    key = sha256_of(b"key")
    policy = parse_policy(policy_text().replace("version = 1", f'version = 1\ntrusted_keys = ["{key}"]'))
    assert policy.trusted_keys == (key,)
    assert any(key in sentence and "trusted" in sentence for sentence in explain_policy(policy))
    assert parse_policy(policy_text()).trusted_keys == ()


@pytest.mark.parametrize("value", ["[]", '["sha256:00"]', '"any"', f'["{sha256_of(b"k")}", "{sha256_of(b"k")}"]'])
def test_impossible_trusted_keys_are_an_error(policy_text: MakePolicy, value: str):
    with pytest.raises(Misuse) as caught:
        parse_policy(policy_text().replace("version = 1", f"version = 1\ntrusted_keys = {value}"))
    assert caught.value.codes == ("policy.file.value",)
