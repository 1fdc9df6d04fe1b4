"""The example on the page of TPM 2.0 runs as it is written, and the page names every rule."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from confide.policy.tpm_rules import KIND

PAGE = (Path(__file__).parents[2] / "docs" / "platforms" / "tpm.md").read_text()


def test_the_example_runs_as_written(capsys: pytest.CaptureFixture[str]):
    (example,) = re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    exec(compile(example, "tpm.md", "exec"), {})
    printed = capsys.readouterr().out
    assert "/vmlinuz root=/dev/vda1" in printed
    assert "PCR 7 (sha256)" in printed


def test_the_page_names_every_rule():
    assert [rule.name for rule in KIND.rules if f"`{rule.name}`" not in PAGE] == []
