"""Every real TPM quote, event log and secure boot file of the shared evidence: accepted, or refused for a stated
reason, or listed with the reason why it does not apply.
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key

from confide.errors import Refused, Unavailable
from confide.evidence import EvidenceBundle, pack_evidence
from confide.evidence.boot_events import (
    firmware_version,
    measured_command_lines,
    read_boot_events,
    secure_boot_state,
    technology,
)
from confide.evidence.cel import parse_cel
from confide.evidence.endorsements import split_endorsements
from confide.evidence.gce import _bytes_of, _read_quote, read_fields
from confide.evidence.recognition import recognise
from confide.evidence.secure_boot import read_database
from confide.evidence.tcg_log import parse_log, replay
from confide.evidence.tpm import parse_quote
from confide.ids import from_base64, sha256_of, to_base64
from confide.verify import verify_evidence
from confide.verify.anchors import GOOGLE_TPM_ROOTS
from confide.verify.tpm_key import read_attestation_key
from confide.verify.x509 import Certificate, parse_item

SHARED = Path(__file__).parents[3] / "shared" / "evidence"
MANIFEST = json.loads((SHARED / "MANIFEST.json").read_text()) if SHARED.exists() else []
MINE = [entry for entry in MANIFEST if entry["tee"] in {"tpm", "gcp-tpm"}]
GOOGLE = "gcp-tpm/google+go-tpm-tools/"
ATTESTATIONS = f"{GOOGLE}internal/test/attestations/"
LEGACY = "gcp-tpm/google+go-eventlog/testdata/legacydata/"
TRUSTEE = "tpm/confidential-containers+trustee/deps/verifier/test_data/tpm_evidence.json"
PARSEC = "tpm/veraison+services/scheme/parsec-tpm/test/"
ENACT = "tpm/veraison+services/scheme/tpm-enacttrust/test/"
WINDOWS = f"{LEGACY}windows_gcp_shielded_vm.json"

# The files that are no evidence, by the beginning of their path, and what they are.
OTHERS = {
    f"{PARSEC}corim/": "reference values in CoRIM, of another verifier's policy",
    f"{ENACT}corim/": "reference values in CoRIM, of another verifier's policy",
    f"{ENACT}evidence/basic.json": "what the token beside it was made from",
    f"{ENACT}keys/": "the key of the token beside it, used below",
    f"{GOOGLE}server/ca-certs/": "the roots and intermediates, used below; test_anchors.py compares the roots",
    f"{GOOGLE}server/secure-boot/": "certificates and databases, read below",
    f"{LEGACY}linux_tpm12.json": "a quote of a TPM 1.2 (TPM_QUOTE_INFO): another standard, without a hash but SHA-1",
}

pytestmark = pytest.mark.skipif(not MINE, reason="the shared evidence is not here")


def read(path: str) -> bytes:
    return (SHARED / path).read_bytes()


def google_certificates() -> tuple[str, ...]:
    files = sorted((SHARED / GOOGLE / "server" / "ca-certs").iterdir())
    return tuple(to_base64(item) for file in files for item in split_endorsements(file.read_bytes()))


# Quotes


@dataclass(frozen=True)
class Case:
    """A real quote: how it becomes a bundle, when it is verified, the question, and the refusal where it is refused."""

    bundle: EvidenceBundle
    report_data: bytes
    now: datetime = datetime(2022, 6, 1, tzinfo=UTC)
    trusts_its_key: bool = False
    refused: tuple[type[Refused | Unavailable], tuple[str, ...]] | None = None


def google(name: str, question: bytes) -> Case:
    bundle = recognise(read(f"{ATTESTATIONS}{name}"))
    return Case(
        EvidenceBundle(bundle.format, bundle.evidence, bundle.endorsements + google_certificates(), bundle.parts),
        question,
    )


def trustee() -> Case:
    bundle = recognise(read(TRUSTEE))
    return Case(bundle, parse_quote(bundle.evidence_bytes()).extra_data, trusts_its_key=True)


def with_key(bundle: EvidenceBundle, pem: bytes) -> EvidenceBundle:
    spki = load_pem_public_key(pem).public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return EvidenceBundle(bundle.format, bundle.evidence, (), bundle.parts | {"ak": to_base64(spki)})


def parsec() -> Case:
    anchor = json.loads(read(f"{PARSEC}corim/src/comid-parsec-tpm-ta.json"))
    (keys,) = anchor["triples"]["attester-verification-keys"]
    pem = keys["verification-keys"][0]["value"].encode()
    bundle = with_key(recognise(read(f"{PARSEC}evidence/evidence.cbor")), pem)
    return Case(bundle, bytes.fromhex("deadbeefdeadbeef"), trusts_its_key=True)


def enact() -> Case:
    bundle = with_key(recognise(read(f"{ENACT}evidence/basic.token")), read(f"{ENACT}keys/basic.pem.pub"))
    return Case(bundle, b"", trusts_its_key=True)


def windows() -> Case:
    # go-attestation's dump of a test machine: RSASSA with SHA-1 over the SHA-1 bank alone.
    dump = json.loads(read(WINDOWS))
    values = {str(one["Index"]): base64.b64decode(one["Digest"]).hex() for one in dump["Log"]["PCRs"]}
    bundle = pack_evidence(
        "tpm",
        base64.b64decode(dump["Quote"]["Quote"]),
        signature=base64.b64decode(dump["Quote"]["Signature"]),
        ak=base64.b64decode(dump["AK"]["Public"]),
        pcrs=json.dumps({"sha1": values}).encode(),
        event_log=base64.b64decode(dump["Log"]["Raw"]),
    )
    return Case(bundle, b"", trusts_its_key=True, refused=(Refused, ("tpm.signature.algorithm", "tpm.bank")))


QUOTES = {
    f"{ATTESTATIONS}gce-cos-85-nonce9009.pb": lambda: google("gce-cos-85-nonce9009.pb", b"\x90\x09"),
    f"{ATTESTATIONS}gce-cos-85-no-nonce.pb": lambda: google("gce-cos-85-no-nonce.pb", b""),
    TRUSTEE: trustee,
    f"{PARSEC}evidence/evidence.cbor": parsec,
    f"{ENACT}evidence/basic.token": enact,
    WINDOWS: windows,
}


def key_of(case: Case) -> str:
    return read_attestation_key(case.bundle.part("ak") or b"").fingerprint


@pytest.mark.parametrize("path", QUOTES)
def test_real_quote(path: str):
    case = QUOTES[path]()
    keys = [key_of(case)] if case.trusts_its_key else []
    if case.refused is not None:
        with pytest.raises(case.refused[0]) as caught:
            verify_evidence(case.bundle, now=case.now, report_data=case.report_data, trusted_keys=keys)
        assert caught.value.codes == case.refused[1]
        return
    verified = verify_evidence(case.bundle, now=case.now, report_data=case.report_data, trusted_keys=keys)
    assert not verified.simulated
    assert {check.outcome for check in verified.checks} <= {"passed", "not applicable"}
    with pytest.raises(Refused) as caught:
        verify_evidence(case.bundle, now=case.now, report_data=b"other", trusted_keys=keys)
    assert caught.value.codes == ("tpm.report_data",)
    stranger = EvidenceBundle(case.bundle.format, case.bundle.evidence, (), case.bundle.parts)
    with pytest.raises(Unavailable) as unavailable:
        verify_evidence(stranger, now=case.now, report_data=case.report_data)
    assert unavailable.value.codes == ("tpm.chain.missing",)


def test_real_google_quote_says_what_machine_it_is_and_what_was_booted():
    case = google("gce-cos-85-nonce9009.pb", b"\x90\x09")
    claims = verify_evidence(case.bundle, now=case.now, report_data=case.report_data).claims
    assert claims["instance"]["project_id"] == "google.com:wuale-gcp-testing"
    assert claims["instance"]["instance_name"] == "cos-test"
    assert claims["boot"]["secure_boot"] is True
    assert claims["boot"]["technology"] == "AMD SEV"
    assert claims["boot"]["command_lines"][0].startswith("/syslinux/vmlinuz.A init=/usr/lib/systemd/systemd")


def test_real_google_quote_outside_of_its_certificates_time_is_refused():
    case = google("gce-cos-85-nonce9009.pb", b"\x90\x09")
    with pytest.raises(Refused) as caught:
        verify_evidence(case.bundle, now=datetime(2021, 8, 1, tzinfo=UTC), report_data=case.report_data)
    assert caught.value.codes == ("tpm.chain.validity",)


# Event logs


# What the origin's own tests know of the machines (go-eventlog, go-tpm-tools): secure boot, and Google's technology.
LOGS: dict[str, tuple[bool | None, str | None]] = {
    "arch-linux-workstation.bin": (False, None),
    "confidential-gke-debug-251000_eventlog.bin": (True, "none"),
    "cos-85-amd-sev.bin": (True, "AMD SEV"),
    "cos-93-amd-sev.bin": (True, "AMD SEV"),
    "cos-101-amd-sev.bin": (True, "AMD SEV"),
    "debian-10.bin": (True, "none"),
    "eventlogwithsp800155.bin": (True, "none"),
    "gdc-host.bin": (False, None),
    "glinux-alex.bin": (False, None),
    "rhel8-uefi.bin": (True, "none"),
    "ubuntu-1804-amd-sev.bin": (False, "AMD SEV"),
    "ubuntu-2104-no-dbx.bin": (False, "none"),
    "ubuntu-2104-no-secure-boot.bin": (False, "none"),
    "ubuntu-2204-intel-tdx.bin": (False, "Intel TDX"),
    "ubuntu-2404-amd-sevsnp.bin": (False, "AMD SEV-SNP"),
    "coreos_36_shielded_vm_no_secure_boot_eventlog": (False, "AMD SEV"),
    "crypto_agile_eventlog": (False, None),
    "ebs_event_missing_eventlog": (False, None),
    "option_rom_eventlog": (True, None),
    "sb_cert_eventlog": (True, None),
    "short_no_action_eventlog": (None, None),
    "ubuntu_2104_shielded_vm_no_secure_boot_eventlog": (False, "none"),
}
LOG_FILES = [one["path"] for one in MINE if one["kind"] == "tcg-eventlog" and not one["path"].endswith(".json")]


@pytest.mark.parametrize("path", LOG_FILES)
def test_real_event_log(path: str):
    log = parse_log(read(path))
    name = path.rsplit("/", 1)[1]
    for algorithm in log.algorithms:
        registers = replay(log, algorithm)
        assert set(registers) <= set(range(24))
    events = read_boot_events(log, log.algorithms[-1])
    assert (secure_boot_state(events), technology(events)) == LOGS[name]
    if "cos-" in name or "rhel8" in name or "ubuntu-2" in name:
        assert measured_command_lines(events, frozenset(range(24)))
    for event in events:
        if event.meaning in {"platform_key", "key_exchange_keys", "signature_database", "forbidden_signatures"}:
            read_database(event.content)


def test_logs_that_are_there_twice_are_the_same_to_us():
    by_name: dict[str, set[str]] = {}
    for path in LOG_FILES:
        by_name.setdefault(path.rsplit("/", 1)[1], set()).add(sha256_of(read(path)))
    assert by_name.keys() == LOGS.keys()
    assert all(len(digests) == 1 for digests in by_name.values())


def test_real_log_replays_to_the_quoted_values_of_three_banks():
    """The one message holds a quote for each bank; the log replays to all of them."""
    fields = read_fields(read(f"{ATTESTATIONS}gce-cos-85-nonce9009.pb"))
    log = parse_log(_bytes_of(fields, 3)[0])
    for quote in _bytes_of(fields, 2):
        _, _, bank, values = _read_quote(quote)
        registers = replay(log, bank)
        assert {index: values[index] for index in registers} == registers


def test_real_firmware_says_its_version():
    log = parse_log(read(f"{GOOGLE}internal/test/eventlogs/ubuntu-2404-amd-sevsnp.bin"))
    assert firmware_version(read_boot_events(log, "sha384")) == "GCE Virtual Firmware v2"


def test_real_canonical_log():
    log = parse_cel(base64.b64decode(read(f"{GOOGLE}agent/testdata/cel.b64")))
    events = read_boot_events(log, "sha384")
    assert all(event.proven and event.meaning == "workload" for event in events)
    assert "image_digest=sha256:777049f969d790c7fa9edf5783ad22b2d4fa25f31612e95639eb3b5098ff8066" in {
        event.text for event in events
    }
    assert set(replay(log, "sha384")) == {4}


# Secure boot


@pytest.mark.parametrize(
    ("name", "hashes"),
    [("dbxupdate-2014-08-11.bin", 13), ("dbxupdate_x64-2020-10-12.bin", 183), ("dbxupdate_x64-2021-04-29.bin", 211)],
)
def test_real_revocations_of_secure_boot_are_read(name: str, hashes: int):
    """An update is a time, a signature (WIN_CERTIFICATE_UEFI_GUID) and then the lists (UEFI, section 8.2.2)."""
    data = read(f"{GOOGLE}server/secure-boot/{name}")
    size = int.from_bytes(data[16:20], "little")
    database = read_database(data[16 + size :])
    assert (len(database.hashes), database.others) == (hashes, 0)


def test_real_logs_hold_googles_platform_key():
    log = parse_log(read(f"{GOOGLE}internal/test/eventlogs/debian-10.bin"))
    event = next(one for one in read_boot_events(log, "sha1") if one.meaning == "platform_key")
    assert sha256_of(read(f"{GOOGLE}server/secure-boot/GcePk.crt")) in {
        sha256_of(one) for one in read_database(event.content).certificates
    }


# Roots


def test_pinned_roots_are_those_that_google_keeps_and_carry_its_names():
    found = {}
    for der in google_certificates():
        certificate = parse_item(from_base64(der))
        assert isinstance(certificate, Certificate)
        if certificate.issuer == certificate.subject:
            found[certificate.fingerprint] = certificate.common_name
    assert found.keys() == GOOGLE_TPM_ROOTS.keys()
    assert all(name.startswith(GOOGLE_TPM_ROOTS[fingerprint]) for fingerprint, name in found.items())


# All files


def test_every_file_of_the_manifest_has_its_place():
    placed = {*QUOTES, *LOG_FILES, f"{GOOGLE}agent/testdata/cel.b64"}
    missing = [one["path"] for one in MINE if one["path"] not in placed and not one["path"].startswith(tuple(OTHERS))]
    assert missing == []
