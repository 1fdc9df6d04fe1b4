"""`confide evidence verify` and `show` beyond a single report: fields, devices, parts, trusted keys, results."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import jwt
import msgspec
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key as generate_rsa_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from confide.cli.evidence_files import fits, read_nonce
from confide.cli.framework import run_cli
from confide.cli.main import COMMANDS
from confide.cli.tables import flat_rows, table
from confide.cli.trusted_keys import read_trusted_keys
from confide.errors import Misuse
from confide.evidence.bundle import EvidenceBundle
from confide.ids import sha256_of
from confide.policy import Waiver, parse_policy, render_policy
from confide.results import Tier, read_ear
from confide.testing import FakeAmd
from confide.verify.verifier import FORMATS, verifier_of

SPKI = (Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
PKCS8 = (PrivateFormat.PKCS8, NoEncryption())


def confide(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, dict]:
    code = run_cli("confide", "", "0", COMMANDS, [*map(str, arguments), "--json"])
    return code, json.loads(capsys.readouterr().out)


def told(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    run_cli("confide", "", "0", COMMANDS, [*map(str, arguments)])
    captured = capsys.readouterr()
    return captured.out + captured.err


def codes(document: dict) -> list[str]:
    return [finding["code"] for finding in document["findings"]]


@pytest.fixture
def at(fake_amd: FakeAmd) -> tuple[str, str]:
    return "--at", fake_amd.now.isoformat()


@pytest.fixture
def folder(fake_amd: FakeAmd, tmp_path: Path) -> Path:
    """A machine's evidence that a simulation policy affirms, alone and with its endorsements."""
    bundle = fake_amd.evidence(fake_amd.report(report_data=b"\7" * 64))
    (tmp_path / "bundle.json").write_bytes(msgspec.json.encode(bundle))
    (tmp_path / "report.bin").write_bytes(bundle.evidence_bytes())
    (tmp_path / "certificates").mkdir()
    for number, item in enumerate(bundle.endorsement_bytes()):
        (tmp_path / "certificates" / f"{number}.der").write_bytes(item)
    (tmp_path / "policy.toml").write_text(
        render_policy(
            name="test", kind="simulation", workload=sha256_of(b"w"), runtime=sha256_of(b"r"),
            recipients=["AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="], measurement=bytes(48),
            simulated_root=fake_amd.root_fingerprint, overrides={"crl": Waiver("not the subject")},
        )
    )  # fmt: skip
    (tmp_path / "key.pem").write_bytes(Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, *PKCS8))
    return tmp_path


def public_key(folder: Path):
    from confide.results.ear import load_signing_key

    return load_signing_key((folder / "key.pem").read_bytes()).public_key()


# Findings name their field


def test_finding_names_the_field_of_the_specification(capsys, folder: Path, at, fake_amd: FakeAmd):
    policy = ("--policy", folder / "policy.toml", *at, "--nonce", "08" * 64)
    code, document = confide(capsys, "evidence", "verify", folder / "bundle.json", *policy)
    (finding,) = document["findings"]
    assert (code, finding["code"]) == (1, "snp.report_data")
    assert "0x050" in finding["field"]
    assert finding["got"] == "07" * 64
    text = told(capsys, "evidence", "verify", folder / "bundle.json", *policy)
    assert f"snp.report_data\n    in {finding['field']}\n    got 0707" in text


def test_finding_without_a_field_has_none(capsys, folder: Path, at):
    _, document = confide(capsys, "evidence", "verify", folder / "bundle.json", *at)
    assert codes(document) == ["snp.chain.root"]
    assert "field" not in document["findings"][0]


def test_table_names_every_check_with_its_outcome(capsys, folder: Path, at):
    text = told(capsys, "evidence", "verify", folder / "bundle.json", "--policy", folder / "policy.toml", *at)
    rows = [line.split() for line in text.splitlines()]
    assert rows[0] == ["outcome", "check", "reason"]
    assert ["passed", "snp.vmpl"] in rows
    assert rows[-1][0] == "affirmed"


# A machine with devices


@pytest.fixture
def both(folder: Path, fake_amd: FakeAmd) -> Path:
    """The machine, a device of another product, and a policy that wants both."""
    milan = FakeAmd.create(fake_amd.now, "Milan")
    bundle = milan.evidence(milan.report(report_data=b"\7" * 64, cpuid=(0x19, 1, 1), chip_id=b"\7" * 64))
    (folder / "device.json").write_bytes(msgspec.json.encode(bundle))
    text = (folder / "policy.toml").read_text()
    text = text.replace(fake_amd.root_fingerprint, f'{fake_amd.root_fingerprint}", "{milan.root_fingerprint}')
    platform = text[text.index("[[platform]]") :].replace('"Genoa"', '"Milan"')
    platform = "\n".join(
        'minimum_tcb = { waived = "x" }' if line.startswith("minimum_tcb") else line for line in platform.splitlines()
    )
    accept = 'accept = { all = ["sev-snp-genoa", "sev-snp-milan"] }'
    (folder / "both.toml").write_text(text.replace("version = 1", f"version = 1\n{accept}") + platform)
    parse_policy((folder / "both.toml").read_text())
    return folder


def test_several_files_are_a_machine_and_its_devices(capsys, both: Path, at):
    policy = ("--policy", both / "both.toml", *at, "--nonce", "07" * 64)
    code, document = confide(capsys, "evidence", "verify", both / "bundle.json", both / "device.json", *policy)
    assert (code, document["verdict"]) == (0, "affirmed")
    (device,) = document["devices"]
    assert (device["verdict"], device["format"], device["claims"]["product"]) == ("affirmed", "sev-snp", "Milan")
    code, document = confide(capsys, "evidence", "verify", both / "bundle.json", *policy)
    assert (code, codes(document)) == (1, ["policy.evidence.missing"])
    assert "devices" not in document


def test_list_of_bundles_in_one_file_is_the_same(capsys, both: Path, at):
    bundles = [json.loads((both / name).read_text()) for name in ("bundle.json", "device.json")]
    (both / "list.json").write_text(json.dumps(bundles))
    nested = bundles[0] | {"devices": [bundles[1]]}
    (both / "nested.json").write_text(json.dumps(nested))
    for name in ("list.json", "nested.json"):
        code, document = confide(capsys, "evidence", "verify", both / name, "--policy", both / "both.toml", *at)
        assert (code, len(document["devices"])) == (0, 1)


@pytest.mark.parametrize("content", ["[]", "[1]", "[{}]", '[{"format": "sev-snp"}]', "[" * 100])
def test_list_of_something_else_is_no_evidence(capsys, tmp_path: Path, content: str):
    (tmp_path / "x").write_text(content)
    code, document = confide(capsys, "evidence", "verify", tmp_path / "x")
    assert (code, codes(document)) == (1, ["evidence.format"])


def test_endorsements_go_to_the_machine_and_to_its_devices(capsys, both: Path, at):
    for name in ("bundle.json", "device.json"):
        bundle = json.loads((both / name).read_text())
        for number, item in enumerate(bundle["endorsements"]):
            (both / "certificates" / f"{name}{number}.der").write_bytes(base64.b64decode(item))
        (both / name).write_text(json.dumps(bundle | {"endorsements": []}))
    (both / "certificates" / "rim.xml").write_text("<SoftwareIdentity/>")
    given = (both / "bundle.json", both / "device.json", "--endorsements", both / "certificates")
    code, document = confide(capsys, "evidence", "verify", *given, "--policy", both / "both.toml", *at)
    assert (code, document["verdict"]) == (0, "affirmed")


@pytest.mark.parametrize(
    ("item", "formats"),
    [
        (b'{"tcbInfo": {}}', {"tdx", "sgx", "jwt"}), (b" <SoftwareIdentity/>", {"nvidia"}),
        (b"\xd2\x84", {"azure-containers"}), (b"-----BEGIN PUBLIC KEY-----\n", {"arm-cca", "tpm"}),
        (b"\x30\x03\x0a\x01\x00", {"nvidia"}), (b"hello", set()), (b"", set()),
        (b'{"type": "confide-evidence/1"}', set()),
    ],
)  # fmt: skip
def test_file_of_a_folder_is_for_the_formats_that_take_its_kind(item: bytes, formats: set[str]):
    taken = {name for name in FORMATS if fits(item, {name})}
    assert taken >= formats
    assert not taken & {"sev-snp", "aws-nitro"}
    assert taken or not formats


def test_bad_device_is_told_in_the_table(capsys, both: Path, at):
    given = ("evidence", "verify", both / "bundle.json", both / "device.json", *at)
    text = told(capsys, *given, "--policy", both / "both.toml", "--nonce", "07")
    assert "device 1 (sev-snp): refused" in text
    assert "got device 1 (sev-snp): 0707" in text


# Results for others


def test_ear_is_signed_by_the_given_key(capsys, folder: Path, at, fake_amd: FakeAmd):
    given = ("--policy", folder / "policy.toml", *at, "--nonce", "07" * 64, "--ear", folder / "key.pem")
    code, document = confide(capsys, "evidence", "verify", folder / "bundle.json", *given)
    assert code == 0
    ear = read_ear(document["ear"], public_key(folder), now=fake_amd.now)
    assert ear.status is Tier.CONTRAINDICATED  # SIMULATED evidence protects nothing
    (appraisal,) = ear.submods.values()
    assert (appraisal.vector["executables"], appraisal.vector["hardware"]) == (3, 96)
    assert appraisal.policies == (parse_policy((folder / "policy.toml").read_text()).digest,)
    claims = jwt.decode(document["ear"], options={"verify_signature": False})
    assert claims["submods"]["sev-snp"]["eat_nonce"] == base64.urlsafe_b64encode(b"\7" * 64).decode().rstrip("=")
    assert f"EAR: {document['ear'].split('.')[0]}." in told(
        capsys, "evidence", "verify", folder / "bundle.json", *given
    )


def test_refusal_is_in_the_ear_too(capsys, both: Path, at, fake_amd: FakeAmd):
    given = (both / "bundle.json", both / "device.json", *at, "--ear", both / "key.pem")
    code, document = confide(capsys, "evidence", "verify", *given)
    assert code == 1
    ear = read_ear(document["ear"], public_key(both), now=fake_amd.now)
    assert ear.submods.keys() == {"sev-snp-1", "sev-snp-2"}
    assert all(one.status is Tier.CONTRAINDICATED for one in ear.submods.values())
    assert all(set(one.vector.values()) == {99} for one in ear.submods.values())
    assert "findings" not in json.dumps(ear.submods["sev-snp-1"].verifier_claims)


def test_file_that_is_no_evidence_has_an_ear_that_says_so(capsys, folder: Path, at, fake_amd: FakeAmd):
    (folder / "x").write_bytes(b"hello")
    code, document = confide(capsys, "evidence", "verify", folder / "x", *at, "--ear", folder / "key.pem")
    assert code == 1
    assert read_ear(document["ear"], public_key(folder), now=fake_amd.now).status is Tier.CONTRAINDICATED


def test_key_that_is_none_is_misuse_before_anything_is_verified(capsys, folder: Path):
    (folder / "key.pem").write_bytes(b"hello")
    code, document = confide(capsys, "evidence", "verify", folder / "bundle.json", "--ear", folder / "key.pem")
    assert (code, codes(document)) == (2, ["ear.key"])


# Showing


def test_show_prints_every_claim_and_says_that_nobody_has_checked_it(capsys, both: Path):
    (both / "forged.bin").write_bytes((both / "report.bin").read_bytes()[:-1] + b"\0")
    text = told(capsys, "evidence", "show", both / "forged.bin", both / "device.json")
    lines = text.splitlines()
    assert lines[0] == lines[-1]
    assert lines[0].startswith("UNVERIFIED")
    assert any(line.split() == ["claims.report_data", "07" * 64] for line in lines)
    assert any(line.split() == ["claims.policy.debug", "no"] for line in lines)
    assert any(line.split() == ["endorsements[0].name", "SEV-VCEK"] for line in lines)


def test_show_as_json_is_marked_unverified(capsys, folder: Path):
    code, document = confide(capsys, "evidence", "show", folder / "bundle.json")
    assert (code, document["verified"], document["format"], document["product"]) == (0, False, "sev-snp", "Genoa")
    assert [one["kind"] for one in document["endorsements"]] == ["certificate"] * 3
    assert "verdict" not in document


def test_show_describes_lists_and_what_is_no_certificate(capsys, folder: Path, fake_amd: FakeAmd):
    (folder / "list.crl").write_bytes(fake_amd.ark.revocation_list(fake_amd.now, revoked=(7, 8)))
    (folder / "other.json").write_text('{"tcbInfo": {}}')
    given = ("--endorsements", folder / "list.crl", folder / "other.json")
    _, document = confide(capsys, "evidence", "show", folder / "report.bin", *given)
    listed, other = document["endorsements"]
    assert (listed["kind"], listed["revoked"]) == ("revocation list", 2)
    assert other == {"kind": "other", "size": 15}


@pytest.mark.parametrize("content", [b"hello", b"\0" * 1184, b"\2\0\0\0" + bytes(100)])
def test_show_refuses_what_it_cannot_read(capsys, tmp_path: Path, content: bytes):
    (tmp_path / "x").write_bytes(content)
    code, document = confide(capsys, "evidence", "show", tmp_path / "x")
    assert (code, document["error"]) == (1, "refused")


def test_claims_of_a_stranger_do_not_steer_the_terminal():
    text = table(
        flat_rows({"name": "[bold red]x[/] \x1b[31m", "deep": {"list": [{"a": None}, {"b": []}], "flag": True}})
    )
    assert "[bold red]x[/]" in text
    assert [line.split()[0] for line in text.splitlines()] == ["name", "deep.list[0].a", "deep.list[1].b", "deep.flag"]


# Parts and trusted keys


def test_part_that_the_format_does_not_know_is_refused(capsys, folder: Path, at):
    given = ("--part", f"event_log={folder / 'report.bin'}", *at)
    _, document = confide(capsys, "evidence", "verify", folder / "bundle.json", *given)
    assert "evidence.parts" in codes(document)


@pytest.mark.parametrize("part", ["event_log", "=x", "x"])
def test_part_without_name_or_file_is_misuse(capsys, folder: Path, part: str):
    code, document = confide(capsys, "evidence", "verify", folder / "bundle.json", "--part", part)
    assert (code, codes(document)) == (2, ["cli.part"])


def test_part_twice_is_misuse(capsys, folder: Path):
    part = ("--part", f"x={folder / 'report.bin'}")
    assert confide(capsys, "evidence", "verify", folder / "bundle.json", *part, *part)[0] == 2


def test_trusted_keys_are_read_in_every_shape(tmp_path: Path):
    ec, rsa = generate_private_key(SECP256R1()).public_key(), generate_rsa_key(65537, 2048).public_key()
    (tmp_path / "ec.pem").write_bytes(ec.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    (tmp_path / "ec.der").write_bytes(ec.public_bytes(*SPKI))
    jwks = {
        "keys": [json.loads(jwt.algorithms.ECAlgorithm.to_jwk(ec)), json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(rsa))]
    }
    (tmp_path / "jwks.json").write_text(json.dumps(jwks))
    ec_print, rsa_print = (sha256_of(key.public_bytes(*SPKI)) for key in (ec, rsa))
    for name in ("ec.pem", "ec.der"):
        assert read_trusted_keys([str(tmp_path / name)]) == {ec_print}
    assert read_trusted_keys([str(tmp_path / "jwks.json")]) == {ec_print, rsa_print}
    assert read_trusted_keys([ec_print, str(tmp_path / "ec.pem")]) == {ec_print}


def test_certificate_gives_its_key(tmp_path: Path, fake_amd: FakeAmd):
    certificate = x509.load_der_x509_certificate(fake_amd.ask.der)
    wanted = sha256_of(certificate.public_key().public_bytes(*SPKI))
    (tmp_path / "a.der").write_bytes(fake_amd.ask.der)
    (tmp_path / "a.pem").write_bytes(certificate.public_bytes(Encoding.PEM))
    for name in ("a.der", "a.pem"):
        assert read_trusted_keys([str(tmp_path / name)]) == {wanted}


@pytest.mark.parametrize(
    "content", [b"", b"hello", b"{}", b'{"keys": []}', b'{"keys": [{"kty": "oct", "k": "AA", "alg": "HS256"}]}',
                b'{"keys": 7}', b"-----BEGIN PUBLIC KEY-----\n-----END PUBLIC KEY-----", b"\x30\x80" * 9,
                b"[]" * 200_000],
)  # fmt: skip
def test_file_without_a_public_key_is_misuse(tmp_path: Path, content: bytes):
    (tmp_path / "x").write_bytes(content)
    with pytest.raises(Misuse) as caught:
        read_trusted_keys([str(tmp_path / "x")])
    assert caught.value.codes == ("cli.trust_key",)


def test_key_beside_a_policy_is_misuse(capsys, folder: Path):
    given = ("--policy", folder / "policy.toml", "--trust-key", sha256_of(b"key"))
    code, document = confide(capsys, "evidence", "verify", folder / "bundle.json", *given)
    assert (code, codes(document)) == (2, ["cli.trust_key"])


@pytest.mark.parametrize("name", sorted(FORMATS))
def test_nonce_is_filled_up_to_the_size_of_the_formats_field(name: str):
    size = verifier_of(name).NONCE_SIZE
    assert read_nonce("0102", name) == (b"\1\2" if size is None else b"\1\2" + bytes(size - 2))
    with pytest.raises(Misuse):
        read_nonce("00" * ((size or 512) + 1), name)


def test_bundle_of_old_is_read(capsys, folder: Path, at):
    """Bundles without parts and devices were written before there were any."""
    bundle = json.loads((folder / "bundle.json").read_text())
    old = {name: bundle[name] for name in ("format", "evidence", "endorsements", "type")}
    (folder / "old.json").write_text(json.dumps(old))
    assert msgspec.json.decode(json.dumps(old), type=EvidenceBundle).devices == ()
    code, _ = confide(capsys, "evidence", "verify", folder / "old.json", "--policy", folder / "policy.toml", *at)
    assert code == 0
