"""A rule of a policy: one field in one place, how it is written, checked, said and suggested."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from confide.checklist import Checklist
from confide.errors import Finding
from confide.policy.model import Waiver
from confide.policy.reading import exactly, hexadecimal, list_of


def applies_always(_: Any) -> str:
    """The rule has a meaning for all evidence of its format."""
    return ""


@dataclass(frozen=True, slots=True)
class Rule:
    """One field of a platform. `read` reads the value in the file; `got` says what the evidence shows; `holds`
    compares; `wanted` and `says` put the value into words; `comment` stands in the template. `applies` gives the
    reason where the rule has no meaning for this evidence. `suggest` gives the strictest value, as the file has it,
    that known-good evidence satisfies; without it the format's default is kept where it holds.
    """

    name: str
    code: str
    read: Callable[[object], Any]
    got: Callable[[Any], Any]
    holds: Callable[[Any, Any], bool]
    wanted: Callable[[Any], str]
    says: Callable[[Any], str]
    remedy: str
    comment: str
    waivable: bool = True
    applies: Callable[[Any], str] = applies_always
    suggest: Callable[[Any], object] | None = None

    @property
    def codes(self) -> tuple[str, ...]:
        """The codes that the rule gives a result for."""
        return (self.code,)

    def judge(self, subject: Any, value: object, checklist: Checklist) -> None:
        """Records the result: waived, not applicable, passed or failed."""
        if isinstance(value, Waiver):
            checklist.waive(self.code, value.reason)
        elif reason := self.applies(subject):
            checklist.not_applicable(self.code, reason)
        else:
            finding = self.check(subject, value)
            record(self.code, [finding] if finding else [], checklist)

    def check(self, subject: Any, value: Any) -> Finding | None:
        """The finding where the evidence does not show what the policy wants."""
        got = self.got(subject)
        if self.holds(got, value):
            return None
        return Finding(self.code, shown(got), self.wanted(value), self.remedy)


@dataclass(frozen=True, slots=True)
class ManyRule:
    """One field of a platform with several codes, such as the lowest levels of several components. `compare` gives the
    findings; `missing` the reasons why some codes do not apply to this evidence.
    """

    name: str
    codes: tuple[str, ...]
    read: Callable[[object], Any]
    compare: Callable[[Any, Any], Iterable[Finding]]
    missing: Callable[[Any], Mapping[str, str]]
    says: Callable[[Any], str]
    comment: str
    waivable: bool = True
    suggest: Callable[[Any], object] | None = None

    def judge(self, subject: Any, value: object, checklist: Checklist) -> None:
        """Records a result for each code."""
        missing = self.missing(subject)
        findings = [] if isinstance(value, Waiver) else list(self.compare(subject, value))
        for code in self.codes:
            if code in missing:
                checklist.not_applicable(code, missing[code])
            elif isinstance(value, Waiver):
                checklist.waive(code, value.reason)
            else:
                record(code, [one for one in findings if one.code == code], checklist)


AnyRule = Rule | ManyRule


@dataclass(frozen=True, slots=True, kw_only=True)
class PlatformKind:
    """The platforms of one format: their products, rules, and how a policy for them is written and said.

    `title` is the sentence above the rules of a product; `defaults` are the values of a strict new policy as the file
    has them (waivers included), for all rules but those that the owner has to give; `simulation_defaults` replace some
    of them for SIMULATED machines; `misfit` says what is wrong with values that are right one by one.
    """

    format: str
    products: tuple[str, ...]
    title: Callable[[str], str]
    rules: tuple[AnyRule, ...]
    defaults: Callable[[str], Mapping[str, object]]
    simulation_defaults: Mapping[str, object] = field(default_factory=dict)
    misfit: Callable[[str, Mapping[str, object]], tuple[str, Finding] | None] = lambda _product, _values: None

    @property
    def codes(self) -> frozenset[str]:
        """The codes of all rules."""
        return frozenset(code for rule in self.rules for code in rule.codes)


def record(code: str, findings: Iterable[Finding], checklist: Checklist) -> None:
    """The findings of this code, or that the check passed."""
    failed = list(findings)
    for finding in failed:
        checklist.fail(finding)
    if not failed:
        checklist.expect(code, passed=True, got="", wanted="", remedy="")


def explain_rule(rule: AnyRule, value: Any) -> str:
    """The rule as a sentence."""
    if isinstance(value, Waiver):
        return f"NOT checked: {rule.comment}. The reason given: {value.reason}"
    sentence = rule.says(value)
    return f"{sentence[0].upper()}{sentence[1:]}."


# What rules are made of.


def same(got: object, value: object) -> bool:
    """Equal."""
    return got == value


def among(got: object, values: tuple[object, ...]) -> bool:
    """One of the values."""
    return got in values


def not_among(got: object, values: tuple[object, ...]) -> bool:
    """None of the values."""
    return got not in values


def at_least(got: Any, floor: Any) -> bool:
    """Not below."""
    return bool(got >= floor)


def plain(value: object) -> str:
    """A value as the file has it."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def shown(got: object) -> str:
    """What was got, in the words of the file: several values with commas between, ages in days."""
    if isinstance(got, tuple | list | set | frozenset):
        values = got if isinstance(got, tuple | list) else sorted(got)
        return ", ".join(map(plain, values)) or "none"
    return f"{got / timedelta(days=1):.1f} days" if isinstance(got, timedelta) else plain(got) or "nothing"


def any_of(values: tuple[str, ...]) -> str:
    """A list as a wish."""
    return f"one of {', '.join(values)}"


def bit_rule(
    name: str, code: str, got: Callable[[Any], bool], *, wanted: bool, words: str, remedy: str, comment: str
) -> Rule:
    """A rule on one bit: as wanted, or waived."""
    return Rule(name, code, exactly(wanted), got, same, plain, lambda _: words, remedy, comment)


def bytes_rule(
    name: str, code: str, size: int, got: Callable[[Any], str], *, words: str, remedy: str, comment: str
) -> Rule:
    """A rule on bytes that equal one value, in lower-case hexadecimal."""
    return Rule(
        name, code, hexadecimal(size), got, same, str, lambda value: f"{words} is {value}", remedy, comment, suggest=got
    )


def reference_rule(
    name: str,
    code: str,
    size: int,
    got: Callable[[Any], str],
    *,
    words: str,
    remedy: str,
    comment: str,
    waivable: bool = True,
) -> Rule:
    """A rule on bytes that are one of several reference values, in lower-case hexadecimal."""
    return Rule(
        name,
        code,
        list_of(hexadecimal(size)),
        got,
        among,
        any_of,
        lambda values: f"{words} is one of {len(values)} that the policy lists",
        remedy,
        comment,
        waivable=waivable,
        suggest=lambda subject: [got(subject)],
    )
