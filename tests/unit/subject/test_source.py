"""Globs of subject.yaml choose the files that a reader would expect."""

import pytest

from audit_lib.subject.source import matches
from tests.made_repo import tree


@pytest.mark.parametrize(
    ("path", "glob", "expected"),
    [
        ("models/a.py", "models/**/*.py", True),
        ("models/deep/er/a.py", "models/**/*.py", True),
        ("a.py", "**/*.py", True),
        ("deep/a.py", "**/*.py", True),
        ("a/b/c.py", "a/**/b/**/c.py", True),
        ("a/x/b/c.py", "a/**/b/**/c.py", True),
        ("a/b/x/c.py", "a/**/b/**/c.py", True),
        ("other/a.py", "models/**/*.py", False),
        ("models/a.txt", "models/**/*.py", False),
        ("mymodels/a.py", "models/**/*.py", False),
    ],
)
def test_two_stars_stand_for_any_number_of_folders(path, glob, expected):
    assert matches(path, glob) is expected


@pytest.mark.parametrize(
    ("path", "glob", "expected"),
    [
        ("models/a.py", "models/*.py", True),
        ("models/deep/a.py", "models/*.py", False),
        ("deep/models/a.py", "models/*.py", False),
        ("a.py", "*.py", True),
        ("deep/a.py", "*.py", False),
        ("models/deep/a.py", "models/*/a.py", True),
        ("models/a/b/a.py", "models/*/a.py", False),
        ("models/a.py", "models?a.py", False),
        ("models/a1.py", "models/a?.py", True),
        ("models/a1.py", "models/a[0-9].py", True),
        ("models/ab.py", "models/a[!0-9].py", True),
        ("models/a1.py", "models/a[!0-9].py", False),
        ("models/a.py", "models[!x]a.py", False),
        ("models/a^.py", "models/a[^].py", True),
        ("models/a].py", "models/a[]].py", True),
        ("models/a[.py", "models/a[.py", True),
        ("models/a\\.py", "models/a[\\].py", True),
        ("models/a.py", "models/a(.py", False),
        ("tests/deep/a.py", "tests/**", True),
        ("tests", "tests/**", False),
        ("mytests/a.py", "tests/**", False),
        ("a/tests/b.py", "**/tests/**", True),
        ("tests/b.py", "**/tests/**", True),
        ("models/deep/a.py", "models/**.py", False),
        ("models/a.py", "models/**.py", True),
        ("a\nb.py", "*.py", True),
        ("", "**", False),
        ("a/b/c", "**", True),
        ("a[!].py", "a[!].py", True),
        ("a[z-a].py", "a[z-a].py", True),
    ],
)
def test_one_star_stays_within_a_folder(path, glob, expected):
    assert matches(path, glob) is expected


def test_what_a_build_copied_is_read_once(tmp_path):
    files = dict.fromkeys(("pkg/a.py", "build/lib/pkg/a.py", "build/lib/other/b.py"), "")
    assert set(tree(tmp_path / "copied", files).by_path) == {"pkg/a.py"}
    own = dict.fromkeys(("pkg/a.py", "build/lib/steps/a.py", "build/make.py"), "")
    assert set(tree(tmp_path / "own", own).by_path) == set(own)
