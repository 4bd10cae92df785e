"""What predictions do in another process, and to codes of categories."""

from contextlib import closing

import pytest

from audit_lib.subject.subject import open_subject
from audit_lib.testing import assert_fails, run_check
from tests.mutants.tiny import tiny

PREDICTOR = """
COLUMNS = ["ret_1", "ret_5", "vol_20", "hour", "regime"]

@surface("features")
def build(at, panel):
    r = returns
    return each(
        panel,
        ret_1=r,
        ret_5=lambda b: b["close"] / b["close"].shift(5) - 1,
        vol_20=lambda b: r(b).rolling(20).std(),
        hour=lambda b: np.arange(len(b)) % 24,
        regime=lambda b: (b["close"] > b["close"].shift(20)).astype(float),
    )

@surface("predictor")
def required(at):
    return list(COLUMNS)

@surface("predictor")
def predict(at, features):
    known = features["hour"].isin(range(24)) & features["regime"].isin([0, 1])
    order = {order}
    made = features[order].to_numpy(float) @ [0.4, -0.2, 0.7]
    return pd.DataFrame({{"ret": np.where(known, made, np.nan)}}, index=features.index)
"""


def test_codes_of_categories_are_not_stretched(tmp_path):
    with tiny(tmp_path, PREDICTOR.format(order="COLUMNS[:3]")) as subject:
        result = run_check("HED002", subject)
    assert not result.findings


@pytest.mark.fails("HED002")
@pytest.mark.parametrize("order", ["list(set(COLUMNS[:3]))", "sorted(COLUMNS[:3], key=hash)"])
def test_columns_that_change_places_after_a_restart(tmp_path, order):
    with tiny(tmp_path, PREDICTOR.format(order=order)) as subject:
        folder, root = subject.folder, subject.root
        with closing(open_subject(f"{folder}/", workspace=tmp_path, root=root)) as real:
            found = assert_fails(run_check("HED002", real.at("v1")), key="process")
    assert "another process" in found.message


KEPT = {
    "answers by length": (
        "made = KEPT.setdefault(len(features), made)",
        "once others were asked about",
    ),
    "a running mean": (
        "KEPT['n'] = KEPT.get('n', 0) + 1; made = made / KEPT['n']",
        "when asked again in one process",
    ),
    "the last row, of one alone": (
        "last = KEPT.get('last', 0.0); KEPT['last'] = float(made[-1])\n"
        "    made = made + (last if len(made) == 1 else 0.0)",
        "once another row was asked about alone",
    ),
}


@pytest.mark.fails("HED002")
@pytest.mark.parametrize("how", KEPT)
def test_an_answer_that_changes_the_next(tmp_path, how):
    keeping, said = KEPT[how]
    text = PREDICTOR.format(order="COLUMNS[:3]").replace(
        "    return pd.DataFrame({", f"    {keeping}\n    return pd.DataFrame({{"
    )
    with tiny(tmp_path, "KEPT = {}\n" + text) as subject:
        folder, root = subject.folder, subject.root
        with closing(open_subject(f"{folder}/", workspace=tmp_path, root=root)) as real:
            found = assert_fails(run_check("HED002", real.at("v1")), key="turn")
    assert said in found.message


def test_a_fixed_order_is_the_same_in_another_process(tmp_path):
    with tiny(tmp_path, PREDICTOR.format(order="COLUMNS[:3]")) as subject:
        folder, root = subject.folder, subject.root
        with closing(open_subject(f"{folder}/", workspace=tmp_path, root=root)) as real:
            assert not run_check("HED002", real.at("v1")).findings


@pytest.mark.parametrize(
    "score", ['made.groupby(level="date").rank(pct=True)', "made.ffill().diff()"]
)
def test_a_predictor_of_batches_is_not_called_another_in_another_process(tmp_path, score):
    """Ranks within a date, and what rests on rows before: fewer rows get other answers."""
    text = PREDICTOR.format(order="COLUMNS[:3]").replace("np.where(known, made, np.nan)", score)
    text = text.replace("made = features[order]", "made = pd.Series(features[order]").replace(
        "0.7]", "0.7], features.index)"
    )
    with tiny(tmp_path, text) as subject:
        assert not [f for f in run_check("HED002", subject).findings if f.key == "process"]
