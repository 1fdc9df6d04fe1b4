"""HCL reports: what is read, and that nothing else is."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from confide.errors import Refused
from confide.evidence.hcl import MAX_CLAIMS, MAX_SIZE, HclReport, parse_hcl_report, parse_runtime_claims

AK = {"kid": "HCLAkPub", "key_ops": ["sign"], "kty": "RSA", "e": "AQAB", "n": "qR7LqA"}
EK = AK | {"kid": "HCLEkPub"}
CONFIGURATION = {"secure-boot": True, "vmUniqueId": "911B0EF8-9DBA-48B0-B275-4E4DF2D39252"}
CLAIMS: dict[str, object] = {"keys": [AK, EK], "vm-configuration": CONFIGURATION, "user-data": "00"}


def report(**changes: object) -> HclReport:
    fields: dict[str, object] = {
        "version": 2, "request_version": 1, "platform": "snp", "hash_number": 1, "hardware": bytes(1184),
        "runtime_data": json.dumps(CLAIMS).encode(), "padding": 100,
    }  # fmt: skip
    return HclReport(**(fields | changes))  # type: ignore[arg-type]  # the caller names fields of the report


def patched(data: bytes, at: int, value: int) -> bytes:
    return data[:at] + value.to_bytes(4, "little") + data[at + 4 :]


@pytest.mark.parametrize("platform", ["snp", "tdx"])
@pytest.mark.parametrize(("hash_number", "size"), [(1, 32), (2, 48), (3, 64)])
def test_report_is_read_as_it_was_written(platform: str, hash_number: int, size: int):
    made = report(platform=platform, hash_number=hash_number)
    parsed = parse_hcl_report(made.encode())
    assert parsed == made
    assert len(parsed.expected_report_data()) == 64
    assert not any(parsed.expected_report_data()[size:])


def test_request_data_of_version_2_has_a_bitmap_before_the_claims():
    made = report(request_version=2, capabilities=b"\3\0\0\0")
    assert parse_hcl_report(made.encode()) == made


@pytest.mark.parametrize(
    ("at", "value", "code"),
    [
        (0, 0, "azure.hcl.header"),  # magic
        (4, 3, "azure.hcl.header"),  # version
        (8, 1300, "azure.hcl.header"),  # report size
        (12, 1, "azure.hcl.header"),  # request type: key release
        (16, 1, "azure.hcl.header"),  # status
        (20, 1, "azure.hcl.header"),  # reserved
        (1216, 21, "azure.hcl.header"),  # size of the request data
        (1220, 3, "azure.hcl.header"),  # version of the request data
        (1220, 2, "azure.hcl.header"),  # version 2 has four bytes more
        (1224, 1, "azure.hcl.header"),  # report type: VBS
        (1228, 0, "azure.hcl.header"),  # hash type
        (1228, 4, "azure.hcl.header"),
        (1232, 0, "azure.hcl.header"),  # size of the claims
        (1232, 0xFFFFFFFF, "azure.hcl.header"),
    ],
)
def test_a_wrong_number_in_header_or_request_data_is_refused(at: int, value: int, code: str):
    data = report().encode()
    assert parse_hcl_report(data)
    with pytest.raises(Refused) as caught:
        parse_hcl_report(patched(data, at, value))
    assert caught.value.codes == (code,)


@pytest.mark.parametrize("size", [0, 4, 1235, MAX_SIZE + 1])
def test_a_report_of_an_impossible_size_is_refused(size: int):
    with pytest.raises(Refused) as caught:
        parse_hcl_report(report().encode().ljust(size, b"\0")[:size])
    assert caught.value.codes == ("azure.hcl.size",)


def test_claims_that_are_cut_off_and_bytes_after_the_report_are_refused():
    made = replace(report(), padding=0).encode()
    assert parse_hcl_report(made)
    for data in (made[:-1], made + b"\1", made + bytes(10) + b"\1"):
        with pytest.raises(Refused) as caught:
            parse_hcl_report(data)
        assert caught.value.codes == ("azure.hcl.size",)


def test_claims_longer_than_their_bound_are_refused():
    with pytest.raises(Refused) as caught:
        parse_hcl_report(report(runtime_data=b" " * (MAX_CLAIMS + 1)).encode())
    assert caught.value.codes == ("azure.hcl.header",)


def test_bytes_behind_a_tdreport_are_refused():
    with pytest.raises(Refused) as caught:
        parse_hcl_report(report(platform="tdx", hardware=bytes(1183) + b"\1").encode())
    assert caught.value.codes == ("azure.hcl.header",)


def test_claims_are_read():
    claims = parse_runtime_claims(report().runtime_data)
    key = claims.key("HCLAkPub")
    assert key is not None
    assert (key.n, key.e) == (0xA91ECBA8, 65537)
    assert claims.configuration == CONFIGURATION
    assert claims.key("HCLTransferKey") is None
    assert set(claims.claims()) == {"keys", "vm_configuration", "user_data"}


def test_an_early_report_without_user_data_and_with_another_key_ops_is_read():
    early = {"keys": [AK | {"key_ops": ["encrypt"]}], "vm-configuration": {"current-time": 1678652405}}
    assert parse_runtime_claims(json.dumps(early).encode()).user_data == ""


@pytest.mark.parametrize(
    "document",
    [
        b"", b"[]", b"{}", b"null", b'{"keys":[],"keys":[]}', b"\xff", b"{" * 100,
        *(json.dumps(CLAIMS | changes).encode() for changes in (
            {"keys": []}, {"keys": {}}, {"keys": [EK]}, {"keys": [AK, AK]}, {"keys": [AK] + [EK] * 8},
            {"keys": [1]}, {"keys": [AK | {"kty": "EC"}]}, {"keys": [AK | {"kid": 7}]}, {"keys": [AK | {"n": ""}]},
            {"keys": [AK | {"n": "AKke"}]}, {"keys": [AK | {"n": "qR7LqA=="}]}, {"keys": [AK | {"n": "qR7LqB"}]},
            {"keys": [AK | {"n": "q+7L"}]}, {"keys": [AK | {"n": 5}]}, {"keys": [AK | {"n": "ü"}]},
            {"keys": [AK | {"n": "q"}]}, {"keys": [{"kid": "HCLAkPub", "kty": "RSA", "n": "qR7L"}]},
            {"vm-configuration": []}, {"user-data": 5},
        )),
    ],
)  # fmt: skip
def test_claims_that_are_not_exactly_one_attestation_key_are_refused(document: bytes):
    with pytest.raises(Refused) as caught:
        parse_runtime_claims(document)
    assert caught.value.codes == ("azure.claims",)
