"""Do event logs replay to the PCR values that a TPM signed? Step 9 of `confide.verify.tpm`.

Source: TCG PC Client Platform Firmware Profile, revision 1.06, section 9 (replay); TCG TPM 2.0 Library, part 1,
section 17 (PCR).
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from confide.checklist import Checklist
from confide.errors import Refused
from confide.evidence.boot_events import BootEvent, read_boot_events
from confide.evidence.bundle import EvidenceBundle
from confide.evidence.cel import parse_cel
from confide.evidence.tcg_log import TcgLog, known_hash, parse_log, replay
from confide.evidence.tpm import PcrValues

# The banks by the strength of their hash.
STRONGEST = ("sha512", "sha3_512", "sha384", "sha3_384", "sha256", "sha3_256", "sm3_256", "sha1")
CODES = frozenset({"tpm.log.replay"})

_REMEDY = "Give the log of this very boot, whole; a log that was changed does not replay."


@dataclass(frozen=True, slots=True)
class LoggedBoot:
    """What logs say of the PCRs that a quote covers: the bank in which they replay, the events, the PCRs that they
    extend, and those that nothing extended, since they have the value that they began with.
    """

    bank: str
    events: tuple[BootEvent, ...]
    registers: frozenset[int]
    untouched: frozenset[int] = frozenset()

    @property
    def known(self) -> frozenset[int]:
        """The PCRs of which the logs tell all."""
        return self.registers | self.untouched


def read_logs(bundle: EvidenceBundle) -> TcgLog | None:
    """The firmware's log and behind it the canonical log of what ran later, as one; None where there is neither.
    Raises Refused with a code of `log.`.
    """
    firmware, later = bundle.part("event_log"), bundle.part("canonical_event_log")
    logs = [parse(data) for parse, data in ((parse_log, firmware), (parse_cel, later)) if data is not None]
    if not logs:
        return None
    shared = tuple(name for name in logs[0].algorithms if all(name in log.algorithms for log in logs))
    return TcgLog(shared, tuple(event for log in logs for event in log.events))


def strongest(banks: Collection[str]) -> str | None:
    """The bank whose hash is strongest, None where there is none."""
    return next((bank for bank in STRONGEST if bank in banks), None)


def check_logs(bundle: EvidenceBundle, values: PcrValues | None, checklist: Checklist) -> LoggedBoot | None:
    """Step 9: every PCR that the logs extend and that the quote covers has the value to which they replay. `values` are
    those that the quote's digest covers, None where they could not be read. Nothing is said of other PCRs.
    """
    if values is None:
        checklist.unchecked("tpm.log.replay", "tpm.pcrs.malformed")
        return None
    try:
        log = read_logs(bundle)
        if log is None:
            checklist.not_applicable("tpm.log.replay", "no event log came with the evidence")
            return None
        bank = _bank(log, values)
        replayed = replay(log, bank)
    except Refused as failure:
        checklist.absorb(failure)
        checklist.unchecked("tpm.log.replay", failure.codes[0])
        return None
    covered = frozenset(replayed.keys() & values[bank].keys())
    wrong = [index for index in sorted(covered) if replayed[index] != values[bank][index]]
    checklist.expect(
        "tpm.log.replay",
        bool(covered) and not wrong,
        got=_got(bank, wrong, replayed, values),
        wanted="the quoted values" if wrong else "a quote over PCRs that the log extends",
        remedy=_REMEDY,
    )
    events = tuple(event for event in read_boot_events(log, bank) if event.register in covered)
    untouched = frozenset(index for index, value in values[bank].items() if not any(value))
    return LoggedBoot(bank, events, covered, untouched - covered)


def _bank(log: TcgLog, values: PcrValues) -> str:
    """The strongest bank that both the log and the quote have. Raises Refused `log.algorithm`."""
    bank = strongest({name for name in log.algorithms if name in values and known_hash(name)})
    if bank is None:
        raise Refused.because(
            "log.algorithm",
            got=f"a log with {', '.join(log.algorithms) or 'no bank in all its events'}",
            wanted=f"digests of a bank that is quoted with its values: {', '.join(values) or 'none is'}",
            remedy="Quote a bank that the log has, and give the values with the quote.",
        )
    return bank


def _got(bank: str, wrong: list[int], replayed: dict[int, bytes], values: PcrValues) -> str:
    if not wrong:
        return "a log that extends none of the quoted PCRs"
    index = wrong[0]
    others = f", and so of {len(wrong) - 1} more" if len(wrong) > 1 else ""
    return (
        f"PCR {index} ({bank}) at {replayed[index].hex()} by the log, at {values[bank][index].hex()} by the TPM{others}"
    )
