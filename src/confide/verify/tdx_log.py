"""The event log of a trust domain (CCEL): does it replay to the RTMRs that the quote signs?

Sources: UEFI 2.10, section 38.4.1 (confidential computing event log); Intel TDX guest-hypervisor communication
interface; TCG PC Client Platform Firmware Profile, section 10.2.2. Register 1 to 4 of the log is RTMR0 to RTMR3.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from confide.checklist import Checklist
from confide.errors import Refused
from confide.evidence.tcg_log import TcgLog, parse_log, replay
from confide.evidence.tdx import RTMRS, TdReport

ALGORITHM = "sha384"
_APPLICATION = 3  # RTMR3 is the guest's own, and usually extended without a log


@dataclass(frozen=True, slots=True)
class RtmrLog:
    """A log and what it replays to: `registers` by RTMR number, those that it extends."""

    log: TcgLog
    registers: dict[int, bytes] = field(hash=False)

    def claims(self) -> dict[str, object]:
        """The replay as JSON-able values."""
        logged = {f"rtmr{number}": value.hex() for number, value in sorted(self.registers.items())}
        return {"events": len(self.log.events), "replayed": logged}


def check_event_log(data: bytes | None, report: TdReport, checklist: Checklist) -> RtmrLog | None:
    """The log replays to RTMR0 to 2, and to RTMR3 where it says anything of it. Without a log that is said; whether
    one is required is the policy's business.
    """
    if data is None:
        checklist.not_applicable("tdx.event_log", "no event log came with the evidence")
        return None
    try:
        log = parse_log(data)
        registers = {number - 1: value for number, value in replay(log, ALGORITHM).items()}
    except Refused as failure:
        _record(checklist, f"a log that does not parse: {failure.findings[0].got}")
        return None
    unknown = sorted(number + 1 for number in registers if not 0 <= number < RTMRS)
    wrong = [f"RTMR{number}" for number in range(RTMRS) if not _explained(number, registers, report)]
    if unknown:
        _record(checklist, f"a log with the registers {', '.join(map(str, unknown[:8]))}")
    else:
        _record(checklist, f"a log that does not replay to {', '.join(wrong)}" if wrong else "")
    return RtmrLog(log, registers)


def _explained(number: int, registers: dict[int, bytes], report: TdReport) -> bool:
    if number == _APPLICATION and number not in registers:
        return True
    return registers.get(number, bytes(48)) == report.rtmrs[number]


def _record(checklist: Checklist, fault: str) -> None:
    checklist.expect(
        "tdx.event_log",
        not fault,
        got=fault,
        wanted="a log whose replay gives the RTMRs of the quote",
        remedy="Give the log of this very boot, read after the quote was made or before anything more was measured.",
    )
