"""What evidence needs is asked for at its vendor's service, checked by shape, kept, and makes the evidence verify."""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote as url_encode

import pytest

from confide.cli.framework import run_cli
from confide.cli.main import COMMANDS
from confide.endorse import Cache, Fetched, Response, fetch_endorsements
from confide.endorse import fetching as fetching_module
from confide.endorse.amd import LENT, MASKED, amd_requests
from confide.endorse.nvidia import driver_id, nvidia_requests, vbios_id
from confide.endorse.request import manifest, signed_json
from confide.errors import Misuse, Refused, Unavailable
from confide.evidence import EvidenceBundle
from confide.evidence.bundle import pack_evidence, with_devices
from confide.evidence.intel_quote import Quote
from confide.evidence.nvidia import FIELDS, NvidiaReport
from confide.evidence.recognition import recognise
from confide.evidence.snp import SnpReport, parse_report
from confide.testing import FakeAmd
from confide.verify import verify_evidence
from confide.verify.x509 import parse_item

from .conftest import Service

SHARED = Path(__file__).parents[3] / "shared" / "evidence"
TDX = SHARED / "tdx/Phala-Network+dcap-qvl/sample"
NOW = datetime(2026, 11, 24, tzinfo=UTC)
GENOA = "/vcek/v1/Genoa"
needs_shared = pytest.mark.skipif(not TDX.exists(), reason="the shared evidence is not here")


def pem(*ders: bytes) -> bytes:
    lines = (base64.encodebytes(der).decode() for der in ders)
    return "".join(f"-----BEGIN CERTIFICATE-----\n{one}-----END CERTIFICATE-----\n" for one in lines).encode()


def vcek_target(report: SnpReport, product: str = "Genoa") -> str:
    (alternatives, *_), _ = amd_requests(report)
    return next(one.url for one in alternatives if f"/{product}/" in one.url).removeprefix("https://kdsintf.amd.com")


def serve_amd(service: Service, amd: FakeAmd, report: SnpReport, product: str = "Genoa") -> None:
    base = f"/vcek/v1/{product}"
    service.ok(vcek_target(report, product), amd.leaf(report))
    service.ok(f"{base}/cert_chain", pem(amd.ask.der, amd.ark.der))
    service.ok(f"{base}/crl", amd.ark.revocation_list(amd.now))


def fetch(service: Service, bundle: EvidenceBundle, cache: Cache | None = None) -> Fetched:
    return fetch_endorsements(bundle, service.client(), now=NOW, cache=cache)


def bare(report: SnpReport) -> EvidenceBundle:
    return pack_evidence("sev-snp", report.encode())


def signed(amd: FakeAmd, **changes: object) -> SnpReport:
    return parse_report(amd.evidence(amd.report(**changes)).evidence_bytes())


def test_snp_report_verifies_with_what_was_fetched(service: Service, fake_amd: FakeAmd):
    report = signed(fake_amd)
    serve_amd(service, fake_amd, report)
    fetched = fetch(service, bare(report))
    assert [item.name for item in fetched.items] == [
        f"vcek-{report.chip_id.hex()[:16]}.der", "vcek-Genoa-chain.pem", "vcek-Genoa.crl",
    ]  # fmt: skip
    ders = (fetched.items[0].data, fake_amd.ask.der, fake_amd.ark.der, fetched.items[2].data)
    bundle = pack_evidence("sev-snp", report.encode(), ders)
    roots = [fake_amd.root_fingerprint]
    verified = verify_evidence(bundle, now=fake_amd.now, report_data=None, simulated_roots=roots)
    assert {check.code: check.outcome for check in verified.checks}["snp.crl"] == "passed"


def test_url_of_a_vcek_is_as_amd_documents_it(fake_amd: FakeAmd):
    report = fake_amd.report(chip_id=bytes(range(64)), reported_tcb=bytes((3, 1, 0, 0, 0, 0, 24, 219)))
    query = "blSPL=3&teeSPL=1&snpSPL=24&ucodeSPL=219"
    assert vcek_target(report) == f"{GENOA}/{bytes(range(64)).hex()}?{query}"
    turin = replace(report, cpuid=(0x1A, 2, 1), reported_tcb=bytes((5, 3, 1, 24, 0, 0, 0, 219)))
    assert vcek_target(turin, "Turin") == f"/vcek/v1/Turin/0001020304050607?fmcSPL=5&{query}"


def test_report_of_version_2_is_asked_for_under_each_product(service: Service, fake_amd: FakeAmd):
    report = fake_amd.report(version=2, cpuid=(0, 0, 0), platform_info=0)
    serve_amd(service, fake_amd, report)
    service.ok("/vcek/v1/Milan/cert_chain", pem(fake_amd.ask.der))
    service.ok("/vcek/v1/Milan/crl", fake_amd.ark.revocation_list(fake_amd.now))
    fetched = fetch(service, bare(report))
    assert [path.split("?")[0].split("/")[3] for _, path in service.asked[:2]] == ["Milan", "Genoa"]
    assert any(item.name.startswith("vcek-") and item.name.endswith(".der") for item in fetched.items)


def test_chip_that_nobody_knows_is_unavailable(service: Service, fake_amd: FakeAmd):
    with pytest.raises(Unavailable) as caught:
        fetch(service, bare(fake_amd.report()))
    assert caught.value.codes == ("endorse.status",)


@pytest.mark.parametrize(("changes", "note"), [({"chip_id": bytes(64)}, MASKED), ({"flags": 1 << 2}, LENT)])
def test_certificate_that_the_service_does_not_have_is_said(
    service: Service, fake_amd: FakeAmd, changes: dict[str, object], note: str
):
    kind = "vlek" if "flags" in changes else "vcek"
    service.ok(f"/{kind}/v1/Genoa/cert_chain", pem(fake_amd.ask.der))
    service.ok(f"/{kind}/v1/Genoa/crl", fake_amd.ark.revocation_list(fake_amd.now))
    fetched = fetch(service, bare(fake_amd.report(**changes)))
    assert fetched.notes == (note,)
    assert len(fetched.items) == 2


@pytest.mark.parametrize("body", [b"", b"<html>log in</html>", b"{}", bytes(2000), pem(b"no certificate")])
@pytest.mark.parametrize("which", [0, 1, 2])
def test_answer_of_another_shape_is_no_endorsement(service: Service, fake_amd: FakeAmd, which: int, body: bytes):
    report = fake_amd.report()
    serve_amd(service, fake_amd, report)
    target = [vcek_target(report), f"{GENOA}/cert_chain", f"{GENOA}/crl"][which]
    service.answers[target] = [(200, {}, body)]
    with pytest.raises(Unavailable) as caught:
        fetch(service, bare(report))
    assert caught.value.codes == ("endorse.shape",)


def test_list_in_the_place_of_a_certificate_is_no_endorsement(service: Service, fake_amd: FakeAmd):
    report = fake_amd.report()
    serve_amd(service, fake_amd, report)
    service.answers[vcek_target(report)] = [(200, {}, fake_amd.ark.revocation_list(fake_amd.now))]
    with pytest.raises(Unavailable, match=r"endorse\.shape"):
        fetch(service, bare(report))


def test_cache_saves_every_question_until_it_is_old(service: Service, fake_amd: FakeAmd, tmp_path: Path):
    report, cache = fake_amd.report(), Cache(tmp_path)
    serve_amd(service, fake_amd, report)
    first = fetch(service, bare(report), cache)
    assert len(first.asked) == 3
    again = fetch(service, bare(report), cache)
    assert (again.items, again.asked) == (first.items, ())
    service.ok(f"{GENOA}/crl", fake_amd.ark.revocation_list(fake_amd.now))
    later = fetch_endorsements(bare(report), service.client(), now=NOW.replace(day=26), cache=cache)
    assert [url.rpartition("/")[2] for url in later.asked] == ["crl"]


def test_kept_answer_of_another_shape_is_asked_for_again(service: Service, fake_amd: FakeAmd, tmp_path: Path):
    report, cache = fake_amd.report(), Cache(tmp_path)
    serve_amd(service, fake_amd, report)
    fetch(service, bare(report), cache)
    cache.put(f"https://kdsintf.amd.com{GENOA}/crl", Response({}, b"planted"), NOW)
    service.ok(f"{GENOA}/crl", fake_amd.ark.revocation_list(fake_amd.now))
    assert len(fetch(service, bare(report), cache).asked) == 1


def test_answer_of_another_shape_is_not_kept(service: Service, fake_amd: FakeAmd, tmp_path: Path):
    report = fake_amd.report()
    service.ok(vcek_target(report), b"<html>")
    with pytest.raises(Unavailable):
        fetch(service, bare(report), Cache(tmp_path))
    assert list(tmp_path.iterdir()) == [] or all("server" in path.name for path in tmp_path.iterdir())


def intel_answers(service: Service, collateral: dict[str, str], kind: str, fmspc: str) -> None:
    def body(member: str, text: str, signature: str) -> bytes:
        return f'{{"{member}":{text},"signature":"{signature}"}}'.encode()

    def chain(name: str) -> str:
        return url_encode(collateral[name])

    tcb = body("tcbInfo", collateral["tcb_info"], collateral["tcb_info_signature"])
    identity = body("enclaveIdentity", collateral["qe_identity"], collateral["qe_identity_signature"])
    service.ok(f"/{kind}/certification/v4/tcb?fmspc={fmspc}", tcb, TCB_Info_Issuer_Chain=chain("tcb_info_issuer_chain"))
    service.ok(
        f"/{kind}/certification/v4/qe/identity", identity,
        SGX_Enclave_Identity_Issuer_Chain=chain("qe_identity_issuer_chain"),
    )  # fmt: skip
    service.ok(
        "/sgx/certification/v4/pckcrl?ca=platform&encoding=der", bytes.fromhex(collateral["pck_crl"]),
        SGX_PCK_CRL_Issuer_Chain=chain("pck_crl_issuer_chain"),
    )  # fmt: skip
    service.ok("/IntelSGXRootCA.der", bytes.fromhex(collateral["root_ca_crl"]))


@needs_shared
def test_real_tdx_quote_gets_the_collateral_of_its_platform(service: Service):
    collateral = json.loads((TDX / "tdx_quote_collateral.json").read_text())
    fmspc = json.loads(collateral["tcb_info"])["fmspc"].lower()
    bundle = recognise((TDX / "tdx_quote").read_bytes())
    intel_answers(service, collateral, "tdx", fmspc)
    fetched = fetch(service, bundle)
    assert [item.name for item in fetched.items] == [
        "tcb_info.json", "tcb_info.issuers.pem", "qe_identity.json", "qe_identity.issuers.pem", "pck.crl",
        "pck.issuers.pem", "root_ca.crl",
    ]  # fmt: skip
    assert collateral["tcb_info"].encode() in fetched.items[0].data


@needs_shared
def test_answer_without_its_signers_is_no_endorsement(service: Service):
    collateral = json.loads((TDX / "tdx_quote_collateral.json").read_text())
    fmspc = json.loads(collateral["tcb_info"])["fmspc"].lower()
    intel_answers(service, collateral, "tdx", fmspc)
    ((status, _, body),) = service.answers[f"/tdx/certification/v4/tcb?fmspc={fmspc}"]
    service.answers[f"/tdx/certification/v4/tcb?fmspc={fmspc}"] = [(status, {}, body)]
    with pytest.raises(Unavailable, match=r"endorse\.shape"):
        fetch(service, recognise((TDX / "tdx_quote").read_bytes()))


def nvidia_report(**texts: str) -> NvidiaReport:
    fields = {FIELDS[name]: value.encode() + b"\0" for name, value in texts.items() if name != "vbios_version"}
    fields[FIELDS["vbios_version"]] = bytes.fromhex("005e009601000000")
    return NvidiaReport(None, fields)  # type: ignore[arg-type] # the exchange is not looked at


GPU = {"driver_version": "550.90.07", "project": "1010", "project_sku": "0200", "chip_sku": "882"}


def test_manifests_have_the_ids_that_nvidia_gives_them():
    assert driver_id(nvidia_report(**GPU)) == "NV_GPU_DRIVER_GH100_550.90.07"
    assert driver_id(nvidia_report(**GPU, chip_info="GB100")) == "NV_GPU_CC_DRIVER_GB100_550.90.07"
    assert vbios_id(nvidia_report(**GPU)) == "NV_GPU_VBIOS_1010_0200_882_96005E0001"
    switch = {name: text for name, text in GPU.items() if name != "driver_version"}
    assert vbios_id(nvidia_report(**switch)) == "NV_SWITCH_BIOS_1010_0200_882_96005E0001"


@pytest.mark.parametrize("evil", ["../../x", "a/b", "a?b=c", "a b", "a#b", "a%2fb", "", "é"])
def test_text_of_evidence_never_becomes_another_url(evil: str):
    asked, notes = nvidia_requests(nvidia_report(**(GPU | {"project": evil, "driver_version": evil})))
    assert all("/v1/rim/NV_" in one.url and one.url.count("/") == 5 for (one,) in asked)
    assert len(asked) + len(notes) == 2


@pytest.mark.parametrize(
    "changes", [{"id": "another"}, {"sha256": "00" * 32}, {"rim": "!"}, {"rim": base64.b64encode(b"no xml").decode()}]
)
def test_manifest_of_another_id_or_digest_is_no_endorsement(service: Service, changes: dict[str, str]):
    (alternatives, _), _ = nvidia_requests(nvidia_report(**GPU))
    (request,) = alternatives
    document = {"id": "NV_GPU_DRIVER_GH100_550.90.07", "rim": base64.b64encode(b"<x/>").decode(),
                "sha256": hashlib.sha256(b"<x/>").hexdigest()}  # fmt: skip
    service.ok("/v1/rim/NV_GPU_DRIVER_GH100_550.90.07", json.dumps(document).encode())
    (item,) = request.items(service.client().get(request.url))
    assert (item.name, item.data) == ("NV_GPU_DRIVER_GH100_550.90.07.xml", b"<x/>")
    service.ok("/v1/rim/NV_GPU_DRIVER_GH100_550.90.07", json.dumps(document | changes).encode())
    with pytest.raises(Unavailable, match=r"endorse\.shape"):
        request.items(service.client().get(request.url))


def quote_of(certification: bytes) -> EvidenceBundle:
    quote = Quote(tee_type=0x81, version=4, body_type=2, body=bytes(584), certification=certification)
    return pack_evidence("tdx", quote.encode())


@pytest.mark.parametrize("certification", [b"", b"x", pem(b"garbage"), pem(b"garbage") + b"\0"])
def test_quote_without_its_platforms_certificate_is_refused(service: Service, certification: bytes):
    with pytest.raises(Refused) as caught:
        fetch(service, quote_of(certification))
    assert caught.value.codes == ("endorse.evidence",)


def test_certificates_of_others_are_not_the_platforms(service: Service, fake_amd: FakeAmd):
    with pytest.raises(Refused, match=r"endorse\.evidence"):
        fetch(service, quote_of(pem(fake_amd.ask.der, fake_amd.ark.der)))
    assert service.asked == []


@needs_shared
def test_azure_machines_are_asked_for_by_their_hardware(service: Service, fake_amd: FakeAmd):
    with pytest.raises(Misuse, match="td_quote"):
        fetch(service, pack_evidence("azure-tdx-vtpm", b"x"))
    collateral = json.loads((TDX / "tdx_quote_collateral.json").read_text())
    fmspc = json.loads(collateral["tcb_info"])["fmspc"].lower()
    intel_answers(service, collateral, "tdx", fmspc)
    quote = recognise((TDX / "tdx_quote").read_bytes()).evidence_bytes()
    fetched = fetch(service, pack_evidence("azure-tdx-vtpm", b"x", td_quote=quote))
    assert "tcb_info.json" in [item.name for item in fetched.items]


@pytest.mark.parametrize(
    "body", [b"[]", b'{"tcbInfo": {}}', b'{"signature": ""}', b'{"tcbInfo": 1, "tcbInfo": 1, "signature": 1}']
)
def test_json_without_document_or_signature_is_no_collateral(body: bytes):
    with pytest.raises((ValueError, Misuse)):
        signed_json("tcb_info.json", "tcbInfo", "X")(Response({"x": pem(b"1").decode()}, body))


@pytest.mark.parametrize("header", ["", "no%20pem", "%C3%A9"])
def test_header_without_certificates_is_no_chain(header: str):
    read = signed_json("tcb_info.json", "tcbInfo", "X")
    with pytest.raises(ValueError, match=r"certificates|ascii"):
        read(Response({"x": header}, b'{"tcbInfo": {}, "signature": ""}'))


def test_manifest_is_xml_and_its_digest_may_be_left_out():
    rim = {"id": "x", "rim": base64.b64encode(b"\xef\xbb\xbf <x/>").decode()}
    (item,) = manifest("x")(Response({}, json.dumps(rim).encode()))
    assert item.data.endswith(b"<x/>")
    with pytest.raises(ValueError, match="XML"):
        manifest("x")(Response({}, json.dumps(rim | {"rim": base64.b64encode(b"{}").decode()}).encode()))


def test_device_that_does_not_say_what_it_is_gets_no_manifest():
    asked, notes = nvidia_requests(NvidiaReport(None, {}))  # type: ignore[arg-type] # the exchange is not looked at
    assert (asked, notes) == ([], ["The report does not say which VBIOS it runs: its manifest cannot be asked for."])


def test_manifest_is_strict_json():
    for body in (b"[]", b"7", b'{"id": "x", "id": "x", "rim": "", "sha256": ""}'):
        with pytest.raises((ValueError, Misuse)):
            manifest("x")(Response({}, body))


def test_format_without_such_a_service_is_misuse(service: Service):
    with pytest.raises(Misuse, match=r"endorse\.format"):
        fetch(service, pack_evidence("nitro", b"x"))


def test_devices_are_fetched_for_too_and_names_never_collide(service: Service, fake_amd: FakeAmd):
    one, two = fake_amd.report(), fake_amd.report(chip_id=bytes(range(8)) + b"\7" * 56)
    assert one.chip_id[:8] == two.chip_id[:8]
    for report in (one, two):
        serve_amd(service, fake_amd, report)
    fetched = fetch(service, with_devices(bare(one), [bare(two)]))
    names = [item.name for item in fetched.items]
    assert len(names) == len(set(names))
    assert f"2-vcek-{one.chip_id.hex()[:16]}.der" in names


def test_command_writes_a_folder_that_verify_takes(
    service: Service, fake_amd: FakeAmd, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys
):
    report = signed(fake_amd)
    serve_amd(service, fake_amd, report)
    (tmp_path / "report.bin").write_bytes(report.encode())
    real = fetching_module.fetch_endorsements
    monkeypatch.setattr(
        "confide.endorse.fetch_endorsements",
        lambda bundle, _, *, now, cache: real(bundle, service.client(), now=now, cache=cache),
    )
    arguments = ["endorsements", "fetch", str(tmp_path / "report.bin"), "--cache", str(tmp_path / "cache"), "--json"]
    assert run_cli("confide", "", "0", COMMANDS, arguments) == 0
    document = json.loads(capsys.readouterr().out)
    folder = tmp_path / "report.bin.endorsements"
    assert document["folder"] == str(folder)
    assert sorted(document["files"]) == sorted(path.name for path in folder.iterdir())
    assert parse_item((folder / document["files"][0]).read_bytes())
    verify = ["evidence", "verify", str(tmp_path / "report.bin"), "--endorsements", str(folder), "--json"]
    run_cli("confide", "", "0", COMMANDS, [*verify, "--at", fake_amd.now.isoformat()])
    codes = [finding["code"] for finding in json.loads(capsys.readouterr().out)["findings"]]
    assert codes == ["snp.chain.root"]


def test_verification_never_imports_the_fetching():
    source = Path(fetching_module.__file__).parents[1]
    for package in ("evidence", "verify", "policy", "results"):
        for file in (source / package).rglob("*.py"):
            assert "confide.endorse" not in file.read_text()
