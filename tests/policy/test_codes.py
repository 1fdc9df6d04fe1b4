from __future__ import annotations

import ast
import re
from pathlib import Path

from confide.policy.appraisal import REQUIRED as APPRAISED
from confide.policy.codes import CODES
from confide.policy.rules import FLOOR_CODES, RULES
from confide.verify.snp import REQUIRED as VERIFIED

SOURCE = Path(__file__).parents[2] / "src" / "confide"
CODE = re.compile(r"(snp|policy|evidence|endorsement|simulated)(\.[a-z_]+)+")
MINE = ["evidence", "verify", "policy", "launch/simulated/vendor.py"]


def strings_in(path: Path) -> set[str]:
    tree = ast.parse(path.read_text())
    return {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)}


def test_every_code_that_is_used_is_in_the_table_and_every_code_in_the_table_is_used():
    files = [
        file
        for place in MINE
        for file in ([SOURCE / place] if place.endswith(".py") else (SOURCE / place).rglob("*.py"))
    ]
    literal = {
        text
        for file in files
        if file.name != "codes.py"
        for text in strings_in(file)
        if CODE.fullmatch(text) and text != "snp.tcb"
    }
    used = literal | VERIFIED | APPRAISED | set(FLOOR_CODES) | {rule.code for rule in RULES}
    assert used == {code for code in CODES if not code.startswith("cli.")}
