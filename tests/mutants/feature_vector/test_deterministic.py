import pytest

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
