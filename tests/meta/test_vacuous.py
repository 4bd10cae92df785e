"""No check passes on a subject that offers it nothing to judge."""

from __future__ import annotations

import pytest

from audit_lib.checks.base import Check, Reads
from audit_lib.checks.catalogue import all_checks
from audit_lib.engine import run_check
from audit_lib.hooks import HOOKS
from audit_lib.model import CheckResult, Outcome
from audit_lib.subject.subject import Subject
from tests.mutants.tiny import tiny

#: what stands at the top of every world: a market, and how to answer with nothing in it
PRELUDE = """
    BARS = _market()
    EMPTY = BARS.iloc[:0]


    def frame(index, columns, value):
        return pd.DataFrame({c: np.full(len(index), value) for c in columns}, index=index)

    def no_orders(index):
        return frame(index, ["side", "size"], 0.0).assign(gate="")
"""

#: hook -> what it answers, by world; what is not named here is answered by kind
PANELS = {
    "nothing at all": "EMPTY[[]]",
    "no rows": "EMPTY",
    "no columns": "BARS",
    "no values": "BARS",
    "refuses": "BARS",
    "one value": "BARS",
}
WORLDS = tuple(PANELS)

KINDS = {
    # returned by hooks whose annotation starts so
    "pd.DataFrame": {
        "nothing at all": "pd.DataFrame()",
        "no rows": 'frame(EMPTY.index, ["a", "b"], 0.0)',
        "no columns": "pd.DataFrame(index=BARS.index)",
        "no values": 'frame(getattr(given[0], "index", BARS.index) if given else BARS.index, '
        '["a", "b"], np.nan)',
        "one value": 'frame(getattr(given[0], "index", BARS.index) if given else BARS.index, '
        '["a", "b"], 0.5)',
    },
    "dict": "{}",
    "list": "[]",
    "bool": "False",
    "float": 'float("nan")',
    "Floats": "np.empty(0)",
    "None": "None",
    "str": "None",
    "TypedDict": "{}",
}


#: answers of the world in which everything is answered, and always the same
ONE_VALUE = {
    "predictor.required": '["a", "b"]',
    "splits.folds": '[{"train": np.arange(0, 300), "test": np.arange(310, 400)}]',
    "governance.metrics": '{"a": "higher"}',
    "retrain.decide": '{"retrain": False, "reasons": []}',
    "drift.psi": "0.0",
    "drift.cusum": '{"alarm": False, "at": None}',
}

#: what is true where nothing ever changes: it is repeated, shared by no two sides, replaced by
#: nothing, and read from no file
TRUE_OF_ONE_VALUE = {"FEA003", "FEA102", "FEA108", "SPL002", "SPL005", "CHK102"}


def hooks_of(world: str) -> str:
    """Text of hooks, every one written, that answer with nothing."""
    lines = [PRELUDE]
    for name, hook in HOOKS.items():
        kind = str(hook.__annotations__["return"])
        answers = next((a for k, a in KINDS.items() if kind.startswith(k)), KINDS["TypedDict"])
        answer = answers if isinstance(answers, str) else answers.get(world, "None")
        if name == "features.panel":
            answer = PANELS[world]
        elif name.startswith("decisions.") and world in ("no values", "no rows", "one value"):
            answer = "no_orders(given[0].index)"
        elif world == "one value":
            answer = ONE_VALUE.get(name, answer)
        elif world == "refuses":
            answer = '(_ for _ in ()).throw(Refusal("not today"))'
        lines.append(
            f'\n    @surface("{name}")\n    def f_{name.replace(".", "_")}(at, *given):\n'
            f"        return {answer}\n"
        )
    return "".join(lines)


@pytest.fixture(scope="module", params=WORLDS)
def world(request: pytest.FixtureRequest) -> str:
    """Name of a world."""
    return str(request.param)


@pytest.fixture(scope="module")
def driven(world: str, tmp_path_factory: pytest.TempPathFactory):
    """A subject whose hooks are all written and hold nothing."""
    folder = tmp_path_factory.mktemp("vacuous")
    with tiny(folder, hooks_of(world), meta={"version": "v1"}) as subject:
        yield subject


@pytest.mark.parametrize("check", all_checks(), ids=lambda c: c.code)
def test_hooks_that_answer_nothing_pass_nothing(
    driven: Subject, world: str, check: type[Check]
) -> None:
    true = world == "one value" and check.code in TRUE_OF_ONE_VALUE
    if check.needs or check.reads is Reads.BEHAVIOUR:
        result = run_check(check(), driven)
        assert true or not check.needs or result.outcome is not Outcome.PASS, told(result)


def told(result: CheckResult) -> str:
    """What a check that should not have passed says that it saw."""
    seen = ", ".join(f"{e.count} {e.what}" for e in result.examined)
    return f"{result.code} {result.title} passed on {seen}"
