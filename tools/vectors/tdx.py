"""Vectors of Intel TDX, by a fake Intel: what SGX has too, domains, modules, event logs, and what a policy wants."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import replace
from typing import Any

from confide.policy.model import Waiver
from confide.testing.vectors import Vector
from vectors._intel import DATA, FAKE, Bench, shared

DESCRIPTION = "Quotes of TDX domains by a fake Intel: one fault each, all else right down to the signatures."
ZERO, OTHER = "00" * 48, "ff" * 48
SEPT_VE_DISABLE = 1 << 28
EVENTS = ((1, b"firmware"), (2, b"kernel"), (2, b"loader"), (3, b"command line"))


def event(register: int, data: bytes, kind: int = 0x80000001) -> bytes:
    """One event of a log, with its SHA-384."""
    digest = hashlib.sha384(data).digest()
    return struct.pack("<IIIH", register, kind, 1, 0x0C) + digest + struct.pack("<I", len(data)) + data


def log_of(*events: tuple[int, bytes]) -> bytes:
    """A whole log (CCEL), with its header."""
    spec = b"Spec ID Event03\0" + struct.pack("<IBBBBIHHB", 0, 0, 2, 0, 2, 1, 0x0C, 48, 0)
    return struct.pack("<II20sI", 1, 3, bytes(20), len(spec)) + spec + b"".join(event(*one) for one in events)


def extended(register: int) -> bytes:
    """What the events extend a register to."""
    value = bytes(48)
    for number, data in EVENTS:
        if number == register:
            value = hashlib.sha384(value + hashlib.sha384(data).digest()).digest()
    return value


RTMRS = tuple(extended(number) for number in range(1, 5))
ALWAYS: dict[str, Any] = {"mrtd": [ZERO], **{f"rtmr{n}": [RTMRS[n].hex()] for n in range(3)}}
BENCH = Bench.of(FAKE.domain(report_data=DATA, rtmrs=RTMRS), **ALWAYS)


def vectors() -> Iterator[Vector]:
    """All of them."""
    yield from shared(BENCH)
    yield from versions()
    yield from domains()
    yield from modules()
    yield from logs()
    yield from rules()


def svn(*first: int) -> bytes:
    """TEE_TCB_SVN of 16 bytes."""
    return bytes(first) + bytes(16 - len(first))


def versions() -> Iterator[Vector]:
    """Versions of quote and body."""
    five = FAKE.sign_quote(FAKE.domain(version=5, report_data=DATA))
    newer = FAKE.sign_quote(FAKE.domain(version=5, report_data=DATA, mr_service_td=bytes(48)))
    yield BENCH.vector("right-version-5", "", quote=five)
    yield BENCH.vector("right-tdx-1.5", "", quote=newer)
    raw = five.encode()
    for name, kind, size in (("0", 0, 584), ("of-an-enclave", 1, 384), ("4", 4, 648), ("size", 2, 648)):
        wrong = raw[:48] + struct.pack("<HI", kind, size) + raw[54:]
        yield BENCH.vector(f"body-{name}", "a body that is not known", "body_type", quote=wrong)
    relabelled = newer.encode()[:48] + struct.pack("<HI", 2, 584) + newer.encode()[54:]
    yield BENCH.vector("body-relabelled", "the body of 1.5 as one of 1.0", "size", quote=relabelled)
    old = b"\3" + BENCH.quote.encode()[1:]
    yield BENCH.vector("version-3", "a version that only SGX has", "version", quote=old)
    enclave = FAKE.sign_quote(FAKE.enclave(version=4, report_data=DATA))
    yield BENCH.vector("quote-of-an-enclave", "the quote of the other TEE", "tee_type", quote=enclave)


def domains() -> Iterator[Vector]:
    """Attributes and service domains."""
    for bit in (0, 4, 6):
        machine = BENCH.report(td_attributes=SEPT_VE_DISABLE | 1 << bit)
        yield BENCH.vector(f"debug-bit-{bit}", "the domain is under debugging", "debug", machine=machine)
    reserved = BENCH.report(td_attributes=SEPT_VE_DISABLE | 2)
    yield BENCH.vector("debug-bit-1", "an unknown kind of debugging", "debug", "reserved", machine=reserved)
    for bit in (8, 32, 61):
        machine = BENCH.report(td_attributes=SEPT_VE_DISABLE | 1 << bit)
        yield BENCH.vector(f"reserved-bit-{bit}", "an attribute that is not known", "reserved", machine=machine)
    for bit in (27, 29, 30, 31, 63):
        machine = BENCH.report(td_attributes=SEPT_VE_DISABLE | 1 << bit)
        yield BENCH.vector(f"right-attribute-{bit}", "", machine=machine)
    served = FAKE.domain(version=5, report_data=DATA, mr_service_td=b"\1" * 48)
    yield BENCH.vector("service-domain", "a domain that can act on it", "mr_service_td", machine=served)


def modules() -> Iterator[Vector]:
    """The TDX module."""
    listed = {
        "signer": {"mr_signer_seam": b"\1" * 48},
        "attributes": {"seam_attributes": b"\1" + bytes(7)},
    }
    for name, changes in listed.items():
        yield BENCH.vector(f"module-{name}", "a module that is not Intel's", "module", machine=BENCH.report(**changes))
    for name, versions_ in {"unknown-version": (6, 2, 3), "below-every-level": (2, 1, 3)}.items():
        machine = BENCH.report(tee_tcb_svn=svn(*versions_))
        yield BENCH.vector(f"module-{name}", "a module that Intel does not list", "module", "tcb_status",
                           machine=machine)  # fmt: skip
    old = BENCH.report(tee_tcb_svn=svn(4, 1, 3))
    yield BENCH.vector("module-out-of-date", "an old module", "tcb_status", machine=old)
    yield BENCH.vector("right-module-without-version", "", machine=BENCH.report(tee_tcb_svn=svn(5, 0, 3)))
    low = BENCH.report(tee_tcb_svn=svn(6, 1, 1))
    yield BENCH.vector("component-2", "a TDX component below all levels", "tcb.level", "tcb_status", machine=low)
    info = deepcopy(BENCH.machine.tcb_info)
    info["tdxModuleIdentities"][0]["tcbLevels"][0]["tcbStatus"] = "Revoked"
    revoked = BENCH.documents(replace(BENCH.machine, tcb_info=info))
    yield BENCH.vector("module-revoked", "a module that is revoked", "tcb.revoked", "tcb_status", pieces=revoked)
    none = {name: value for name, value in BENCH.machine.tcb_info.items() if not name.startswith("tdxModule")}
    pieces = BENCH.documents(replace(BENCH.machine, tcb_info=none))
    yield BENCH.vector("no-modules", "TCB info that lists no module", "module", "tcb_status", pieces=pieces)


def logs() -> Iterator[Vector]:
    """Event logs."""
    whole = log_of(*EVENTS)
    for name, data in {"": whole, "-padded": whole + b"\xff" * 99, "-zeros": whole + bytes(99)}.items():
        yield BENCH.vector(f"right-log{name}", "", parts={"event_log": data})
    first, second, third, fourth = EVENTS
    wrong = {
        "log-without-first": log_of(*EVENTS[1:]),
        "log-without-last": log_of(*EVENTS[:-1]),
        "log-reordered": log_of(first, third, second, fourth),
        "log-more": log_of(*EVENTS, (1, b"more")),
        "log-of-the-guest": log_of(*EVENTS, (4, b"mine")),
        "log-of-register-5": log_of(*EVENTS, (5, b"more")),
        "log-of-register-0": log_of(*EVENTS, (0, b"less")),
        "log-of-nothing": b"",
        "log-is-text": b"no log at all",
        "log-cut": whole[:-3],
    }
    for name, data in wrong.items():
        yield BENCH.vector(name, "a log that does not replay", "event_log", parts={"event_log": data})


def rules() -> Iterator[Vector]:
    """Each rule of a domain, held and broken."""
    held: dict[str, Any] = {
        "rtmr3": [OTHER, ZERO], "xfam": "0x602e7", "mr_config_id": ZERO, "event_log": True,
        "td_attributes": hex(SEPT_VE_DISABLE),
    }  # fmt: skip
    yield BENCH.vector("policy-domain-held", "", policy=held, parts={"event_log": log_of(*EVENTS)})
    broken: dict[str, tuple[Any, str]] = {
        "mrtd": ([OTHER], "policy.workload.measurement"),
        **{f"rtmr{n}": ([OTHER], f"rtmr{n}") for n in range(4)},
        "xfam": ("0x3", "xfam"),
        "mr_config_id": (OTHER, "mr_config_id"),
        "mr_owner": (OTHER, "mr_owner"),
        "mr_owner_config": (OTHER, "mr_owner_config"),
        "mr_signer_seam": (OTHER, "mr_signer_seam"),
        "mr_service_td": (OTHER, "mr_service_td"),
        "event_log": (True, "event_log.missing"),
        "td_attributes": ("0x0", "td_attributes"),
    }
    for name, (value, code) in broken.items():
        yield BENCH.vector(f"policy-{name}", "the policy wants otherwise", code, policy={name: value})
    handler, moved = BENCH.report(td_attributes=0), BENCH.report(td_attributes=SEPT_VE_DISABLE | 1 << 29)
    yield BENCH.vector("policy-sept_ve_disable", "a handler of the host's choice", "sept_ve_disable", machine=handler,
                       policy={})  # fmt: skip
    yield BENCH.vector("policy-migratable", "it can be moved", "migratable", machine=moved,
                       policy={"td_attributes": "0x30000000"})  # fmt: skip
    debugged = BENCH.report(td_attributes=SEPT_VE_DISABLE | 1)
    yield BENCH.vector("policy-debug", "debug mode", "debug", machine=debugged,
                       policy={"td_attributes": "0x10000001"})  # fmt: skip
    yield BENCH.vector("policy-debug-waived", "", machine=debugged,
                       policy={"td_attributes": "0x10000001", "debug": Waiver("a test machine")})  # fmt: skip
    served = FAKE.domain(version=5, report_data=DATA, rtmrs=RTMRS, mr_service_td=b"\1" * 48)
    yield BENCH.vector("policy-right-service-domain", "", machine=served, policy={"mr_service_td": "01" * 48})
    yield BENCH.vector("policy-service-domain", "another service domain", "mr_service_td", machine=served, policy={})
