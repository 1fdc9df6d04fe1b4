"""The report in a real browser, without a network: it fits a phone and a desktop, and loads nothing."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from palabs.answer import analyse_in_place
from palabs.report import render

EXAMPLE = Path(__file__).parents[2] / "examples" / "luhya.vcf"
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
]
ASK = """<script>document.title = "measured " + document.documentElement.scrollWidth + " of " + innerWidth
+ ", loaded " + performance.getEntriesByType("resource").length</script></body>"""


@pytest.mark.skipif(not shutil.which("chromium"), reason="needs chromium")
@pytest.mark.parametrize("width", [500, 1280])
def test_the_report_fits_the_window_and_loads_nothing(tmp_path, width):
    analysis = analyse_in_place(EXAMPLE.read_bytes())
    report = render(analysis.answer, analysis.protection, analysis.receipt)
    page = tmp_path / "report.html"
    page.write_text(re.sub(r"<meta[^>]*Content-Security-Policy[^>]*>", "", report).replace("</body>", ASK))
    command = [
        "chromium",
        *FLAGS,
        f"--user-data-dir={tmp_path / 'profile'}",
        f"--window-size={width},900",
        "--dump-dom",
    ]
    done = subprocess.run([*command, page.as_uri()], capture_output=True, text=True, check=True, timeout=120)
    measured = re.search(r"measured (\d+) of (\d+), loaded (\d+)", done.stdout)
    assert measured is not None
    needed, given, loaded = map(int, measured.groups())
    assert needed <= given
    assert loaded == 0
