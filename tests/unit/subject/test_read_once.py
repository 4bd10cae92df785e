"""Files of the store are read once, whatever version or key asks for them."""

from pathlib import Path
from typing import Any

import pytest

from audit_lib.subject.artifacts import Artifact, inventory
from tests.made_repo import subject


def test_every_version_and_key_shares_the_inventory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[Path] = []

    def noted(store: Path, **given: Any) -> tuple[Artifact, ...]:
        read.append(store)
        return inventory(store, **given)

    monkeypatch.setattr("audit_lib.subject.subject.inventory", noted)
    made = subject(
        tmp_path,
        {"store/v1/meta.json": {}, "store/v2/meta.json": {}, "m.py": ""},
        artifacts={"store": "store", "metadata": "meta.json"},
        keys={"horizon": {"values": [5, 10]}},
    )
    found = [made.at(v).bound("", {"horizon": h}) for v in ("v1", "v2") for h in (5, 10)]
    assert {len(one.artifacts) for one in (*found, made)} == {2}
    assert read == [tmp_path / "repo/store"]
    assert [a.path for a in found[0].version_artifacts] == ["v1/meta.json"]
