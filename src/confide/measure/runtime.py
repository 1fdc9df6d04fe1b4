"""The digest of the code that runs as the agent."""

from __future__ import annotations

from pathlib import Path

from confide.ids import digest_of, sha256_of

PACKAGE = Path(__file__).parent.parent


def runtime_digest(package: Path = PACKAGE) -> str:
    """`sha256:…` over the path and content of every `*.py` of the installed `confide`, by default this one.

    It does not cover the interpreter and the libraries that the agent imports: on real hardware these are
    in the measured image. Raises OSError where a file cannot be read.
    """
    files = {path.relative_to(package).as_posix(): sha256_of(path.read_bytes()) for path in package.rglob("*.py")}
    return digest_of({"type": "confide-runtime/1", "files": files})
