from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit_lib import host, ledger
from audit_lib.errors import AuditError, ParameterError
from audit_lib.ledger.write import _quoted
from tests.made_repo import subject, write

FILES = {
    "a.py": "def f(a):\n    if a:\n        return 1\n    return 2\n\n\ndef g():\n    return f(0)\n",
    "b.py": "x = 1\n",
}
HEAD = (
    '[criteria.read]\ndescription = "read"\n'
    '[criteria.safe]\ndescription = "safe"\nimplies = ["read"]\n'
    '[policy]\nrequired = ["read"]\nhigh_risk = ["safe"]\n'
    '[policy.gates.live]\nrequired = ["safe"]\n'
)


def made(folder, files=FILES, text=HEAD):
    return subject(folder, files, own={"ledger.toml": text}, source={"high_risk": ["b.py"]})


def state_of(found, unit, **options):
    states = ledger.states(found, ledger.load(found.folder), **options)
    return next(s for s in states if s.key == unit)


def test_status_answers_the_three_kinds_apart(tmp_path):
    found = made(tmp_path)
    ledger.certify(found, "a.py::f", criteria=["safe"], who="reader", notes='said "yes"\n\\o/')
    seen = host.ExercisedLines()
    told = {"lines": {"a.py": [1, 2, 3, 99], "gone.py": [1]}, "forks": 0}
    seen.take("drift.psi", told, calls=2)
    status = ledger.status(found, exercised=ledger.review(found, seen))
    assert (status["files"], status["units"], status["lines"]) == (2, 4, 9)
    assert status["scanned"] == {"lines": 9, "share": 1.0}
    assert status["exercised"] == {
        "statements": 7,
        "executed": 3,
        "on_loading": 1,
        "share": round(3 / 7, 6),
        "calls": 2,
        "missing": [],
        "by_file": {
            "a.py": {"statements": 6, "executed": 3},
            "b.py": {"statements": 1, "executed": 0},
        },
    }
    assert status["certified"] == {
        "read": {"lines": 4, "share": round(4 / 9, 6)},
        "safe": {"lines": 4, "share": round(4 / 9, 6)},
    }
    assert [m["unit"] for m in status["missing"]] == ["a.py::<module>", "a.py::g", "b.py::<module>"]
    unasked = ledger.status(found)
    assert (unasked["exercised"], unasked["exercised_reason"]) == (None, "not asked for")
    uncalled = ledger.status(found, exercised=ledger.review(found, host.ExercisedLines()))
    assert (uncalled["exercised"], uncalled["exercised_reason"]) == (None, "no hook was called")


def test_gates_and_high_risk_files_ask_for_more(tmp_path):
    found = made(tmp_path)
    assert state_of(found, "a.py::g").missing == ("read",)
    assert state_of(found, "a.py::g", gate="live").missing == ("read", "safe")
    assert state_of(found, "b.py::<module>").missing == ("read", "safe")


def test_a_certification_carries_over_layout_and_moves(tmp_path):
    old = made(tmp_path / "old")
    ledger.certify(old, "a.py::f", criteria=["read"], who="reader")
    text = (old.folder / "ledger.toml").read_text()
    source = "# new\n\n" + FILES["a.py"].replace("if a", "if (a)")
    moved = made(tmp_path / "new", {"pkg/z.py": source}, text)
    assert state_of(moved, "pkg/z.py::f").held == ("read",)


def test_a_delta_holds_only_along_an_unbroken_chain(tmp_path):
    old = made(tmp_path / "old")
    ledger.certify(old, "a.py::f", criteria=["read"], who="first", when=date(2026, 1, 1))
    text = (old.folder / "ledger.toml").read_text()
    new_files = {**FILES, "a.py": FILES["a.py"].replace("return 2", "return 3")}
    new = made(tmp_path / "new", new_files, text)
    before = state_of(new, "a.py::f")
    assert (before.held, before.stale) == ((), "it changed since first certified it on 2026-01-01")
    change = ledger.diff(new, "a.py::f")
    assert change["changed"] == [{"line": 4, "text": "    return 3"}]
    assert (change["removed_statements"], change["body_changed"]) == (1, True)
    entry = ledger.certify(new, "a.py::f", criteria=["read"], who="second", delta=True)
    assert entry.kind == "delta"
    assert state_of(new, "a.py::f").certified_by == ("first", "second")
    file = new.folder / "ledger.toml"
    file.write_text(file.read_text().replace(f'from = "{entry.from_hash}', f'from = "{"0" * 32}'))
    assert state_of(new, "a.py::f").held == ()


def test_suggest_names_the_smallest_change_first(tmp_path):
    old = made(tmp_path / "old")
    for unit in ("a.py::f", "a.py::g"):
        ledger.certify(old, unit, criteria=["safe"], who="reader")
    text = (old.folder / "ledger.toml").read_text()
    new = made(
        tmp_path / "new", {**FILES, "a.py": FILES["a.py"].replace("return 2", "return 3")}, text
    )
    rows = [
        (r["unit"], r["read"], r["statements"], r["changed_lines"]) for r in ledger.suggest(new)
    ]
    assert rows == [
        ("a.py::<module>", "full", 0, []),
        ("a.py::g", "delta", 0, []),
        ("a.py::f", "delta", 1, [4]),
        ("b.py::<module>", "full", 1, []),
    ]
    assert ledger.suggest(new, limit=2)[1]["why"].startswith("what it depends on changed")


def test_a_violation_of_what_is_implied_denies_what_implies_it(tmp_path):
    found = made(tmp_path)
    ledger.certify(found, "a.py::f", criteria=["safe"], who="reader")
    ledger.violation(found, "a.py::f", criteria=["read"], who="reader", notes="reads ahead")
    state = state_of(found, "a.py::f", gate="live")
    assert (state.violated, state.missing) == (("read", "safe"), ("read", "safe"))
    assert ledger.status(found)["certified"]["safe"]["lines"] == 0


def test_exemptions_run_out(tmp_path):
    entry = '[[exemption]]\nunit = "a.py"\ncriteria = ["read"]\nowner = "o"\nreason = "r"\n'
    found = made(tmp_path, text=HEAD + entry + "expires = 2026-06-30\n")
    assert state_of(found, "a.py::f", today=date(2026, 6, 30)).missing == ()
    assert state_of(found, "a.py::f", today=date(2026, 7, 1)).missing == ("read",)


def test_export_is_whole(tmp_path):
    found = made(tmp_path)
    ledger.certify(found, "a.py::f", criteria=["read"], who="reader")
    data = ledger.export(found)
    assert data["ledger"]["certification"][0]["unit"] == "a.py::f"
    assert {u["key"]: u["missing"] for u in data["units"]}["a.py::f"] == []
    assert all(len(u["hash"]) == 32 for u in data["units"])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda s: ledger.certify(s, "a.py::ff", criteria=["read"], who="x"),
            "did you mean a.py::f",
        ),
        (lambda s: ledger.certify(s, "a.py::f", criteria=["rad"], who="x"), "'rad' is not defined"),
        (lambda s: ledger.certify(s, "a.py::f", criteria=[], who="x"), "no criterion is named"),
        (lambda s: ledger.certify(s, "a.py::f", criteria=["read"], who=" "), "needs a name"),
        (
            lambda s: ledger.certify(s, "a.py::f", criteria=["read"], who="x", delta=True),
            "never certified",
        ),
        (lambda s: ledger.diff(s, "a.py::f"), "never certified"),
        (
            lambda s: ledger.violation(s, "a.py::f", criteria=["read"], who="x", notes=""),
            "needs notes",
        ),
    ],
)
def test_mistakes_are_told_and_nothing_is_written(tmp_path, call, message):
    found = made(tmp_path)
    with pytest.raises(AuditError) as error:
        call(found)
    assert message in str(error.value)
    assert (found.folder / "ledger.toml").read_text() == HEAD


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[criteria", "no valid TOML"),
        ("[criterion.read]\n", "criterion"),
        ('[policy]\nrequired = ["x"]\n', "policy names criterion 'x'"),
        ('[criteria.a]\ndescription = "a"\nimplies = ["b"]\n', "implies 'b'"),
        (
            HEAD + '[[certification]]\nunit = "a"\nhash = "zz"\ncriteria = ["read"]\nwho = "x"\n'
            "when = 2026-01-01\n",
            "certification.0.hash",
        ),
        (
            HEAD + f'[[certification]]\nunit = "a"\nkind = "delta"\nhash = "{"0" * 32}"\n'
            'criteria = ["read"]\nwho = "x"\nwhen = 2026-01-01\n',
            "a delta, and only a delta",
        ),
        (
            HEAD + f'[[certification]]\nunit = "a"\nhash = "{"0" * 32}"\ncriteria = ["read"]\n'
            'who = "x"\nwhen = 2999-01-01\n',
            "which is to come",
        ),
    ],
)
def test_a_wrong_ledger_is_told_by_key(tmp_path, text, message):
    write(tmp_path, {"ledger.toml": text})
    with pytest.raises(ParameterError) as error:
        ledger.load(tmp_path)
    assert message in str(error.value)
    assert "ledger.toml" in str(error.value)


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_any_text_survives_toml(text):
    import tomllib

    assert tomllib.loads(f"x = {_quoted(text)}")["x"] == text
