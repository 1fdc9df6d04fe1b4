"""The agent: attest, fetch keys, open, run, seal, sign, forget (design, steps 5 to 10)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from confide.clock import Clock, to_rfc3339
from confide.enclave.broker_client import BrokerClient
from confide.enclave.channel import Emit
from confide.enclave.release import Attest, Attested, attest_for, check_release, unwrap_keys
from confide.enclave.runner import WorkloadProcess
from confide.ids import from_base64, sha256_of
from confide.measure import runtime_digest
from confide.protocol import Release
from confide.receipt.document import Receipt, ReceiptBody, ReceiptPolicy, platform_of, sign_receipt
from confide.sealed.manifest import Manifest
from confide.sealed.objects import open_bytes, seal_bytes
from confide.sealed.segments import STORED_SIZE
from confide.sealed.store import Store, object_name, receipt_name, result_name
from confide.secrets import Secret
from confide.workload import Bundle

_MAX_HEADER = 1 << 20


@dataclass(frozen=True)
class Surroundings:
    """What the agent is given: the way to the broker, to the store, to the platform's evidence, and a clock
    that its machine sets.
    """

    broker_id: str
    client: BrokerClient
    store: Store
    attest: Attest
    clock: Clock
    emit: Emit


def do_job(job: str, bundle: Bundle, workload: WorkloadProcess, around: Surroundings) -> Receipt:
    """Does the job with the started workload; result and receipt are in the store when it returns.

    Raises Refused, Misuse or Unavailable; then nothing but ciphertext was written, and the job can run again.
    """
    attested = attest_for(job, around.broker_id, around.client, around.attest)
    around.emit("attested")
    release = around.client.release(attested.request())
    check_release(release, attested, bundle)
    around.emit("released")
    inputs = open_inputs(release, unwrap_keys(release, attested.keys), around.store)
    around.emit("opened", inputs=len(inputs))
    output = _compute(workload, inputs, release)
    around.emit("computed")
    sealed, manifest = seal_bytes(output, recipients=[from_base64(release.job.recipient, "recipient")])
    receipt = _receipt(release, attested, bundle, sealed=sealed, manifest=manifest, clock=around.clock)
    around.store.put_bytes(result_name(job), sealed)
    around.store.put_bytes(receipt_name(job), receipt.to_json())  # last: where it is, the result is too
    around.emit("sealed", bytes=len(sealed))
    return receipt


def open_inputs(release: Release, keys: Mapping[str, Secret], store: Store) -> dict[str, bytearray]:
    """The plaintext of every input by the name that the workload knows it by. The keys are wiped, whatever
    happens; plaintext is wiped where a later input is refused.
    """
    inputs: dict[str, bytearray] = {}
    try:
        for item, manifest in zip(release.job.inputs, release.manifests, strict=True):
            sealed = store.read(object_name(manifest.object_id), _MAX_HEADER + manifest.segments * STORED_SIZE)
            inputs[item.name] = open_bytes(sealed, manifest=manifest, data_key=keys[manifest.data_key_id])
    except BaseException:
        _wipe(inputs)
        raise
    finally:
        for key in keys.values():
            key.wipe()
    return inputs


def _wipe(buffers: Mapping[str, bytearray]) -> None:
    for buffer in buffers.values():
        buffer[:] = bytes(len(buffer))


def _compute(workload: WorkloadProcess, inputs: Mapping[str, bytearray], release: Release) -> bytes:
    try:
        return workload.compute(inputs, release.job.parameters)
    finally:
        _wipe(inputs)


def _receipt(
    release: Release, attested: Attested, bundle: Bundle, *, sealed: bytes, manifest: Manifest, clock: Clock
) -> Receipt:
    grant = release.grant.grant
    body = ReceiptBody(
        job=release.job,
        job_id=release.job.job_id,
        manifests=release.manifests,
        workload=bundle.digest,
        runtime=runtime_digest(),
        platform=platform_of(attested.evidence),
        evidence=attested.evidence,
        binding=attested.binding,
        policy=ReceiptPolicy(grant.policy_name, grant.policy_revision, grant.policy, release.policy_text),
        grant=release.grant,
        output=manifest,
        output_digest=sha256_of(sealed),
        finished_at=to_rfc3339(clock()),
    )
    return sign_receipt(body, attested.keys.signing)
