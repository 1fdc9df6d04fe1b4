"""Documents of NitroTPM: the steps of an enclave's document, with registers of their own. No real one is at hand."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from confide.errors import Refused
from confide.evidence import EvidenceBundle, pack_evidence
from confide.evidence.recognition import recognise
from confide.policy import Policy, Waiver, parse_policy
from confide.policy.appraisal import judge
from confide.policy.kinds import kind_of
from confide.policy.template import PlatformText, PolicyText, default_values
from confide.testing.fake_aws import FakeAws
from confide.verify import VerifiedEvidence, verify_evidence

AWS = FakeAws.create(datetime(2026, 6, 1, tzinfo=UTC))
NONCE = b"question"
KIND = kind_of("aws-nitro-tpm")


def verify(bundle: EvidenceBundle, **how: object) -> VerifiedEvidence:
    given = {"now": AWS.now, "report_data": None, "simulated_roots": [AWS.root_fingerprint]} | how
    return verify_evidence(bundle, **given)


def codes_of(bundle: EvidenceBundle, **how: object) -> tuple[str, ...]:
    with pytest.raises(Refused) as caught:
        verify(bundle, **how)
    return caught.value.codes


def policy(**values: object) -> Policy:
    owners = {"measurements": ["05" * 48], "command_lines": ["0d" * 48]}
    file = {**default_values("aws-nitro-tpm", "instance", "simulation"), **owners} | values
    platform = PlatformText(format="aws-nitro-tpm", product="instance", values=file)
    text = PolicyText(name="test", kind="simulation", platforms=[platform], simulated_roots=[AWS.root_fingerprint])
    return parse_policy(text.render())


def test_healthy_document_is_accepted():
    bundle = AWS.evidence(AWS.tpm_document(nonce=NONCE))
    assert recognise(bundle.evidence_bytes()).format == bundle.format == "aws-nitro-tpm"
    verified = verify(bundle, report_data=NONCE)
    assert verified.subject.product == "instance"
    assert "debug" not in verified.claims
    assert verified.claims["pcrs"]["7"] == "08" * 48


def test_registers_that_are_all_zero_are_no_debug_mode():
    verify(AWS.evidence(AWS.tpm_document(nitrotpm_pcrs={0: bytes(48)})))


def test_an_enclaves_document_is_no_instances_and_the_reverse():
    for document, name in ((AWS.document(), "aws-nitro-tpm"), (AWS.tpm_document(), "aws-nitro")):
        assert codes_of(pack_evidence(name, AWS.sign(document))) == ("nitro.fields",)


def test_both_kinds_of_registers_together_are_refused():
    both = AWS.tpm_document(pcrs={0: bytes(48)})
    for name in ("aws-nitro", "aws-nitro-tpm"):
        assert codes_of(pack_evidence(name, AWS.sign(both))) == ("nitro.fields",)


@pytest.mark.parametrize("pcrs", [{}, {32: bytes(48)}, {0: bytes(20)}, {"0": bytes(48)}, None])
def test_registers_outside_of_their_limits_are_refused(pcrs: object):
    assert codes_of(AWS.evidence(AWS.tpm_document(nitrotpm_pcrs=pcrs))) == ("nitro.limits",)


def test_forged_root_is_refused_under_default_settings():
    assert codes_of(AWS.evidence(AWS.tpm_document()), simulated_roots=[]) == ("nitro.chain.root",)


def test_old_and_foreign_documents_are_refused():
    bundle = AWS.evidence(AWS.tpm_document(nonce=NONCE))
    assert codes_of(bundle, now=AWS.now + timedelta(days=1)) == ("nitro.time",)
    assert codes_of(bundle, report_data=b"another") == ("nitro.report_data",)


def appraised(values: dict[str, object], **changes: object) -> None:
    bundle = AWS.evidence(AWS.tpm_document(nonce=NONCE, **changes))
    judge(bundle, policy(**values), report_data=NONCE, now=AWS.now).conclude()


@pytest.mark.parametrize("values", [{}, {"secure_boot": ["08" * 48]}, {"command_lines": Waiver("a test")}])
def test_the_healthy_document_satisfies_a_policy(values: dict[str, object]):
    appraised(values)


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("measurements", "policy.workload.measurement"),
        ("secure_boot", "nitro.pcr.secure_boot"),
        ("command_lines", "nitro.pcr.command_line"),
    ],
)
def test_each_rule_fails_by_its_own_code(name: str, code: str):
    with pytest.raises(Refused) as caught:
        appraised({name: ["ff" * 48]})
    assert caught.value.codes == (code,)


def test_no_bit_flip_of_the_envelope_is_accepted():
    data = AWS.sign(AWS.tpm_document(nonce=NONCE))
    for bit in [*range(8 * 12), *range(8 * (len(data) - 98), 8 * len(data), 5)]:
        changed = bytearray(data)
        changed[bit // 8] ^= 1 << bit % 8
        with pytest.raises(Refused):
            verify(pack_evidence("aws-nitro-tpm", bytes(changed)), report_data=NONCE)


def test_only_the_measurement_cannot_be_waived():
    assert [rule.name for rule in KIND.rules if not rule.waivable] == ["measurements"]
