"""Writes a policy with every field set, to be read and edited by a person."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from confide.evidence.snp import FORMAT, Tcb
from confide.policy.model import Kind, Waiver
from confide.policy.rules import FLOOR, FLOOR_COMMENT, RULES

# The lowest levels that hold AMD's fix of the microcode signature flaw (AMD-SB-3019, for Genoa the level of Bergamo
# and Siena, whose microcode counts on its own; plain Genoa should ask for microcode 84).
DEFAULT_FLOORS = {
    "Milan": Tcb(bootloader=4, tee=0, snp=24, microcode=219),
    "Genoa": Tcb(bootloader=10, tee=0, snp=23, microcode=25),
    "Turin": Tcb(fmc=0, bootloader=1, tee=0, snp=1, microcode=0),
}

_NO_IMAGE = Waiver("the launch measurement says what runs")
_SIMULATED = Waiver("SIMULATED: there is no such hardware to ask")
_DEFAULTS: dict[str, object] = {
    "signing_key": "vcek",
    "vmpl": 0,
    "debug": False,
    "migration_agent": False,
    "smt": False,
    "single_socket": Waiver("the link between two sockets of one machine is accepted"),
    "alias_check": True,
    "ecc": Waiver("errors in memory are no matter of confidentiality"),
    "tsme": Waiver("the guest's memory is encrypted in any case"),
    "minimum_abi": Waiver("the floor on the firmware's patch level says more"),
    "minimum_guest_svn": 0,
    "mitigations": Waiver("only reports of version 5 show them"),
    "host_data": Waiver("the host attaches nothing that counts"),
    "family_id": _NO_IMAGE,
    "image_id": _NO_IMAGE,
    "id_key_digests": _NO_IMAGE,
    "author_key_digests": _NO_IMAGE,
    "chip_ids": Waiver("any genuine chip of this product may be used"),
    "denied_chip_ids": Waiver("no chip is known to be broken"),
    "crl": True,
}
_FOR_SIMULATION: dict[str, object] = {
    "ecc": _SIMULATED, "tsme": _SIMULATED, "single_socket": _SIMULATED, "mitigations": _SIMULATED,
    "minimum_abi": _SIMULATED,
}  # fmt: skip


def render_policy(
    *,
    name: str,
    kind: Kind,
    workload: str,
    runtime: str,
    recipients: Sequence[str],
    measurement: bytes,
    simulated_root: str | None = None,
    product: str = "Genoa",
    releases_per_key: int = 100,
    challenge_seconds: int = 60,
    minimum_tcb: Tcb | None = None,
    overrides: Mapping[str, object] | None = None,
) -> str:
    """TOML text with every field set and explained. `recipients` are X25519 public keys in base64, `measurement` is
    the predicted launch measurement (48 bytes); `overrides` replaces fields of the platform (a `Waiver`, or the
    value as the file has it). `simulated_root` (a fingerprint) belongs to the kind simulation. The text is not
    checked: `parse_policy` does that.
    """
    values = _DEFAULTS | (_FOR_SIMULATION if kind == "simulation" else {}) | {"measurements": [measurement.hex()]}
    values |= overrides or {}
    lines = [
        f"# Policy {name}: who may read, where, and what for. `confide policy explain` says it in sentences.",
        '# Every field is required. A check is given up only in words: field = { waived = "why" }.',
        "version = 1",
        f"name = {_value(name)}",
        *_comment('"production" accepts real hardware alone, "simulation" SIMULATED machines alone'),
        f"kind = {_value(kind)}",
    ]
    if simulated_root is not None:
        lines += _comment("the roots of the SIMULATED machines; whoever has their keys can read the data")
        lines.append(f"simulated_roots = {_value([simulated_root])}")
    lines += _workload_and_release(workload, runtime, recipients, releases_per_key, challenge_seconds)
    lines += _platform(product, values, minimum_tcb or DEFAULT_FLOORS[product])
    return "\n".join(lines) + "\n"


def _workload_and_release(
    workload: str, runtime: str, recipients: Sequence[str], releases: int, seconds: int
) -> list[str]:
    return [
        "",
        "[workload]",
        *_comment("the digest of the workload's bundle (`confide workload show`) and of the agent that runs it"),
        f"digest = {_value(workload)}",
        f"runtime = {_value(runtime)}",
        "",
        "[release]",
        *_comment("who may receive results: Crypt4GH (X25519) public keys"),
        f"recipients = {_value(list(recipients))}",
        *_comment("how often each key may be released, and how long (seconds) an enclave has to answer"),
        f"releases_per_key = {releases}",
        f"challenge_seconds = {seconds}",
    ]


def _platform(product: str, values: Mapping[str, object], floor: Tcb | Waiver) -> list[str]:
    lines = ["", "[[platform]]", f"format = {_value(FORMAT)}", f"product = {_value(product)}"]
    for rule in RULES:
        lines += [*_comment(rule.comment), f"{rule.name} = {_value(values[rule.name])}"]
    return [*lines, *_comment(FLOOR_COMMENT), f"{FLOOR} = {_value(floor)}"]


def _comment(text: str) -> list[str]:
    return [f"# {text}"]


def _value(value: object) -> str:
    """A TOML value. JSON's strings, numbers, booleans and lists of them are TOML's as well."""
    if isinstance(value, Waiver):
        return f"{{ waived = {_value(value.reason)} }}"
    if isinstance(value, Tcb):
        return "{ " + ", ".join(f"{name} = {level}" for name, level in value.components().items()) + " }"
    return json.dumps(value, ensure_ascii=False)
