from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from audit_lib.model import Outcome, Severity
from audit_lib.subject.subject import Subject
from audit_lib.testing import assert_fails, assert_passes, run_check
from tests.made_repo import subject

HOOKS = """\
from audit_lib.hooks import Context, surface


@surface("retrain.decide")
def decide(at: Context, state):
    from engine.watch import Watch, due

    watch = Watch()
    watch.learn(state["reference"])
    return watch.alarm(state["now"]) or due(state["days"], errors=state["errors"])
"""
WATCH = """\
class Watch:
    def __init__(self):
        self.reference = None
        self.level = 3.0

    def learn(self, rows):
        self.reference = sorted(rows)

    def alarm(self, rows):
        return self.reference is not None and max(rows) > self.level * max(self.reference)


def due(days, errors=None, limit=None):
    limit = limit or 30
    if errors is not None and max(errors) > 1:
        return True
    return days > limit
"""
MAIN = """\
from engine.watch import Watch, due


def main(rows):
    watch = Watch()
    TEACH
    return watch.alarm(rows) or due(DUE)


if __name__ == "__main__":
    main([1, 2])
"""
FED = {"TEACH": "watch.learn(rows)", "DUE": "3, errors=rows"}
INPUT = "due looks at errors where it is given, and its one call lacks it: run.py:7"
STATE = (
    "Watch.alarm reads reference, which only Watch.learn fills; nothing in the repository comes to "
    "that, so it is always as it began"
)


def made(
    folder: Path,
    changes: Mapping[str, str] | None = None,
    extra: Mapping[str, str] | None = None,
    options: Mapping[str, Any] | None = None,
) -> Subject:
    text = MAIN
    for word, said in {**FED, **(changes or {})}.items():
        text = text.replace(word, said)
    files = {"engine/__init__.py": "", "engine/watch.py": WATCH, "run.py": text, **(extra or {})}
    return subject(folder, files, own={"hooks.py": HOOKS}, options=options or {})


@pytest.mark.passes("BND019")
def test_what_is_given_and_filled(tmp_path: Path) -> None:
    assert_passes(run_check("BND019", made(tmp_path)))


@pytest.mark.fails("BND019")
@pytest.mark.parametrize(
    ("changes", "said", "place"),
    [
        ({"DUE": "3"}, INPUT, ("engine/watch.py", 13, "due")),
        ({"DUE": "3, errors=None"}, INPUT, ("engine/watch.py", 13, "due")),
        ({"TEACH": "pass"}, STATE, ("engine/watch.py", 6, "Watch.learn")),
    ],
)
def test_what_nobody_gives(
    tmp_path: Path, changes: dict[str, str], said: str, place: tuple[str, int, str]
) -> None:
    found = assert_fails(run_check("BND019", made(tmp_path, changes)))
    assert (found.message, found.severity) == (said, Severity.MEDIUM)
    assert (found.location.path, found.location.line, found.location.symbol) == place


@pytest.mark.parametrize(
    ("changes", "extra"),
    [
        # given by position, by a mapping, by what may be the same function
        ({"DUE": "3, rows"}, {}),
        ({"DUE": "3, **{'errors': rows}"}, {}),
        ({"DUE": "3"}, {"jobs.py": "def job(tool):\n    tool.due(3, [])\n\n\njob(1)\n"}),
        # handed on to somebody who calls it
        ({"DUE": "3"}, {"jobs.py": "from engine.watch import due\n\nTASKS = {'due': due}\n"}),
        # filled from outside, by a name that is put together, by what a route leads to
        ({"TEACH": "watch.reference = rows"}, {}),
        ({"TEACH": "getattr(watch, 'learn')(rows)"}, {}),
        (
            {"TEACH": "pass"},
            {"api.py": "from engine.watch import Watch\n\n\n@app.get('/')\ndef get(rows):\n"
                       "    Watch().learn(rows)\n"},
        ),
    ],
)  # fmt: skip
def test_what_may_be_given_is_not_accused(
    tmp_path: Path, changes: Mapping[str, str], extra: Mapping[str, str]
) -> None:
    assert_passes(run_check("BND019", made(tmp_path, changes, extra)))


def test_tests_are_no_callers(tmp_path: Path) -> None:
    test = "from engine.watch import Watch\n\n\ndef test():\n    Watch().learn([1])\n"
    files = {"tests/test_watch.py": test}
    assert_fails(run_check("BND019", made(tmp_path, {"TEACH": "pass"}, files)))


def test_a_library_says_who_calls_it(tmp_path: Path) -> None:
    others = {"BND019": {"called_from_outside": ["Watch.learn", "due"]}}
    library = made(tmp_path, {"TEACH": "pass", "DUE": "3"}, options=others)
    assert_passes(run_check("BND019", library))


def test_nobody_makes_the_object_at_all(tmp_path: Path) -> None:
    """A class that only others make is fed by them."""
    files = {"engine/__init__.py": "", "engine/watch.py": WATCH}
    made_ = subject(tmp_path, files, own={"hooks.py": HOOKS})
    result = run_check("BND019", made_)
    assert (result.outcome, result.findings) == (Outcome.NOT_ASSESSED, ())
    assert result.reason == "nothing in the repository comes to what the hooks drive"


ALWAYS = "due takes errors, which hooks work out, and its one call gives {}: run.py:7"


@pytest.mark.fails("BND019")
@pytest.mark.parametrize("constant", ["False", "0"])
def test_an_input_that_every_caller_gives_as_a_constant(tmp_path, constant):
    fed = FED | {"DUE": f"3, errors={constant}"}
    found = assert_fails(run_check("BND019", made(tmp_path, fed)), key="inputs errors")
    assert found.message == ALWAYS.format(constant)


@pytest.mark.fails("BND019")
def test_a_constant_that_a_method_is_given_on_a_new_object(tmp_path):
    watch = (
        WATCH + "\n\nclass Trigger:\n    def fires(self, *, days, changed):\n        return changed"
    )
    own = HOOKS.replace(
        "    watch = W", "    Trigger().fires(days=1, changed=state['c'])\n    watch = W"
    )
    text = MAIN.replace("TEACH", FED["TEACH"]).replace("DUE", FED["DUE"])
    text = "from engine.watch import Trigger\n" + text.replace(
        "    return", "    Trigger().fires(days=len(rows), changed=False)\n    return"
    )
    files = {"engine/__init__.py": "", "engine/watch.py": watch + "\n", "run.py": text}
    result = run_check("BND019", subject(tmp_path, files, own={"hooks.py": own}))
    assert_fails(result, key="inputs changed")


JOB = "from engine.watch import Trigger\n\n\ndef night(rows):\n    return {}\n"


@pytest.mark.parametrize(
    ("said", "mark"),
    [
        pytest.param(
            "Trigger().fires(days=1, changed=False)", True, marks=pytest.mark.fails("BND019")
        ),
        pytest.param(
            "Trigger().fires(days=1, changed=rows)", False, marks=pytest.mark.passes("BND019")
        ),
    ],
)
def test_a_job_that_a_scheduler_runs_gives_a_constant(tmp_path, said, mark):
    watch = (
        WATCH
        + "\n\nclass Trigger:\n    def fires(self, *, days, changed):\n        return changed\n"
    )
    own = HOOKS.replace(
        "    watch = W", "    Trigger().fires(days=1, changed=state['c'])\n    watch = W"
    )
    main = MAIN.replace("TEACH", FED["TEACH"]).replace("DUE", FED["DUE"])
    files = {"engine/__init__.py": "", "engine/watch.py": watch, "engine/jobs.py": JOB.format(said)}
    result = run_check("BND019", subject(tmp_path, files | {"run.py": main}, own={"hooks.py": own}))
    assert [f.key for f in result.findings] == ["inputs changed"] * mark


@pytest.mark.passes("BND019")
@pytest.mark.parametrize("given", ["3, errors=True", "3, errors=rows, limit=0", "0, errors=rows"])
def test_constants_that_say_something_or_that_no_hook_works_out(tmp_path, given):
    assert_passes(run_check("BND019", made(tmp_path, FED | {"DUE": given})))


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (1, "Watch.low0 and Watch.alarm read reference, which"),
        (2, "Watch.low0 and Watch.low1 and 1 more read reference, which"),
        (3, "Watch.low0 and Watch.low1 and 2 more read reference, which"),
    ],
)
def test_who_reads_what_is_never_filled(tmp_path: Path, more: int, said: str) -> None:
    lows = "".join(
        f"    def low{n}(self, rows):\n        return self.reference[{n}]\n\n" for n in range(more)
    )
    calls = "".join(f"watch.low{n}(1) or " for n in range(more))
    watch = WATCH.replace("    def alarm", f"{lows}    def alarm")
    main = MAIN.replace("TEACH", "pass").replace("DUE", FED["DUE"])
    main = main.replace("return watch.alarm", f"return {calls}watch.alarm")
    hooks = HOOKS.replace("return watch.alarm", f"return {calls}watch.alarm")
    files = {"engine/__init__.py": "", "engine/watch.py": watch, "run.py": main}
    result = run_check("BND019", subject(tmp_path, files, own={"hooks.py": hooks}))
    assert assert_fails(result).message.startswith(said)
