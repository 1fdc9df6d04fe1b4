"""The reference implementation reads what we write, and the reverse: by its Python API and its commands."""

from __future__ import annotations

import io
import os
import subprocess
import sys

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from confide.errors import Misuse, Refused
from confide.sealed import (
    describe_object,
    open_bytes,
    read_private_key,
    read_public_key,
    recover_data_key,
    reencrypt_header,
    seal_bytes,
    write_key_pair,
)
from confide.secrets import Secret

lib = pytest.importorskip("crypt4gh.lib")

SIZES = [0, 1, 65535, 65536, 65537, 17 * 65536 + 3]
PASSPHRASE = "correct horse"


def _reference(command: str, *arguments: str, stdin: bytes) -> bytes:
    """Runs the reference tool; its passphrase comes from the environment, as its tests do it."""
    environment = os.environ | {"C4GH_PASSPHRASE": PASSPHRASE}
    run = [sys.executable, "-m", "crypt4gh", command, *arguments]
    return subprocess.run(run, input=stdin, env=environment, check=True, capture_output=True, timeout=60).stdout


def _encrypt(plain: bytes, *recipients: bytes) -> bytes:
    sink = io.BytesIO()
    lib.encrypt([(0, os.urandom(32), recipient) for recipient in recipients], io.BytesIO(plain), sink)
    return sink.getvalue()


def _decrypt(data: bytes, private: bytes) -> bytes:
    sink = io.BytesIO()
    lib.decrypt([(0, private, None)], io.BytesIO(data), sink)
    return sink.getvalue()


@pytest.fixture(scope="module")
def key_pair(tmp_path_factory):
    path = tmp_path_factory.mktemp("keys") / "alice.key"
    write_key_pair(path, Secret(PASSPHRASE.encode()))
    return path


@pytest.mark.parametrize("size", SIZES)
def test_the_reference_library_opens_our_objects(size, seal, reader):
    sealed = seal(size)
    assert _decrypt(sealed.data, reader.raw) == sealed.plain


@pytest.mark.parametrize("size", SIZES)
def test_we_open_the_reference_librarys_objects(size, reader):
    plain = os.urandom(size)
    other = X25519PrivateKey.generate().public_key().public_bytes_raw()
    data = _encrypt(plain, other, reader.public)
    manifest = describe_object(io.BytesIO(data), reader.private)
    data_key = recover_data_key(io.BytesIO(data), reader.private)
    assert manifest.size == size
    assert open_bytes(data, manifest=manifest, data_key=data_key) == plain


def test_the_reference_command_opens_our_objects_with_our_keys(key_pair):
    plain = os.urandom(100000)
    data, _ = seal_bytes(plain, recipients=[read_public_key(key_pair.with_name("alice.key.pub"))])
    assert _reference("decrypt", "--sk", str(key_pair), stdin=data) == plain


def test_we_open_the_reference_commands_objects_with_our_keys(key_pair):
    plain = os.urandom(200000)
    data = _reference("encrypt", "--recipient_pk", f"{key_pair}.pub", stdin=plain)
    private = read_private_key(key_pair, Secret(PASSPHRASE.encode()))
    manifest = describe_object(io.BytesIO(data), private)
    assert open_bytes(data, manifest=manifest, data_key=recover_data_key(io.BytesIO(data), private)) == plain


def test_we_read_the_references_key_files(tmp_path):
    c4gh = pytest.importorskip("crypt4gh.keys.c4gh")
    for comment in (None, b"a comment"):
        c4gh.generate(tmp_path / "key", tmp_path / "key.pub", PASSPHRASE.encode(), comment)
        private = read_private_key(tmp_path / "key", Secret(PASSPHRASE.encode()))
        assert private.public_key().public_bytes_raw() == read_public_key(tmp_path / "key.pub")
        (tmp_path / "key").unlink()


def test_the_reference_reads_our_key_files(key_pair):
    keys = pytest.importorskip("crypt4gh.keys")
    private = read_private_key(key_pair, Secret(PASSPHRASE.encode()))
    assert keys.get_private_key(key_pair, lambda: PASSPHRASE) == private.private_bytes_raw()
    assert keys.get_public_key(f"{key_pair}.pub") == private.public_key().public_bytes_raw()


def test_a_reference_key_file_without_a_passphrase_is_misuse(tmp_path):
    c4gh = pytest.importorskip("crypt4gh.keys.c4gh")
    c4gh.generate(tmp_path / "key", tmp_path / "key.pub", b"", None)
    with pytest.raises(Misuse) as misuse:
        read_private_key(tmp_path / "key", Secret(b"anything"))
    assert misuse.value.codes == ("keys.format",)


def test_the_reference_opens_what_we_reencrypted_and_the_reverse(seal, reader):
    sealed, new = seal(70000), X25519PrivateKey.generate()
    new_public = new.public_key().public_bytes_raw()
    header = reencrypt_header(sealed.header, reader.private, [new_public])
    assert _decrypt(header + b"".join(sealed.segments), new.private_bytes_raw()) == sealed.plain
    sink = io.BytesIO()
    lib.reencrypt([(0, reader.raw, None)], [(0, os.urandom(32), new_public)], io.BytesIO(sealed.data), sink)
    data_key = recover_data_key(io.BytesIO(sink.getvalue()), new)
    assert open_bytes(sink.getvalue(), manifest=sealed.manifest, data_key=data_key) == sealed.plain


def test_an_edit_list_of_the_reference_tool_is_refused(seal, reader):
    sealed, sink = seal(200000), io.BytesIO()
    lib.rearrange([(0, reader.raw, reader.public)], io.BytesIO(sealed.data), sink, offset=100, span=70000)
    assert len(_decrypt(sink.getvalue(), reader.raw)) == 70000
    for use in (recover_data_key, describe_object):
        with pytest.raises(Refused) as refusal:
            use(io.BytesIO(sink.getvalue()), reader.private)
        assert refusal.value.codes == ("object.edit_list",)


def test_what_the_reference_accepts_and_we_refuse(seal, reader):
    """Why there is a manifest: plain Crypt4GH takes an object without one of its segments."""
    sealed = seal(3 * 65536)
    cut = sealed.header + sealed.segments[0] + sealed.segments[2]
    assert _decrypt(cut, reader.raw) == sealed.plain[:65536] + sealed.plain[2 * 65536 :]
    with pytest.raises(Refused) as refusal:
        open_bytes(cut, manifest=sealed.manifest, data_key=sealed.data_key)
    assert refusal.value.codes == ("object.size",)
