"""DOC004: tables of settings in Markdown, beside what the settings are."""

import pytest

from audit_lib.model import Outcome, Severity
from audit_lib.testing import assert_fails, assert_passes, run_check
from tests.made_repo import subject

SETTINGS = {
    "pkg/__init__.py": "",
    "pkg/rules.py": "PURGE_BARS = 5\nMAX_LOSS = 0.02\nWIDTH = 3\n",
    "pkg/desk.py": "from pkg.rules import PURGE_BARS\n\n\nclass Desk:\n    take: float = 0.04\n",
    "config/limits.yaml": "risk: {max_drawdown: 0.15, fee: 0.0020, max_positions: 5, "
    "max_weight: 0.25, min_rows: 250, max_age_days: 30, warm_up_days: 60}\n"
    "regime: {calm_below: 0.1, wild_from: 0.16}\n",
}
TABLE = """# Engine

| setting | value | meaning |
|---|---:|---|
| `PURGE_BARS` | {purge} | bars |
| take | {take} above the entry | |
| `risk.max_drawdown` | {drawdown} | of equity |
| fee | {fee} | |
| the least of all | 99 | no name |
| window | 77 | nobody sets it |
"""
RIGHT = {"purge": "5", "take": "4 %", "drawdown": "0.15", "fee": "20 bps"}


def check(folder, text, path="README.md"):
    return run_check("DOC004", subject(folder, SETTINGS | {path: text}))


@pytest.mark.passes("DOC004")
@pytest.mark.parametrize(
    "values",
    [RIGHT, {"purge": "`5` bars", "take": "0.04", "drawdown": "15%", "fee": "2e-3"}],
)
def test_a_table_that_is_right(tmp_path, values):
    result = check(tmp_path, TABLE.format(**values))
    assert_passes(result)
    assert result.examined[0].count == 4


@pytest.mark.fails("DOC004")
def test_a_name_with_what_it_stands_under(tmp_path):
    """`desk.fee` is that of the desk, however many fees there are."""
    own = SETTINGS | {"config/run.json": '{"desk": {"fee": 3}, "risk": {"size": 7}}'}
    text = "| key | value |\n|---|---|\n| `desk.fee` | {} |\n| `run.fee` | 9 |\n"
    result = run_check("DOC004", subject(tmp_path / "a", own | {"README.md": text.format(3)}))
    assert_passes(result)
    result = run_check("DOC004", subject(tmp_path / "b", own | {"README.md": text.format(0.002)}))
    assert assert_fails(result).message == (
        "the table states 0.002 for fee, and config/run.json has 3"
    )


@pytest.mark.fails("DOC004")
@pytest.mark.parametrize(
    ("name", "key", "value", "there"),
    [
        ("purge", "PURGE_BARS", "4", "pkg/rules.py:1 has 5"),
        ("take", "take", "5 %", "pkg/desk.py has 0.04"),
        ("drawdown", "max_drawdown", "0.2", "config/limits.yaml has 0.15"),
        ("fee", "fee", "2 bps", "config/limits.yaml has 0.002"),
    ],
)
@pytest.mark.parametrize("path", ["README.md", "docs/guide/limits.md"])
def test_a_number_that_moved(tmp_path, name, key, value, there, path):
    result = check(tmp_path, TABLE.format(**RIGHT | {name: value}), path)
    found = assert_fails(result, key=key, path=path)
    assert found.message == f"the table states {value} for {key}, and {there}"
    assert len(result.findings) == 1


@pytest.mark.parametrize(
    ("text", "path"),
    [
        (TABLE.format(**RIGHT | {"purge": "4"}), "tests/README.md"),
        (TABLE.format(**RIGHT | {"purge": "4"}), "CHANGELOG.md"),
        (TABLE.format(**RIGHT | {"purge": "4"}).replace("| value |", "| result |"), "README.md"),
        ("PURGE_BARS is 4, `take` 5 %.\n", "README.md"),
    ],
)
def test_what_is_no_statement_of_a_setting(tmp_path, text, path):
    assert check(tmp_path, text, path).outcome is Outcome.NOT_APPLICABLE


@pytest.mark.passes("DOC004")
def test_one_of_several_values_is_enough(tmp_path):
    files = SETTINGS | {"config/paper.yaml": "risk: {max_drawdown: 0.2}\n"}
    text = TABLE.format(**RIGHT | {"drawdown": "0.2"})
    assert_passes(run_check("DOC004", subject(tmp_path, files | {"README.md": text})))


@pytest.mark.fails("DOC004")
@pytest.mark.parametrize(
    ("text", "key", "severity"),
    [
        ("A purge of twenty bars stands before each test.", "purge", Severity.LOW),
        ("- `PURGE_BARS` is 20 everywhere.", "PURGE_BARS", Severity.MEDIUM),
        ("Trading stops at a drawdown of thirty percent.", "drawdown", Severity.LOW),
        ("Folds have a 4-bar purge.", "purge", Severity.LOW),
        ("The book holds at most eight positions.", "position", Severity.LOW),
        ("No more than a few: positions are limited to 9.", "position", Severity.LOW),
        ("Trading ends when the drawdown is larger than 20 %.", "drawdown", Severity.LOW),
        ("No weight is higher than 30 %.", "share of equity", Severity.LOW),
        ("Positions are capped at 20 % of equity.", "share of equity", Severity.LOW),
        ("Folds train on at least 300 rows.", "row", Severity.LOW),
        ("Models are trained again after 20 days.", "made anew, in days", Severity.LOW),
        ("The model is retrained every twenty days.", "made anew, in days", Severity.LOW),
        ("It is fitted\nanew after 20 days.", "made anew, in days", Severity.LOW),
    ],
)
def test_a_sentence_that_says_another_number(tmp_path, text, key, severity):
    found = assert_fails(check(tmp_path, f"# Engine\n\n{text}\n"), key=key)
    assert (found.severity, found.location.line) == (severity, 3)


@pytest.mark.passes("DOC004")
@pytest.mark.parametrize(
    "text",
    [
        "A purge of five bars stands before each test, and a drawdown of 15 % ends the day.",
        "A purge of 5 bars. In 2020 a drawdown of 30% was seen; a purge of one bar might be best.",
        "A purge of 5 bars, and a width of 3 or 4.\n```\npurge is 9\n```\n",
        "The book holds at most five positions, each capped at 25 % of equity.",
        "A purge of 5 bars. At most 7 positions a day are opened, at most 9 positions per sector.",
        "A purge of 5 bars. It was at most 9 positions; at most 8 large positions are usual.",
        "A purge of 5 bars. At least 7 positions are wanted, and a weight of more than 1 bp.",
        "A purge of 5 bars. Models are retrained after 30 days, on 60-day windows.",
        "A purge of 5 bars. It is fitted anew after 60 days.",
        "A purge of 5 bars. We retrained within 3 days; it was trained again after 9 days.",
        "A purge of 5 bars. Trained within 2 hours, and retrained every 4 weeks.",
        "Positions are at most 25 %, and a drawdown is larger than 15 %: the day ends.",
    ],
)
def test_sentences_that_agree_or_tell_a_story(tmp_path, text):
    assert_passes(check(tmp_path, f"# Engine\n\n{text}\n"))


GATES = """# Gates

| gate | setting | default |
|---|---|---|
| losses | max_drawdown | {drawdown} |
| size | max_weight | {weight} |

| code | name | volatility |
|---|---|---|
| 0 | calm | below {calm} |
| 1 | wild | from 0.16 |

| what was seen | |
|---|---|
| max drawdown | 12 % |
"""
SEEN = {"drawdown": "15 %", "weight": "0.25", "calm": "0.10"}


@pytest.mark.passes("DOC004")
def test_names_in_later_columns_and_in_words(tmp_path):
    result = check(tmp_path, GATES.format(**SEEN))
    assert_passes(result)
    assert result.examined[0].count == 4


@pytest.mark.fails("DOC004")
@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"weight": "0.3"}, "the table states 0.3 for max_weight"),
        ({"calm": "0.08"}, "the text says 'calm below 0.08', and config/limits.yaml has 0.1"),
    ],
)
def test_names_in_later_columns_and_in_words_that_moved(tmp_path, wrong, message):
    found = assert_fails(check(tmp_path, GATES.format(**SEEN | wrong)))
    assert found.message.startswith(message)


DOCSTRING = '"""Codes: calm below {}, wild from 0.16 on; a max drawdown of 3 % was seen."""\n'


@pytest.mark.passes("DOC004")
def test_a_docstring_that_says_the_same(tmp_path):
    files = SETTINGS | {"pkg/codes.py": DOCSTRING.format(0.1)}
    assert_passes(run_check("DOC004", subject(tmp_path, files)))


@pytest.mark.fails("DOC004")
def test_a_docstring_that_says_another_number(tmp_path):
    files = SETTINGS | {"pkg/codes.py": DOCSTRING.format(0.2)}
    found = assert_fails(run_check("DOC004", subject(tmp_path, files)), path="pkg/codes.py")
    assert found.message == "the text says 'calm below 0.2', and config/limits.yaml has 0.1"
    assert found.severity is Severity.LOW
