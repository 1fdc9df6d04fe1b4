"""The report: one HTML file that needs no network and no script, for a person to read and keep.

Every value is escaped. The parts are functions that return HTML; `render` puts them in order.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from html import escape
from pathlib import Path
from typing import Any

from palabs.answer import Answer
from palabs.figures import Figures, nearest
from palabs.populations import CONTINENTS, POPULATIONS
from palabs.world import world_picture

STYLE = Path(__file__).with_name("report.css")
SURE, LIKELY, EVEN = 0.9, 0.6, 0.5
SHOWN_AT_LEAST, SHOWN_AT_MOST = 0.01, 8

REASONS = {
    "missing": "not in the file",
    "no_call": "in the file, but without a result",
    "low_quality": "marked as low quality by the laboratory",
    "not_single_nucleotide": "shown as an insertion, deletion or single letter",
    "allele_mismatch": "with letters that this SNP does not have",
    "conflicting_duplicate": "twice in the file, with different results",
}
LIMITS = (
    (
        "It compares with 26 reference populations and no others. If your family comes from elsewhere, it shows the "
        "nearest of the 26, which may be far away."
    ),
    (
        "A percentage says how likely each reference population is as the closest match. It is not the share of your "
        "DNA from there: people of mixed ancestry are placed with the population that is mixed most alike."
    ),
    "It is not a medical result, and it does not prove who you are, your nationality or your family.",
    (
        "Your parents, children and siblings share much of your DNA. What this report says concerns them too: "
        "think of them before you share it."
    ),
)


def percent(probability: float) -> str:
    """A probability for a person to read, which is never rounded to certainty."""
    if probability > 0.999:  # noqa: PLR2004 - one digit after the point
        return "> 99.9 %"
    if probability < 0.001:  # noqa: PLR2004 - same
        return "< 0.1 %"
    return f"{100 * probability:.1f} %"


def render(answer: Answer, protection: Mapping[str, Any], receipt: Mapping[str, Any] | None) -> str:
    """The report as one HTML document.

    `protection` has `mode` and `statement`; `receipt` has `simulated` and may have `job`, `workload`,
    `measurement`, `policy`, `released_at`, `checks` and `file`, the name of the receipt beside the report.
    """
    parts: tuple[Callable[[], str], ...] = (
        lambda: _banner(protection, receipt),
        lambda: _headline(answer),
        lambda: _continents(answer),
        lambda: _populations(answer),
        lambda: _world(answer),
        lambda: _quality(answer),
        lambda: _proof(receipt),
        _limits,
        lambda: _footer(answer),
    )
    body = "\n".join(part() for part in parts)
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
        '<meta name="referrer" content="no-referrer">\n<title>Ancestry report</title>\n'
        f"<style>\n{STYLE.read_text(encoding='utf-8')}</style>\n</head>\n"
        f"<body>\n<main>\n{body}\n</main>\n</body>\n</html>\n"
    )


def _banner(protection: Mapping[str, Any], receipt: Mapping[str, Any] | None) -> str:
    if receipt is None:
        title, kind = "Not protected", ""
    elif receipt.get("simulated", True):
        title, kind = "SIMULATED protection: a rehearsal", ""
    else:
        title, kind = "Computed in an attested enclave", " good"
    return (
        f'<div class="banner{kind}" role="note"><p><strong>{title}</strong></p>'
        f"<p>{escape(str(protection['statement']))}</p></div>"
    )


def _ranked(table: Mapping[str, float]) -> list[tuple[str, float]]:
    return sorted(table.items(), key=lambda item: (-item[1], item[0]))


def _headline(answer: Answer) -> str:
    continent, sure = _ranked(answer.superpopulations)[0]
    inside = [(code, p) for code, p in _ranked(answer.populations) if POPULATIONS[code].continent == continent]
    code, chance = inside[0]
    name = CONTINENTS[continent]
    if sure >= SURE:
        lead = f"Your DNA is most like that of the {name} reference people."
    elif sure >= LIKELY:
        lead = f"Your DNA is probably most like that of the {name} reference people."
    else:
        lead = "The evidence does not settle on one continental group."
    return (
        f'<header><h1>Ancestry report</h1><p class="lead">{escape(lead)}</p>'
        f'<p class="soft">{escape(_closest(POPULATIONS[code].name, chance))}</p></header>'
    )


def _closest(name: str, chance: float) -> str:
    if chance >= SURE:
        return f"The closest reference population is clear: {name} ({percent(chance)})."
    if chance >= EVEN:
        return f"The closest reference population is most likely {name} ({percent(chance)})."
    return f"Several reference populations are about equally close; the first is {name} ({percent(chance)})."


def _bar_row(name: str, probability: float, continent: str) -> str:
    return (
        f'<tr><th scope="row">{escape(name)}</th><td class="bar"><div class="track" aria-hidden="true">'
        f'<div class="fill {continent}" style="width:{100 * probability:.1f}%"></div></div></td>'
        f'<td class="number">{percent(probability)}</td></tr>'
    )


def _continents(answer: Answer) -> str:
    rows = "".join(_bar_row(CONTINENTS[code], p, code) for code, p in _ranked(answer.superpopulations))
    return (
        '<section><h2>Continental groups</h2><table class="bars">'
        f"<caption>How likely each group is as the closest match</caption><tbody>{rows}</tbody></table></section>"
    )


def _populations(answer: Answer) -> str:
    ranked = _ranked(answer.populations)
    likely = [item for item in ranked if item[1] >= SHOWN_AT_LEAST][:SHOWN_AT_MOST] or ranked[:1]
    rest = ranked[len(likely) :]
    together = percent(sum(p for _, p in rest))
    return (
        f'<section><h2>Closest reference populations</h2><table class="bars"><tbody>{_rows(likely)}</tbody>'
        f"</table><details><summary>The other {len(rest)}, together {together}</summary>"
        f'<table class="bars"><tbody>{_rows(rest)}</tbody></table></details></section>'
    )


def _rows(ranked: list[tuple[str, float]]) -> str:
    return "".join(_bar_row(POPULATIONS[code].name, p, POPULATIONS[code].continent) for code, p in ranked)


def _world(answer: Answer) -> str:
    return (
        f"<section><h2>On the map</h2>{world_picture(answer.populations)}"
        '<p class="soft">Each ring is a reference population; a filled disc is as large as its probability. Rings '
        "stand where people were sampled or, for four populations sampled abroad, where their families came from. The "
        "land is only sketched.</p></section>"
    )


def _quality(answer: Answer) -> str:
    snps = answer.snps
    lost = [(text, snps[key]) for key, text in REASONS.items() if snps.get(key)]
    items = "".join(f"<li>{number:,} {escape(text)}</li>" for text, number in lost)
    turned = f" {snps['strand_flipped']:,} of them were read from the other strand." if snps["strand_flipped"] else ""
    why = f"<p>Not used:</p><ul>{items}</ul>" if items else ""
    partial = (
        "<p>The file lists only places where you differ from the reference genome; the calculation allows for it.</p>"
        if answer.file.variants_only
        else ""
    )
    return (
        f"<section><h2>What it rests on</h2><p>Your file ({escape(answer.file.format)}, {escape(answer.file.build)}) "
        f"has {snps['in_file']:,} rows. The model looks at {snps['panel']:,} places in the genome (SNPs); "
        f"<strong>{snps['used']:,} could be used</strong>.{turned}</p>{why}{partial}"
        f"{_reliability(nearest(snps['used']))}</section>"
    )


def _reliability(figures: tuple[int, Figures, Figures]) -> str:
    snps, populations, continents = figures
    return (
        "<h3>How often is it right?</h3>"
        f"<p>In a test with {populations.people:,} people whom the model had not seen, using about {snps:,} SNPs each: "
        f"of 100 people, the closest population was right for {100 * populations.accuracy:.0f} and among the first "
        f"three for {100 * populations.top3:.0f}; the continental group was right for "
        f"{100 * continents.accuracy:.1f}. Your own file may do better or worse.</p>"
    )


def _proof(receipt: Mapping[str, Any] | None) -> str:
    if receipt is None:
        return (
            "<section><h2>Proof</h2><p>There is no receipt: nothing shows which program computed this, or who looked "
            "on. <code>--protect tee</code> makes one.</p></section>"
        )
    named = ("job", "workload", "measurement", "policy", "released_at")
    rows = "".join(
        f'<tr><th scope="row">{escape(key.replace("_", " "))}</th>'
        f'<td class="digest">{escape(str(receipt[key]))}</td></tr>'
        for key in named
        if receipt.get(key)
    )
    checks = receipt.get("checks") or ()
    passed = f"<p>{len(checks)} checks were made on the receipt before this report was opened.</p>" if checks else ""
    proven = _proven(simulated=receipt.get("simulated", True))
    return (
        f"<section><h2>Proof</h2>{proven}<table><tbody>{rows}</tbody></table>"
        f"{passed}<h3>Check it yourself</h3><p>The receipt needs no network and stays good for years:</p>"
        f"<pre>confide receipt verify {escape(str(receipt.get('file', 'receipt.json')))}</pre>"
        "<p>The workload is a file that anyone can build again and compare:</p>"
        "<pre>confide workload build src/palabs/workload -o ancestry.bundle\nsha256sum ancestry.bundle</pre></section>"
    )


def _proven(*, simulated: bool) -> str:
    if simulated:
        return (
            "<p><strong>This receipt is SIMULATED and proves nothing about hardware:</strong> anyone can make such a "
            "machine, and the administrator of this one could have looked. It shows only that every step of the real "
            "way was taken. On a machine with a real enclave, the same receipt proves the following.</p>"
            f"{_proven(simulated=False)}"
        )
    return (
        "<ul><li>The program below, and no other, was given the key to your data, by a machine whose maker vouches "
        "that its administrator cannot look inside.</li><li>The answer was encrypted to you inside that machine.</li>"
        "</ul><p>It does not prove that the answer is right, that the machine's maker is honest, or that nobody else "
        "has a copy of your file from before it was sealed.</p>"
    )


def _limits() -> str:
    return (
        f"<section><h2>What it is not</h2><ul>{''.join(f'<li>{escape(text)}</li>' for text in LIMITS)}</ul></section>"
    )


def _footer(answer: Answer) -> str:
    return (
        '<footer class="soft"><p>Reference: 1000 Genomes Project. Model '
        f'<span class="digest">{escape(answer.model.digest)}</span>.</p></footer>'
    )
