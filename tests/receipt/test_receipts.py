"""A receipt holds only as a whole, as it was made, and says what it cannot prove."""

from __future__ import annotations

import copy
import json
import pickle
from datetime import timedelta

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from confide.clock import from_rfc3339, to_rfc3339
from confide.errors import Refused
from confide.ids import canonical_json, sha256_of, to_base64
from confide.launch.simulated import SimulatedVendor
from confide.policy import parse_policy, render_policy
from confide.receipt import VerifiedReceipt, parse_receipt, sign_receipt, verify_receipt


def codes(data: bytes, **kwargs) -> tuple[str, ...]:
    with pytest.raises(Refused) as caught:
        verify_receipt(data, **kwargs)
    return caught.value.codes


def test_a_receipt_is_affirmed_under_the_readers_policy(done):
    verified = verify_receipt(
        done.receipt,
        policy=parse_policy(done.policy),
        broker_id=done.owner.home.identity.broker_id,
        output_digest=sha256_of(done.result),
    )
    assert (verified.verdict, verified.simulated) == ("affirmed", True)
    assert {check.outcome for check in verified.checks if check.code.startswith(("receipt", "job", "grant"))} == {
        "passed"
    }


def test_without_the_readers_policy_it_is_genuine_and_says_what_was_not_compared(done):
    verified = verify_receipt(done.receipt)
    assert verified.verdict == "genuine"
    left_open = {check.code for check in verified.checks if check.outcome == "not applicable"}
    assert {"receipt.broker", "receipt.output"} <= left_open


def leaves(value, path=()):
    if isinstance(value, dict):
        for key, item in value.items():
            yield from leaves(item, (*path, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from leaves(item, (*path, index))
    else:
        yield path, value


def other(value):
    """A value of the same type that is not the same."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value + 1
    if not value:
        return "x"
    return value[:-1] + ("0" if value[-1] != "0" else "1")


def changed(document, path, value):
    result = copy.deepcopy(document)
    *parents, last = path
    target = result
    for step in parents:
        target = target[step]
    target[last] = value
    return result


def test_changing_any_field_is_refused(done):
    document = json.loads(done.receipt)
    paths = list(leaves(document))
    assert len(paths) > 40
    for path, value in paths:
        codes(canonical_json(changed(document, path, other(value))))
        codes(canonical_json(changed(document, path, None)))


def objects(value, path=()):
    if isinstance(value, dict):
        yield path, value
    for key, item in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield from objects(item, (*path, key))


def test_a_field_added_or_removed_anywhere_makes_it_fail(done):
    document = json.loads(done.receipt)
    for path, table in objects(document):
        for replacement in [table | {"extra": 1}, *({k: v for k, v in table.items() if k != name} for name in table)]:
            whole = changed(document, path, replacement) if path else replacement
            assert codes(canonical_json(whole))[0] in {"receipt.shape", "receipt.canonical"}


@pytest.mark.parametrize(
    "spoil",
    [
        lambda data: data + b"\n",
        lambda data: b" " + data,
        lambda data: json.dumps(json.loads(data), indent=1).encode(),
        lambda data: data[:-1],
        lambda _: b"",
        lambda _: b"\xff\xfe",
        lambda _: b"[" * 100_000,
        lambda data: data.replace(b'{"body"', b'{"body":1,"body"', 1),
        lambda data: data + bytes(2 << 20),
    ],
)
def test_another_spelling_of_a_receipt_is_refused(done, spoil):
    assert codes(spoil(done.receipt))[0] in {"receipt.shape", "receipt.canonical"}


@pytest.mark.parametrize("at", range(0, 64, 7))
def test_a_flipped_bit_in_the_signature_is_refused(done, at):
    receipt = parse_receipt(done.receipt)
    from confide.ids import from_base64

    raw = bytearray(from_base64(receipt.signature))
    raw[at] ^= 1
    assert codes(msgspec.structs.replace(receipt, signature=to_base64(bytes(raw))).to_json()) == ("receipt.signature",)


def forged(done, *, key=None, **fields):
    """The receipt with other facts, signed again: by a key of the attacker, who has no evidence for it."""
    receipt = parse_receipt(done.receipt)
    key = key or Ed25519PrivateKey.generate()
    binding = msgspec.structs.replace(receipt.body.binding, signing_key=to_base64(key.public_key().public_bytes_raw()))
    body = msgspec.structs.replace(receipt.body, **{"binding": binding, **fields})
    return sign_receipt(body, key).to_json()


def test_a_receipt_signed_by_a_key_without_evidence_is_refused(done):
    assert set(codes(forged(done))) == {"grant.binding", "snp.report_data"}


def test_a_receipt_over_another_output_signed_by_another_key_is_refused(done):
    assert "snp.report_data" in codes(forged(done, output_digest=sha256_of(b"another")))


def test_evidence_of_another_job_is_refused(done, owner):
    another = owner.task().run()
    body = parse_receipt(done.receipt).body
    theirs = parse_receipt(another.receipt).body
    mixed = forged(done, evidence=theirs.evidence, grant=theirs.grant)
    found = codes(mixed)
    assert {"grant.binding", "snp.report_data", "receipt.policy"} <= set(found)
    assert body.job_id != theirs.job_id


def test_another_output_than_the_receipts_is_refused(done, owner):
    another = owner.task(data=b"ANOTHER").run()
    assert codes(done.receipt, output_digest=sha256_of(another.result)) == ("receipt.output",)


def test_another_broker_than_the_readers_is_refused(done):
    assert codes(done.receipt, broker_id=sha256_of(b"another")) == ("receipt.broker",)


def policy_for(done, **fields):
    given = {
        "name": done.job.policy,
        "kind": "simulation",
        "workload": done.job.workload,
        "runtime": parse_policy(done.policy).workload.runtime,
        "recipients": [done.job.recipient],
        "measurement": done.measurement,
        "simulated_root": done.owner.vendor.root_fingerprint,
    }
    return parse_policy(render_policy(**{**given, **fields}))


def test_the_readers_policy_decides_and_not_the_receipts(done):
    assert verify_receipt(done.receipt, policy=policy_for(done)).verdict == "affirmed"
    digest = sha256_of(b"another")
    for fields, code in [
        ({"name": "another"}, "receipt.policy.name"),
        ({"workload": digest}, "receipt.policy.workload"),
        ({"runtime": digest}, "receipt.policy.runtime"),
        ({"recipients": [to_base64(bytes(31) + b"\x09")]}, "receipt.policy.recipient"),
        ({"measurement": bytes(47) + b"\1"}, "policy.workload.measurement"),
        ({"simulated_root": digest}, "snp.chain.root"),
    ]:
        assert code in codes(done.receipt, policy=policy_for(done, **fields)), fields


def test_a_production_policy_never_affirms_a_simulated_receipt(done):
    found = codes(done.receipt, policy=policy_for(done, kind="production", simulated_root=None))
    assert "snp.chain.root" in found


def test_a_receipt_of_anybodys_simulated_root_is_genuine_for_itself_and_refused_under_the_readers_policy(
    done, owner, tmp_path
):
    """Why SIMULATED is said loudly: anyone can make one."""
    from dataclasses import replace

    now = from_rfc3339(parse_receipt(done.receipt).body.grant.grant.released_at)
    mallory = replace(owner, vendor=SimulatedVendor.create(now))
    theirs = mallory.task().run()
    assert verify_receipt(theirs.receipt).simulated
    assert "snp.chain.root" in codes(
        theirs.receipt, policy=policy_for(theirs, simulated_root=owner.vendor.root_fingerprint)
    )


def test_a_simulated_measurement_that_is_not_of_the_workload_and_the_agent_is_refused(owner):
    """Also where the policy names it: then the policy's digests and its measurement disagree."""
    assert codes(owner.task(measurement=b"\7" * 48).run().receipt) == ("receipt.measurement",)


def grant_again(done, **fields):
    """The receipt under a grant with other fields, signed by the true broker: what a broker could do, and no more."""
    receipt = parse_receipt(done.receipt)
    grant = msgspec.structs.replace(receipt.body.grant.grant, **fields)
    signature = to_base64(done.owner.home.identity.sign(grant.signed_bytes()))
    return msgspec.structs.replace(receipt.body.grant, grant=grant, signature=signature)


def test_the_receipts_time_is_the_brokers_and_evidence_is_judged_at_that_time(done):
    """Moved to where the certificates were not yet valid, with the broker's own signature, it does not hold."""
    long_ago = to_rfc3339(from_rfc3339("2001-01-01T00:00:00Z"))
    body = parse_receipt(done.receipt).body
    key = Ed25519PrivateKey.generate()
    data = forged(done, key=key, grant=grant_again(done, released_at=long_ago), binding=body.binding)
    assert "snp.chain.validity" in codes(data)


def test_years_later_it_still_holds(done, monkeypatch):
    import confide.clock

    later = lambda: from_rfc3339("2046-01-01T00:00:00Z")  # noqa: E731
    monkeypatch.setattr(confide.clock, "system_clock", later)
    assert verify_receipt(done.receipt).verdict == "genuine"
    assert later() - from_rfc3339(done.job.created_at) > timedelta(days=365)


def test_only_the_verifier_builds_a_verified_receipt(done):
    verified = verify_receipt(done.receipt)
    with pytest.raises(TypeError):
        VerifiedReceipt(receipt=verified.receipt, permit=verified.permit, verdict="affirmed", checks=(), token=object())
    with pytest.raises(TypeError):
        pickle.dumps(verified)


def test_a_receipt_holds_neither_data_nor_output(done):
    assert b"GENOME" not in done.receipt
    assert b"genome" not in done.receipt
