"""TGT008: whose bars a horizon counts."""

import pytest

from audit_lib.model import Outcome
from audit_lib.testing import assert_fails, assert_passes, run_check
from tests.mutants.tiny import tiny

BY_ASSET = """
@surface("targets")
def build(at, panel):
    ahead = panel.groupby(level="asset")["close"].shift(-HORIZON)
    return (ahead / panel["close"] - 1).to_frame("move")

@surface("targets")
def declared(at):
    return {"move": {"horizon": HORIZON, "kind": "simple_return", "calendar": "own"}}
"""
BY_DATE = BY_ASSET.replace(
    'ahead = panel.groupby(level="asset")["close"].shift(-HORIZON)',
    'wide = panel["close"].unstack("asset")FILL\n'
    '    ahead = wide.shift(-HORIZON).stack().swaplevel().reindex(panel.index)',
)  # fmt: skip


def text(template, horizon, fill=""):
    return template.replace("HORIZON", str(horizon)).replace("FILL", fill)


@pytest.mark.passes("TGT008")
@pytest.mark.parametrize("horizon", [1, 2, 10])
def test_labels_that_count_their_own_bars(tmp_path, horizon):
    with tiny(tmp_path, text(BY_ASSET, horizon)) as subject:
        assert_passes(run_check("TGT008", subject))


@pytest.mark.fails("TGT008")
@pytest.mark.parametrize(("horizon", "fill"), [(1, ""), (2, ".ffill()"), (10, "")])
def test_labels_that_count_dates(tmp_path, horizon, fill):
    with tiny(tmp_path / "a", text(BY_DATE, horizon, fill)) as subject:
        found = assert_fails(run_check("TGT008", subject), key="move")
    assert "counts dates of the whole panel where the asset has no bar" in found.message
    meant = text(BY_DATE, horizon, fill).replace('"own"', '"all"')
    with tiny(tmp_path / "b", meant) as subject:
        assert_passes(run_check("TGT008", subject))


def test_what_is_not_said_is_asked(tmp_path):
    silent = text(BY_DATE, 5).replace(', "calendar": "own"', "")
    with tiny(tmp_path / "a", silent) as subject:
        result = run_check("TGT008", subject)
    assert (result.outcome, "`calendar: all`" in result.reason) == (Outcome.NOT_ASSESSED, True)
    with tiny(tmp_path / "b", text(BY_ASSET, 5).replace(', "calendar": "own"', "")) as subject:
        assert_passes(run_check("TGT008", subject))


@pytest.mark.passes("TGT008")
def test_the_reference_engine(reference):
    assert_passes(run_check("TGT008", reference))
