"""The report on one A4 page, as PDF: what matters most, to print and keep. Needs the extra `report` (reportlab).

The words are those of the page in HTML (report_words.py). The same answer gives the same bytes. Text is text: it can
be selected, searched and read aloud; the standard fonts have the letters of Windows code page 1252, and any other
letter, which only a file's own words can bring, becomes a question mark.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from io import BytesIO
from typing import Any, NamedTuple

from reportlab.lib.pagesizes import A4  # type: ignore[import-untyped] # reportlab has no types
from reportlab.lib.utils import simpleSplit  # type: ignore[import-untyped] # the same
from reportlab.pdfgen.canvas import Canvas  # type: ignore[import-untyped] # the same

from palabs.answer import Answer
from palabs.figures import evaluation
from palabs.populations import COLOURS, COMPONENTS, POPULATIONS, continent_of, name_of
from palabs.report_basis import reasons
from palabs.report_map import HALF, MOST, area_colour, labels, named_on_map
from palabs.report_proof import banner_words, is_simulated
from palabs.report_tree import is_settled, split
from palabs.report_words import (
    LIMITS,
    SUPPOSED,
    TOO_FEW,
    below,
    fit_in_words,
    headline,
    interval,
    is_doubted,
    percent,
    reliability,
    sets_in_words,
    shares_are_told,
    shares_in_order,
    tree_title,
    where_it_ends,
)
from palabs.world import CREDIT, HEIGHT, WIDTH, Point, land, likely_area, place_of

PAGE_WIDTH, PAGE_HEIGHT = A4
LEFT, RIGHT, TOP = 42.0, PAGE_WIDTH - 42.0, PAGE_HEIGHT - 32.0
MIDDLE, GUTTER, NARROW = LEFT + 292.0, 22.0, 222.0
INK, SOFT, LINE, LAND = "#1d2327", "#55606a", "#d5dade", "#e3e7e0"
MIXED = "#44546a"
BANNERS = {True: ("#fff3d6", "#6b4100"), False: ("#e5f5ea", "#14532d")}
LEADS = {"outside": "#8a1c12", "uncertain": "#6b4100"}
ROWS = 15  # of the tree
THRESHOLDS = (0.01, 0.02, 0.03, 0.05, 0.1, 0.2)
LEADING = 1.32
MOST_REASONS = 7  # as many as the reader has

TITLE = "Ancestry report"


class Bar(NamedTuple):
    """A row with a bar: its name and indentation, the code of its colour, its value (None where the interval alone is
    known) and interval, and its weight.
    """

    name: str
    depth: int
    code: str
    value: float | None
    bounds: tuple[float, float]
    bold: bool = False


def render_pdf(answer: Answer, protection: Mapping[str, Any], receipt: Mapping[str, Any] | None) -> bytes:
    """The page; `protection` and `receipt` as for the HTML report."""
    buffer = BytesIO()
    canvas = Canvas(buffer, pagesize=A4, invariant=1, lang="en-GB")
    canvas.setTitle(TITLE)
    canvas.setAuthor("palabs")
    canvas.setSubject(headline(answer).lead)
    canvas.setViewerPreference("DisplayDocTitle", "true")
    sheet = Sheet(canvas)
    top = _opening(sheet, answer, protection, receipt)
    low = min(_tree(sheet, answer, top), _right_column(sheet, answer, top))
    low = _certainty(sheet, answer, low - 10)
    _ending(sheet, answer, receipt, low - 10)
    canvas.showPage()
    canvas.save()
    return buffer.getvalue()


class Sheet:
    """A page on which things are placed from the top down: each drawing returns the height at which it ended."""

    def __init__(self, canvas: Canvas) -> None:
        self.canvas = canvas

    def text(
        self, text: str, x: float, y: float, width: float, *, size: float = 9, bold: bool = False, colour: str = INK
    ) -> float:
        """A paragraph, broken into lines of `width`, whose first line's top is at `y`."""
        font = "Helvetica-Bold" if bold else "Helvetica"
        self.canvas.setFont(font, size)
        self.canvas.setFillColor(colour)
        for line in simpleSplit(printable(text), font, size, width):
            self.canvas.drawString(x, y - size, line)
            y -= size * LEADING
        return y

    def heading(self, text: str, x: float, y: float, width: float) -> float:
        """The heading of a part."""
        return self.text(text, x, y, width, size=11, bold=True) - 4

    def box(self, x: float, y: float, width: float, height: float, colour: str, *, radius: float = 0) -> None:
        """A filled box whose top left corner is at (x, y)."""
        self.canvas.setFillColor(colour)
        self.canvas.roundRect(x, y - height, width, height, radius, stroke=0, fill=1)

    def bar(self, row: Bar, x: float, y: float, width: float, name_width: float) -> float:
        """A row: the name, the bar with its interval, the number."""
        indent = 8.0 * row.depth
        end = self.text(row.name, x + indent, y, name_width - indent, size=8, bold=row.bold)
        start, length = x + name_width + 4, width - name_width - 81
        self.box(start, y - 2.2, length, 5, LINE)
        self.box(start, y - 2.2, max(0.5, length * (row.value or 0)), 5, COLOURS[row.code].light)
        self._interval(start, y - 4.7, length, row.bounds)
        self._number(row, x + width, y)
        return end - 3.5

    def _interval(self, x: float, y: float, length: float, bounds: tuple[float, float]) -> None:
        low, high = (x + length * bound for bound in bounds)
        self.canvas.setStrokeColor(INK)
        self.canvas.setLineWidth(0.6)
        self.canvas.lines([(low, y, high, y), (low, y - 3, low, y + 3), (high, y - 3, high, y + 3)])

    def _number(self, row: Bar, right: float, y: float) -> None:
        self.canvas.setFont("Helvetica", 6.3)
        self.canvas.setFillColor(SOFT)
        self.canvas.drawRightString(right, y - 8, interval(row.bounds))
        if row.value is None:
            return
        self.canvas.setFont("Helvetica-Bold" if row.bold else "Helvetica", 8)
        self.canvas.setFillColor(INK)
        self.canvas.drawRightString(right - 46, y - 8, percent(row.value))

    def shape(self, rings: Sequence[Sequence[Point]], colour: str, alpha: float = 1) -> None:
        """Filled rings in the coordinates in force; one within another is a hole."""
        path = self.canvas.beginPath()
        for ring in rings:
            path.moveTo(*ring[0])
            for point in ring[1:]:
                path.lineTo(*point)
            path.close()
        self.canvas.setFillColor(colour, alpha)
        self.canvas.drawPath(path, stroke=0, fill=1, fillMode=0)


def printable(text: str) -> str:
    """The text with a question mark for each letter that the standard fonts lack."""
    return text.encode("cp1252", "replace").decode("cp1252")


def _opening(sheet: Sheet, answer: Answer, protection: Mapping[str, Any], receipt: Mapping[str, Any] | None) -> float:
    """The banner and the headline."""
    title, statement, good = banner_words(protection, receipt)
    background, colour = BANNERS[not good]
    lines = simpleSplit(printable(statement), "Helvetica", 7.5, RIGHT - LEFT - 20)
    height = 20 + 7.5 * LEADING * len(lines)
    sheet.box(LEFT, TOP, RIGHT - LEFT, height, background, radius=5)
    y = sheet.text(title, LEFT + 10, TOP - 5, RIGHT - LEFT - 20, size=8.5, bold=True, colour=colour)
    sheet.text(statement, LEFT + 10, y, RIGHT - LEFT - 20, size=7.5, colour=colour)
    words, y = headline(answer), TOP - height - 12
    y = sheet.text(TITLE, LEFT, y, RIGHT - LEFT, size=9, bold=True, colour=SOFT) - 1
    y = sheet.text(words.lead, LEFT, y, RIGHT - LEFT, size=17, bold=True, colour=LEADS.get(words.kind, INK)) - 1
    y = sheet.text(words.more, LEFT, y, RIGHT - LEFT, size=9)
    return sheet.text(fit_in_words(answer), LEFT, y - 1, RIGHT - LEFT, size=8, colour=SOFT) - 10


def _tree(sheet: Sheet, answer: Answer, y: float) -> float:
    y = sheet.heading(tree_title(answer), LEFT, y, MIDDLE - LEFT)
    for row in tree_rows(answer):
        y = sheet.bar(row, LEFT, y, MIDDLE - LEFT, 118)
    lines = f"Groups less likely than these are left out. Lines: {100 * answer.interval_level:.0f} % intervals."
    note = f"{SUPPOSED if is_doubted(answer) else ''}{lines}"
    return sheet.text(f"{note} {where_it_ends(answer)}", LEFT, y - 1, MIDDLE - LEFT, size=6.8, colour=SOFT)


def tree_rows(answer: Answer) -> list[Bar]:
    """The likeliest nodes in the order of the tree: as many as have room."""
    for least in THRESHOLDS:
        rows = list(_rows_below(answer, answer.superpopulations, least))
        if len(rows) <= ROWS:
            return rows
    return rows[:ROWS]


def _rows_below(answer: Answer, table: Mapping[str, float], least: float, depth: int = 0) -> Iterator[Bar]:
    for code in split(table, least)[0]:
        value = answer.probability_of(code)
        bold = is_settled(answer, code)
        yield Bar(name_of(code), depth, continent_of(code), value, answer.intervals[code], bold)
        under = below(answer, code)
        if under and value >= least:
            yield from _rows_below(answer, under, least, depth + 1)


def _right_column(sheet: Sheet, answer: Answer, y: float) -> float:
    x, width = MIDDLE + GUTTER, RIGHT - MIDDLE - GUTTER
    y = sheet.heading("On the map", x, y, width)
    y = _map(sheet, answer, x, y, width)
    named = "; ".join(f"{code}: {POPULATIONS[code].name}" for code in named_on_map(answer))
    y = sheet.text(
        f"{named}. Darker: half of the probability; with the lighter, 90 %. {CREDIT}", x, y - 3, width, size=6.8
    )
    return _shares(sheet, answer, x, y - 8, width)


def _map(sheet: Sheet, answer: Answer, x: float, y: float, width: float) -> float:
    canvas, scale = sheet.canvas, width / WIDTH
    colour = COLOURS[code].light if (code := area_colour(answer)) in COLOURS else MIXED
    canvas.saveState()
    canvas.translate(x, y)
    canvas.scale(scale, -scale)
    frame = canvas.beginPath()
    frame.rect(0, 0, WIDTH, HEIGHT)
    canvas.clipPath(frame, stroke=0, fill=0)
    sheet.shape(land(), LAND)
    for share in (MOST, HALF):
        sheet.shape(likely_area(answer.populations, share), colour, 0.4)
    canvas.setFillColor("#ffffff", 1)
    canvas.setStrokeColor(INK)
    canvas.setLineWidth(0.5)
    for spot in map(place_of, POPULATIONS):
        canvas.circle(*spot, 1.1, stroke=1, fill=1)
    canvas.restoreState()
    canvas.setFont("Helvetica-Bold", 6.2)
    canvas.setFillColor(INK)
    for code, (across, down) in labels(named_on_map(answer)):
        canvas.drawString(x + across * scale, y - down * scale, code)
    return float(y - HEIGHT * scale)


def _shares(sheet: Sheet, answer: Answer, x: float, y: float, width: float) -> float:
    y = sheet.heading("What your DNA is made of", x, y, width)
    if answer.admixture is None:
        return sheet.text("Not estimated: the file has too few SNPs for it.", x, y, width, size=8)
    told = shares_are_told(answer.admixture)
    if not told:
        y = sheet.text(TOO_FEW, x, y, width, size=8) - 3
    for row in shares_in_order(answer.admixture):
        value = row.share if told else None
        y = sheet.bar(Bar(COMPONENTS[row.code], 0, row.code, value, (row.low, row.high)), x, y, width, 78)
    return y


def _certainty(sheet: Sheet, answer: Answer, y: float) -> float:
    """The prediction sets, and how often the model is right."""
    width = RIGHT - LEFT
    y = sheet.heading("How sure is that?", LEFT, y, width)
    promise, sets = sets_in_words(answer)
    y = sheet.text(promise, LEFT, y, width, size=8)
    for level, names in sets:
        y = sheet.text(f"{level}: {names}", LEFT + 8, y, width - 8, size=8)
    row = evaluation().nearest(answer.evidence.information)
    return sheet.text(reliability(answer, row), LEFT, y - 2, width, size=8)


def _ending(sheet: Sheet, answer: Answer, receipt: Mapping[str, Any] | None, y: float) -> None:
    """What it rests on and what it is not, side by side; below, what is proven."""
    left = sheet.heading("What it rests on", LEFT, y, NARROW)
    for line in _basis(answer):
        left = sheet.text(line, LEFT, left, NARROW, size=7.5) - 2
    x, width = LEFT + NARROW + GUTTER, RIGHT - LEFT - NARROW - GUTTER
    right = sheet.heading("What it is not", x, y, width)
    for line in LIMITS:
        right = sheet.text(line, x, right, width, size=7.5) - 2
    y = sheet.heading("Proof", LEFT, min(left, right) - 8, RIGHT - LEFT)
    for line in _proof(answer, receipt):
        y = sheet.text(line, LEFT, y, RIGHT - LEFT, size=8) - 1


def _basis(answer: Answer) -> Iterator[str]:
    snps = answer.snps
    build = "by the names of its SNPs" if answer.file.build == "unknown" else f"in build {answer.file.build}"
    yield f"{answer.file.format} file of {snps['in_file']:,} rows, read {build}."
    yield f"{snps['used']:,} of the model's {snps['panel']:,} SNPs, {snps['strand_flipped']:,} from the other strand."
    if lost := [f"{number:,} {text}" for text, number in reasons(snps)[:MOST_REASONS]]:
        yield f"Not used: {'; '.join(lost)}."
    yield f"Compared with {answer.model.people:,} people of {answer.model.populations} populations."
    yield f"{answer.evidence.information:,.0f} nats of information."


def _proof(answer: Answer, receipt: Mapping[str, Any] | None) -> Iterator[str]:
    yield f"model {answer.model.digest}"
    if receipt is None:
        yield "There is no receipt: nothing shows which program computed this, or who looked on."
        return
    yield from (
        f"{key.replace('_', ' ')} {receipt[key]}" for key in ("workload", "job", "released_at") if receipt.get(key)
    )
    if is_simulated(receipt):
        yield "The receipt is SIMULATED and proves nothing about hardware."
    yield f"Check it: confide receipt verify {receipt.get('file', 'receipt.json')}"
