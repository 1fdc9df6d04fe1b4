"""Stores: a folder and a remote one behave alike; nothing half-written is visible; names stay inside."""

from __future__ import annotations

import io
import os
import socket
import subprocess
import sys
import textwrap
import uuid

import pytest

from confide.errors import Misuse, Refused, Unavailable
from confide.sealed import Store, object_name, open_stream, receipt_name, result_name
from confide.sealed.store import RANGE_SIZE

BAD_NAMES = [
    "",
    ".",
    "..",
    "/etc/passwd",
    "../x",
    "a/../b",
    "a//b",
    "a/",
    ".hidden",
    "a/.b",
    "a\\b",
    "a\0b",
    "ä",
    "x" * 200,
]
BAD_NAMES += ["/".join("abcdefghi"), "a b", "s3://bucket/x", "a\n"]


@pytest.fixture(params=["folder", "file-url", "memory", "driver"])
def store(request, tmp_path) -> Store:
    url = {
        "folder": str(tmp_path / "store"),
        "file-url": f"file://{tmp_path}/a%20store",
        "memory": f"memory://{uuid.uuid4().hex}/deep",
        "driver": f"local://{tmp_path}/driven",  # fsspec's own way to a folder
    }
    return Store(url[request.param])


class Failing(io.RawIOBase):
    """A source that gives some bytes and then fails."""

    def __init__(self) -> None:
        self._given = False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer) -> int:
        if self._given:
            raise OSError("the line went dead")
        self._given = True
        return len(buffer)


def test_what_was_put_is_read(store):
    store.put_bytes("objects/a", b"first")
    store.put("objects/b", io.BytesIO(b"second"))
    with store.open("objects/b") as source:
        assert source.read() == b"second"
    assert store.read("objects/a", 5) == b"first"
    assert store.exists("objects/a")
    assert store.list() == ["objects/a", "objects/b"]


def test_putting_again_replaces(store):
    store.put_bytes("a", b"one, and longer")
    store.put_bytes("a", b"two")
    assert store.read("a", 100) == b"two"
    assert store.list() == ["a"]


def test_listing_is_by_prefix(store):
    for name in ("objects/a", "objects/b", "results/c/d", "objects-not"):
        store.put_bytes(name, b"x")
    assert store.list("objects/") == ["objects/a", "objects/b"]
    assert store.list("results") == ["results/c/d"]
    assert store.list("nothing") == []


def test_deleting_is_done_once_or_twice(store):
    store.put_bytes("a", b"x")
    store.delete("a")
    store.delete("a")
    assert not store.exists("a")
    assert store.list() == []


def test_an_absent_object_is_unavailable_not_refused(store):
    for call in (store.open, lambda name: store.read(name, 10)):
        with pytest.raises(Unavailable) as failure:
            call("objects/absent")
        assert failure.value.codes == ("store.missing",)
    assert not store.exists("objects/absent")
    assert store.list() == []


def test_a_longer_object_than_allowed_is_refused(store):
    store.put_bytes("a", b"123456")
    assert store.read("a", 6) == b"123456"
    with pytest.raises(Refused) as refusal:
        store.read("a", 5)
    assert refusal.value.codes == ("store.size",)


@pytest.mark.parametrize("name", BAD_NAMES)
def test_a_name_that_leads_elsewhere_is_misuse(name, store):
    calls = [store.open, store.exists, store.delete, lambda n: store.read(n, 1), lambda n: store.put_bytes(n, b"x")]
    for call in calls:
        with pytest.raises(Misuse) as misuse:
            call(name)
        assert misuse.value.codes == ("store.name",)
    assert store.list() == []


def test_a_put_that_fails_leaves_the_object_that_was_there(store):
    store.put_bytes("objects/a", b"before")
    for name in ("objects/a", "objects/new"):
        with pytest.raises(OSError, match="the line went dead"):  # the source's failure, not the store's
            store.put(name, Failing())
    assert store.read("objects/a", 100) == b"before"
    assert store.list() == ["objects/a"]
    store.put_bytes("objects/new", b"works again")
    assert store.read("objects/new", 100) == b"works again"


def test_nothing_is_visible_before_it_is_whole(store):
    with store.writer("objects/a") as sink:
        sink.write(b"half")
        assert not store.exists("objects/a")
        assert store.list() == []
    assert store.read("objects/a", 10) == b"half"


def test_the_callers_own_failure_is_not_blamed_on_the_store(store):
    for error in (FileNotFoundError("mine"), ValueError("mine"), KeyboardInterrupt()):
        with pytest.raises(type(error)) as raised, store.writer("objects/a"):
            raise error
        assert raised.value is error
    assert store.list() == []


def test_a_failed_local_put_leaves_no_part(tmp_path):
    store = Store(str(tmp_path))
    with pytest.raises(OSError, match="the line went dead"):
        store.put("objects/a", Failing())
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_a_remote_object_of_several_ranges_is_read_and_opened(seal):
    sealed, store = seal(2 * RANGE_SIZE + 12345), Store(f"memory://{uuid.uuid4().hex}")
    store.put_bytes("big", sealed.data)
    sink = io.BytesIO()
    with store.open("big") as source:
        open_stream(source, sink, manifest=sealed.manifest, data_key=sealed.data_key)
    assert sink.getvalue() == sealed.plain
    assert store.read("big", len(sealed.data)) == sealed.data


def test_a_remote_object_that_vanishes_while_it_is_read_is_unavailable():
    store = Store(f"memory://{uuid.uuid4().hex}")
    store.put_bytes("a", b"x" * 100)
    source = store.open("a")
    store.delete("a")
    with pytest.raises(Unavailable) as failure:
        source.read(1)
    assert failure.value.codes == ("store.missing",)


def test_a_remote_store_that_does_not_answer_is_unavailable():
    """A real address at which nobody listens. No driver's text, nor the URL, reaches the finding."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    with pytest.raises(Unavailable) as failure:
        Store(f"ftp://user:secret@127.0.0.1:{port}/store").read("a", 10)
    assert failure.value.codes == ("store.io",)
    assert "secret" not in str(failure.value)


@pytest.mark.parametrize("url", ["", "nonsense://x", "a\0b"])
def test_an_unknown_url_is_misuse(url):
    with pytest.raises(Misuse) as misuse:
        Store(url)
    assert misuse.value.codes == ("store.url",)


def test_a_url_whose_driver_is_not_installed_is_misuse_and_keeps_its_secrets():
    try:
        import s3fs  # noqa: F401 - only its absence matters
    except ImportError:
        with pytest.raises(Misuse) as misuse:
            Store("s3://key:secret@bucket/x")
        assert misuse.value.codes == ("store.url",)
        assert "secret" not in str(misuse.value)
    else:
        pytest.skip("the driver is installed here")


def _run_with_small_disk(script: str, folder) -> str:
    """Runs the script where files may not grow beyond 100 kB: what a full disk does to a write."""
    limit = "import resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))\n"
    run = [sys.executable, "-c", limit + textwrap.dedent(script), str(folder)]
    return subprocess.run(run, check=True, capture_output=True, text=True, timeout=60).stdout


@pytest.mark.parametrize("scheme", ["", "local://"], ids=["folder", "driver"])
def test_a_full_disk_is_unavailable_and_leaves_nothing(scheme, tmp_path):
    output = _run_with_small_disk(
        f"""
        from confide.errors import Unavailable
        from confide.sealed import Store
        store = Store({scheme!r} + sys.argv[1])
        store.put_bytes("objects/small", b"x" * 50_000)
        try:
            store.put_bytes("objects/large", b"x" * 200_000)
        except Unavailable as failure:
            print(*failure.codes, *store.list())
        """,
        tmp_path,
    )
    assert output.split() == ["disk.full", "objects/small"]
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["small"]


def test_opening_into_a_full_disk_is_unavailable_and_leaves_nothing(tmp_path):
    output = _run_with_small_disk(
        """
        import io, os, pathlib
        from confide.errors import Unavailable
        from confide.sealed import open_to_file, seal_bytes
        from confide.secrets import Secret
        key = Secret.random()
        data, manifest = seal_bytes(bytes(200_000), recipients=[os.urandom(32)], data_key=key)
        try:
            open_to_file(io.BytesIO(data), pathlib.Path(sys.argv[1]) / "out", manifest=manifest, data_key=key)
        except Unavailable as failure:
            print(*failure.codes)
        """,
        tmp_path,
    )
    assert output.split() == ["disk.full"]
    assert list(tmp_path.iterdir()) == []


def test_an_unwritable_store_is_unavailable(tmp_path):
    (tmp_path / "store").write_text("a file, not a folder")
    with pytest.raises(Unavailable):
        Store(str(tmp_path / "store")).put_bytes("objects/a", b"x")


def test_a_killed_put_leaves_the_object_that_was_there(tmp_path):
    Store(str(tmp_path)).put_bytes("objects/a", b"before")
    script = """
        import os, signal, sys
        from confide.sealed import Store
        with Store(sys.argv[1]).writer("objects/a") as sink:
            sink.write(b"half of the new one")
            sink.flush()
            os.kill(os.getpid(), signal.SIGKILL)
    """
    run = subprocess.run([sys.executable, "-c", textwrap.dedent(script), str(tmp_path)], check=False, timeout=60)
    assert run.returncode == -9
    assert Store(str(tmp_path)).list() == ["objects/a"]
    assert Store(str(tmp_path)).read("objects/a", 100) == b"before"


def test_names_of_objects_results_and_receipts():
    job = "sha256:" + "ab" * 32
    assert object_name("object-abc123") == "objects/object-abc123.c4gh"
    assert result_name(job) == f"results/{'ab' * 32}/result.c4gh"
    assert receipt_name(job) == f"results/{'ab' * 32}/receipt.json"


@pytest.mark.parametrize("bad", ["", "../../x", "sha256:" + "AB" * 32, "sha256:ab", "ab" * 32, "a/../../b"])
def test_a_hostile_id_names_nothing(bad):
    for name in (result_name, receipt_name):
        with pytest.raises(Misuse) as misuse:
            name(bad)
        assert misuse.value.codes == ("store.name",)
    if "/" in bad or not bad:
        with pytest.raises(Misuse):
            object_name(bad)


def test_a_local_store_does_not_load_the_remote_drivers(tmp_path):
    script = "import sys; from confide.sealed import Store; Store(sys.argv[1]).list(); print('fsspec' in sys.modules)"
    run = [sys.executable, "-c", script, os.fspath(tmp_path)]
    assert subprocess.run(run, check=True, capture_output=True, text=True, timeout=60).stdout.strip() == "False"
