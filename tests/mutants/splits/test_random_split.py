import pytest

from audit_lib.testing import assert_fails, assert_passes, run_check
from tests.made_repo import subject
from tests.mutants.tiny import tiny

CALLS = {
    "train_test_split(x, y, test_size=0.2)": "`train_test_split`, which shuffles rows",
    "KFold(5, shuffle=True, random_state=0)": "`KFold(shuffle=True)`",
    "ShuffleSplit(10)": "`ShuffleSplit`",
}


@pytest.mark.fails("SPL011")
@pytest.mark.parametrize("call", CALLS)
def test_splitters_that_shuffle(tmp_path, call):
    with tiny(tmp_path, source={"trainer.py": f"def fit(x, y):\n    return {call}\n"}) as made:
        result = run_check("SPL011", made)
    found = assert_fails(result, path="trainer.py", line=2, symbol="fit")
    assert found.measured == CALLS[call]


@pytest.mark.parametrize(
    ("call", "said"),
    [
        ("train_test_split(x, **kw['split'])", "`train_test_split` shuffles as **kw['split'] says"),
        ("train_test_split(x, shuffle=kw.mix)", "`train_test_split` shuffles where kw.mix says so"),
    ],
)
def test_a_split_of_which_the_text_does_not_tell_is_a_gap(tmp_path, call, said):
    source = f"def fit(x, kw):\n    return {call}\n"
    with tiny(tmp_path, source={"trainer.py": source}) as made:
        result = run_check("SPL011", made)
    assert result.findings == ()
    assert [g.why for g in result.gaps] == [said]


@pytest.mark.passes("SPL011")
def test_splitters_that_keep_time(tmp_path):
    source = """
    def fit(x, y, shuffled):
        TimeSeriesSplit(5).split(x)
        KFold(5).split(x)
        train_test_split(x, y, shuffle=False)
        "a,b".split(",")
    """
    with tiny(tmp_path, source={"trainer.py": source}) as made:
        assert_passes(run_check("SPL011", made))


@pytest.mark.fails("SPL011")
def test_splits_of_one_function_are_one_finding(tmp_path):
    source = "def fit(x):\n    if x:\n        return ShuffleSplit(10)\n    return ShuffleSplit(3)\n"
    with tiny(tmp_path, source={"trainer.py": source}) as made:
        found = assert_fails(run_check("SPL011", made), path="trainer.py", line=3)
    assert found.message == "fit uses `ShuffleSplit`, and 1 more such split"


@pytest.mark.fails("SPL011")
@pytest.mark.parametrize(
    ("above", "said", "severity"),
    [("", "", "LOW"), ("# a backtest", "", "MEDIUM"), ("", "# folds of a portfolio", "HIGH")],
    ids=["nobody", "the file", "the function"],
)
def test_rows_of_which_nobody_says_that_they_have_an_order(tmp_path, above, said, severity):
    text = f"{above}\ndef f(x):\n    {said}\n    return KFold(shuffle=True)\n"
    files = {"pkg/__init__.py": "", "pkg/m.py": text}
    source = {"subsystem": {"files": ["**/*.py"]}}
    found = assert_fails(run_check("SPL011", subject(tmp_path, files, source=source)))
    assert found.severity.name == severity


@pytest.mark.passes("SPL011")
def test_a_set_of_data_that_splits_by_time_itself(tmp_path):
    source = "def folds(ts, start):\n    return ts.train_test_split(test_start=start)\n"
    with tiny(tmp_path, source={"trainer.py": source}) as made:
        assert_passes(run_check("SPL011", made))
