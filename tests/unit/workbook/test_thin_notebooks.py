"""The notebooks are thin: parameters and a few verbs, and nothing that runs was committed."""

from __future__ import annotations

import ast
import itertools
from pathlib import Path

import nbformat
import pytest
import toy_workspace

from audit_lib.checks.catalogue import checks_of
from audit_lib.model import Contract, Task
from audit_lib.workbook import Workbook
from audit_lib.workbook.parameters import KNOWN
from audit_lib.workspace import notebook_path

NOTEBOOKS = toy_workspace.REPOSITORY / "notebooks"
FORBIDDEN = (
    ast.FunctionDef,
    ast.AsyncFunctionDef,
    ast.ClassDef,
    ast.Lambda,
    ast.For,
    ast.While,
    ast.If,
    ast.Try,
    ast.With,
    ast.comprehension,
)
EVERY_TASK = pytest.mark.parametrize("task", list(Task))


def read(task: Task) -> nbformat.NotebookNode:
    return nbformat.read(notebook_path(task, toy_workspace.REPOSITORY), as_version=4)


def code(task: Task) -> list[nbformat.NotebookNode]:
    return [c for c in read(task).cells if c.cell_type == "code"]


def declares(cell: nbformat.NotebookNode) -> bool:
    return "parameters" in cell.metadata.get("tags", [])


def test_there_is_one_notebook_a_task() -> None:
    assert [p.name[:2] for p in sorted(NOTEBOOKS.glob("*.ipynb"))] == [t.value for t in Task]


@EVERY_TASK
def test_it_is_valid_and_runs_on_the_common_kernel(task: Task) -> None:
    found = read(task)

    nbformat.validate(found)
    assert found.metadata.kernelspec.name == "python3"


@EVERY_TASK
def test_no_output_is_committed(task: Task) -> None:
    assert [c.id for c in code(task) if c.outputs or c.execution_count is not None] == []


@EVERY_TASK
def test_cell_ids_say_what_the_cell_is(task: Task) -> None:
    ids = [c.id for c in read(task).cells]

    assert len(set(ids)) == len(ids)
    assert all(name.startswith(f"{task.value.lower()}-") for name in ids)


@EVERY_TASK
def test_code_is_only_assignments_imports_and_verbs(task: Task) -> None:
    for cell in code(task):
        for node in ast.walk(ast.parse(cell.source)):
            assert not isinstance(node, FORBIDDEN), f"{cell.id}: {type(node).__name__}"
        assert len(cell.source.splitlines()) <= (len(KNOWN) if declares(cell) else 6), cell.id


@EVERY_TASK
def test_every_verb_exists(task: Task) -> None:
    for cell in code(task):
        for node in ast.walk(ast.parse(cell.source)):
            if isinstance(node, ast.Attribute) and getattr(node.value, "id", "") == "audit":
                assert callable(getattr(Workbook, node.attr, None)), f"{cell.id}: {node.attr}"


@EVERY_TASK
def test_every_contract_that_is_shown_exists_and_has_its_prose(task: Task) -> None:
    cells = read(task).cells
    for before, cell in itertools.pairwise(cells):
        if cell.source.startswith('audit.show("'):
            assert cell.source.split('"')[1] in set(Contract)
            assert before.cell_type == "markdown"


@EVERY_TASK
def test_every_contract_that_the_task_checks_has_a_section(task: Task) -> None:
    shown = {c.source.split('"')[1] for c in code(task) if c.source.startswith('audit.show("')}

    assert {c.contract.value for c in checks_of(task)} <= shown


@EVERY_TASK
def test_the_parameters_cell_sets_what_the_workbook_knows_and_nothing_else(task: Task) -> None:
    tagged = [c for c in code(task) if "parameters" in c.metadata.get("tags", [])]

    assert len(tagged) == 1
    body = ast.parse(tagged[0].source).body
    names = [node.targets[0].id for node in body if isinstance(node, ast.Assign)]
    assert tuple(names) == KNOWN
    assert len(body) == len(KNOWN)


@EVERY_TASK
def test_the_last_cell_saves(task: Task) -> None:
    assert read(task).cells[-1].source == "audit.close()"


@EVERY_TASK
def test_it_opens_its_own_task(task: Task) -> None:
    assert any(f'Workbook.open("{task.value}", globals())' in c.source for c in code(task))


def test_prose_names_no_machine_and_no_page(tmp_path: Path) -> None:
    for task in Task:
        text = notebook_path(task, toy_workspace.REPOSITORY).read_text(encoding="utf-8")
        assert "http" not in text
        assert "/home/" not in text
