"""The report: one HTML file that needs no network and no script, for a person to read and keep.

Each part is a function that returns HTML, in a module of its own (report_*.py); `render` puts them in order.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from palabs.answer import Answer
from palabs.figures import evaluation
from palabs.populations import COLOURS
from palabs.report_basis import file_section, model_footer, reference_people, references_section, reliability_section
from palabs.report_genome import painting_section, shares_section
from palabs.report_html import Html, items, section, tag
from palabs.report_map import map_section
from palabs.report_proof import banner, proof_section
from palabs.report_tree import tree_section
from palabs.report_words import LIMITS, fit_in_words, headline
from palabs.versions import version_of

STYLE = Path(__file__).with_name("report.css")
TITLE = "Ancestry report"
UNBROKEN = "\u00a0%"  # a number and its per cent sign stay on one line


def render(answer: Answer, protection: Mapping[str, Any], receipt: Mapping[str, Any] | None) -> str:
    """The report as one HTML document.

    `protection` has `mode` and `statement`; `receipt` has `simulated` and may have `job`, `workload`, `measurement`,
    `policy`, `broker`, `released_at`, `checks` and `file`, the name of the receipt beside the report.
    """
    body = tag(
        "main",
        banner(protection, receipt),
        _header(answer),
        tree_section(answer),
        map_section(answer),
        shares_section(answer),
        painting_section(answer),
        reliability_section(answer, evaluation()),
        file_section(answer),
        references_section(answer, reference_people(answer.model.digest)),
        proof_section(receipt),
        section("What it is not", items(LIMITS)),
        model_footer(answer, version_of(answer.model.digest)),
    )
    body = Html(body.replace(" %", UNBROKEN))
    return f'<!doctype html>\n<html lang="en-GB">\n{_head()}\n<body>\n{body}\n</body>\n</html>\n'


def _head() -> Html:
    policy = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
    return tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", http_equiv="Content-Security-Policy", content=policy),
        tag("meta", name="referrer", content="no-referrer"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("title", TITLE),
        tag("style", Html(stylesheet())),
    )


def stylesheet() -> str:
    """The style sheet, with the colours of the continental groups and components before it."""
    light = "".join(f"--{code}:{colour.light};" for code, colour in COLOURS.items())
    dark = "".join(f"--{code}:{colour.dark};" for code, colour in COLOURS.items())
    used = "".join(f".{code}{{background:var(--{code});fill:var(--{code})}}\n" for code in COLOURS)
    return (
        f":root{{{light}}}\n@media screen and (prefers-color-scheme:dark){{:root{{{dark}}}}}\n{used}"
        f"{STYLE.read_text(encoding='utf-8')}"
    )


def _header(answer: Answer) -> Html:
    words = headline(answer)
    return tag(
        "header",
        tag("h1", TITLE),
        tag("p", words.lead, class_="lead"),
        tag("p", words.more),
        tag("p", fit_in_words(answer), class_="verdict"),
        class_=words.kind,
    )
