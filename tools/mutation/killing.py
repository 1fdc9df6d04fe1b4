"""Kills mutants: each in a fork of its own, by the vectors and tests that run its lines, the quickest first.

A change in the body of a function needs no import: in the fork, the function gets the changed code, and every cache of
confide is empty. A change that only an import can show (a table of rules, a default, a decorator, what a function does
while modules are imported) is imported in a fork that has not imported confide yet.
"""

from __future__ import annotations

import gc
import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import os
import resource
import signal
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from types import CodeType, FunctionType

import pytest
from _pytest.runner import runtestprotocol

from mutation.hits import COLLECTION, PYTEST, Hits, caches, module_of, vector_checks
from mutation.mutants import Mutant

KILLED, TIMEOUT, SURVIVED, UNCOVERED, NEEDS_IMPORT = "killed", "timeout", "survived", "not covered", "needs import"
MEMORY = 4 << 30


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a mutant, the context that killed it, and the seconds it took."""

    what: str
    by: str = ""
    seconds: float = 0.0


def in_fork(task: Callable[[], tuple[str, str]]) -> Outcome:
    """What a task says in a process of its own, without output. One that is ended by a timer is a TIMEOUT, by anything
    else KILLED: the mutant brought it down.
    """
    began = time.perf_counter()
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        _silence()
        try:
            what, by = task()
        except BaseException as error:  # noqa: BLE001 - pytest's own failures too: the mutant caused them
            what, by = KILLED, type(error).__name__
        os.write(writing, f"{what}|{by}".encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        said = pipe.read().decode()
    _, status = os.waitpid(child, 0)
    seconds = time.perf_counter() - began
    if os.WIFSIGNALED(status):
        ended = os.WTERMSIG(status)
        what = TIMEOUT if ended in {signal.SIGPROF, signal.SIGALRM} else KILLED
        return Outcome(what, signal.Signals(ended).name, seconds)
    what, _, by = said.partition("|")
    return Outcome(what or KILLED, by, seconds)


def _silence() -> None:
    nothing = os.open(os.devnull, os.O_RDWR)
    for stream in range(3):
        os.dup2(nothing, stream)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))


def limit(seconds: float) -> None:
    """Ends this process where it takes much more than the seconds that what comes now takes without any mutant: of
    processor time, and after ten times that by the clock, where it waits.
    """
    most = 2 + 8 * seconds
    signal.setitimer(signal.ITIMER_PROF, most)
    signal.setitimer(signal.ITIMER_REAL, 10 * most)


class BodyKiller:
    """A pytest plugin: in place of running the collected tests, kills mutants of function bodies with them."""

    def __init__(self, mutants: Sequence[Mutant], hits: Hits, tell: Callable[[Mutant, Outcome], None]) -> None:
        self.mutants, self.hits, self.tell = mutants, hits, tell

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Kills the mutants one after the other; pytest is told that no test is left to run."""
        self.items = {item.nodeid: item for item in session.items}
        self.vectors = dict(vector_checks())
        self.caches = caches()
        self.functions = functions_by_file()
        gc.collect()
        gc.freeze()
        for mutant in self.mutants:
            self.tell(mutant, in_fork(lambda mutant=mutant: self.kill(mutant)))  # type: ignore[misc]  # called at once
        return True

    def kill(self, mutant: Mutant) -> tuple[str, str]:
        """Runs in the fork: (outcome, what killed the mutant)."""
        if not put_into_place(mutant, self.functions[str(mutant.path)]):
            return NEEDS_IMPORT, ""
        for cache in self.caches:
            cache.cache_clear()
        contexts = self.hits.of(mutant.path, mutant.first, mutant.last)
        by = self._vector(contexts) or self._test(contexts)
        if not by and COLLECTION in contexts:
            return NEEDS_IMPORT, ""
        return (KILLED, by) if by else (SURVIVED if contexts else UNCOVERED, "")

    def _vector(self, contexts: set[str]) -> str:
        chosen = self._quickest(contexts & self.vectors.keys())
        return first_wrong((name, self.vectors[name]) for name in chosen) if chosen else ""

    def _test(self, contexts: set[str]) -> str:
        chosen = by_file(self._quickest(contexts & self.items.keys()), self.hits)
        following = [*chosen[1:], None]
        for name, after in zip(chosen, following, strict=True):
            limit(self.hits.seconds[name])
            reports = runtestprotocol(self.items[name], log=False, nextitem=self.items[after] if after else None)
            if any(report.failed for report in reports):
                return name
        return ""

    def _quickest(self, names: Iterable[str]) -> list[str]:
        return sorted(names, key=lambda name: self.hits.seconds[name])


def first_wrong(checks: Iterable[tuple[str, Callable[[], bool]]]) -> str:
    """The name of the first check that fails or raises, "" where none does."""
    for name, check in checks:
        limit(0)
        try:
            right = check()
        except Exception:  # noqa: BLE001 - whatever the mutant raises
            right = False
        if not right:
            return name
    return ""


def by_file(names: Sequence[str], hits: Hits) -> list[str]:
    """Tests file by file, since a file's fixtures are made once while its tests follow each other; the file that takes
    least comes first, and in it the quickest test.
    """
    files: dict[str, list[str]] = {}
    for name in names:
        files.setdefault(name.partition("::")[0], []).append(name)
    in_order = sorted(files.values(), key=lambda file: sum(hits.seconds[name] for name in file))
    return [name for file in in_order for name in file]


def functions_by_file() -> dict[str, list[FunctionType]]:
    """Every function that there is, by the file that defines it."""
    files: dict[str, list[FunctionType]] = defaultdict(list)
    for one in gc.get_objects():
        if type(one) is FunctionType:
            files[one.__code__.co_filename].append(one)
    return files


def put_into_place(mutant: Mutant, functions: Iterable[FunctionType]) -> bool:
    """Gives the mutant's function, and what is defined in it, the changed code. False where that cannot be done."""
    source = mutant.path.read_text(encoding="utf-8")
    old = [code for code in _codes(source, mutant) if _inside(code, mutant)]
    new = [code for code in _codes(mutant.applied(source), mutant) if _inside(code, mutant)]
    if [code.co_qualname for code in old] != [code.co_qualname for code in new]:
        old, new = old[:1], new[:1]
    changed = {_place(was): code for was, code in zip(old, new, strict=True)}
    chosen = [one for one in functions if _inside(one.__code__, mutant)]
    try:
        for function in chosen:
            function.__code__ = changed[_place(function.__code__)]
    except (KeyError, ValueError):  # defined in what is gone, or another number of variables from outside
        return False
    return bool(chosen)


def _codes(source: str, mutant: Mutant) -> Iterator[CodeType]:
    todo = [compile(source, str(mutant.path), "exec", dont_inherit=True)]
    while todo:
        code = todo.pop()
        yield code
        todo += [one for one in code.co_consts if isinstance(one, CodeType)]


def _inside(code: CodeType, mutant: Mutant) -> bool:
    return code.co_qualname == mutant.function or code.co_qualname.startswith(f"{mutant.function}.<locals>.")


def _place(code: CodeType) -> tuple[object, ...]:
    return code.co_qualname, *code.co_positions()


class ImportKiller:
    """Kills mutants that an import shows. Made in a process that has imported what confide needs, but not confide."""

    def __init__(self, hits: Hits) -> None:
        self.hits = hits
        for name in hits.modules:
            if name.partition(".")[0] not in _OURS:
                with suppress(Exception):  # what a test has made, or some system lacks: the fork imports what it needs
                    importlib.import_module(name)

    def kill(self, mutant: Mutant) -> tuple[str, str]:
        """Runs in the fork: (outcome, what killed the mutant)."""
        sys.meta_path.insert(0, _Changed(mutant))
        limit(5)
        importlib.import_module(module_of(mutant.path))
        contexts = self.hits.of_file(mutant.path)
        checks = dict(vector_checks())
        near = [name for name in checks if name in contexts] or list(checks)
        by = first_wrong((name, checks[name]) for name in near) or self._test(contexts, mutant)
        return (KILLED, by) if by else (SURVIVED, "")

    def _test(self, contexts: set[str], mutant: Mutant) -> str:
        folders = ("tests/docs/", f"tests/{mutant.path.parent.name}/")
        near = [name for name in self.hits.seconds if name in contexts or name.startswith(folders)]
        tests = by_file(sorted(near, key=lambda name: self.hits.seconds[name]), self.hits)
        chosen = _Chosen([name for name in tests if not name.startswith("vector::")], self.hits)
        files = {name.partition("::")[0]: None for name in chosen.names}
        limit(10)
        status = pytest.main([*PYTEST, "-x", *files], plugins=[chosen])
        return "" if status == pytest.ExitCode.OK else chosen.failed or f"pytest says {status}"


_OURS = {"confide", "palabs", "tests", "conftest", "mutation", "mutate", "vectors", "__main__", "__mp_main__"}


class _Chosen:
    """A pytest plugin that runs some of the collected tests, in an order, each within its time."""

    def __init__(self, names: Sequence[str], hits: Hits) -> None:
        self.names, self.hits, self.failed = names, hits, ""

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        found = {item.nodeid: item for item in items}
        items[:] = [found[name] for name in self.names if name in found]

    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        limit(self.hits.seconds[item.nodeid])

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            self.failed = report.nodeid


class _Changed(importlib.abc.MetaPathFinder):
    """Finds the mutant in place of its module."""

    def __init__(self, mutant: Mutant) -> None:
        self.mutant, self.name = mutant, module_of(mutant.path)

    def find_spec(self, name: str, path: object, target: object = None) -> importlib.machinery.ModuleSpec | None:
        del path, target
        if name != self.name:
            return None
        return importlib.util.spec_from_file_location(name, self.mutant.path, loader=_Loader(name, self.mutant))


class _Loader(importlib.machinery.SourceFileLoader):
    def __init__(self, name: str, mutant: Mutant) -> None:
        super().__init__(name, str(mutant.path))
        self.mutant = mutant

    def get_code(self, fullname: str) -> CodeType:
        del fullname
        source = self.mutant.path.read_text(encoding="utf-8")
        return compile(self.mutant.applied(source), str(self.mutant.path), "exec", dont_inherit=True)
