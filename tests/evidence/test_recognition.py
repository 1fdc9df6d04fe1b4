from __future__ import annotations

import contextlib
import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from confide.errors import Refused
from confide.evidence import EvidenceBundle, pack_evidence
from confide.evidence.recognition import recognise
from confide.evidence.snp import SnpReport
from confide.ids import to_base64

REPORT = SnpReport(version=3).encode()
PLAIN = pack_evidence("sev-snp", REPORT)


@pytest.mark.parametrize(
    "data",
    [
        REPORT, REPORT.hex().encode(), REPORT.hex().upper().encode() + b"\n", to_base64(REPORT).encode() + b"\n",
        b"\n".join(to_base64(REPORT).encode()[n : n + 64] for n in range(0, 1600, 64)), REPORT + bytes(24),
        json.dumps(msgspec.to_builtins(PLAIN)).encode(),
    ],
    ids=["raw", "hex", "upper-case hex", "base64", "base64 in lines", "extended", "bundle"],
)  # fmt: skip
def test_every_shape_of_a_report_is_recognised(data: bytes):
    assert recognise(data) == PLAIN
    assert recognise(data, "sev-snp") == PLAIN


@pytest.mark.parametrize(
    "data",
    [b"", b"hello", b"\0" * 100, b"{}", b"{", b'{"format": "sev-snp"}', bytes(2 << 20), b"\xff" * 5000],
)
def test_what_is_no_evidence_is_refused(data: bytes):
    with pytest.raises(Refused) as caught:
        recognise(data)
    assert caught.value.codes == ("evidence.format",)


def test_truncated_report_is_known_for_what_it_is():
    assert recognise(REPORT[:1183]).evidence_bytes() == REPORT[:1183]


def test_bundle_with_a_duplicate_key_is_refused():
    text = json.dumps(msgspec.to_builtins(PLAIN))
    with pytest.raises(Refused) as caught:
        recognise(text.replace('{"format"', '{"format": "x", "format"', 1).encode())
    assert caught.value.codes == ("evidence.format",)


def test_bundle_with_non_canonical_base64_is_refused():
    with pytest.raises(Refused) as caught:
        recognise(json.dumps({"format": "sev-snp", "evidence": "AB=="}).encode())
    assert caught.value.codes == ("evidence.format",)


def test_bundle_of_another_format_than_named_is_refused():
    bundle = EvidenceBundle("tdx", to_base64(REPORT))
    data = json.dumps(msgspec.to_builtins(bundle)).encode()
    assert recognise(data).format == "tdx"
    with pytest.raises(Refused) as caught:
        recognise(data, "sev-snp")
    assert caught.value.codes == ("evidence.format",)


@given(st.binary(max_size=2000))
def test_no_bytes_raise_anything_but_refused(data: bytes):
    with contextlib.suppress(Refused):
        recognise(data)
