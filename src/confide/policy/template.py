"""Writes a policy with every field set, to be read and edited by a person."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from confide.evidence.snp import FORMAT, Tcb
from confide.policy.kinds import kind_of
from confide.policy.model import Accept, AllOf, Kind, Waiver, Workload
from confide.policy.rule import AnyRule

NO_WORKLOAD = Waiver("this policy is for verification alone: no workload reads anything under it")
NO_RELEASE = Waiver("this policy is for verification alone: no key is released under it")


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """Who may receive results (X25519 public keys in base64), how often a key is released, how long a nonce lives."""

    recipients: Sequence[str]
    releases_per_key: int = 100
    challenge_seconds: int = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class PlatformText:
    """A platform to write. `values` are by the names of the format's rules, as the file has them (a `Waiver`, a value);
    what is missing is written as a line to be filled in, which `parse_policy` finds missing.
    """

    format: str
    product: str
    values: Mapping[str, object]
    name: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyText:
    """A policy to write. `notes` are comments at its top; without a workload or a release it is for verification."""

    name: str
    kind: Kind
    platforms: Sequence[PlatformText]
    workload: Workload | None = None
    release: Release | None = None
    simulated_roots: Sequence[str] = ()
    trusted_keys: Sequence[str] = ()
    accept: Accept | None = None
    notes: Sequence[str] = field(default=())

    def render(self) -> str:
        """The text of the file. It is not checked: `parse_policy` does that."""
        lines = [
            f"# Policy {self.name}: who may read, where, and what for. `confide policy explain` says it in sentences.",
            '# Every field is required. A check is given up only in words: field = { waived = "why" }.',
            *(f"# {note}" for note in self.notes),
            "version = 1",
            f"name = {toml_value(self.name)}",
            '# "production" accepts real hardware alone, "simulation" SIMULATED machines alone',
            f"kind = {toml_value(self.kind)}",
            *self._trust(),
        ]
        tables = [*_workload(self.workload), *_release(self.release)]
        given_up = [line for line in tables if "waived" in line]
        lines += [*given_up, *(line for line in tables if line not in given_up)]
        return "\n".join([*lines, *(line for one in self.platforms for line in _platform(one))]) + "\n"

    def _trust(self) -> list[str]:
        lines = []
        if self.simulated_roots:
            lines.append("# the roots of the SIMULATED machines; whoever has their keys can read the data")
            lines.append(f"simulated_roots = {toml_value(list(self.simulated_roots))}")
        if self.trusted_keys:
            lines.append("# public keys whose signatures are trusted as a vendor's: sha256 of the SubjectPublicKeyInfo")
            lines.append(f"trusted_keys = {toml_value(list(self.trusted_keys))}")
        if self.accept is not None:
            lines.append("# which platforms must be shown together, by their names; without this, any one of them")
            lines.append(f"accept = {_accept(self.accept)}")
        return lines


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
    """TOML text of a policy for SEV-SNP with every field set and explained. `recipients` are X25519 public keys in
    base64, `measurement` is the predicted launch measurement (48 bytes); `overrides` replaces fields of the platform
    (a `Waiver`, or the value as the file has it). `simulated_root` (a fingerprint) belongs to the kind simulation. The
    text is not checked: `parse_policy` does that.
    """
    values = default_values(FORMAT, product, kind) | {"measurements": [measurement.hex()]}
    values |= ({"minimum_tcb": minimum_tcb} if minimum_tcb else {}) | dict(overrides or {})
    return PolicyText(
        name=name,
        kind=kind,
        workload=Workload(workload, runtime),
        release=Release(recipients=recipients, releases_per_key=releases_per_key, challenge_seconds=challenge_seconds),
        platforms=[PlatformText(format=FORMAT, product=product, values=values)],
        simulated_roots=[simulated_root] if simulated_root is not None else [],
    ).render()


def default_values(format_name: str, product: str, kind: Kind) -> dict[str, object]:
    """The values of a strict new policy for a platform, without those that only the owner can give."""
    platform = kind_of(format_name)
    values = dict(platform.defaults(product))
    return values | (dict(platform.simulation_defaults) if kind == "simulation" else {})


def unset_rules(platform: PlatformText) -> list[AnyRule]:
    """The rules of a platform that have no value yet: only the owner can say what they want."""
    return [rule for rule in kind_of(platform.format).rules if rule.name not in platform.values]


def _workload(workload: Workload | None) -> list[str]:
    if workload is None:
        return [f"workload = {toml_value(NO_WORKLOAD)}"]
    return [
        "",
        "[workload]",
        "# the digest of the workload's bundle (`confide workload show`) and of the agent that runs it",
        f"digest = {toml_value(workload.digest)}",
        f"runtime = {toml_value(workload.runtime)}",
    ]


def _release(release: Release | None) -> list[str]:
    if release is None:
        return [f"release = {toml_value(NO_RELEASE)}"]
    return [
        "",
        "[release]",
        "# who may receive results: Crypt4GH (X25519) public keys",
        f"recipients = {toml_value(list(release.recipients))}",
        "# how often each key may be released, and how long (seconds) an enclave has to answer",
        f"releases_per_key = {release.releases_per_key}",
        f"challenge_seconds = {release.challenge_seconds}",
    ]


def _platform(one: PlatformText) -> list[str]:
    lines = ["", "[[platform]]", *([f"name = {toml_value(one.name)}"] if one.name else [])]
    lines += [f"format = {toml_value(one.format)}", f"product = {toml_value(one.product)}"]
    unset = unset_rules(one)
    for rule in kind_of(one.format).rules:
        lines.append(f"# {rule.comment}")
        lines.append(f"# {rule.name} = …" if rule in unset else f"{rule.name} = {toml_value(one.values[rule.name])}")
    return lines


def _accept(accept: Accept) -> str:
    if isinstance(accept, str):
        return toml_value(accept)
    word = "all" if isinstance(accept, AllOf) else "any"
    return f"{{ {word} = [{', '.join(map(_accept, accept.of))}] }}"


def toml_value(value: object) -> str:
    """A TOML value. JSON's strings, numbers, booleans and lists of them are TOML's as well."""
    if isinstance(value, Waiver):
        return toml_value({"waived": value.reason})
    if isinstance(value, Tcb):
        return toml_value(value.components())
    if isinstance(value, Mapping):
        inner = ", ".join(f"{_key(key)} = {toml_value(item)}" for key, item in value.items())
        return f"{{ {inner} }}" if inner else "{}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(toml_value, value))}]"
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _key(key: object) -> str:
    """A key, bare where TOML lets it be."""
    text = str(key)
    return text if text.isascii() and text.replace("_", "").replace("-", "").isalnum() else toml_value(text)
