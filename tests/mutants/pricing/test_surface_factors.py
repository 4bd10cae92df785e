"""PRC007: factors of surfaces; PRC006: a surface that was saved and loaded."""

import re
from pathlib import Path

import pytest

from audit_lib.model import Outcome, Severity
from audit_lib.probes.tryouts.tryout import try_hooks
from audit_lib.testing import assert_fails, assert_passes, run_check
from tests.mutants.tiny import tiny

GUIDE = (Path(__file__).parents[3] / "docs/guide/pricing.md").read_text()
_, FIT, FACTORS, _, _ = re.findall(r"```python\n(.*?)```", GUIDE, re.DOTALL)
HEAD = "import numpy as np\nfrom audit_lib.hooks import Context, Refusal, surface\n"
LEARN = """
from sklearn.decomposition import PCA
from sklearn.preprocessing import StandardScaler

@surface("pricing.factors")
def factors(at, surfaces, count):
    scaler, model = StandardScaler(), PCA(count)
    scores = model.fit_transform(scaler.fit_transform(surfaces))
    ways = model.components_ * np.sign(model.components_.sum(axis=1))[:, None]
    scores = scores * np.sign(model.components_.sum(axis=1))
    return {"factors": ways, "scores": scores, "restored": scaler.inverse_transform(scores @ ways)}
"""


def asked(folder, text, code="PRC007"):
    with tiny(folder, HEAD + text) as subject:
        return run_check(code, subject)


@pytest.mark.passes("PRC007")
def test_the_example_of_the_guide(tmp_path):
    with tiny(tmp_path, HEAD + FACTORS) as subject:
        result = run_check("PRC007", subject)
        assert_passes(result)
        assert [(e.count, e.what) for e in result.examined] == [
            (1, "histories (seed 71)"),
            (25, "refits"),
            (5, "histories that hold no factors"),
        ]
        assert [r for r in try_hooks(subject) if r.state != "good"] == []


@pytest.mark.passes("PRC007")
@pytest.mark.parametrize(
    "text",
    [
        LEARN,
        # an eigenvalue problem, its order turned round, and factors that hold their size
        FACTORS.replace(
            "_, _, ways = np.linalg.svd(surfaces - mean, full_matrices=False)",
            "ways = np.linalg.eigh(np.cov(surfaces.T))[1].T[::-1]",
        ),
        # factors that no direction stands for
        FACTORS.replace('"factors": ways', '"factors": ways[:0]'),
    ],
)
def test_other_right_ways(tmp_path, text):
    assert_passes(asked(tmp_path, text))


@pytest.mark.fails("PRC007")
@pytest.mark.parametrize(
    ("old", "new", "said", "severity"),
    [
        ("mean + scores @ ways}", "scores @ ways}", "not given back by 3", Severity.HIGH),
        ("mean + scores @ ways}", "mean + scores[:, :2] @ ways[:2]}", "lost", Severity.HIGH),
        (
            "    scores = (surf",
            "    ways = ways[::-1]\n    scores = (surf",
            "relative to the largest 0.",
            Severity.MEDIUM,
        ),
        (
            "np.sign(ways[np.arange(count), largest])",
            "np.sign(((surfaces - mean) @ ways.T)[-1])",
            "factor 1 points the other way in",
            Severity.MEDIUM,
        ),
        (
            "ways = ways[:count]",
            "ways = ways[:count][np.argsort(np.abs(surfaces[0] - mean) @ ways[:count].T)]",
            "stands in another place in",
            Severity.MEDIUM,
        ),
        (
            "    return {",
            "    scores = scores - scores[0]\n    return {",
            "with the days in another order, a day's scores are others",
            Severity.HIGH,
        ),
        (
            "    if not np.isfinite(surfaces).all() or",
            "    surfaces = np.nan_to_num(surfaces, posinf=0.0)\n    if",
            "a NaN in a surface: the surface is answered as if it were sound",
            Severity.MEDIUM,
        ),
        (
            "min(len(surfaces) - 1, surfaces.shape[1]) < count",
            "surfaces.shape[1] < count or not len(surfaces)",
            "a single surface: ends in a crash",
            Severity.LOW,
        ),
        (
            "    if not np.isfinite(surfaces)",
            "    surfaces = np.vstack([surfaces] * 4 if len(surfaces) == 1 else [surfaces])\n"
            "    if not np.isfinite(surfaces)",
            "a single surface: factors are made up for it",
            Severity.MEDIUM,
        ),
    ],
)
def test_factors_that_are_wrong(tmp_path, old, new, said, severity):
    assert old in FACTORS
    result = asked(tmp_path, FACTORS.replace(old, new))
    assert result.outcome is Outcome.FAIL, result.reason
    told = {f.message: f.severity for f in result.findings}
    assert [s for message, s in told.items() if said in message] == [severity], told


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('"scores": scores, ', "", "scores is missing"),
        ('"factors": ways', '"factors": ways[:2]', "wanted 3 factors, got 2"),
        ("    mean = surf", "    surfaces = surfaces[1:]\n    mean = surf", "other surfaces than"),
        ('"factors": ways', '"factors": ways[: 3 * (len(surfaces) > 99)]', "of other shapes"),
    ],
)
def test_what_is_no_answer_is_not_assessed(tmp_path, old, new, said):
    assert old in FACTORS
    result = asked(tmp_path, FACTORS.replace(old, new))
    assert result.outcome is Outcome.NOT_ASSESSED
    assert said in result.reason


RELOADED = """
@surface("pricing.reloaded")
def reloaded(at: Context, quotes):
    return {answer}
"""


@pytest.mark.passes("PRC006")
def test_a_surface_that_is_loaded_again_is_the_same(tmp_path):
    text = FIT + RELOADED.format(answer="fit(at, quotes)")
    assert_passes(asked(tmp_path, text, "PRC006"))


@pytest.mark.fails("PRC006")
def test_a_surface_that_loses_digits_when_it_is_saved(tmp_path):
    text = FIT + RELOADED.format(answer="np.round(fit(at, quotes), 3)")
    found = assert_fails(asked(tmp_path, text, "PRC006"), key="saved and loaded")
    assert found.message.startswith("variances of sound quotes saved and loaded differ by")
