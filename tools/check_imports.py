"""Holds the import rules of the design: which package may import which, and who may open a socket.

Run by `make check`. Prints each offence as `file:line: reason` and exits 1 where there is one.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

SOURCE = Path(__file__).parent.parent / "src"

# A package may import only packages of its own level or lower; the shells come last.
LEVELS = (
    {"errors", "checklist", "clock", "secrets", "ids", "strictjson"},
    {"crypto", "binding", "job", "evidence", "sealed"},
    {"protocol", "verify"},
    {"policy", "measure", "keys", "audit"},
    {"receipt", "workload", "results"},
    {"broker", "owner", "enclave", "launch", "endorse", "kbs"},
    {"testing"},
    {"cli", "console"},
)
PURE = {"evidence", "verify", "policy"}
SOCKETS_AND_DATABASES = {
    "socket", "ssl", "http", "urllib", "asyncio", "sqlite3", "starlette", "uvicorn", "httpx", "requests", "fsspec",
    "psycopg", "psycopg_pool", "boto3", "pkcs11",
}  # fmt: skip


def level_of(package: str) -> int:
    """The level of a package of `confide`; unknown names are an error here, so that none escapes the rule."""
    for level, names in enumerate(LEVELS):
        if package in names:
            return level
    raise SystemExit(f"tools/check_imports.py: add `{package}` to LEVELS")


def imports_of(tree: ast.AST) -> Iterator[tuple[int, str, list[str]]]:
    """(line, module, imported names) of every import, also of those inside functions."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name, []) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.lineno, node.module or "", [alias.name for alias in node.names]


def confide_offences(path: Path, tree: ast.AST) -> Iterator[str]:
    """Imports that point upwards, and sockets or databases where there may be none."""
    package = path.relative_to(SOURCE / "confide").parts[0].removesuffix(".py")
    if package in {"__init__", "__main__"}:
        return
    for line, module, _ in imports_of(tree):
        parts = module.split(".")
        if package in PURE and parts[0] in SOCKETS_AND_DATABASES:
            yield f"{path}:{line}: {package} must not import {module}: no socket, no database"
        if parts[0] == "palabs":
            yield f"{path}:{line}: the platform knows nothing of palabs"
        if parts[0] == "confide" and len(parts) > 1 and level_of(parts[1]) > level_of(package):
            yield f"{path}:{line}: {package} must not import {module}: it stands above"


def public_names(module: str) -> set[str]:
    """The names in `__all__` of a module, read without importing it."""
    base = SOURCE.joinpath(*module.split("."))
    path = base / "__init__.py" if base.is_dir() else base.with_suffix(".py")
    for node in ast.parse(path.read_text()).body if path.exists() else []:
        if isinstance(node, ast.Assign) and any(getattr(t, "id", "") == "__all__" for t in node.targets):
            return set(ast.literal_eval(node.value))
    return set()


def palabs_offences(path: Path, tree: ast.AST) -> Iterator[str]:
    """Names of `confide` that `palabs` uses although they are in no `__all__`."""
    for line, module, names in imports_of(tree):
        if module.split(".")[0] != "confide":
            continue
        for name in set(names or [module]) - public_names(module):
            yield f"{path}:{line}: `{name}` is not a public name of {module}"


def main() -> None:
    """Checks every file below src."""
    offences: list[str] = []
    for path in sorted(SOURCE.rglob("*.py")):
        tree = ast.parse(path.read_text())
        rule = palabs_offences if path.is_relative_to(SOURCE / "palabs") else confide_offences
        offences.extend(rule(path, tree))
    print("\n".join(offences) or "imports: in order")
    sys.exit(bool(offences))


if __name__ == "__main__":
    main()
