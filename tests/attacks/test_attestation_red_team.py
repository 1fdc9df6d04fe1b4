"""Rows of the red-team checklist that attestation answers: 1, 2, 3, 12, 13, 16, 18, 21, 24, 26."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from confide.cli import evidence_verify
from confide.errors import Misuse, Refused
from confide.evidence import EvidenceBundle, pack_evidence
from confide.evidence.snp import Tcb
from confide.ids import sha256_of, to_base64
from confide.launch.simulated.vendor import SimulatedVendor, subject
from confide.policy import Policy, Waiver, appraise, parse_policy, render_policy
from confide.testing import FakeAmd
from confide.verify import verify_evidence

DATA = bytes(range(64))
MEASUREMENT = b"\5" * 48


def policy_text(root: str | None, kind: str = "simulation", **overrides: object) -> str:
    return render_policy(
        name="red-team",
        kind=kind,  # type: ignore[arg-type]
        workload=sha256_of(b"bundle"),
        runtime=sha256_of(b"agent"),
        recipients=[to_base64(bytes(range(32)))],
        measurement=MEASUREMENT,
        simulated_root=root,
        overrides={"crl": Waiver("not the subject"), **overrides},
    )


def policy(root: str | None, kind: str = "simulation", **overrides: object) -> Policy:
    return parse_policy(policy_text(root, kind, **overrides))


def good(amd: FakeAmd, **changes: object) -> EvidenceBundle:
    return amd.evidence(amd.report(**({"report_data": DATA, "measurement": MEASUREMENT} | changes)))


def refused_codes(bundle: EvidenceBundle, wanted: Policy, amd: FakeAmd) -> set[str]:
    with pytest.raises(Refused) as caught:
        appraise(bundle, wanted, report_data=DATA, now=amd.now)
    return set(caught.value.codes)


# 1. Forged vendor root with the vendor's exact names


@pytest.mark.parametrize("product", ["Milan", "Genoa", "Turin"])
def test_row_1_forged_root_with_amds_exact_names_is_refused_by_default(fake_amd: FakeAmd, product: str):
    amd = FakeAmd.create(fake_amd.now, product)
    cpuid = {"Milan": (0x19, 1, 1), "Genoa": (0x19, 0x11, 1), "Turin": (0x1A, 2, 1)}[product]
    chip = b"\7" * 8 + bytes(56)
    bundle = amd.evidence(amd.report(cpuid=cpuid, chip_id=chip, **dict.fromkeys(
        ("current_tcb", "reported_tcb", "committed_tcb", "launch_tcb"), bytes((1, 1, 0, 1, 0, 0, 0, 1))
        if product == "Turin" else bytes((9, 0, 0, 0, 0, 0, 9, 9)))))  # fmt: skip
    with pytest.raises(Refused) as caught:
        verify_evidence(bundle, now=amd.now, report_data=None)
    assert caught.value.codes == ("snp.chain.root",)
    assert verify_evidence(bundle, now=amd.now, report_data=None, simulated_roots=[amd.root_fingerprint]).simulated


def test_row_1_real_root_beside_the_forged_one_does_not_help(fake_amd: FakeAmd, real_milan: EvidenceBundle):
    """The attacker sends AMD's real certificates along with a chain of its own for the same names."""
    milan = FakeAmd.create(fake_amd.now, "Milan")
    tcb = dict.fromkeys(
        ("current_tcb", "reported_tcb", "committed_tcb", "launch_tcb"), bytes((4, 0, 0, 0, 0, 0, 24, 9))
    )
    forged = milan.evidence(milan.report(cpuid=(0x19, 1, 1), **tcb))
    for order in (
        (*forged.endorsements, *real_milan.endorsements),
        (*real_milan.endorsements, *forged.endorsements),
    ):
        with pytest.raises(Refused) as caught:
            verify_evidence(EvidenceBundle("sev-snp", forged.evidence, order), now=milan.now, report_data=None)
        assert "snp.chain.signature" in caught.value.codes or "snp.chain.root" in caught.value.codes


def test_row_1_name_of_the_root_in_the_policy_is_its_fingerprint(fake_amd: FakeAmd):
    stranger = FakeAmd.create(fake_amd.now + timedelta(seconds=1))
    assert stranger.root_fingerprint != fake_amd.root_fingerprint
    assert refused_codes(good(stranger), policy(fake_amd.root_fingerprint), fake_amd) == {
        "snp.chain.root",
        "policy.kind",
    }
    assert appraise(good(fake_amd), policy(fake_amd.root_fingerprint), report_data=DATA, now=fake_amd.now)


# 2. The attacker picks the verifier; a production policy cannot name the simulated root


@pytest.mark.parametrize("name", ["sample", "simulated", "test", "none", "", "SEV-SNP", "sev-snp\n"])
def test_row_2_evidence_of_a_format_that_checks_less_is_refused(fake_amd: FakeAmd, name: str):
    bundle = EvidenceBundle(name, good(fake_amd).evidence, good(fake_amd).endorsements)
    assert refused_codes(bundle, policy(fake_amd.root_fingerprint), fake_amd) == {"evidence.format"}


def test_row_2_simulated_evidence_never_satisfies_a_production_policy(simulated_vendor: SimulatedVendor, fake_amd):
    report = simulated_vendor.report(measurement=MEASUREMENT, report_data=DATA)
    now = fake_amd.now + timedelta(days=365)
    with pytest.raises(Refused) as caught:
        appraise(simulated_vendor.evidence(report), policy(None, "production"), report_data=DATA, now=now)
    assert set(caught.value.codes) == {"snp.chain.root"}
    simulation = policy(simulated_vendor.root_fingerprint)
    permit = appraise(simulated_vendor.evidence(report), simulation, report_data=DATA, now=now)
    assert permit.evidence.simulated


def test_row_2_production_policy_cannot_name_a_root_in_its_file(fake_amd: FakeAmd):
    text = policy_text(fake_amd.root_fingerprint, "production")
    with pytest.raises(Misuse) as caught:
        parse_policy(text)
    assert caught.value.codes == ("policy.file.simulated",)


@pytest.mark.parametrize("where", ["[workload]", "[release]", "[[platform]]"])
def test_row_2_production_policy_cannot_hide_a_root_in_another_table(fake_amd: FakeAmd, where: str):
    line = f'simulated_roots = ["{fake_amd.root_fingerprint}"]'
    with pytest.raises(Misuse) as caught:
        parse_policy(policy_text(None, "production").replace(where, f"{where}\n{line}"))
    assert caught.value.codes == ("policy.file.unknown",)


def test_row_2_policy_of_both_kinds_is_no_policy(fake_amd: FakeAmd):
    text = policy_text(fake_amd.root_fingerprint).replace(
        'kind = "simulation"', 'kind = "production"\nkind = "simulation"'
    )
    with pytest.raises(Misuse) as caught:
        parse_policy(text)
    assert caught.value.codes == ("policy.file.toml",)


def test_row_2_no_flag_names_a_simulated_root():
    parser = argparse.ArgumentParser()
    evidence_verify.configure(parser)
    assert {flag for action in parser._actions for flag in action.option_strings} == {
        "-h", "--help", "--endorsements", "--policy", "--nonce", "--at", "--format", "--part", "--ear", "--trust-key",
    }  # fmt: skip


def test_row_2_no_environment_variable_and_no_file_beside_names_a_simulated_root(fake_amd: FakeAmd, tmp_path: Path):
    """A real process, with a hostile environment and working folder."""
    bundle = good(fake_amd)
    (tmp_path / "report.bin").write_bytes(bundle.evidence_bytes())
    for index, item in enumerate(bundle.endorsement_bytes()):
        (tmp_path / f"{index}.der").write_bytes(item)
    (tmp_path / "production.toml").write_text(policy_text(None, "production"))
    for name in ("confide.toml", ".confide", "simulated_roots", "policy.toml"):
        (tmp_path / name).write_text(policy_text(fake_amd.root_fingerprint))
    names = ("CONFIDE_SIMULATED_ROOT", "CONFIDE_SIMULATED_ROOTS", "SIMULATED_ROOTS", "CONFIDE_TRUST_ROOTS")
    hostile = dict.fromkeys(names, fake_amd.root_fingerprint)
    hostile |= {"CONFIDE_SIMULATION": "1", "CONFIDE_KIND": "simulation", "CONFIDE_INSECURE": "1"}
    at = fake_amd.now.strftime("%Y-%m-%dT%H:%M:%SZ")
    for policy_arguments in ([], ["--policy", "production.toml"]):
        result = subprocess.run(
            [sys.executable, "-m", "confide.cli.main", "evidence", "verify", "report.bin", "--endorsements", "0.der",
             "1.der", "2.der", "--at", at, "--json", *policy_arguments],
            cwd=tmp_path, env=os.environ | hostile, capture_output=True, check=False, timeout=60,
        )  # fmt: skip
        document = json.loads(result.stdout)
        assert (result.returncode, document["verdict"]) == (1, "refused")
        assert {finding["code"] for finding in document["findings"]} == {"snp.chain.root"}


def test_row_2_real_evidence_does_not_satisfy_a_simulation(real_milan: EvidenceBundle, fake_amd: FakeAmd):
    assert "policy.kind" in refused_codes(real_milan, policy(fake_amd.root_fingerprint), fake_amd)


def test_row_2_vendor_root_among_the_simulated_ones_stays_a_vendors(real_milan: EvidenceBundle, fake_amd: FakeAmd):
    root = verify_evidence(real_milan, now=fake_amd.now, report_data=None).root
    verified = verify_evidence(real_milan, now=fake_amd.now, report_data=None, simulated_roots=[root])
    assert not verified.simulated


# 3. Genuine chip, right measurement, but...


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"policy": 1 << 17 | 1 << 19}, "snp.policy.debug"),
        ({"vmpl": 1}, "snp.vmpl"),
        ({"policy": 1 << 17 | 1 << 18}, "snp.policy.migration_agent"),
    ],
)
def test_row_3_debug_vmpl_and_migration_agent_are_refused(fake_amd: FakeAmd, changes: dict[str, object], code: str):
    assert refused_codes(good(fake_amd, **changes), policy(fake_amd.root_fingerprint), fake_amd) == {code}


# 4 and 9 rest on the report data; the nonce itself is the broker's


def test_row_4_evidence_for_an_old_question_is_refused(fake_amd: FakeAmd):
    bundle = good(fake_amd, report_data=b"\1" * 64)
    assert refused_codes(bundle, policy(fake_amd.root_fingerprint), fake_amd) == {"snp.report_data"}


# 12. Stale or withheld collateral


def test_row_12_stale_and_withheld_revocation_lists_are_refused(fake_amd: FakeAmd):
    wanted = policy(fake_amd.root_fingerprint, crl=True)
    report = fake_amd.report(report_data=DATA, measurement=MEASUREMENT)
    stale = fake_amd.evidence(report, lists=(fake_amd.ark.revocation_list(fake_amd.now - timedelta(400)),))
    assert refused_codes(stale, wanted, fake_amd) == {"snp.crl"}
    assert refused_codes(good(fake_amd), wanted, fake_amd) == {"policy.crl"}
    fresh = fake_amd.evidence(report, lists=(fake_amd.ark.revocation_list(fake_amd.now),))
    assert appraise(fresh, wanted, report_data=DATA, now=fake_amd.now)


# 13. TCB, protocol or algorithm downgrade


def test_row_13_old_firmware_is_refused_now_and_at_launch(fake_amd: FakeAmd):
    wanted = policy(fake_amd.root_fingerprint)
    floor = wanted.platforms[0].values["minimum_tcb"]
    assert isinstance(floor, Tcb)
    old = bytes((floor.bootloader, 0, 0, 0, 0, 0, floor.snp - 1, 255))
    assert refused_codes(good(fake_amd, launch_tcb=old), wanted, fake_amd) == {"snp.tcb.snp"}
    assert refused_codes(good(fake_amd, reported_tcb=bytes(8)), wanted, fake_amd) >= {
        "snp.tcb.snp",
        "snp.tcb.microcode",
    }


def test_row_13_other_algorithm_is_refused(fake_amd: FakeAmd):
    codes = refused_codes(good(fake_amd, signature_algorithm=0), policy(fake_amd.root_fingerprint), fake_amd)
    assert codes == {"snp.signature.algorithm", "snp.signature"}


# 16 and 25. Other code than the policy foresees


def test_row_25_one_other_bit_in_the_measurement_is_refused(fake_amd: FakeAmd):
    bundle = good(fake_amd, measurement=b"\4" + MEASUREMENT[1:])
    assert refused_codes(bundle, policy(fake_amd.root_fingerprint), fake_amd) == {"policy.workload.measurement"}


# 18. Empty policy, empty allow-list, missing field


@pytest.mark.parametrize("text", ["", "version = 1", "# nothing", "[[platform]]", "platform = []"])
def test_row_18_empty_policy_is_misuse(text: str):
    with pytest.raises(Misuse) as caught:
        parse_policy(text)
    assert "policy.file.missing" in caught.value.codes


def test_row_18_no_roots_at_all_trust_nothing_simulated(fake_amd: FakeAmd):
    with pytest.raises(Refused) as caught:
        verify_evidence(good(fake_amd), now=fake_amd.now, report_data=None, simulated_roots=())
    assert caught.value.codes == ("snp.chain.root",)


# 21. Malleable encodings


def test_row_21_bytes_after_a_certificate_are_refused(fake_amd: FakeAmd):
    bundle = good(fake_amd)
    items = bundle.endorsement_bytes()
    for index in range(len(items)):
        changed = (*items[:index], items[index] + b"\0", *items[index + 1 :])
        with pytest.raises(Refused) as caught:
            verify_evidence(
                pack_evidence("sev-snp", bundle.evidence_bytes(), changed),
                now=fake_amd.now,
                report_data=None,
                simulated_roots=[fake_amd.root_fingerprint],
            )
        assert "endorsement.malformed" in caught.value.codes


def test_row_21_non_canonical_base64_is_misuse(fake_amd: FakeAmd):
    bundle = good(fake_amd)
    changed = EvidenceBundle("sev-snp", bundle.evidence + "\n", bundle.endorsements)
    with pytest.raises(Misuse):
        verify_evidence(changed, now=fake_amd.now, report_data=None)


# 24. Markup in names


def test_row_24_names_from_certificates_are_shown_harmlessly(fake_amd: FakeAmd):
    hostile = subject("ARK-Genoa\x1b[2J\u202e<b>", "Advanced Micro Devices")
    root = fake_amd.ark.issue(hostile, fake_amd.ark.key, fake_amd.now)
    ask = root.issue(fake_amd.ask.certificate.subject, fake_amd.ask.key, fake_amd.now, root)
    bundle = fake_amd.evidence(fake_amd.report(), authorities=(ask, root))
    with pytest.raises(Refused) as caught:
        verify_evidence(bundle, now=fake_amd.now, report_data=None)
    assert "snp.chain.root" in caught.value.codes
    text = str(caught.value)
    assert text.isascii()
    assert text.isprintable()


# 26. Downgrade by omission


@pytest.mark.parametrize(
    "wishes", [{"crl": True}, {"signing_key": "vlek"}, {"mitigations": "0x1"}, {"chip_ids": ["07" * 64]}]
)
def test_row_26_what_is_left_out_is_refused_where_it_was_asked_for(fake_amd: FakeAmd, wishes: dict[str, object]):
    assert refused_codes(good(fake_amd), policy(fake_amd.root_fingerprint, **wishes), fake_amd)
    assert appraise(good(fake_amd), policy(fake_amd.root_fingerprint), report_data=DATA, now=fake_amd.now)
