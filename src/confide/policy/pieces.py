"""Rules of one format on a piece of another: evidence inside of evidence is judged by the rules of its own format."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any

from confide.checklist import Checklist
from confide.policy.rule import AnyRule, ManyRule, Rule


@dataclass(frozen=True, slots=True)
class PieceRule(Rule):
    """A rule on a piece of the subject, by the name of its attribute."""

    piece: str = ""

    def judge(self, subject: Any, value: object, checklist: Checklist) -> None:
        """Records the result; where the piece could not be read, that nothing was checked."""
        if getattr(subject, self.piece) is None:
            _leave_out(self.codes, self.piece, checklist)
        else:
            Rule.judge(self, subject, value, checklist)


@dataclass(frozen=True, slots=True)
class PieceManyRule(ManyRule):
    """A rule with several codes on a piece of the subject."""

    piece: str = ""

    def judge(self, subject: Any, value: object, checklist: Checklist) -> None:
        """Records the results; where the piece could not be read, that nothing was checked."""
        if getattr(subject, self.piece) is None:
            _leave_out(self.codes, self.piece, checklist)
        else:
            ManyRule.judge(self, subject, value, checklist)


def _leave_out(codes: Collection[str], piece: str, checklist: Checklist) -> None:
    """A piece that could not be read has a finding already; where it has none, this is one: nothing is passed over."""
    for code in codes:
        if checklist.findings:
            checklist.unchecked(code, f"the reading of the {piece}")
        else:
            checklist.expect(
                code,
                passed=False,
                got=f"no {piece} that could be read",
                wanted="evidence with all of its pieces",
                remedy="Give the whole evidence.",
            )


def on_piece(piece: str, rule: AnyRule) -> PieceRule | PieceManyRule:
    """The rule, asked of the attribute `piece` of a subject."""

    def of(function: Callable[..., Any]) -> Callable[..., Any]:
        return lambda subject, *more: function(getattr(subject, piece), *more)

    suggest = of(rule.suggest) if rule.suggest else None
    if isinstance(rule, Rule):
        return PieceRule(
            name=rule.name, code=rule.code, read=rule.read, got=of(rule.got), holds=rule.holds, wanted=rule.wanted,
            says=rule.says, remedy=rule.remedy, comment=rule.comment, waivable=rule.waivable,
            applies=of(rule.applies), suggest=suggest, piece=piece,
        )  # fmt: skip
    return PieceManyRule(
        name=rule.name, codes=rule.codes, read=rule.read, compare=of(rule.compare), missing=of(rule.missing),
        says=rule.says, comment=rule.comment, waivable=rule.waivable, suggest=suggest, piece=piece,
    )  # fmt: skip


def on_pieces(piece: str, rules: Collection[AnyRule], *, without: Collection[str] = ()) -> tuple[AnyRule, ...]:
    """The rules, all but those named in `without`, asked of the attribute `piece` of a subject. Raises ValueError for a
    name of no rule: a rule that was renamed is not taken along unseen.
    """
    if unknown := set(without) - {rule.name for rule in rules}:
        raise ValueError(f"no rule {', '.join(sorted(unknown))}")
    return tuple(on_piece(piece, rule) for rule in rules if rule.name not in without)
