import pytest

from audit_lib.errors import NotAssessed
from audit_lib.model import Outcome
from audit_lib.probes.code.types import type_checker
from audit_lib.testing import assert_passes, run_check
from tests.made_repo import subject

CORE = """\
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Settings:
    depth: int = field(default=3, kw_only=True)


class Model:
    def fit(self, rows, *, weight):
        return self

    @staticmethod
    def norm(x):
        return x


class Wide(Model):
    def fit(self, rows, weight=1, extra=2):
        return self


def made() -> Model:
    return Model()


def all_of() -> list[Model]:
    return [Model()]
"""
CALLS = """\
from pkg.core import Settings, all_of, made


def good(settings: Settings):
    made().norm(1)
    for model in all_of():
        model.fit(1, weight=2)
        model.fit(1)
    return Settings(depth=1), made().fit(1, weight=2)


class Normal:
    def of(y):
        return y.spread(axis=0)

    def spread(self):
        return 1


class Line(library.Indicator):
    params = (("period", 14),)

    def __init__(self):
        self.period = self.params.period


LINE = Line(1, period=20)
"""
BAD = """

def bad():
    for model in all_of():
        model.fit()
    made().fit()
    try:
        made().norm()
    except Exception:
        return None
"""


def check(folder, text):
    files = {"pkg/__init__.py": "", "pkg/core.py": CORE, "pkg/use.py": text}
    return run_check("BND006", subject(folder, files, source={"subsystem": {"files": ["pkg/**"]}}))


@pytest.mark.fails("BND006")
def test_methods_of_objects_whose_class_is_inferred(tmp_path):
    result = check(tmp_path, CALLS + BAD)
    assert [(f.location.line, f.message) for f in result.findings] == [
        (32, "Model.fit(rows, weight) of pkg/core.py needs 'rows', 'weight' (2 calls)"),
        (35, "Model.norm(x) of pkg/core.py needs 'x'; the handler at line 36 swallows it: None is "
         "returned every time"),
    ]  # fmt: skip


@pytest.mark.passes("BND006")
def test_calls_that_fit_and_options_of_dataclasses(tmp_path):
    result = check(tmp_path, CALLS)
    assert result.findings == ()
    assert_passes(result)


def test_where_the_type_checker_gives_up_nothing_passes(tmp_path, monkeypatch):
    def gives_up(place, seconds):
        raise NotAssessed("mypy gave up: two modules of one name")

    monkeypatch.setattr(type_checker, "_run", gives_up)
    result = check(tmp_path / "right", CALLS)
    assert result.outcome is Outcome.NOT_ASSESSED
    assert "mypy gave up: two modules of one name" in result.reason
    text = "from pkg.core import made\n\n\ndef wrong():\n    return made(1)\n"
    assert check(tmp_path / "wrong", text).outcome is Outcome.FAIL  # the text shows it
