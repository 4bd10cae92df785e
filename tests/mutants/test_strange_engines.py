"""Engines that were not written for the workbook, expressed through it: right code is silent."""

import json
from contextlib import contextmanager

import numpy as np
import pytest

from audit_lib.model import Outcome
from audit_lib.probes.tryouts.tryout import try_hooks
from audit_lib.testing import assert_passes, run_check
from tests.mutants.feature_vector.test_scaler import HOOKS, TRAIN, meta
from tests.mutants.strange_engines import (
    BOT,
    BOT_HOOKS,
    BOT_YAML,
    HUB,
    HUB_HOOKS,
    HUB_YAML,
    VECTORISED,
)
from tests.mutants.tiny import tiny

FEW = """
options:
  INT001: {rows: 40}
  INT002: {rows: 40}
  INT005: {rows: 3, draws: 4}
"""
MODELS = (("m0001", 5), ("m0002", 20), ("m0003", 5))


@contextmanager
def bot(folder, hooks=BOT_HOOKS, code=BOT):
    source = {
        "engine_bot/__init__.py": "",
        "engine_bot/bot.py": code,
        "engine_bot/vectorised.py": VECTORISED,
    }
    forget("engine_bot")
    with tiny(folder, hooks, source=source, parameters=BOT_YAML + FEW) as subject:
        yield subject


@contextmanager
def hub(folder, hooks=HUB_HOOKS, code=HUB):
    kept, store = meta(*TRAIN), folder / "engine" / "models"
    drawn = np.random.default_rng(3).normal(size=(4, 2))
    for name, horizon in MODELS:
        (store / name).mkdir(parents=True)
        own = {"version": name, "horizon": horizon, "input_dim": 4}
        weights = (drawn * (1 + horizon / 10)).tolist()
        (store / name / "meta.json").write_text(json.dumps({**kept, **own, "weights": weights}))
    models = [{"id": n, "horizon": h, "metrics": {"ic": 0.05}} for n, h in MODELS]
    led = {"latest": {"5": "m0003", "20": "m0002"}, "champions": {"5": ["m0001"]}}
    (store / "hub.json").write_text(json.dumps({"models": models, **led}))
    source = {"engine_hub/__init__.py": "", "engine_hub/hub.py": code}
    forget("engine_hub")
    with tiny(folder, HOOKS + hooks, source=source, parameters=HUB_YAML) as subject:
        yield subject.at("m0003")


def forget(package):
    """Hooks of tiny subjects run in this process: let each import its own copy."""
    import sys

    for name in [n for n in sys.modules if n.partition(".")[0] == package]:
        del sys.modules[name]
    sys.path[:] = [p for p in sys.path if not p.endswith("/engine")]


@pytest.mark.passes("FEA010", "INT001", "INT005", "INT006")
def test_a_bot_that_knows_one_row_at_a_time(tmp_path):
    with bot(tmp_path) as subject:
        assert [r for r in try_hooks(subject) if r.state != "good"] == []
        for code in ("FEA004", "FEA010", "HED002", "INT001", "INT002", "INT005", "INT006"):
            assert_passes(run_check(code, subject))


@pytest.mark.fails("INT006")
def test_the_bot_books_before_it_asks(tmp_path):
    books = BOT.replace(
        "        gate = self.risk.veto(self.account, row, size)\n",
        "        gate = self.risk.veto(self.account, row, size)\n"
        "        self.account.equity *= 0.999\n",
    )
    with bot(tmp_path, code=books) as subject:
        result = run_check("INT006", subject)
    assert result.outcome is Outcome.FAIL, result.reason
    assert "refusals change drawdown" in result.findings[0].message


@pytest.mark.passes("FEA011", "HED005", "TGT008", "VER001", "VER011")
def test_a_hub_of_models_by_horizon(tmp_path):
    with hub(tmp_path) as subject:
        assert [r for r in try_hooks(subject) if r.state != "good"] == []
        for code in ("FEA004", "FEA011", "HED002", "HED003", "HED005", "TGT001", "TGT008"):
            assert_passes(run_check(code, subject))
        for code in ("VER001", "VER011"):
            assert_passes(run_check(code, subject))


@pytest.mark.fails("HED005", "FEA011")
def test_the_hub_reads_the_other_output_and_another_scale(tmp_path):
    swapped = HUB_HOOKS.replace("outputs[:, 0]", "outputs[:, -1]").replace(
        "outputs[:, 1]", "outputs[:, 0]"
    )
    with hub(tmp_path / "a", hooks=swapped) as subject:
        assert run_check("HED005", subject).outcome is Outcome.FAIL
    bare = HUB_HOOKS.replace(
        '[1.4826 * m for m in kept["mad"]]', '[14.826 * m for m in kept["mad"]]'
    )
    with hub(tmp_path / "b", hooks=bare) as subject:
        assert run_check("FEA011", subject).outcome is Outcome.FAIL
