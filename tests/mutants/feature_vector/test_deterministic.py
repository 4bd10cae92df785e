import pytest

from audit_lib.model import Outcome
from audit_lib.testing import assert_fails, assert_passes, run_check
from tests.mutants.tiny import tiny

BUILD = """
@surface("features")
def build(at, panel):
    built = each(panel, momentum=returns)
    built["jitter"] = built["momentum"] + np.random.default_rng({seed}).normal(0, 1e-6, len(built))
    return built
"""


@pytest.mark.fails("FEA102")
def test_an_unseeded_column_is_named(tmp_path):
    with tiny(tmp_path, BUILD.format(seed="")) as subject:
        result = run_check("FEA102", subject)
    found = assert_fails(result, key="jitter", hook="features.build")
    assert int(found.measured) > 1200
    assert len(result.findings) == 1


@pytest.mark.passes("FEA102")
def test_a_seeded_column_passes(tmp_path):
    with tiny(tmp_path, BUILD.format(seed="0")) as subject:
        assert_passes(run_check("FEA102", subject))


#: what becomes of the third build
ODD = BUILD.format(seed="0").replace(
    "    return built", "    CALLS.append(1)\n    {odd}\n    return built"
)


@pytest.mark.fails("FEA102")
@pytest.mark.parametrize(
    "odd",
    [
        "built = built.drop(columns='jitter') if len(CALLS) == 3 else built",
        "built = built.drop(columns='jitter') if len(CALLS) == 2 else built",
        "built['jitter'] += len(CALLS) == 3",
    ],
)
def test_a_column_that_some_builds_lack_or_move(tmp_path, odd):
    with tiny(tmp_path, "CALLS = []\n" + ODD.format(odd=odd)) as subject:
        result = run_check("FEA102", subject)
    found = assert_fails(result, key="jitter")
    assert int(found.measured) > 1200
    assert [f.key for f in result.findings] == ["jitter"]


@pytest.mark.fails("FEA102")
def test_rows_that_some_builds_lack(tmp_path):
    odd = "built = built.iloc[1:] if len(CALLS) == 3 else built"
    with tiny(tmp_path, "CALLS = []\n" + ODD.format(odd=odd)) as subject:
        result = run_check("FEA102", subject)
    assert {f.key for f in result.findings} == {"momentum", "jitter"}


def test_a_builder_that_fails_the_second_time_is_not_assessed(tmp_path):
    odd = "assert len(CALLS) < 2, 'no second time'"
    with tiny(tmp_path, "CALLS = []\n" + ODD.format(odd=odd)) as subject:
        result = run_check("FEA102", subject)
    assert result.outcome is Outcome.NOT_ASSESSED
    assert "no second time" in result.reason
