import pytest

from audit_lib.testing import assert_fails, assert_passes, run_check
from tests.made_repo import subject

HEAD = """\
from sklearn.preprocessing import StandardScaler
from sklearn.model_selection import train_test_split


def scale(rows):
    return StandardScaler().fit_transform(rows)


def part(rows, y):
    cut = int(0.8 * len(rows))
    train, test = rows[:cut], rows[cut:]
    return train, test


def deeper(rows):
    return scale(rows)


"""
BAD = {
    "def go(x, y):\n    x = scale(x)\n    return train_test_split(x, y, shuffle=False)\n":
        "go has the rows fitted by scale (line 20) before it has them split (line 21)",
    "def go(x, y):\n    scaled = deeper(x)\n    z = scaled + 1\n    return part(z, y)\n":
        "go has the rows fitted by deeper (line 20) before it has them split by part (line 22)",
    "def go(x, y):\n    scaler = StandardScaler()\n    x = scaler.fit_transform(x)\n"
    "    return part(x, y)\n":
        "go has the rows fitted (line 21) before it has them split by part (line 22)",
    "class Run:\n    def clean(self):\n        self.x = self.scaler.fit_transform(self.x)\n\n"
    "    def cut(self):\n        self.train = self.x[:9]\n\n"
    "    def all(self):\n        self.clean()\n        self.cut()\n":
        "Run.all has the rows fitted by Run.clean (line 27) before it has them split by Run.cut "
        "(line 28)",
    "def go(x, y):\n    return part(scale(x), y)\n":
        "go has the rows fitted by scale (line 20) before it has them split by part (line 20)",
}  # fmt: skip
GOOD = """\
def right(x, y):
    train, test = part(x, y)
    return scale(train), test


def train_rows(x, y):
    x_train, x_test, *_ = train_test_split(x, y, shuffle=False)
    return scale(x_train)


def other(x, y, z):
    x = scale(x)
    return part(z, y)


def matrices(x, y):
    x_train = x[5:]
    return scale(x_train), y[5:]


def both(x, y):
    return matrices(x, y)


def cut_first(x, y, n):
    x_train, y_train = scale(x.iloc[:n]), y.iloc[:n]
    return x_train, y_train, x.iloc[n:]


def watched(self, x):
    x = self.scaler.fit_transform(x)
    return self._chunker.split(x)


def text(name, x):
    x = scale(x)
    return name.split("-")


def recent(x):
    x = scale(x)
    return x[-5:]


class Pipe:
    def fit(self, x):
        self.scaler.fit(x)
        return self
"""


def check(folder, text):
    files = {"pkg/__init__.py": "", "pkg/m.py": HEAD + text}
    return run_check("FEA115", subject(folder, files, source={"subsystem": {"files": ["pkg/**"]}}))


@pytest.mark.fails("FEA115")
@pytest.mark.parametrize("text", BAD)
def test_a_fit_in_one_function_and_a_split_in_another(tmp_path, text):
    finding = assert_fails(check(tmp_path, text), path="pkg/m.py")
    assert finding.message == BAD[text]


@pytest.mark.passes("FEA115")
def test_rows_that_are_split_first_or_never(tmp_path):
    result = check(tmp_path, GOOD)
    assert [f.message for f in result.findings] == []
    assert_passes(result)


@pytest.mark.fails("FEA115")
def test_one_function_that_is_called_for_all_rows_and_for_parts(tmp_path):
    text = (
        "def both(x, parts):\n    x = scale(x)\n    return part(x, 1)\n\n\n"
        "def go(x, segments):\n    all_rows = both(x, None)\n    x = x + 1\n"
        "    return all_rows, both(x, segments)\n"
    )
    found = check(tmp_path, text).findings
    assert [f.location.symbol for f in found] == ["both"]


@pytest.mark.passes("FEA115")
def test_the_reference_engine_is_clean(reference):
    assert run_check("FEA115", reference).findings == ()
