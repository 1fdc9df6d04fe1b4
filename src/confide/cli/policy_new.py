"""`confide policy new`: a policy, to be read and edited."""

from __future__ import annotations

import argparse
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from confide.cli.framework import Reply
from confide.errors import Misuse

if TYPE_CHECKING:
    from confide.policy.model import Workload
    from confide.policy.template import PlatformText, PolicyText, Release

DESCRIPTION = """Writes a policy with every field set and explained. Read and edit it before use.

For SIMULATED machines (--simulated-tee, --root) it names the root of such a machine, and the measurement which it
will report for this bundle under the Confide that is installed here. For real hardware (--platform) it is of kind
production: strict where it can be, and what only you can know (reference values) is given with --set, or stays a
line to fill in. `confide policy suggest` takes reference values from a sample. Several platforms: any one of them,
or with --all every one together, such as a CPU with its GPUs. Without --bundle it is for verification alone.

examples:
  confide policy new --bundle count.bundle --name count --recipient alice.key.pub \\
      --simulated-tee machine -o count.toml
  confide policy new --name lab --platform sev-snp/Genoa --platform nvidia/Hopper --all -o lab.toml
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Adds the command's arguments."""
    parser.add_argument("--bundle", type=Path, metavar="BUNDLE", help="a file of `workload build`: who may read")
    parser.add_argument("--name", required=True, metavar="NAME", help="the policy's name, which jobs refer to")
    parser.add_argument(
        "--recipient", type=Path, default=[], action="append", metavar="PUBFILE",
        help="public key file of somebody who may receive results; may be given again; belongs to --bundle",
    )  # fmt: skip
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--simulated-tee", type=Path, metavar="DIR", help="a SIMULATED machine's folder")
    where.add_argument("--root", metavar="FP", help="or the fingerprint of its root, sha256:…")
    where.add_argument(
        "--platform", action="append", metavar="FORMAT/PRODUCT",
        help="or real hardware, such as sev-snp/Genoa; may be given again; FORMAT alone tells its products",
    )  # fmt: skip
    parser.add_argument(
        "--set", action="append", default=[], metavar="FIELD=VALUE",
        help="a field of the platform as TOML, such as 'vmpl=1' or 'smt={ waived = \"why\" }'; with several platforms "
        "FORMAT/PRODUCT.FIELD=VALUE",
    )  # fmt: skip
    parser.add_argument("--all", action="store_true", help="evidence of all platforms must be shown together")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="FILE", help="the file to write")


def run(args: argparse.Namespace) -> Reply:
    """Writes the policy. Raises Misuse where an argument makes none, OSError where the file is taken."""
    from confide.policy import parse_policy  # noqa: PLC0415 (`--help` needs no policy)
    from confide.policy.template import unset_rules  # noqa: PLC0415 (same)

    draft = _production(args) if args.platform else _simulation(args)
    unset = [f"{one.format}/{one.product} {rule.name}" for one in draft.platforms for rule in unset_rules(one)]
    text = draft.render()
    policy = None if unset else parse_policy(text)
    with args.output.open("x", encoding="utf-8", newline="") as file:
        file.write(text)
    document = {
        "policy": str(args.output),
        "name": draft.name,
        "kind": draft.kind,
        "digest": policy.digest if policy else None,
        "workload": draft.workload.digest if draft.workload else None,
        "runtime": draft.workload.runtime if draft.workload else None,
        "measurement": _measurement(draft),
        "simulated": draft.kind == "simulation",
        "to_fill_in": unset,
    }
    simulated = " (kind simulation: SIMULATED machines alone)" if draft.kind == "simulation" else " (kind production)"
    told = [f"Policy: {args.output}{simulated}"]
    told += [f"Digest: {policy.digest}"] if policy else ["Yours to fill in:", *(f"  {field}" for field in unset)]
    return Reply(document, "\n".join([*told, _next_step(draft)]))


def _next_step(draft: PolicyText) -> str:
    if draft.workload is None:
        return "Read it, then use it with `confide evidence verify --policy`."
    return "Read it, then activate it with `confide policy activate`."


def _measurement(draft: PolicyText) -> object:
    values = draft.platforms[0].values.get("measurements")
    return values[0] if isinstance(values, list) and len(values) == 1 else None


def _simulation(args: argparse.Namespace) -> PolicyText:
    from confide.evidence.snp import FORMAT  # noqa: PLC0415 (`--help` needs no policy)
    from confide.measure import simulated_launch_digest  # noqa: PLC0415 (same)
    from confide.policy.template import PlatformText, PolicyText, default_values  # noqa: PLC0415 (same)

    if args.bundle is None:
        raise _misuse("cli.arguments", "no --bundle", "the bundle whose measurement a SIMULATED machine will report")
    workload, release = _workload(args.bundle), _release(args.recipient)
    measured = simulated_launch_digest(workload.digest, workload.runtime).hex()
    platform = PlatformText(
        format=FORMAT,
        product="Genoa",
        values=default_values(FORMAT, "Genoa", "simulation") | {"measurements": [measured]},
    )
    return PolicyText(
        name=args.name,
        kind="simulation",
        platforms=[_with_fields(platform, args.set, alone=True)],
        workload=workload,
        release=release,
        simulated_roots=[args.root or _root_of(args.simulated_tee)],
    )


def _production(args: argparse.Namespace) -> PolicyText:
    from confide.policy.model import AllOf  # noqa: PLC0415 (`--help` needs no policy)
    from confide.policy.parsing import default_name  # noqa: PLC0415 (same)
    from confide.policy.template import PolicyText  # noqa: PLC0415 (same)

    if (args.bundle is None) != (not args.recipient):
        raise _misuse("cli.arguments", "one of --bundle and --recipient", "both, or for verification alone neither")
    platforms = [_platform(one) for one in args.platform]
    alone = len(platforms) == 1
    _check_set(args.set, platforms)
    names = tuple(default_name(one.format, one.product) for one in platforms)
    return PolicyText(
        name=args.name,
        kind="production",
        platforms=[_with_fields(one, args.set, alone=alone) for one in platforms],
        workload=_workload(args.bundle) if args.bundle else None,
        release=_release(args.recipient) if args.bundle else None,
        accept=AllOf(names) if args.all and not alone else None,
    )


def _platform(text: str) -> PlatformText:
    from confide.policy.kinds import KINDS, kind_of  # noqa: PLC0415 (`--help` needs no policy)
    from confide.policy.template import PlatformText, default_values  # noqa: PLC0415 (same)

    format_name, _, product = text.partition("/")
    if format_name not in KINDS:
        raise _misuse("cli.platform", f"--platform {text[:60]}", f"one of {', '.join(sorted(KINDS))}, then /PRODUCT")
    products = kind_of(format_name).products
    if product not in products:
        raise _misuse("cli.platform", f"--platform {text[:60]}", f"{format_name}/ and one of {', '.join(products)}")
    return PlatformText(format=format_name, product=product, values=default_values(format_name, product, "production"))


def _check_set(given: Sequence[str], platforms: Sequence[PlatformText]) -> None:
    """With several platforms every --set names its own."""
    starts = tuple(f"{one.format}/{one.product}." for one in platforms)
    for one in given:
        if len(platforms) > 1 and not one.startswith(starts):
            raise _misuse("cli.set", f"--set {one[:60]}", f"one of {', '.join(starts)} before the field")


def _with_fields(platform: PlatformText, given: Sequence[str], *, alone: bool) -> PlatformText:
    """The platform with the fields of --set that are its own."""
    from dataclasses import replace  # noqa: PLC0415 (`--help` needs no policy)

    start = f"{platform.format}/{platform.product}."
    mine = [one.removeprefix(start) for one in given if alone or one.startswith(start)]
    return replace(platform, values=dict(platform.values) | dict(_field(platform, one) for one in mine))


def _field(platform: PlatformText, text: str) -> tuple[str, object]:
    from confide.policy.kinds import kind_of  # noqa: PLC0415 (`--help` needs no policy)

    name, equals, value = text.partition("=")
    known = [rule.name for rule in kind_of(platform.format).rules]
    if name.strip() not in known or not equals:
        raise _misuse("cli.set", f"--set {text[:60]}", f"FIELD=VALUE with one of {', '.join(known)}")
    try:
        return name.strip(), tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        raise _misuse("cli.set", f"--set {text[:60]}", "a value as TOML writes it: texts in double quotes") from None


def _misuse(code: str, got: str, wanted: str) -> Misuse:
    return Misuse.because(code, got=got, wanted=wanted, remedy="See `confide policy new --help`.")


def _workload(bundle: Path) -> Workload:
    from confide.measure import runtime_digest  # noqa: PLC0415 (`--help` needs no policy)
    from confide.policy.model import Workload  # noqa: PLC0415 (same)
    from confide.workload import read_bundle_file  # noqa: PLC0415 (same)

    return Workload(read_bundle_file(bundle).digest, runtime_digest())


def _release(recipients: Sequence[Path]) -> Release:
    from confide.ids import to_base64  # noqa: PLC0415 (`--help` needs no policy)
    from confide.policy.template import Release  # noqa: PLC0415 (same)
    from confide.sealed import read_public_key  # noqa: PLC0415 (same)

    if not recipients:
        raise _misuse("cli.arguments", "no --recipient", "at least one public key file of a recipient")
    return Release(recipients=[to_base64(read_public_key(path)) for path in recipients])


def _root_of(folder: Path) -> str:
    from confide.launch.simulated import SimulatedVendor  # noqa: PLC0415 (only where a folder was given)

    return SimulatedVendor.load(folder).root_fingerprint
