"""Which lines of a subject's source hook calls execute: exact sets, and what is lost is said."""

from __future__ import annotations

import sys
import venv
from pathlib import Path

import pytest

from audit_lib.host import (
    HookError,
    Host,
    Isolation,
    IsolationUnavailable,
    Limits,
    Measure,
    probe,
    tree_digest,
)

ENGINE = '''\
"""An engine."""

LIMIT = 3


def rank(score):
    if score > LIMIT:
        return "high"
    names = [
        "low",
        "middle",
    ]
    return names[
        score > 1
    ]


def never():
    return LIMIT


class Book:
    depth = 5

    def total(self):
        return sum(
            range(self.depth)
        )
'''
EARLY = "LOADED = True\n\n\ndef late():\n    return LOADED\n"
HOOKS = """
import os, signal, sys, threading
from audit_lib.hooks import surface

sys.path.insert(0, os.environ["WORKBOOK_ROOT"])
import early

@surface("drift.psi")
def psi(at, reference, current):
    import engine
    if current == "die":
        os.kill(os.getpid(), signal.SIGKILL)
    if current == "hang":
        engine.Book().total()
        while True:
            pass
    if current == "raise":
        engine.rank(None)
    return engine.rank(reference)

@surface("drift.cusum")
def cusum(at, series, target, sigma):
    if target == "early":
        return {"alarm": early.late(), "at": None}
    import engine
    if target == "fork":
        pid = os.fork()
        if pid == 0:
            engine.never()
            os._exit(0)
        os.waitpid(pid, 0)
    elif target == "thread":
        thread = threading.Thread(target=engine.never)
        thread.start()
        thread.join()
    elif target == "untrace":
        sys.settrace(None)
        engine.never()
    return {"alarm": False, "at": None}
"""
#: what importing the engine runs: docstring, constant, definitions, class body
LOADING = {1, 3, 6, 18, 22, 23, 25}


@pytest.fixture
def places(tmp_path: Path) -> tuple[Path, Path]:
    root, folder = tmp_path / "che[c]kout", tmp_path / "parameters"
    root.mkdir()
    folder.mkdir()
    (root / "engine.py").write_text(ENGINE)
    (root / "early.py").write_text(EARLY)
    (folder / "hooks.py").write_text(HOOKS)
    return root, folder / "hooks.py"


def host(places: tuple[Path, Path], **options) -> Host:
    chosen = {"measure": Measure.CHEAPLY, "limits": Limits(seconds=3), "allow_unisolated": True}
    return Host(places[1], root=places[0], **{**chosen, **options})


def test_the_lines_of_each_call_and_no_others(places) -> None:
    before = tree_digest(places[0])
    with host(places) as opened:
        assert opened.call("drift.psi", 5, "") == "high"
        assert opened.exercised.lines == {"drift.psi": {"engine.py": LOADING | {7, 8}}}
        opened.call("drift.psi", 0, "")
        assert opened.exercised.lines["drift.psi"]["engine.py"] >= LOADING | {7, 8, 9, 13}
        assert not opened.exercised.lines["drift.psi"]["engine.py"] & {19, 26, 27}
        assert opened.exercised.calls == {"drift.psi": 2}
        assert not opened.exercised.lost
        assert not opened.exercised.unmeasured
    assert tree_digest(places[0]) == before


def test_what_loading_the_hooks_runs_belongs_to_no_call(places) -> None:
    with host(places) as opened:
        opened.call("drift.cusum", [], "early", 1.0)
        assert opened.exercised.lines == {"drift.cusum": {"early.py": {5}}}


def test_all_calls_of_a_batch_count(places) -> None:
    with host(places) as opened:
        opened.call_many("drift.psi", [(0, "")] * 6 + [(5, "")])
        assert opened.exercised.lines["drift.psi"]["engine.py"] >= {7, 8, 9, 13}
        assert opened.exercised.calls == {"drift.psi": 7}


def test_a_call_that_raises_counts_and_one_that_dies_is_said(places) -> None:
    with host(places) as opened:
        with pytest.raises(HookError):
            opened.call("drift.psi", 0, "raise")
        assert opened.exercised.lines["drift.psi"]["engine.py"] == LOADING | {7}
        with pytest.raises(HookError):
            opened.call("drift.psi", 0, "die")
        assert opened.exercised.lines["drift.psi"]["engine.py"] == LOADING | {7}
        assert opened.exercised.lost == {"drift.psi": 1}
        assert opened.exercised.calls == {"drift.psi": 1}


def test_lines_of_a_batch_that_ends_in_a_hang_are_kept_as_far_as_they_were_told(places) -> None:
    with host(places, limits=Limits(seconds=1)) as opened:
        answers = opened.call_many("drift.psi", [(5, ""), (0, ""), (5, ""), (0, "hang")])
        assert isinstance(answers[3], HookError)
        told = opened.exercised
        assert told.lines["drift.psi"]["engine.py"] >= {7, 8, 9, 13}
        assert not told.lines["drift.psi"]["engine.py"] & {26, 27}
        # Calls 1 and 2 were told; the third and the one that hung are gone.  The hanging call is
        # made again in a worker of its own before it is charged.
        assert (told.calls, told.lost) == ({"drift.psi": 2}, {"drift.psi": 2})


def test_forked_processes_are_counted_and_threads_are_seen(places) -> None:
    with host(places) as opened:
        opened.call("drift.cusum", [], "fork", 1.0)
        assert 19 not in opened.exercised.lines["drift.cusum"]["engine.py"]
        assert opened.exercised.forked == {"drift.cusum": 1}
        opened.call("drift.cusum", [], "thread", 1.0)
        assert 19 in opened.exercised.lines["drift.cusum"]["engine.py"]


def test_another_tracer_in_place_is_said(places) -> None:
    with host(places) as opened:
        opened.call("drift.cusum", [], "untrace", 1.0)
        assert 19 not in opened.exercised.lines["drift.cusum"]["engine.py"]
        assert opened.exercised.replaced == {"drift.cusum"}


def test_nothing_is_measured_unless_asked(places) -> None:
    with host(places, measure=Measure.NEVER) as opened:
        opened.call("drift.psi", 5, "")
        assert (opened.exercised.lines, opened.exercised.calls) == ({}, {})


@pytest.mark.parametrize("level", [i for i in Isolation if i is not Isolation.NONE])
def test_every_level_of_isolation_measures(places, level: Isolation) -> None:
    if not probe_holds(level):
        pytest.skip(f"{level.label} does not hold here")
    with host(places, isolation=level) as opened:
        opened.call("drift.psi", 5, "")
        assert opened.exercised.lines == {"drift.psi": {"engine.py": LOADING | {7, 8}}}


def probe_holds(level: Isolation) -> bool:
    try:
        return probe(level, without=()).holds
    except IsolationUnavailable:
        return False


@pytest.fixture(scope="module")
def bare(tmp_path_factory) -> Path:
    """An interpreter that has NumPy and pandas, and no coverage."""
    made = tmp_path_factory.mktemp("bare")
    venv.create(made, with_pip=False, symlinks=True)
    (site,) = made.glob("lib/python*/site-packages")
    ours = Path(sys.modules["pytest"].__file__).parents[1]
    for name in ("numpy", "pandas", "numpy.libs", "pandas.libs", "dateutil", "six.py", "pytz"):
        if (ours / name).exists():
            (site / name).symlink_to(ours / name)
    return made / "bin" / "python"


def test_an_interpreter_without_coverage_is_lent_ours_and_nothing_else(places, bare) -> None:
    hooks = (
        HOOKS
        + """
@surface("governance.metrics")
def metrics(at):
    import importlib.util
    found = [n for n in ("pydantic", "click", "yaml") if importlib.util.find_spec(n)]
    return dict.fromkeys(found, "higher")
"""
    )
    places[1].write_text(hooks)
    with host(places, interpreter=bare) as opened:
        assert opened.call("governance.metrics") == {}
        opened.call("drift.psi", 5, "")
        assert opened.exercised.lines["drift.psi"] == {"engine.py": LOADING | {7, 8}}


def test_without_any_coverage_the_reason_is_said(places, bare, monkeypatch) -> None:
    monkeypatch.setattr("audit_lib.host.host.library", lambda: "")
    with host(places, interpreter=bare) as opened:
        assert opened.call("drift.psi", 5, "") == "high"
        (why,) = opened.exercised.unmeasured
        assert "No module named 'coverage'" in why
        assert opened.exercised.lines == {}
