"""The trustworthiness vector says no more than the checks did (draft-ietf-rats-ar4si)."""

from __future__ import annotations

import pytest

from confide.errors import Check
from confide.policy.codes import CODES
from confide.results.claims import ENDINGS, ROWS, claim_of, find_row, row_of
from confide.results.vector import CLAIMS, Tier, make_vector, tier_of


def checks(**outcomes: str) -> list[Check]:
    return [
        Check(code.replace("__", "."), outcome, "why" if outcome != "passed" else "")  # type: ignore[arg-type]
        for code, outcome in outcomes.items()
    ]


HEALTHY = checks(
    snp__signature="passed", snp__policy__debug="passed", policy__workload__measurement="passed", snp__vmpl="passed"
)


@pytest.mark.parametrize(
    ("value", "tier"),
    [
        (0, Tier.NONE), (1, Tier.NONE), (-1, Tier.NONE), (2, Tier.AFFIRMING), (31, Tier.AFFIRMING),
        (-2, Tier.AFFIRMING), (-32, Tier.AFFIRMING), (32, Tier.WARNING), (95, Tier.WARNING), (-33, Tier.WARNING),
        (-96, Tier.WARNING), (96, Tier.CONTRAINDICATED), (127, Tier.CONTRAINDICATED), (-97, Tier.CONTRAINDICATED),
        (-128, Tier.CONTRAINDICATED),
    ],
)  # fmt: skip
def test_every_value_has_the_tier_of_the_draft(value: int, tier: Tier):
    assert tier_of(value) is tier


@pytest.mark.parametrize("value", [-129, 128, 10**9])
def test_value_beyond_a_signed_byte_has_no_tier(value: int):
    with pytest.raises(ValueError, match="-128 to 127"):
        tier_of(value)


def test_every_code_of_the_table_is_mapped_to_a_claim():
    assert [code for code in CODES if find_row(code) is None] == []
    assert {claim_of(code) for code in CODES} <= set(CLAIMS)


def test_every_row_is_used_by_a_code():
    unused = [row for row in ROWS if not any(f"{code}.".startswith(f"{row}.") for code in CODES)]
    assert unused + [row for row in ENDINGS if not any(code.endswith(f".{row}") for code in CODES)] == []


@pytest.mark.parametrize("name", ["snp", "tdx", "sgx", "nitro", "tpm", "nvidia", "jwt", "cca", "rim", "uvm"])
def test_failed_signatures_and_roots_of_every_format_are_cryptographic(name: str):
    codes = [code for code in CODES if code.startswith(f"{name}.") and code.endswith((".signature", ".chain.root"))]
    assert len(codes) > 1
    assert {row_of(code).failed for code in codes} == {99}


@pytest.mark.parametrize("code", ["snp.policy.debug", "tdx.debug", "sgx.debug", "jwt.debug", "cca.lifecycle"])
def test_waived_debug_is_a_warning_on_every_platform(code: str):
    assert make_vector("affirmed", [Check(code, "waived", "a bench")], (), simulated=False) == {"runtime-opaque": 32}


def test_memory_of_nitro_enclaves_is_not_claimed_to_be_encrypted():
    """Their isolation is the hypervisor's; nothing in the document speaks of encryption."""
    assert "runtime-opaque" not in make_vector("affirmed", [Check("nitro.debug", "passed")], (), simulated=False)


def test_unknown_code_has_no_row_and_contraindicates_where_it_failed():
    assert find_row("unheard.of") is None
    assert make_vector("refused", (), ["unheard.of"], simulated=False) == {"hardware": 96}
    assert make_vector("affirmed", [Check("unheard.of", "passed")], (), simulated=False) == {"hardware": 0}


def test_affirmed_evidence_affirms_what_was_checked_and_nothing_else():
    assert make_vector("affirmed", HEALTHY, (), simulated=False) == {
        "configuration": 2, "executables": 3, "hardware": 2, "runtime-opaque": 2,
    }  # fmt: skip


def test_without_a_policy_nothing_is_said_about_executables_or_configuration():
    assert make_vector("genuine", HEALTHY, (), simulated=False) == {"hardware": 2, "runtime-opaque": 2}


def test_simulated_evidence_is_contraindicated_though_its_policy_affirms():
    vector = make_vector("affirmed", HEALTHY, (), simulated=True)
    assert (vector["hardware"], vector["runtime-opaque"]) == (96, 96)


@pytest.mark.parametrize(
    "code",
    ["snp.signature", "snp.chain.root", "snp.chain.signature", "snp.signature.encoding", "endorsement.malformed"],
)
def test_failed_cryptography_is_99_in_every_claim(code: str):
    vector = make_vector("refused", HEALTHY, [code], simulated=False)
    assert set(vector.values()) == {99}
    assert "executables" in vector


@pytest.mark.parametrize(
    ("code", "claim", "value"),
    [
        ("policy.workload.measurement", "executables", 96), ("snp.policy.debug", "runtime-opaque", 96),
        ("snp.vmpl", "configuration", 96), ("snp.tcb.microcode", "hardware", 96), ("policy.platform", "hardware", 97),
        ("policy.chip.denied", "instance-identity", 96), ("policy.chip.allowed", "instance-identity", 97),
        ("snp.report_data", "instance-identity", 97),
    ],
)  # fmt: skip
def test_one_failed_check_contraindicates_its_claim(code: str, claim: str, value: int):
    assert make_vector("refused", HEALTHY, [code], simulated=False) == {claim: value}


def test_waived_debug_and_waived_floor_are_warnings():
    waived = checks(snp__signature="passed", snp__policy__debug="waived", snp__tcb__microcode="waived")
    assert make_vector("affirmed", waived, (), simulated=False) == {"hardware": 32, "runtime-opaque": 32}


def test_check_that_does_not_apply_or_was_waived_affirms_nothing():
    assert make_vector("affirmed", checks(snp__vmpl="waived", snp__crl="not applicable"), (), simulated=False) == {
        "hardware": 0
    }


def test_unavailable_is_no_claim():
    assert make_vector("unavailable", HEALTHY, ["snp.chain.missing"], simulated=False) == {"hardware": 0}


def test_fault_of_the_verifier_is_said_as_a_malfunction():
    assert make_vector("refused", HEALTHY, ["evidence.incomplete"], simulated=False) == {"hardware": -1}
