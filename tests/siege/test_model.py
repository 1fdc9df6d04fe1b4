"""The protocol's concurrency, modelled in Spin: every interleaving of the model, not a sample of them.

The model is tested like everything else: each planted fault must break the claim that it is about.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

MODEL = Path(__file__).parent / "model" / "release.pml"

WINNER, POLICY, REVOKED = "commits[n]==0", "revision==seen", " !(revoked)"
AUDIT, AUDIT_AT_THE_END = "rows[n]==1", "(rows[0]==commits[0])&&(rows[1]==commits[1])"
KEPT, LIMIT = " !(destroyed[wrapped])", "(commits[0]+commits[1])<=1"

pytestmark = pytest.mark.skipif(
    not (shutil.which("spin") and shutil.which("gcc")), reason="needs spin and gcc (Debian: apt install spin gcc)"
)


def search(folder: Path, *faults: str) -> tuple[int, str]:
    """(states, the assertion that does not hold or an empty text) of the model with these faults planted."""
    defines = [f"-D{fault}" for fault in faults]
    subprocess.run(["spin", *defines, "-a", str(MODEL)], cwd=folder, check=True, capture_output=True)
    subprocess.run(["gcc", "-w", "-O2", "-DSAFETY", "-o", "pan", "pan.c"], cwd=folder, check=True)
    told = subprocess.run(["./pan", "-m10000"], cwd=folder, check=True, capture_output=True, text=True).stdout
    assert "max search depth too small" not in told
    broken = re.search(r"assertion violated \((.*)\) \(at depth|assertion violated (.*) \(at depth", told)
    errors = int(re.search(r"errors: (\d+)", told)[1])
    assert errors == (1 if broken else 0), told
    return int(re.search(r"(\d+) states, stored", told)[1]), (broken[1] or broken[2] or "") if broken else ""


@pytest.mark.parametrize("limit", [1, 2])
def test_no_interleaving_of_requests_commands_and_a_crash_breaks_a_claim(tmp_path: Path, limit: int) -> None:
    states, broken = search(tmp_path, f"LIMIT={limit}")
    assert not broken
    assert states > 500_000


@pytest.mark.parametrize(
    ("fault", "claim"),
    [
        ("CHECK_THEN_ACT", WINNER),
        ("NO_RECHECK", POLICY),
        ("NO_REVOCATION", REVOKED),
        ("AUDIT_APART", AUDIT_AT_THE_END),
        ("DELIVER_FIRST", AUDIT),
        ("STALE_KEY", KEPT),
        ("DESTROY_EARLY", KEPT),
        ("LIMIT_BEFORE", LIMIT),
    ],
)
def test_spin_finds_the_planted_fault(tmp_path: Path, fault: str, claim: str) -> None:
    limit = "LIMIT=1" if fault == "LIMIT_BEFORE" else "LIMIT=2"
    assert claim.strip() in search(tmp_path, fault, limit)[1]
