import pytest

from audit_lib.testing import assert_fails, assert_passes, run_check
from tests.made_repo import subject

TRIED = "try:\n    import booster\nexcept ImportError:\n    booster = None\n\n\n"
FLAG = (
    "try:\n    from booster import Train\n    HAVE = True\nexcept ImportError:\n"
    "    HAVE = False\n\n\n"
)
WHERE = "booster cannot be imported (line 2), and "
BAD = {
    TRIED + "def fit(x):\n    return booster.Train(x)\n": (
        f"booster is None where {WHERE}fit reads an attribute of it without asking; "
        "nothing requires the package", "MEDIUM"),
    FLAG + "def fit(x):\n    return Train(x)\n": (
        f"Train is unbound where {WHERE}fit calls it without asking; "
        "nothing requires the package", "MEDIUM"),
    FLAG + "def fit(x):\n    return Train(x) if x else Train(1)\n": (
        f"Train is unbound where {WHERE}fit calls it without asking, as do 1 more places; "
        "nothing requires the package", "MEDIUM"),
    TRIED + "class Model:\n    def fit(self, x):\n        if self.fitted is None:\n"
    "            self.fitted = booster.Train(x)\n": (
        f"booster is None where {WHERE}Model.fit reads an attribute of it without asking; "
        "nothing requires the package", "MEDIUM"),
    TRIED + "def fit(x):\n    log_usage('booster')\n    return booster.Train(x)\n": (
        f"booster is None where {WHERE}fit reads an attribute of it without asking; "
        "nothing requires the package", "MEDIUM"),
    TRIED + "class Model(booster.Base):\n    pass\n": (
        f"booster is None where {WHERE}Model reads an attribute of it without asking; "
        "nothing requires the package", "HIGH"),
    "try:\n    from pkg.gone import Train\nexcept ImportError:\n    Train = None\n\n\n"
    "def fit(x):\n    return Train(x)\n": (
        "Train is None where pkg.gone cannot be imported (line 2), and fit calls it without "
        "asking; the repository has no such module, so always", "HIGH"),
}  # fmt: skip
GOOD = (
    "import sys\ntry:\n    from booster import Train\nexcept ImportError:\n    print('no')\n"
    "    sys.exit(1)\n\n\ndef fit(x):\n    return Train(x)\n",
    "try:\n    import decimal\nexcept ImportError:\n    decimal = None\n\n\n"
    "def fit(x):\n    return decimal.Decimal(x)\n",
    TRIED + "def fit(x):\n    assert_import('booster')\n    return booster.Train(x)\n",
    FLAG + "class Model:\n    def __init__(self, fast):\n        self.fast = HAVE and fast\n\n"
    "    def layer(self):\n        return Layer(self.fast)\n\n\n"
    "class Layer:\n    def __init__(self, fast):\n        self.fast = fast\n\n"
    "    def fit(self, x):\n        return Train(x) if self.fast else 0\n",
    TRIED + "def fit(x):\n    if booster is None:\n        raise ImportError\n"
    "    return booster.Train(x)\n",
    TRIED + "def fit(x):\n    return booster.Train(x) if booster else 0\n",
    TRIED + "def need():\n    if not booster:\n        raise ImportError('booster')\n\n\n"
    "def fit(x):\n    need()\n    return booster.Train(x)\n",
    FLAG + "class Model:\n    def __init__(self):\n        if not HAVE:\n"
    "            raise ImportError\n\n    def fit(self, x):\n        return Train(x)\n",
    FLAG + "def _fit(x):\n    return Train(x)\n\n\ndef fit(x):\n    if HAVE:\n"
    "        return _fit(x)\n    return 0\n",
    FLAG + "if HAVE:\n    class Model(Train):\n        pass\n",
    TRIED + "def fit(x):\n    try:\n        return booster.Train(x)\n    except Exception:\n"
    "        return 0\n",
    TRIED + "def fit(booster):\n    return booster.Train(1)\n",
    "try:\n    import booster\nexcept ImportError:\n    from pkg import own as booster\n\n\n"
    "def fit(x):\n    return booster.Train(x)\n",
    "try:\n    import booster\nexcept ImportError:\n    raise\n\n\n"
    "def fit(x):\n    return booster.Train(x)\n",
    "try:\n    from booster import show\nexcept ImportError:\n    pass\n\n\n"
    "def _in_booster():\n    return 'booster' in str(globals)\n\n\n"
    "def fit(x):\n    if _in_booster():\n        show(x)\n",
    "try:\n    from pkg.own import show\nexcept ImportError:\n    show = None\n\n\n"
    "def fit(x):\n    return show(x)\n",
)  # fmt: skip


def check(folder, text, **files):
    files = {"pkg/__init__.py": "", "pkg/own.py": "show = print\n", "pkg/m.py": text, **files}
    return run_check("BND012", subject(folder, files, source={"subsystem": {"files": ["pkg/**"]}}))


@pytest.mark.fails("BND012")
@pytest.mark.parametrize("text", BAD)
def test_names_that_a_failed_import_leaves_without_a_value(tmp_path, text):
    result = check(tmp_path, text)
    (finding,) = result.findings
    assert (finding.message, finding.severity.name) == BAD[text]
    assert_fails(result, path="pkg/m.py")


@pytest.mark.passes("BND012")
@pytest.mark.parametrize("text", GOOD)
def test_names_that_are_asked_for_or_have_a_stand_in(tmp_path, text):
    result = check(tmp_path, text)
    assert result.findings == ()
    assert_passes(result)


@pytest.mark.fails("BND012")
def test_a_file_that_takes_the_name_from_the_module(tmp_path):
    text = "from pkg.m import Train\n\n\ndef fit(x):\n    return Train(x)\n"
    finding = assert_fails(check(tmp_path, FLAG, **{"pkg/use.py": text}))
    assert finding.location.path == "pkg/use.py"
    assert "(line 2 of pkg/m.py)" in finding.message


@pytest.mark.fails("BND012")
def test_a_required_package_is_seldom_missing(tmp_path):
    files = {"requirements.txt": "Booster==1.0\n"}
    result = check(tmp_path, next(iter(BAD)), **files)
    assert [f.severity.name for f in result.findings] == ["LOW"]
    assert_fails(result)


@pytest.mark.passes("BND012")
def test_the_reference_engine_is_clean(reference):
    assert run_check("BND012", reference).findings == ()


@pytest.mark.fails("BND012")
def test_uses_in_several_files_are_one_finding_and_an_extra_is_declared(tmp_path):
    text = "from pkg.m import Train\n\n\ndef fit(x):\n    return Train(x)\n"
    files = {"pkg/use.py": text, "pkg/more.py": text}
    finding = assert_fails(check(tmp_path / "a", FLAG, **files))
    assert (finding.severity.name, "as do 1 more places" in finding.message) == ("MEDIUM", True)
    extra = '[project]\nname = "e"\n[project.optional-dependencies]\nfast = ["booster"]\n'
    (finding,) = check(tmp_path / "b", FLAG, **files, **{"pyproject.toml": extra}).findings
    assert finding.severity.name == "LOW"
    assert finding.message.endswith("the package is declared as optional")
    files["pkg/use.py"] = "from pkg.m import Train\n\n\nclass Own(Train.Base):\n    pass\n"
    (finding,) = check(tmp_path / "c", FLAG, **files, **{"pyproject.toml": extra}).findings
    assert (finding.severity.name, finding.location.path) == ("HIGH", "pkg/use.py")
