"""Headless Chromium, without a network: what it makes of a page."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from palabs.answer import NONE_STATEMENT, read_answer
from palabs.report import render
from palabs.service import STATEMENT

ANSWERS = Path(__file__).parents[1] / "palabs" / "answers"
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--hide-scrollbars",
    "--disable-background-networking",
    "--virtual-time-budget=20000",
    "--allow-file-access-from-files",
]
DARK = "--blink-settings=preferredColorScheme=0"
RECEIPT = {
    "simulated": True,
    "job": "sha256:" + "ab" * 32,
    "workload": "sha256:" + "cd" * 32,
    "measurement": "ef" * 48,
    "policy": "ancestry, revision 1",
    "released_at": "2026-06-01T12:00:00Z",
    "checks": [{"code": "a", "outcome": "passed"}] * 9,
}


@pytest.fixture
def report():
    """The report of a made-up answer, by its name; a rehearsal in a tee, or unprotected."""

    def make(name, *, protected=True):
        answer = read_answer((ANSWERS / f"{name}.json").read_bytes())
        if protected:
            return render(answer, {"mode": "tee", "statement": STATEMENT}, RECEIPT)
        return render(answer, {"mode": "none", "statement": NONE_STATEMENT}, None)

    return make


@pytest.fixture
def browse(tmp_path):
    """The document that Chromium makes of a page to which a script was added at the end."""
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        pytest.skip("needs Chromium")

    def run(html, script, *, width=1280, dark=False):
        free = re.sub(r"<meta [^>]*Content-Security-Policy[^>]*>", "", html)  # it forbids every script, also this one
        assert free != html
        page = tmp_path / "page.html"
        page.write_text(free.replace("</body>", f"<script>{script}</script></body>"))
        command = [chromium, *FLAGS, *([DARK] if dark else []), f"--user-data-dir={tmp_path / 'profile'}"]
        done = subprocess.run(
            [*command, f"--window-size={width},900", "--dump-dom", page.as_uri()],
            capture_output=True,
            text=True,
            check=True,
            timeout=120,
        )
        return done.stdout

    return run
