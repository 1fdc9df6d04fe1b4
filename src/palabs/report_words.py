"""What the report says in sentences: the same words on the page, in print and in the terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple

from palabs.answer import Admixture, Answer, Share
from palabs.figures import Bin, Row
from palabs.populations import COMPONENTS, CONTINENTS, POPULATIONS, REGIONS, name_of

ALMOST, HARDLY = 0.999, 0.001
FINE = 0.99  # above this a digit after the point matters
ENOUGH = 20  # people in a bin to say anything of it
ENDS = 1.5  # per cent from the ends within which a digit after the point matters

LIMITS = (
    (
        "It compares with 26 reference populations. Most peoples of the world are not among them, and being like one "
        "is not the same as coming from there."
    ),
    (
        "It names the one closest population. If your parents come from two populations, it may name one of them, one "
        "between them, or the continent."
    ),
    "It is no proof of identity: not of who you are, nor of your nationality, your tribe or your family.",
    "It is not a medical result and says nothing about your health.",
    (
        "Your parents, children and siblings share much of your DNA. What this report says concerns them too: think of "
        "them before you share it."
    ),
)

DELETION = (
    "What was stored is unreadable without its key: destroying the key, with its backups, deletes the data wherever "
    "copies of the encrypted file may lie. Ask the laboratory that holds the key. This version has no command that "
    "destroys the key of a single file: the laboratory removes it from its key store by hand."
)


ENDS_AT = {
    "world": "Not settled: the evidence does not choose between the continental groups.",
    "continent": "Not settled below this: the evidence does not choose between the regions.",
    "region": "Not settled below this: the evidence does not choose between the populations.",
}
NAMES = {"population": "reference population", "region": "region", "continent": "continental group"}


MIXED = "If your parents come from two populations, this may be one of them, or one between them."
FRAGILE = "The interval is wide: a few stretches of your genome decide this, and it could be another."
FOREIGN = "Your DNA has shares that people of the most probable continental group do not have."
UNLIKE = "It is unlike them, but not so unlike that chance could be ruled out."
UNTESTED = "If your family comes from elsewhere than the 26, this is merely the nearest of them."
SUPPOSED = "These numbers suppose that your family comes from one of the 26 populations. "
UNCOUNTED = (
    "How often such an answer is right was counted on people of the 26 populations. You seem not to be one of them, so "
    "it is not known for people like you."
)
INSIDERS = "That holds for people of the 26 populations only."
TOO_FEW = "Too few SNPs to tell the shares: only their intervals are shown."
EVEN = 0.5  # an interval that begins below it leaves room for another; a share whose interval is wider is no finding
CANDIDATE, CANDIDATES = 0.05, 3  # continental groups that are named where none is settled: how likely, how many
THRESHOLD = 0.8  # a node this probable is concluded (workload/ancestry/posterior.py), if its people are like the person
DOUBTFUL = 0.01  # the test of fit has doubts below this p-value (workload/ancestry/fit_test.py)


class Told(NamedTuple):
    """What a person was told: a probability, at a level of the tree."""

    level: Literal["population", "region", "continent"]
    probability: float


class Headline(NamedTuple):
    """The first words: what was found, and how far that goes. `kind` is settled, open, uncertain or outside."""

    kind: str
    lead: str
    more: str


def percent(probability: float) -> str:
    """A probability for a person to read, which is never rounded to certainty."""
    if probability > ALMOST:
        return "> 99.9 %"
    if probability < HARDLY:
        return "< 0.1 %"
    return f"{100 * probability:.1f} %"


def interval(bounds: Sequence[float]) -> str:
    """An interval for a person to read: `92 to 99.4 %`, in whole per cent but near the ends."""
    low, high = (_bound(100 * bound) for bound in bounds)
    return f"{low} %" if low == high else f"{low} to {high} %"


def _bound(bound: float) -> str:
    if ENDS < bound < 100 - ENDS:
        return f"{bound:.0f}"
    return "0" if bound < 100 * HARDLY else f"{bound:.1f}".removesuffix(".0")


def odds(coverage: float) -> str:
    """A coverage as odds: `9 of 10`, or of 100 where it is no number of tenths."""
    tenths = round(10 * coverage, 6)
    return f"{tenths:.0f} of 10" if tenths == round(tenths) else f"{100 * coverage:.0f} of 100"


def listed(names: Sequence[str]) -> str:
    """`A`, `A and B`, `A, B and C`."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def ranked(table: Mapping[str, float]) -> list[tuple[str, float]]:
    """The likeliest first; equal ones by their codes."""
    return sorted(table.items(), key=lambda item: (-item[1], item[0]))


def below(answer: Answer, code: str) -> dict[str, float]:
    """The probabilities of the nodes right below a node; none below a population."""
    if code in CONTINENTS:
        return {region: p for region, p in answer.regions.items() if REGIONS[region].continent == code}
    return {name: p for name, p in answer.populations.items() if POPULATIONS[name].region == code}


def is_doubted(answer: Answer) -> bool:
    """Whether something speaks against the references, rather than that there is too little to judge by."""
    verdict = answer.reference.verdict
    unlikely = answer.reference.p_value < DOUBTFUL
    return verdict == "outside" or (verdict == "uncertain" and (unlikely or has_foreign_shares(answer)))


def has_foreign_shares(answer: Answer) -> bool:
    """Whether the shares surely hold what people of the most probable continental group do not have."""
    from palabs.workload.ancestry.fit_test import is_foreign  # noqa: PLC0415 - commands start without numpy

    continent = ranked(answer.superpopulations)[0][0]
    return is_foreign(continent, answer.admixture)  # type: ignore[arg-type] # the same fields, read from JSON


def headline(answer: Answer) -> Headline:
    """What the report opens with. Where the person seems not to fit the references, no population is named."""
    if answer.reference.verdict == "outside":
        return Headline(
            "outside",
            "Your DNA does not fit our reference populations",
            "It differs from all 26 of them by more than their own people do: your family comes from elsewhere, or "
            "from several of them that no reference population mixes (the shares may show of what). What follows says "
            "which populations are least unlike you, not where your family comes from.",
        )
    if is_doubted(answer):
        return Headline(
            "uncertain",
            "It is uncertain whether our reference populations fit your DNA",
            f"{FOREIGN if has_foreign_shares(answer) else UNLIKE} So no population is named here. What follows holds "
            "only if your family comes from one of the 26.",
        )
    words = _settled(answer)
    if answer.reference.verdict == "inside":
        return words
    return Headline("uncertain", words.lead, words.more if words.kind == "open" else f"{words.more} {UNTESTED}")


def tree_title(answer: Answer) -> str:
    """What the tree of probabilities answers; of an outsider, another question."""
    return (
        "Which groups are least unlike you?" if answer.reference.verdict == "outside" else "How likely is each group?"
    )


def where_it_ends(answer: Answer) -> str:
    """Why the tree is not settled further; nothing where it is settled to a population."""
    if answer.reference.verdict == "outside":
        return "Not settled: your DNA fits none of these groups."
    if is_doubted(answer) and answer.conclusion.level == "world":
        return "Not settled: your DNA may fit none of these groups."
    if answer.conclusion.level in {"continent", "region"} and _unnamed(answer):
        return "Not settled below this: the people of the likeliest group are hardly ever like you."
    return ENDS_AT.get(answer.conclusion.level, "")


def _settled(answer: Answer) -> Headline:
    level, code = answer.conclusion.level, answer.conclusion.code
    if level == "world":
        return Headline(
            "open",
            "The evidence does not settle on any one part of the world",
            f"Your DNA is like that of several groups, or the file shows too little. Likeliest: {_candidates(answer)}.",
        )
    more = [_probability(answer, code)]
    if level != "population":
        below_it = "regions" if level == "continent" else "populations"
        more.append(_unnamed(answer) or f"Which of its {below_it} is closest is not settled.")
    if answer.intervals[code][0] < EVEN:
        more.append(FRAGILE)
    if level != "continent":
        more.append(MIXED)
    return Headline("settled", f"Your closest {NAMES[level]}: {name_of(code)}", " ".join(more))


def _unnamed(answer: Answer) -> str:
    """Of the likeliest node below the conclusion, why it is not concluded though it is likely enough."""
    name, probability = ranked(below(answer, answer.conclusion.code))[0]
    if probability < THRESHOLD:
        return ""
    return (
        f"{name_of(name)} is likeliest below it ({percent(probability)}) but not named: its people are hardly ever "
        "like you. Many children of two populations look so."
    )


def _probability(answer: Answer, code: str) -> str:
    low, high = answer.intervals[code]
    width = f"interval {interval((low, high))}" if high - low >= HARDLY else "interval less than 0.1 % wide"
    return f"Probability {percent(answer.probability_of(code))}, {width}."


def _candidates(answer: Answer) -> str:
    """The likeliest continental groups."""
    likeliest = ranked(answer.superpopulations)[:CANDIDATES]
    codes = [code for code, p in likeliest if p >= CANDIDATE]
    return listed(
        [_with_interval(name_of(code), answer.probability_of(code), answer.intervals[code]) for code in codes]
    )


def _with_interval(name: str, value: float, bounds: Sequence[float]) -> str:
    return f"{name} {percent(value)} ({interval(bounds)})"


def fit_in_words(answer: Answer) -> str:
    """The verdict of the test against the references, with its p-value where it had enough to judge by."""
    if answer.reference.verdict == "uncertain" and not is_doubted(answer):
        return "Uncertain whether your DNA is in our reference: the file shows too little for the test."
    if answer.reference.verdict == "uncertain" and has_foreign_shares(answer):
        return "Uncertain whether your DNA is in our reference: its shares speak against it."
    verdict = {
        "inside": "Your DNA fits the reference populations",
        "outside": "Not in our reference: your DNA fits none of the 26 populations",
        "uncertain": "Uncertain whether your DNA is in our reference",
    }[answer.reference.verdict]
    p_value = answer.reference.p_value
    shown = "p < 0.001" if p_value < HARDLY else f"p = {p_value:.3f}"
    return f"{verdict} ({shown}; of 100 people of the 26 populations, {_of_100(p_value)} fit as badly or worse)."


def _of_100(share: float) -> str:
    return "fewer than one" if round(100 * share) < 1 else f"about {100 * share:.0f}"


def sets_in_words(answer: Answer) -> tuple[str, list[tuple[str, str]]]:
    """The prediction sets: what they promise, and the names at each level, the coarsest first. They promise nothing of
    a person who comes from none of the 26, and have no names then.
    """
    sets = answer.prediction_sets
    if answer.reference.verdict == "outside":
        return "No list of possible groups is given: your DNA fits none of the 26 populations.", []
    promise = f"Lists made in this way hold the truth for {odds(sets.coverage)} people with a file like yours:"
    if answer.reference.verdict == "uncertain":
        promise = f"If you come from one of the 26: {promise[0].lower()}{promise[1:]}"
    levels = (("continent", sets.continent), ("region", sets.region), ("population", sets.population))
    return promise, [(NAMES[level], "; ".join(name_of(code) for code in codes)) for level, codes in levels]


def told(answer: Answer) -> Told:
    """What the conclusion tells; where it names nothing, the likeliest continental group."""
    level = answer.conclusion.level
    if level == "world":
        return Told("continent", ranked(answer.superpopulations)[0][1])
    return Told(level, answer.conclusion.probability)


def reliability(answer: Answer, row: Row) -> str:
    """How often people who were told as much were right, in a sentence or two."""
    if answer.reference.verdict == "outside":
        return UNCOUNTED
    words = _counted(told(answer), row)
    return words if answer.reference.verdict == "inside" else f"{words} {INSIDERS}"


def _counted(what: Told, row: Row) -> str:
    quality = row.quality(what.level)
    found = quality.bin_of(what.probability)
    if found is None or found.people < ENOUGH:
        return (
            f"Too few people of the test were told about {100 * what.probability:.0f} % to count on; of all "
            f"{row.people:,}, {of_100(quality.accuracy)} in 100 were right."
        )
    return (
        f"Of 100 people who were told {span(found)} (on average {of_100(found.told)} %), {of_100(found.right)} were "
        f"right: counted on {found.people:,} people whom the model had not seen."
    )


def span(found: Bin) -> str:
    """The probabilities of a bin."""
    return f"{100 * found.low:.0f} to {100 * found.high:.0f} %"


def of_100(share: float) -> str:
    """A share as a number of 100, never rounded to all."""
    return f"{100 * share:.0f}" if share <= FINE or share == 1 else f"{min(100 * share, 99.9):.1f}"


def shares_are_told(admixture: Admixture) -> bool:
    """Whether the shares are a finding, or their intervals so wide that these alone are."""
    largest = max(admixture.components, key=lambda row: row.share)
    return largest.high - largest.low <= EVEN


def shares_in_order(admixture: Admixture) -> list[Share]:
    """The components, the largest first: by their shares or, where these are no finding, by how far they may reach."""
    told = shares_are_told(admixture)
    return sorted(admixture.components, key=lambda row: (-(row.share if told else row.high), row.code))


def shares_in_words(answer: Answer) -> str:
    """The components of the genome, the largest first, or why they are not told."""
    if answer.admixture is None:
        return "Shares were not estimated: the file has too few SNPs for it."
    rows = shares_in_order(answer.admixture)
    if shares_are_told(answer.admixture):
        found = [_with_interval(COMPONENTS[row.code], row.share, (row.low, row.high)) for row in rows]
        return f"Shares: {listed(found)}"
    return f"{TOO_FEW} {listed([f'{COMPONENTS[row.code]} {interval((row.low, row.high))}' for row in rows])}"
