"""The examples on the pages of NVIDIA devices and attestation services run as they are written."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from confide.policy.kinds import kind_of
from confide.verify.jwt_services import SERVICES

PLATFORMS = Path(__file__).parents[2] / "docs" / "platforms"
PAGES = {"nvidia-gpu": ("nvidia", "measurement 9 is "), "attestation-services": ("jwt", "debug mode on")}


@pytest.mark.parametrize("page", PAGES)
def test_the_example_runs_as_written(page: str, capsys: pytest.CaptureFixture[str]):
    (example,) = re.findall(r"^```python\n(.*?)^```$", (PLATFORMS / f"{page}.md").read_text(), re.MULTILINE | re.DOTALL)
    exec(compile(example, f"{page}.md", "exec"), {})
    assert PAGES[page][1] in capsys.readouterr().out


@pytest.mark.parametrize("page", PAGES)
def test_the_page_names_every_rule(page: str):
    text = (PLATFORMS / f"{page}.md").read_text()
    assert [rule.name for rule in kind_of(PAGES[page][0]).rules if f"`{rule.name}`" not in text] == []


def test_the_page_names_every_service():
    text = (PLATFORMS / "attestation-services.md").read_text()
    assert [one.product for one in SERVICES if f"`{one.product}`" not in text] == []
