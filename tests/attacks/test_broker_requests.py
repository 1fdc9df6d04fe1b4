"""Release requests changed at random: none is released unless it says the same, none ends in a crash."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from confide.broker import issue_challenge, release
from confide.errors import ConfideError
from confide.protocol import ReleaseRequest
from confide.strictjson import load_as

CALM = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(scope="module")
def ready(lab_template, tmp_path_factory):
    """A lab and a job whose keys may be released often."""
    lab = lab_template.copy(tmp_path_factory.mktemp("requests") / "lab")
    lab.activate(releases_per_key=1_000_000)
    return lab, lab.job()


def fresh(ready):
    lab, job = ready
    nonce = issue_challenge(lab.broker, job.job_id, now=lab.now).nonce
    return lab.enclave().request(lab.broker.identity.broker_id, job.job_id, nonce)


def answer(lab, raw):
    """The release, or None for one of the three kinds of failure; anything else is a crash and raises."""
    try:
        return release(lab.broker, load_as(ReleaseRequest, raw, "message", 64 << 10), now=lab.now)
    except ConfideError:
        return None


@CALM
@given(st.floats(0, 1, exclude_max=True), st.integers(0, 255))
def test_changed_byte_never_releases_another_request(ready, where, byte):
    request = fresh(ready)
    raw = bytearray(msgspec.json.encode(request))
    raw[int(where * len(raw))] = byte
    if answer(ready[0], bytes(raw)) is not None:
        assert load_as(ReleaseRequest, bytes(raw)) == request


@CALM
@given(st.floats(0, 1, exclude_max=True), st.binary(max_size=4), st.integers(0, 8))
def test_inserted_or_cut_bytes_never_release_another_request(ready, where, inserted, cut):
    request = fresh(ready)
    raw = msgspec.json.encode(request)
    at = int(where * len(raw))
    changed = raw[:at] + inserted + raw[at + cut :]
    if answer(ready[0], changed) is not None:
        assert load_as(ReleaseRequest, changed) == request


@CALM
@given(st.sampled_from(ReleaseRequest.__struct_fields__[:4]), st.text(max_size=60))
def test_any_text_in_a_field_is_refused_or_misuse(ready, field, text):
    request = fresh(ready)
    if getattr(request, field) != text:
        assert answer(ready[0], msgspec.json.encode(msgspec.structs.replace(request, **{field: text}))) is None


@CALM
@given(st.floats(0, 1, exclude_max=True), st.integers(1, 255))
def test_changed_byte_of_the_report_is_refused(ready, where, flip):
    from confide.ids import to_base64

    request = fresh(ready)
    report = bytearray(request.evidence.evidence_bytes())
    report[int(where * len(report))] ^= flip
    evidence = msgspec.structs.replace(request.evidence, evidence=to_base64(bytes(report)))
    assert answer(ready[0], msgspec.json.encode(msgspec.structs.replace(request, evidence=evidence))) is None


def test_unchanged_request_is_released(ready):
    assert answer(ready[0], msgspec.json.encode(fresh(ready))) is not None
