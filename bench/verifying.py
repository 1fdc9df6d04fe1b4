"""Verification of evidence against the bare cost of its signatures, in one run on one core.

SEV-SNP: a report with AMD's chain, RSA of 4096 bits as the real one has. The bare cost is that of four signature
checks by the same library: report, leaf, issuer, and the root's own, which the verifier does not need, since it pins
the root; "from DER" with the loading of certificates and keys, which comes before any of them. "First" is with nothing
remembered, "again" with the same chain seen before: then one signature is left, and that one is the physical limit.
TDX: a quote whose certificates and collateral were seen before, against the call of dcap-qvl that is made in it, with
its collateral parsed. The command line is started as a process of its own. Everything takes turns, several times over,
and the best of each counts. Run it with `python bench/verifying.py`; it prints JSON.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from unittest.mock import patch

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509 import load_der_x509_certificate

from confide.evidence.bundle import EvidenceBundle
from confide.evidence.snp import SIGNED_SIZE, parse_report
from confide.ids import sha256_of
from confide.launch.simulated.vendor import Authority, subject
from confide.testing import FakeAmd
from confide.testing.fake_amd import AMD
from confide.testing.fake_intel import FakeIntel
from confide.verify import intel_dcap_qvl, verify_evidence
from confide.verify.amd_chain import AMD_ALGORITHMS
from confide.verify.signatures import verifies
from confide.verify.snp import report_signature
from confide.verify.x509 import Certificate, forget, parse_item

NOW = datetime(2026, 6, 1, tzinfo=UTC)
ROUNDS, TIMES = 15, 20


def best_of(candidates: dict[str, Callable[[], object]]) -> dict[str, float]:
    """The best time of each candidate in seconds; they take turns, so that a slow moment hits all alike."""
    best = dict.fromkeys(candidates, float("inf"))
    for _ in range(ROUNDS):
        for name, candidate in candidates.items():
            started = time.perf_counter()
            for _ in range(TIMES):
                candidate()
            best[name] = min(best[name], (time.perf_counter() - started) / TIMES)
    return best


def fake_amd() -> FakeAmd:
    """A fake AMD with keys of the real size."""
    ark_key, ask_key = (rsa.generate_private_key(65537, 4096) for _ in range(2))
    ark = Authority.issue(subject("ARK-Genoa", AMD), ark_key, NOW)
    ask = Authority.issue(subject("SEV-Genoa", AMD), ask_key, NOW, ark)
    return FakeAmd("Genoa", NOW, ark, ask, ask)


def bare_signatures(bundle: EvidenceBundle) -> tuple[Callable[[], object], Callable[[], object]]:
    """All four signature checks, and that of the report alone, with everything parsed beforehand."""
    leaf, issuer, root = (item for item in map(parse_item, bundle.endorsement_bytes()) if isinstance(item, Certificate))
    raw = bundle.evidence_bytes()
    signature, message = report_signature(parse_report(raw)), raw[:SIGNED_SIZE]
    keys = {one: one.public_key for one in (leaf, issuer, root)}
    chain = [(one, keys[above]) for one, above in ((leaf, issuer), (issuer, root), (root, root))]
    parts = [(one.parsed.signature, one.parsed.tbs_certificate_bytes, key) for one, key in chain]
    (algorithm,) = AMD_ALGORITHMS

    def report() -> None:
        assert verifies("ecdsa-sha384", keys[leaf], signature, message)

    def all_four() -> None:
        report()
        assert all(verifies(algorithm, key, signed, told) for signed, told, key in parts)

    return all_four, report


def from_der(bundle: EvidenceBundle) -> Callable[[], object]:
    """The same four checks by the library's own calls, from the bytes of the certificates on."""
    raw, items = bundle.evidence_bytes(), bundle.endorsement_bytes()
    signature, message = report_signature(parse_report(raw)), raw[:SIGNED_SIZE]
    (algorithm,) = AMD_ALGORITHMS

    def check() -> None:
        leaf, issuer, root = map(load_der_x509_certificate, items)
        keys = [one.public_key() for one in (leaf, issuer, root)]
        assert verifies("ecdsa-sha384", keys[0], signature, message)
        for one, key in ((leaf, keys[1]), (issuer, keys[2]), (root, keys[2])):
            assert verifies(algorithm, key, one.signature, one.tbs_certificate_bytes)

    return check


def measure() -> dict[str, float]:
    """Microseconds and ratios."""
    amd = fake_amd()
    bundle, roots = amd.evidence(amd.report()), [sha256_of(amd.ark.der)]
    all_four, report = bare_signatures(bundle)

    def again() -> None:
        verify_evidence(bundle, now=NOW, report_data=None, simulated_roots=roots)

    def first() -> None:
        forget()
        again()

    best = best_of(
        {
            "four_signatures_from_der": from_der(bundle),
            "four_signatures": all_four,
            "first": first,
            "report_signature": report,
            "again": again,
        }
    )
    figures = {f"snp_{name}_microseconds": round(seconds * 1e6, 1) for name, seconds in best.items()}
    figures["snp_first_over_four_signatures_from_der"] = round(best["first"] / best["four_signatures_from_der"], 3)
    figures["snp_first_over_four_signatures"] = round(best["first"] / best["four_signatures"], 3)
    figures["snp_again_over_report_signature"] = round(best["again"] / best["report_signature"], 3)
    figures["snp_again_per_second"] = round(1 / best["again"])
    figures["snp_limit_per_second"] = round(1 / best["report_signature"])
    return figures


def measure_tdx() -> dict[str, float]:
    """Microseconds and the ratio of a whole verification of a TDX quote to dcap-qvl's part of it."""
    intel = FakeIntel.create(NOW)
    bundle, calls = intel.evidence(intel.domain()), []
    bare = intel_dcap_qvl.verify_with_root_ca

    def whole() -> None:
        verify_evidence(bundle, now=NOW, report_data=None, simulated_roots=[intel.root_fingerprint])

    with patch.object(intel_dcap_qvl, "verify_with_root_ca", lambda *given: calls.append(given) or bare(*given)):
        whole()
    best = best_of({"dcap_qvl": lambda: bare(*calls[0]), "whole": whole})
    figures = {f"tdx_{name}_microseconds": round(seconds * 1e6, 1) for name, seconds in best.items()}
    return figures | {"tdx_whole_over_dcap_qvl": round(best["whole"] / best["dcap_qvl"], 3)}


def start_of_the_command() -> dict[str, float]:
    """Milliseconds from start to end of `confide --version` and of a help page, against Python's own."""
    commands = {
        "python": [sys.executable, "-c", ""],
        "version": [sys.executable, "-m", "confide.cli.main", "--version"],
        "help": [sys.executable, "-m", "confide.cli.main", "evidence", "verify", "--help"],
    }
    best = dict.fromkeys(commands, float("inf"))
    for _ in range(ROUNDS):
        for name, command in commands.items():
            started = time.perf_counter()
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
            best[name] = min(best[name], time.perf_counter() - started)
    return {f"start_{name}_milliseconds": round(seconds * 1e3, 1) for name, seconds in best.items()}


if __name__ == "__main__":
    print(json.dumps(measure() | measure_tdx() | start_of_the_command(), indent=2))
