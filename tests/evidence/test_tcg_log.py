from __future__ import annotations

import struct
from collections.abc import Callable

import pytest

from confide.errors import Refused
from confide.evidence.cel import parse_cel
from confide.evidence.tcg_log import MAX_EVENTS, TcgEvent, TcgLog, parse_log, replay
from confide.testing.fake_boot import (
    FakeBoot,
    FakeEvent,
    container_log,
    encode_event1,
    encode_event2,
    encode_header,
    separator,
)

NO_ACTION = 3
ONE = TcgEvent(1, 5, {"sha256": bytes(32)}, b"data")


def events_in(parse: Callable[[bytes], TcgLog], data: bytes) -> int:
    """How many events there are, -1 where the bytes are refused as malformed or empty."""
    try:
        return len(parse(data).events)
    except Refused as failure:
        return -1 if failure.codes[0] in {"log.malformed", "log.size"} else 99


def code_of(data: bytes) -> str:
    with pytest.raises(Refused) as caught:
        parse_log(data)
    return caught.value.codes[0]


@pytest.mark.parametrize("algorithms", [("sha1",), ("sha256",), ("sha1", "sha256", "sha384"), ("sha512", "sm3_256")])
def test_log_is_read_as_it_was_written(algorithms: tuple[str, ...]):
    boot = FakeBoot(FakeBoot.healthy().events[:4], algorithms)
    assert parse_log(boot.encode()) == boot.log()


def test_replay_extends_in_order():
    import hashlib

    log = FakeBoot((separator(0), FakeEvent(0, 5, b"x")), ("sha256",)).log()
    first = hashlib.sha256(bytes(32) + hashlib.sha256(bytes(4)).digest()).digest()
    assert replay(log, "sha256") == {0: hashlib.sha256(first + hashlib.sha256(b"x").digest()).digest()}


def test_row_18_no_action_never_extends_however_often():
    boot = FakeBoot.healthy()
    silent = FakeEvent(0, NO_ACTION, b"SP800-155 Event3")
    noisy = FakeBoot((silent, *boot.events, silent, silent), boot.algorithms)
    assert replay(parse_log(noisy.encode()), "sha256") == replay(boot.log(), "sha256")


def test_row_18_register_minus_one_is_skipped():
    boot = FakeBoot.healthy()
    skipped = boot.with_event(FakeEvent(0xFFFFFFFF, 5, b"x"))
    assert replay(parse_log(skipped.encode()), "sha256") == replay(boot.log(), "sha256")


@pytest.mark.parametrize("filler", [b"\xff", b"\0"])
@pytest.mark.parametrize("size", [1, 8, 11, 12, 60000])
def test_row_18_padding_is_left_out(filler: bytes, size: int):
    boot = FakeBoot(FakeBoot.healthy().events, ("sha384",))
    assert parse_log(boot.encode() + filler * size) == boot.log()


@pytest.mark.parametrize("tail", [b"\xff\0", b"\0\xff", b"\0\0\0\1", b"\xff" * 40 + b"\1"])
def test_padding_of_two_kinds_is_refused(tail: bytes):
    assert code_of(FakeBoot.healthy().encode() + tail) == "log.malformed"


def test_data_that_end_like_padding_are_no_padding():
    boot = FakeBoot((separator(0), separator(1)), ("sha256",))
    assert len(parse_log(boot.encode()).events) == 2
    assert len(parse_log(boot.encode() + bytes(100)).events) == 2


def test_every_truncation_inside_an_event_is_refused():
    boot = FakeBoot(FakeBoot.healthy().events[:3], ("sha1", "sha256"))
    data = boot.encode()
    assert {events_in(parse_log, data[:size]) for size in range(len(data))} == {-1, 1, 2}


@pytest.mark.parametrize("size", [0, (1 << 20) + 1])
def test_log_of_a_size_that_cannot_be_is_refused(size: int):
    assert code_of(bytes(size)) == "log.size"


def test_too_many_events_are_refused():
    head, event = encode_header(("sha256",)), encode_event2(ONE)
    assert len(parse_log(head + event * MAX_EVENTS).events) == MAX_EVENTS
    assert code_of(head + event * (MAX_EVENTS + 1)) == "log.size"
    assert code_of(encode_event1(FakeEvent(1, 5, b"")) * (MAX_EVENTS + 1)) == "log.size"


@pytest.mark.parametrize(
    "events",
    [
        struct.pack("<III", 0, 5, 0) + struct.pack("<I", 0),
        struct.pack("<III", 0, 5, 0xFFFFFFFF),
        struct.pack("<III", 0, 5, 2) + 2 * (b"\x0b\0" + bytes(32)) + bytes(4),
        struct.pack("<III", 0, 5, 1) + b"\x0c\0" + bytes(48) + bytes(4),
        encode_event2(ONE)[:-8] + struct.pack("<I", 0xFFFFFFFF) + b"data",
    ],
    ids=["no digest", "too many digests", "a digest twice", "an algorithm that is not named", "a size beyond the log"],
)
def test_event_that_cannot_be_is_refused(events: bytes):
    head = encode_header(("sha256", "sha1"))
    assert code_of(head + encode_event2(ONE) + events + b"\1") == "log.malformed"


@pytest.mark.parametrize(
    "header",
    [
        encode_header(()),
        encode_header(("sha256",) * 2),
        encode_header(("sha256",) * 9),
        encode_header(("sha256",), {"sha256": 31}),
        encode_header(("sha256",))[:-1] + b"\5",
        encode_header(("sha256",))[:40],
    ],
    ids=["none", "twice", "too many", "wrong size", "vendor's data beyond it", "cut"],
)
def test_header_that_cannot_be_is_refused(header: bytes):
    assert code_of(header + encode_event2(ONE)) == "log.malformed"


def test_log_without_events_is_refused():
    assert code_of(encode_header(("sha256",))) == "log.malformed"


def test_two_startup_localities_are_refused():
    events = [FakeEvent(0, NO_ACTION, b"StartupLocality\0" + bytes([value])) for value in (3, 4)]
    assert code_of(b"".join(map(encode_event1, events))) == "log.malformed"
    assert parse_log(encode_event1(events[0]) * 2).startup_locality == 3
    assert code_of(encode_event1(FakeEvent(0, NO_ACTION, b"StartupLocality\0\x05"))) == "log.malformed"


def test_replay_by_an_algorithm_that_is_not_there_is_refused():
    log = TcgLog(("sha256", "0x0099"), (ONE,))
    for algorithm in ("sha1", "0x0099"):
        with pytest.raises(Refused) as caught:
            replay(log, algorithm)
        assert caught.value.codes == ("log.algorithm",)
    with pytest.raises(Refused) as caught:
        replay(TcgLog(("sha256", "sha1"), (ONE,)), "sha1")
    assert caught.value.codes == ("log.algorithm",)


def test_unknown_algorithm_in_a_header_is_carried_along():
    named = struct.pack("<HHHH", 0x000B, 32, 0x0099, 16)
    data = struct.pack("<16sIBBBBI", b"Spec ID Event03\0", 0, 0, 2, 0, 2, 2) + named + b"\0"
    header = struct.pack("<II20sI", 0, NO_ACTION, bytes(20), len(data)) + data
    digests = b"\x0b\0" + bytes(32) + b"\x99\0" + bytes(16)
    log = parse_log(header + struct.pack("<III", 1, 5, 2) + digests + bytes(4))
    assert log.algorithms == ("sha256", "0x0099")
    assert set(replay(log, "sha256")) == {1}


@pytest.mark.parametrize(("size", "fits"), [(0, False), (1, True), (64, True), (65, False)])
def test_digest_of_an_unknown_algorithm_has_a_size_that_can_be(size: int, fits: bool):
    data = struct.pack("<16sIBBBBIHH", b"Spec ID Event03\0", 0, 0, 2, 0, 2, 1, 0x0099, size) + b"\0"
    header = struct.pack("<II20sI", 0, NO_ACTION, bytes(20), len(data)) + data
    log = header + struct.pack("<III", 1, 5, 1) + b"\x99\0" + bytes(size) + bytes(4) + b"\1"
    assert events_in(parse_log, log[:-1] if fits else log) == (1 if fits else -1)


# Canonical logs


def cel_code(data: bytes) -> str:
    with pytest.raises(Refused) as caught:
        parse_cel(data)
    return caught.value.codes[0]


def test_canonical_log_is_read():
    log = parse_cel(container_log("sha256:00", register=13, algorithms=("sha256", "sha384")))
    assert log.algorithms == ("sha256", "sha384")
    assert set(replay(log, "sha384")) == {13}


def test_every_cut_of_a_canonical_log_is_refused_or_shorter():
    data = container_log("sha256:00")
    whole = len(parse_cel(data).events)
    assert {events_in(parse_cel, data[:size]) for size in range(len(data))} == {-1, *range(1, whole)}


def test_records_out_of_order_are_refused():
    data = container_log("sha256:00")
    assert cel_code(data.replace(bytes(7) + b"\1", bytes(7) + b"\7")) == "log.malformed"
    assert cel_code(data + data) == "log.malformed"


def test_too_many_records_are_refused():
    whole = b"".join(record()[:5] + number.to_bytes(8, "big") + record()[13:] for number in range(MAX_EVENTS + 1))
    assert len(parse_cel(whole[: -len(record())]).events) == MAX_EVENTS
    assert cel_code(whole) == "log.malformed"


@pytest.mark.parametrize("data", [b"", bytes((1 << 20) + 1)])
def test_canonical_log_of_a_size_that_cannot_be_is_refused(data: bytes):
    assert cel_code(data) == "log.size"


def record(register: bytes = b"\x01\0\0\0\1\x0d", digests: bytes = b"\x0b\0\0\0\x20" + bytes(32)) -> bytes:
    number = b"\0\0\0\0\x08" + bytes(8)
    return number + register + b"\3" + len(digests).to_bytes(4, "big") + digests + b"\x50\0\0\0\0"


@pytest.mark.parametrize(
    "data",
    [
        record(register=b"\x02\0\0\0\1\x0d"),
        record(register=b"\x01\0\0\0\2\x0d\x0d"),
        record(digests=b""),
        record(digests=b"\x0b\0\0\0\x1f" + bytes(31)),
        record(digests=2 * (b"\x0b\0\0\0\x20" + bytes(32))),
        record(digests=b"\x77\0\0\0\x20" + bytes(32)),
    ],
    ids=["another place", "two registers", "no digest", "short digest", "a digest twice", "unknown algorithm"],
)
def test_record_that_cannot_be_is_refused(data: bytes):
    assert parse_cel(record()).events
    assert cel_code(data) == "log.malformed"
