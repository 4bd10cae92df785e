import pytest

from audit_lib.model import Outcome, Severity
from audit_lib.testing import assert_fails, assert_passes, run_check
from tests.mutants.mutate import edit_source, mutant
from tests.mutants.tiny import tiny

PSI = """
@surface("drift")
def psi(at, reference, current):
    {edges}
    a = np.histogram(reference, edges)[0] {share_a}
    b = np.histogram(current, edges)[0] {share_b}
    a, b = np.maximum(a, 1e-4), np.maximum(b, 1e-4)
    return float(np.sum((b - a) * np.log(b / a)))
"""
CUSUM = """
@surface("drift")
def cusum(at, series, target, sigma):
    up = down = 0.0
    for i, x in enumerate(series):
        z = {z}
        up, down = max(0.0, up + z - 0.5), max(0.0, down - z - 0.5)
        if {fired}:
            return {{"alarm": True, "at": {at}}}
    return {{"alarm": False, "at": None}}
"""


DECILES = "np.quantile(reference[np.isfinite(reference)], np.linspace(0, 1, 11))"


def psi(edges=f"edges = {DECILES}", shares=True):
    a, b = ("/ len(reference)", "/ len(current)") if shares else ("", "")
    return PSI.format(edges=edges, share_a=a, share_b=b)


def cusum(z="(x - target) / sigma", fired="max(up, down) > 8", at="i"):
    return CUSUM.format(z=z, fired=fired, at=at)


@pytest.mark.passes("DRF001", "DRF002", "DRF003", "DRF004")
def test_the_reference_engine_sees_drift(reference):
    for code in ("DRF001", "DRF002", "DRF003", "DRF004"):
        assert_passes(run_check(code, reference))


@pytest.mark.passes("DRF003")
def test_an_index_with_a_bin_for_what_is_not_finite_passes(tmp_path):
    text = """
@surface("drift")
def psi(at, reference, current):
    if not len(reference) or not len(current):
        raise Refusal("a sample is empty")
    known = reference[np.isfinite(reference)]
    cuts = np.unique(np.quantile(known, np.linspace(0, 1, 11)[1:-1]))
    cuts = np.union1d(cuts, np.nextafter(cuts, -np.inf))
    def shares(values):
        finite = np.isfinite(values)
        counts = np.bincount(np.searchsorted(cuts, values[finite]), minlength=len(cuts) + 1)
        return np.maximum(np.append(counts, (~finite).sum()) / len(values), 1e-4)
    a, b = shares(reference), shares(current)
    return float(np.sum((b - a) * np.log(b / a)))
"""
    with tiny(tmp_path, text) as subject:
        assert_passes(run_check("DRF003", subject))
        result = run_check("DRF001", subject)
    assert_passes(result)
    assert {margin.allowed for margin in result.margins} == {0.01, 18.4}  # alarms, and few rows
    assert all(0 <= margin.measured < margin.allowed for margin in result.margins)


@pytest.mark.fails("DRF001")
def test_counts_instead_of_shares(tmp_path):
    with tiny(tmp_path, psi(shares=False)) as subject:
        result = run_check("DRF001", subject)
    found = assert_fails(
        result, key="PSI does not depend on the number of copies, the unit or the order"
    )
    assert found.anchor.symbol == "drift.psi"


@pytest.mark.fails("DRF001")
def test_bins_of_a_fixed_width_in_some_unit(engine):
    edit_source(
        engine,
        "drift.py",
        'np.quantile(known, np.linspace(0, 1, BINS + 1)[1:-1], method="inverted_cdf"),',
        "np.linspace(-3.0, 3.0, BINS - 1),",
    )
    with mutant(engine) as subject:
        result = run_check("DRF001", subject)
    assert_fails(result, key="PSI does not depend on the number of copies, the unit or the order")


@pytest.mark.fails("DRF001")
def test_a_sign_that_is_lost(engine):
    edit_source(
        engine,
        "drift.py",
        "(actual - expected) * np.log(actual / expected)",
        "(expected - actual) * np.log(actual / expected)",
    )
    with mutant(engine) as subject:
        result = run_check("DRF001", subject)
    assert_fails(result, key="PSI is never negative")
    assert_fails(result, key="PSI grows with the shift")


@pytest.mark.fails("DRF003")
def test_nan_that_is_thrown_away_before_counting(tmp_path):
    text = psi().replace("/ len(current)", "/ max(1, np.isfinite(current).sum())")
    with tiny(tmp_path, text) as subject:
        result = run_check("DRF003", subject)
    assert_fails(result, key="half of current is NaN", severity=Severity.MEDIUM)


@pytest.mark.fails("DRF003")
@pytest.mark.parametrize("sample", ["current", "reference"])
def test_an_empty_sample_is_called_unchanged(tmp_path, sample):
    text = psi().replace("    edges =", f"    if not len({sample}): return 0.0\n    edges =", 1)
    with tiny(tmp_path, text) as subject:
        result = run_check("DRF003", subject)
    found = assert_fails(result, key=f"{sample} is empty", severity=Severity.MEDIUM)
    assert (found.measured, found.expected) == ("0", "a refusal or NaN")


@pytest.mark.fails("DRF003")
def test_an_empty_sample_gets_an_alarm_that_nothing_measured(tmp_path):
    """A large number is no answer either: nothing was compared."""
    text = psi().replace("    edges =", "    if not len(current): return 9.0\n    edges =", 1)
    with tiny(tmp_path, text) as subject:
        assert_fails(run_check("DRF003", subject), key="current is empty")


@pytest.mark.fails("DRF003")
@pytest.mark.parametrize(
    ("line", "keys"),
    [
        (
            "if np.ptp(current) == 0 and np.ptp(reference) > 0: return 0.0",
            {"current is constant"},
        ),
        (
            "if 0 < np.ptp(reference) and min(current) < 9 and np.isfinite(current).all():\n"
            "        current = current[current <= reference.max()]",
            {"half of current lies above the reference"},
        ),
        ("if np.isinf(current).any(): return 0.0", {"half of current is infinite"}),
        ("if min(current) > 9: return 0.0", {"current lies above the reference"}),
        ("if max(current) < -9: return 0.0", {"current lies below the reference"}),
    ],
)
def test_one_kind_of_broken_data_goes_unnoticed(tmp_path, line, keys):
    text = """
@surface("drift")
def psi(at, reference, current):
    if not len(reference) or not len(current) or np.isnan(current).any():
        raise Refusal("no sample")
    LINE
    if np.isinf(current).any():
        raise Refusal("not finite")
    edges = np.quantile(reference, np.linspace(0, 1, 11)[1:-1])
    a, b = (
        np.bincount(np.searchsorted(edges, x), minlength=10) / len(x) for x in (reference, current)
    )
    a, b = np.maximum(a, 1e-4), np.maximum(b, 1e-4)
    return float(np.sum((b - a) * np.log(b / a)))
"""
    with tiny(tmp_path, text.replace("LINE", line)) as subject:
        result = run_check("DRF003", subject)
    assert {f.key for f in result.findings} == keys
    assert_fails(result, key=keys.pop())


@pytest.mark.fails("DRF003")
def test_values_out_of_range_that_are_thrown_away(engine):
    edit_source(
        engine,
        "drift.py",
        "    if len(known) == 0 or",
        "    after = after[(after >= known.min()) & (after <= known.max())]\n"
        "    after = after if len(after) else known\n"
        "    if len(known) == 0 or",
    )
    with mutant(engine) as subject:
        result = run_check("DRF003", subject)
    found = assert_fails(result, key="current lies above the reference")
    assert found.expected == "above 0.25, a refusal or NaN"


@pytest.mark.passes("DRF002", "DRF004")
def test_a_standard_detector_passes(tmp_path):
    text = cusum().replace(
        "up = down",
        "\n    ".join(
            [
                "if not np.isfinite(series).all() or not sigma > 0:",
                "    raise Refusal('not finite')",
                "up = down",
            ]
        ),
        1,
    )
    with tiny(tmp_path, text) as subject:
        assert_passes(run_check("DRF002", subject))
        assert_passes(run_check("DRF004", subject))


@pytest.mark.fails("DRF002")
def test_a_detector_of_one_direction(engine):
    edit_source(engine, "drift.py", "if max(above, below) > LIMIT", "if above > LIMIT")
    with mutant(engine) as subject:
        result = run_check("DRF002", subject)
    assert_fails(result, key="shift down", severity=Severity.HIGH)
    assert_fails(result, key="mirrored about the target")
    assert {f.key for f in result.findings} == {"shift down", "mirrored about the target"}


@pytest.mark.fails("DRF002")
@pytest.mark.parametrize(
    ("change", "key"),
    [
        ({"z": "x - target"}, "measured in another unit"),
        ({"fired": "max(up, down) > 1"}, "false alarms"),
        ({"fired": "max(up, down) > 400"}, "shifts are missed"),
        ({"at": "len(series)"}, "place"),
        ({"fired": "max(up, down) >= 6 * np.ptp(series[: i + 1]) / 5"}, "still"),
    ],
)
def test_detectors_that_are_wrong(tmp_path, change, key):
    with tiny(tmp_path, cusum(**change)) as subject:
        found = assert_fails(run_check("DRF002", subject), key=key)
    assert found.anchor.symbol == "drift.cusum"


@pytest.mark.fails("DRF004")
def test_a_sum_that_meets_nan(engine):
    edit_source(engine, "drift.py", "if not np.isfinite(values).all():", "if False:")
    edit_source(
        engine, "drift.py", "above = max(0.0, above + z - SLACK)", "above = above + z - SLACK"
    )
    edit_source(
        engine, "drift.py", "below = max(0.0, below - z - SLACK)", "below = below - z - SLACK"
    )
    with mutant(engine) as subject:
        result = run_check("DRF004", subject)
    found = assert_fails(result, key="a NaN before it")
    assert found.measured == "no alarm"


def test_a_detector_that_sees_nothing_gives_no_verdict_on_bad_data(tmp_path):
    with tiny(tmp_path, cusum(fired="False")) as subject:
        result = run_check("DRF004", subject)
    assert result.outcome is Outcome.NOT_ASSESSED


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ('raise RuntimeError("broken hook")', "broken hook"),
        ("return object()", ""),
        ('return float("nan")', "two sound samples: PSI is not finite"),
    ],
)
def test_a_hook_that_always_fails_is_not_blamed_on_the_engine(tmp_path, body, why):
    with tiny(
        tmp_path, f'@surface("drift")\ndef psi(at, reference, current):\n    {body}\n'
    ) as subject:
        result = run_check("DRF003", subject)
    assert result.outcome is Outcome.NOT_ASSESSED
    assert "nan" in body or result.reason.startswith("drift.psi fails on ordinary input too: ")
    assert why in result.reason + "".join(gap.why for gap in result.gaps)
    assert not result.findings


def test_questions_that_are_refused_though_they_have_rows_are_counted(tmp_path):
    head = "    if len(current) > 100 and reference.min() > 0:\n        raise Refusal('positive')\n"
    right = psi(
        edges="edges = np.quantile(reference, np.linspace(0, 1, 11)[1:-1])\n"
        "    edges = np.concatenate([[-np.inf], np.unique(edges), [np.inf]])"
    )
    name = "def psi(at, reference, current):\n"
    with tiny(tmp_path, right.replace(name, name + head)) as subject:
        result = run_check("DRF001", subject)
    (gap,) = result.gaps
    asked, _, every = gap.what.partition(" questions")[0].partition(" of ")
    assert int(asked) + result.examined[0].count == int(every)
    assert "positive" in gap.why


def test_a_hook_that_always_refuses_proves_nothing(tmp_path):
    body = 'raise Refusal("closed")'
    with tiny(
        tmp_path, f'@surface("drift")\ndef psi(at, reference, current):\n    {body}\n'
    ) as subject:
        assert run_check("DRF003", subject).outcome is Outcome.NOT_ASSESSED


BATCH = """
@surface("drift")
def cusum(at, series, target, sigma):
    up, down = [0.0], [0.0]
    for x in series:
        z = (x - target) / sigma
        up.append(max(0.0, up[-1] + z - 0.5))
        down.append(max(0.0, down[-1] - z - 0.5))
    worst = up if max(up) > max(down) else down
    fired = bool(max(worst) > 8)
    return {"alarm": fired, "at": int(np.argmax(worst)) - 1 if fired else None}
"""


@pytest.mark.fails("DRF002")
def test_a_detector_that_names_the_largest_sum_finds_the_shift_in_time(tmp_path):
    with tiny(tmp_path, BATCH) as subject:
        result = run_check("DRF002", subject)
    found = assert_fails(result, key="place", severity=Severity.MEDIUM)
    assert [f.key for f in result.findings] == ["place"]
    assert found.message.startswith("240 alarms name a bar at which no sum crossed its bound")
    assert "and the first 80 bars alone sound it" in found.message


LIVE = """
@surface("features")
def build(at, panel):
    return each(panel, r=lambda bars: returns(bars).fillna(0.0))
@surface("predictor")
def required(at): return ["r"]
@surface("retrain")
def state(at, live, today):
    return {"errors": list((live["outcome"] - live["prediction"]).iloc[-BARS:])}
"""


@pytest.mark.fails("DRF002")
def test_a_detector_that_is_calm_for_fifty_bars_and_used_on_four_hundred(tmp_path):
    nervous = cusum(fired="max(up, down) > 4.2")
    with tiny(tmp_path, nervous) as subject:
        assert_passes(run_check("DRF002", subject))
    with tiny(tmp_path / "used", nervous + LIVE.replace("-BARS", "-400")) as subject:
        result = run_check("DRF002", subject)
    found = assert_fails(result, key="false alarms in use", severity=Severity.MEDIUM)
    assert [f.key for f in result.findings] == ["false alarms in use"]
    assert "within the 400 bars that the live caller gives" in found.message


@pytest.mark.passes("DRF002")
@pytest.mark.parametrize("bars", ["-60", "-400"])
def test_a_detector_that_fits_the_length_in_which_it_is_used(tmp_path, bars):
    limit = "4.2" if bars == "-60" else "8"
    text = cusum(fired=f"max(up, down) > {limit}") + LIVE.replace("-BARS", bars)
    with tiny(tmp_path, text) as subject:
        result = run_check("DRF002", subject)
    assert_passes(result)
    delays, calm = (next(e for e in result.evidence if e.name == n) for n in ("delays", "calm"))
    assert {row[:2] for row in delays.rows} >= {(1.0, "up"), (3.0, "down")}
    assert [row[0] for row in calm.rows] == [20, 50, 100, 250, 500, 1000]


@pytest.mark.fails("DRF002")
def test_a_detector_that_remembers_its_last_series_is_one_finding(tmp_path):
    text = cusum().replace("up = down = 0.0", "up, down = SUMS", 1)
    text = text.replace("        if max", "        SUMS[:] = [up, down]\n        if max")
    with tiny(tmp_path, "SUMS = [0.0, 0.0]\n" + text) as subject:
        result = run_check("DRF002", subject)
    assert [f.key for f in result.findings] == ["asked again"]
    assert_fails(result, key="asked again", severity=Severity.HIGH)


@pytest.mark.fails("DRF001")
def test_an_index_of_many_bins_cries_wolf(tmp_path):
    many = psi(
        edges="edges = np.quantile(reference, np.linspace(0, 1, 101)[1:-1])\n"
        "    edges = np.concatenate([[-np.inf], edges, [np.inf]])"
    )
    with tiny(tmp_path, many) as subject:
        result = run_check("DRF001", subject)
    assert_fails(result, key="200 fresh rows", severity=Severity.MEDIUM)


@pytest.mark.passes("DRF001")
def test_twenty_rows_are_a_note_and_a_refusal_is_none(tmp_path):
    right = psi(
        edges="edges = np.quantile(reference, np.linspace(0, 1, 11)[1:-1])\n"
        "    edges = np.concatenate([[-np.inf], np.unique(edges), [np.inf]])"
    )
    with tiny(tmp_path, right) as subject:
        noted = run_check("DRF001", subject)
    assert_passes(noted)
    assert [(f.key, f.severity) for f in noted.findings] == [("20 fresh rows", Severity.INFO)]
