"""The report in a real browser, without a network: it fits a phone and a desktop, and loads nothing."""

from __future__ import annotations

import html
import json
import re
from pathlib import Path

import pytest

# A window is never narrower than 500 pixels, so that the page of a phone is measured in a frame.
MEASURE = """document.title = "measured " + document.documentElement.scrollWidth + " of " + innerWidth
+ ", loaded " + performance.getEntriesByType("resource").length"""
FRAME = """const frame = document.createElement("iframe");
const whole = document.documentElement.outerHTML.replace(/<script>[^]*<.script>/, "");
document.body.replaceChildren(frame);
frame.style.cssText = "border:0;width:%dpx";
frame.onload = () => {
  const inner = frame.contentDocument.documentElement;
  document.title = "measured " + inner.scrollWidth + " of " + frame.contentWindow.innerWidth + ", loaded 0";
};
frame.srcdoc = whole;"""
AXE = """;axe.run(document, {resultTypes: ["violations", "incomplete"]}).then(found => {
  const rows = found.violations.map(v => [v.id, v.impact, v.nodes.map(n => n.target.join(" ")).slice(0, 5)]);
  const facts = {rows, passes: found.passes.length, dark: matchMedia("(prefers-color-scheme: dark)").matches};
  document.body.innerHTML = "<pre id=found></pre>";
  document.getElementById("found").textContent = JSON.stringify(facts);
});"""


ROWS = """const rows = [...document.querySelectorAll(".row")];
document.title = "rows " + rows.length + ", too wide " + rows.filter(row => row.scrollWidth > row.clientWidth).length"""


def measured(document):
    found = re.search(r"measured (\d+) of (\d+), loaded (\d+)", document)
    assert found is not None
    return tuple(map(int, found.groups()))


def test_the_report_fits_a_desktop_and_loads_nothing(report, browse):
    needed, given, loaded = measured(browse(report("puerto-rican-phased"), MEASURE))
    assert needed <= given
    assert loaded == 0


@pytest.mark.parametrize("name", ["puerto-rican-phased", "outside", "few-snps"])
def test_the_report_fits_a_phone(name, report, browse):
    needed, given, _ = measured(browse(report(name), FRAME % 360))
    assert given == 360
    assert needed <= given


@pytest.mark.parametrize("width", [500, 700, 1280])
def test_no_number_stands_out_of_its_row(width, report, browse):
    document = browse(report("outside"), ROWS, width=width)
    found = re.search(r"rows (\d+), too wide (\d+)", document)
    assert found is not None
    assert int(found[1]) > 10
    assert int(found[2]) == 0


def examine(document):
    found = re.search(r'<pre id="found">(.*?)</pre>', document, re.DOTALL)
    assert found is not None, "axe did not finish"
    return json.loads(html.unescape(found[1]))


@pytest.fixture(scope="module")
def axe():
    package = pytest.importorskip("axe_core_python", reason="needs axe-core, of the development requirements")
    return (Path(package.__file__).parent / "axe.min.js").read_text()


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("name", ["colombian", "outside", "puerto-rican-phased"])
def test_axe_finds_nothing_serious(name, dark, report, browse, axe):
    found = examine(browse(report(name), axe + AXE, dark=dark))
    assert found["dark"] is dark
    assert found["passes"] > 20
    assert [row for row in found["rows"] if row[1] in {"serious", "critical"}] == []


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_axe_finds_nothing_serious_where_nothing_was_protected(dark, report, browse, axe):
    found = examine(browse(report("few-snps", protected=False), axe + AXE, dark=dark))
    assert [row for row in found["rows"] if row[1] in {"serious", "critical"}] == []


def test_axe_would_find_pale_text(report, browse, axe):
    pale = report("finnish").replace("--soft: #55606a", "--soft: #aab4bc")
    assert "color-contrast" in [row[0] for row in examine(browse(pale, axe + AXE))["rows"]]
