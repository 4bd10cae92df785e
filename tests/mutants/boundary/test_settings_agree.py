import pytest

from audit_lib.model import Outcome, Severity
from audit_lib.testing import assert_fails, assert_passes, run_check
from tests.made_repo import subject

TRAIN = (
    "import os\n\nTRADING_DAYS = 252\nWINDOW = 3\nBLOCK = 2\n\n\ndef fit(config):\n"
    "    days = os.environ.get('ENGINE_DAYS', '20')\n"
    "    return config.get('max_drawdown', 0.2), days\n"
)
BAD = {
    "TRADING_DAYS = 365\n": (
        "TRADING_DAYS is 252 here and 365 at pkg/b.py:1", Severity.MEDIUM),
    "WINDOW = 4\n": ("WINDOW is 3 here and 4 at pkg/b.py:1", Severity.LOW),
    "import os\n\n\ndef f():\n    return os.getenv('ENGINE_DAYS', '30')\n": (
        "the environment variable ENGINE_DAYS defaults to '20' here and '30' at pkg/b.py:5",
        Severity.MEDIUM),
    "class A:\n    def f(self):\n        return self._config.get('max_drawdown', 0.5)\n": (
        "'max_drawdown' of config defaults to 0.2 here and 0.5 at pkg/b.py:3", Severity.MEDIUM),
    "import os\n\n\ndef f():\n    return os.environ['ENGINE_FODLS']\n": (
        "reads the environment variable ENGINE_FODLS, which nothing defines, while ENGINE_FOLDS is "
        "defined and never read", Severity.MEDIUM),
}  # fmt: skip
GOOD = (
    "TRADING_DAYS = 252\nsize = 9\nWINDOW = [1]\nBLOCK = 7\n",
    "from pkg.train import TRADING_DAYS\n",
    "import os\n\n\ndef f():\n    return os.getenv('ENGINE_DAYS')\n",
    "def f(config):\n    return config.get('max_drawdown'), config.get('max_drawdown', None)\n",
    "def f(rows):\n    return rows.get('max_drawdown', 0.7)\n",
    "import os\n\n\ndef f():\n    return os.environ['ENGINE_FOLDS'], os.environ['HOME']\n",
)


def check(folder, text, **files):
    made = {"pkg/__init__.py": "", "pkg/train.py": TRAIN, "pkg/b.py": text, **files}
    made[".env.example"] = "ENGINE_FOLDS=5\nENGINE_DAYS=20\n"
    return run_check("BND016", subject(folder, made, source={"subsystem": {"files": ["pkg/**"]}}))


@pytest.mark.fails("BND016")
@pytest.mark.parametrize("text", BAD)
def test_one_setting_with_two_values(tmp_path, text):
    finding = assert_fails(check(tmp_path, text))
    assert (finding.message, finding.severity) == BAD[text]


@pytest.mark.passes("BND016")
@pytest.mark.parametrize("text", GOOD)
def test_settings_that_agree_or_are_others(tmp_path, text):
    result = check(tmp_path, text, **{"tests/test_m.py": "TRADING_DAYS = 3\nWINDOW = 1\n"})
    assert result.findings == ()
    assert_passes(result)


def test_a_repository_without_settings(tmp_path):
    found = subject(tmp_path, {"pkg/m.py": "def f():\n    return 1\n"})
    assert run_check("BND016", found).outcome is Outcome.NOT_APPLICABLE


@pytest.mark.passes("BND016")
def test_the_reference_engine_agrees_with_itself(reference):
    assert_passes(run_check("BND016", reference))
