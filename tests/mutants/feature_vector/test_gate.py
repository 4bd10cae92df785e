"""Filters of features: open ones, and closed ones written oddly."""

import pytest

from audit_lib.model import Outcome, Severity
from audit_lib.testing import assert_fails, assert_passes, run_check
from tests.mutants.tiny import tiny

GATE = """
TYPES = {"move": "CAUSAL", "gap": "END_OF_DAY", "drift": "CAUSAL", "peek": "RESEARCH_ONLY"}
MODES = {"live": ["CAUSAL"], "daily": ["CAUSAL", "END_OF_DAY"],
         "research": ["CAUSAL", "END_OF_DAY", "RESEARCH_ONLY"]}

@surface("features")
def policy(at):
    return TYPES

@surface("features")
def modes(at):
    return MODES

@surface("features")
def admitted(at, names, mode):
    BODY
"""
CLOSED = """if mode not in MODES:
        raise Refusal("no such mode")
    return [n for n in names if TYPES.get(n) in MODES[mode]]"""


def answered(folder, body):
    with tiny(folder, GATE.replace("BODY", body)) as subject:
        return run_check("FEA012", subject)


WRONG = {
    "the default is causal": (
        CLOSED.replace("TYPES.get(n)", 'TYPES.get(n, "CAUSAL")'),
        "names that nobody registered are let through",
    ),
    "only what is listed is dropped": (
        CLOSED.replace(
            "TYPES.get(n) in MODES[mode]",
            'not (mode != "research" and TYPES.get(n) == "RESEARCH_ONLY") and '
            '(n not in TYPES or TYPES[n] in MODES[mode])',
        ),
        "names that nobody registered are let through",
    ),
    "by prefix": (
        CLOSED.replace(
            "TYPES.get(n)", 'next((k for t, k in TYPES.items() if n.lower().startswith(t)), "")'
        ),
        "names that nobody registered are let through",
    ),
    "no mode is every mode": (
        "known = MODES.get(mode, list(TYPES.values()))\n"
        "    return [n for n in names if TYPES.get(n) in known]",
        "modes that nobody declared let features through",
    ),
    "one name of the day lets all of them in": (
        CLOSED.replace(
            "    return",
            '    if mode == "live" and len(names) > 2:\n'
            '        return [n for n in names if TYPES.get(n) in ("CAUSAL", "END_OF_DAY")]\n'
            "    return",
        ),
        "a list is filtered otherwise than its names",
    ),
}  # fmt: skip


@pytest.mark.fails("FEA012")
@pytest.mark.parametrize("name", WRONG)
def test_what_an_open_filter_lets_through(tmp_path, name):
    body, cause = WRONG[name]
    assert_fails(answered(tmp_path, body), cause=cause, hook="features.admitted")


@pytest.mark.fails("FEA012")
def test_a_type_that_a_mode_does_not_allow(tmp_path):
    body = CLOSED.replace("MODES[mode]]", '(*MODES[mode], "END_OF_DAY")]')
    found = assert_fails(answered(tmp_path, body), key="live END_OF_DAY")
    assert found.severity is Severity.CRITICAL
    assert found.measured == "lets through 1 of 1"


@pytest.mark.fails("FEA012")
def test_a_type_that_a_mode_forgets(tmp_path):
    body = CLOSED.replace("MODES[mode]]", "MODES[mode][:2]]")
    found = assert_fails(answered(tmp_path, body), key="research RESEARCH_ONLY")
    assert found.severity is Severity.MEDIUM


DESK = """
TYPES = {"move": "CAUSAL", "gap": "END_OF_DAY", "drift": "CAUSAL", "peek": "RESEARCH_ONLY"}
MODES = {"live": ["CAUSAL"], "daily": ["CAUSAL", "END_OF_DAY"], "research": [*TYPES.values()]}


def kind(name):
    root = name.removeprefix("sq_").removeprefix("sgn_")
    EARLY
    return TYPES.get(root)


def admitted(names, mode):
    if mode not in MODES:
        raise ValueError("no such mode")
    return [n for n in names if kind(n) in MODES[mode]]
"""
DESKS = GATE.replace("BODY", "return desk(at).admitted(names, mode)").replace(
    "return TYPES", "return {n: desk(at).kind(n) for n in TYPES}"
)
DESKS += """
def desk(at):
    import importlib, sys

    sys.path.insert(0, str(at.root))
    sys.modules.pop("desk", None)  # another subject's, in the process of the tests
    return importlib.import_module("desk")
"""


def spelt(folder, early):
    source = {"desk.py": DESK.replace("EARLY", early)}
    with tiny(folder, DESKS, source=source) as subject:
        return run_check("FEA012", subject)


@pytest.mark.fails("FEA012")
def test_a_prefix_that_the_filter_spells_makes_anything_causal(tmp_path):
    early = 'if name.startswith("sgn_") and root in TYPES: return "CAUSAL"'
    found = assert_fails(
        spelt(tmp_path, early), cause="derived names are let through whatever they are made of"
    )
    assert "'sgn_" in found.message


@pytest.mark.passes("FEA012")
def test_prefixes_that_keep_the_parents_type(tmp_path):
    assert_passes(spelt(tmp_path, "pass"))


CROSSED = GATE.replace(
    '"peek": "RESEARCH_ONLY"}',
    '"peek": "RESEARCH_ONLY",\n         "X_move_x_drift": "CAUSAL", "gap_z20": "END_OF_DAY"}',
)
PARTS = """
    def kind(name):
        if name in TYPES: return TYPES[name]
        known = [TYPES[p] for p in TYPES if p in name.split("_")]
        return RULE if name.startswith("X_") and known else ""
    return [n for n in names if kind(n) in MODES.get(mode, [])]"""


@pytest.mark.fails("FEA012")
@pytest.mark.parametrize("rule", ['"CAUSAL"', "known[-1]", "min(known)"])
def test_derived_names_that_do_not_inherit(tmp_path, rule):
    text = CROSSED.replace("BODY", PARTS.replace("RULE", rule).lstrip())
    with tiny(tmp_path, text) as subject:
        result = run_check("FEA012", subject)
    found = assert_fails(result, severity=Severity.HIGH)
    assert found.key in ("live derived", "derived names are let through whatever they are made of")


@pytest.mark.passes("FEA012")
@pytest.mark.parametrize("rule", ["max(known)", '"RESEARCH_ONLY"'])
def test_derived_names_that_inherit_the_least_permissive_type(tmp_path, rule):
    text = CROSSED.replace("BODY", PARTS.replace("RULE", rule).lstrip())
    with tiny(tmp_path, text) as subject:
        assert_passes(run_check("FEA012", subject))


ODD = {
    "closed": CLOSED,
    "an unknown mode lets nothing through": CLOSED.replace(
        'raise Refusal("no such mode")', "return []"
    ),
    "an unknown name refuses the list": CLOSED.replace(
        "    return",
        '    if set(names) - set(TYPES):\n        raise Refusal("unknown names")\n    return',
    ),
    "a dictionary that raises": "return [n for n in names if TYPES[n] in MODES[mode]]",
    "sorted, each once": CLOSED.replace("[n for n in names", "sorted({n for n in names").replace(
        "MODES[mode]]", "MODES[mode]})"
    ),
}


@pytest.mark.passes("FEA012")
@pytest.mark.parametrize("name", ODD)
def test_closed_filters(tmp_path, name):
    assert_passes(answered(tmp_path, ODD[name]))


def test_a_subject_without_a_filter_has_nothing_to_close(tmp_path):
    with tiny(tmp_path) as subject:
        assert run_check("FEA012", subject).outcome is Outcome.NOT_APPLICABLE


BUILT = """
@surface("features")
def build(at, panel):
    return each(panel, move=returns, extra=lambda b: returns(b) ** 2)

@surface("features")
def policy(at):
    return POLICY

@surface("predictor")
def required(at):
    return ["move"]
"""


@pytest.mark.fails("FEA002")
def test_a_feature_that_is_built_and_that_nobody_typed(tmp_path):
    with tiny(tmp_path, BUILT.replace("POLICY", '{"move": "CAUSAL"}')) as subject:
        found = assert_fails(run_check("FEA002", subject), key="built extra")
    assert found.severity is Severity.MEDIUM


@pytest.mark.passes("FEA002")
def test_a_policy_may_know_more_than_is_built(tmp_path):
    typed = '{"move": "CAUSAL", "extra": "RESEARCH_ONLY", "more": "CAUSAL"}'
    with tiny(tmp_path, BUILT.replace("POLICY", typed)) as subject:
        assert_passes(run_check("FEA002", subject))
