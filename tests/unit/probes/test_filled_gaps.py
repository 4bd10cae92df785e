"""What fills a gap, and what only asks for one."""

import ast

import pytest

from audit_lib.probes.code.filled_gaps import fills_gaps


@pytest.mark.parametrize(
    "text",
    [
        "x.fillna(0)",
        "np.nan_to_num(x)",
        "x.where(x.notna(), 0.0)",
        "x.mask(np.isnan(x), low)",
        "np.where(pd.isnull(x), m, x)",
        "gaps = x.isna()\nx = x.mask(gaps, m)",
        "x[np.isnan(x)] = 0",
        "gaps = ~np.isfinite(x)\nx[gaps] = m[gaps]",
        "np.putmask(x, np.isnan(x), 0.0)",
        "np.copyto(x, m, where=np.isnan(x))",
        "v = 0.0 if math.isnan(v) else v",
        "v = 0.0 if v != v else v",
        "x.replace(np.nan, 0)",
        "x.replace({np.nan: 0.5})",
        "x.reindex(columns=names, fill_value=0.0)",
        "SimpleImputer().fit_transform(x)",
    ],
)
def test_fills(text):
    assert fills_gaps(ast.parse(text))


@pytest.mark.parametrize(
    "text",
    [
        "x.where(np.isfinite(x))",
        "x.where(np.isfinite(x), np.nan)",
        "np.where(x.notna().all(axis=1), score, np.nan)",
        "x.mask(x > 3, 3.0)",
        "x.replace([np.inf, -np.inf], np.nan)",
        "x[x > 3] = 3.0",
        "x[np.isinf(x)] = np.nan",
        "v = None if math.isnan(v) else v",
        "if x.isna().any():\n    raise ValueError",
        "rows = np.where(np.isnan(x))",
        "x.reindex(columns=names, fill_value=np.nan)",
        "x.loc[x.notna().all(axis=1)]",
        "text.replace('a', 'b')",
    ],
)
def test_fills_none(text):
    assert not fills_gaps(ast.parse(text))
