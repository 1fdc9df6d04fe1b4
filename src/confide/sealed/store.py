"""The cloud's object store: a local folder, or anything that fsspec has a driver for. It holds ciphertext.

Nothing it says is trusted. An object that is missing or cannot be fetched is Unavailable, not Refused:
the cloud withholding it proves nothing about the object. What was fetched is judged by its manifest.
"""

from __future__ import annotations

import io
import re
import shutil
import threading
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, BinaryIO, Protocol, cast
from urllib.parse import unquote, urlsplit

from confide.errors import ConfideError, Misuse, Refused, Unavailable
from confide.ids import DIGEST
from confide.sealed.files import PART_SUFFIX, disk_full, is_full, whole_file
from confide.sealed.streams import read_up_to

RANGE_SIZE = 8 << 20  # bytes asked of a remote store at a time
_PART = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
_MAX_PARTS = 8


def object_name(object_id: str) -> str:
    """Where the sealed object with this id is kept. Raises Misuse (`store.name`) for an id that is no name."""
    return _checked(f"objects/{object_id}.c4gh")


def result_name(job_id: str) -> str:
    """Where the sealed result of the job (`sha256:…`) is kept. Raises Misuse (`store.name`)."""
    return f"results/{_job_hex(job_id)}/result.c4gh"


def receipt_name(job_id: str) -> str:
    """Where the receipt of the job (`sha256:…`) is kept. Raises Misuse (`store.name`)."""
    return f"results/{_job_hex(job_id)}/receipt.json"


class Store:
    """A store by its URL: a path, `file:///…`, `memory://…`, `s3://…` and so on.

    Names are relative, of letters, digits, `.`, `_`, `-` and `/`; others raise Misuse (`store.name`).
    Every method raises Unavailable: `store.missing` for an absent object, `disk.full`, `store.io` for
    anything else that the store answers.
    """

    def __init__(self, url: str) -> None:
        self._backend = _backend_for(url)

    @contextmanager
    def writer(self, name: str) -> Iterator[BinaryIO]:
        """A sink that becomes the object `name` when the block ends without an error; until then, and
        otherwise, nothing of it is visible. The block's own errors pass as they are.
        """
        own: list[BaseException] = []
        with _unavailable(_checked(name), own), self._backend.writer(name) as sink:
            try:
                yield sink
            except BaseException as error:
                own.append(error)
                raise

    def put(self, name: str, source: BinaryIO) -> None:
        """Stores the rest of the source as the object `name`, whole or not at all."""
        with self.writer(name) as sink:
            shutil.copyfileobj(source, sink, 1 << 20)

    def put_bytes(self, name: str, data: bytes) -> None:
        """Stores these bytes as the object `name`, whole or not at all."""
        with self.writer(name) as sink:
            sink.write(data)

    def open(self, name: str) -> BinaryIO:
        """The object as a stream, to be closed by the caller."""
        with _unavailable(_checked(name)):
            return self._backend.open(name)

    def read(self, name: str, max_bytes: int) -> bytes:
        """The whole object. Raises Refused (`store.size`) where it has more than `max_bytes`."""
        with self.open(name) as source, _unavailable(name):
            data = read_up_to(source, max_bytes + 1)
        if len(data) > max_bytes:
            raise Refused.because(
                "store.size",
                got=f"more than {max_bytes} bytes in {name}",
                wanted=f"at most {max_bytes}",
                remedy="This is not the object that was asked for. Ask whoever runs the store.",
            )
        return data

    def exists(self, name: str) -> bool:
        """Whether the store says that it has the object."""
        with _unavailable(_checked(name)):
            return self._backend.exists(name)

    def delete(self, name: str) -> None:
        """Asks the store to forget the object; one that is absent is forgotten already."""
        with _unavailable(_checked(name)):
            self._backend.delete(name)

    def list(self, prefix: str = "") -> list[str]:
        """The names that begin with the prefix, sorted."""
        with _unavailable(prefix or "the store"):
            names = self._backend.names()
        return sorted(name for name in names if name.startswith(prefix) and _is_name(name))


class _Backend(Protocol):
    """What differs between a local folder and a remote store. Names are checked by the caller."""

    def writer(self, name: str) -> AbstractContextManager[BinaryIO]: ...

    def open(self, name: str) -> BinaryIO: ...

    def exists(self, name: str) -> bool: ...

    def delete(self, name: str) -> None: ...

    def names(self) -> list[str]: ...


class _Folder:
    """A local folder, by plain files."""

    def __init__(self, root: Path) -> None:
        self._root = root

    @contextmanager
    def writer(self, name: str) -> Iterator[BinaryIO]:
        path = self._root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with whole_file(path, mode=0o644) as sink:
            yield sink

    def open(self, name: str) -> BinaryIO:
        return (self._root / name).open("rb")

    def exists(self, name: str) -> bool:
        return (self._root / name).is_file()

    def delete(self, name: str) -> None:
        (self._root / name).unlink(missing_ok=True)

    def names(self) -> list[str]:
        files = (path for path in self._root.rglob("*") if path.is_file() and path.suffix != PART_SUFFIX)
        return [path.relative_to(self._root).as_posix() for path in files]


class _Remote:
    """An fsspec file system. Its transaction makes an upload visible at its end, or discards it."""

    def __init__(self, url: str) -> None:
        self._fs, root = _file_system(url)
        self._root = root.rstrip("/")
        self._one_upload = threading.Lock()  # a file system has one transaction at a time

    @contextmanager
    def writer(self, name: str) -> Iterator[BinaryIO]:
        path = self._path(name)
        with self._one_upload, self._fs.transaction:
            self._fs.makedirs(path.rpartition("/")[0], exist_ok=True)
            with self._fs.open(path, "wb") as sink:
                yield cast("BinaryIO", _Upload(sink, name))

    def open(self, name: str) -> BinaryIO:
        size = self._fs.info(self._path(name))["size"]
        ranges = _Ranges(self._fs, self._path(name), size)
        return io.BufferedReader(ranges, buffer_size=max(1, min(size, RANGE_SIZE)))

    def exists(self, name: str) -> bool:
        return bool(self._fs.isfile(self._path(name)))

    def delete(self, name: str) -> None:
        if self.exists(name):
            self._fs.rm_file(self._path(name))

    def names(self) -> list[str]:
        return [path[len(self._root) + 1 :] for path in self._fs.find(self._root)]

    def _path(self, name: str) -> str:
        return f"{self._root}/{name}"


class _Upload(io.RawIOBase):
    """A remote sink; what the driver raises becomes Unavailable."""

    def __init__(self, sink: BinaryIO, name: str) -> None:
        self._sink, self._name = sink, name

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        with _unavailable(self._name):
            return self._sink.write(data)


class _Ranges(io.RawIOBase):
    """A remote object, fetched by ranges; what the driver raises becomes Unavailable."""

    def __init__(self, fs: Any, path: str, size: int) -> None:
        self._fs, self._path, self._size, self._at = fs, path, size, 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        end = min(self._at + len(buffer), self._size)
        if end <= self._at:
            return 0
        with _unavailable(self._path.rpartition("/")[2]):
            data = self._fs.cat_file(self._path, start=self._at, end=end)
        if not 0 < len(data) <= len(buffer):
            raise _store_io("another number of bytes than was asked for")
        buffer[: len(data)] = data
        self._at += len(data)
        return len(data)


def _backend_for(url: str) -> _Backend:
    scheme, separator, _ = url.partition("://")
    if not url or "\0" in url:
        raise _bad_url("an empty or broken URL")
    if not separator:
        return _Folder(Path(url))
    if scheme == "file":
        return _Folder(Path(unquote(urlsplit(url).path)))
    return _Remote(url)


def _file_system(url: str) -> tuple[Any, str]:
    # Loaded only where a store is remote: it is slow to load. It comes without types.
    from fsspec.core import url_to_fs  # type: ignore[import-untyped] # noqa: PLC0415 - see above

    try:
        # An instance of our own: transactions must not be shared with other users of the same URL.
        file_system, root = url_to_fs(url, skip_instance_cache=True)
    except ImportError:
        raise _bad_url(f"`{url.partition('://')[0]}://`, whose fsspec driver is not installed") from None
    except ValueError:
        raise _bad_url("a URL that fsspec does not know") from None
    except Exception as error:
        raise _store_io(type(error).__name__) from error
    return file_system, root


@contextmanager
def _unavailable(name: str, own: Sequence[BaseException] = ()) -> Iterator[None]:
    """Turns what a store or its driver raises into Unavailable; errors in `own` are not the store's."""
    try:
        yield
    except ConfideError:
        raise
    except Exception as error:
        if error in own:
            raise
        if isinstance(error, (FileNotFoundError, IsADirectoryError, NotADirectoryError)):
            raise _missing(name) from None
        if is_full(error):
            raise disk_full(name) from None
        # Drivers raise trees of their own, and their texts may hold addresses and keys.
        raise _store_io(type(error).__name__) from error


def _missing(name: str) -> Unavailable:
    return Unavailable.because(
        "store.missing",
        got=f"no object {name}",
        wanted="the object in the store",
        remedy="Check the store's URL; put the object there again.",
    )


def _store_io(got: str) -> Unavailable:
    return Unavailable.because(
        "store.io", got=got, wanted="a store that answers", remedy="Check the store and run the command again."
    )


def _bad_url(got: str) -> Misuse:
    return Misuse.because(
        "store.url", got=got, wanted="a folder or an fsspec URL", remedy="Write it as /path, s3://bucket/path, …"
    )


def _is_name(name: str) -> bool:
    parts = name.split("/")
    return len(parts) <= _MAX_PARTS and all(_PART.fullmatch(part) for part in parts)


def _checked(name: str) -> str:
    if not _is_name(name):
        raise Misuse.because(
            "store.name",
            got=repr(name[:80]),
            wanted="a relative name of letters, digits, `.`, `_`, `-` and `/`",
            remedy="Use the names that `object_name` and `result_name` make.",
        )
    return name


def _job_hex(job_id: str) -> str:
    if not DIGEST.fullmatch(job_id):
        raise Misuse.because(
            "store.name",
            got=repr(job_id[:80]),
            wanted="a job id, `sha256:` and 64 digits",
            remedy="Copy the id from `confide job new`.",
        )
    return job_id.removeprefix("sha256:")
