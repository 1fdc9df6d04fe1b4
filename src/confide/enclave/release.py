"""From a challenge to the data keys: the enclave's half of design steps 5 to 8, each a function over typed values."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from confide.binding import Binding
from confide.checklist import Checklist
from confide.crypto import hpke_open
from confide.enclave.broker_client import BrokerClient
from confide.evidence import EvidenceBundle
from confide.ids import from_base64, to_base64
from confide.protocol import Release, ReleaseRequest
from confide.receipt.facts import AGAIN, check_grant, check_job
from confide.secrets import Secret
from confide.workload import Bundle

Attest = Callable[[bytes], EvidenceBundle]


@dataclass(frozen=True)
class EnclaveKeys:
    """The keys of one run, made inside: `hpke` receives data keys, `signing` signs the receipt."""

    hpke: X25519PrivateKey
    signing: Ed25519PrivateKey

    @classmethod
    def fresh(cls) -> EnclaveKeys:
        """New keys from the operating system's generator."""
        return cls(X25519PrivateKey.generate(), Ed25519PrivateKey.generate())

    def binding(self, *, nonce: str, job: str, broker: str) -> Binding:
        """What the evidence is to vouch for."""
        hpke, signing = self.hpke.public_key(), self.signing.public_key()
        return Binding(nonce, to_base64(hpke.public_bytes_raw()), to_base64(signing.public_bytes_raw()), job, broker)


@dataclass(frozen=True)
class Attested:
    """Keys, and the evidence that vouches for them."""

    keys: EnclaveKeys
    binding: Binding
    evidence: EvidenceBundle

    def request(self) -> ReleaseRequest:
        """The request for the job's data keys."""
        b = self.binding
        return ReleaseRequest(b.job, b.nonce, b.hpke_key, b.signing_key, self.evidence)


def attest_for(job: str, broker: str, client: BrokerClient, attest: Attest) -> Attested:
    """Asks for a challenge, makes keys, and has the platform vouch for them (steps 5 and 6)."""
    nonce = client.challenge(job).nonce
    keys = EnclaveKeys.fresh()
    binding = keys.binding(nonce=nonce, job=job, broker=broker)
    return Attested(keys, binding, attest(binding.report_data()))


def check_release(release: Release, attested: Attested, bundle: Bundle) -> None:
    """Raises Refused with all findings unless the release is this broker's answer to this evidence, for this job
    and this bundle.
    """
    checks = Checklist()
    check_job(checks, release.job, attested.binding.job, release.manifests, bundle.digest)
    names = tuple(item.name for item in release.job.inputs)
    checks.expect(
        "job.input_names",
        sorted(names) == sorted(bundle.info.inputs),
        got=", ".join(names),
        wanted=", ".join(bundle.info.inputs),
        remedy="Make the job again with the inputs that the workload names.",
    )
    check_grant(
        checks,
        release.grant,
        job=release.job,
        binding=attested.binding,
        policy_text=release.policy_text,
        evidence=attested.evidence,
    )
    got, wanted = {key.data_key_id for key in release.keys}, {item.data_key_id for item in release.manifests}
    checks.expect("release.keys", got == wanted, got=sorted(got), wanted=sorted(wanted), remedy=AGAIN)
    checks.refuse_if_failed()


def unwrap_keys(release: Release, keys: EnclaveKeys) -> dict[str, Secret]:
    """The data keys by their ids. Raises Refused where one is not for this enclave and this grant."""
    info = release.grant.grant.signed_bytes()
    return {
        wrapped.data_key_id: hpke_open(from_base64(wrapped.ciphertext, "wrapped key"), keys.hpke, info)
        for wrapped in release.keys
    }
