"""Suggests a strict policy from a known-good sample: for each rule the strictest value that the sample satisfies.

What the sample does not show is waived, and the waiver says so: a person reads the file before it is used.
"""

from __future__ import annotations

import tomllib
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from confide.checklist import Checklist
from confide.clock import to_rfc3339
from confide.errors import Finding, Misuse
from confide.policy.kinds import KINDS, kind_of
from confide.policy.model import AllOf, Waiver
from confide.policy.parsing import default_name
from confide.policy.reading import WrongValueError
from confide.policy.rule import AnyRule, ManyRule, Rule, at_least
from confide.policy.template import PlatformText, PolicyText, toml_value
from confide.verify import Examination

_VERIFIED = "Suggested from a sample that was verified as genuine. Whether it is a good one, you have to know."
_UNVERIFIED = "Suggested from an UNVERIFIED sample: whoever made it chose these values. Do not use it unread."
_NOTHING_STRICT = "the sample does not show what a strict policy wants: got {got}, wanted {wanted}"
_DIFFER = "the devices of the sample differ in this"
_LONGEST = 200


def suggest_policy(exam: Examination, name: str, *, trusted_keys: Collection[str] = (), verified: bool) -> PolicyText:
    """A policy for verification alone that the examined evidence and its devices satisfy, all of them together. Whether
    they are genuine is the caller's business: `verified` only writes into the file's top what was found. Raises Misuse
    where the evidence makes no policy.
    """
    pieces: dict[tuple[str, str], list[Examination]] = {}
    for piece in (exam, *exam.devices):
        pieces.setdefault(_platform_of(piece), []).append(piece)
    short = [f"{rule} of {alike[0].format}" for alike in pieces.values() for rule in falls_short(alike)]
    short_note = [f"The sample falls short of a strict new policy in: {', '.join(short)}."] if short else []
    names = tuple(default_name(*key) for key in pieces)
    simulated = {one.unverified_root for one in (exam, *exam.devices) if one.simulated and one.unverified_root}
    return PolicyText(
        name=name,
        kind="simulation" if exam.simulated else "production",
        platforms=[suggest_platform(alike) for alike in pieces.values()],
        simulated_roots=sorted(simulated),
        trusted_keys=sorted(trusted_keys),
        accept=AllOf(names) if len(names) > 1 else None,
        notes=[_VERIFIED if verified else _UNVERIFIED, f"The sample was read at {to_rfc3339(exam.now)}.", *short_note],
    )


def _platform_of(exam: Examination) -> tuple[str, str]:
    """Format and product. Raises Misuse where the evidence cannot be read so far that a policy could name them."""
    product = exam.unverified_product
    known = kind_of(exam.format).products if exam.format in KINDS else ()
    if product is None or product not in known:
        raise Misuse.because(
            "policy.sample",
            got=f"evidence of the format {exam.format} on {product}",
            wanted="evidence of a platform that a policy can name",
            remedy="Give a sample that `confide evidence show` can read, with its endorsements.",
        )
    return exam.format, product


def suggest_platform(alike: Sequence[Examination]) -> PlatformText:
    """The platform of a policy that several examined pieces of one format and product satisfy, as strict as its rules
    know how to be. Raises Misuse where a rule that is never waived has no value that they satisfy.
    """
    format_name, product = _platform_of(alike[0])
    kind = kind_of(format_name)
    defaults, subjects = kind.defaults(product), [one.unverified_subject for one in alike]
    values = {rule.name: _suggest_for_all(rule, subjects, defaults) for rule in kind.rules}
    return PlatformText(format=format_name, product=product, values=values)


def falls_short(alike: Sequence[Examination]) -> list[str]:
    """The rules whose strict default the evidence does not satisfy, such as a floor on patches."""
    kind = kind_of(alike[0].format)
    defaults = kind.defaults(alike[0].unverified_product or "")
    strict = [(rule, defaults.get(rule.name)) for rule in kind.rules]
    given = [(rule, value) for rule, value in strict if value is not None and not isinstance(value, Waiver)]
    return [rule.name for rule, value in given if any(_problem(rule, value, one.unverified_subject) for one in alike)]


def _suggest_for_all(rule: AnyRule, subjects: Sequence[Any], defaults: Mapping[str, object]) -> object:
    """What all subjects satisfy: the list of what each shows, or what one of them suggests."""
    each = [suggest_value(rule, subject, defaults) for subject in subjects]
    lists = [value for value in each if isinstance(value, list)]
    union = list(dict.fromkeys(one for value in lists for one in value)) if len(lists) == len(each) else None
    for candidate in (union, *each):
        if not any(_problem(rule, candidate, subject) for subject in subjects):
            return candidate
    waivers = [value for value in each if isinstance(value, Waiver)]
    if not rule.waivable:
        raise _no_value(rule)
    return waivers[0] if waivers else Waiver(_DIFFER)


def suggest_value(rule: AnyRule, subject: Any, defaults: Mapping[str, object]) -> object:
    """The first candidate that the file can hold and the subject satisfies; otherwise a waiver that says why."""
    finding: Finding | None = None
    for candidate in _candidates(rule, subject, defaults):
        problem = _problem(rule, candidate, subject)
        if problem is None:
            return candidate
        finding = finding or problem
    kept = defaults.get(rule.name)
    if isinstance(kept, Waiver):
        return kept
    if not rule.waivable:
        raise _no_value(rule)
    got, wanted = (finding.got, finding.wanted) if finding else ("nothing", rule.comment)
    return Waiver(_NOTHING_STRICT.format(got=got[:_LONGEST], wanted=wanted[:_LONGEST]))


def _no_value(rule: AnyRule) -> Misuse:
    return Misuse.because(
        "policy.sample",
        got=f"a sample from which no `{rule.name}` can be taken",
        wanted=f"evidence that shows {rule.comment}",
        remedy="Give a sample that does, or write this policy by hand with `confide policy new`.",
    )


def _candidates(rule: AnyRule, subject: Any, defaults: Mapping[str, object]) -> Iterator[object]:
    """What the rule suggests; for a floor what the evidence shows; else the strict default; else what the evidence
    shows, where that must be given or is a number; and the one boolean that a rule on a bit takes.
    """
    default = defaults.get(rule.name)
    strict = default is not None and not isinstance(default, Waiver)
    shown = isinstance(rule, ManyRule) or not rule.applies(subject)
    got = rule.got(subject) if isinstance(rule, Rule) and shown and (strict or default is None) else None
    if rule.suggest is not None and shown:
        yield rule.suggest(subject)
    if isinstance(rule, Rule) and rule.holds is at_least:
        yield got
    if strict:
        yield default
    if default is None or (isinstance(got, int) and not isinstance(got, bool)):
        yield from (got, [got])
    yield from (True, False)


def _problem(rule: AnyRule, candidate: object, subject: Any) -> Finding | None:
    """Why a candidate will not do: the file cannot hold it, or the subject does not satisfy it."""
    if candidate is None or isinstance(candidate, Waiver):
        return _unreadable(rule)
    try:
        value = rule.read(tomllib.loads(f"value = {toml_value(candidate)}")["value"])
    except (WrongValueError, tomllib.TOMLDecodeError, TypeError, ValueError):
        return _unreadable(rule)
    checklist = Checklist()
    rule.judge(subject, value, checklist)
    return checklist.findings[0] if checklist.findings else None


def _unreadable(rule: AnyRule) -> Finding:
    return Finding(rule.codes[0], "a sample that does not show it", rule.comment, "")
