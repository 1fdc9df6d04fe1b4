"""What is shipped is whole: the built wheel, in a folder of its own, does the work without this checkout."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

REPO = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """The wheel, built from a copy of the sources and unpacked."""
    source, folder = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(REPO / name, source / name)
    shutil.copytree(REPO / "src", source / "src", ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
    build = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation", "-w", folder, source]
    subprocess.run(build, check=True, capture_output=True)
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "installed")
    return folder / "installed"


def test_the_wheel_holds_every_file_of_the_packages(installed):
    tracked = subprocess.run(["git", "ls-files", "src"], cwd=REPO, capture_output=True, text=True, check=True).stdout
    wanted = {name.removeprefix("src/") for name in tracked.split()}
    assert wanted - {str(path.relative_to(installed)) for path in installed.rglob("*")} == set()


def test_the_wheel_answers_without_this_checkout(installed, tmp_path):
    genome = REPO / "examples" / "finnish.23andme.txt"
    script = "import palabs.cli, sys; print(palabs.__file__, file=sys.stderr); palabs.cli.main()"
    done = subprocess.run(
        [sys.executable, "-c", script, "ancestry", str(genome), "--protect", "none", "--json"],
        env=os.environ | {"PYTHONPATH": str(installed)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr.startswith(str(installed))
    answer = json.loads(done.stdout)
    assert max(answer["superpopulations"], key=answer["superpopulations"].get) == "EUR"
    assert (installed / "palabs" / "workload" / "workload.toml").exists()
