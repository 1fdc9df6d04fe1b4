"""Says what happens, line by line on standard error, with a spinner while something is under way."""

from __future__ import annotations

import time
from types import TracebackType
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from rich.status import Status


class Narrator:
    """A story with the seconds since its start before each line."""

    def __init__(self) -> None:
        from rich.console import Console  # noqa: PLC0415 - commands start without it

        self._start = time.monotonic()
        self._console = Console(stderr=True, highlight=False, soft_wrap=True)
        self._status: Status = self._console.status("")

    def __enter__(self) -> Self:
        self._status.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._status.stop()

    @property
    def seconds(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self._start

    def doing(self, what: str) -> None:
        """Shows what is under way, until the next line."""
        self._status.update(f"{what} …")

    def say(self, word: str, text: str) -> None:
        """One line: a word for the step, and what happened."""
        self._console.print(f"{self.seconds:5.1f} s  {word:<10} {text}", markup=False)

    def note(self, text: str) -> None:
        """A line that belongs to the one before."""
        self._console.print(f"                    {text}", markup=False)
