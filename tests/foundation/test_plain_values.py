"""Time, identifiers, strict JSON: the small values everything else rests on."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from confide import strictjson
from confide.binding import Binding
from confide.clock import from_rfc3339, to_rfc3339
from confide.errors import Misuse
from confide.ids import canonical_json, digest_of, from_base64, new_id, sha256_of, to_base64
from confide.job import new_job

NOW = datetime(2026, 11, 23, 12, 0, 0, tzinfo=UTC)


@given(st.datetimes(min_value=datetime(1970, 1, 1), max_value=datetime(9000, 1, 1)))  # noqa: DTZ001 - zone below
def test_time_survives_the_round_trip(moment):
    moment = moment.replace(microsecond=0, tzinfo=UTC)
    assert from_rfc3339(to_rfc3339(moment)) == moment


def test_time_with_an_offset_is_brought_to_utc():
    assert from_rfc3339("2026-01-31T12:00:00+02:00") == datetime(2026, 1, 31, 10, tzinfo=UTC)
    assert to_rfc3339(datetime(2026, 1, 31, 12, tzinfo=timezone(timedelta(hours=2)))) == "2026-01-31T10:00:00Z"


@pytest.mark.parametrize("text", ["", "yesterday", "2026-01-31", "2026-01-31T12:00:00", "2026-13-31T12:00:00Z"])
def test_time_without_zone_or_sense_is_misuse(text):
    with pytest.raises(Misuse) as failure:
        from_rfc3339(text)
    assert failure.value.codes == ("time.format",)


@given(st.binary())
def test_base64_survives_the_round_trip(data):
    assert from_base64(to_base64(data)) == data


@pytest.mark.parametrize("text", ["QQ", "QR==", "QQ==\n", " QQ==", "Q-==", "QQ=="[:3], "é"])
def test_base64_that_is_not_canonical_is_misuse(text):
    with pytest.raises(Misuse) as failure:
        from_base64(text)
    assert failure.value.codes == ("encoding.base64",)


def test_identifiers_are_fresh_and_carry_their_kind():
    assert new_id("object") != new_id("object")
    assert new_id("object").startswith("object-")


def test_digest_does_not_depend_on_the_order_of_keys():
    assert digest_of({"a": 1, "b": 2}) == digest_of({"b": 2, "a": 1}) == sha256_of(b'{"a":1,"b":2}')


@pytest.mark.parametrize(
    "text",
    ['{"a":1,"a":2}', '{"a":{"b":1,"b":1}}', "NaN", "[Infinity]", "{", "", b"\xff", "[" * 40 + "]" * 40, '{"a":1} x'],
)
def test_json_that_is_not_strict_is_misuse(text):
    with pytest.raises(Misuse) as failure:
        strictjson.loads(text)
    assert failure.value.codes == ("json.malformed",)


def test_json_that_is_too_large_is_misuse_before_it_is_parsed():
    with pytest.raises(Misuse, match="more than 10"):
        strictjson.loads("[" * 11, max_bytes=10)


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), lambda inner: st.lists(inner, max_size=3)))
def test_json_within_bounds_is_read_as_written(value):
    assert strictjson.loads(msgspec.json.encode(value)) == value


def a_binding(**changes):
    fields = {"nonce": "bg==", "hpke_key": "aA==", "signing_key": "cw==", "job": "sha256:1", "broker": "sha256:2"}
    return Binding(**(fields | changes))


@pytest.mark.parametrize("field", ["nonce", "hpke_key", "signing_key", "job", "broker"])
def test_report_data_binds_every_field(field):
    assert a_binding().report_data() != a_binding(**{field: "other"}).report_data()
    assert len(a_binding().report_data()) == 64


def test_report_data_of_fields_that_run_together_differ():
    assert a_binding(job="ab", broker="c").report_data() != a_binding(job="a", broker="bc").report_data()


def a_job(**changes):
    fields = {"workload": "sha256:1", "inputs": {"genome": "sha256:2"}, "recipient": "cg==", "policy": "p"}
    return new_job(**(fields | changes), now=NOW)


def test_a_job_is_named_by_all_of_its_content_and_equal_jobs_differ():
    job = a_job()
    assert job.job_id != a_job().job_id
    for change in ({"workload": "x"}, {"recipient": "x"}, {"policy": "x"}, {"parameters": {"a": "b"}}, {"salt": "x"}):
        assert msgspec.structs.replace(job, **change).job_id != job.job_id


def test_canonical_json_is_the_same_for_a_decoded_job():
    job = a_job()
    again = strictjson.load_as(type(job), canonical_json(msgspec.to_builtins(job)))
    assert again == job
    assert again.job_id == job.job_id


def test_an_unknown_field_is_misuse():
    with pytest.raises(Misuse, match="unknown field"):
        strictjson.load_as(Binding, '{"nonce":"","hpke_key":"","signing_key":"","job":"","broker":"","extra":1}')
