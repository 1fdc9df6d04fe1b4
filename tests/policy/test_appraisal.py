"""Rows 8 to 11, 23, 24 and 27 of the attestation checklist: is it what the owner wants? Each refusal has its twin."""

from __future__ import annotations

import dataclasses
import pickle
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from confide.errors import Refused, Unavailable
from confide.evidence import EvidenceBundle
from confide.evidence.snp import SnpReport, Tcb, write_tcb
from confide.policy import Permit, Waiver, appraisal, appraise, parse_policy
from confide.policy.codes import CODES
from confide.testing import FakeAmd
from confide.verify.snp import REQUIRED

MakePolicy = Callable[..., str]
DATA = bytes(range(64))
CHIP = bytes(range(64))


def permit(amd: FakeAmd, text: str, report: SnpReport, **kwargs: object) -> Permit:
    bundle = amd.evidence(report, **kwargs)  # type: ignore[arg-type]
    return appraise(bundle, parse_policy(text), report_data=DATA, now=amd.now)


def codes_of(amd: FakeAmd, text: str, report: SnpReport, **kwargs: object) -> set[str]:
    with pytest.raises(Refused) as caught:
        permit(amd, text, report, **kwargs)
    return set(caught.value.codes)


def healthy(amd: FakeAmd, **changes: object) -> SnpReport:
    return amd.report(**({"report_data": DATA} | changes))


def outcomes(result: Permit) -> dict[str, str]:
    return {check.code: check.outcome for check in result.checks}


def test_healthy_evidence_gets_a_permit(fake_amd: FakeAmd, policy_text: MakePolicy):
    result = permit(fake_amd, policy_text(), healthy(fake_amd))
    assert result.workload == result.policy.workload.digest
    assert result.evidence.simulated
    assert outcomes(result)["policy.workload.measurement"] == "passed"


def test_every_check_has_a_result_and_every_waiver_its_reason(fake_amd: FakeAmd, policy_text: MakePolicy):
    result = permit(fake_amd, policy_text(), healthy(fake_amd))
    assert outcomes(result).keys() >= REQUIRED
    assert {"passed", "waived", "not applicable"} == set(outcomes(result).values())
    for check in result.checks:
        assert check.outcome != "waived" or check.reason
    host_data = next(check for check in result.checks if check.code == "snp.host_data")
    assert host_data.reason == "the host attaches nothing that counts"


# One fact is wrong: (the fields of the report, what the policy wants beyond the template, the code).
WRONG: dict[str, tuple[dict[str, object], dict[str, object], str]] = {
    "another measurement": ({"measurement": b"\1" * 48}, {}, "policy.workload.measurement"),
    "VMPL 1": ({"vmpl": 1}, {}, "snp.vmpl"),
    "VMPL 0 where 2 is wanted": ({}, {"vmpl": 2}, "snp.vmpl"),
    "debug mode": ({"policy": 1 << 17 | 1 << 19}, {}, "snp.policy.debug"),
    "migration agent": ({"policy": 1 << 17 | 1 << 18}, {}, "snp.policy.migration_agent"),
    "multithreading": ({"policy": 1 << 17 | 1 << 16}, {}, "snp.policy.smt"),
    "several sockets": ({}, {"single_socket": True}, "snp.policy.single_socket"),
    "old interface": ({"policy": 1 << 17 | 0x0132}, {"minimum_abi": "1.51"}, "snp.policy.abi"),
    "memory aliases not checked": ({"platform_info": 0}, {}, "snp.platform_info.alias_check"),
    "no ECC": ({}, {"ecc": True}, "snp.platform_info.ecc"),
    "no TSME": ({}, {"tsme": True}, "snp.platform_info.tsme"),
    "old image": ({"guest_svn": 1}, {"minimum_guest_svn": 2}, "snp.guest_svn"),
    "mitigation missing now": (
        {"version": 5, "launch_mitigations": 3, "current_mitigations": 1}, {"mitigations": "0x3"}, "snp.mitigations"
    ),
    "mitigation missing at launch": (
        {"version": 5, "launch_mitigations": 1, "current_mitigations": 3}, {"mitigations": "0x3"}, "snp.mitigations"
    ),
    "mitigations not reported": ({"version": 4}, {"mitigations": "0x1"}, "snp.mitigations"),
    "other host data": ({"host_data": b"\1" * 32}, {"host_data": "02" * 32}, "snp.host_data"),
    "other family": ({"family_id": b"\1" * 16}, {"family_id": "02" * 16}, "snp.family_id"),
    "other image": ({"image_id": b"\1" * 16}, {"image_id": "02" * 16}, "snp.image_id"),
    "other signer": ({"id_key_digest": b"\1" * 48}, {"id_key_digests": ["02" * 48]}, "snp.id_key_digest"),
    "no signer": ({}, {"id_key_digests": ["02" * 48]}, "snp.id_key_digest"),
    "other author": (
        {"author_key_digest": b"\1" * 48}, {"author_key_digests": ["02" * 48]}, "snp.author_key_digest"
    ),
    "chip not listed": ({}, {"chip_ids": ["07" * 64]}, "policy.chip.allowed"),
    "chip denied": ({}, {"denied_chip_ids": ["07" * 64, CHIP.hex()]}, "policy.chip.denied"),
    "VLEK where VCEK was asked for": ({"flags": 1 << 2, "chip_id": bytes(64)}, {}, "policy.signing_key"),
    "VCEK where VLEK was asked for": ({}, {"signing_key": "vlek"}, "policy.signing_key"),
    "no revocation list": ({}, {"crl": True}, "policy.crl"),
    "evidence for another question": ({"report_data": b"\1" * 64}, {}, "snp.report_data"),
}  # fmt: skip


@pytest.mark.parametrize(("changes", "wishes", "code"), WRONG.values(), ids=WRONG.keys())
def test_one_wrong_fact_is_refused_with_its_code(
    fake_amd: FakeAmd, policy_text: MakePolicy, changes: dict[str, object], wishes: dict[str, object], code: str
):
    assert codes_of(fake_amd, policy_text(overrides=wishes), healthy(fake_amd, **changes)) == {code}


# The positive twins of those cases above whose policy differs from the template's.
RIGHT: dict[str, tuple[dict[str, object], dict[str, object]]] = {
    "VMPL 2": ({"vmpl": 2}, {"vmpl": 2}),
    "one socket": ({"policy": 1 << 17 | 1 << 20}, {"single_socket": True}),
    "interface 1.51": ({"policy": 1 << 17 | 0x0133}, {"minimum_abi": "1.51"}),
    "interface 2.0": ({"policy": 1 << 17 | 0x0200}, {"minimum_abi": "1.51"}),
    "ECC": ({"platform_info": 1 << 5 | 1 << 2}, {"ecc": True}),
    "TSME": ({"platform_info": 1 << 5 | 1 << 1}, {"tsme": True}),
    "newer image": ({"guest_svn": 3}, {"minimum_guest_svn": 2}),
    "mitigations": ({"version": 5, "launch_mitigations": 7, "current_mitigations": 3}, {"mitigations": "0x3"}),
    "host data": ({"host_data": b"\2" * 32}, {"host_data": "02" * 32}),
    "family": ({"family_id": b"\2" * 16}, {"family_id": "02" * 16}),
    "image": ({"image_id": b"\2" * 16}, {"image_id": "02" * 16}),
    "signer": ({"id_key_digest": b"\2" * 48}, {"id_key_digests": ["01" * 48, "02" * 48]}),
    "author": ({"author_key_digest": b"\2" * 48}, {"author_key_digests": ["02" * 48]}),
    "chip listed": ({}, {"chip_ids": ["07" * 64, CHIP.hex()]}),
    "chip not denied": ({}, {"denied_chip_ids": ["07" * 64]}),
    "VLEK": ({"flags": 1 << 2, "chip_id": bytes(64)}, {"signing_key": "vlek"}),
    "debug mode, waived": ({"policy": 1 << 17 | 1 << 19}, {"debug": Waiver("a test bench")}),
    "migration agent, waived": ({"policy": 1 << 17 | 1 << 18}, {"migration_agent": Waiver("a test bench")}),
    "multithreading, waived": ({"policy": 1 << 17 | 1 << 16}, {"smt": Waiver("a test bench")}),
    "VMPL, waived": ({"vmpl": 3}, {"vmpl": Waiver("a test bench")}),
}


@pytest.mark.parametrize(("changes", "wishes"), RIGHT.values(), ids=RIGHT.keys())
def test_what_the_policy_wants_gets_a_permit(
    fake_amd: FakeAmd, policy_text: MakePolicy, changes: dict[str, object], wishes: dict[str, object]
):
    assert permit(fake_amd, policy_text(overrides=wishes), healthy(fake_amd, **changes))


def test_waived_debug_mode_stands_in_the_result(fake_amd: FakeAmd, policy_text: MakePolicy):
    text = policy_text(overrides={"debug": Waiver("a test bench")})
    result = permit(fake_amd, text, healthy(fake_amd, policy=1 << 17 | 1 << 19))
    check = next(check for check in result.checks if check.code == "snp.policy.debug")
    assert (check.outcome, check.reason) == ("waived", "a test bench")


@pytest.mark.parametrize("name", ["bootloader", "tee", "snp", "microcode"])
def test_row_8_every_component_of_the_tcb_has_its_floor(fake_amd: FakeAmd, policy_text: MakePolicy, name: str):
    at_floor = Tcb(bootloader=11, tee=2, snp=24, microcode=85)
    text = policy_text(minimum_tcb=at_floor)
    tcbs = ("current_tcb", "committed_tcb", "reported_tcb", "launch_tcb")
    report = healthy(fake_amd, **dict.fromkeys(tcbs, write_tcb(at_floor)))
    assert permit(fake_amd, text, report)
    below = write_tcb(replace(at_floor, **{name: getattr(at_floor, name) - 1}))
    assert codes_of(fake_amd, text, replace(report, reported_tcb=below)) == {f"snp.tcb.{name}"}
    assert codes_of(fake_amd, text, replace(report, launch_tcb=below)) == {f"snp.tcb.{name}"}


def test_row_8_waived_floor_stands_in_the_result(fake_amd: FakeAmd, policy_text: MakePolicy):
    text = policy_text(overrides={}, minimum_tcb=Waiver("any firmware will do"))
    tcbs = ("current_tcb", "committed_tcb", "reported_tcb", "launch_tcb")
    result = permit(fake_amd, text, healthy(fake_amd, **dict.fromkeys(tcbs, bytes(8))))
    assert outcomes(result)["snp.tcb.microcode"] == "waived"
    assert outcomes(result)["snp.tcb.fmc"] == "not applicable"


def test_row_8_turin_has_a_floor_for_its_fmc(policy_text: MakePolicy, fake_amd: FakeAmd):
    turin = FakeAmd.create(fake_amd.now, "Turin")
    text = policy_text(
        product="Turin",
        simulated_root=turin.root_fingerprint,
        minimum_tcb=Tcb(fmc=2, bootloader=1, tee=0, snp=1, microcode=1),
    )
    tcbs = ("current_tcb", "committed_tcb", "reported_tcb", "launch_tcb")
    for fmc, accepted in ((1, False), (2, True)):
        tcb = dict.fromkeys(tcbs, bytes((fmc, 1, 0, 1, 0, 0, 0, 1)))
        report = healthy(turin, cpuid=(0x1A, 2, 1), chip_id=b"\7" * 8 + bytes(56), **tcb)
        if accepted:
            assert permit(turin, text, report)
        else:
            assert codes_of(turin, text, report) == {"snp.tcb.fmc"}


def test_row_2_report_of_version_2_needs_its_product_named(fake_amd: FakeAmd, policy_text: MakePolicy):
    milan = FakeAmd.create(fake_amd.now, "Milan")
    tcbs = ("current_tcb", "committed_tcb", "reported_tcb", "launch_tcb")
    tcb = dict.fromkeys(tcbs, bytes((4, 0, 0, 0, 0, 0, 24, 219)))
    report = healthy(milan, version=2, cpuid=(0, 0, 0), platform_info=0, **tcb)
    wishes = {"alias_check": Waiver("reports of version 2 do not show it")}
    named = policy_text(product="Milan", simulated_root=milan.root_fingerprint, overrides=wishes)
    assert permit(milan, named, report)
    other = policy_text(product="Genoa", simulated_root=milan.root_fingerprint, overrides=wishes)
    assert codes_of(milan, other, report) == {"policy.platform"}


def test_row_11_any_of_several_reference_values_is_taken(fake_amd: FakeAmd, policy_text: MakePolicy):
    text = policy_text(overrides={"measurements": ["01" * 48, "02" * 48]})
    assert permit(fake_amd, text, healthy(fake_amd, measurement=b"\2" * 48))
    assert codes_of(fake_amd, text, healthy(fake_amd, measurement=b"\3" * 48)) == {"policy.workload.measurement"}


def test_row_26_stale_revocation_list_does_not_satisfy_the_policy(fake_amd: FakeAmd, policy_text: MakePolicy):
    text = policy_text(overrides={"crl": True})
    fresh, stale = (
        fake_amd.ark.revocation_list(fake_amd.now),
        fake_amd.ark.revocation_list(fake_amd.now - timedelta(400)),
    )
    assert permit(fake_amd, text, healthy(fake_amd), lists=(fresh,))
    assert codes_of(fake_amd, text, healthy(fake_amd), lists=(stale,)) == {"snp.crl"}
    stranger = FakeAmd.create(fake_amd.now, organization="Somebody else")
    foreign = stranger.ark.revocation_list(fake_amd.now)
    assert codes_of(fake_amd, text, healthy(fake_amd), lists=(foreign,)) == {"policy.crl"}


def test_row_27_masked_chip_is_denied_by_its_certificate(fake_amd: FakeAmd, policy_text: MakePolicy):
    """A host that masks CHIP_ID does not get round the list: the certificate names the chip."""
    report = healthy(fake_amd, chip_id=bytes(64))
    leaf = fake_amd.leaf(healthy(fake_amd))
    assert permit(fake_amd, policy_text(), report, leaf=leaf)
    text = policy_text(overrides={"denied_chip_ids": [CHIP.hex()]})
    assert codes_of(fake_amd, text, report, leaf=leaf) == {"policy.chip.denied"}


def test_row_27_product_that_the_policy_does_not_name_is_refused(fake_amd: FakeAmd, policy_text: MakePolicy):
    text = policy_text(product="Milan")
    assert codes_of(fake_amd, text, healthy(fake_amd)) == {"policy.platform"}


def test_findings_of_verification_and_appraisal_come_at_once(fake_amd: FakeAmd, policy_text: MakePolicy):
    report = healthy(fake_amd, vmpl=2, measurement=b"\1" * 48, report_data=bytes(64), committed=(9, 9, 9))
    assert codes_of(fake_amd, policy_text(), report) == {
        "snp.vmpl", "policy.workload.measurement", "snp.report_data", "snp.firmware.order",
    }  # fmt: skip


def test_missing_certificates_are_unavailable_and_never_a_permit(fake_amd: FakeAmd, policy_text: MakePolicy):
    bundle = fake_amd.evidence(healthy(fake_amd))
    bare = EvidenceBundle(bundle.format, bundle.evidence)
    with pytest.raises(Unavailable) as caught:
        appraise(bare, parse_policy(policy_text()), report_data=DATA, now=fake_amd.now)
    assert caught.value.codes == ("snp.chain.missing",)


@pytest.mark.parametrize("raw", [b"\0", bytes(1184), b"\2" * 2000])
def test_garbage_is_refused_and_no_check_passes_unseen(fake_amd: FakeAmd, policy_text: MakePolicy, raw: bytes):
    bundle = fake_amd.evidence(healthy(fake_amd), raw=raw)
    with pytest.raises(Refused) as caught:
        appraise(bundle, parse_policy(policy_text()), report_data=DATA, now=fake_amd.now)
    assert {check.outcome for check in caught.value.checks if check.code != "evidence.parts"} == {"failed"}


@pytest.mark.parametrize("step", ["check_kind", "check_platform", "check_rules"])
def test_check_that_is_left_out_is_a_refusal(
    fake_amd: FakeAmd, policy_text: MakePolicy, monkeypatch: pytest.MonkeyPatch, step: str
):
    monkeypatch.setattr(appraisal, step, lambda *_: None)
    assert codes_of(fake_amd, policy_text(), healthy(fake_amd)) == {"evidence.incomplete"}


def test_nobody_but_the_appraisal_builds_a_permit(fake_amd: FakeAmd, policy_text: MakePolicy):
    result = permit(fake_amd, policy_text(), healthy(fake_amd))
    fields = {field.name: getattr(result, field.name) for field in dataclasses.fields(result)}
    for token in (None, object()):
        with pytest.raises(TypeError):
            Permit(**fields, token=token)
    with pytest.raises((TypeError, ValueError)):
        dataclasses.replace(result, workload="sha256:" + "0" * 64)
    with pytest.raises(TypeError):
        pickle.dumps(result)


def test_codes_of_these_cases_are_in_the_table():
    assert {code for _, _, code in WRONG.values()} <= CODES.keys()
