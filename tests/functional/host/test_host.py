"""What a hook finds, what comes back, and how the host lives and dies."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
import venv
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import psutil
import pytest

from audit_lib.errors import AuditError, NotAssessed
from audit_lib.host import (
    Allowance,
    HookDied,
    HookError,
    HookMissing,
    HookRaised,
    HookRefused,
    HookTimedOut,
    Host,
    HostUnavailable,
    Isolation,
    IsolationUnavailable,
    Limits,
)

HOOKS = Path(__file__).parent / "plain_hooks.py"
LIMITS = Limits(seconds=20, load_seconds=60, memory_mb=1024, output_mb=128)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    top = tmp_path_factory.mktemp("checkout")
    (top / "package").mkdir()
    (top / "package" / "__init__.py").write_text("")
    (top / "package" / "module.py").write_text("VALUE = 7\n")
    (top / "numpy.py").write_text("raise ImportError('the subject shadows numpy')\n")
    return top


@pytest.fixture(scope="module")
def host(root: Path) -> Iterator[Host]:
    with Host(HOOKS, root=root, limits=LIMITS) as opened:
        yield opened


@pytest.fixture
def of_file(tmp_path: Path, root: Path) -> Iterator[Callable[..., Host]]:
    """Hosts of hooks files written on the spot."""
    opened: list[Host] = []

    def make(text: str, **options: Any) -> Host:
        file = tmp_path / "hooks.py"
        file.write_text("from audit_lib.hooks import surface\n" + text)
        opened.append(Host(file, root=root, **{"limits": LIMITS, **options}))
        return opened[-1]

    yield make
    for host in opened:
        host.close()


# --- what a hook finds ------------------------------------------------------------------------
def test_names_are_those_registered(host: Host) -> None:
    names = {"drift.psi", "governance.promote", "features.build", "registry.resolve", "online.run"}
    assert host.hooks() == names


def test_the_context(host: Host, root: Path) -> None:
    found = host.call("online.run", "where", version="2024-03")
    assert (found["root"], found["store"], found["version"]) == (str(root), str(root), "2024-03")
    assert Path(found["scratch"]).is_relative_to(host.scratch)
    assert found["current"] == found["scratch"]
    assert found["inside"] == []
    assert not Path(found["scratch"]).exists()


def test_each_call_of_a_batch_has_a_folder_of_its_own(host: Host) -> None:
    batch = [("leave", "a"), ("leave", "b"), ("leave", "b")]
    assert host.call_many("online.run", batch) == [["a"], ["b"], ["b"]]


def test_a_given_scratch_folder_is_kept(host: Host) -> None:
    kept = host.folder()
    host.call("online.run", "leave", "first", scratch=kept)
    assert host.call("online.run", "leave", "second", scratch=kept) == ["first", "second"]
    assert (kept / "first").read_text() == "first"


def test_a_scratch_folder_elsewhere_is_refused(host: Host, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="use the host's folder"):
        host.call("online.run", "where", scratch=tmp_path)


def test_a_copy_of_the_store_can_be_written_and_the_store_cannot(
    host: Host, tmp_path: Path
) -> None:
    (tmp_path / "model").write_text("m")
    copy = host.scratch_copy(tmp_path)
    assert host.call("online.run", "write_to_store", store=copy) == ["model", "written"]
    assert os.listdir(tmp_path) == ["model"]
    if host.isolation is Isolation.NONE:
        pytest.skip("no isolation on this machine")
    with pytest.raises(HookRaised, match=r"OSError|PermissionError|OutsideScratch"):
        host.call("online.run", "write_to_store", store=tmp_path)
    assert os.listdir(tmp_path) == ["model"]


def test_a_copy_leaves_pipes_out(host: Host, tmp_path: Path) -> None:
    (tmp_path / "model").write_text("m")
    os.mkfifo(tmp_path / "pipe")
    assert os.listdir(host.scratch_copy(tmp_path)) == ["model"]


def test_surroundings(host: Host, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = host.call("online.run", "surroundings")
    ours = {str(root), str(HOOKS.parent), "", str(host.scratch)}
    assert not ours & set(found["path"])
    assert not any(p.endswith(("audit_lib/host", "host/child")) for p in found["path"])
    assert found["prefix"] == sys.prefix
    assert found["bytecode"] is True
    assert found["threads"] == 1
    assert found["environment"]["OMP_NUM_THREADS"] == "1"
    assert found["environment"]["WORKBOOK_ROOT"] == str(root)
    assert Path(found["environment"]["HOME"]).is_relative_to(host.scratch)


def test_secrets_of_the_judge_stay_with_it(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BROKER_PASSWORD", "hunter2")
    with Host(HOOKS, root=root, limits=LIMITS, environment={"MARKET": "XETRA"}) as host:
        found = host.call("online.run", "surroundings")["environment"]
    assert "BROKER_PASSWORD" not in found
    assert found["MARKET"] == "XETRA"


def test_draws_differ_from_call_to_call(host: Host) -> None:
    first, second = (host.call("online.run", "draw") for _ in range(2))
    assert first[0] != second[0]
    assert first[1] != second[1]


def test_calls_share_no_state_and_a_batch_does(host: Host) -> None:
    assert [host.call("online.run", "count") for _ in range(2)] == [1, 1]
    assert host.call_many("online.run", [("count",)] * 3) == [1, 2, 3]


def test_what_one_call_imported_the_next_finds_imported(of_file: Callable[..., Host]) -> None:
    text = "import sys\n@surface('online')\ndef run(at, name):\n"
    text += "    was = name in sys.modules\n    __import__(name)\n    return was\n"
    host = of_file(text)
    assert [host.call("online.run", "xmlrpc.client") for _ in range(3)] == [False, True, True]


def test_the_subjects_own_modules_are_fresh_in_every_call(host: Host) -> None:
    assert [host.call("online.run", "import_from_root") for _ in range(2)] == [[False, 7]] * 2


# --- what comes back --------------------------------------------------------------------------
def test_answers_and_failures_stay_in_order(host: Host) -> None:
    calls = [({"score": 1.0}, {"score": float(i % 3)} if i % 10 else None) for i in range(2000)]
    answers = host.call_many("governance.promote", calls)
    for i, answer in enumerate(answers):
        if i % 10:
            assert answer is (i % 3 == 2)
        else:
            assert isinstance(answer, HookRaised)
            assert answer.message == "nobody challenges"


def test_a_large_frame_comes_back_as_it_went(host: Host) -> None:
    index = pd.MultiIndex.from_product(
        [[f"A{i:03}" for i in range(100)], pd.date_range("2000", periods=1000)],
        names=["asset", "date"],
    )
    values = np.random.default_rng(0).normal(size=(len(index), 20))
    values[::7] = np.nan
    panel = pd.DataFrame(values, index=index, columns=[f"f{i}" for i in range(20)])
    pd.testing.assert_frame_equal(host.call("features.build", panel), panel)


def test_an_empty_batch(host: Host) -> None:
    assert host.call_many("drift.psi", []) == []


def test_a_refusal_is_told_from_a_failure(host: Host) -> None:
    with pytest.raises(HookRefused) as caught:
        host.call("registry.resolve", "2019")
    assert caught.value.reason == "there is no 2019"
    assert str(caught.value) == "registry.resolve: refused: there is no 2019"


def test_a_failure_says_what_was_raised_and_printed(host: Host) -> None:
    with pytest.raises(HookRaised) as caught:
        host.call("online.run", "say")
    error = caught.value
    assert (error.type_name, error.message) == ("RuntimeError", "after printing")
    assert error.output == b"to standard output\nto standard error\n"


def test_a_hook_that_is_not_there(host: Host) -> None:
    with pytest.raises(HookMissing, match=r"plain_hooks.py registers no such hook"):
        host.call("pricing.price")


def test_an_argument_that_is_not_data_is_the_callers_mistake(host: Host) -> None:
    with pytest.raises(TypeError, match=r"drift.psi: argument\[0\] is a builtins.object"):
        host.call("drift.psi", object())


def test_a_limit_of_time_for_one_call(host: Host) -> None:
    assert host.call("online.run", "wait", 0.3) == 0.3
    with pytest.raises(HookTimedOut) as caught:
        host.call("online.run", "wait", 30, seconds=0.2)
    assert "no answer within 0.2 s" in str(caught.value)


def test_an_allowance_for_many_calls(of_file: Callable[..., Host]) -> None:
    text = (
        "import time\n@surface('drift.psi')\ndef psi(at, s, _):\n    time.sleep(s)\n    return s\n"
    )
    allowance = Allowance()
    host = of_file(text, allowance=allowance)
    assert host.call("drift.psi", 0.0, 0) == 0.0  # nobody counts yet
    for batch in ([(0.3, 0)] * 5, [(30.0, 0)]):
        allowance.begin(0.5)
        with pytest.raises(NotAssessed, match=r"used up its 0\.5 s \(limits\.check_seconds\)"):
            host.call_many("drift.psi", batch)
    allowance.begin(None)
    assert host.call("drift.psi", 0.1, 0) == 0.1


# --- hooks.py itself --------------------------------------------------------------------------
BROKEN = {
    "raises": ("1 / 0", HookRaised, "hooks.py: raised ZeroDivisionError"),
    "does not parse": ("def", HookRaised, "hooks.py: raised SyntaxError"),
    "lacks a module": ("import no_such_engine", HookRaised, "No module named 'no_such_engine'"),
    "registers the unknown": (
        "@surface('drift')\ndef kolmogorov(at): ...",
        HookRaised,
        "no hook is called 'drift.kolmogorov'; write @surface",
    ),
    "exits": ("raise SystemExit(4)", HookDied, r"hooks.py: .*exit code 4"),
    "dies": ("import os; os._exit(5)", HookDied, r"hooks.py: .*exit code 5"),
    "crashes": ("import ctypes; ctypes.string_at(0)", HookDied, "hooks.py: .*SIGSEGV"),
    "hangs": ("while True: pass", HookTimedOut, "hooks.py: no answer within 3 s"),
    "is refused": (
        "from audit_lib.hooks import Refusal\nraise Refusal('no data')",
        HookRefused,
        "hooks.py: refused: no data",
    ),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_hooks_file_is_named(case: str, of_file: Callable[..., Host]) -> None:
    text, kind, message = BROKEN[case]
    host = of_file(text, limits=Limits(load_seconds=3 if case == "hangs" else 60))
    for _ in range(2):  # the second time it is known
        with pytest.raises(kind, match=message) as caught:
            host.hooks()
        assert caught.value.hook == "hooks.py"


def test_threads_started_by_the_hooks_file_are_not_forked(of_file: Callable[..., Host]) -> None:
    text = (
        "import threading, time\nlock, held = threading.Lock(), threading.Event()\n"
        "def hold():\n    with lock:\n        held.set()\n        time.sleep(600)\n"
        "threading.Thread(target=hold, daemon=True).start()\nheld.wait()\n"
        "@surface('drift')\ndef psi(at, a, b):\n"
        "    return lock.locked() and threading.active_count()\n"
    )
    host = of_file(text)
    # In a fork of the thread's process the lock would be held and nobody there to release it.
    assert [host.call("drift.psi", 1, 2) for _ in range(2)] == [2, 2]


# --- other interpreters -----------------------------------------------------------------------
@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment with nothing installed."""
    folder = tmp_path_factory.mktemp("bare")
    venv.create(folder, with_pip=False, symlinks=True)
    return folder


def test_another_environment_runs_the_hooks(bare: Path, root: Path, tmp_path: Path) -> None:
    linked = tmp_path / "linked"
    venv.create(linked, with_pip=False, symlinks=True)
    (packages,) = linked.glob("lib/python*/site-packages")
    (packages / "numpy_and_pandas.pth").write_text(str(Path(np.__file__).parents[1]))
    python = linked / "bin" / "python"
    with Host(HOOKS, root=root, interpreter=python, limits=LIMITS) as host:
        assert host.call("online.run", "surroundings")["prefix"] == str(linked)
        assert host.versions["numpy"] == np.__version__


def test_an_environment_without_numpy_names_the_mend(bare: Path, root: Path) -> None:
    python = bare / "bin" / "python"
    with pytest.raises(HostUnavailable, match="No module named 'numpy'") as caught:
        Host(HOOKS, root=root, interpreter=python).open()
    assert caught.value.mend.endswith(f"{python} -m pip install numpy pandas")


def test_an_interpreter_that_is_none(root: Path, tmp_path: Path) -> None:
    fake = tmp_path / "python"
    fake.write_text("#!/bin/sh\necho I am no Python >&2\nexit 3\n")
    fake.chmod(0o755)
    with pytest.raises(AuditError, match="does not run Python"):
        Host(HOOKS, root=root, interpreter=fake).open()


PLACES = {
    "hooks": ({"hooks_file": Path("nowhere.py")}, "there is no such hooks file"),
    "root": ({"root": Path("nowhere")}, "there is no such folder"),
    "interpreter": ({"interpreter": Path("nowhere")}, "there is no such interpreter"),
}


@pytest.mark.parametrize("place", PLACES)
def test_a_place_that_does_not_exist_is_named(place: str, root: Path) -> None:
    change, message = PLACES[place]
    with pytest.raises(HostUnavailable, match=message) as caught:
        Host(**{"hooks_file": HOOKS, "root": root, **change}).open()
    assert "nowhere" in caught.value.where


@pytest.mark.parametrize("name", ["seconds", "memory_mb", "processes"])
def test_limits_must_be_possible(name: str) -> None:
    with pytest.raises(ValueError, match=f"limit {name} must be positive"):
        Limits(**{name: 0})


# --- isolation that is not there --------------------------------------------------------------
def test_no_isolation_is_refused_and_the_option_named(root: Path) -> None:
    with pytest.raises(IsolationUnavailable) as caught:
        Host(HOOKS, root=root, isolation=Isolation.NONE).open()
    assert "allow_unisolated" in caught.value.mend


def test_untrusted_files_need_containment(root: Path) -> None:
    weak = {"root": root, "isolation": Isolation.AUDIT_HOOK, "limits": LIMITS}
    with Host(HOOKS, **weak) as host, pytest.raises(IsolationUnavailable) as caught:
        host.refuse_untrusted("predictor.predict")
    assert "predictor.predict would load untrusted files" in caught.value.message
    assert "allow_unisolated" in caught.value.mend
    with Host(HOOKS, **weak, allow_unisolated=True) as host:
        host.refuse_untrusted("predictor.predict")


# --- life and death ---------------------------------------------------------------------------
def below() -> set[int]:
    return {p.pid for p in psutil.Process().children(recursive=True)}


def test_it_opens_on_first_use_and_leaves_nothing(root: Path) -> None:
    before = below()
    host = Host(HOOKS, root=root, limits=LIMITS)
    assert below() == before
    assert host.call("drift.psi", [1.0], [2.0]) == 3.0
    scratch = host.scratch
    assert len(below() - before) >= 3
    host.close()
    host.close()
    assert below() == before
    assert not scratch.exists()


def test_a_forgotten_host_is_closed(root: Path) -> None:
    before = below()
    host = Host(HOOKS, root=root, limits=LIMITS)
    host.open()
    del host
    assert below() == before


def test_descriptors_do_not_leak(host: Host) -> None:
    host.call("drift.psi", [1.0], [2.0])
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(10):
        host.call("drift.psi", [1.0], [2.0])
        with pytest.raises(HookError):
            host.call("online.run", "say")
    assert len(os.listdir("/proc/self/fd")) == before


def test_an_interrupted_call_is_ended(host: Host) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, interrupt)
    signal.setitimer(signal.ITIMER_REAL, 0.3)
    try:
        with pytest.raises(KeyboardInterrupt):
            host.call("online.run", "wait", 15)
    finally:
        signal.signal(signal.SIGALRM, before)
    assert host.call("drift.psi", [1.0], [2.0]) == 3.0


def test_threads_take_turns(host: Host) -> None:
    answers: list[float] = []

    def ask(i: int) -> None:
        answers.append(host.call("drift.psi", [float(i)], [0.0]))

    threads = [threading.Thread(target=ask, args=(i,)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == [float(i) for i in range(8)]


JUDGE = """
import sys
from pathlib import Path
from audit_lib.host import Host, Limits
hooks, root = map(Path, sys.argv[1:])
with Host(hooks, root=root, limits=Limits(seconds=600)) as host:
    host.call("online.run", "wait_and_tell", str(host.folder("told") / "file"))
"""


def test_nothing_outlives_a_judge_that_was_killed(root: Path, tmp_path: Path) -> None:
    judge = subprocess.Popen(
        [sys.executable, "-c", JUDGE, str(HOOKS), str(root)],
        env=os.environ | {"TMPDIR": str(tmp_path)},
    )
    deadline = time.monotonic() + 60
    while not list(tmp_path.glob("audit-host-*/told-*/file")):
        assert time.monotonic() < deadline, "the hook never ran"
        time.sleep(0.02)
    family = psutil.Process(judge.pid).children(recursive=True)
    assert len(family) >= 4
    judge.kill()
    judge.wait()
    _, alive = psutil.wait_procs(family, timeout=10)
    assert alive == []
    assert list(tmp_path.iterdir()) == []
