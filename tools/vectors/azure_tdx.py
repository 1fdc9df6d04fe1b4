"""More vectors of Azure's machines on Intel TDX: the paravisor's report, the TDREPORT in it, its quote, the vTPM's, and
what a policy wants.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

from cryptography.hazmat.primitives.asymmetric import rsa

from confide.evidence.bundle import EvidenceBundle
from confide.evidence.hcl import parse_hcl_report
from confide.evidence.tdx import parse_tdx
from confide.evidence.tpm import MAGIC
from confide.ids import canonical_json
from confide.policy import Waiver
from confide.testing.fake_azure import PCRS, jwk
from confide.testing.vectors import Vector
from vectors._make import make
from vectors.azure import NONCE, NOW, STRANGER, TDX, bare, changed, right, right_domain, wanted

DESCRIPTION = "Azure's machines on TDX, of a fake Intel and Azure: one fault each, all else right."
ROOTS = (TDX.root_fingerprint,)
SEPT_VE_DISABLE = 1 << 28
REPORT = 0x20  # where the TDREPORT begins in the paravisor's report


def vector(name: str, fault: str, bundle: EvidenceBundle, *codes: str, **fields: Any) -> Vector:
    """One vector without a policy."""
    values: dict[str, Any] = {"now": NOW, "data": NONCE, "roots": ROOTS} | fields
    return make(f"azure-tdx/{name}", fault, bundle, *codes, **values)


def vectors() -> Iterator[Vector]:
    """All of them."""
    yield from reports()
    yield from td_reports()
    yield from domains()
    yield from quotes()
    yield from policies()


def machine(**how: Any) -> EvidenceBundle:
    """Another machine, with the collateral of the right one, which is the same."""
    made = TDX.evidence(NONCE, **how)
    return EvidenceBundle(made.format, made.evidence, right_domain().endorsements, made.parts)


def reports() -> Iterator[Vector]:
    """Faults of the paravisor's report and of its claims."""
    data = right_domain().evidence_bytes()
    report = parse_hcl_report(data)
    for number, name in {1: "sha256", 3: "sha512"}.items():
        yield vector(f"right-hash-{name}", "", machine(hcl={"hash_number": number}))
    for name, raw, code in (
        ("empty", b"", "size"), ("of-70000-bytes", bytes(70000), "size"), ("cut", data[:1248], "size"),
        ("no-magic", b"HCLB" + data[4:], "header"), ("version-3", data[:4] + b"\3" + data[5:], "header"),
    ):  # fmt: skip
        bundle = changed(right_domain(), raw)
        yield vector(f"report-{name}", "no report of the paravisor", bundle, f"azure.hcl.{code}")
    other = changed(right_domain(), right().evidence_bytes())
    yield vector("report-of-sev-snp", "the report of other hardware", other, "azure.hcl.platform", "azure.td_report")
    faults = {
        "claims-longer": replace(report, runtime_data=report.runtime_data + b" "),
        "hash-of-another-type": replace(report, hash_number=2),
    }
    for name, fault in faults.items():
        bundle = changed(right_domain(), fault.encode())
        yield vector(name, "claims that the hardware did not sign", bundle, "azure.runtime_data")
    expected = report.expected_report_data()
    longer = machine(domain={"report_data": expected[:63] + b"\1"})
    yield vector("report-data-behind-the-hash", "bytes behind the hash", longer, "azure.runtime_data")
    for name, keys in {"no-keys": [], "keys-of-a-number": 5}.items():
        yield vector(f"claims-{name}", "no attestation key", machine(claims={"keys": keys}), "azure.claims")
    weak = jwk("HCLAkPub", rsa.generate_private_key(65537, 2048).public_key()) | {"n": "_" * 170 + "w"}
    bundle = machine(claims={"keys": [weak]})
    yield vector("attestation-key-too-small", "a key of 1,024 bits", bundle, "azure.attestation_key")


def td_reports() -> Iterator[Vector]:
    """Faults of the TDREPORT: it is the one that was quoted, and holds together."""
    data = right_domain().evidence_bytes()
    places = {
        "type": 0, "reserved": 4, "tcb-hash": 32, "info-hash": 80, "report-data": 128, "reserved-behind": 192,
        "tcb-info": 256, "reserved-between": 495, "attributes": 512, "mrtd": 528, "rtmr3": 864, "info-reserved": 1000,
    }  # fmt: skip
    for name, at in places.items():
        flipped = data[: REPORT + at] + bytes((data[REPORT + at] ^ 2,)) + data[REPORT + at + 1 :]
        yield vector(f"td-report-{name}", "another TDREPORT", changed(right_domain(), flipped), "azure.td_report")
    unused = data[: REPORT + 224] + b"\1" * 32 + data[REPORT + 256 :]
    yield vector("right-td-report-with-any-mac", "", changed(right_domain(), unused))


def domains() -> Iterator[Vector]:
    """Faults of the domain's quote: all checks of TDX are made."""
    raw = right_domain().part("td_quote") or b""
    quote = parse_tdx(raw).quote
    unsigned = replace(quote, signature=raw[:32] + quote.signature[32:]).encode()
    for name, data, code in (
        ("cut", raw[:-1], "tdx.size"), ("version-6", b"\6" + raw[1:], "tdx.version"),
        ("of-an-enclave", raw[:4] + bytes(4) + raw[8:], "tdx.tee_type"), ("byte-behind", raw + b"\1", "tdx.trailing"),
        ("unsigned", unsigned, "tdx.signature"),
        ("qe-data", replace(quote, qe_auth=b"\1" * 32).encode(), "tdx.qe.report_data"),
    ):  # fmt: skip
        yield vector(f"td-quote-{name}", "a quote that is not right", changed(right_domain(), td_quote=data), code)
    faults: dict[str, tuple[dict[str, Any], tuple[str, ...]]] = {
        "reserved-bit": ({"td_attributes": SEPT_VE_DISABLE | 1 << 32}, ("tdx.reserved",)),
        "module-signer": ({"mr_signer_seam": b"\1" * 48}, ("tdx.module",)),
        "module-out-of-date": ({"tee_tcb_svn": bytes((4, 1, 3)) + bytes(13)}, ("tdx.tcb_status",)),
        "service-domain": ({"version": 5, "mr_service_td": b"\1" * 48}, ("tdx.mr_service_td",)),
    }
    for name, (fields, codes) in faults.items():
        yield vector(name, "a domain that is not right", machine(domain=fields), *codes)
    roots = ("tdx.chain.root", "tdx.collateral.chain.root")
    yield vector("forged-root", "a root with Intel's name that nobody trusts", right_domain(), *roots, roots=())
    later = NOW + timedelta(days=40)
    codes = ("tdx.collateral.dates", "tdx.collateral.crl", "tdx.crl")
    yield vector("time-40-days", "the collateral is not in force", right_domain(), *codes, now=later)
    none = bare(machine(domain={"td_attributes": SEPT_VE_DISABLE | 1}))
    yield vector("no-collateral-and-debug", "nor is it out of debug mode", none, "tdx.collateral.missing", "tdx.debug")


def quotes() -> Iterator[Vector]:
    """Faults of the vTPM's quote."""
    azure = TDX.azure
    for part in ("quote", "signature", "pcrs"):
        bundle = changed(right_domain(), **{part: None})
        yield vector(f"no-{part}", "the report alone may be of any time", bundle, "azure.quote.missing")
    for name, nonce in {"padded": NONCE.ljust(64, b"\0"), "cut": NONCE[:-1], "empty": b""}.items():
        yield vector(f"question-{name}", "another question", right_domain(), "tpm.report_data", data=nonce)
    made = azure.quote(NONCE)
    other = {name: one for name, one in azure.parts(made, key=STRANGER).items() if one is not None}
    yield vector("quote-by-another-key", "another TPM signed", changed(right_domain(), **other), "tpm.signature")
    marked = (MAGIC ^ 1).to_bytes(4, "big") + made.encode()[4:]
    yield vector("quote-without-its-mark", "no TPM made it", changed(right_domain(), quote=marked), "tpm.quote.magic")
    zero = canonical_json({"sha256": {str(index): "00" * 32 for index in PCRS["sha256"]}})
    bundle = changed(right_domain(), pcrs=zero)
    yield vector("pcrs-of-another-boot", "values that were not quoted", bundle, "tpm.pcrs.digest")
    bundle = changed(right_domain(), surprise=b"x")
    yield vector("unknown-part", "a part that no machine has", bundle, "evidence.parts")


def policies() -> Iterator[Vector]:
    """Each rule, held and broken."""
    pcr = PCRS["sha256"][4].hex()
    held: dict[str, Any] = {
        "fmspcs": ["b0c06f000000"], "rtmr3": ["00" * 48], "sept_ve_disable": True, "banks": ["sha256"],
        "maximum_collateral_age": 1, "pcrs": {"sha256:4": ["00" * 32, pcr]},
    }  # fmt: skip
    yield vector("policy-all-held", "", right_domain(), policy=wanted(right_domain(), **held))
    broken: dict[str, tuple[Any, str]] = {
        "mrtd": (["ff" * 48], "policy.workload.measurement"),
        "rtmr0": (["ff" * 48], "tdx.rtmr0"),
        "mr_config_id": ("ff" * 48, "tdx.mr_config_id"),
        "td_attributes": ("0x0", "tdx.td_attributes"),
        "minimum_evaluation": (19, "tdx.evaluation"),
        "fmspcs": (["00" * 6], "tdx.fmspc"),
        "chip_ids": (["00" * 16], "policy.chip.allowed"),
        "pcrs": ({"sha256:4": ["00" * 32]}, "tpm.pcrs.value"),
        "banks": (["sha384"], "tpm.bank"),
        "event_log": (True, "tpm.log.missing"),
        "vm_ids": (["00000000-0000-0000-0000-000000000000"], "azure.vm.id"),
        "user_data": ("01" * 64, "azure.user_data"),
    }
    for name, (value, code) in broken.items():
        policy = wanted(right_domain(), **{name: value})
        yield vector(f"policy-{name}", "the policy wants otherwise", right_domain(), code, policy=policy)
    strict = wanted(right_domain(), vm_console=False)
    for name, configuration, code in (
        ("secure-boot-off", {"secure-boot": False, "console-enabled": False}, "azure.vm.secure_boot"),
        ("console-on", {"secure-boot": True, "console-enabled": True}, "azure.vm.console"),
        ("console-unsaid", {"secure-boot": True}, "azure.vm.console"),
    ):
        bundle = machine(claims={"vm-configuration": configuration})
        yield vector(f"policy-{name}", "the machine is made otherwise", bundle, code, policy=strict)
    silent = machine(claims={"vm-configuration": {"secure-boot": True, "console-enabled": False}})
    yield vector("policy-right-without-console", "", silent, policy=strict)
    debugged = machine(domain={"td_attributes": SEPT_VE_DISABLE | 1})
    bits = wanted(debugged, td_attributes="0x10000001")
    yield vector("policy-debug", "debug mode", debugged, "tdx.debug", policy=bits)
    waived = wanted(debugged, td_attributes="0x10000001", debug=Waiver("a test machine"))
    yield vector("policy-debug-waived", "", debugged, policy=waived)
