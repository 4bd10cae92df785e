import pytest

from audit_lib.model import Outcome, Severity
from audit_lib.testing import assert_fails, assert_passes, run_check
from tests.mutants.tiny import tiny

BUILD = """
@surface("features")
def build(at, panel):
    return each(
        panel,
        momentum=returns,
        flat=lambda b: np.zeros(len(b)),
        empty=lambda b: b["close"].rolling(900).mean(),
    )

@surface("predictor")
def required(at):
    return {required}
"""


@pytest.mark.fails("FEA103")
def test_constant_and_empty_columns_are_named(tmp_path):
    with tiny(tmp_path, BUILD.format(required=["momentum", "flat", "empty"])) as subject:
        result = run_check("FEA103", subject)
    assert assert_fails(result, key="flat").measured == "1"
    empty = assert_fails(result, key="empty", severity=Severity.HIGH)
    assert empty.measured == "0 of 1260 rows known"
    assert len(result.findings) == 2


@pytest.mark.passes("FEA103")
def test_columns_that_nobody_requires_do_not_count(tmp_path):
    with tiny(tmp_path, BUILD.format(required=["momentum"])) as subject:
        assert_passes(run_check("FEA103", subject))


def test_a_required_column_that_is_not_built_is_a_gap(tmp_path):
    with tiny(tmp_path, BUILD.format(required=["momentum", "gone"])) as subject:
        result = run_check("FEA103", subject)
    assert result.outcome is Outcome.NOT_ASSESSED
    assert "gone" in result.reason
