"""Processes that do the evaluation's work: each holds the panel, and reads models that were trained from files.

Every task is a plain function of this module, so that it runs the same in this process as in another.
"""

from __future__ import annotations

import os
import pickle
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache
from multiprocessing import get_context, parent_process
from pathlib import Path
from threading import Thread
from typing import Any, TypeVar

import numpy as np

from palabs.evaluate.comparisons import COMPARISONS
from palabs.evaluate.conditions import CHOSEN, Cohort, Condition, Dosage
from palabs.evaluate.measures import Flags, Indices
from palabs.evaluate.proportions import Tables, admixture_tables
from palabs.evaluate.service import Service
from palabs.evaluate.trials import Answers, Settled, ask_fold, learn_and_ask
from palabs.training.fit import fit_model
from palabs.training.panel import Panel
from palabs.workload.ancestry.model import load

Result = TypeVar("Result")

PANEL = "panel"
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")  # one a process: the same sums each time


@dataclass(frozen=True)
class Workers:
    """A pool of processes, one a core, and the folder of what they share."""

    pool: ProcessPoolExecutor
    folder: Path

    def start(self, task: Callable[..., Any], *words: Any) -> Future[Any]:
        """Starts a task of this module; its first argument is the folder."""
        return self.pool.submit(task, self.folder, *words)


@contextmanager
def workers(panel: Panel) -> Iterator[Workers]:
    """Workers that hold the panel, until the end."""
    with tempfile.TemporaryDirectory() as name, one_thread():
        (Path(name) / PANEL).write_bytes(pickle.dumps(panel))
        with ProcessPoolExecutor(os.cpu_count(), get_context("spawn"), _leave_with_the_parent) as pool:
            yield Workers(pool, Path(name))


def alone(task: Callable[[Path], Result], folder: Path) -> Result:
    """The result of a task in a process of its own, of one thread: as in the enclave."""
    with one_thread(), ProcessPoolExecutor(1, get_context("spawn"), _leave_with_the_parent) as pool:
        return pool.submit(task, folder).result()


@contextmanager
def one_thread() -> Iterator[None]:
    """Processes started meanwhile do their sums in one thread."""
    before = {name: os.environ.get(name) for name in THREADS}
    os.environ.update(dict.fromkeys(THREADS, "1"))
    try:
        yield
    finally:
        for variable, value in before.items():
            os.environ.pop(variable) if value is None else os.environ.update({variable: value})


def _leave_with_the_parent() -> None:
    """Ends this process when the one that started it has ended, however that was: a killed one cannot say so."""
    parent = parent_process()

    def wait() -> None:
        if parent is not None:
            parent.join()
            os._exit(1)

    Thread(target=wait, daemon=True).start()


@cache
def held(folder: Path) -> tuple[Panel, Cohort]:
    """The panel that the workers share."""
    panel: Panel = pickle.loads((folder / PANEL).read_bytes())  # noqa: S301 - written by `workers`, in a folder of its own
    return panel, Cohort.of(panel)


@cache
def service(folder: Path, name: str) -> Service:
    """The service by the model that was trained under a name."""
    return Service(load(folder / name)[0])


def train(folder: Path, name: str, people: Flags, hidden: tuple[Indices, str] | None = None) -> None:
    """Trains on some people, and keeps the model under a name; `hidden` are populations whose genotypes on a panel the
    training does not see.
    """
    panel, cohort = held(folder)
    if hidden:
        theirs = np.isin(cohort.population, hidden[0])
        only_there = cohort.sites[hidden[1]] & ~cohort.sites[CHOSEN.panels[0]]
        dosage = panel.dosage.copy()
        dosage[np.ix_(theirs, only_there)] = -1
        panel = replace(panel, dosage=dosage)
    (folder / name).write_bytes(fit_model(panel, people).encode())


def ask(folder: Path, name: str, condition: Condition, fold: int, people: Flags | None = None) -> Answers:
    """What the service of that name answers to the people of a fold, or to those of them that are named."""
    _, cohort = held(folder)
    if people is not None:
        cohort = replace(cohort, fold=np.where(people, cohort.fold, -1))
    return ask_fold(cohort, condition, fold, service(folder, name).ask)


def judge(folder: Path, name: str, dosage: Dosage) -> Settled:
    """What the service of that name says of people with these dosages."""
    return replace(service(folder, name), shares=True).ask(dosage)[1]


def compare(folder: Path, number: int, conditions: Sequence[Condition], fold: int) -> list[Answers]:
    """What one of COMPARISONS answers to the people of a fold under some conditions of one kind of file."""
    return learn_and_ask(held(folder)[1], COMPARISONS[number], conditions, fold)


def shares(folder: Path, genomes: Path) -> Tables:
    """The tables of admixture. Raises Misuse where msprime or stdpopsim is not installed."""
    return admixture_tables(held(folder)[0], genomes)
