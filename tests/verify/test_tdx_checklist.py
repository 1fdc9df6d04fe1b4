"""Rows 16 to 18 of the attestation checklist: TDX components and module, attributes, event log. Each refusal has its
positive twin: the healthy domain is accepted by the same call, and each case differs from it in one fact.
"""

from __future__ import annotations

import hashlib
import struct
from copy import deepcopy
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from confide.errors import Refused
from confide.evidence import EvidenceBundle
from confide.testing.fake_intel import FakeIntel, Machine
from confide.verify import VerifiedEvidence, verify_evidence

NOW = datetime(2026, 6, 1, tzinfo=UTC)
FAKE = FakeIntel.create(NOW)
DOMAIN = FAKE.domain()
SEPT_VE_DISABLE = 1 << 28
SVN = bytes((6, 1, 3)) + bytes(13)


def verify(bundle: EvidenceBundle) -> VerifiedEvidence:
    return verify_evidence(bundle, now=NOW, report_data=None, simulated_roots=[FAKE.root_fingerprint])


def codes_of(bundle: EvidenceBundle) -> set[str]:
    with pytest.raises(Refused) as caught:
        verify(bundle)
    return set(caught.value.codes)


def check_of(verified: VerifiedEvidence, code: str) -> tuple[str, str]:
    return next((check.outcome, check.reason) for check in verified.checks if check.code == code)


def with_report(**changes: Any) -> Machine:
    return replace(DOMAIN, report=replace(DOMAIN.report, **changes))


def with_module(**changes: Any) -> Machine:
    info = deepcopy(DOMAIN.tcb_info)
    info["tdxModuleIdentities"][0].update(changes)
    return replace(DOMAIN, tcb_info=info)


def test_healthy_domain_is_accepted():
    verified = verify(FAKE.evidence(DOMAIN))
    assert verified.claims["product"] == "TDX"
    tcb: Any = verified.claims["tcb"]
    assert tcb["parts"] == {"platform": "UpToDate", "qe": "UpToDate", "module": "UpToDate"}


# Row 16: TDX components, TDX module


@pytest.mark.parametrize("index", range(2, 16))
def test_row_16_each_tdx_component_counts(index: int):
    info = deepcopy(DOMAIN.tcb_info)
    for level in info["tcbLevels"]:
        level["tcb"]["tdxtcbcomponents"][index] = {"svn": 9}
    svn = bytearray(SVN)
    svn[index] = 9
    reached = replace(DOMAIN, tcb_info=info, report=replace(DOMAIN.report, tee_tcb_svn=bytes(svn)))
    verify(FAKE.evidence(reached))
    svn[index] = 8
    below = replace(reached, report=replace(DOMAIN.report, tee_tcb_svn=bytes(svn)))
    assert codes_of(FAKE.evidence(below)) == {"tdx.tcb.level", "tdx.tcb_status"}


@pytest.mark.parametrize("index", [0, 1])
def test_row_16_components_of_a_module_without_version_count_with_the_platform(index: int):
    info = deepcopy(DOMAIN.tcb_info)
    for level in info["tcbLevels"]:
        level["tcb"]["tdxtcbcomponents"][0] = {"svn": 5}
    old = bytes((5, 0, 3)) + bytes(13)
    machine = replace(DOMAIN, tcb_info=info, report=replace(DOMAIN.report, tee_tcb_svn=old))
    verified = verify(FAKE.evidence(machine))
    tcb: Any = verified.claims["tcb"]
    assert "module" not in tcb["parts"]
    for level in info["tcbLevels"]:
        level["tcb"]["tdxtcbcomponents"][index] = {"svn": 6}
    assert codes_of(FAKE.evidence(machine)) == {"tdx.tcb.level", "tdx.tcb_status"}


def test_row_16_module_with_a_version_is_not_compared_with_the_platforms_level():
    """Intel compares from the third component on then; dcap-qvl compares all, and is not asked."""
    info = deepcopy(DOMAIN.tcb_info)
    for level in info["tcbLevels"]:
        level["tcb"]["tdxtcbcomponents"][0] = {"svn": 7}
    verified = verify(FAKE.evidence(replace(DOMAIN, tcb_info=info)))
    assert check_of(verified, "tdx.dcap_qvl")[0] == "not applicable"


def test_row_16_old_module_is_out_of_date():
    with pytest.raises(Refused) as caught:
        verify(FAKE.evidence(with_report(tee_tcb_svn=bytes((4, 1, 3)) + bytes(13))))
    assert [(one.code, one.got) for one in caught.value.findings] == [("tdx.tcb_status", "OutOfDate, INTEL-SA-01099")]


def test_row_16_module_below_every_level_is_refused():
    assert "tdx.module" in codes_of(FAKE.evidence(with_report(tee_tcb_svn=bytes((2, 1, 3)) + bytes(13))))


def test_row_16_module_of_a_version_that_intel_does_not_list_is_refused():
    assert "tdx.module" in codes_of(FAKE.evidence(with_report(tee_tcb_svn=bytes((6, 2, 3)) + bytes(13))))


def test_row_16_module_is_found_by_its_hexadecimal_version():
    machine = replace(
        with_module(id="TDX_0A"), report=replace(DOMAIN.report, tee_tcb_svn=bytes((6, 10, 3)) + bytes(13))
    )
    verify(FAKE.evidence(machine))


def test_row_16_revoked_module_is_refused():
    levels = [{"tcb": {"isvsvn": 0}, "tcbDate": "2024-03-13T00:00:00Z", "tcbStatus": "Revoked"}]
    assert "tdx.tcb.revoked" in codes_of(FAKE.evidence(with_module(tcbLevels=levels)))


def test_row_17_module_by_another_signer_is_refused():
    assert codes_of(FAKE.evidence(with_report(mr_signer_seam=b"\1" * 48))) == {"tdx.module"}


def test_row_17_module_with_other_attributes_is_refused():
    assert codes_of(FAKE.evidence(with_report(seam_attributes=b"\1" + bytes(7)))) == {"tdx.module"}


def test_row_16_tcb_info_without_modules_is_refused_for_a_module_with_a_version():
    info = {name: value for name, value in DOMAIN.tcb_info.items() if not name.startswith("tdxModule")}
    assert "tdx.module" in codes_of(FAKE.evidence(replace(DOMAIN, tcb_info=info)))


# Row 17: attributes


@pytest.mark.parametrize("bit", range(8))
def test_row_17_domain_under_debug_is_refused(bit: int):
    codes = codes_of(FAKE.evidence(with_report(td_attributes=SEPT_VE_DISABLE | 1 << bit)))
    assert "tdx.debug" in codes
    assert codes <= {"tdx.debug", "tdx.reserved"}


@pytest.mark.parametrize("bit", [8, 15, 17, 26, 32, 47, 61])
def test_row_17_reserved_attribute_is_refused(bit: int):
    assert codes_of(FAKE.evidence(with_report(td_attributes=SEPT_VE_DISABLE | 1 << bit))) == {"tdx.reserved"}


@pytest.mark.parametrize("bits", [0, 1 << 29 | SEPT_VE_DISABLE, 1 << 63 | SEPT_VE_DISABLE, 1 << 27 | SEPT_VE_DISABLE])
def test_row_17_attributes_that_a_policy_decides_on_are_judged_without_dcap_qvl(bits: int):
    verified = verify(FAKE.evidence(with_report(td_attributes=bits)))
    assert check_of(verified, "tdx.dcap_qvl")[0] == "not applicable"


@pytest.mark.parametrize("bits", [1 << 30 | SEPT_VE_DISABLE, 1 << 31 | SEPT_VE_DISABLE])
def test_row_17_protection_keys_and_key_locker_are_taken(bits: int):
    assert check_of(verify(FAKE.evidence(with_report(td_attributes=bits))), "tdx.dcap_qvl")[0] == "passed"


def test_row_17_service_domain_is_refused_by_default():
    machine = FAKE.domain(version=5, mr_service_td=b"\1" * 48)
    assert codes_of(FAKE.evidence(machine)) == {"tdx.mr_service_td"}


def test_row_17_debug_is_found_although_dcap_qvl_cannot_be_asked():
    with pytest.raises(Refused) as caught:
        verify(FAKE.evidence(with_report(td_attributes=SEPT_VE_DISABLE | 1)))
    (check,) = [one for one in caught.value.checks if one.code == "tdx.dcap_qvl"]
    assert check.outcome == "not applicable"
    assert "debug" in check.reason


# Row 18: event log


def spec_header() -> bytes:
    spec = b"Spec ID Event03\0" + struct.pack("<IBBBBI", 0, 0, 2, 0, 2, 1) + struct.pack("<HH", 0x0C, 48) + b"\0"
    return struct.pack("<II20sI", 1, 3, bytes(20), len(spec)) + spec


def event(register: int, data: bytes, kind: int = 0x80000001) -> bytes:
    digest = hashlib.sha384(data).digest()
    return struct.pack("<IIIH", register, kind, 1, 0x0C) + digest + struct.pack("<I", len(data)) + data


def extended(*data: bytes) -> bytes:
    value = bytes(48)
    for one in data:
        value = hashlib.sha384(value + hashlib.sha384(one).digest()).digest()
    return value


EVENTS = [event(1, b"firmware"), event(2, b"kernel"), event(2, b"loader"), event(3, b"command line")]
RTMRS = (extended(b"firmware"), extended(b"kernel", b"loader"), extended(b"command line"), bytes(48))


def logged(*events: bytes, padding: bytes = b"", **changes: Any) -> EvidenceBundle:
    machine = with_report(**({"rtmrs": RTMRS} | changes))
    return FAKE.evidence(machine, event_log=spec_header() + b"".join(events) + padding)


@pytest.mark.parametrize("padding", [b"", b"\xff" * 99, bytes(99)])
def test_row_18_log_that_replays_is_accepted(padding: bytes):
    verified = verify(logged(*EVENTS, padding=padding))
    assert check_of(verified, "tdx.event_log")[0] == "passed"
    log: Any = verified.claims["event_log"]
    assert log == {"events": 4, "replayed": {f"rtmr{n}": RTMRS[n].hex() for n in range(3)}}


def test_row_18_event_without_action_never_extends():
    verify(logged(*EVENTS, event(1, b"a note", kind=3), event(4, b"another", kind=3)))


def test_row_18_event_of_no_register_is_skipped():
    verify(logged(*EVENTS, event(0xFFFFFFFF, b"nothing")))


def test_row_18_unlogged_register_of_the_guest_is_its_own_affair():
    verify(logged(*EVENTS, rtmrs=(*RTMRS[:3], b"\7" * 48)))


def test_row_18_logged_register_of_the_guest_has_to_replay():
    verify(logged(*EVENTS, event(4, b"mine"), rtmrs=(*RTMRS[:3], extended(b"mine"))))
    assert codes_of(logged(*EVENTS, event(4, b"mine"), rtmrs=(*RTMRS[:3], extended(b"yours")))) == {"tdx.event_log"}


@pytest.mark.parametrize("left_out", range(4))
def test_row_18_log_with_an_event_left_out_is_refused(left_out: int):
    rest = [one for index, one in enumerate(EVENTS) if index != left_out]
    assert codes_of(logged(*rest)) == {"tdx.event_log"}


def test_row_18_events_in_another_order_are_refused():
    first, second, third, fourth = EVENTS
    assert codes_of(logged(first, third, second, fourth)) == {"tdx.event_log"}


def test_row_18_event_of_a_register_that_does_not_exist_is_refused():
    assert codes_of(logged(*EVENTS, event(5, b"more"))) == {"tdx.event_log"}
    assert codes_of(logged(*EVENTS, event(0, b"less"))) == {"tdx.event_log"}


@pytest.mark.parametrize("log", [b"\xff" * 64, b"no log at all", spec_header()[:40], b""])
def test_row_18_what_is_no_log_is_refused(log: bytes):
    assert codes_of(FAKE.evidence(DOMAIN, event_log=log)) == {"tdx.event_log"}


def test_row_18_missing_log_is_said():
    assert check_of(verify(FAKE.evidence(DOMAIN)), "tdx.event_log") == (
        "not applicable",
        "no event log came with the evidence",
    )


def test_claims_name_every_field_of_the_report():
    registers = {"mr_td": b"\1" * 48, "mr_config_id": b"\2" * 48, "mr_owner": b"\3" * 48, "mr_owner_config": b"\4" * 48}
    claims = verify(FAKE.evidence(with_report(**registers))).claims
    assert claims["mr_td"] == "01" * 48
    assert (claims["mr_config_id"], claims["mr_owner"], claims["mr_owner_config"]) == ("02" * 48, "03" * 48, "04" * 48)
