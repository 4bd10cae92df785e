"""Which functions a call enters, and for how long it is followed."""

import signal
import sys

from audit_lib.host.child import entering as following


def test_a_long_call_is_looked_at_now_and_then(tmp_path, monkeypatch):
    """What begins after the first seconds, and takes its time, is noted too."""
    text = """
def busy(seconds):
    import time
    until = time.process_time() + seconds
    while time.process_time() < until:
        sum(range(100))

def early():
    busy(0.3)

def late():
    busy(0.3)

def build():
    early()
    late()
"""
    (tmp_path / "engine.py").write_text(text)
    space = {"__name__": "engine"}
    exec(compile(text, str(tmp_path / "engine.py"), "exec"), space)
    monkeypatch.setattr(following, "_RUNNING", 0.05)
    monkeypatch.setattr(following, "_EVERY", 64)
    before = signal.getsignal(signal.SIGVTALRM)
    with following.entering(str(tmp_path), []) as found:
        space["build"]()
    assert [line for _, line, *_ in found] == [14, 8, 2, 11]  # build, early, busy, late
    assert signal.getsignal(signal.SIGVTALRM) == before
    assert signal.getitimer(signal.ITIMER_VIRTUAL) == (0.0, 0.0)


def test_importing_a_library_is_not_followed_and_what_comes_after_it_is(tmp_path, monkeypatch):
    text = "def build():\n    import colorsys\n    late()\n\ndef late():\n    pass\n"
    (tmp_path / "engine.py").write_text(text)
    space = {"__name__": "engine"}
    exec(compile(text, str(tmp_path / "engine.py"), "exec"), space)
    seen = []
    monkeypatch.setattr(
        following._Noted, "_path", lambda self, file: seen.append(file) or file[-9:-3]
    )
    monkeypatch.delitem(sys.modules, "colorsys", raising=False)
    with following.entering(str(tmp_path), []) as found:
        space["build"]()
    assert [line for path, line, *_ in found if path == "engine"] == [1, 5]
    assert not any(file.endswith("colorsys.py") for file in seen)
    assert sys.getprofile() is None


def test_what_a_library_calls_for_the_subject_is_not_called_by_the_hook(tmp_path):
    text = """
from contextlib import contextmanager

@contextmanager
def opened():
    yield 1

def load():
    with opened() as one:
        return sorted([one], key=keyed)

def keyed(x):
    return x
"""
    (tmp_path / "engine.py").write_text(text)
    space = {"__name__": "engine"}
    exec(compile(text, str(tmp_path / "engine.py"), "exec"), space)
    with following.entering(str(tmp_path), []) as found:
        space["load"]()
    assert [(line, direct) for _, line, _, _, direct in found] == [
        (8, True),
        (4, False),
        (12, False),
    ]
