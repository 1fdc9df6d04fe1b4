"""Dependencies: locked by hash, fetched once, unpacked, and never installed."""

from __future__ import annotations

import hashlib
import importlib.util
import zipfile
from pathlib import Path

import pytest

from confide.errors import Misuse, Refused, Unavailable
from confide.workload import Target, wheels
from confide.workload.build import bundle_bytes
from confide.workload.bundle import read_bundle
from confide.workload.requirements import parse_requirements

HERE = Target.of_this_interpreter()
HASH = f"--hash=sha256:{'a' * 64}"


def refusal(text: str) -> str:
    with pytest.raises(Misuse) as caught:
        parse_requirements(text)
    return caught.value.codes[0]


def test_locked_requirements_are_read_sorted_with_comments_and_continuations():
    text = (
        f"# made by a tool\nzeta==2 \\\n    {HASH} \\\r\n    --hash=sha256:{'b' * 64}\n    # via x\nalpha==1.0 {HASH}\n"
    )
    found = parse_requirements(text)
    assert [one.pin for one in found] == ["alpha==1.0", "zeta==2"]
    assert found[1].hashes == ("a" * 64, "b" * 64)


@pytest.mark.parametrize(
    "line",
    [
        "numpy==2.0",
        f"numpy>=2.0 {HASH}",
        f"numpy {HASH}",
        f"numpy==2.* {HASH}",
        f"numpy==2.0 --hash=md5:{'a' * 32}",
        f"numpy==2.0 --hash=sha256:{'a' * 63}",
        f"numpy==2.0 ; python_version > '3' {HASH}",
        f"numpy[extra]==2.0 {HASH}",
        f"numpy @ https://example.org/numpy.whl {HASH}",
        "-r other.txt",
        "--index-url https://example.org",
        f"-e . {HASH}",
        f"numpy==2.0 {HASH}\nNumPy==2.1 {HASH}",
    ],
)
def test_a_requirement_that_is_not_locked_by_hash_is_misuse(line):
    assert refusal(line) == "workload.requirements"


def make_wheel(folder: Path, name: str = "tiny", entries: dict[str, str] | None = None) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}-1.0-py3-none-any.whl"
    info = f"{name}-1.0.dist-info"
    files = {
        f"{name}.py": "VALUE = 7\n",
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/RECORD": "",
        **(entries or {}),
    }
    with zipfile.ZipFile(path, "w") as wheel:
        for entry, content in files.items():
            wheel.writestr(entry, content)
    return path


def hash_of(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def workload(folder: Path, *requirements: str) -> Path:
    folder.mkdir()
    (folder / "workload.toml").write_text(
        'name = "w"\nversion = "1"\nentry = "main:main"\ninputs = ["text"]\nrequirements = "requirements.txt"\n'
    )
    (folder / "main.py").write_text("import tiny\ndef main(inputs, parameters): return bytes([tiny.VALUE])\n")
    (folder / "requirements.txt").write_text("\n".join(requirements))
    return folder


@pytest.fixture
def index(tmp_path, monkeypatch):
    """A folder that is all the package index there is."""
    folder = tmp_path / "index"
    folder.mkdir()
    for name in ("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    return folder


def test_dependencies_are_in_the_bundle_and_a_second_build_needs_no_index(tmp_path, index):
    wheel = make_wheel(index)
    source, cache = workload(tmp_path / "w", f"tiny==1.0 --hash=sha256:{hash_of(wheel)}"), tmp_path / "cache"
    first = bundle_bytes(source, HERE, cache)
    wheel.unlink()
    assert bundle_bytes(source, HERE, cache) == first
    bundle = read_bundle(first)
    assert bytes(bundle.files["lib/tiny.py"]) == b"VALUE = 7\n"
    assert bundle.info.target == HERE


def test_the_target_is_in_the_bundle_only_where_there_are_requirements(tmp_path, index):
    wheel = make_wheel(index)
    source = workload(tmp_path / "w", f"tiny==1.0 --hash=sha256:{hash_of(wheel)}")
    other = Target("3.13", "aarch64")
    assert read_bundle(bundle_bytes(source, other, tmp_path / "cache")).info.target == other


def test_a_bundle_for_another_interpreter_is_misuse_here(tmp_path, index):
    wheel = make_wheel(index)
    source = workload(tmp_path / "w", f"tiny==1.0 --hash=sha256:{hash_of(wheel)}")
    read_bundle(bundle_bytes(source, HERE, tmp_path / "cache")).check_target()
    with pytest.raises(Misuse) as caught:
        read_bundle(bundle_bytes(source, Target("3.99", "x86_64"), tmp_path / "cache")).check_target()
    assert caught.value.codes == ("workload.target",)


def test_a_wheel_with_another_hash_is_refused(tmp_path, index):
    make_wheel(index)
    source = workload(tmp_path / "w", f"tiny==1.0 --hash=sha256:{'0' * 64}")
    with pytest.raises(Refused) as caught:
        bundle_bytes(source, HERE, tmp_path / "cache")
    assert caught.value.codes == ("workload.wheel_hash",)


def test_a_wheel_that_pip_let_pass_is_hashed_again(tmp_path, monkeypatch):
    monkeypatch.setattr(wheels, "_fetch", lambda *_: b"not the wheel that was locked")
    with pytest.raises(Refused) as caught:
        bundle_bytes(workload(tmp_path / "w", f"tiny==1.0 {HASH}"), HERE, tmp_path / "cache")
    assert caught.value.codes == ("workload.wheel_hash",)
    assert not list((tmp_path / "cache").rglob("*.whl"))


def test_a_wheel_that_is_nowhere_is_unavailable(tmp_path, index):
    source = workload(tmp_path / "w", f"tiny==1.0 {HASH}")
    with pytest.raises(Unavailable) as caught:
        bundle_bytes(source, HERE, tmp_path / "cache")
    assert caught.value.codes == ("workload.wheels",)


def test_a_password_of_the_index_is_not_in_the_finding(tmp_path, index, monkeypatch):
    monkeypatch.delenv("PIP_NO_INDEX")
    monkeypatch.setenv("PIP_INDEX_URL", "http://me:hunter2@127.0.0.1:9/simple")
    monkeypatch.setenv("PIP_RETRIES", "0")
    source = workload(tmp_path / "w", f"tiny==1.0 {HASH}")
    with pytest.raises(Unavailable) as caught:
        bundle_bytes(source, HERE, tmp_path / "cache")
    assert "hunter2" not in str(caught.value)


def test_a_python_without_pip_is_unavailable(tmp_path, index, monkeypatch):
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *rest: None if name == "pip" else find(name, *rest))
    source = workload(tmp_path / "w", f"tiny==1.0 {HASH}")
    with pytest.raises(Unavailable) as caught:
        bundle_bytes(source, HERE, tmp_path / "cache")
    assert "without pip" in caught.value.findings[0].got


def test_a_wheel_altered_in_the_cache_is_not_used(tmp_path, index):
    wheel = make_wheel(index)
    source, cache = workload(tmp_path / "w", f"tiny==1.0 --hash=sha256:{hash_of(wheel)}"), tmp_path / "cache"
    first = bundle_bytes(source, HERE, cache)
    (kept,) = cache.rglob("*.whl")
    kept.write_bytes(kept.read_bytes() + b"x")
    assert bundle_bytes(source, HERE, cache) == first
    kept.write_bytes(b"x")
    wheel.unlink()
    with pytest.raises(Unavailable):
        bundle_bytes(source, HERE, cache)


@pytest.mark.parametrize("entry", ["../evil.py", "/evil.py", "tiny/../../evil.py", "tiny\\..\\evil.py"])
def test_a_wheel_that_climbs_out_is_misuse(tmp_path, index, entry):
    wheel = make_wheel(index, entries={entry: "x"})
    source = workload(tmp_path / "w", f"tiny==1.0 --hash=sha256:{hash_of(wheel)}")
    with pytest.raises(Misuse) as caught:
        bundle_bytes(source, HERE, tmp_path / "cache")
    assert caught.value.codes == ("workload.wheel",)


def test_a_wheel_that_unpacks_too_large_is_misuse(tmp_path, index, monkeypatch):
    wheel = make_wheel(index)
    monkeypatch.setattr(wheels, "MAX_UNPACKED", 20)
    source = workload(tmp_path / "w", f"tiny==1.0 --hash=sha256:{hash_of(wheel)}")
    with pytest.raises(Misuse) as caught:
        bundle_bytes(source, HERE, tmp_path / "cache")
    assert caught.value.codes == ("workload.wheel",)


def test_library_parts_of_a_wheel_are_kept_and_its_scripts_are_not(tmp_path, index):
    extra = {
        "tiny-1.0.data/purelib/more.py": "1",
        "tiny-1.0.data/scripts/tool": "2",
        "tiny/__pycache__/x.pyc": "3",
    }
    wheel = make_wheel(index, entries=extra)
    source = workload(tmp_path / "w", f"tiny==1.0 --hash=sha256:{hash_of(wheel)}")
    names = set(read_bundle(bundle_bytes(source, HERE, tmp_path / "cache")).files)
    assert "lib/more.py" in names
    assert not any("scripts" in name or name.endswith((".pyc", "tool")) for name in names)


def test_two_dependencies_with_the_same_file_are_misuse(tmp_path, index):
    one, two = make_wheel(index), make_wheel(index, "other", {"tiny.py": "VALUE = 8\n"})
    lines = [f"tiny==1.0 --hash=sha256:{hash_of(one)}", f"other==1.0 --hash=sha256:{hash_of(two)}"]
    with pytest.raises(Misuse) as caught:
        bundle_bytes(workload(tmp_path / "w", *lines), HERE, tmp_path / "cache")
    assert caught.value.codes == ("workload.wheel",)
