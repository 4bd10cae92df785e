"""Recall of `new-subject`: how many surfaces are offered a function that a hook really calls.

    .venv/bin/python benchmarks/discovery.py                               # reference_engine
    .venv/bin/python benchmarks/discovery.py quant_engine=../quant_engine freqtrade=../freqtrade

The truth is what our own hooks call: names of the subject's functions and classes in a hook, and in
the helpers it uses.  For packages without hooks it stands in `discovery_truth.toml`, read by hand.
A surface counts where one of its candidates is such a function, or a method of such a class.
"""

from __future__ import annotations

import ast
import sys
import tomllib
from pathlib import Path

from audit_lib.subject.discovery import Discovery, discover

ROOT = Path(__file__).resolve().parents[1]
TRUTH = Path(__file__).with_name("discovery_truth.toml")
#: hooks that answer with constants or records of a version, behind which no function stands
DATA = frozenset(
    {"targets.declared", "targets.ends", "targets.preconditions", "splits.declared",
     "predictor.required", "governance.metrics", "calibration.sample"}
)  # fmt: skip


def called_by_hooks(folder: Path) -> dict[str, set[str]]:
    """Hook to the names it and its helpers call or take from modules."""
    trees = [ast.parse(f.read_text(encoding="utf-8")) for f in sorted(folder.glob("*.py"))]
    functions = {n.name: n for t in trees for n in ast.walk(t) if isinstance(n, ast.FunctionDef)}
    found = {}
    for node in functions.values():
        for mark in node.decorator_list:
            if isinstance(mark, ast.Call) and getattr(mark.func, "id", "") == "surface":
                hook = ast.literal_eval(mark.args[0])
                hook = hook if "." in hook else f"{hook}.{node.name}"
                found[hook] = _names(node, functions, set())
    return found


def _names(node: ast.AST, functions: dict[str, ast.FunctionDef], seen: set[str]) -> set[str]:
    named: set[str] = set()
    for inner in ast.walk(node):
        name = inner.attr if isinstance(inner, ast.Attribute) else getattr(inner, "id", "")
        if name:
            named.add(name)
        if name in functions and name not in seen:
            seen.add(name)
            named |= _names(functions[name], functions, seen)
    return named


def truth(name: str) -> dict[str, set[str]]:
    """Hook to names that would be right, of a subject with hooks of ours or of the table."""
    folder = ROOT / "parameters" / name
    if (folder / "hooks.py").is_file():
        return called_by_hooks(folder)
    listed = tomllib.loads(TRUTH.read_text(encoding="utf-8")).get(name, {})
    return {f"{s}.{h}": set(names) for s, hooks in listed.items() for h, names in hooks.items()}


def recall(found: Discovery, wanted: dict[str, set[str]]) -> dict[str, bool | None]:
    """Hook to whether a candidate is right; None where no function of the subject is called."""
    own = _defined(found)
    answers: dict[str, bool | None] = {}
    for hook, names in sorted(wanted.items()):
        right = {n for n in names if n in own}
        if not right or hook in DATA:
            answers[hook] = None
            continue
        offered = [c.name for c in found.candidates if c.hook == hook]
        answers[hook] = any(
            n in right or n.rpartition(".")[2] in right or n.partition(".")[0] in right
            for n in offered
        )
    return answers


def _defined(found: Discovery) -> set[str]:
    names: set[str] = set()
    for file in found.root.rglob("*.py"):
        try:
            tree = ast.parse(file.read_text(encoding="utf-8"))
        except (SyntaxError, UnicodeDecodeError):
            continue
        names |= {n.name for n in ast.walk(tree) if isinstance(n, ast.FunctionDef | ast.ClassDef)}
        names |= {
            f"{c.name}.{f.name}"
            for c in ast.walk(tree)
            if isinstance(c, ast.ClassDef)
            for f in c.body
            if isinstance(f, ast.FunctionDef)
        }
    return names - {file.stem for file in found.root.rglob("*.py")}


def main(arguments: list[str]) -> int:
    """Print recall a subject, and what was missed."""
    asked = arguments or [f"reference_engine={ROOT / 'audit_lib' / 'reference_engine'}"]
    for argument in asked:
        name, _, path = argument.partition("=")
        found = discover(Path(path))
        answers = recall(found, truth(name))
        judged = {hook: right for hook, right in answers.items() if right is not None}
        missed = [hook for hook, right in judged.items() if not right]
        offered = {c.hook for c in found.candidates}
        print(
            f"{name}: {len(judged) - len(missed)} of {len(judged)} surfaces, "
            f"{len(offered)} offered; store {found.store.path if found.store else 'none'}; "
            f"subsystem {', '.join(found.subsystem)}"
        )
        for hook in missed:
            print(
                f"  missed {hook}: {', '.join(c.name for c in found.candidates if c.hook == hook)}"
            )
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
