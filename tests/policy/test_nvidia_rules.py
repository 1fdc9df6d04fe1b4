"""The rules of an NVIDIA device: each holds for the healthy report, and fails by its own code for another."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from confide.errors import Refused
from confide.evidence import EvidenceBundle
from confide.evidence.nvidia import FIELDS
from confide.policy import Policy, Waiver, parse_policy
from confide.policy.appraisal import judge
from confide.policy.explanation import explain_policy
from confide.policy.nvidia_rules import KIND
from confide.policy.template import PlatformText, PolicyText, default_values
from confide.testing.fake_nvidia import FWID, NONCE, FakeNvidia
from confide.verify import VerifiedEvidence

NOW = datetime(2026, 6, 1, tzinfo=UTC)
HOPPER, SWITCH = FakeNvidia.create(NOW), FakeNvidia.create(NOW, "LS_10")
CRL = Waiver("the tests bring their own lists")
DEVICE = f"{HOPPER.devices[-1].certificate.serial_number:x}"


def policy(product: str = "Hopper", **values: object) -> Policy:
    file = {**default_values("nvidia", product, "simulation"), "crl": CRL} | values
    platform = PlatformText(format="nvidia", product=product, values=file)
    roots = [*HOPPER.roots, *SWITCH.roots]
    return parse_policy(
        PolicyText(name="test", kind="simulation", platforms=[platform], simulated_roots=roots).render()
    )


def healthy(nvidia: FakeNvidia = HOPPER, **opaque: bytes | None) -> EvidenceBundle:
    exchange = nvidia.exchange(opaque=nvidia.opaque(**opaque))
    return nvidia.evidence(exchange, manifests=nvidia.manifests())


def appraised(bundle: EvidenceBundle, wanted: Policy) -> VerifiedEvidence:
    return judge(bundle, wanted, report_data=NONCE, now=NOW).conclude()


def codes_of(bundle: EvidenceBundle, wanted: Policy) -> tuple[str, ...]:
    with pytest.raises(Refused) as caught:
        appraised(bundle, wanted)
    return caught.value.codes


@pytest.mark.parametrize(("nvidia", "product"), [(HOPPER, "Hopper"), (SWITCH, "LS10")])
def test_the_healthy_device_satisfies_the_defaults(nvidia: FakeNvidia, product: str):
    outcomes = {check.code: check.outcome for check in appraised(healthy(nvidia), policy(product)).checks}
    assert {outcomes[code] for code in KIND.codes} == {"passed", "waived"}
    assert outcomes["nvidia.manifests"] == "passed"


HOLDING = {
    "minimum_driver": "570.124.03", "minimum_vbios": "96.00.9F.00.01", "firmware_ids": ["00" * 48, FWID.hex()],
    "modes": ["multi-gpu", "single-gpu"], "device_ids": ["ab", DEVICE], "denied_device_ids": ["ab"],
}  # fmt: skip
FAILING = {
    "minimum_driver": ("570.124.04", "nvidia.driver"), "minimum_vbios": ("96.00.A0.00.00", "nvidia.vbios"),
    "firmware_ids": (["00" * 48], "nvidia.firmware"), "modes": (["protected-pcie"], "nvidia.mode"),
    "device_ids": (["ab"], "policy.chip.allowed"), "denied_device_ids": ([DEVICE], "policy.chip.denied"),
    "crl": (True, "policy.crl"),
}  # fmt: skip


@pytest.mark.parametrize("name", HOLDING)
def test_each_rule_holds(name: str):
    appraised(healthy(), policy(**{name: HOLDING[name]}))


@pytest.mark.parametrize("name", FAILING)
def test_each_rule_fails_by_its_own_code(name: str):
    value, code = FAILING[name]
    assert codes_of(healthy(), policy(**{name: value})) == (code,)


def test_all_rules_together_hold():
    appraised(healthy(), policy(**HOLDING))


@pytest.mark.parametrize(("kept", "told"), [([], "driver and vbios"), ([0], "vbios"), ([1], "driver")])
def test_row_26_manifests_that_are_left_out_are_missed(kept: list[int], told: str):
    manifests = [HOPPER.manifests()[index] for index in kept]
    with pytest.raises(Refused) as caught:
        appraised(HOPPER.evidence(manifests=manifests), policy())
    assert caught.value.codes == ("nvidia.manifests",)
    assert told in caught.value.findings[0].got


def test_manifests_can_be_given_up_in_words():
    outcomes = {c.code: c for c in appraised(HOPPER.evidence(), policy(manifests=Waiver("in the laboratory"))).checks}
    assert outcomes["nvidia.manifests"].reason == "in the laboratory"


@pytest.mark.parametrize("authority", range(4))
def test_row_26_revocation_list_that_came_along_satisfies_the_policy(authority: int):
    lists = [HOPPER.devices[authority].revocation_list(NOW)]
    appraised(HOPPER.evidence(lists=lists, manifests=HOPPER.manifests()), policy(crl=True))


def test_answer_of_the_revocation_service_satisfies_the_policy():
    answer = HOPPER.devices[2].answer(HOPPER.devices[3], NOW)
    appraised(HOPPER.evidence(lists=[answer], manifests=HOPPER.manifests()), policy(crl=True))


def test_row_26_revocation_list_of_somebody_else_satisfies_nobody():
    bundle = HOPPER.evidence(lists=[HOPPER.signers[0].revocation_list(NOW)], manifests=HOPPER.manifests())
    assert codes_of(bundle, policy(crl=True)) == ("policy.crl",)


@pytest.mark.parametrize(
    ("version", "lowest", "holds"),
    [("550.90.07", "550.90.07", True), ("550.100", "550.90.07", True), ("550.90", "550.90.07", False),
     ("1000.1", "999.9", True), ("", "1.0", False), ("latest", "1.0", False)],
)  # fmt: skip
def test_versions_are_compared_as_numbers(version: str, lowest: str, *, holds: bool):
    bundle = HOPPER.evidence(HOPPER.exchange(opaque=HOPPER.opaque(driver_version=version.encode())))
    wanted = policy(minimum_driver=lowest, manifests=Waiver("no manifest fits these versions"))
    if holds:
        appraised(bundle, wanted)
    else:
        assert codes_of(bundle, wanted) == ("nvidia.driver",)


@pytest.mark.parametrize("missing", ["driver_version", "vbios_version", "feature_flag"])
def test_row_26_what_the_report_does_not_tell_is_refused(missing: str):
    wanted = policy(
        minimum_driver="1.0", minimum_vbios="00.00.00.00.00", modes=["single-gpu"],
        manifests=Waiver("no manifest fits a device without a version"),
    )  # fmt: skip
    bundle = HOPPER.evidence(HOPPER.exchange(opaque=HOPPER.opaque(**{missing: None})))
    expected = {"driver_version": "driver", "vbios_version": "vbios", "feature_flag": "mode"}[missing]
    assert codes_of(bundle, wanted) == (f"nvidia.{expected}",)
    assert missing in FIELDS


def test_a_switch_has_no_driver_to_ask_for():
    outcomes = {c.code: c.outcome for c in appraised(healthy(SWITCH), policy("LS10", minimum_driver="1.0")).checks}
    assert outcomes["nvidia.driver"] == "not applicable"


def test_row_2_product_comes_from_the_policy():
    assert codes_of(healthy(), policy("Blackwell"))[0] == "policy.platform"


def test_each_device_of_several_is_appraised():
    one, other = healthy(), healthy(driver_version=b"1.0\0")
    both = EvidenceBundle(one.format, one.evidence, one.endorsements, devices=(other,))
    assert "nvidia.driver" in codes_of(both, policy(minimum_driver="570.0"))


def test_the_policy_is_explained_in_sentences():
    told = "\n".join(explain_policy(policy(**HOLDING)))
    assert "NVIDIA's signed reference manifests came along" in told
    assert "The driver is of version 570.124.03 or later" in told
    assert "The device is none of 1 that the policy shuts out" in told
