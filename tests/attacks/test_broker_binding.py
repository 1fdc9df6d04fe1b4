"""Red-team rows 4, 8, 9 and 10: evidence is good for one nonce, one job, one key and one broker."""

from __future__ import annotations

import dataclasses

import msgspec
import pytest

from confide.binding import Binding
from confide.broker import issue_challenge, release
from confide.crypto import hpke_open
from confide.errors import Refused
from confide.ids import canonical_json, from_base64, sha256_of, to_base64


@pytest.fixture
def job(lab):
    return lab.job()


def nonce_for(lab, job):
    return issue_challenge(lab.broker, job.job_id, now=lab.now).nonce


def honest(lab, job, enclave=None):
    return (enclave or lab.enclave()).request(lab.broker.identity.broker_id, job.job_id, nonce_for(lab, job))


def codes(lab, request):
    with pytest.raises(Refused) as failure:
        release(lab.broker, request, now=lab.now)
    return failure.value.codes


def test_honest_request_is_answered(lab, job):
    assert release(lab.broker, honest(lab, job), now=lab.now).job == job


def test_old_evidence_for_a_new_nonce_is_refused(lab, job):
    old = honest(lab, job)
    release(lab.broker, old, now=lab.now)
    assert codes(lab, msgspec.structs.replace(old, nonce=nonce_for(lab, job))) == ("snp.report_data",)


def test_evidence_for_job_a_does_not_get_the_keys_of_job_b(lab, job):
    other = lab.job()
    evidence = honest(lab, job).evidence
    request = msgspec.structs.replace(honest(lab, other), evidence=evidence)
    assert codes(lab, request) == ("snp.report_data",)


def test_wrap_to_this_key_instead_is_refused(lab, job):
    mine = to_base64(lab.enclave().hpke_key.public_key().public_bytes_raw())
    assert codes(lab, msgspec.structs.replace(honest(lab, job), hpke_key=mine)) == ("snp.report_data",)


def test_another_signing_key_is_refused(lab, job):
    mine = to_base64(lab.enclave().signing_key.public_key().public_bytes_raw())
    assert codes(lab, msgspec.structs.replace(honest(lab, job), signing_key=mine)) == ("snp.report_data",)


def test_evidence_made_for_another_broker_is_refused(lab, job):
    elsewhere = sha256_of(b"another broker")
    request = lab.enclave().request(elsewhere, job.job_id, nonce_for(lab, job))
    assert codes(lab, request) == ("snp.report_data",)


def test_relayed_request_gives_a_key_that_only_the_genuine_enclave_can_open(lab, job):
    genuine, relay = lab.enclave(), lab.enclave()
    answer = release(lab.broker, honest(lab, job, genuine), now=lab.now)
    ciphertext, info = from_base64(answer.keys[0].ciphertext), answer.grant.grant.signed_bytes()
    with pytest.raises(Refused) as failure:
        hpke_open(ciphertext, relay.hpke_key, info)
    assert failure.value.codes == ("hpke.open",)
    assert len(hpke_open(ciphertext, genuine.hpke_key, info)) == 32


def test_wrapped_key_does_not_open_under_another_grant(lab, job):
    enclave = lab.enclave()
    first = release(lab.broker, honest(lab, job, enclave), now=lab.now)
    second = release(lab.broker, honest(lab, job, enclave), now=lab.now)
    with pytest.raises(Refused) as failure:
        hpke_open(from_base64(first.keys[0].ciphertext), enclave.hpke_key, second.grant.grant.signed_bytes())
    assert failure.value.codes == ("hpke.open",)


def test_evidence_of_another_role_is_refused(lab, job):
    """What a broker of ours would attest for itself, with everything but the role as the enclave has it."""
    enclave, nonce = lab.enclave(), nonce_for(lab, job)
    request = enclave.request(lab.broker.identity.broker_id, job.job_id, nonce)
    binding: Binding = request.binding(lab.broker.identity.broker_id)
    import hashlib

    reflected = msgspec.to_builtins(binding) | {"role": "broker"}
    evidence = enclave.evidence(hashlib.sha512(canonical_json(reflected)).digest())
    assert codes(lab, msgspec.structs.replace(request, evidence=evidence)) == ("snp.report_data",)


@pytest.mark.parametrize("whose", ["broker", "owner"])
@pytest.mark.parametrize("field", ["hpke_key", "signing_key"])
def test_own_key_that_comes_back_is_refused(lab, job, whose, field):
    own = lab.broker.identity.public_key if whose == "broker" else lab.home.folder.identity_key()
    request = msgspec.structs.replace(honest(lab, job), **{field: to_base64(own)})
    assert codes(lab, request) == ("request.own_key",)


def test_one_key_in_both_roles_is_refused(lab, job):
    request = honest(lab, job)
    assert codes(lab, msgspec.structs.replace(request, signing_key=request.hpke_key)) == ("request.own_key",)


def test_every_other_workload_is_refused_and_says_so(lab, job):
    changed = dataclasses.replace(lab.enclave(), measurement=bytes(47) + b"\x01")
    assert codes(lab, honest(lab, job, changed)) == ("policy.workload.measurement",)


def test_forged_vendor_root_is_refused(lab, job):
    """Another SIMULATED vendor with the same names: the policy names one root, and it is not this one."""
    from confide.launch.simulated.vendor import SimulatedVendor

    forger = dataclasses.replace(lab.enclave(), vendor=SimulatedVendor.create(lab.now))
    found = codes(lab, honest(lab, job, forger))
    assert any(code.startswith(("snp.chain", "policy.")) for code in found), found
