"""The policy file: TOML text to a typed policy, with every mistake at once, each with its line."""

from __future__ import annotations

import re
import tomllib
from typing import Any

from confide.errors import Finding, Misuse
from confide.ids import from_base64, sha256_of
from confide.policy.composition import accept_of
from confide.policy.kinds import KINDS, kind_of
from confide.policy.model import Accept, AnyOf, PlatformRule, Policy, Waiver, Workload
from confide.policy.reading import (
    Path,
    Problems,
    Table,
    WrongValueError,
    find_lines,
    integer,
    list_of,
    matching,
    one_of,
)
from confide.verify.anchors import VENDOR_ROOTS

MAX_BYTES = 1 << 18
MAX_CHALLENGE_SECONDS = 300
_KEY_SIZE = 32
_label = matching("[a-z0-9][a-z0-9-]{0,62}", "up to 63 small letters, digits and hyphens")
_digest = matching("sha256:[0-9a-f]{64}", "`sha256:` and 64 lower-case hexadecimal digits")


def parse_policy(text: str) -> Policy:
    """The policy in the text. Raises Misuse with every mistake, each with the line and what to do."""
    if len(text) > MAX_BYTES:
        raise Misuse([_not_toml(1, f"{len(text)} characters", f"at most {MAX_BYTES}")])
    try:
        digest = sha256_of(text.encode())
        values = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, UnicodeEncodeError, RecursionError) as error:
        line = re.search(r"at line (\d+)", str(error))
        raise Misuse([_not_toml(int(line[1]) if line else 1, str(error)[:120], "TOML")]) from None
    problems = Problems(find_lines(text))
    policy = _read_policy(Table(values, (), problems), text, digest)
    if problems.findings or policy is None:
        raise Misuse(problems.findings)
    return policy


def _not_toml(line: int, got: str, wanted: str) -> Finding:
    remedy = "Correct the line; `confide policy new` writes a policy with every field."
    return Finding("policy.file.toml", f"line {line}: {got}", wanted, remedy)


def _read_policy(top: Table, text: str, digest: str) -> Policy | None:
    top.read("version", _version)
    name = top.read("name", _label)
    kind = top.read("kind", one_of("production", "simulation"))
    workload = _read_table(top, "workload", _read_workload, Workload("", ""))
    release = _read_table(top, "release", _read_release, _NO_RELEASE)
    platforms = _read_platforms(top)
    accept = _read_accept(top, platforms)
    roots = _read_roots(top, kind)
    keys = top.read("trusted_keys", list_of(_digest)) if "trusted_keys" in top.values else ()
    top.close()
    if None in (name, kind, workload, release, platforms, accept, roots, keys):
        return None
    assert name is not None
    assert platforms is not None
    assert accept is not None
    assert roots is not None
    assert keys is not None
    return Policy(
        name=name,
        kind="simulation" if kind == "simulation" else "production",
        workload=workload,
        **release,
        platforms=platforms,
        simulated_roots=roots,
        text=text,
        digest=digest,
        accept=accept,
        trusted_keys=keys,
    )


def _version(value: object) -> int:
    return integer(1, 1)(value)


def _is_table(value: object) -> dict[str, object]:
    if not isinstance(value, dict):
        raise WrongValueError("a table")
    return value


def _is_array_of_tables(value: object) -> list[dict[str, object]]:
    if not isinstance(value, list) or not value or not all(isinstance(entry, dict) for entry in value):
        raise WrongValueError("at least one table `[[platform]]`")
    return value


# What a policy for verification alone has in the place of `[release]`: nobody receives anything, at no time.
_NO_RELEASE: dict[str, Any] = {"recipients": (), "releases_per_key": 0, "challenge_seconds": 0}


def _read_table(top: Table, key: str, read: Any, waived: Any) -> Any:
    """What `read` makes of the table, or `waived` where the whole table is given up in words."""
    given_up = top.values.get(key)
    whole = isinstance(given_up, dict) and given_up.keys() == {"waived"}
    values = top.read_or_waiver(key, _is_table) if whole else top.read(key, _is_table)
    if values is None or isinstance(values, Waiver):
        return values and waived
    table = Table(values, (*top.path, key), top.problems)
    result = read(table)
    table.close()
    return result


def _read_workload(table: Table) -> Workload | None:
    digest, runtime = table.read("digest", _digest), table.read("runtime", _digest)
    return None if digest is None or runtime is None else Workload(digest, runtime)


def _read_release(table: Table) -> dict[str, Any] | None:
    values = {
        "recipients": table.read("recipients", list_of(_public_key)),
        "releases_per_key": table.read("releases_per_key", integer(1, 1_000_000)),
        "challenge_seconds": table.read("challenge_seconds", integer(1, MAX_CHALLENGE_SECONDS)),
    }
    return None if None in values.values() else values


def _public_key(value: object) -> str:
    try:
        key = from_base64(value) if isinstance(value, str) else b""
    except Misuse:
        key = b""
    if len(key) != _KEY_SIZE or not isinstance(value, str):
        raise WrongValueError("X25519 public keys, 32 bytes in base64")
    return value


def _read_roots(top: Table, kind: str | None) -> tuple[str, ...] | None:
    """`simulated_roots`, required for a simulation and impossible in production (red-team checklist, row 2)."""
    if kind == "simulation":
        return top.read("simulated_roots", list_of(_simulated_root))
    top.asked.add("simulated_roots")
    if kind == "production" and "simulated_roots" in top.values:
        top.problems.add(
            "policy.file.simulated",
            (*top.path, "simulated_roots"),
            got="`simulated_roots` in a policy of kind production",
            wanted="no simulated root: it would let anybody who has its key read the data",
            remedy='Take the line out, or write `kind = "simulation"` for data that needs no protection.',
        )
    return ()


def _simulated_root(value: object) -> str:
    if _digest(value) in VENDOR_ROOTS:
        raise WrongValueError("fingerprints of SIMULATED roots; this one is a vendor's")
    return _digest(value)


def _read_platforms(top: Table) -> tuple[PlatformRule, ...] | None:
    tables = top.read("platform", _is_array_of_tables) or []
    platforms = [_read_platform(Table(values, ("platform", n), top.problems)) for n, values in enumerate(tables)]
    read = [one for one in platforms if one is not None]
    seen: set[tuple[str, str] | str] = set()
    for index, one in enumerate(read):
        if seen & {(one.format, one.product), one.name}:
            _twice(top.problems, ("platform", index), one)
        seen |= {(one.format, one.product), one.name}
    return tuple(read) if read and len(read) == len(platforms) else None


def _twice(problems: Problems, path: Path, one: PlatformRule) -> None:
    problems.add(
        "policy.file.value",
        path,
        got=f"a second platform {one.format} {one.product} named {one.name}",
        wanted="one [[platform]] for each format and product, with a name of its own, so that it is clear which hold",
        remedy="Merge the two, or make two policies.",
    )


def _read_platform(table: Table) -> PlatformRule | None:
    """One platform: the format says which fields there are. Without a known one nothing more can be said."""
    name = table.read("format", one_of(*KINDS))
    if name is None:
        return None
    kind = kind_of(name)
    product = table.read("product", one_of(*kind.products))
    label = table.read("name", _label) if "name" in table.values else default_name(name, product or "")
    values: dict[str, Any] = {}
    for rule in kind.rules:
        read = table.read_or_waiver if rule.waivable else table.read
        values[rule.name] = read(rule.name, rule.read)
    table.close()
    if product is None or label is None or None in values.values():
        return None
    if misfit := kind.misfit(product, values):
        field, finding = misfit
        table.problems.add(
            finding.code, (*table.path, field), got=finding.got, wanted=finding.wanted, remedy=finding.remedy
        )
    return PlatformRule(name, product, values, label)


def default_name(format_name: str, product: str) -> str:
    """The name of a platform that is given none: `sev-snp-genoa`."""
    return re.sub("[^a-z0-9]+", "-", f"{format_name} {product}".lower()).strip("-")


def _read_accept(top: Table, platforms: tuple[PlatformRule, ...] | None) -> Accept | None:
    """`accept`: without it evidence of any one of the platforms is enough."""
    names = tuple(one.name for one in platforms or ())
    if "accept" not in top.values or platforms is None:
        top.asked.add("accept")
        return AnyOf(names)
    return top.read("accept", accept_of(names))
