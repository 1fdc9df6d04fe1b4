"""Whatever up to 64 KiB is given as a document, token or key is answered in 10 milliseconds of the processor."""

from __future__ import annotations

import contextlib
import json
import random
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime

import cbor2
import pytest

from confide.errors import Refused
from confide.evidence import cca, nitro
from confide.evidence.cca import parse_token
from confide.evidence.cca_keys import NoKeysError, read_platform_keys
from confide.evidence.nitro import PROTECTED, parse_document
from confide.testing.fake_arm import FakeArm
from confide.testing.fake_aws import FakeAws

SIZE = 1 << 16
NOW = datetime(2026, 6, 1, tzinfo=UTC)
AWS, ARM = FakeAws.create(NOW), FakeArm.create(NOW)
JWK = {"kty": "EC", "crv": "P-384", "x": "A" * 64, "y": "A" * 64}


def token(claims: object) -> bytes:
    part = cbor2.dumps(cbor2.CBORTag(18, [b"\xa1\x01\x38\x22", {}, cbor2.dumps(claims), b""]))
    return cbor2.dumps(cbor2.CBORTag(907, {44234: [263, part], 44241: [263, part]}))


def corim(keys: int) -> bytes:
    comid = cbor2.dumps({4: {3: [[{}, [cbor2.CBORTag(554, "-----BEGIN PUBLIC KEY-----")] * keys]]}})
    return cbor2.dumps(cbor2.CBORTag(501, {1: [cbor2.CBORTag(506, comid)]}))


BOMBS = {
    "zeroes": bytes(SIZE), "lists": b"\x81" * SIZE, "many items": b"\x99\xff\xf0" + bytes(SIZE - 19),
    "noise": random.Random(1).randbytes(SIZE), "hexadecimal": b"8444a1013822" + b"00" * (SIZE // 2 - 6),
    "a document of lists": cbor2.dumps([PROTECTED, {}, b"\x81" * 16000, b""]),
    "a document of many registers": AWS.sign(AWS.document(pcrs=dict.fromkeys(range(3000), b""))),
    "a document of many names": cbor2.dumps([PROTECTED, {}, cbor2.dumps({f"{n:05}": 0 for n in range(2000)}), b""]),
    "a token of many claims": token(dict.fromkeys(range(1000), 0)), "a token of a long text": token({265: "x" * 20000}),
    "a token of many components": ARM.token(platform=ARM.platform(components=[{}] * 1000)),
    "many keys": json.dumps([JWK] * 350).encode(),
    "nested JSON": b"[" * SIZE,
    "a key of many members": json.dumps({f"{n}": n for n in range(4000)}).encode(),
    "a CoRIM of many keys": corim(1000), "a certificate of zeroes": b"0\x82\xff\xfc" + bytes(SIZE - 4),
    "PEM": b"-----BEGIN CERTIFICATE-----\n" + b"A" * (SIZE - 60) + b"\n-----END CERTIFICATE-----\n",
}  # fmt: skip
READERS: dict[str, Callable[[bytes], object]] = {
    "document": parse_document, "token": parse_token, "keys": read_platform_keys, "nitro": nitro.recognise,
    "cca": cca.recognise,
}  # fmt: skip


@pytest.mark.skipif(sys.gettrace() is not None, reason="coverage takes the time")
@pytest.mark.parametrize("reader", READERS.values(), ids=READERS.keys())
@pytest.mark.parametrize("bomb", BOMBS.values(), ids=BOMBS.keys())
def test_bombs_are_answered_at_once(reader: Callable[[bytes], object], bomb: bytes):
    assert len(bomb) <= SIZE
    times = []
    for _ in range(5):
        begin = time.process_time()
        with contextlib.suppress(Refused, NoKeysError):
            reader(bomb)
        times.append(time.process_time() - begin)
    # Measured: under 10 ms. Ten times that, for slow and busy machines: what this catches grows with the square.
    assert min(times) < 0.1
