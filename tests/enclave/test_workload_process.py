"""The workload's process: what reaches it, what leaves it, and what it cannot do."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from confide.enclave.private_folder import PREFIX, default_root, private_folder, sweep, write_files
from confide.enclave.runner import started
from confide.errors import ConfideError, Misuse, Refused
from confide.workload import BundleInfo, Target, read_bundle
from confide.workload.bundle import write_bundle

DATA = b"CANARY-7f3a"


def bundle(code: str, target: Target | None = None):
    return read_bundle(
        write_bundle(BundleInfo("w", "1", "main:main", ("text",), target), {"app/main.py": code.encode()})
    )


def compute(code: str, root: Path, *, max_output: int = 10_000, time_limit: float = 20) -> bytes:
    with started(bundle(code), max_output=max_output, time_limit=time_limit, root=root) as workload:
        output = workload.compute({"text": DATA}, {"a": "b"})
    assert list(root.iterdir()) == []
    return output


def refusal(code: str, root: Path, **limits) -> Refused:
    with pytest.raises(Refused) as caught:
        compute(code, root, **limits)
    assert list(root.iterdir()) == [], "the private folder is removed after a failure too"
    assert DATA.decode() not in str(caught.value)
    return caught.value


def ask(expression: str, root: Path) -> object:
    code = f"import json, os, sys\ndef main(inputs, parameters):\n    return json.dumps({expression}).encode()\n"
    return json.loads(compute(code, root))


def test_inputs_and_parameters_arrive_and_the_output_comes_back(tmp_path):
    code = "def main(inputs, parameters):\n    return inputs['text'] + parameters['a'].encode()\n"
    assert compute(code, tmp_path) == DATA + b"b"


def test_what_the_workload_prints_goes_nowhere(tmp_path, capfd):
    says = "print(i); sys.stderr.write(str(i)); os.write(1, i['text'])"
    code = f"import os, sys\ndef main(i, p):\n    {says}; return b'ok'\n"
    assert compute(code, tmp_path) == b"ok"
    assert capfd.readouterr() == ("", "")


def test_the_exception_is_told_by_its_type_alone(tmp_path):
    failure = refusal("def main(i, p):\n    raise ValueError(i['text'])\n", tmp_path)
    assert failure.codes == ("workload.failed",)
    assert failure.findings[0].got == "ValueError"


def test_a_type_name_made_of_data_is_not_told(tmp_path):
    failure = refusal("def main(i, p):\n    raise type('secret: ' + i['text'].decode(), (Exception,), {})\n", tmp_path)
    assert failure.codes == ("workload.failed",)
    assert "secret" not in failure.findings[0].got


@pytest.mark.parametrize(
    "code",
    [
        "raise SystemExit(3)",
        "syntax error here",
        "import numpy_is_not_here",
        "def main(i, p): return 'text'",
        "def main(i, p): return None",
        "def main(): return b''",
        "def other(i, p): return b''",
        "import os\ndef main(i, p): os._exit(0)",
        "import os\ndef main(i, p): os.kill(os.getpid(), 9)",
        "import os\nos._exit(1)",
    ],
)
def test_a_workload_that_fails_is_refused(tmp_path, code):
    assert refusal(code, tmp_path).codes == ("workload.failed",)


def test_an_output_beyond_the_limit_is_refused_and_one_at_the_limit_is_not(tmp_path):
    assert len(compute("def main(i, p): return bytes(100)", tmp_path, max_output=100)) == 100
    failure = refusal("def main(i, p): return bytes(101)", tmp_path, max_output=100)
    assert failure.codes == ("workload.output_size",)


@pytest.mark.parametrize("code", ["import time\ndef main(i, p): time.sleep(60)", "import time\ntime.sleep(60)"])
def test_a_workload_that_hangs_is_stopped(tmp_path, code):
    start = time.monotonic()
    assert refusal(code, tmp_path, time_limit=0.5).codes == ("workload.time_limit",)
    assert time.monotonic() - start < 5


def test_large_inputs_pass(tmp_path):
    with started(
        bundle("def main(i, p): return i['text'][-3:]"), max_output=10, time_limit=30, root=tmp_path
    ) as workload:
        assert workload.compute({"text": bytes(20 << 20) + b"end"}, {}) == b"end"


def test_environment_is_empty_but_for_the_thread_limits(tmp_path, monkeypatch):
    for name in ("LD_PRELOAD", "PYTHONPATH", "SECRET"):
        monkeypatch.setenv(name, "/nowhere")
    seen = ask("dict(os.environ)", tmp_path)
    seen.pop("LC_CTYPE", None)  # which Python itself sets where there is no locale (PEP 538)
    assert seen == {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}


def test_descriptors_of_the_agent_are_not_inherited(tmp_path):
    read, write = os.pipe()
    os.set_inheritable(write, True)
    try:
        targets = ask("[os.readlink('/proc/self/fd/' + n) for n in os.listdir('/proc/self/fd') if n != '4']", tmp_path)
    finally:
        os.close(read), os.close(write)
    # standard input, output and error are nowhere; the one pipe is for the output
    assert sorted(target.split(":")[0] for target in targets) == ["/dev/null"] * 3 + ["pipe"]


def test_only_the_standard_library_and_the_bundle_can_be_imported(tmp_path):
    paths = ask("sys.path", tmp_path)
    assert paths[0].endswith("/app")
    assert paths[-1].endswith("/lib")
    assert not any("site-packages" in path for path in paths)
    assert refusal("import confide", tmp_path).findings[0].got == "ModuleNotFoundError"


def test_it_cannot_be_traced_by_its_user(tmp_path):
    assert ask("__import__('ctypes').CDLL(None).prctl(3, 0, 0, 0, 0)", tmp_path) == 0  # PR_GET_DUMPABLE


def test_it_has_no_capability_so_that_it_cannot_read_the_agents_memory_even_as_root(tmp_path):
    status = ask("[l for l in open('/proc/self/status') if l.startswith(('CapEff', 'CapPrm'))]", tmp_path)
    assert [int(line.split()[1], 16) for line in status] == [0, 0]
    code = "import os\ndef main(i, p):\n    open(f'/proc/{os.getppid()}/mem', 'rb').read(1); return b''\n"
    (tmp_path / "root").mkdir()
    (tmp_path / "code").write_text(code)
    agent = (
        "import sys; sys.path.insert(0, sys.argv[1]); from pathlib import Path\n"
        "from confide.enclave.hardening import forbid_inspection; from test_workload_process import compute\n"
        "forbid_inspection(); compute(Path(sys.argv[2], 'code').read_text(), Path(sys.argv[2], 'root'))"
    )
    command = [sys.executable, "-c", agent, Path(__file__).parent, tmp_path]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert "workload.failed: got PermissionError" in done.stderr


def test_the_process_starts_before_any_input_exists_and_ends_with_the_block(tmp_path):
    with started(bundle("def main(i, p): return b''"), max_output=1, time_limit=5, root=tmp_path) as workload:
        assert Path(f"/proc/{workload.pid}").exists()
    assert not Path(f"/proc/{workload.pid}").exists()


def test_it_dies_with_the_agent(tmp_path):
    program = (
        "import sys, time; from pathlib import Path; from confide.enclave.runner import started\n"
        "from confide.workload import read_bundle\n"
        "bundle = read_bundle(open(sys.argv[1], 'rb').read())\n"
        "with started(bundle, max_output=1, time_limit=99, root=Path(sys.argv[2])) as w:\n"
        "    w._answer(b'R'); print(w.pid, flush=True); time.sleep(60)\n"
    )
    file, root = tmp_path / "b", tmp_path / "root"
    root.mkdir()
    info = BundleInfo("w", "1", "main:main", ("text",))
    file.write_bytes(write_bundle(info, {"app/main.py": b"def main(i, p): return b''\n"}))
    agent = subprocess.Popen([sys.executable, "-c", program, file, root], stdout=subprocess.PIPE)
    child = int(agent.stdout.readline())
    agent.send_signal(signal.SIGKILL)
    agent.wait()
    wait_until(lambda: not Path(f"/proc/{child}").exists())
    assert len(list(root.iterdir())) == 1, "a killed agent cannot remove its code"
    sweep(root)
    assert list(root.iterdir()) == []


def wait_until(condition, seconds: float = 5) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_a_bundle_for_another_interpreter_is_misuse_before_anything_starts(tmp_path):
    with (
        pytest.raises(Misuse) as caught,
        started(bundle("", Target("2.7", "vax")), max_output=1, time_limit=1, root=tmp_path),
    ):
        pass
    assert caught.value.codes == ("workload.target",)


def test_the_private_folder_is_private_and_is_not_swept_while_it_is_held(tmp_path):
    with private_folder(tmp_path) as folder:
        assert folder.stat().st_mode & 0o777 == 0o700
        sweep(tmp_path)
        assert folder.is_dir()
        with private_folder(tmp_path) as other:
            assert folder.is_dir()
            assert other != folder
    assert list(tmp_path.iterdir()) == []


def test_sweeping_follows_no_link_and_takes_no_other_folder(tmp_path):
    victim = tmp_path / "victim"
    victim.mkdir()
    (victim / "file").write_text("x")
    (tmp_path / f"{PREFIX}link").symlink_to(victim)
    sweep(tmp_path)
    assert (victim / "file").exists()


def test_code_is_written_where_nobody_wrote_before(tmp_path):
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "main.py").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(FileExistsError):
        write_files(tmp_path, {"app/main.py": memoryview(b"x")})
    assert not (tmp_path / "elsewhere").exists()


def folder_with(monkeypatch, **facts):
    plain = {"f_bavail": 1000, "f_frsize": 1000, "f_flag": 0}
    monkeypatch.setattr(os, "statvfs", lambda _: SimpleNamespace(**plain | facts))
    monkeypatch.setattr("confide.enclave.private_folder.roots", lambda: (Path("/dev/shm"), Path("/fallback")))
    monkeypatch.setattr(os, "access", lambda *_: True)
    return default_root(100_000)


def test_code_goes_to_memory_where_that_takes_it(monkeypatch):
    assert folder_with(monkeypatch) == Path("/dev/shm")


@pytest.mark.parametrize("facts", [{"f_flag": os.ST_NOEXEC}, {"f_bavail": 199}])
def test_code_goes_to_the_temporary_folder_where_memory_is_too_small_or_forbids_to_run(monkeypatch, facts):
    """As the `/dev/shm` of a container often is."""
    assert folder_with(monkeypatch, **facts) == Path("/fallback")


def test_no_failure_is_a_traceback(tmp_path):
    with pytest.raises(ConfideError):
        compute("1/0", tmp_path)
