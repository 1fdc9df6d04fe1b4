"""The examples on the pages of AWS Nitro and Arm CCA run as they are written."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from confide.policy.kinds import kind_of

PLATFORMS = Path(__file__).parents[2] / "docs" / "platforms"
PRINTED = {"aws-nitro": "only the time is wrong", "arm-cca": "11" * 48}


@pytest.mark.parametrize("name", PRINTED)
def test_the_example_runs_as_written(name: str, capsys: pytest.CaptureFixture[str]):
    (example,) = re.findall(r"^```python\n(.*?)^```$", (PLATFORMS / f"{name}.md").read_text(), re.MULTILINE | re.DOTALL)
    exec(compile(example, f"{name}.md", "exec"), {})
    assert PRINTED[name] in capsys.readouterr().out


@pytest.mark.parametrize("name", [*PRINTED, "aws-nitro-tpm"])
def test_the_page_names_every_rule(name: str):
    text = (PLATFORMS / f"{name.removesuffix('-tpm')}.md").read_text()
    assert [rule.name for rule in kind_of(name).rules if f"`{rule.name}`" not in text] == []
