"""BND017: what was public, or stored, at an earlier commit."""

import subprocess

import pytest

from audit_lib.model import Outcome, Severity
from audit_lib.testing import assert_fails, assert_passes, run_check
from tests.made_repo import subject, write

THEN = {
    "pkg/__init__.py": "",
    "pkg/labels.py": "HORIZON = 5\n_LIMIT = 1\n\n\n"
    "def label(close, horizon=5):\n    return close.shift(-horizon)\n\n\n"
    "def _helper(x):\n    return x\n\n\n"
    "class Refused(ValueError):\n    pass\n\n\ndef best(rows) -> int:\n    return rows[0]\n\n\n"
    "class Model:\n    def __init__(self, depth=3):\n        self.depth = depth\n\n"
    "    def fit(self, rows):\n        return self\n",
    "pkg/use.py": "from pkg.labels import HORIZON, Model, label\n\n\n"
    "def train(close):\n    model = Model()\n    return model.fit(label(close)), HORIZON\n",
    "pkg/store.py": "import json\n\n\ndef save(model):\n    with open('state.json', 'w') as file:\n"
    "        json.dump({'mean': model.mean}, file)\n\n\n"
    "def load():\n    with open('state.json') as file:\n        return json.load(file)['mean']\n",
}
LABELS, STORE = THEN["pkg/labels.py"], THEN["pkg/store.py"]
#: path, what is put into its place, message, severity
BAD = {
    "a default": (
        "pkg/labels.py", ("horizon=5):", "horizon=10):"),
        "label of pkg/labels.py: default of 'horizon' is 10, was 5 (since THEN); pkg/use.py:train "
        "relies on it", Severity.HIGH),
    "a required parameter": (
        "pkg/labels.py", ("def fit(self, rows", "def fit(self, rows, dates"),
        "Model.fit of pkg/labels.py: parameter 'dates' is new, and required (since THEN); "
        "pkg/use.py:train relies on it", Severity.HIGH),
    "a parameter of a constructor": (
        "pkg/labels.py", ("__init__(self, depth=3)", "__init__(self, size=3, depth=3)"),
        "Model of pkg/labels.py: parameter 'depth' is argument 2, was 1 (since THEN)",
        Severity.LOW),
    "a parameter that is gone": (
        "pkg/labels.py", ("__init__(self, depth=3):\n        self.depth = depth",
                          "__init__(self):\n        self.depth = 3"),
        "Model of pkg/labels.py: parameter 'depth' is gone (since THEN)", Severity.LOW),
    "a function": (
        "pkg/labels.py", ("def label(", "def labelled("),
        "label of pkg/labels.py: is gone (since THEN); pkg/use.py:train relies on it",
        Severity.HIGH),
    "a base": (
        "pkg/labels.py", ("Refused(ValueError)", "Refused(Exception)"),
        "Refused of pkg/labels.py: is no ValueError any more: `isinstance` and `except` pass it "
        "over (since THEN)", Severity.LOW),
    "an answer": (
        "pkg/labels.py", ("-> int:", "-> int | None:"),
        "best of pkg/labels.py: may answer None, was declared int (since THEN)", Severity.LOW),
    "a constant": (
        "pkg/labels.py", ("HORIZON = 5", "HORIZON = 10"),
        "HORIZON of pkg/labels.py: is 10, was 5 (since THEN); pkg/use.py relies on it",
        Severity.HIGH),
    "a key": (
        "pkg/store.py", ("        return json.load(file)['mean']",
                         "        state = json.load(file)\n    return state['mean'], state['std']"),
        "reads /std of state.json, which the code of THEN did not write: what was stored then "
        "cannot be read", Severity.HIGH),
}  # fmt: skip
GOOD = {
    "a new optional parameter": ("pkg/labels.py", ("horizon=5)", "horizon=5, by=1)")),
    "a private name": ("pkg/labels.py", ("def _helper(x)", "def _other(x, y)")),
    "another answer": ("pkg/labels.py", ("-> int:", "-> bool:")),
    "an answer no longer declared": ("pkg/labels.py", ("-> int:", ":")),
    "an answer declared now": ("pkg/labels.py", ("horizon=5):", "horizon=5) -> float | None:")),
    "a base more": ("pkg/labels.py", ("Refused(ValueError)", "Refused(KeyError, ValueError)")),
    "a body": ("pkg/labels.py", ("return close.shift(-horizon)", "return close.shift(-1)")),
    "a name that moved and is brought back": (
        "pkg/labels.py", (LABELS[LABELS.index("class Model"):], "from pkg.model import Model\n")),
    "a key with a default": (
        "pkg/store.py", ("        return json.load(file)['mean']",
                         "        state = json.load(file)\n    return state.get('std', 1.0)")),
}  # fmt: skip


def changed(tmp_path, path, old, new, **more):
    files = {**THEN, "pkg/model.py": LABELS[LABELS.index("class Model") :], **more}
    assert old in files[path]
    files[path] = files[path].replace(old, new)
    if "std" in new:
        files[path] = files[path].replace("{'mean': model.mean}", "{'mean': 1.0, 'std': 2.0}")
    then = write(tmp_path / "then", THEN)
    options = {"BND017": {"since": str(then)}}
    return run_check("BND017", subject(tmp_path, files, options=options)), str(then)


@pytest.mark.fails("BND017")
@pytest.mark.parametrize("name", BAD)
def test_what_is_not_kept(tmp_path, name):
    path, edit, message, severity = BAD[name]
    result, then = changed(tmp_path, path, *edit)
    finding = assert_fails(result, severity=severity)
    assert finding.message.replace(then, "THEN") == message


@pytest.mark.passes("BND017")
@pytest.mark.parametrize("name", GOOD)
def test_what_is_kept(tmp_path, name):
    path, edit = GOOD[name]
    result, _ = changed(tmp_path, path, *edit)
    assert result.findings == ()
    assert_passes(result)


def git(folder, *words):
    who = ("-c", "user.name=a", "-c", "user.email=a@example.org")
    subprocess.run(["git", "-C", folder, *who, *words], check=True, capture_output=True)


@pytest.mark.fails("BND017")
def test_against_a_commit_which_the_checkout_does_not_notice(tmp_path):
    repo = write(tmp_path / "repo", THEN)
    git(repo, "init", "-q")
    git(repo, "add", ".")
    git(repo, "commit", "-qm", "then")
    git(repo, "tag", "v1")
    files = {"pkg/labels.py": LABELS.replace("horizon=5)", "horizon=7)")}
    made = subject(tmp_path, files, options={"BND017": {"since": "v1"}})
    before = sorted(p for p in repo.rglob("*"))
    assert "is 7, was 5 (since v1)" in assert_fails(run_check("BND017", made)).message
    assert sorted(p for p in repo.rglob("*")) == before


@pytest.mark.fails("BND017")
def test_a_module_that_is_gone_and_one_that_became_a_package(tmp_path):
    repo = write(tmp_path / "repo", THEN)
    git(repo, "init", "-q")
    git(repo, "add", ".")
    git(repo, "commit", "-qm", "then")
    git(repo, "tag", "v1")
    for name in ("labels", "store"):
        (repo / f"pkg/{name}.py").unlink()
    files = {"pkg/labels/__init__.py": LABELS.replace("def best(", "def better(")}
    made = subject(tmp_path, files, options={"BND017": {"since": "v1"}})
    found = run_check("BND017", made).findings
    assert sorted(f.message.partition(" (since")[0] for f in found) == [
        "best of pkg/labels.py: is gone",
        "load of pkg/store.py: is gone",
        "save of pkg/store.py: is gone",
    ]


@pytest.mark.parametrize("since", ["no-such-tag", "--output=x", "/no/such/place"])
def test_a_commit_that_is_not_there_is_no_pass(tmp_path, since):
    made = subject(tmp_path, THEN, options={"BND017": {"since": since}})
    result = run_check("BND017", made)
    assert result.outcome is Outcome.NOT_ASSESSED
    assert since in result.reason


def test_without_a_commit_it_does_not_apply(tmp_path):
    result = run_check("BND017", subject(tmp_path, THEN))
    assert result.outcome is Outcome.NOT_APPLICABLE
