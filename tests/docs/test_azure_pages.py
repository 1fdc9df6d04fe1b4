"""The examples on the pages of SEV-SNP and Azure run as they are written, and the pages name every rule."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from confide.policy.kinds import kind_of

PLATFORMS = Path(__file__).parents[2] / "docs" / "platforms"
PRINTED = {
    "amd-sev-snp": "an ID block with another launch digest",
    "azure-confidential-vm": "an HCL report alone may be of any time",
    "azure-confidential-containers": "ContainerPlat-AMD-UVM 104",
}
FORMATS = {
    "sev-snp": "amd-sev-snp",
    "azure-snp-vtpm": "azure-confidential-vm",
    "azure-tdx-vtpm": "azure-confidential-vm",
    "azure-containers": "azure-confidential-containers",
}


@pytest.mark.parametrize("name", PRINTED)
def test_the_example_runs_as_written(name: str, capsys: pytest.CaptureFixture[str]):
    (example,) = re.findall(r"^```python\n(.*?)^```$", (PLATFORMS / f"{name}.md").read_text(), re.MULTILINE | re.DOTALL)
    exec(compile(example, f"{name}.md", "exec"), {})
    assert PRINTED[name] in capsys.readouterr().out


@pytest.mark.parametrize(("format_name", "page"), FORMATS.items())
def test_the_page_names_every_rule(format_name: str, page: str):
    text = (PLATFORMS / f"{page}.md").read_text()
    assert [rule.name for rule in kind_of(format_name).rules if f"`{rule.name}`" not in text] == []
