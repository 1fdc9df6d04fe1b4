from __future__ import annotations

import ast
import re
from pathlib import Path

from confide.policy.appraisal import REQUIRED as APPRAISED
from confide.policy.codes import CODES
from confide.policy.kinds import KINDS, kind_of
from confide.verify import FORMATS, verifier_of

SOURCE = Path(__file__).parents[2] / "src" / "confide"
PREFIXES = {code.partition(".")[0] for code in CODES}
CODE = re.compile(rf"({'|'.join(PREFIXES)})(\.[a-z0-9_]+)+")
NO_CODES = {"snp.tcb"}  # the beginnings of several
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
        if not file.name.startswith("codes")
        for text in strings_in(file)
        if CODE.fullmatch(text) and text not in NO_CODES
    }
    used = literal | APPRAISED
    used = used.union(*(verifier_of(name).REQUIRED for name in FORMATS), *(kind_of(name).codes for name in KINDS))
    assert used == {code for code in CODES if not code.startswith("cli.")}
