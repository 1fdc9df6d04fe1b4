"""Crypt4GH key files: passphrases, permissions, damage."""

from __future__ import annotations

import base64

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from confide.errors import Misuse
from confide.sealed import public_path, read_private_key, read_public_key, write_key_pair
from confide.secrets import Secret

PASSPHRASE = b"a passphrase"


def _codes(call, *arguments) -> tuple[str, ...]:
    with pytest.raises(Misuse) as misuse:
        call(*arguments)
    return misuse.value.codes


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    path = tmp_path_factory.mktemp("pair") / "alice.key"
    return path, write_key_pair(path, Secret(PASSPHRASE))


def test_a_key_pair_reads_back(pair):
    path, public = pair
    assert read_private_key(path, Secret(PASSPHRASE)).public_key().public_bytes_raw() == public
    assert read_public_key(public_path(path)) == public
    assert public_path(path).name == "alice.key.pub"


def test_the_private_key_is_readable_by_its_owner_only(pair):
    assert pair[0].stat().st_mode & 0o777 == 0o600
    assert public_path(pair[0]).stat().st_mode & 0o777 == 0o644


def test_the_private_key_is_not_in_the_file_as_it_is(pair):
    raw = read_private_key(pair[0], Secret(PASSPHRASE)).private_bytes_raw()
    assert raw not in base64.b64decode(b"".join(pair[0].read_bytes().splitlines()[1:-1]))


def test_a_wrong_passphrase_is_misuse(pair):
    assert _codes(read_private_key, pair[0], Secret(b"another")) == ("keys.passphrase",)


def test_an_empty_passphrase_is_misuse_and_writes_nothing(pair, tmp_path):
    assert _codes(write_key_pair, tmp_path / "key", Secret(b"")) == ("keys.passphrase",)
    assert list(tmp_path.iterdir()) == []
    assert _codes(read_private_key, pair[0], Secret(b"")) == ("keys.passphrase",)


@pytest.mark.parametrize("taken", ["key", "key.pub"])
def test_an_existing_key_is_never_overwritten(taken, tmp_path):
    (tmp_path / taken).write_text("precious")
    assert _codes(write_key_pair, tmp_path / "key", Secret(PASSPHRASE)) == ("file.exists",)
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [(taken, "precious")]


@pytest.mark.parametrize("content", [b"", b"\n\n", b"hello", b"\xff" * 100, b"x" * 20000], ids=len)
def test_another_kind_of_file_is_misuse(content, tmp_path):
    path = tmp_path / "file"
    path.write_bytes(content)
    assert _codes(read_public_key, path) == _codes(read_private_key, path, Secret(b"x")) == ("keys.format",)


def test_a_public_key_is_not_taken_for_a_private_one(pair):
    assert _codes(read_private_key, public_path(pair[0]), Secret(PASSPHRASE)) == ("keys.format",)
    assert _codes(read_public_key, pair[0]) == ("keys.format",)


@pytest.mark.parametrize("length", [0, 31, 33])
def test_a_public_key_of_another_length_is_misuse(length, tmp_path):
    body = base64.b64encode(bytes(length))
    (tmp_path / "k").write_bytes(b"-----BEGIN CRYPT4GH PUBLIC KEY-----\n%b\n-----END CRYPT4GH PUBLIC KEY-----\n" % body)
    assert _codes(read_public_key, tmp_path / "k") == ("keys.format",)


def _codes_or_public(path) -> tuple[str, ...] | bytes:
    try:
        return read_private_key(path, Secret(PASSPHRASE)).public_key().public_bytes_raw()
    except Misuse as misuse:
        return misuse.codes


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_damaged_key_file_is_misuse(data, pair, tmp_path):
    lines = pair[0].read_bytes().splitlines()
    raw = bytearray(base64.b64decode(lines[1]))
    raw[data.draw(st.integers(0, len(raw) - 1))] ^= data.draw(st.integers(1, 255))
    cut = raw[: data.draw(st.integers(0, len(raw)))] if data.draw(st.booleans()) else raw
    (tmp_path / "key").write_bytes(b"\n".join([lines[0], base64.b64encode(cut), lines[2]]))
    # The four bytes of "rounds" mean nothing to scrypt: with those changed, it is the same key.
    assert _codes_or_public(tmp_path / "key") in [("keys.format",), ("keys.passphrase",), pair[1]]
