import pytest

from audit_lib.testing import assert_fails, assert_passes, run_check
from tests.made_repo import subject

CORE = """\
import library
from contextlib import contextmanager


def split(x):
    if x:
        return x, 1, 2
    return x, 3, 4


def through(x):
    return split(x)


def flag(x, more=False):
    if more:
        return x, 1, 2
    return x, 1


def unknown(x):
    return library.pair(x)


def spread(x):
    return x, *x


def rows(x):
    yield x, 1, 2


@library.wrap
def wrapped(x):
    return x, 1, 2


@contextmanager
def opened(x):
    yield x


async def later(x):
    return x, 1, 2


class Model:
    def parts(self):
        return 1, 2

    def own(self):
        a, b, c = self.parts()


class Wide(Model):
    def parts(self):
        return 1, 2, 3
"""
HEAD = "from pkg.core import *\n\n\nasync def f(x):\n    model = Model()\n"
BAD = {
    "a, b = split(x)": "split of pkg/core.py returns 3 values (line 8), 2 are unpacked; "
    "f fails when it gets there",
    "a, b, c, *d = flag(x)": "",
    "a, b, c, d = flag(x)": "flag of pkg/core.py returns 2 or 3 values (line 18), 4 are unpacked; "
    "f fails when it gets there",
    "a, b = through(x)": "through of pkg/core.py returns 3 values (line 12), 2 are unpacked; "
    "f fails when it gets there",
    "(a, b), c = await later(x), 1": "",
    "a, b = await later(x)": "later of pkg/core.py returns 3 values (line 44), 2 are unpacked; "
    "f fails when it gets there",
    "print(split(x)[3])": "split of pkg/core.py returns 3 values (line 8), no. 4 is asked for; "
    "f fails when it gets there",
    "got = split(x)\n    a, b = got": "split of pkg/core.py returns 3 values (line 8), 2 are "
    "unpacked; f fails when it gets there",
}
GOOD = (
    "a, b, c = split(x)", "a, b = flag(x)", "a, b, c = flag(x)", "a, *b = split(x)",
    "a, b = unknown(x)", "a, b = spread(x)", "a, b = rows(x)", "a, b = wrapped(x)",
    "a, b = opened(x)", "a, b, c = through(x)", "a, b, c = model.parts()", "split(x)[2]",
    "got = split(x)\n    got = 1, 2\n    a, b = got", "x.a, b[0], c = split(x)",
)  # fmt: skip


def check(folder, call):
    files = {
        "pkg/__init__.py": "",
        "pkg/core.py": CORE,
        "pkg/use.py": HEAD + f"    {call}\n",
    }
    source = {"subsystem": {"files": ["pkg/**"]}}
    return run_check("BND011", subject(folder, files, source=source))


@pytest.mark.fails("BND011")
@pytest.mark.parametrize("call", [c for c, said in BAD.items() if said])
def test_unpacking_that_cannot_work(tmp_path, call):
    finding = assert_fails(check(tmp_path, call), path="pkg/use.py", symbol="f")
    assert (finding.message, finding.severity.name) == (BAD[call], "HIGH")


@pytest.mark.passes("BND011")
@pytest.mark.parametrize("call", GOOD)
def test_unpacking_that_fits_or_cannot_be_told(tmp_path, call):
    result = check(tmp_path, call)
    assert result.findings == ()
    assert_passes(result)


@pytest.mark.passes("BND011")
def test_the_reference_engine_is_clean(reference):
    assert run_check("BND011", reference).findings == ()
