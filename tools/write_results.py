"""Writes the tables of docs/reference/results.md and policy.md from the program itself. A test fails where one is old.

Each page has its tables between `<!-- NAME -->` and `<!-- /NAME -->`; what is around them is written by hand.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from confide.policy.codes import CODES
from confide.policy.kinds import KINDS, kind_of
from confide.policy.model import Waiver
from confide.policy.rule import AnyRule
from confide.policy.template import toml_value
from confide.results.claims import row_of

_WIDEST = 60
REFERENCE = Path(__file__).parent.parent / "docs" / "reference"


def main() -> None:
    """Writes the tables into the pages."""
    for page in (REFERENCE / "results.md", REFERENCE / "policy.md"):
        page.write_text(renewed(page.read_text()))


def renewed(text: str) -> str:
    """The page with today's tables."""
    for name, table in TABLES.items():
        text = re.sub(f"(<!-- {name} -->\n).*?(<!-- /{name} -->)", rf"\1{escaped(table())}\2", text, flags=re.DOTALL)
    return text


def escaped(text: str) -> str:
    """Text as the replacement of a pattern."""
    return text.replace("\\", "\\\\")


def codes_table() -> str:
    """Every code: what it means, the field that it names, the claim of EAR that it speaks of."""
    rows = ["| code | what it says | in the field | claim of EAR, where it fails |", "|---|---|---|---|"]
    for code, (meaning, where) in sorted(CODES.items()):
        row = row_of(code)
        claim = "" if code.startswith(("cli.", "policy.file.")) else f"{row.claim} {row.failed}"
        rows.append(f"| `{code}` | {cell(meaning)} | {cell(where)} | {claim} |")
    return "\n".join(rows) + "\n"


def rules_tables() -> str:
    """Every field of every platform: what it asks for, its code, and what a new policy has."""
    parts = []
    for name in sorted(KINDS):
        kind = kind_of(name)
        defaults = kind.defaults(kind.products[0])
        parts.append(f"\n### {name}\n\nProducts: {', '.join(f'`{product}`' for product in kind.products)}\n")
        parts.append("| field | what it asks for | codes | in a new policy |\n|---|---|---|---|")
        parts += [rule_row(rule, defaults.get(rule.name)) for rule in kind.rules]
    return "\n".join(parts) + "\n"


def rule_row(rule: AnyRule, default: object) -> str:
    """One field."""
    codes = ", ".join(f"`{code}`" for code in rule.codes)
    said = "yours to give" if default is None else "waived" if isinstance(default, Waiver) else shown(default)
    never = "" if rule.waivable else " (never waived)"
    return f"| `{rule.name}` | {cell(rule.comment)}{never} | {codes} | {said} |"


def shown(value: object) -> str:
    """A value as the file has it, shortened."""
    text = toml_value(value)
    return f"`{text if len(text) < _WIDEST else text[: _WIDEST - 3] + '…'}`"


def cell(text: str) -> str:
    """Text that does not end its cell."""
    return text.replace("|", "\\|").replace("\n", " ")


TABLES: dict[str, Callable[[], str]] = {"codes": codes_table, "rules": rules_tables}


if __name__ == "__main__":
    main()
