"""Variants, keys and tables beside the features, in a real child."""

from pathlib import Path

import pandas as pd
import pytest

from audit_lib.host import Host

HOOKS = """
import pandas as pd
from audit_lib.hooks import surface

@surface("targets.build", variant="a")
def first(at, panel):
    return panel * at.key["horizon"]

@surface("targets.build", variant="b")
def second(at, panel):
    return panel * -1

@surface("predictor")
def sides(at, features):
    return {"regimes": features * 0 + 2, "macro": features * 0 + 3}

@surface("predictor")
def predict(at, features, sides):
    return features * sides["regimes"] * sides["macro"]

@surface("decisions")
def backtest(at, features):
    return features
"""
TABLE = pd.DataFrame({"x": [1.0, 2.0]})


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory):
    folder: Path = tmp_path_factory.mktemp("bindings")
    (folder / "root").mkdir()
    (folder / "hooks.py").write_text(HOOKS)
    with Host(folder / "hooks.py", root=folder / "root", allow_unisolated=True) as found:
        yield found


def test_variants_have_names_of_their_own(host):
    assert {"targets.build[a]", "targets.build[b]"} <= host.hooks()
    assert host.call("targets.build[b]", TABLE)["x"].tolist() == [-1.0, -2.0]


def test_a_key_reaches_the_hook(host):
    for horizon in (5, 20):
        found = host.call("targets.build[a]", TABLE, key={"horizon": horizon})
        assert found["x"].tolist() == [horizon * 1.0, horizon * 2.0]


def test_tables_come_from_the_subject_unless_a_probe_has_them(host):
    assert host.call("predictor.predict", TABLE)["x"].tolist() == [6.0, 12.0]
    assert host.call("predictor.predict", TABLE, {"macro": TABLE, "regimes": TABLE * 0 + 2})[
        "x"
    ].tolist() == [2.0, 8.0]
    assert host.call("decisions.backtest", TABLE).equals(TABLE)
