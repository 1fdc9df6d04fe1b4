"""Vectors of Azure's machines and containers, by a fake AMD, Intel and Microsoft: reports of the paravisor, quotes of
its vTPM, endorsements of utility machines, and what a policy wants.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import cbor2
from cryptography.hazmat.primitives.asymmetric import rsa

from confide.evidence.azure_containers import FORMAT as CONTAINERS
from confide.evidence.azure_vtpm import SNP_FORMAT, TDX_FORMAT
from confide.evidence.bundle import EvidenceBundle, pack_evidence
from confide.evidence.cose import ALGORITHM, CONTENT_TYPE, ES384, PS256, RS256, X5CHAIN, parse_sign1
from confide.evidence.hcl import parse_hcl_report
from confide.evidence.tpm import MAGIC
from confide.evidence.uvm import FEED, ISSUER, SIGNING_TIME, write_did
from confide.ids import canonical_json
from confide.policy import Waiver
from confide.testing.fake_azure import PCRS, FakeAzure, jwk
from confide.testing.fake_azure_tdx import FakeAzureTdx
from confide.testing.fake_uvm import UVM_USAGE, FakeMicrosoft
from confide.testing.vectors import Vector
from confide.verify.anchors import MICROSOFT_UVM_ROOTS
from vectors._make import make, policy_for

DESCRIPTION = "Azure's machines and containers of a fake AMD, Intel and Microsoft: one fault each, all else right."
NOW = datetime(2026, 6, 1, tzinfo=UTC)
NONCE = b"a nonce of the verifier's"
LAUNCHED, OTHER = b"\5" * 48, b"\6" * 48
CONTAINER_POLICY = b'package policy\n\napi_version := "0.11.0"\n'
ONE, DEBUG = 1 << 17, 1 << 19

AZURE, MILAN, TDX = FakeAzure.create(NOW), FakeAzure.create(NOW, "Milan"), FakeAzureTdx.create(NOW)
MICROSOFT = FakeMicrosoft.create(NOW)
STRANGER = rsa.generate_private_key(65537, 2048)
ROOTS = (AZURE.root_fingerprint, MILAN.root_fingerprint, TDX.root_fingerprint, MICROSOFT.root_fingerprint)


def vector(name: str, fault: str, bundle: EvidenceBundle, *codes: str, **fields: Any) -> Vector:
    """One vector without a policy; containers have no question unless one is given."""
    data = None if bundle.format == CONTAINERS else NONCE
    values: dict[str, Any] = {"now": NOW, "data": data, "roots": ROOTS} | fields
    return make(f"azure/{name}", fault, bundle, *codes, **values)


def vectors() -> Iterator[Vector]:
    """All of them."""
    yield from healthy()
    yield from reports()
    yield from hardware()
    yield from quotes()
    yield from domains()
    yield from containers()
    yield from endorsements()
    yield from policies()


@cache
def right() -> EvidenceBundle:
    """The healthy machine on SEV-SNP."""
    return AZURE.evidence(NONCE)


@cache
def right_domain() -> EvidenceBundle:
    """The healthy machine on TDX."""
    return TDX.evidence(NONCE)


def changed(bundle: EvidenceBundle, data: bytes | None = None, **changes: bytes | None) -> EvidenceBundle:
    """The bundle with other evidence or parts; None takes a part away."""
    parts = {name: bundle.part(name) for name in bundle.parts} | changes
    kept = {name: part for name, part in parts.items() if part is not None}
    evidence = bundle.evidence_bytes() if data is None else data
    return pack_evidence(bundle.format, evidence, bundle.endorsement_bytes(), **kept)


def bare(bundle: EvidenceBundle) -> EvidenceBundle:
    """The bundle without its endorsements."""
    return EvidenceBundle(bundle.format, bundle.evidence, (), bundle.parts)


def quoted(quote: object = None, **fields: Any) -> EvidenceBundle:
    """The machine with another quote of its vTPM, or with other fields of the quote."""
    made: Any = quote or AZURE.quote(NONCE, **fields)
    return AZURE.evidence(NONCE, parts=AZURE.parts(made))


def group(
    endorsement: bytes | None = None, policy: bytes | None = CONTAINER_POLICY, **changes: object
) -> EvidenceBundle:
    """A container group: endorsed as it was launched unless another endorsement is given."""
    fields = {"measurement": LAUNCHED, "host_data": hashlib.sha256(CONTAINER_POLICY).digest()} | changes
    inner = AZURE.amd.evidence(AZURE.amd.report(**fields))
    parts = {"uvm_endorsement": MICROSOFT.endorse(LAUNCHED) if endorsement is None else endorsement}
    whole = pack_evidence(CONTAINERS, inner.evidence_bytes(), inner.endorsement_bytes(), **parts)
    return changed(whole, security_policy=policy)


def headed(header: Mapping[object, object]) -> EvidenceBundle:
    """A container group whose endorsement has other labels in its protected header."""
    return group(MICROSOFT.endorse(LAUNCHED, header=header))


def healthy() -> Iterator[Vector]:
    """Right ones: the positive twins."""
    yield vector("right-genoa", "", right())
    yield vector("right-milan", "", MILAN.evidence(NONCE, report={"cpuid": (0x19, 1, 1)}))
    yield vector("right-without-a-question", "", right(), data=None)
    for number, name in {2: "sha384", 3: "sha512"}.items():
        yield vector(f"right-hash-{name}", "", AZURE.evidence(NONCE, hcl={"hash_number": number}))
    signature = right().part("signature") or b""
    yield vector("right-bare-signature", "", changed(right(), signature=signature[6:]))
    yield vector("right-tdx", "", right_domain())
    yield vector("right-tdx-hash-sha384", "", TDX.evidence(NONCE, hcl={"hash_number": 2}))
    yield vector("right-container", "", group())
    yield vector("right-container-hash-envelope", "", group(MICROSOFT.endorse(LAUNCHED, transparent=True)))
    yield vector("right-container-without-its-policy", "", group(policy=None))
    later = NOW + timedelta(days=700)
    yield vector("right-container-after-its-signers-certificate", "", group(), now=later)


def reports() -> Iterator[Vector]:
    """Faults of the paravisor's report and of its claims."""
    data = right().evidence_bytes()
    report = parse_hcl_report(data)
    claims = report.runtime_data
    faults = {
        "claims-changed": replace(report, runtime_data=claims.replace(b'"secure-boot":true', b'"secure-boot":null')),
        "claims-shorter": replace(report, runtime_data=claims[:-1]),
        "claims-longer": replace(report, runtime_data=claims + b" "),
        "hash-type-of-others": replace(report, hash_number=2),
    }
    for name, fault in faults.items():
        codes = ["azure.runtime_data", *(["azure.claims"] if name == "claims-shorter" else [])]
        yield vector(name, "runtime claims that the hardware did not sign", changed(right(), fault.encode()), *codes)
    stranger = canonical_json(AZURE.claims() | {"keys": [jwk("HCLAkPub", STRANGER.public_key())]})
    forged = AZURE.evidence(NONCE, parts=AZURE.parts(AZURE.quote(NONCE), key=STRANGER))
    bundle = changed(forged, replace(report, runtime_data=stranger).encode())
    yield vector("attestation-key-of-a-stranger", "a stranger's vTPM in the claims", bundle, "azure.runtime_data")
    expected = report.expected_report_data()
    bundle = AZURE.evidence(NONCE, report={"report_data": expected[:63] + b"\1"})
    yield vector("report-data-behind-the-hash", "bytes behind the hash", bundle, "azure.runtime_data")
    for name, raw, code in (
        ("empty", b"", "azure.hcl.size"), ("of-70000-bytes", bytes(70000), "azure.hcl.size"),
        ("cut", data[:1248], "azure.hcl.size"), ("no-magic", b"HCLB" + data[4:], "azure.hcl.header"),
        ("version-3", data[:4] + b"\3" + data[5:], "azure.hcl.header"),
    ):  # fmt: skip
        yield vector(f"report-{name}", "no report of the paravisor", changed(right(), raw), code)
    for name, keys in {"no-keys": [], "keys-of-a-number": 5}.items():
        bundle = AZURE.evidence(NONCE, claims={"keys": keys})
        yield vector(f"claims-{name}", "no attestation key", bundle, "azure.claims")
    weak = jwk("HCLAkPub", STRANGER.public_key()) | {"n": "_" * 170 + "w"}
    bundle = AZURE.evidence(NONCE, claims={"keys": [weak]})
    yield vector("attestation-key-too-small", "a key of 1,024 bits", bundle, "azure.attestation_key")


def hardware() -> Iterator[Vector]:
    """Faults of SEV-SNP inside the report: all of its checks are made."""
    raw = bytearray(right().evidence_bytes())
    raw[0x20 + 0x90] ^= 1
    bundle = changed(right(), bytes(raw))
    yield vector("measurement-changed", "the launch measurement changed afterwards", bundle, "snp.signature")
    bundle = AZURE.evidence(NONCE, report={"policy": ONE | DEBUG})
    yield vector("debug-without-policy", "debug mode", bundle, "snp.policy.debug")
    yield vector("forged-root", "a root with AMD's name that nobody trusts", right(), "snp.chain.root", roots=())
    yield vector(
        "no-certificates", "no certificate came along", bare(right()), "snp.chain.missing", verdict="unavailable"
    )
    late = NOW + timedelta(days=4000)
    yield vector("time-4000-days", "certificates not in force", right(), "snp.chain.validity", now=late)


def quotes() -> Iterator[Vector]:
    """Faults of the vTPM's quote."""
    for part in ("quote", "signature", "pcrs"):
        bundle = changed(right(), **{part: None})
        yield vector(f"no-{part}", "the report alone may be of any time", bundle, "azure.quote.missing")
    questions = {"another": b"another", "padded": NONCE.ljust(64, b"\0"), "empty": b"", "cut": NONCE[:-1]}
    for name, nonce in questions.items():
        bundle = AZURE.evidence(nonce)
        yield vector(f"question-{name}", "a quote for another question", bundle, "tpm.report_data")
    shown = parse_hcl_report(right().evidence_bytes()).expected_report_data()
    yield vector(
        "question-of-the-hardware", "the report data is no answer to a question", right(), "tpm.report_data", data=shown
    )
    bundle = AZURE.evidence(NONCE, parts=AZURE.parts(AZURE.quote(NONCE), key=STRANGER))
    yield vector("quote-by-another-key", "a quote that another TPM signed", bundle, "tpm.signature")
    yield vector("key-as-a-part", "a key beside the claims", changed(right(), ak=b"\x30\x00"), "evidence.parts")
    zero = canonical_json({"sha256": {str(index): "00" * 32 for index in PCRS["sha256"]}})
    yield vector("pcrs-of-another-boot", "values that were not quoted", changed(right(), pcrs=zero), "tpm.pcrs.digest")
    data = AZURE.quote(NONCE).encode()
    forged = changed(right(), quote=(MAGIC ^ 1).to_bytes(4, "big") + data[4:])
    yield vector("quote-without-its-mark", "a structure that no TPM made", forged, "tpm.quote.magic")
    sha1 = {"sha1": {index: bytes(20) for index in range(24)}}
    bundle = AZURE.evidence(NONCE, parts=AZURE.parts(AZURE.quote(NONCE, sha1), sha1))
    yield vector("pcrs-of-sha1-alone", "a bank of SHA-1", bundle, "tpm.bank")


def domains() -> Iterator[Vector]:
    """Faults of a machine on TDX."""
    report = parse_hcl_report(right_domain().evidence_bytes())
    claims = report.runtime_data.replace(b'"secure-boot":true', b'"secure-boot":null')
    bundle = changed(right_domain(), replace(report, runtime_data=claims).encode())
    yield vector("tdx-claims-changed", "claims that the hardware did not sign", bundle, "azure.runtime_data")
    other = TDX.evidence(NONCE, domain={"mr_td": b"\7" * 48}).evidence_bytes()
    bundle = changed(right_domain(), other)
    yield vector("tdx-report-of-another-domain", "the quote is of another domain", bundle, "azure.td_report")
    raw = bytearray(right_domain().evidence_bytes())
    raw[0x20] ^= 2
    bundle = changed(right_domain(), bytes(raw))
    yield vector("tdx-report-of-another-type", "a structure of another type", bundle, "azure.td_report")
    bundle = TDX.evidence(NONCE, without_quote=True)
    yield vector("tdx-no-quote", "nobody but the machine can check a TDREPORT", bundle, "azure.td_quote.missing")
    yield vector("tdx-question", "a quote for another question", TDX.evidence(b"another"), "tpm.report_data")
    bundle = TDX.evidence(NONCE, domain={"td_attributes": 1 << 28 | 1})
    yield vector("tdx-debug-without-policy", "debug mode", bundle, "tdx.debug")
    yield vector(
        "tdx-no-collateral", "no collateral came along", bare(right_domain()), "tdx.collateral.missing",
        verdict="unavailable",
    )  # fmt: skip


def containers() -> Iterator[Vector]:
    """Faults of a container group: what the endorsement and the container policy are of."""
    bundle = changed(group(), uvm_endorsement=None)
    yield vector("container-without-endorsement", "nobody vouches for the utility machine", bundle, "uvm.missing")
    for name, transparent in {"json": False, "hash-envelope": True}.items():
        bundle = group(MICROSOFT.endorse(OTHER, transparent=transparent))
        yield vector(f"container-endorsement-of-another-{name}", "another utility machine", bundle, "uvm.measurement")
    bundle = group(policy=CONTAINER_POLICY + b"\n")
    yield vector("container-policy-of-another", "another container policy", bundle, "azure.security_policy")
    bundle = group(policy=ONE.to_bytes(4, "big"), host_data=bytes(32))
    yield vector("container-without-host-data", "HOST_DATA is zero", bundle, "azure.security_policy")
    debugged = AZURE.amd.evidence(AZURE.amd.report(policy=ONE | DEBUG, measurement=LAUNCHED))
    bundle = pack_evidence(
        CONTAINERS, debugged.evidence_bytes(), debugged.endorsement_bytes(), uvm_endorsement=MICROSOFT.endorse(LAUNCHED)
    )
    yield vector("container-debug-without-policy", "debug mode", bundle, "snp.policy.debug")
    yield vector(
        "container-forged-microsoft", "a root with Microsoft's name that nobody trusts", group(), "uvm.chain.root",
        roots=(AZURE.root_fingerprint,),
    )  # fmt: skip
    yield vector(
        "container-forged-amd", "a root with AMD's name that nobody trusts", group(), "snp.chain.root",
        roots=(MICROSOFT.root_fingerprint,),
    )  # fmt: skip


def endorsements() -> Iterator[Vector]:
    """Faults of the endorsement itself."""
    good, bad = (parse_sign1(MICROSOFT.endorse(what), tags={1}) for what in (LAUNCHED, OTHER))
    swapped = group(replace(good, signature=bad.signature).encode())
    yield vector("endorsement-with-another-signature", "a signature over other bytes", swapped, "uvm.signature")
    for algorithm in (PS256, ES384, RS256):
        bundle = headed({ALGORITHM: algorithm})
        yield vector(f"endorsement-algorithm{algorithm}", "another algorithm", bundle, "uvm.signature")
    pinned = write_did(next(iter(MICROSOFT_UVM_ROOTS)), UVM_USAGE)
    bundle = headed({ISSUER: pinned})
    yield vector("endorsement-issuer-of-the-real-root", "the chain is another's", bundle, "uvm.issuer")
    usages = write_did(MICROSOFT.root_fingerprint, UVM_USAGE, "1.3.6.1.4.1.311.76.59.1.3")
    yield vector("endorsement-issuer-of-more-usages", "the leaf lacks a usage", headed({ISSUER: usages}), "uvm.issuer")
    stranger = FakeMicrosoft.create(NOW, usages=("1.3.6.1.5.5.7.3.3",))
    bundle, roots = group(stranger.endorse(LAUNCHED)), (*ROOTS, stranger.root_fingerprint)
    yield vector("endorsement-by-a-leaf-of-another-usage", "a leaf for code", bundle, "uvm.issuer", roots=roots)
    for days, name in {-30: "before", 500: "after"}.items():
        bundle = headed({SIGNING_TIME: cbor2.CBORTag(1, int((NOW + timedelta(days=days)).timestamp()))})
        yield vector(
            f"endorsement-signed-{name}-its-certificate", "signed outside of the leaf's validity", bundle,
            "uvm.chain.validity", now=NOW + timedelta(days=600),
        )  # fmt: skip
    bundle = headed({SIGNING_TIME: cbor2.CBORTag(1, int(NOW.timestamp()) + 3600)})
    yield vector("endorsement-of-the-future", "signed in an hour", bundle, "uvm.time")
    leaf, _, root = MICROSOFT.chain
    bundle = headed({X5CHAIN: [leaf, root]})
    codes = ("uvm.chain.names", "uvm.chain.signature")
    yield vector("endorsement-with-a-gap", "the authority is missing", bundle, *codes)
    headers: dict[str, Mapping[object, object]] = {
        "no-chain": {X5CHAIN: None}, "no-issuer": {ISSUER: None}, "no-feed": {FEED: None},
        "of-another-type": {CONTENT_TYPE: "text/plain"}, "no-algorithm": {ALGORITHM: None},
    }  # fmt: skip
    for name, header in headers.items():
        yield vector(f"endorsement-{name}", "no endorsement as Microsoft writes it", headed(header), "uvm.malformed")
    for name, data in {"empty": b"", "json": b"{}", "cut": MICROSOFT.endorse(LAUNCHED)[:-1]}.items():
        yield vector(f"endorsement-{name}", "no COSE_Sign1 message", group(data), "uvm.malformed")


GIVEN: dict[str, tuple[str, dict[str, Any]]] = {
    SNP_FORMAT: ("Genoa", {"measurements": ["00" * 48], "pcrs": {"sha256:4": [PCRS["sha256"][4].hex()]}}),
    TDX_FORMAT: ("TDX", {"mrtd": ["00" * 48], "pcrs": {"sha256:4": [PCRS["sha256"][4].hex()]}}),
    CONTAINERS: (
        "Genoa", {"security_policies": [hashlib.sha256(CONTAINER_POLICY).hexdigest()], "uvm_issuer": MICROSOFT.issuer},
    ),
}  # fmt: skip


def wanted(bundle: EvidenceBundle, **values: Any) -> str:
    """A strict policy for the evidence's format; `values` replace its platform's."""
    product, given = GIVEN[bundle.format]
    lists = {} if bundle.format == TDX_FORMAT else {"crl": Waiver("no list here")}
    return policy_for(bundle.format, product, roots=ROOTS, **(given | lists | values))


def policies() -> Iterator[Vector]:
    """What one policy wants and another does not get."""

    def made(name: str, bundle: EvidenceBundle, *codes: str, **values: Any) -> Vector:
        fault = "not what the policy wants" if codes else ""
        return vector(f"policy-{name}", fault, bundle, *codes, policy=wanted(bundle, **values))

    yield made("right", right())
    yield made("right-tdx", right_domain())
    yield made("right-container", group())
    faults: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
        "measurement": ({"report": {"measurement": b"\1" * 48}}, {}, "policy.workload.measurement"),
        "debug": ({"report": {"policy": ONE | DEBUG}}, {}, "snp.policy.debug"),
        "vmpl": ({"report": {"vmpl": 1}}, {}, "snp.vmpl"),
        "pcr": ({}, {"pcrs": {"sha256:4": ["ff" * 32]}}, "tpm.pcrs.value"),
        "event-log": ({}, {"event_log": True}, "tpm.log.missing"),
        "secure-boot": ({"claims": {"vm-configuration": {"secure-boot": False}}}, {}, "azure.vm.secure_boot"),
        "secure-boot-unsaid": ({"claims": {"vm-configuration": {}}}, {}, "azure.vm.secure_boot"),
        "machine": ({}, {"vm_ids": ["00000000-0000-0000-0000-000000000000"]}, "azure.vm.id"),
        "user-data": ({}, {"user_data": "01" * 64}, "azure.user_data"),
    }
    for name, (changes, values, code) in faults.items():
        yield made(name, AZURE.evidence(NONCE, **changes), code, **values)
    bundle = TDX.evidence(NONCE, domain={"mr_td": b"\1" * 48})
    yield made("tdx-measurement", bundle, "policy.workload.measurement")
    yield made("container-policy", group(host_data=bytes(32), policy=None), "policy.workload.security_policy")
    yield made("container-svn", group(), "uvm.policy.svn", minimum_uvm_svn=105)
    yield made("container-feed", group(), "uvm.policy.feed", uvm_feed="ConfAKS-AMD-UVM")
    pinned = write_did(next(iter(MICROSOFT_UVM_ROOTS)), UVM_USAGE)
    yield made("container-issuer", group(), "uvm.policy.issuer", uvm_issuer=pinned)
