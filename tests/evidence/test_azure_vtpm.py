"""Azure evidence in the shapes of real tools: recognised, to the same bundle, and wrong fields are refused."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable

import pytest

from confide.errors import Refused
from confide.evidence.azure_vtpm import recognise, tpm_signature
from confide.evidence.hcl import HclReport
from confide.evidence.recognition import recognise as recognise_any

CLAIMS = b'{"keys":[{"kid":"HCLAkPub","kty":"RSA","e":"AQAB","n":"qR7LqA"}],"vm-configuration":{}}'
QUOTE, SIGNATURE, TD_QUOTE = b"\xff" * 122, b"\x07" * 256, b"\x04\x00" * 300
PCRS = [bytes([index]) * 32 for index in range(24)]


def hcl(platform: str = "snp") -> bytes:
    report = HclReport(
        version=2, request_version=1, platform=platform, hash_number=1, hardware=bytes(1184), runtime_data=CLAIMS,
        padding=9,
    )  # type: ignore[arg-type]  # a platform by name  # fmt: skip
    return report.encode()


def as_list(data: bytes) -> list[int]:
    return list(data)


def as_hex(data: bytes) -> str:
    return data.hex()


def as_base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def version_0(report: bytes, text: Callable[[bytes], object] = as_list) -> dict[str, object]:
    quote = {"message": text(QUOTE), "signature": text(SIGNATURE), "pcrs": [text(value) for value in PCRS]}
    return {"quote": quote, "report": text(report)}


def version_1(report: bytes, **more: object) -> dict[str, object]:
    quote = {"message": QUOTE.hex(), "signature": SIGNATURE.hex(), "pcrs": [value.hex() for value in PCRS]}
    return {"version": 1, "tpm_quote": quote, "hcl_report": as_base64url(report)} | more


@pytest.mark.parametrize("platform", ["snp", "tdx"])
def test_every_shape_gives_the_same_bundle(platform: str):
    report, td_quote = hcl(platform), {"td_quote": as_base64url(TD_QUOTE)} if platform == "tdx" else {}
    shapes = [version_1(report, **td_quote), {"platform": "az", "evidence": version_1(report, **td_quote)}]
    shapes += [
        version_0(report) | td_quote,
        version_0(report, as_hex) | td_quote,
        version_0(report, as_base64url) | td_quote,
    ]
    bundles = [recognise(json.dumps(shape).encode()) for shape in shapes]
    first = bundles[0]
    assert first is not None
    assert all(bundle == first for bundle in bundles)
    assert first.format == f"azure-{platform}-vtpm"
    assert first.evidence_bytes() == report
    assert first.part("quote") == QUOTE
    assert first.part("signature") == bytes.fromhex("0014000b0100") + SIGNATURE
    assert json.loads(first.part("pcrs") or b"")["sha256"]["23"] == "17" * 32
    assert first.part("td_quote") == (TD_QUOTE if platform == "tdx" else None)


@pytest.mark.parametrize("platform", ["snp", "tdx"])
def test_a_bare_report_is_recognised_without_parts(platform: str):
    bundle = recognise_any(hcl(platform))
    assert (bundle.format, bundle.parts) == (f"azure-{platform}-vtpm", {})


@pytest.mark.parametrize(
    "data", [b"", b"{", b"[]", b'{"a":1}', b'{"hcl_report":"AA"}', b'{"quote":{},"report":[]}', b"HCL"]
)
def test_anything_else_is_left_to_others(data: bytes):
    assert recognise(data) is None


@pytest.mark.parametrize(
    "document",
    [
        {"message": 1, "signature": 2, "pcrs": 3},
        {"tpm_quote": {"message": "", "signature": "", "pcrs": []}},
        {"hcl_report": "AA", "message": 1, "signature": 2, "pcrs": 3},
        {"hcl_report": "AA", "tpm_quote": ["message", "signature", "pcrs"]},
        {"hcl_report": "AA", "tpm_quote": {"message": "", "signature": ""}, "pcrs": []},
    ],
)
def test_the_names_of_a_quote_elsewhere_make_none(document: dict[str, object]):
    assert recognise(json.dumps(document).encode()) is None


def test_a_quote_of_the_hardware_comes_along_for_tdx_alone():
    on_snp = recognise(json.dumps(version_1(hcl(), td_quote=as_base64url(TD_QUOTE))).encode())
    assert on_snp is not None
    assert on_snp.part("td_quote") is None
    without = recognise(json.dumps(version_1(hcl("tdx"))).encode())
    assert without is not None
    assert without.part("td_quote") is None


@pytest.mark.parametrize(
    "change",
    [
        {"hcl_report": 5}, {"hcl_report": "!"}, {"hcl_report": "é"}, {"hcl_report": [256]}, {"hcl_report": [True]},
        {"hcl_report": "ABC"}, {"vcek": "@"},
        *({"tpm_quote": {"message": QUOTE.hex(), "signature": SIGNATURE.hex(), "pcrs": pcrs}}
          for pcrs in (5, [], ["00" * 32] * 23, ["00" * 32] * 25, ["00" * 33] * 24, ["00" * 32] * 23 + ["00" * 20])),
    ],
)  # fmt: skip
def test_a_field_of_another_shape_is_refused(change: dict[str, object]):
    with pytest.raises(Refused) as caught:
        recognise(json.dumps(version_1(hcl()) | change).encode())
    assert caught.value.codes == ("evidence.format",)


def test_a_report_that_does_not_parse_is_refused():
    with pytest.raises(Refused) as caught:
        recognise(b"HCLA")
    assert caught.value.codes == ("azure.hcl.size",)


def test_a_signature_that_is_one_already_is_kept():
    whole = tpm_signature(SIGNATURE)
    assert tpm_signature(whole) == whole
