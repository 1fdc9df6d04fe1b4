"""Whatever an answer says, as long as it holds together: a report and a page come of it, whole and within bounds."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from palabs.answer import NONE_STATEMENT, read_answer
from palabs.answer_checks import WORLD
from palabs.pdf import Sheet, render_pdf
from palabs.populations import COMPONENTS, CONTINENTS, POPULATIONS, REGIONS
from palabs.report import render
from palabs.report_words import headline, is_doubted

TEMPLATE = json.loads((Path(__file__).parent / "answers" / "puerto-rican-phased.json").read_text())
NONE = {"mode": "none", "statement": NONE_STATEMENT}
LEVELS = {"continent": CONTINENTS, "region": REGIONS, "population": POPULATIONS}


def levels(rng, concentration):
    """Random probabilities that sum to one and agree at all levels."""
    draws = rng.gamma(concentration, size=len(POPULATIONS)) + 1e-12
    populations = dict(zip(POPULATIONS, (draws / draws.sum()).tolist(), strict=True))
    regions = {code: sum(p for k, p in populations.items() if POPULATIONS[k].region == code) for code in REGIONS}
    continents = {code: sum(p for k, p in regions.items() if REGIONS[k].continent == code) for code in CONTINENTS}
    return {"superpopulations": continents, "regions": regions, "populations": populations}


def around(rng, value):
    return [max(0.0, value - rng.random()), min(1.0, value + rng.random())]


def some(rng, codes):
    return rng.permutation(codes)[: rng.integers(1, len(codes) + 1)].tolist()


def make(seed, concentration, level, verdict, extras):
    rng = np.random.default_rng(seed)
    tables = levels(rng, concentration)
    every = {code: value for table in tables.values() for code, value in table.items()} | {WORLD: 1.0}
    code = WORLD if level == "world" else str(rng.choice(list(LEVELS[level])))
    shares = rng.dirichlet(np.full(len(COMPONENTS), concentration)).tolist()
    rows = [
        {"code": c, "share": share, **dict(zip(("low", "high"), around(rng, share), strict=True))}
        for c, share in zip(COMPONENTS, shares, strict=True)
    ]
    return TEMPLATE | tables | {
        "intervals": {c: around(rng, value) for c, value in every.items() if c != WORLD},
        "conclusion": {"level": level, "code": code, "probability": every[code]},
        "prediction_sets": {"coverage": 0.9}
        | {name: some(rng, list(codes)) for name, codes in LEVELS.items()},
        "reference": {"verdict": verdict, "p_value": float(rng.random() ** 8), "statistic": float(rng.normal())},
        "admixture": TEMPLATE["admixture"] | {"components": rows} if extras else None,
        "painting": TEMPLATE["painting"] if extras else None,
        "evidence": {"information": float(10 ** rng.uniform(-3, 5)), "blocks": int(rng.integers(600))},
    }  # fmt: skip


@pytest.fixture
def lowest(monkeypatch):
    """The lowest and rightmost place to which a page was written."""
    reached = []
    write = Sheet.text

    def text(self, words, x, y, width, **how):
        end = write(self, words, x, y, width, **how)
        reached.append(end)
        return end

    monkeypatch.setattr(Sheet, "text", text)
    return reached


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    concentration=st.sampled_from([0.01, 0.1, 1.0, 100.0]),
    level=st.sampled_from(["world", *LEVELS]),
    verdict=st.sampled_from(["inside", "outside", "uncertain"]),
    extras=st.booleans(),
)
def test_every_answer_that_holds_together_makes_a_report_and_a_page(seed, concentration, level, verdict, extras):
    answer = read_answer(json.dumps(make(seed, concentration, level, verdict, extras)).encode())
    html = render(answer, NONE, None)
    assert len(html) < 400_000
    assert re.search(r"\b(nan|inf|None)\b", html) is None
    if is_doubted(answer):
        said = " ".join(headline(answer)[1:])
        assert not [name for name in (p.name for p in POPULATIONS.values()) if name in said]
    assert render_pdf(answer, NONE, None).count(b"/Type /Page\n") == 1


@pytest.mark.parametrize("seed", range(12))
def test_no_page_is_written_over_its_lower_edge(seed, lowest):
    answer = read_answer(
        json.dumps(make(seed, (0.01, 1.0, 100.0)[seed % 3], "world", "uncertain", extras=True)).encode()
    )
    render_pdf(answer, NONE, {"simulated": True, "job": "sha256:" + "ab" * 32, "workload": "x", "released_at": "now"})
    assert min(lowest) > 18
