"""Whatever stands where a notebook should: it is refused in words, or read."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from audit_lib.errors import RunError
from audit_lib.execution.collect import collect
from audit_lib.execution.layout import RunFolder
from audit_lib.execution.notebook import check_parameters
from audit_lib.model import Task

PARAMETERS: dict[str, Any] = {
    "cell_type": "code",
    "id": "parameters",
    "metadata": {"tags": ["parameters"]},
    "source": "subject = ''",
    "outputs": [],
    "execution_count": None,
}


def good() -> dict[str, Any]:
    return {
        "nbformat": 4,
        "nbformat_minor": 5,
        "metadata": {
            "kernelspec": {"name": "python3", "display_name": "Python", "language": "python"},
            "language_info": {"name": "python"},
        },
        "cells": [json.loads(json.dumps(PARAMETERS))],
    }


def with_top(**changes: Any) -> bytes:
    return json.dumps({**good(), **changes}).encode()


def without(*names: str) -> bytes:
    return json.dumps({k: v for k, v in good().items() if k not in names}).encode()


def with_cell(**changes: Any) -> bytes:
    return with_top(cells=[{**PARAMETERS, **changes}])


def with_metadata(**changes: Any) -> bytes:
    return with_top(metadata={**good()["metadata"], **changes})


BROKEN: dict[str, bytes] = {
    "empty": b"",
    "not JSON": b"hello",
    "a page": b"<html></html>",
    "a list": b"[]",
    "null": b"null",
    "a number": b"3",
    "too deep": b"[" * 100_000,
    "with a mark": b"\xef\xbb\xbf" + with_top(),
    "UTF-16": json.dumps(good()).encode("utf-16"),
    "Latin-1": json.dumps(good()).encode() + b"\xe9",
    "cut": with_top()[:-20],
    "no format": without("nbformat"),
    "no minor format": without("nbformat_minor"),
    "format 1": with_top(nbformat=1),
    "format 2": with_top(nbformat=2),
    "format 3 of nothing": with_top(nbformat=3, worksheets=None),
    "format 99": with_top(nbformat=99),
    "format in words": with_top(nbformat="four"),
    "format that is no number": with_top(nbformat_minor=float("nan")),
    "no cells": without("cells"),
    "null for cells": with_top(cells=None),
    "a mapping of cells": with_top(cells={}),
    "a null cell": with_top(cells=[None, PARAMETERS]),
    "a word for a cell": with_top(cells=["x", PARAMETERS]),
    "no metadata": without("metadata"),
    "null for metadata": with_top(metadata=None),
    "a cell without metadata": with_top(
        cells=[{k: v for k, v in PARAMETERS.items() if k != "metadata"}]
    ),
    "null for a cell's metadata": with_cell(metadata=None),
    "null for tags": with_cell(metadata={"tags": None}),
    "a number of tags": with_cell(metadata={"tags": 3}),
    "a word for tags": with_cell(metadata={"tags": "parameters"}),
    "a cell of no kind": with_cell(cell_type=None),
    "a cell of another kind": with_cell(cell_type="heading"),
    "null for source": with_cell(source=None),
    "a number for source": with_cell(source=3),
    "lists of source": with_cell(source=[["a"]]),
    "half a character": with_cell(source="\ud800"),
    "null for outputs": with_cell(outputs=None),
    "a null output": with_cell(outputs=[None]),
    "an output without data": with_cell(
        outputs=[{"output_type": "display_data", "data": None, "metadata": {}}]
    ),
    "a stream of nothing": with_cell(outputs=[{"output_type": "stream", "text": None}]),
    "an id of null": with_cell(id=None),
    "an endless id": with_cell(id="a" * 300),
    "a count in words": with_cell(execution_count="x"),
    "null for a kernel": with_metadata(kernelspec=None),
    "a list of kernels": with_metadata(kernelspec=[]),
    "no kernel": with_top(metadata={}),
    "a kernel without a language": with_top(
        metadata={"kernelspec": {"name": "x", "display_name": "x"}}
    ),
    "a kernel of another language": with_metadata(
        kernelspec={"name": "ir", "display_name": "R", "language": "R"},
        language_info={"name": "R"},
    ),
    "no parameters": with_cell(metadata={}),
    "other parameters": with_cell(source="model = ''"),
    "parameters that are no code": with_cell(source="def ("),
}
PLACES: dict[str, Callable[[Path], object]] = {
    "a folder": lambda file: file.mkdir(),
    "a pipe": os.mkfifo,
    "a device": lambda file: file.symlink_to("/dev/zero"),
    "a link to itself": lambda file: file.symlink_to(file.name),
    "a link to nothing": lambda file: file.symlink_to("gone"),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_a_broken_notebook_is_refused_in_words(kind: str, tmp_path: Path) -> None:
    file = tmp_path / "T1_ledger.ipynb"
    file.write_bytes(BROKEN[kind])
    with pytest.raises(RunError, match=r"T1_ledger\.ipynb") as caught:
        check_parameters(file, ["subject"])
    assert caught.value.mend
    assert "local variable" not in str(caught.value)


@pytest.mark.parametrize("kind", PLACES)
def test_what_is_no_file(kind: str, tmp_path: Path) -> None:
    file = tmp_path / "T1_ledger.ipynb"
    PLACES[kind](file)
    with pytest.raises(RunError, match="cannot be read as a notebook"):
        check_parameters(file, ["subject"])


@pytest.mark.parametrize(
    "sound",
    [
        with_top(),
        with_metadata(kernelspec={"name": "engine-env", "display_name": "E", "language": "python"}),
        with_top(nbformat_minor=2, cells=[{k: v for k, v in PARAMETERS.items() if k != "id"}]),
        with_cell(own={"of an": "extension"}),
        json.dumps(good()).replace("subject", "\\u0073ubject").encode(),
    ],
    ids=["plain", "an unknown kernel of Python", "without ids", "with more", "escaped"],
)
def test_a_sound_notebook_is_taken(sound: bytes, tmp_path: Path) -> None:
    file = tmp_path / "T1_ledger.ipynb"
    file.write_bytes(sound)
    check_parameters(file, ["subject"])


def test_broken_notebooks_beside_those_of_a_run_are_left_alone(tmp_path: Path) -> None:
    for number, content in enumerate(BROKEN.values()):
        (tmp_path / f"{number}.ipynb").write_bytes(content)
    for kind, make in PLACES.items():
        make(tmp_path / f"{kind}.ipynb")
    folder = RunFolder(tmp_path / "reports" / "run")
    assert collect(tmp_path, folder, {Task.T1: "T1_ledger.ipynb"}) == {}
