"""What the guides show of ``subject.yaml`` is accepted as it stands."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from audit_lib.selection import check_parameters
from audit_lib.subject.parameters import SubjectParameters
from audit_lib.subject.subject import open_subject

GUIDE = Path(__file__).parents[2] / "docs" / "guide"
WHOLE = {"subject": "guided", "source": {"root": "../../engine"}, "artifacts": {"store": "store"}}


def _blocks() -> list[object]:
    """Fences of YAML whose keys are all those of ``subject.yaml``, with the hooks of their page."""
    found = []
    for page in sorted(GUIDE.glob("*.md")):
        text = page.read_text(encoding="utf-8")
        for number, block in enumerate(re.findall(r"```yaml\n(.*?)```", text, re.DOTALL), 1):
            held = yaml.safe_load(block)
            if isinstance(held, dict) and set(held) <= set(SubjectParameters.model_fields):
                hooks = "\n".join(re.findall(r"```python\n(.*?)```", text, re.DOTALL))
                found.append(pytest.param(held, hooks, id=f"{page.stem}-{number}"))
    return found


@pytest.mark.parametrize(("held", "hooks"), _blocks())
def test_an_example_is_accepted(held, hooks, tmp_path):
    own = tmp_path / "parameters" / "guided"
    own.mkdir(parents=True)
    (tmp_path / "engine").mkdir()
    (own / "hooks.py").write_text(hooks if "options" in held else "")
    (tmp_path / "engine" / "engine.py").write_text("")
    told = {**WHOLE, **held, "subject": "guided", "source": WHOLE["source"]}
    if "artifacts" in held:
        told["artifacts"] = {**WHOLE["artifacts"], **held["artifacts"]}
    (own / "subject.yaml").write_text(yaml.safe_dump(told))
    subject = open_subject("guided", workspace=tmp_path)
    assert subject.parameters.subject == "guided"
    check_parameters(subject)


def test_stores_are_among_the_examples():
    assert len([b for b in _blocks() if b.id.startswith("stores-")]) >= 7
