"""Vectors of Intel SGX, by a fake Intel: what TDX has too, enclaves, and what a policy wants of them."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any

from confide.policy.model import Waiver
from confide.testing.vectors import Vector
from vectors._intel import DATA, FAKE, Bench, shared

DESCRIPTION = "Quotes of SGX enclaves by a fake Intel: one fault each, all else right down to the signatures."
ENCLAVE, SIGNER = "11" * 32, "22" * 32
INIT, DEBUG, MODE64 = 1, 2, 4
BENCH = Bench.of(FAKE.enclave(report_data=DATA), mrenclave=[ENCLAVE])


def vectors() -> Iterator[Vector]:
    """All of them."""
    yield from shared(BENCH)
    yield from versions()
    yield from enclaves()
    yield from rules()


def versions() -> Iterator[Vector]:
    """Versions of quote and body."""
    for version in (4, 5):
        yield BENCH.vector(f"right-version-{version}", "", machine=FAKE.enclave(version=version, report_data=DATA))
    raw = FAKE.sign_quote(FAKE.enclave(version=5, report_data=DATA)).encode()
    for name, kind, size in (("0", 0, 384), ("of-a-domain", 2, 584), ("4", 4, 384), ("size", 1, 584)):
        wrong = raw[:48] + struct.pack("<HI", kind, size) + raw[54:]
        yield BENCH.vector(f"body-{name}", "a body that is not known", "body_type", quote=wrong)
    domain = FAKE.sign_quote(FAKE.domain(report_data=DATA))
    yield BENCH.vector("quote-of-a-domain", "the quote of the other TEE", "tee_type", quote=domain)


def enclaves() -> Iterator[Vector]:
    """Attributes and reserved fields."""
    yield BENCH.vector("debug", "debug mode", "debug", machine=BENCH.report(flags=INIT | DEBUG | MODE64))
    for bit in (3, 8, 63):
        machine = BENCH.report(flags=INIT | MODE64 | 1 << bit)
        yield BENCH.vector(f"reserved-flag-{bit}", "an attribute that is not known", "reserved", machine=machine)
    for bit in (4, 6, 7, 10):
        yield BENCH.vector(f"right-flag-{bit}", "", machine=BENCH.report(flags=INIT | MODE64 | 1 << bit))
    sizes = (12, 32, 32, 42)
    for index, size in enumerate(sizes):
        fields = tuple(bytes(one) if at != index else bytes(size - 1) + b"\1" for at, one in enumerate(sizes))
        machine = BENCH.report(reserved=fields)
        yield BENCH.vector(f"reserved-bytes-{index}", "something in a reserved field", "reserved", machine=machine)


def rules() -> Iterator[Vector]:
    """Each rule of an enclave, held and broken."""
    by_signer: dict[str, Any] = {"mrenclave": Waiver("its signer says what runs"), "mrsigner": ["00" * 32, SIGNER]}
    held = {"isv_prod_id": 0, "minimum_isv_svn": 0, "attributes": "0x5", "xfrm": "0x3", "misc_select": "0x0"}
    yield BENCH.vector("policy-enclave-held", "", policy=held)
    yield BENCH.vector("policy-right-signer", "", policy=by_signer)
    broken: dict[str, tuple[Any, str]] = {
        "mrenclave": (["00" * 32], "policy.workload.measurement"),
        "mrsigner": (["00" * 32], "mr_signer"),
        "isv_prod_id": (1, "isv_prod_id"),
        "minimum_isv_svn": (1, "isv_svn"),
        "attributes": ("0x1", "attributes"),
        "xfrm": ("0x1", "xfrm"),
        "config_id": ("01" * 64, "config_id"),
        "minimum_config_svn": (1, "config_svn"),
    }
    for name, (value, code) in broken.items():
        yield BENCH.vector(f"policy-{name}", "the policy wants otherwise", code, policy={name: value})
    misc = BENCH.report(misc_select=1)
    yield BENCH.vector("policy-misc_select", "more of MISCSELECT", "misc_select", machine=misc, policy={})
    yield BENCH.vector("policy-right-misc_select", "", machine=misc, policy={"misc_select": "0x1"})
    debugged = BENCH.report(flags=INIT | DEBUG | MODE64)
    yield BENCH.vector("policy-debug", "debug mode", "debug", machine=debugged, policy={"attributes": "0x7"})
    yield BENCH.vector("policy-debug-waived", "", machine=debugged,
                       policy={"attributes": "0x7", "debug": Waiver("a test machine")})  # fmt: skip
    newer = BENCH.report(isv_prod_id=7, isv_svn=3, config_svn=2, config_id=b"\1" * 64)
    wishes = {"isv_prod_id": 7, "minimum_isv_svn": 3, "minimum_config_svn": 2, "config_id": "01" * 64}
    yield BENCH.vector("policy-right-numbers", "", machine=newer, policy=wishes)
