"""What the parts of the evaluation found, and the documents that are made of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field

from palabs.evaluate import goals, words
from palabs.evaluate.goals import Goal
from palabs.evaluate.pages import Section, page


@dataclass(frozen=True)
class Part:
    """What a part of the evaluation found: sections of the page, goals, and figures for the report."""

    sections: Sequence[Section]
    goals: Sequence[Goal] = ()
    figures: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class Measured:
    """Everything that was measured of a model."""

    model: str
    parts: Mapping[str, Part]

    def page(self) -> str:
        """The page of the docs."""
        found = [goal for part in self.parts.values() for goal in part.goals]
        head = [goals.section(found)] if found else []
        return page(
            words.introduction(self.model), [*head, *(s for part in self.parts.values() for s in part.sections)]
        )

    def figures(self) -> dict[str, object]:
        """What the report reads: the figures of all parts, lists of the same name one after the other."""
        found: dict[str, object] = {"model": self.model}
        for part in self.parts.values():
            for key, value in part.figures.items():
                before = found.get(key)
                found[key] = [*before, *value] if isinstance(before, list) and isinstance(value, list) else value
        return found

    def document(self) -> dict[str, object]:
        """The figures and the goals, for JSON."""
        found = [
            asdict(goal) | {"high": goal.bar, "met": goal.met} for part in self.parts.values() for goal in part.goals
        ]
        return self.figures() | {"goals": found}
