"""`confide audit show`: the broker's audit log, and whether its chain holds."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import TYPE_CHECKING

from confide.cli.framework import Reply, explain
from confide.cli.home_argument import add_home_argument
from confide.errors import Finding, Refused

if TYPE_CHECKING:
    from confide.broker import AuditRow

DESCRIPTION = """Shows the audit log and checks its chain: an edit, a cut in the middle and a reordering show.

Rows cut from the end leave a shorter log that is whole in itself. To see that, note the head that this
command prints somewhere else, and give it as --head later. Exits 1 where the log is broken.

example: confide audit show --home lab --refusals"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Adds the command's arguments."""
    add_home_argument(parser)
    parser.add_argument("--refusals", action="store_true", help="only the refusals, with their findings")
    parser.add_argument("--job", metavar="JOB", help="only the rows of this job")
    parser.add_argument("--head", metavar="HASH", help="a head that was noted before, which must still be in the log")


def run(args: argparse.Namespace) -> Reply:
    """Reads and checks the log. A broken log is shown as well, and then is an error."""
    import msgspec  # noqa: PLC0415 - --help stays quick

    from confide.broker import check_chain  # noqa: PLC0415 - the same
    from confide.owner import HomeFolder  # noqa: PLC0415 - the same

    database = HomeFolder(args.home.absolute()).database()
    with database.read() as reader:
        rows = tuple(reader.audit_rows())
    database.close()
    findings: tuple[Finding, ...] = ()
    try:
        check_chain(rows, args.head)
    except Refused as refusal:
        findings = refusal.findings
    shown = [row for row in rows if _wanted(row, args)]
    document = {
        "rows": [msgspec.to_builtins(row) for row in shown],
        "length": len(rows),
        "head": rows[-1].hash if rows else "",
        "chain": "broken" if findings else "whole",
        "findings": [finding.to_dict() for finding in findings],
    }
    return Reply(document, "\n".join([*map(row_text, shown), _verdict(rows, findings)]), exit_code=1 if findings else 0)


def _wanted(row: AuditRow, args: argparse.Namespace) -> bool:
    return (not args.refusals or row.kind == "refused") and args.job in (None, row.body.get("job"))


def row_text(row: AuditRow) -> str:
    """A row for a person: what happened, its facts, and every finding."""
    facts = [f"       {key}: {value}" for key, value in row.body.items() if isinstance(value, str | int)]
    findings = row.body.get("findings")
    reasons = [_finding(item) for item in findings] if isinstance(findings, list) else []
    return _printable("\n".join([f"{row.sequence:>5}  {row.at}  {row.kind}", *facts, *reasons]))


def _finding(item: object) -> str:
    """A finding as the log has it; in an edited log it may be anything."""
    fields = item if isinstance(item, Mapping) else {}
    return explain(Finding(*(str(fields.get(name, "?")) for name in ("code", "got", "wanted", "remedy"))))


def _printable(text: str) -> str:
    """Evidence is a stranger's text: what of it is in the log does not steer the owner's terminal."""
    return "".join(char if char.isprintable() or char == "\n" else "\N{REPLACEMENT CHARACTER}" for char in text)


def _verdict(rows: tuple[AuditRow, ...], findings: tuple[Finding, ...]) -> str:
    if findings:
        return "\n".join(["The log is BROKEN:", *map(explain, findings)])
    head = rows[-1].hash if rows else "none, the log is empty"
    whole = f"The chain of {len(rows)} rows is whole. Head: {head}"
    return f"{whole}\nA cut at the end shows only against a head that was noted elsewhere (--head)."
