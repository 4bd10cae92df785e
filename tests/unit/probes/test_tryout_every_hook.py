"""Every hook is tried by `hooks check`: those that change a store too, on a scratch copy."""

import json

import pytest

from audit_lib.hooks import HOOKS
from audit_lib.probes.tryouts.trials import TRIALS
from audit_lib.probes.tryouts.tryout import try_hooks
from tests.mutants.tiny import tiny

GOOD = """
@surface("features")
def policy(at):
    return {"range": "CAUSAL", "target": "RESEARCH_ONLY"}

@surface("features")
def modes(at):
    return {"live": ["CAUSAL"]}

@surface("features")
def admitted(at, names, mode):
    return [n for n in names if n == "range"]

@surface("targets")
def ends(at, panel):
    dates = panel.index.get_level_values("date")
    return pd.DataFrame({"week": dates + pd.Timedelta(days=7)}, panel.index)

@surface("drift")
def shifted(at, reference, current):
    return {"shifted": False, "features": []}

def listed(at):
    return json.loads((at.store / "registry.json").read_text())

@surface("registry")
def versions(at):
    return listed(at)["versions"]

def changed(at, **given):
    (at.store / "registry.json").write_text(json.dumps({**listed(at), **given}))

@surface("registry")
def create(at, metrics):
    changed(at, versions=[*listed(at)["versions"], "v9"])
    return "v9"

@surface("registry")
def promote(at, version):
    changed(at, champion=version)
    return True

@surface("registry")
def rollback(at):
    raise Refusal("nobody reigned before")

@surface("registry")
def prune(at, keep):
    changed(at, versions=listed(at)["versions"][-keep:])

@surface("governance")
def metrics(at):
    return {"score": "higher"}

@surface("governance")
def enter(at, version, metrics):
    changed(at, champion=version)
    return True
"""
REGISTRY = json.dumps({"versions": ["v1"], "champion": None})
MORE = "import json\nfrom audit_lib.hooks import Refusal\n"


def states(folder, text):
    with tiny(folder, MORE + text, source={"store/registry.json": REGISTRY}, meta={}) as subject:
        told = {report.hook: report for report in try_hooks(subject)}
        assert (subject.store / "registry.json").read_text() == REGISTRY
    return told


def test_every_hook_has_a_trial():
    assert set(TRIALS) == set(HOOKS)


def test_hooks_that_answer_as_they_should(tmp_path):
    told = states(tmp_path, GOOD)
    assert len(told) == 13  # the panel is the market's
    assert {name: r.complaints for name, r in told.items() if r.state != "good"} == {}
    assert told["registry.rollback"].got == "refused: nobody reigned before"


@pytest.mark.parametrize(
    ("hook", "right", "wrong", "said"),
    [
        ("features.modes", '{"live": ["CAUSAL"]}', '{"live": 3}', "'live' has no list of types"),
        ("features.admitted", 'if n == "range"', '] + ["x"', "'x' was not asked about"),
        ("targets.ends", "dates + pd", "dates - pd", "column week ends before its row begins"),
        ("targets.ends", "dates + pd.Timedelta(days=7)", "1.0", "column week is float64, no dates"),
        ("registry.create", 'return "v9"', "return 9", "wanted an id, got int"),
        ("registry.promote", "version)\n    return True\n\n@surface(\"registry\")\ndef roll",
         "version)\n\n@surface(\"registry\")\ndef roll", "wanted True or False"),
        ("drift.shifted", '{"shifted": False, "features": []}', "[]", "wanted a mapping, got list"),
    ],
)  # fmt: skip
def test_hooks_that_do_not(tmp_path, hook, right, wrong, said):
    assert right in GOOD
    report = states(tmp_path, GOOD.replace(right, wrong))[hook]
    assert report.state == "wrong"
    assert said in report.complaints[0]
