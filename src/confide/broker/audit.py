"""The audit log as a chain: an edit, a cut in the middle and a reordering show; a cut tail needs an
anchor from outside, which is a hash that the owner noted before.
"""

from __future__ import annotations

from collections.abc import Iterable

from confide.broker.rows import AuditRow
from confide.checklist import Checklist

_REMEDY = "Somebody changed the log. Compare it with a backup, from this row on."


def check_chain(rows: Iterable[AuditRow], noted_head: str | None = None) -> tuple[AuditRow, ...]:
    """The rows, where sequence, links and hashes hold from the first row to the last, and where the
    log still holds the row with the hash `noted_head`. Raises Refused with every finding.
    """
    checklist, checked = Checklist(), tuple(rows)
    sequence, previous = 0, ""
    for row in checked:
        sequence += 1
        _expect(checklist, "audit.sequence", got=row.sequence, wanted=sequence)
        _expect(checklist, "audit.link", got=row.previous, wanted=previous)
        _expect(checklist, "audit.hash", got=row.computed_hash(), wanted=row.hash)
        sequence, previous = row.sequence, row.hash
    if noted_head is not None:
        _check_head(checklist, checked, noted_head)
    if checklist.checks:
        checklist.refuse_if_failed()
    return checked


def _expect(checklist: Checklist, code: str, *, got: object, wanted: object) -> None:
    checklist.expect(code, got == wanted, got=got, wanted=wanted, remedy=_REMEDY)


def _check_head(checklist: Checklist, rows: tuple[AuditRow, ...], noted_head: str) -> None:
    checklist.expect(
        "audit.head",
        any(row.hash == noted_head for row in rows),
        got=f"a log of {len(rows)} rows without it",
        wanted=noted_head,
        remedy="Rows were cut from the end of the log, or the hash is of another log. Compare it with a backup.",
    )
