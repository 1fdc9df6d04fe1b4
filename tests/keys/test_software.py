"""The software key store: what it wraps, what it says of itself, and what damage does to it."""

from __future__ import annotations

import base64
import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from confide.errors import ConfideError, Misuse, Refused
from confide.ids import digest_of
from confide.keys import KeyCustody, SoftwareKeyStore, wrap_context
from confide.secrets import Secret

PASSPHRASE = b"a passphrase"
CONTEXT = wrap_context(data_key_id="key-1", object_id="object-1")


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    path = tmp_path_factory.mktemp("keys") / "keys.json"
    SoftwareKeyStore.create(path, Secret(PASSPHRASE))
    return path


@pytest.fixture(scope="module")
def store(path) -> SoftwareKeyStore:
    return SoftwareKeyStore.open(path, Secret(PASSPHRASE))


def _edited(path, target, *, reseal: bool, **changes) -> None:
    """The key store's file with changes; with `reseal`, by somebody who also makes the checksum fit."""
    document = json.loads(path.read_bytes())
    for name, value in changes.items():
        inner = document["kdf"] if name in document["kdf"] and name != "name" else document
        inner[name] = value
    if reseal:
        document["checksum"] = digest_of(document | {"checksum": ""})
    target.write_text(json.dumps(document))


def _failure(path, passphrase: bytes = PASSPHRASE) -> ConfideError:
    with pytest.raises((Refused, Misuse)) as failure:
        SoftwareKeyStore.open(path, Secret(passphrase))
    return failure.value


def test_a_wrapped_key_unwraps_after_the_store_was_opened_again(path, store):
    custody: KeyCustody = store
    data_key = Secret.random()
    wrapped = custody.wrap(data_key, CONTEXT)
    assert len(wrapped) == 60
    assert data_key.reveal() not in wrapped
    again = SoftwareKeyStore.open(path, Secret(PASSPHRASE))
    assert again.key_id == custody.key_id
    assert again.unwrap(wrapped, CONTEXT).same_as(data_key)


def test_wrapping_twice_uses_two_nonces(store):
    data_key = Secret.random()
    assert store.wrap(data_key, CONTEXT)[:12] != store.wrap(data_key, CONTEXT)[:12]


@pytest.mark.parametrize(
    "other",
    [
        wrap_context(data_key_id="key-2", object_id="object-1"),
        wrap_context(data_key_id="key-1", object_id="object-2"),
        wrap_context(data_key_id="object-1", object_id="key-1"),
        b"",
    ],
    ids=["key", "object", "swapped", "none"],
)
def test_a_wrapped_key_cannot_be_moved_to_another_object(other, store):
    wrapped = store.wrap(Secret.random(), CONTEXT)
    with pytest.raises(Refused) as refusal:
        store.unwrap(wrapped, other)
    assert refusal.value.codes == ("keys.wrapped",)


def test_a_wrapped_key_of_another_store_is_refused(store, tmp_path):
    other = SoftwareKeyStore.create(tmp_path / "other.json", Secret(PASSPHRASE))
    with pytest.raises(Refused) as refusal:
        store.unwrap(other.wrap(Secret.random(), CONTEXT), CONTEXT)
    assert refusal.value.codes == ("keys.wrapped",)


@pytest.mark.parametrize("at", range(60))
def test_a_wrapped_key_with_one_changed_byte_is_refused(at, store):
    wrapped = bytearray(store.wrap(Secret.random(), CONTEXT))
    wrapped[at] ^= 1
    with pytest.raises(Refused) as refusal:
        store.unwrap(bytes(wrapped), CONTEXT)
    assert refusal.value.codes == ("keys.wrapped",)


@pytest.mark.parametrize("length", [0, 11, 27, 59, 61, 1000])
def test_a_wrapped_key_of_another_length_is_refused(length, store):
    with pytest.raises(Refused) as refusal:
        store.unwrap(bytes(length), CONTEXT)
    assert refusal.value.codes == ("keys.wrapped",)


@pytest.mark.parametrize("length", [1, 16, 33])
def test_only_data_keys_are_wrapped(length, store):
    with pytest.raises(Misuse) as misuse:
        store.wrap(Secret.random(length), CONTEXT)
    assert misuse.value.codes == ("keys.size",)


def test_it_calls_itself_software(store):
    description = store.describe()
    assert description["kind"] == store.kind == "software"
    assert "copy of the file plus the passphrase is the key" in description["meaning"]
    assert description["key_id"] == store.key_id


def test_the_file_is_readable_by_its_owner_only_and_does_not_hold_the_key(path, store):
    assert path.stat().st_mode & 0o777 == 0o600
    text = path.read_text()
    key = store._key.reveal()
    assert base64.b64encode(key).decode() not in text
    assert key not in base64.b64decode(json.loads(text)["sealed_key"])
    assert PASSPHRASE.decode() not in text


def test_a_wrong_passphrase_is_misuse(path):
    failure = _failure(path, b"another")
    assert isinstance(failure, Misuse)
    assert failure.codes == ("keys.passphrase",)
    assert "another" not in str(failure)


def test_an_empty_passphrase_is_misuse_and_writes_nothing(path, tmp_path):
    with pytest.raises(Misuse) as misuse:
        SoftwareKeyStore.create(tmp_path / "keys.json", Secret(b""))
    assert misuse.value.codes == _failure(path, b"").codes == ("keys.passphrase",)
    assert list(tmp_path.iterdir()) == []


def test_an_existing_store_is_never_overwritten(path):
    before = path.read_bytes()
    with pytest.raises(Misuse) as misuse:
        SoftwareKeyStore.create(path, Secret(PASSPHRASE))
    assert misuse.value.codes == ("file.exists",)
    assert path.read_bytes() == before


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_damaged_file_is_refused(data, path, tmp_path):
    raw = bytearray(path.read_bytes().rstrip())
    raw[data.draw(st.integers(0, len(raw) - 1))] ^= data.draw(st.integers(1, 255))
    (tmp_path / "keys.json").write_bytes(raw)
    failure = _failure(tmp_path / "keys.json")
    assert isinstance(failure, Refused)
    assert failure.codes == ("keys.file",)


@pytest.mark.parametrize("length", [0, 1, 100])
def test_a_cut_file_is_refused(length, path, tmp_path):
    (tmp_path / "keys.json").write_bytes(path.read_bytes()[:length])
    assert _failure(tmp_path / "keys.json").codes == ("keys.file",)


def test_a_huge_file_is_refused_without_being_read(tmp_path):
    with (tmp_path / "keys.json").open("wb") as sink:
        sink.truncate(1 << 40)
    assert _failure(tmp_path / "keys.json").codes == ("keys.file",)


@pytest.mark.parametrize(
    "bomb",
    [
        {"memory_kib": 1 << 30},
        {"memory_kib": (1 << 20) + 1},
        {"memory_kib": (1 << 16) - 1},
        {"memory_kib": -1},
        {"iterations": 17},
        {"iterations": 1 << 40},
        {"iterations": 2},
        {"lanes": 0},
        {"lanes": 17},
        {"salt": "AAAA"},
    ],
    ids=str,
)
def test_a_crafted_file_cannot_ask_for_too_much_or_too_little_work(bomb, path, tmp_path, monkeypatch):
    """Also where the checksum fits: the derivation must not even begin."""
    _edited(path, tmp_path / "keys.json", reseal=True, **bomb)
    monkeypatch.setattr("confide.keys.software._derive", lambda *_: pytest.fail("it went to work"))
    failure = _failure(tmp_path / "keys.json")
    assert isinstance(failure, Refused)
    assert failure.codes == ("keys.file",)


def test_the_reseal_of_these_tests_is_right(path, tmp_path):
    _edited(path, tmp_path / "keys.json", reseal=True)
    assert SoftwareKeyStore.open(tmp_path / "keys.json", Secret(PASSPHRASE)).kind == "software"


@pytest.mark.parametrize(
    "change", [{"key_id": "kek-other"}, {"salt": base64.b64encode(bytes(16)).decode()}, {"iterations": 4}], ids=str
)
def test_a_file_altered_with_a_fitting_checksum_never_opens(change, path, tmp_path):
    _edited(path, tmp_path / "keys.json", reseal=False, **change)
    assert _failure(tmp_path / "keys.json").codes == ("keys.file",)
    _edited(path, tmp_path / "keys.json", reseal=True, **change)
    assert _failure(tmp_path / "keys.json").codes == ("keys.passphrase",)


def test_the_derivation_is_the_second_option_of_rfc_9106(path):
    kdf = json.loads(path.read_bytes())["kdf"]
    assert (kdf["name"], kdf["memory_kib"], kdf["iterations"], kdf["lanes"]) == ("argon2id", 65536, 3, 4)
    assert len(base64.b64decode(kdf["salt"])) == 16
