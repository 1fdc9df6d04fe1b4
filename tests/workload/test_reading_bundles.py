"""Nothing but a bundle exactly as the builder writes it is read."""

from __future__ import annotations

import io
import tarfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from confide.errors import Refused
from confide.ids import sha256_of
from confide.workload import Bundle, BundleInfo, archive, read_bundle
from confide.workload.bundle import read_bundle_file, write_bundle

INFO = BundleInfo("echo", "1", "main:main", ("text",))
FILES = {"app/main.py": b"def main(inputs, parameters): return b''\n", "app/data": bytes(1000)}
GOOD = write_bundle(INFO, FILES)


def refused(data: bytes) -> Refused:
    with pytest.raises(Refused) as caught:
        read_bundle(data)
    assert set(caught.value.codes) <= {"workload.bundle", "json.malformed"}
    return caught.value


def test_a_bundle_is_read_as_it_was_written():
    bundle = read_bundle(GOOD)
    assert bundle.info == INFO
    assert bundle.digest == sha256_of(GOOD)
    assert {name: bytes(content) for name, content in bundle.files.items()} == FILES


@pytest.mark.parametrize("length", [0, 1, 511, 512, 513, len(GOOD) - 1024, len(GOOD) - 512, len(GOOD) - 1])
def test_a_truncated_bundle_is_refused(length):
    refused(GOOD[:length])


@pytest.mark.parametrize("tail", [b"\0", bytes(512), b"x" * 512, GOOD])
def test_bytes_behind_the_end_are_refused(tail):
    refused(GOOD + tail)


def test_every_changed_byte_is_refused_or_is_another_file_content():
    """Bytes of files may differ (the digest then does); headers, padding and description may not."""
    for at in range(len(GOOD)):
        changed = GOOD[:at] + bytes([GOOD[at] ^ 1]) + GOOD[at + 1 :]
        try:
            bundle = read_bundle(changed)
        except Refused:
            continue
        assert bundle.digest != sha256_of(GOOD)
        assert write_bundle(bundle.info, {name: bytes(content) for name, content in bundle.files.items()}) == changed


@given(st.binary(max_size=4096))
@settings(max_examples=200, deadline=None)
def test_any_other_bytes_are_refused_without_a_crash(data):
    refused(data)


def tar_of(*entries: tuple[str, bytes, dict[str, object]], mode: int = tarfile.USTAR_FORMAT) -> bytes:
    sink = io.BytesIO()
    with tarfile.open(fileobj=sink, mode="w", format=mode) as tar:
        for name, content, fields in entries:
            info = tarfile.TarInfo(name)
            info.size = len(content)
            for field, value in fields.items():
                setattr(info, field, value)
            tar.addfile(info, io.BytesIO(content))
    data = sink.getvalue()
    end = len(data.rstrip(b"\0"))
    return data[: end + -end % 512] + bytes(1024)


JSON = ("bundle.json", INFO.to_json(), {})
PLAIN = ("app/main.py", b"x", {})


def test_a_foreign_tar_with_the_same_content_and_metadata_is_read():
    """So that the tests below fail for their own reason, not because another program wrote the archive."""
    read_bundle(tar_of(PLAIN, JSON))


@pytest.mark.parametrize(
    "entry",
    [
        ("../evil.py", b"x", {}),
        ("app/../../evil.py", b"x", {}),
        ("/etc/evil.py", b"x", {}),
        ("app//evil.py", b"x", {}),
        ("app/./evil.py", b"x", {}),
        ("app/evil\\..\\x", b"x", {}),
        ("app/link", b"", {"type": tarfile.SYMTYPE, "linkname": "/etc/passwd"}),
        ("app/link", b"", {"type": tarfile.LNKTYPE, "linkname": "bundle.json"}),
        ("app/folder", b"", {"type": tarfile.DIRTYPE}),
        ("app/device", b"", {"type": tarfile.CHRTYPE, "devmajor": 1, "devminor": 5}),
        ("app/pipe", b"", {"type": tarfile.FIFOTYPE}),
        ("app/a.py", b"x", {"mode": 0o4755}),
        ("app/a.py", b"x", {"mtime": 1}),
        ("app/a.py", b"x", {"uid": 1000}),
        ("app/a.py", b"x", {"uname": "root"}),
        ("outside.py", b"x", {}),
    ],
    ids=lambda entry: f"{entry[0]} {entry[2]}" if isinstance(entry, tuple) else None,
)
def test_an_entry_that_the_builder_never_writes_is_refused(entry):
    refused(tar_of(*sorted([entry, PLAIN, JSON])))


def test_a_file_twice_is_refused():
    refused(tar_of(PLAIN, PLAIN, JSON))


def test_files_in_another_order_are_refused():
    refused(tar_of(JSON, PLAIN))


def test_a_pax_header_is_refused():
    refused(tar_of(("app/" + "n" * 150, b"x", {}), JSON, mode=tarfile.PAX_FORMAT))


def test_a_size_that_lies_is_refused():
    header = archive._header("app/a", 1 << 32)
    refused(header + bytes(1024))


def test_more_files_than_any_workload_has_are_refused(monkeypatch):
    monkeypatch.setattr(archive, "MAX_FILES", 2)
    refused(GOOD)


def test_a_bundle_larger_than_the_limit_is_refused_before_it_is_all_in_memory(monkeypatch, tmp_path):
    path = tmp_path / "big.bundle"
    path.write_bytes(GOOD)
    assert isinstance(read_bundle_file(path), Bundle)
    monkeypatch.setattr(archive, "MAX_BYTES", len(GOOD) - 1)
    with pytest.raises(Refused) as caught:
        read_bundle_file(path)
    assert caught.value.codes == ("workload.bundle",)
    refused(GOOD)


@pytest.mark.parametrize(
    "json",
    [
        b"",
        b"{}",
        INFO.to_json() + b"\n",
        INFO.to_json().replace(b'"name"', b'"name" '),
        INFO.to_json().replace(b"confide-bundle/1", b"confide-bundle/2"),
        INFO.to_json().replace(b'"target":null', b'"extra":1,"target":null'),
        INFO.to_json().replace(b'"version":"1"', b'"version":"1","version":"1"'),
    ],
)
def test_another_spelling_of_the_description_is_refused(json):
    refused(archive.pack({"app/main.py": b"x", "bundle.json": json}))


def test_a_bundle_without_description_is_refused():
    refused(archive.pack({"app/main.py": b"x"}))
