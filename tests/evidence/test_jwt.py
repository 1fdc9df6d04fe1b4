"""Tokens as typed values, and the shapes in which services deliver them; malformed ones are in the checklist."""

from __future__ import annotations

import json
import random
from datetime import UTC, datetime

import pytest

from confide.errors import Refused
from confide.evidence.jwt import parse_jwt
from confide.evidence.jwt import recognise as own
from confide.evidence.recognition import recognise
from confide.testing.fake_service import ALGORITHMS, KEY_ID, FakeService
from confide.verify.jwt_services import GOOGLE, NVIDIA

SERVICES = {product: FakeService.create(product, datetime(2026, 6, 1, tzinfo=UTC)) for product in ALGORITHMS}
SPACE = SERVICES[GOOGLE]
TOKEN = SPACE.token(SPACE.claims())


def test_token_tells_its_parts():
    token = parse_jwt(TOKEN.encode()).token
    assert (token.algorithm, token.key_id) == ("RS256", KEY_ID)
    assert token.claims["swname"] == "CONFIDENTIAL_SPACE"
    assert token.signing_input == TOKEN.rpartition(".")[0].encode()
    assert token.certificates() == ()
    with_chain = SPACE.token(SPACE.claims(), header=SPACE.header(x5c=SPACE.certificates(), kid=5))
    token = parse_jwt(with_chain.encode()).token
    assert token.certificates() == (SPACE.leaf.der, SPACE.root.der)
    assert token.key_id is None


def test_detached_tokens_are_read_by_name():
    evidence = parse_jwt(SERVICES[NVIDIA].evidence().evidence_bytes())
    assert list(evidence.submodules) == ["GPU-0"]
    assert len(evidence.tokens) == 2


@pytest.mark.parametrize("product", SERVICES)
def test_every_services_delivery_is_recognised(product: str):
    data = SERVICES[product].evidence().evidence_bytes()
    for shape in (data, b"\n" + data + b"\n"):
        bundle = recognise(shape)
        assert bundle.format == "jwt"
        assert bundle.evidence_bytes() == data


def test_answer_of_a_service_is_recognised():
    """Microsoft and Intel answer with an object that has the token alone."""
    assert recognise(json.dumps({"token": TOKEN}).encode()).evidence_bytes() == TOKEN.encode()


@pytest.mark.parametrize(
    "data",
    [b"", b"{", b'{"token": 5}', b'{"token": "eyJ"}', json.dumps({"token": TOKEN, "other": 1}).encode(), b"eyJ.eyJ.a",
     b'[["JWT", "a"], {"a": "b"}]', '{"token": "é"}'.encode()],
)  # fmt: skip
def test_other_shapes_are_not_recognised(data: bytes):
    assert own(data) is None


def test_random_text_is_refused():
    rng = random.Random(2)
    alphabet = b'eyJhbGciOiJSUzI1NiJ9.{}[]"\\u:,0'
    for _ in range(2000):
        with pytest.raises(Refused):
            parse_jwt(bytes(rng.choices(alphabet, k=rng.randrange(300))))
