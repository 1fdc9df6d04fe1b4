"""Libraries that only the evaluation needs: an extra of the package, loaded when they are used."""

from __future__ import annotations

import importlib
from typing import Any

from confide.errors import Misuse


def load(module: str) -> Any:
    """The module of that name. Raises Misuse with the remedy where it is not installed."""
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        raise Misuse.because(
            "evaluate.extra",
            got=f"no module {error.name}",
            wanted="the libraries of the evaluation",
            remedy="Install them: pip install 'confide[evaluate]'.",
        ) from error
