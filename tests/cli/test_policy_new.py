"""`confide policy new` for real hardware: strict where it can be, and what only the owner knows is asked for."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from confide.cli.framework import run_cli
from confide.cli.main import COMMANDS
from confide.policy import Waiver, parse_policy
from confide.policy.kinds import KINDS, kind_of
from confide.policy.model import AllOf

MEASURED = f'measurements=["{"01" * 48}"]'


def new(capsys: pytest.CaptureFixture[str], out: Path, *arguments: object) -> tuple[int, dict]:
    given = ["policy", "new", "--name", "lab", "-o", str(out), *map(str, arguments), "--json"]
    code = run_cli("confide", "", "0", COMMANDS, given)
    return code, json.loads(capsys.readouterr().out)


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "policy.toml"


def test_production_policy_with_its_measurement_is_complete(capsys, out: Path):
    code, document = new(capsys, out, "--platform", "sev-snp/Turin", "--set", MEASURED)
    assert (code, document["kind"], document["to_fill_in"], document["simulated"]) == (0, "production", [], False)
    policy = parse_policy(out.read_text())
    assert (policy.digest, policy.releases) == (document["digest"], False)
    assert policy.platforms[0].values["measurements"] == ("01" * 48,)


def test_what_only_the_owner_knows_stays_to_be_filled_in(capsys, out: Path):
    code, document = new(capsys, out, "--platform", "sev-snp/Milan")
    assert (code, document["to_fill_in"], document["digest"]) == (0, ["sev-snp/Milan measurements"], None)
    assert "# measurements = …" in out.read_text()
    assert run_cli("confide", "", "0", COMMANDS, ["policy", "check", str(out)]) == 2


@pytest.mark.parametrize("name", sorted(KINDS))
def test_every_platform_gets_a_policy_of_kind_production(capsys, out: Path, name: str):
    product = kind_of(name).products[0]
    code, document = new(capsys, out, "--platform", f"{name}/{product}")
    assert (code, document["kind"]) == (0, "production")


def test_fields_are_set_as_toml(capsys, out: Path):
    fields = (MEASURED, "vmpl=2", 'smt={ waived = "one tenant" }', 'signing_key="vlek"')
    new(capsys, out, "--platform", "sev-snp/Genoa", *(word for one in fields for word in ("--set", one)))
    values = parse_policy(out.read_text()).platforms[0].values
    assert (values["vmpl"], values["smt"], values["signing_key"]) == (2, Waiver("one tenant"), "vlek")


def test_several_platforms_together(capsys, out: Path):
    fields = ("--set", f"sev-snp/Genoa.{MEASURED}", "--set", f"sev-snp/Milan.{MEASURED}")
    code, _ = new(capsys, out, "--platform", "sev-snp/Genoa", "--platform", "sev-snp/Milan", "--all", *fields)
    assert code == 0
    assert parse_policy(out.read_text()).accept == AllOf(("sev-snp-genoa", "sev-snp-milan"))


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["--platform", "sev-snp"], "cli.platform"), (["--platform", "sev-snp/Rome"], "cli.platform"),
        (["--platform", "enigma/M4"], "cli.platform"), (["--platform", "sev-snp/Genoa", "--set", "vmpl"], "cli.set"),
        (["--platform", "sev-snp/Genoa", "--set", "vmpll=1"], "cli.set"),
        (["--platform", "sev-snp/Genoa", "--set", "vmpl=one"], "cli.set"),
        (["--platform", "sev-snp/Genoa", "--platform", "sev-snp/Milan", "--set", "vmpl=1"], "cli.set"),
        (["--platform", "sev-snp/Genoa", "--recipient", "x"], "cli.arguments"), ([], "cli.arguments"),
        (["--root", "sha256:00"], "cli.arguments"), (["--root", "sha256:00", "--bundle", "x"], "file.enoent"),
        (["--platform", "sev-snp/Genoa", "--set", MEASURED, "--set", "debug=true"], "policy.file.value"),
    ],
)  # fmt: skip
def test_arguments_that_make_no_policy_are_misuse_and_write_nothing(capsys, out: Path, arguments, code: str):
    exit_code, document = new(capsys, out, *arguments)
    assert (exit_code, document["findings"][0]["code"]) == (2, code)
    assert not out.exists()
