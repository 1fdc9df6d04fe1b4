from __future__ import annotations

import copy
import logging
import pickle

import pytest

from confide.secrets import Secret, wiped_after

CANARY = b"canary-7f3a-do-not-show"


@pytest.mark.parametrize("show", [repr, str, "{}".format, "{!r}".format, "{:>40}".format, lambda s: f"{s}"])
def test_a_secret_shows_nothing_of_itself(show):
    assert "canary" not in show(Secret(CANARY))


def test_a_secret_in_a_log_or_an_exception_shows_nothing(caplog):
    secret = Secret(CANARY)
    with caplog.at_level(logging.DEBUG):
        logging.getLogger("test").warning("value %s %r", secret, [secret])
    assert "canary" not in caplog.text + str(ValueError(secret)) + repr({"key": secret})


@pytest.mark.parametrize("leak", [pickle.dumps, copy.deepcopy, copy.copy])
def test_a_secret_is_never_serialised_or_copied(leak):
    with pytest.raises(TypeError, match="never serialised"):
        leak(Secret(CANARY))


def test_secrets_are_not_compared_by_equality_nor_hashed():
    with pytest.raises(TypeError, match="same_as"):
        Secret(CANARY) == Secret(CANARY)  # noqa: B015 - the comparison itself is what must fail
    with pytest.raises(TypeError, match="unhashable"):
        hash(Secret(CANARY))
    assert Secret(CANARY).same_as(Secret(CANARY))
    assert not Secret(CANARY).same_as(Secret(b"other"))


def test_a_wiped_secret_cannot_be_revealed_even_after_an_exception():
    secret = Secret(CANARY)
    buffer = secret._buffer
    with pytest.raises(RuntimeError), wiped_after(secret):
        raise RuntimeError
    assert bytes(buffer) == b""
    with pytest.raises(ValueError, match="wiped"):
        secret.reveal()


def test_random_secrets_differ_and_have_their_length():
    assert len(Secret.random(48)) == 48
    assert not Secret.random().same_as(Secret.random())
