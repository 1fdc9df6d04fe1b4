"""What the tests do without any mutant: which line of a package each one runs, and how long it takes.

A "context" is one test by its pytest id, or one vector as `vector::FILE::NAME`. Two more contexts stand for what runs
before any test: "import" when the modules are imported, "collection" when the tests are.
"""

from __future__ import annotations

import functools
import gc
import importlib
import json
import sys
import time
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import coverage
import pytest

if TYPE_CHECKING:
    from confide.testing.vectors import Vector

REPO = Path(__file__).parents[2]
SOURCE = REPO / "src"
WORDS = REPO / "tests" / "verify"
PYTEST = ("-q", "-p", "no:cacheprovider", "--timeout=0", "-p", "no:xdist", "--rootdir", str(REPO))
IMPORT, COLLECTION, BETWEEN = "import", "collection", "between"


@dataclass(frozen=True, slots=True)
class Hits:
    """`lines`: by file and line the contexts that run it; `seconds` of each context; `modules` imported on the way."""

    lines: dict[str, dict[int, set[str]]]
    seconds: dict[str, float]
    modules: list[str]

    def of(self, path: Path, first: int, last: int) -> set[str]:
        """The contexts that run any of the lines of a file."""
        lines = self.lines.get(str(path), {})
        return set().union(*(lines.get(line, ()) for line in range(first, last + 1)))

    def of_file(self, path: Path) -> set[str]:
        """The contexts that run any line of a file."""
        return set().union(*self.lines.get(str(path), {}).values())

    def only(self, contexts: Iterable[str]) -> Hits:
        """The hits of these contexts, and of import and collection."""
        kept = {*contexts, IMPORT, COLLECTION}
        lines = {file: {line: names & kept for line, names in one.items()} for file, one in self.lines.items()}
        return Hits(lines, {name: self.seconds[name] for name in contexts}, self.modules)

    def dump(self, path: Path) -> None:
        """Writes it as JSON."""
        lines = {file: {line: sorted(names) for line, names in one.items()} for file, one in self.lines.items()}
        path.write_text(json.dumps({"lines": lines, "seconds": self.seconds, "modules": self.modules}))

    @classmethod
    def load(cls, path: Path) -> Hits:
        """What `dump` wrote."""
        read = json.loads(path.read_text())
        lines = {file: {int(line): set(names) for line, names in one.items()} for file, one in read["lines"].items()}
        return cls(lines, read["seconds"], read["modules"])


def vector_checks() -> Iterator[tuple[str, Callable[[], bool]]]:
    """(context, whether it still comes out as expected) of every vector: the verdict and the findings as the files of
    words have them, and no reason of a check that is not in them. The tests of whole files hold what is left: that
    every reason is given.
    """
    from confide.testing.vectors import load_vectors  # noqa: PLC0415 - imported after coverage has begun

    for file in sorted((REPO / "vectors").glob("*.json")):
        findings = json.loads((WORDS / "findings" / file.name).read_text(encoding="utf-8"))
        reasons = {tuple(one) for one in json.loads((WORDS / "reasons" / file.name).read_text(encoding="utf-8"))}
        for vector in load_vectors(file.read_bytes()):
            check = functools.partial(_as_expected, vector, findings.get(vector.name, []), reasons)
            yield f"vector::{file.stem}::{vector.name}", check


def _as_expected(vector: Vector, findings: list[dict[str, str]], reasons: set[tuple[str, ...]]) -> bool:
    from confide.testing.vectors import findings_of, reasons_of, run_vector  # noqa: PLC0415 - as above

    return (
        run_vector(vector) == vector.expected
        and findings_of(vector) == findings
        and {tuple(one) for one in reasons_of([vector])} <= reasons
    )


def caches() -> list[Any]:
    """The caches of the functions that verify and judge, which have to be empty: no mutant computed what they hold."""
    kind = type(functools.lru_cache(len))
    packages = ("confide.evidence.", "confide.verify.", "confide.policy.")
    return [one for one in gc.get_objects() if isinstance(one, kind) and str(one.__module__).startswith(packages)]


class _Recorder:
    """A pytest plugin that gives every test its context."""

    def __init__(self, measured: coverage.Coverage) -> None:
        self.measured = measured
        self.seconds: dict[str, float] = {}
        self.failed: list[str] = []
        self.caches = caches()

    @contextmanager
    def context(self, name: str) -> Iterator[None]:
        """What is run inside is put down to `name`; it finds every cache empty."""
        for cache in self.caches:
            cache.cache_clear()
        self.measured.switch_context(name)
        began = time.perf_counter()
        yield
        self.seconds[name] = time.perf_counter() - began
        self.measured.switch_context(BETWEEN)

    def pytest_collection_finish(self) -> None:
        self.caches = caches()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, Any, Any]:
        with self.context(item.nodeid):
            return (yield)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            self.failed.append(report.nodeid)


def record(files: Iterable[Path], tests: Iterable[str]) -> Hits:
    """Runs every vector and every test, and says which lines of the files each runs. Raises AssertionError where one
    fails: then nothing can be said of any mutant. To be called in a process that has not imported confide.
    """
    files = list(files)
    measured = coverage.Coverage(data_file=None, include=[str(file) for file in files], config_file=False)
    measured.start()
    measured.switch_context(IMPORT)
    for file in files:
        importlib.import_module(module_of(file))
    measured.switch_context(COLLECTION)
    checks = list(vector_checks())
    recorder = _Recorder(measured)
    for name, check in checks:
        with recorder.context(name):
            assert check(), f"{name} comes out otherwise than expected"
    measured.switch_context(COLLECTION)
    status = pytest.main([*PYTEST, *tests], plugins=[recorder])
    measured.stop()
    assert status == pytest.ExitCode.OK, f"tests fail without any mutant: {recorder.failed[:5]}"
    return Hits(_lines(measured.get_data()), recorder.seconds, sorted(sys.modules))


def _lines(data: coverage.CoverageData) -> dict[str, dict[int, set[str]]]:
    return {
        file: {line: set(names) for line, names in data.contexts_by_lineno(file).items()}
        for file in data.measured_files()
    }


def module_of(file: Path) -> str:
    """The dotted name of a file of the source."""
    return ".".join(file.relative_to(SOURCE).with_suffix("").parts).removesuffix(".__init__")
