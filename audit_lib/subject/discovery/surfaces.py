"""Which functions of a repository could stand behind which hook, by what they are called.

A candidate is a guess from names: of the function, of its class and module, and of its
parameters.  Nothing is imported.  The words are the field's, not those of any repository.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from audit_lib.subject.discovery.words import WORDS, Words
from audit_lib.subject.source import SourceFile

PER_HOOK = 3
#: score of a block of a larger network; it is shown where there is no network
INNER = 0.25
TESTS = re.compile(
    r"(^|/)(tests?|testing|examples?|docs?|notebooks?|scripts?)(/|$)|(^|/)(test_|conftest)"
)


#: files of packagers, which speak of versions and mean their own
PACKAGING = re.compile(r"(^|/)(_?version|versioneer|setup)\.py$")

#: places that show what others decide, and code that shows others how
SHOWN = re.compile(r"(^|/|_)(plot|plotting|reports?|visuali[sz]e?|display)(/|_|\.)")
EXAMPLE = re.compile(r"example|(^|[^a-z])(sample|demo|tutorial|templates?)", re.IGNORECASE)


@dataclass(frozen=True)
class Candidate:
    """A function that could stand behind a hook.

    Attributes:
        hook: name of the hook.
        path: file, relative to the root.
        line: line of the ``def``.
        name: qualified name.
        signature: parameters as written.
        score: how much speaks for it; only the order means something.
    """

    hook: str
    path: str
    line: int
    name: str
    signature: str
    score: float


def candidates(files: Iterable[SourceFile], fan_in: dict[str, int]) -> tuple[Candidate, ...]:
    """The best few candidates of every hook, best first.

    Args:
        files: sources to look through; tests and examples among them are passed over.
        fan_in: how many files import a file, by its path; breaks ties.
    """
    found: dict[str, list[Candidate]] = {hook: [] for hook in WORDS}
    for file in files:
        if file.tree is None or TESTS.search(file.path) or PACKAGING.search(file.path):
            continue
        inner = _inner_networks(file.tree)
        for scope, node in _functions(file.tree):
            for hook, words in WORDS.items():
                score = _score(words, file.path, scope, node)
                if hook == "neural.forward" and scope.rpartition(".")[2] in inner:
                    score = min(score, INNER)
                if score > 0:
                    found[hook].append(_candidate(hook, file, scope, node, score, fan_in))
    return tuple(candidate for hook in WORDS for candidate in _best(found[hook]))


def _best(found: list[Candidate]) -> list[Candidate]:
    """The first few; those far behind the first are left out."""
    ranked = sorted(found, key=lambda c: (-c.score, c.path, c.line))
    return [c for c in ranked[:PER_HOOK] if c.score > ranked[0].score / 3]


def _score(
    words: Words, path: str, scope: str, node: ast.FunctionDef | ast.AsyncFunctionDef
) -> float:
    name = node.name.lower()
    said, vague, typed = (
        bool(pattern) and re.search(pattern, name) is not None
        for pattern in (words.name, words.vague, words.typed)
    )
    if not (said or vague or typed) or any(word in name for word in words.never):
        return 0.0
    near = f"{scope} {path}".lower()
    around = sum(word in near for word in words.around)
    named = {
        a.arg.lower() for a in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)
    }
    parameters = sum(
        any(word == p or (len(word) > 2 and word in p) for p in named) for word in words.parameters
    )
    if not said and not (around and (vague or parameters)):
        return 0.0
    against = 0.5 * name.startswith("_") + 0.5 * _is_abstract(node)
    against += 2.0 * any(word in near for word in words.against)
    against += 2.0 * any(word in p for word in words.kept for p in named)
    against += 1.5 * bool(SHOWN.search(path)) + 0.5 * bool(EXAMPLE.search(f"{scope} {path}"))
    return max(0.0, 1.0 + around + 0.5 * parameters - against)


def _inner_networks(tree: ast.Module) -> frozenset[str]:
    """Classes that other classes with a ``forward`` of the same file are made of."""
    networks = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef)
        and any(isinstance(f, ast.FunctionDef) and f.name == "forward" for f in node.body)
    ]
    names = {node.name for node in networks}
    return frozenset(
        call.func.id
        for node in networks
        for call in ast.walk(node)
        if isinstance(call, ast.Call)
        and isinstance(call.func, ast.Name)
        and call.func.id in names - {node.name}
    )


def _is_abstract(node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """True for bodies that only raise, pass, document, or hand a parameter back."""
    body = [
        s for s in node.body if not (isinstance(s, ast.Expr) and isinstance(s.value, ast.Constant))
    ]
    return all(
        isinstance(s, ast.Raise | ast.Pass)
        or (isinstance(s, ast.Return) and isinstance(s.value, ast.Name | ast.Constant | None))
        for s in body
    )


def _candidate(
    hook: str,
    file: SourceFile,
    scope: str,
    node: ast.FunctionDef | ast.AsyncFunctionDef,
    score: float,
    fan_in: dict[str, int],
) -> Candidate:
    used = min(fan_in.get(file.path, 0), 20) / 40
    return Candidate(
        hook,
        file.path,
        node.lineno,
        f"{scope}.{node.name}" if scope else node.name,
        f"({ast.unparse(node.args)})",
        round(score + used, 3),
    )


def _functions(
    node: ast.AST, scope: str = ""
) -> Iterator[tuple[str, ast.FunctionDef | ast.AsyncFunctionDef]]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
            yield scope, child
        elif isinstance(child, ast.ClassDef):
            yield from _functions(child, f"{scope}.{child.name}" if scope else child.name)
        elif isinstance(child, ast.If | ast.Try):
            yield from _functions(child, scope)
