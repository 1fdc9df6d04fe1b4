"""A checklist collects every check of a verification, so that all findings are reported at once."""

from __future__ import annotations

from collections.abc import Collection

from confide.errors import Check, Finding, Refused


class Checklist:
    """The checks made so far. Nothing counts as accepted until `refuse_if_failed` has returned."""

    def __init__(self) -> None:
        self._checks: list[Check] = []
        self._findings: list[Finding] = []

    @property
    def checks(self) -> tuple[Check, ...]:
        """Every check recorded so far, in order."""
        return tuple(self._checks)

    @property
    def findings(self) -> tuple[Finding, ...]:
        """The findings of the checks that failed, in order."""
        return tuple(self._findings)

    def expect(self, code: str, passed: bool, *, got: object, wanted: object, remedy: str, reason: str = "") -> bool:
        """Records the check `code`; where it failed, its finding as well. Returns whether it passed,
        only so that a check that needs this one can be left out.
        """
        self._checks.append(Check(code, "passed" if passed else "failed", reason))
        if not passed:
            self._findings.append(Finding(code, str(got), str(wanted), remedy))
        return passed

    def fail(self, finding: Finding) -> None:
        """Records a check that failed."""
        self._checks.append(Check(finding.code, "failed"))
        self._findings.append(finding)

    def waive(self, code: str, reason: str) -> None:
        """Records that the policy gave this check up, and why."""
        if not reason.strip():
            raise ValueError(f"the waiver of {code} gives no reason")
        self._checks.append(Check(code, "waived", reason))

    def not_applicable(self, code: str, reason: str) -> None:
        """Records that the check has no meaning for this evidence, and why."""
        self._checks.append(Check(code, "not applicable", reason))

    def unchecked(self, code: str, cause: str) -> None:
        """Records a check that could not be made since `cause`, a check that failed before it, is its ground. It
        counts as failed, without a finding of its own. Raises ValueError where nothing has failed yet.
        """
        if not self._findings:
            raise ValueError(f"{code} was left out although nothing failed")
        self._checks.append(Check(code, "failed", f"not checked, since {cause} failed"))

    def absorb(self, failure: Refused) -> None:
        """Takes over the checks and findings of a refusal raised inside one step."""
        failed_already = {check.code for check in failure.checks if check.outcome == "failed"}
        self._checks.extend(failure.checks)
        self._checks.extend(Check(code, "failed") for code in failure.codes if code not in failed_already)
        self._findings.extend(failure.findings)

    def include(self, other: Checklist, *, without: Collection[str] = ()) -> None:
        """Takes over the checks and findings of another checklist, such as that of evidence inside evidence; all but
        those with a code in `without`, which the caller makes itself.
        """
        self._checks.extend(check for check in other.checks if check.code not in without)
        self._findings.extend(finding for finding in other.findings if finding.code not in without)

    def refuse_if_failed(self) -> None:
        """Raises `Refused` with every finding, or returns where every check passed."""
        if self._findings:
            raise Refused(self._findings, self._checks)
        if not self._checks:
            raise ValueError("an empty checklist accepts nothing")
