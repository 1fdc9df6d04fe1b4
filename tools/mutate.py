"""Mutation testing of confide.verify and confide.policy: `python tools/mutate.py --work DIR [--only snp …]`.

Every mutant is made in memory; no file of the repository is written. First the tests run once, without any mutant, to
see which lines each one runs (`hits.json` in DIR); then each mutant meets the vectors and tests that run its statement,
until one fails. `results.jsonl` in DIR has a line of JSON for each: what was changed, the outcome, what killed it and
how long it took. A mutant that was killed is not run again while its function stays as it is; one that lived is run
again as soon as anything in src, tests or vectors is another.

Tests that take longer than `--slowest` seconds kill nothing. The lines of `tests/mutation/survivors.toml` say which
mutants are no fault, and why; docs/why/mutation.md has the method and the score. The tree must not change meanwhile:
run it in a clone where others work.
"""

from __future__ import annotations

import argparse
import functools
import hashlib
import json
import os
import sys
import tomllib
import traceback
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

REPO = Path(__file__).parent.parent
sys.path[:0] = [str(REPO / "src"), str(REPO / "tools")]

from mutation.hits import IMPORT, PYTEST, Hits, module_of, record  # noqa: E402 - it is found by the line above
from mutation.killing import (  # noqa: E402
    KILLED,
    NEEDS_IMPORT,
    SURVIVED,
    TIMEOUT,
    UNCOVERED,
    BodyKiller,
    ImportKiller,
    Outcome,
    in_fork,
)
from mutation.mutants import Mutant, mutants_of  # noqa: E402

PACKAGES = ("verify", "policy")
TESTS = ("verify", "policy", "evidence", "testing", "results", "docs", "cli", "endorse")
LIVED = {SURVIVED, UNCOVERED}
LISTED = "listed"
COLUMNS = (KILLED, TIMEOUT, SURVIVED, UNCOVERED, LISTED)
LIST = REPO / "tests/mutation/survivors.toml"


def main() -> None:
    """Runs what the command line asks for, and prints the score by module."""
    options = _options()
    work: Path = options.work
    work.mkdir(parents=True, exist_ok=True)
    files = [file for name in PACKAGES for file in sorted((REPO / "src/confide" / name).glob("*.py"))]
    digest = digest_of_tree()
    hits = recorded(files, work / f"hits-{digest}.json")
    mutants = [one for file in files if _wanted(file, options.only) for one in mutants_of(file)]
    results = Results(work / "results.jsonl", digest)
    if not options.report:
        run(results.todo(mutants), hits, results, options)
    print_score(mutants, results.known())


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True, help="folder of the results, outside of the repository")
    parser.add_argument("--only", nargs="+", default=[], metavar="MODULE", help="modules such as snp or tpm_rules")
    parser.add_argument("--workers", type=int, default=1, help="processes at a time")
    parser.add_argument("--slowest", type=float, default=1.0, help="seconds beyond which a test kills nothing")
    parser.add_argument("--kind", choices=["body", "import", "both"], default="both", help="which mutants to run")
    parser.add_argument("--report", action="store_true", help="print the score of what is known, run nothing")
    return parser.parse_args()


def _wanted(file: Path, only: Sequence[str]) -> bool:
    return not only or file.stem in only


def digest_of_tree() -> str:
    """Another one whenever anything that a test could depend on is another."""
    digest = hashlib.sha256()
    for folder in ("src", "tests", "vectors", "docs"):
        for file in sorted((REPO / folder).rglob("*")):
            if file.is_file() and "__pycache__" not in file.parts:
                digest.update(f"{file.relative_to(REPO)}\0".encode() + hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()[:12]


def recorded(files: Sequence[Path], target: Path) -> Hits:
    """The hits of today's tests, from the file where they are known already."""
    if not target.exists():
        _wait([_start(lambda: record(files, [f"tests/{name}" for name in TESTS]).dump(target))])
    return Hits.load(target)


def _start(task: Callable[[], object]) -> int:
    """Begins a task in a fork, so that this process imports nothing of confide; returns its process id."""
    child = os.fork()
    if child:
        return child
    code = 1
    try:
        task()
        code = 0
    except BaseException:  # noqa: BLE001 - told here, and ended by the parent
        traceback.print_exc()
    sys.stdout.flush()
    os._exit(code)


def _wait(children: Iterable[int]) -> None:
    if any([os.waitpid(child, 0)[1] for child in children]):  # noqa: C419 - waits for all, also where one fails
        raise SystemExit("stopped: see above")


@dataclass(frozen=True, slots=True)
class Results:
    """The file of results. Several processes may add to it at once: a line is one write."""

    path: Path
    digest: str

    def known(self) -> dict[str, dict[str, Any]]:
        """The latest result of each mutant by its key."""
        if not self.path.exists():
            return {}
        lines = self.path.read_text(encoding="utf-8").splitlines()
        return {one["key"]: one for one in map(json.loads, lines)}

    def todo(self, mutants: Iterable[Mutant]) -> list[Mutant]:
        """The mutants of which nothing is known, or that lived in another tree."""
        known = self.known()
        return [one for one in mutants if not self._settled(known.get(one.key))]

    def _settled(self, result: dict[str, Any] | None) -> bool:
        return result is not None and (result["outcome"] not in LIVED or result["tree"] == self.digest)

    def tell(self, mutant: Mutant, outcome: Outcome) -> None:
        """Adds a line, but for a mutant that has to be imported yet."""
        if outcome.what == NEEDS_IMPORT:
            return
        line = {
            "key": mutant.key,
            "module": module_of(mutant.path),
            "function": mutant.function,
            "line": mutant.line,
            "before": mutant.before,
            "after": mutant.after,
            "outcome": outcome.what,
            "by": outcome.by,
            "seconds": round(outcome.seconds, 3),
            "tree": self.digest,
        }
        with self.path.open("ab") as file:
            file.write(json.dumps(line, ensure_ascii=False).encode() + b"\n")


def run(mutants: Sequence[Mutant], hits: Hits, results: Results, options: argparse.Namespace) -> None:
    """Runs the mutants: those of function bodies in a session of the tests, the others by importing them."""
    print(f"{len(mutants)} mutants to run")
    swift = [name for name, seconds in hits.seconds.items() if seconds <= options.slowest]
    hits = hits.only(swift)
    body = [one for one in mutants if one.body and IMPORT not in hits.of(one.path, one.first, one.last)]
    if options.kind != "import":
        _share(body, options.workers, functools.partial(_kill_bodies, hits=hits, results=results))
    if options.kind != "body":
        rest = results.todo(mutants)
        _share(rest, options.workers, functools.partial(_kill_imports, hits=hits, results=results))


def _share(mutants: Sequence[Mutant], workers: int, task: Callable[[Sequence[Mutant]], object]) -> None:
    parts = [part for index in range(workers) if (part := mutants[index::workers])]
    _wait([_start(functools.partial(task, part)) for part in parts])


def _kill_bodies(mutants: Sequence[Mutant], hits: Hits, results: Results) -> None:
    killer = BodyKiller(mutants, hits, results.tell)
    pytest.main([*PYTEST, *(f"tests/{name}" for name in TESTS)], plugins=[killer])


def _kill_imports(mutants: Sequence[Mutant], hits: Hits, results: Results) -> None:
    killer = ImportKiller(hits)
    for mutant in mutants:
        results.tell(mutant, in_fork(lambda mutant=mutant: killer.kill(mutant)))  # type: ignore[misc]  # called at once


def print_score(mutants: Sequence[Mutant], known: dict[str, dict[str, Any]]) -> None:
    """A table: outcomes by module. The score is what was killed, of all that were run."""
    listed = listed_survivors()
    rows: dict[str, Counter[str]] = defaultdict(Counter)
    for result in (known[mutant.key] for mutant in mutants if mutant.key in known):
        what = (result["module"], result["function"], result["before"], result["after"])
        outcome = LISTED if result["outcome"] in LIVED and what in listed else result["outcome"]
        rows[result["module"]][outcome] += 1
    print(f"{'':36}{'mutants':>8}" + "".join(f"{name:>13}" for name in COLUMNS) + f"{'score':>9}")
    for name, row in [*sorted(rows.items()), ("all", sum(rows.values(), Counter()))]:
        killed = (row[KILLED] + row[TIMEOUT]) / max(1, row.total())
        print(f"{name:36}{row.total():8}" + "".join(f"{row[one]:13}" for one in COLUMNS) + f"{killed:9.1%}")


def listed_survivors() -> set[tuple[str, str, str, str]]:
    """(module, function, before, after) of every mutant that is listed with a reason."""
    groups = tomllib.loads(LIST.read_text(encoding="utf-8"))["group"] if LIST.exists() else []
    return {
        (one["module"], one["function"], one["before"], one["after"]) for group in groups for one in group["mutants"]
    }


if __name__ == "__main__":
    main()
