"""The examples on the pages of Intel TDX and SGX run as they are written."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from confide.policy.kinds import kind_of

PLATFORMS = Path(__file__).parents[2] / "docs" / "platforms"
PRINTED = {"tdx": "OutOfDate, INTEL-SA-00837", "sgx": "SWHardeningNeeded, INTEL-SA-00615"}


@pytest.mark.parametrize("tee", PRINTED)
def test_the_example_runs_as_written(tee: str, capsys: pytest.CaptureFixture[str]):
    page = PLATFORMS / f"intel-{tee}.md"
    (example,) = re.findall(r"^```python\n(.*?)^```$", page.read_text(), re.MULTILINE | re.DOTALL)
    exec(compile(example, page.name, "exec"), {})
    assert PRINTED[tee] in capsys.readouterr().out


@pytest.mark.parametrize("tee", PRINTED)
def test_the_page_names_every_rule(tee: str):
    text = (PLATFORMS / f"intel-{tee}.md").read_text()
    assert [rule.name for rule in kind_of(tee).rules if f"`{rule.name}`" not in text] == []
