"""What everyone is owed who has no policy: no debug mode, and a platform that is up to date."""

from __future__ import annotations

from confide.checklist import Checklist
from confide.verify.intel import Platform

ACCEPTED = "UpToDate"
UPDATE = "Have the host updated or configured as the advisories say, or accept this status in a policy."
NO_DEBUG = "Launch without debug mode; the host can read the memory."


def check_debug(debug: bool | None, prefix: str, checklist: Checklist) -> None:
    """Debug mode lets the host read the memory. None: nothing could be read."""
    if debug is None:
        checklist.unchecked(f"{prefix}.debug", "the reading of the quote")
        return
    checklist.expect(f"{prefix}.debug", not debug, got="debug mode on", wanted="debug mode off", remedy=NO_DEBUG)


def check_status(platform: Platform | None, prefix: str, checklist: Checklist) -> None:
    """A platform that Intel says is up to date. Whether less will do only a policy can say."""
    if platform is None or platform.tcb is None:
        checklist.unchecked(f"{prefix}.tcb_status", "the reading of the collateral")
        return
    checklist.expect(
        f"{prefix}.tcb_status",
        platform.tcb.status == ACCEPTED,
        got=platform.tcb.summary(),
        wanted=f"{ACCEPTED}, since no policy accepts anything else",
        remedy=UPDATE,
    )
