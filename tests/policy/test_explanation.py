from __future__ import annotations

from collections.abc import Callable

from confide.policy import Waiver, explain_policy, parse_policy
from confide.policy.snp_rules import RULES

MakePolicy = Callable[..., str]


def test_simulation_is_explained_as_no_protection(policy_text: MakePolicy):
    sentences = explain_policy(parse_policy(policy_text()))
    assert any("protect nothing" in sentence for sentence in sentences)


def test_production_is_explained_as_real_hardware_alone(policy_text: MakePolicy):
    sentences = explain_policy(parse_policy(policy_text(kind="production", simulated_root=None)))
    assert any("Only evidence of real hardware" in sentence for sentence in sentences)
    assert not any("SIMULATED" in sentence for sentence in sentences)


def test_every_waiver_is_said_with_its_reason(policy_text: MakePolicy):
    text = policy_text(overrides={"debug": Waiver("because of the test bench")})
    said = [sentence for sentence in explain_policy(parse_policy(text)) if "because of the test bench" in sentence]
    assert len(said) == 1
    assert said[0].startswith("- NOT checked: debug mode")


def test_every_field_of_a_platform_is_said(policy_text: MakePolicy):
    wishes = {
        "single_socket": True, "ecc": True, "tsme": True, "minimum_abi": "1.51", "mitigations": "0x1",
        "host_data": "01" * 32, "family_id": "02" * 16, "image_id": "03" * 16, "id_key_digests": ["04" * 48],
        "author_key_digests": ["05" * 48], "chip_ids": ["06" * 64], "denied_chip_ids": ["07" * 64], "crl": True,
        "signing_key": "vlek",
    }  # fmt: skip
    sentences = explain_policy(parse_policy(policy_text(overrides=wishes)))
    assert not any("NOT checked" in sentence for sentence in sentences)
    assert len([sentence for sentence in sentences if sentence.startswith("- ")]) == len(RULES)
