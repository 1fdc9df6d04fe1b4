"""Writes a policy with every field set, to be read and edited by a person."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from confide.evidence.snp import FORMAT, Tcb
from confide.policy.kinds import kind_of
from confide.policy.model import Kind, Waiver


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
    values = {**kind_of(FORMAT).defaults(product), "measurements": [measurement.hex()]}
    values |= kind_of(FORMAT).simulation_defaults if kind == "simulation" else {}
    values |= ({"minimum_tcb": minimum_tcb} if minimum_tcb else {}) | dict(overrides or {})
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
    lines += _platform(FORMAT, product, values)
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


def _platform(format_name: str, product: str, values: Mapping[str, object]) -> list[str]:
    lines = ["", "[[platform]]", f"format = {_value(format_name)}", f"product = {_value(product)}"]
    for rule in kind_of(format_name).rules:
        lines += [*_comment(rule.comment), f"{rule.name} = {_value(values[rule.name])}"]
    return lines


def _comment(text: str) -> list[str]:
    return [f"# {text}"]


def _value(value: object) -> str:
    """A TOML value. JSON's strings, numbers, booleans and lists of them are TOML's as well."""
    if isinstance(value, Waiver):
        return f"{{ waived = {_value(value.reason)} }}"
    if isinstance(value, Tcb):
        return "{ " + ", ".join(f"{name} = {level}" for name, level in value.components().items()) + " }"
    return json.dumps(value, ensure_ascii=False)
