"""Names of hooks in full and in short, the same for the child and for who only reads the file."""

import ast

import pytest

from audit_lib import hooks
from audit_lib.errors import ParameterError
from audit_lib.hooks import HOOKS, SURFACES, USUAL, full_name, how_to_name
from audit_lib.selection import check_parameters
from audit_lib.subject.hooks import names_of
from tests.made_repo import subject


@pytest.mark.parametrize("hook", HOOKS)
def test_every_hook_has_a_short_form(hook):
    place, name = hook.split(".")
    assert full_name(place, name) == full_name(hook, "anything") == hook


@pytest.mark.parametrize("place", SURFACES)
def test_a_surface_with_one_hook_needs_no_name(place):
    own = [hook for hook in HOOKS if hook.startswith(f"{place}.")]
    assert (full_name(place, "whatever") in HOOKS) == (len(own) == 1 or place in USUAL)


@pytest.mark.parametrize(
    ("decorator", "function"),
    [
        ('surface("conformal")', "band"),
        ('surface("decisions")', "live"),
        ('surface("drift.psi")', "any_name"),
        ('surface("pricing", variant="desk")', "price"),
    ],
)
def test_readers_and_the_child_agree(decorator, function, monkeypatch):
    text = f"@{decorator}\ndef {function}(at): ..."
    (tree,) = ast.parse(text).body
    assert isinstance(tree, ast.FunctionDef)
    monkeypatch.setattr(hooks, "_registered", {})
    exec(text, {"surface": hooks.surface})
    assert names_of(tree) == list(hooks.registered())


@pytest.mark.parametrize(
    ("full", "said"),
    [
        ("decisions.decide", 'write @surface("decisions.backtest"), or name the function one of: '),
        ("drift.pis", "did you mean 'drift.psi'?"),
        ("decision.live", "did you mean 'decisions'?"),
        ("nothing.at_all", "surfaces: features, targets"),
    ],
)
def test_a_name_that_nothing_knows_is_told_with_its_mend(tmp_path, full, said):
    assert said in how_to_name(full)
    place, name = full.split(".")
    text = f'from audit_lib.hooks import surface\n@surface("{place}")\ndef {name}(at): ...\n'
    found = subject(tmp_path, {"m.py": "x = 1\n"}, own={"hooks.py": text})
    with pytest.raises(ParameterError) as caught:
        check_parameters(found)
    assert said in caught.value.mend
    assert caught.value.where.endswith("hooks.py:3")
