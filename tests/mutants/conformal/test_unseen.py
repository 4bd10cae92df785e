"""CNF102: residuals that the trainer keeps, of rows that the model knew and of new ones."""

import pytest

from audit_lib.model import Outcome
from audit_lib.testing import assert_fails, assert_passes, run_check
from tests.mutants.splits.test_trainer import trainer
from tests.mutants.tiny import tiny

NEW = "y[later] - holdout"
KNOWN = "y[fitted] - model.predict(scaler.transform(X[fitted]))"
RANK = "float(np.sort(np.abs(residuals))[int(np.ceil((len(residuals) + 1) * 0.9)) - 1])"
KEPT = {
    "npz": "folder = at.store / 'v2'; folder.mkdir(); np.savez(folder / 'r.npz', r=residuals)",
    "sorted": "folder = at.store / 'v2'; folder.mkdir(); meta['r'] = sorted(map(abs, residuals))",
    "single": "folder = at.store / 'v2'; folder.mkdir(); "
    "np.save(folder / 'r.npy', residuals.astype('float32'))",
    "rank": f"folder = at.store / 'v2'; folder.mkdir(); meta['band'] = {RANK}",
    "tails": "folder = at.store / 'v2'; folder.mkdir(); "
    "meta['low'], meta['high'] = map(float, np.quantile(residuals, [0.05, 0.95]))",
}


def keeping(residuals, how):
    return trainer(calibrate=f"residuals = {residuals}", folder=KEPT[how])


@pytest.mark.fails("CNF102")
@pytest.mark.parametrize("how", KEPT)
def test_residuals_of_fitted_rows_are_kept(tmp_path, how):
    with tiny(tmp_path, keeping(KNOWN, how)) as subject:
        found = assert_fails(run_check("CNF102", subject))
    assert "label by Ridge" in found.message
    rows = found.measured.removesuffix(" rows").split(" of ")
    assert rows[0] == rows[1]


@pytest.mark.passes("CNF102")
@pytest.mark.parametrize("how", ["npz", "tails"])
def test_residuals_of_new_rows_are_kept(tmp_path, how):
    with tiny(tmp_path, keeping(NEW, how)) as subject:
        assert_passes(run_check("CNF102", subject))


BAG = (
    "rows = np.flatnonzero(fitted | later); "
    "bag = [Ridge(a).fit(scaler.transform(X[fitted]), y[fitted]) for a in (1, 2, 3)]; "
    "votes = np.mean([m.predict(scaler.transform(X[rows])) for m in bag], axis=0); "
    "residuals = (y[rows] - votes)[np.isin(rows, np.flatnonzero({rows}))]"
)


@pytest.mark.fails("CNF102")
def test_a_quantile_of_an_ensemble_over_the_fitted_part_of_its_rows(tmp_path):
    text = trainer(calibrate=BAG.format(rows="fitted"), folder=KEPT["rank"])
    with tiny(tmp_path, text) as subject:
        found = assert_fails(run_check("CNF102", subject))
    assert "by Ridge, averaged" in found.message


@pytest.mark.passes("CNF102")
def test_a_quantile_of_an_ensemble_over_the_new_part_of_its_rows(tmp_path):
    text = trainer(calibrate=BAG.format(rows="later"), folder=KEPT["rank"])
    with tiny(tmp_path, text) as subject:
        assert_passes(run_check("CNF102", subject))


WATCHED = """
class Band:
    def fit(self, outcomes, predictions):
        self.width = float(np.quantile(np.abs(outcomes - predictions), 0.9))
        return self

class Spread:
    def fit(self, residuals):
        self.width = float(np.quantile(np.abs(residuals), 0.9))
        return self
"""


def watching(call):
    named = "from audit_lib.hooks import watch; watch(Band, fit='fit'); watch(Spread, fit='fit')"
    return WATCHED + trainer(calibrate=f"{named}; {call}")


@pytest.mark.fails("CNF102")
def test_a_class_of_its_own_is_fitted_on_residuals_of_fitted_rows(tmp_path):
    with tiny(tmp_path, watching(f"Spread().fit({KNOWN})")) as subject:
        assert_fails(run_check("CNF102", subject))
        assert run_check("CAL011", subject).outcome is Outcome.NOT_ASSESSED


@pytest.mark.fails("CAL011")
def test_outcomes_come_before_their_scores(tmp_path):
    call = "Band().fit(y[fitted], model.predict(scaler.transform(X[fitted])))"
    with tiny(tmp_path, watching(call)) as subject:
        assert_fails(run_check("CAL011", subject), key="Band")


@pytest.mark.passes("CAL011")
def test_outcomes_before_scores_of_new_rows(tmp_path):
    with tiny(tmp_path, watching("Band().fit(y[later], holdout)")) as subject:
        assert_passes(run_check("CAL011", subject))


def test_nothing_kept_is_not_assessed(tmp_path):
    with tiny(tmp_path, trainer()) as subject:
        assert run_check("CNF102", subject).outcome is Outcome.NOT_ASSESSED
