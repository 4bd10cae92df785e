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
    "import os\nA = os.getenv('DATA_HOST', 'here')\nB = os.getenv('DATA_HOST', 'there')\n": (
        "the environment variable DATA_HOST defaults to 'there' here and 'here' at pkg/b.py:2",
        Severity.LOW),
    "class A:\n    def f(self):\n        return self._config.get('max_drawdown', 0.5)\n": (
        "'max_drawdown' of config defaults to 0.2 here and 0.5 at pkg/b.py:3", Severity.MEDIUM),
    "def f(config):\n    return getattr(config, 'max_drawdown', 0.3)\n": (
        "'max_drawdown' of config defaults to 0.2 here and 0.3 at pkg/b.py:2", Severity.MEDIUM),
    "import os\n\n\ndef f():\n    return os.environ['ENGINE_FODLS']\n": (
        "reads the environment variable ENGINE_FODLS, which nothing defines, while ENGINE_FOLDS is "
        "defined and never read", Severity.MEDIUM),
    "@dataclass\nclass RiskConfig:\n    max_drawdown: float = 0.3\n": (
        "'max_drawdown' of config defaults to 0.2 here and 0.3 at pkg/b.py:3",
        Severity.MEDIUM),
    "class RiskSettings(BaseSettings):\n    max_drawdown: float = Field(0.3, gt=0)\n": (
        "'max_drawdown' of config defaults to 0.2 here and 0.3 at pkg/b.py:2",
        Severity.MEDIUM),
    "def cli(p):\n    p.add_argument('--max-drawdown', type=float, default=0.3)\n": (
        "'max_drawdown' of config defaults to 0.2 here and 0.3 at pkg/b.py:2", Severity.MEDIUM),
    "class A(NamedTuple):\n    x: int\nclass RunConfig(BaseModel):\n    horizon: int = 5\n\n\n"
    "@click.option('--horizon', default=10)\ndef f(horizon):\n    pass\n": (
        "the option horizon is 10 here and 5 at pkg/b.py:4", Severity.LOW),
    "import numpy as np\n\n\ndef f(r):\n    return r * np.sqrt(252)\n": (
        "f spells out 252 where TRADING_DAYS is at hand: pkg/train.py names it", Severity.LOW),
}  # fmt: skip
GOOD = (
    "class RiskConfig:\n    max_drawdown: float = 0.2\n",
    "class RiskConfig:\n    max_drawdown: float = 0.2\n"
    "class OldConfig:\n    max_drawdown: float = 0.9\n",
    "class Drawdown:\n    max_drawdown: float = 0.9\n",
    "class RiskConfig:\n    max_drawdown: float | None = None\n    other: float = 3\n",
    "def f(rows):\n    return rows[252], len(rows) == 252\n",
    "TRADING_DAYS = 252\nsize = 9\nWINDOW = [1]\nBLOCK = 7\n",
    "from pkg.train import TRADING_DAYS\n",
    "import os\n\n\ndef f():\n    return os.getenv('ENGINE_DAYS')\n",
    "def f(config):\n    return config.get('max_drawdown'), config.get('max_drawdown', None)\n",
    "def f(rows):\n    return rows.get('max_drawdown', 0.7)\n",
    "import os\nA = os.getenv('HOME', '/root')\nB = os.getenv('HOME', '/srv')\n",
    "import os\nA = os.getenv('MODE', 'unknown')\nB = os.getenv('MODE', 'live')\n",
    "import os\nA = os.getenv('DATA_FOLDS')\n",
    "import os\nA = os.getenv('ENGINE_DAYS', 20)\n",
    "import os\n\n\ndef f():\n    return os.environ['ENGINE_FOLDS'], os.environ['HOME']\n",
)


def check(folder, text, **files):
    made = {"pkg/__init__.py": "", "pkg/train.py": TRAIN, "pkg/b.py": text, **files}
    made["pkg/c.py"] = "from pkg.train import TRADING_DAYS\n"
    made[".env.example"] = "ENGINE_FOLDS=5\nENGINE_DAYS=20\n"
    return run_check("BND016", subject(folder, made, source={"subsystem": {"files": ["pkg/**"]}}))


@pytest.mark.fails("BND016")
@pytest.mark.parametrize("text", BAD)
def test_one_setting_with_two_values(tmp_path, text):
    finding = assert_fails(check(tmp_path, text))
    assert (finding.message, finding.severity) == BAD[text]


RISK = "risk:\n  max_drawdown: 0.4\n  stop_after: 3\nwindow: 9\nmode: fast\n"
AGAINST = {
    "def f(limits):\n    return limits.get('window', 5)\n": (
        "'window' of limits defaults to 5 here and 9 at config/run.yaml /window", Severity.LOW),
    "class RunConfig:\n    max_drawdown: float = 0.4\n    risk_free: float = 0.02\n": (
        "'max_drawdown' of config defaults to 0.2 here and 0.4 at pkg/b.py:2", Severity.MEDIUM),
    "def f(settings):\n    return settings['stop_aftr']\n": (
        "reads the key stop_aftr, which nothing defines, while stop_after is defined and never "
        "read", Severity.MEDIUM),
}  # fmt: skip


@pytest.mark.fails("BND016")
def test_a_key_of_two_files_weighs_by_its_meaning(tmp_path):
    def read(key, value):
        return f"def f(config):\n    return config.get('{key}', {value})\n"

    apart = check(tmp_path / "a", read("rate", 1), **{"pkg/d.py": read("rate", 2)})
    assert [f.severity for f in apart.findings] == [Severity.LOW]
    text = read("rate", 1) + read("rate", 2)
    assert [f.severity for f in check(tmp_path / "b", text).findings] == [Severity.MEDIUM]


TOGETHER = (
    "def f(limits):\n    return limits.get('window', 9), limits['mode'], limits.get('moode')\n",
    "def f(rows):\n    return rows['stop_aftr']\n",
    "def f(limits):\n    return limits['stop_aftr'], 'stop_after'\n",
)


@pytest.mark.fails("BND016")
@pytest.mark.parametrize("text", AGAINST)
def test_a_setting_against_a_configuration_file(tmp_path, text):
    found = check(tmp_path, text, **{"config/run.yaml": RISK}).findings
    assert AGAINST[text] in [(f.message, f.severity) for f in found]


@pytest.mark.fails("BND016")
def test_a_field_against_a_configuration_file(tmp_path):
    text = "class RunConfig:\n    risk_free: float = 0.02\n    horizon: int = 5\n"
    files = {"settings.toml": "[run]\nhorizon = 5\nrisk_free = 0.04\n"}
    assert assert_fails(check(tmp_path, text, **files)).message == (
        "the field risk_free defaults to 0.02 here and 0.04 at settings.toml /run/risk_free"
    )


@pytest.mark.passes("BND016")
@pytest.mark.parametrize("text", TOGETHER)
def test_settings_that_a_configuration_file_bears_out(tmp_path, text):
    files = {"config/run.yaml": RISK.replace("0.4", "0.2"), "data/rows.yaml": "window: 1\n"}
    assert check(tmp_path, text, **files).findings == ()


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


SPELT = {
    "a parameter of its own": (
        "def sharpe(r, periods_per_year=252):\n    return r.mean() / r.std() * np.sqrt(252)\n",
        "sharpe spells out 252 where periods_per_year is at hand: its parameter periods_per_year "
        "is 252 too", Severity.MEDIUM),
    "what the caller was given": (
        "def label(close, horizon):\n    return close.shift(-horizon)\n\n\n"
        "def train(close, horizon):\n    return fit(close, label(close, horizon=10))\n",
        "train spells out 10 where horizon is at hand: label takes horizon, and so does train",
        Severity.MEDIUM),
    "by position": (
        "def label(close, horizon):\n    return close.shift(-horizon)\n\n\n"
        "def train(close, horizon):\n    return fit(close, label(close, 10))\n",
        "train spells out 10 where horizon is at hand: label takes horizon, and so does train",
        Severity.MEDIUM),
    "a field that another method uses": (
        "class Labels:\n    def __init__(self, horizon=20):\n        self.horizon = horizon\n\n"
        "    def up(self, c):\n        return c.shift(-self.horizon) > c\n\n"
        "    def down(self, c):\n        return c.shift(-20) < c\n",
        "Labels.down spells out 20 where horizon is at hand: shift takes self.horizon elsewhere in "
        "Labels", Severity.MEDIUM),
    "a window of a dataclass": (
        "class Config:\n    window: int = 21\n\n    def mean(self, x):\n"
        "        return x.rolling(self.window).mean()\n\n    def std(self, x):\n"
        "        return x.rolling(21).std()\n",
        "Config.std spells out 21 where window is at hand: rolling takes self.window elsewhere in "
        "Config", Severity.LOW),
}  # fmt: skip
APART = (
    "def sharpe(r, periods_per_year=252):\n    return r * np.sqrt(periods_per_year)\n",
    "def pct(x, max_points=100):\n    return 100 * x / max_points\n",
    "def label(c, horizon):\n    return c\n\n\ndef one(c):\n    return label(c, horizon=10)\n",
    "class A:\n    window: int = 21\n\n    def f(self, x):\n        return x.rolling(self.window)\n"
    "\n    def g(self, x):\n        return x.rolling(63)\n",
    "def f(x, horizon=5):\n    horizon = int(horizon)\n    return x[5:] + min(x, 5)\n",
    "def rate(x, annualization=365):\n    return x.days / 365 * annualization\n",
    "def days(x, window=21, size=9):\n    return x * 9 / window\n",
)


@pytest.mark.fails("BND016")
@pytest.mark.parametrize("name", SPELT)
def test_a_number_where_the_setting_is_at_hand(tmp_path, name):
    text, message, severity = SPELT[name]
    finding = assert_fails(check(tmp_path, text))
    assert (finding.message, finding.severity) == (message, severity)


@pytest.mark.passes("BND016")
@pytest.mark.parametrize("text", APART)
def test_numbers_that_mean_something_else(tmp_path, text):
    result = check(tmp_path, text)
    assert result.findings == ()
    assert_passes(result)


RISK_CLASS = "class RiskLimits(BaseModel):\n    max_gap: float\n    max_size: float\n\n\n"
SIZED = RISK_CLASS + "def f(limits):\n    return limits.max_size"


@pytest.mark.fails("BND016")
def test_a_limit_that_a_class_declares_and_nothing_reads(tmp_path):
    found = assert_fails(check(tmp_path, SIZED + "\n"))
    assert (found.severity, found.location.line) == (Severity.MEDIUM, 1)
    assert found.message.startswith("RiskLimits declares max_gap, which nothing reads")


@pytest.mark.passes("BND016")
@pytest.mark.parametrize(
    "more",
    [
        " + limits.max_gap\n",
        "\n\n\ndef g(limits, name):\n    return getattr(limits, name)\n",
        "\n\n\ndef g(limits, seen):\n    return [seen[k] < v for k, v in asdict(limits).items()]\n",
        "\n\n\ndef g(limits):\n    return run(**limits.model_dump())\n",
        "\n\n\ndef g(limits):\n    return limits['max_gap']\n",
    ],
)
def test_limits_that_something_reads_or_may_read(tmp_path, more):
    assert_passes(check(tmp_path, SIZED + more))
