"""What changed from one version to another, and nothing else."""

from functools import cache

import pytest

from audit_lib.explain.attribution import Setting
from audit_lib.explain.between import between
from audit_lib.explain.run import explain
from tests.mutants.tiny import tiny
from tests.unit.explain.planted import HOOKS

SOME = 'np.where(x["storm"] > 0.5, x["in storm"], 0.0) + 0.2 * np.tanh(x["left"])'
REGIMES = ("storm", "calm")
STORMS, CALMS = (
    f'np.where(x["storm"] > 0.5, np.tanh(x["{a}"]), np.tanh(x["{b}"]))'
    for a, b in (("in storm", "right"), ("right", "in storm"))
)


@pytest.fixture(scope="module")
def version(tmp_path_factory):
    @cache
    def made(some):
        assert SOME in HOOKS
        hooks = HOOKS.replace(SOME, some).replace("rng.random(N) < 0.4", "rng.random(N) < 0.5")
        with tiny(tmp_path_factory.mktemp("between"), hooks) as subject:
            return explain(subject, Setting(rows=500)).summary

    return made


def changes(before, after, head):
    return [c for c in between(before, after).changes if c.head == head]


def test_the_same_version_has_not_changed(version):
    told = between(version(SOME), version(SOME))
    assert told.changes == ()
    assert "nothing changed" in told.words


def test_a_factor_that_takes_over(version):
    told = changes(version(SOME), version(SOME.replace("in storm", "right")), "some")
    shares = {c.what: (c.before, c.after) for c in told if c.kind == "share"}
    assert shares["in storm"][1] == "0%"
    assert shares["right"][0] == "0%"
    assert "left" not in shares


def test_a_factor_that_turns_round(version):
    told = changes(version(SOME), version(SOME.replace("0.2 *", "-0.2 *")), "some")
    (turned,) = [c for c in told if c.kind == "direction"]
    assert turned.what == "left"
    assert turned.before.startswith("+")
    assert turned.after.startswith("-")


def test_what_trades_places_between_regimes_changes_in_each_and_not_over_all(version):
    told = changes(version(STORMS), version(CALMS), "some")
    assert not [c for c in told if c.kind == "share"]
    moved = {c.what: (c.before, c.after) for c in told if c.kind == "regime"}
    swapped = {f"{factor} in {regime}" for factor in ("in storm", "right") for regime in REGIMES}
    assert swapped <= set(moved)
    before, after = (int(share[:-1]) for share in moved["in storm in storm"])
    assert before > after + 20
