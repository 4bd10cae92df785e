"""Globs of subject.yaml choose the files that a reader would expect."""

import pytest

from audit_lib.subject.source import matches


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
