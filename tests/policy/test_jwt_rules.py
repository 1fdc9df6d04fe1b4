"""The rules of a service's result: each holds for the healthy result, and fails by its own code for another."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from confide.errors import Refused
from confide.policy import Policy, Waiver, parse_policy
from confide.policy.appraisal import judge
from confide.policy.explanation import explain_policy
from confide.policy.jwt_rules import KIND, Told
from confide.policy.template import PlatformText, PolicyText, default_values
from confide.testing.fake_service import ALGORITHMS, DIGEST, ISSUERS, MEASUREMENT, NONCE, FakeService, nvidia_device
from confide.verify import VerifiedEvidence
from confide.verify.jwt_services import GOOGLE, INTEL, MICROSOFT, NVIDIA

NOW = datetime(2026, 6, 1, tzinfo=UTC)
SERVICES = {product: FakeService.create(product, NOW) for product in ALGORITHMS}
# What the owner has to say for each service beside the defaults.
OWN: dict[str, dict[str, object]] = {
    GOOGLE: {"audiences": ["https://owner.example"], "measurements": [DIGEST], "projects": ["project"]},
    MICROSOFT: {"issuers": [ISSUERS[MICROSOFT]], "measurements": [MEASUREMENT], "service_policies": ["policyhash"]},
    INTEL: {"measurements": [MEASUREMENT], "service_policies": ["2d2b8f6e-8a52-4d33-9d5c-8e6e0f4d0a11"]},
    NVIDIA: {},
}


def policy(product: str, **values: object) -> Policy:
    file = {**default_values("jwt", product, "production"), **OWN[product]} | values
    platform = PlatformText(format="jwt", product=product, values=file)
    keys = [SERVICES[product].key_fingerprint]
    return parse_policy(PolicyText(name="test", kind="production", platforms=[platform], trusted_keys=keys).render())


def appraised(
    product: str, values: dict[str, object], now: datetime = NOW, token: str | None = None, **claims: object
) -> VerifiedEvidence:
    service = SERVICES[product]
    bundle = service.evidence(service.claims(**claims), token=token)
    return judge(bundle, policy(product, **values), report_data=NONCE, now=now).conclude()


def codes_of(*given: object, **named: object) -> tuple[str, ...]:
    with pytest.raises(Refused) as caught:
        appraised(*given, **named)  # type: ignore[arg-type]
    return caught.value.codes


@pytest.mark.parametrize("product", SERVICES)
def test_the_healthy_result_satisfies_the_defaults(product: str):
    verified = appraised(product, {})
    outcomes = {check.code: check.outcome for check in verified.checks}
    assert not verified.simulated
    assert {outcomes[code] for code in KIND.codes} == {"passed", "waived"}
    assert outcomes["jwt.debug"] == outcomes["jwt.instance"] == outcomes["jwt.age"] == "passed"


FAILING: list[tuple[str, dict[str, object], str]] = [
    (GOOGLE, {"issuers": ["https://another.example"]}, "jwt.instance"),
    (GOOGLE, {"audiences": ["https://another.example"]}, "jwt.audience"),
    (GOOGLE, {"hardware": ["GCP_AMD_SEV"]}, "jwt.hardware"),
    (GOOGLE, {"measurements": ["00" * 32]}, "policy.workload.measurement"),
    (GOOGLE, {"software": ["GCE"]}, "jwt.software"),
    (GOOGLE, {"support": ["EXPERIMENTAL"]}, "jwt.support"),
    (GOOGLE, {"projects": ["another"]}, "jwt.project"),
    (GOOGLE, {"statuses": ["UpToDate"]}, "jwt.status"),
    (GOOGLE, {"service_policies": ["any"]}, "jwt.policy"),
    (MICROSOFT, {"issuers": ["https://another.eus.attest.azure.net"]}, "jwt.instance"),
    (MICROSOFT, {"hardware": ["tdxvm"]}, "jwt.hardware"),
    (MICROSOFT, {"measurements": ["00" * 48]}, "policy.workload.measurement"),
    (MICROSOFT, {"statuses": ["azure-signed-policy"]}, "jwt.status"),
    (MICROSOFT, {"service_policies": ["another"]}, "jwt.policy"),
    (MICROSOFT, {"audiences": ["me"]}, "jwt.audience"),
    (INTEL, {"hardware": ["SGX"]}, "jwt.hardware"),
    (INTEL, {"statuses": ["OutOfDate"]}, "jwt.status"),
    (INTEL, {"service_policies": ["another"]}, "jwt.policy"),
    (INTEL, {"secure_boot": True}, "jwt.secure_boot"),
    (NVIDIA, {"hardware": ["GB100 A01 GSP BROM"]}, "jwt.hardware"),
    (NVIDIA, {"measurements": ["00" * 48]}, "policy.workload.measurement"),
]


@pytest.mark.parametrize(("product", "values", "code"), FAILING, ids=[f"{p}-{code}" for p, _, code in FAILING])
def test_each_rule_fails_by_its_own_code(product: str, values: dict[str, object], code: str):
    assert codes_of(product, values) == (code,)


CLAIMS: list[tuple[str, dict[str, object], str]] = [
    (GOOGLE, {"aud": ...}, "jwt.audience"), (GOOGLE, {"aud": ["https://owner.example", 5]}, "jwt.audience"),
    (GOOGLE, {"dbgstat": "enabled"}, "jwt.debug"), (GOOGLE, {"dbgstat": ...}, "jwt.debug"),
    (GOOGLE, {"secboot": False}, "jwt.secure_boot"), (GOOGLE, {"secboot": "true"}, "jwt.secure_boot"),
    (GOOGLE, {"hwmodel": ...}, "jwt.hardware"), (GOOGLE, {"swname": ...}, "jwt.software"),
    (MICROSOFT, {"x-ms-policy-hash": ...}, "jwt.policy"), (INTEL, {"attester_type": ...}, "jwt.hardware"),
    (INTEL, {"policy_ids_matched": ...}, "jwt.policy"), (INTEL, {"policy_ids_matched": [5]}, "jwt.policy"),
    (INTEL, {"policy_ids_unmatched": [{"id": "x"}]}, "jwt.result"),
    (NVIDIA, {"x-nvidia-overall-att-result": False}, "jwt.result"),
]  # fmt: skip


@pytest.mark.parametrize(("product", "claims", "code"), CLAIMS, ids=[f"{p}-{code}" for p, _, code in CLAIMS])
def test_row_26_claim_that_is_wrong_or_left_out_is_refused(product: str, claims: dict[str, object], code: str):
    assert codes_of(product, {}, **claims) == (code,)


def submods(**changes: object) -> dict[str, object]:
    container = {"image_digest": DIGEST} | changes
    return {
        "confidential_space": {"support_attributes": ["STABLE"]}, "container": container,
        "gce": {"project_id": "project"},
    }  # fmt: skip


def test_google_container_is_judged():
    appraised(GOOGLE, {}, submods=submods())
    appraised(GOOGLE, {}, submods=submods(env_override={}, cmd_override=None))
    assert codes_of(GOOGLE, {}, submods=submods(env_override={"A": "B"})) == ("jwt.overrides",)
    assert codes_of(GOOGLE, {}, submods=submods(cmd_override=["sh"])) == ("jwt.overrides",)
    assert codes_of(GOOGLE, {}, submods=submods(image_digest=...) | {"container": {}}) == (
        "policy.workload.measurement",
    )
    missing = {name: value for name, value in submods().items() if name != "container"}
    assert codes_of(GOOGLE, {}, submods=missing) == ("policy.workload.measurement", "jwt.overrides")


@pytest.mark.parametrize(("age", "accepted"), [(0, True), (300, True), (301, False)])
def test_results_are_as_young_as_the_policy_wants(age: int, *, accepted: bool):
    now = NOW + timedelta(seconds=age)
    if accepted:
        appraised(GOOGLE, {}, now=now)
    else:
        assert codes_of(GOOGLE, {}, now=now) == ("jwt.age",)


def test_every_device_of_a_result_is_judged():
    service = SERVICES[NVIDIA]
    for wrong, code in [({"hwmodel": "GB100 A01 GSP BROM"}, "jwt.hardware"), ({"measres": "fail"}, "jwt.status"),
                        ({"secboot": None}, "jwt.secure_boot"), ({"hwmodel": None}, "jwt.hardware")]:  # fmt: skip
        devices = {"GPU-0": nvidia_device(), "GPU-1": nvidia_device(**wrong)}
        assert codes_of(NVIDIA, {}, token=service.detached(service.claims(), devices)) == (code,)


def test_row_2_service_comes_from_the_policy():
    service = SERVICES[INTEL]
    with pytest.raises(Refused) as caught:
        judge(service.evidence(), policy(GOOGLE), report_data=NONCE, now=NOW).conclude()
    assert "policy.platform" in caught.value.codes


def test_production_policy_takes_no_result_under_a_root_of_our_own():
    """The key is not trusted, and the root is nobody's: whatever the chain says."""
    service = SERVICES[GOOGLE]
    platform = PlatformText(
        format="jwt", product=GOOGLE, values={**default_values("jwt", GOOGLE, "production"), **OWN[GOOGLE]}
    )
    wanted = parse_policy(PolicyText(name="test", kind="production", platforms=[platform]).render())
    with pytest.raises(Refused) as caught:
        judge(service.evidence(), wanted, report_data=NONCE, now=NOW).conclude()
    assert caught.value.codes == ("jwt.chain.root",)


@pytest.mark.parametrize("product", SERVICES)
def test_claims_of_any_type_are_judged(product: str):
    """Nothing but a verdict comes out, whatever the service says where a text or a list should be."""
    service, wanted = SERVICES[product], policy(product, secure_boot=Waiver("not the matter here"))
    odd: list[object] = [None, True, 5, "", [], {}, [5], [{}], {"a": []}]
    for name in service.claims():
        for value in odd:
            exam = judge(service.evidence(service.claims(**{name: value})), wanted, report_data=NONCE, now=NOW)
            assert {check.code for check in exam.checklist.checks} >= KIND.codes


def test_waivers_stand_in_the_result():
    verified = appraised(GOOGLE, {"secure_boot": Waiver("an old machine")}, secboot=False)
    assert next(check.reason for check in verified.checks if check.code == "jwt.secure_boot") == "an old machine"


def test_the_policy_is_explained_in_sentences():
    told = "\n".join(explain_policy(policy(GOOGLE)))
    assert "Of results of Google Confidential Space" in told
    assert "The result is at most 300 seconds old" in told
    assert f"What runs is {DIGEST}" in told


def test_what_a_result_tells_is_shown_with_commas_between():
    assert str(Told(("UpToDate", "not told"))) == "UpToDate, not told"
