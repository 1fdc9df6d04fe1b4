from __future__ import annotations

import contextlib
import tomllib
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from confide.errors import Finding, Misuse
from confide.evidence.snp import Tcb
from confide.ids import sha256_of
from confide.policy import Waiver, parse_policy
from confide.policy.reading import find_lines
from confide.policy.snp_rules import RULES
from confide.verify.anchors import AMD_ROOTS

MakePolicy = Callable[..., str]

TOP = ("version", "name", "kind", "simulated_roots")
NESTED = {"workload": ("digest", "runtime"), "release": ("recipients", "releases_per_key", "challenge_seconds")}
PLATFORM = ("format", "product", *(rule.name for rule in RULES))
ALL_FIELDS = [*TOP, *(name for names in NESTED.values() for name in names), *PLATFORM]
WAIVABLE = [rule.name for rule in RULES if rule.waivable]
NOT_WAIVABLE = [name for name in ALL_FIELDS if name not in WAIVABLE]


def findings_of(text: str) -> tuple[Finding, ...]:
    with pytest.raises(Misuse) as caught:
        parse_policy(text)
    return caught.value.findings


def line_of(text: str, start: str) -> int:
    return next(number for number, line in enumerate(text.splitlines(), 1) if line.startswith(start))


def with_line(text: str, field: str, value: str | None) -> str:
    """The text with another value for a field, or without the field."""
    number = line_of(text, f"{field} =")
    lines = text.splitlines()
    lines[number - 1] = "# gone" if value is None else f"{field} = {value}"
    return "\n".join(lines)


def test_rendered_policy_is_read_with_every_field(policy_text: MakePolicy):
    text = policy_text()
    policy = parse_policy(text)
    assert policy.text == text
    assert policy.digest == sha256_of(text.encode())
    assert (policy.name, policy.kind, policy.challenge_seconds) == ("test", "simulation", 60)
    assert policy.workload.digest == sha256_of(b"bundle")
    assert policy.platforms[0].values["minimum_tcb"] == Tcb(bootloader=10, tee=0, snp=23, microcode=25)
    assert policy.platforms[0].values["host_data"] == Waiver("the host attaches nothing that counts")


@pytest.mark.parametrize("kind", ["production", "simulation"])
@pytest.mark.parametrize("product", ["Milan", "Genoa", "Turin"])
def test_every_template_is_a_policy(policy_text: MakePolicy, fake_amd, kind: str, product: str):
    root = fake_amd.root_fingerprint if kind == "simulation" else None
    assert parse_policy(policy_text(kind=kind, product=product, simulated_root=root)).kind == kind


@pytest.mark.parametrize("field", ALL_FIELDS)
def test_missing_field_is_an_error_with_its_line_and_remedy(policy_text: MakePolicy, field: str):
    (finding,) = findings_of(with_line(policy_text(), field, None))
    assert finding.code == "policy.file.missing"
    assert finding.got.startswith("line ")
    assert f"{field}`" in finding.got
    assert f"Add `{field} = …`" in finding.remedy


@pytest.mark.parametrize("table", ["[workload]", "[release]", "[[platform]]"])
def test_missing_table_is_an_error(policy_text: MakePolicy, table: str):
    text = policy_text()
    start = text.index(table)
    end = text.find("\n\n", start)
    codes = [finding.code for finding in findings_of(text[:start] + (text[end:] if end > 0 else ""))]
    assert codes == ["policy.file.missing"]


@pytest.mark.parametrize("field", ALL_FIELDS)
def test_wrong_type_is_an_error_with_its_line(policy_text: MakePolicy, field: str):
    text = with_line(policy_text(), field, "1979-05-27")
    (finding,) = findings_of(text)
    assert finding.code == "policy.file.value"
    assert finding.got.startswith(f"line {line_of(text, f'{field} =')}: ")


@pytest.mark.parametrize("field", WAIVABLE)
def test_waiver_needs_a_reason(policy_text: MakePolicy, field: str):
    policy = parse_policy(with_line(policy_text(), field, '{ waived = "a good reason" }'))
    assert policy.platforms[0].values[field] == Waiver("a good reason")
    for waiver in ('{ waived = "" }', '{ waived = "  " }', "{ waived = true }", '{ waived = "x", also = 1 }'):
        text = with_line(policy_text(), field, waiver)
        (finding,) = findings_of(text)
        assert finding.code == "policy.file.waiver"
        assert finding.got.startswith(f"line {line_of(text, f'{field} =')}: ")


@pytest.mark.parametrize("field", NOT_WAIVABLE)
def test_what_a_policy_is_for_is_never_waived(policy_text: MakePolicy, field: str):
    (finding,) = findings_of(with_line(policy_text(), field, '{ waived = "a good reason" }'))
    assert finding.code == "policy.file.value"


@pytest.mark.parametrize("field", ["measurements", "recipients", "simulated_roots", "chip_ids", "id_key_digests"])
def test_empty_list_is_an_error(policy_text: MakePolicy, field: str):
    (finding,) = findings_of(with_line(policy_text(), field, "[]"))
    assert finding.code == "policy.file.value"
    assert "at least one entry" in finding.wanted


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("debug", "true"), ("debug", "0"), ("crl", "1"),
        ("migration_agent", "true"), ("crl", "false"), ("alias_check", "false"), ("smt", "true"),
        ("vmpl", "4"), ("vmpl", "-1"), ("vmpl", "true"), ("vmpl", "0.0"), ("version", "2"), ("version", "true"),
        ("kind", '"test"'), ("name", '"Upper"'), ("name", '""'), ("name", '"a\\nb"'), ("name", '"../x"'),
        ("digest", '"sha256:ABC"'), ("runtime", '"latest"'), ("digest", f'"sha256:{"a" * 64}\\n"'),
        ("recipients", '["AAAA"]'), ("recipients", '["AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAB="]'),
        ("releases_per_key", "0"), ("challenge_seconds", "0"), ("challenge_seconds", "301"),
        ("format", '"sample"'), ("product", '"Rome"'), ("signing_key", '"any"'),
        ("measurements", '["00"]'), ("measurements", f'["{"A" * 96}"]'),
        ("measurements", f'["{"a" * 96}", "{"a" * 96}"]'),
        ("minimum_tcb", "{ bootloader = 1, tee = 0, snp = 1 }"),
        ("minimum_tcb", "{ bootloader = 1, tee = 0, snp = 1, microcode = 256 }"),
        ("minimum_tcb", "{ bootloader = 1, tee = 0, snp = 1, microcode = 1, fmc = 0 }"),
        ("minimum_tcb", "{ bootloader = 1, tee = 0, snp = 1, microcode = 1, other = 0 }"),
        ("minimum_abi", '"1"'), ("mitigations", '"11"'), ("host_data", '"00"'),
    ],
)  # fmt: skip
def test_impossible_value_is_an_error_with_its_line(policy_text: MakePolicy, field: str, value: str):
    text = with_line(policy_text(), field, value)
    (finding,) = findings_of(text)
    assert finding.code == "policy.file.value"
    assert finding.got.startswith(f"line {line_of(text, f'{field} =')}: ")


@pytest.mark.parametrize("line", ["debugg = false", "skip_verification = true", 'waived = "everything"'])
def test_unknown_field_is_an_error_in_every_table(policy_text: MakePolicy, line: str):
    for header in ("version = 1", "[workload]", "[release]", "[[platform]]"):
        text = policy_text().replace(header, f"{header}\n{line}")
        (finding,) = findings_of(text)
        assert finding.code == "policy.file.unknown"
        assert finding.got.startswith(f"line {line_of(text, line)}: ")


def test_all_mistakes_come_at_once(policy_text: MakePolicy):
    text = with_line(policy_text(), "vmpl", "9")
    text = with_line(text, "runtime", None)
    text = with_line(text, "crl", '{ waived = "" }')
    text = text.replace("[release]", "[release]\nextra = 1")
    codes = [finding.code for finding in findings_of(text)]
    assert sorted(codes) == ["policy.file.missing", "policy.file.unknown", "policy.file.value", "policy.file.waiver"]


@pytest.mark.parametrize(
    "text", ["", "version", "a = 1\na = 2", "[[platform]\n", "x = " + "[" * 5000, "\0", "# \ud800"]
)
def test_what_is_no_policy_is_misuse_with_a_line(text: str):
    findings = findings_of(text)
    assert all(finding.got.startswith("line ") for finding in findings)


def test_toml_error_names_its_line(policy_text: MakePolicy):
    text = with_line(policy_text(), "vmpl", "= 3")
    (finding,) = findings_of(text)
    assert finding.code == "policy.file.toml"
    assert finding.got.startswith(f"line {line_of(text, 'vmpl')}: ")


def test_two_rules_for_one_product_are_an_error(policy_text: MakePolicy):
    text = policy_text()
    platform = text[text.index("[[platform]]") :]
    assert len(parse_policy(text + platform.replace('"Genoa"', '"Milan"')).platforms) == 2
    (finding,) = findings_of(text + platform)
    assert "a second platform" in finding.got


def test_mistake_in_the_second_platform_has_its_own_line(policy_text: MakePolicy):
    text = policy_text()
    platform = text[text.index("[[platform]]") :].replace('"Genoa"', '"Milan"').replace("vmpl = 0", "vmpl = 7")
    (finding,) = findings_of(text + platform)
    wanted = next(number for number, line in enumerate((text + platform).splitlines(), 1) if line == "vmpl = 7")
    assert finding.got.startswith(f"line {wanted}: ")


@pytest.mark.parametrize("root", AMD_ROOTS)
def test_vendor_root_is_no_simulated_root(policy_text: MakePolicy, root: str):
    (finding,) = findings_of(policy_text(simulated_root=root))
    assert finding.code == "policy.file.value"


def test_lines_of_headers_and_keys_are_found():
    lines = find_lines("a = 1\n\n[b]\nc = 2\n[[d]]\ne.f = 3\n[d.g]\nh = 4\n[[d]]\ne = 5\n")
    assert lines == {
        (): 1, ("a",): 1, ("b",): 3, ("b", "c"): 4, ("d", 0): 5, ("d", 0, "e", "f"): 6, ("d", 0, "g"): 7,
        ("d", 0, "g", "h"): 8, ("d", 1): 9, ("d", 1, "e"): 10,
    }  # fmt: skip


@given(st.text(max_size=200))
def test_no_text_raises_anything_but_misuse(text: str):
    with contextlib.suppress(Misuse):
        parse_policy(text)


@given(st.sampled_from(ALL_FIELDS), st.text(alphabet=st.characters(codec="ascii"), max_size=20))
def test_no_value_raises_anything_but_misuse(field: str, value: str):
    text = f"version = 1\n{field} = {value}\n[[platform]]\n{field} = {value}\n[release]\n{field} = {value}\n"
    with pytest.raises(Misuse):
        parse_policy(text)


def test_template_says_what_every_field_is(policy_text: MakePolicy):
    text = policy_text()
    assert set(tomllib.loads(text)["platform"][0]) == set(PLATFORM)
    for number, line in enumerate(text.splitlines()[1:], 1):
        if " = " in line and not line.startswith(("#", "format", "product", "name", "version", "runtime", "challenge")):
            assert text.splitlines()[number - 1].startswith("#"), line


def test_production_policy_with_a_simulated_root_is_an_error_with_its_line(policy_text: MakePolicy, fake_amd):
    text = policy_text(kind="production", simulated_root=fake_amd.root_fingerprint)
    (finding,) = findings_of(text)
    assert finding.code == "policy.file.simulated"
    assert finding.got.startswith(f"line {line_of(text, 'simulated_roots')}: ")
